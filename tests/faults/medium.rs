//! The medium under the store, for real: a file system with no room left on it, and files that the system lets nobody write any more,
//! not even who has them open. bnpd says what is wrong, goes on with what needs no writing, and writes again when it can.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bnna_tests::bnpd_process::{Bnpd, How};
use bnna_tests::ground::{A, Ground, guest};
use reqwest::Method;
use serde_json::json;

use crate::{BNPD, health, metric};

/// Mounts a small file system where the store is going to be, and becomes bnpd. The mount is seen by bnpd alone, and goes with it.
const OVER_A_SMALL_DISK: &str = "mount -t tmpfs -o size=6m,mode=0700 small \"$STORE\" && exec \"$@\"";

/// How a process may have mounts of its own here: as a user namespace's root, or as root.
fn own_mounts(store: &Path) -> Option<&'static str> {
    let works = |flags: &&str| {
        let tried =
            Command::new("unshare").args([flags, "sh", "-c", "mount -t tmpfs small \"$0\""]).arg(store).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    ["-Urm", "-m"].into_iter().find(works)
}

/// A bnpd whose store is alone on a small disk.
struct Small {
    bnpd: Arc<Bnpd>,
    /// The disk, as bnpd sees it.
    disk: PathBuf,
}

impl Small {
    /// `None` where the system lets nobody mount anything.
    async fn start(ground: &Ground) -> Option<Self> {
        let store = ground.store();
        std::fs::create_dir_all(&store).unwrap();
        let Some(flags) = own_mounts(&store) else {
            eprintln!("SKIPPED: neither user namespaces nor root's mounts are allowed here, so no disk can be filled");
            return None;
        };
        let line = format!("exec unshare {flags} sh -c '{OVER_A_SMALL_DISK}' sh \"$@\"");
        let how = How { shell: Some(line), ..How::default() }.with("STORE", store.to_str().unwrap());
        let bnpd = Arc::new(ground.start_with(&how).await);
        let inside = format!("/proc/{}/root{}", bnpd.pid(), store.display());
        Some(Self { bnpd, disk: inside.into() })
    }

    /// Writes until there is no room for a single page more.
    fn fill(&self) {
        let mut file = File::create(self.disk.join("filled")).unwrap();
        for size in [65_536, 4096] {
            loop {
                match file.write(&vec![0; size]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.disk.join("filled")).unwrap();
    }
}

/// Everything that changes something is refused and begins nothing; everything that reads is answered.
async fn only_reads_work(ground: &Ground, bnpd: &Bnpd) {
    let account = "/api/platform/accounts/before";
    for (method, path, body) in [
        (Method::POST, "/api/platform/accounts".to_owned(), json!({ "slug": "acme", "clusters": [A] })),
        (Method::PUT, format!("{account}/settings/colour"), json!({ "value": "blue" })),
        (Method::POST, format!("{account}/suspend"), json!({})),
        (Method::POST, format!("/api/instances/1000/start?cluster={A}"), json!({})),
    ] {
        let refused = bnpd.ask(method, &path, Some(body)).await.unwrap().fails(503, "store");
        assert!(refused.error().contains("store"), "{path}: {}", refused.text);
    }
    health(bnpd, |text| text == "the store cannot be written").await;
    assert_eq!((bnpd.get("/health").await.status, bnpd.get("/readyz").await.status), (503, 503));
    bnpd.get("/livez").await.is(200);
    metric(bnpd, "bnna_health_check{check=\"store_readable\"}", 1).await;
    metric(bnpd, "bnna_health_check{check=\"store_writable\"}", 0).await;
    for path in [account, "/api/platform/accounts", "/api/instances", "/api/platform/operations", "/api/platform/audit"]
    {
        bnpd.get(path).await.is(200);
    }
    ground.a.with_state(|cluster| {
        assert!(!cluster.pools.contains_key("acme"), "what cannot be written down is not begun");
        assert!(cluster.guests.get(1000).unwrap().runtime.is_none(), "what cannot be written down is not begun");
    });
}

/// What was refused is done now, by the same process.
async fn changes_work(bnpd: &Bnpd) {
    health(bnpd, |text| text == "ok").await;
    bnpd.post("/api/platform/accounts", json!({ "slug": "acme", "clusters": [A] })).await.is(201);
    bnpd.post(&format!("/api/instances/1000/start?cluster={A}"), json!({})).await.is(202);
    metric(bnpd, "bnna_health_check{check=\"store_writable\"}", 1).await;
}

async fn furnish(ground: &Ground, bnpd: &Bnpd) {
    ground.a.with_state(|cluster| guest(cluster, 1000, "a1", None, false));
    bnpd.post("/api/platform/accounts", json!({ "slug": "before", "clusters": [A] })).await.is(201);
    assert_eq!(bnpd.get("/health").await.text, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_changes_and_they_work_again_once_there_is_room() {
    let ground = Ground::new(BNPD).await;
    let Some(small) = Small::start(&ground).await else { return };
    furnish(&ground, &small.bnpd).await;
    for _ in 0..2 {
        small.fill();
        only_reads_work(&ground, &small.bnpd).await;
        assert!(small.bnpd.log.wait(0, |line| line.contains("the disk of the store is full")).await.is_some());
        small.free();
        health(&small.bnpd, |text| text == "ok").await;
    }
    changes_work(&small.bnpd).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_on_a_full_disk_waits_for_room_and_is_done() {
    let ground = Ground::new(BNPD).await;
    let Some(small) = Small::start(&ground).await else { return };
    let bnpd = Arc::clone(&small.bnpd);
    bnpd.order("hold 5").await;
    let asked = tokio::spawn({
        let bnpd = Arc::clone(&bnpd);
        async move { bnpd.ask(Method::POST, "/api/platform/accounts", Some(json!({ "slug": "acme" }))).await }
    });
    assert!(bnpd.said.wait(0, |line| line.starts_with("held ")).await.is_some());
    small.fill();
    bnpd.order("go").await;
    assert!(bnpd.log.wait(0, |line| line.contains("cannot be written, trying again")).await.is_some());
    small.free();
    asked.await.unwrap().unwrap().is(201);
}

/// Files that nobody may write until this is dropped.
struct Immutable(Vec<PathBuf>);

impl Immutable {
    /// The store's file, its log, and their directory. Not the memory that processes share over the file: it is written through a
    /// mapping, and whoever writes there when it may not be written is ended by the system.
    fn make(store: &Path) -> Option<Self> {
        let file = bnpd::compose::store_file(store);
        let log = PathBuf::from(format!("{}-wal", file.display()));
        let made = Self(vec![file, log, store.to_owned()]);
        if made.attribute("+i") {
            return Some(made);
        }
        eprintln!("SKIPPED: no file can be made immutable here (that takes root and a file system which knows of it)");
        None
    }

    fn attribute(&self, change: &str) -> bool {
        let set = Command::new("chattr").arg(change).args(&self.0).output();
        set.is_ok_and(|set| set.status.success())
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        self.attribute("-i");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_turns_read_only_refuses_changes_and_they_work_again_when_it_is_not() {
    let ground = Ground::new(BNPD).await;
    let bnpd = ground.start().await;
    furnish(&ground, &bnpd).await;
    for _ in 0..2 {
        let Some(immutable) = Immutable::make(&ground.store()) else { return };
        only_reads_work(&ground, &bnpd).await;
        drop(immutable);
        health(&bnpd, |text| text == "ok").await;
    }
    changes_work(&bnpd).await;
}
