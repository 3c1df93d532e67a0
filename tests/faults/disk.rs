//! A store that cannot be written.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use bnna_tests::House;
use bnna_tests::bnpd_process::{Bnpd, How};
use bnna_tests::ground::{A, Ground};
use reqwest::Method;
use serde_json::json;

use crate::{BNPD, health};

/// No file of the process becomes larger than so many bytes, as on a disk with no room left; `None` lifts that.
fn room(bnpd: &Bnpd, bytes: Option<u64>) {
    let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
    let set = Command::new("prlimit")
        .args(["--pid", &bnpd.pid().to_string(), &format!("--fsize={limit}:unlimited")])
        .status();
    assert!(set.unwrap().success());
}

fn log_size(ground: &Ground) -> u64 {
    let file = bnpd::compose::store_file(&ground.store());
    let log = format!("{}-wal", file.to_string_lossy());
    std::fs::metadata(log).unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_without_room_refuses_changes_and_they_go_on_when_there_is_room() {
    let ground = Ground::new(BNPD).await;
    // A process that is over its limit is killed unless it says that it can live with the error.
    let how = How { shell: Some("trap '' XFSZ; exec \"$@\"".to_owned()), ..How::default() };
    let bnpd = ground.start_with(&how).await;
    bnpd.post("/api/platform/accounts", json!({ "slug": "before", "clusters": [A] })).await.is(201);
    assert_eq!(bnpd.get("/health").await.text, "ok");

    room(&bnpd, Some(log_size(&ground)));
    let refused =
        bnpd.post("/api/platform/accounts", json!({ "slug": "acme", "clusters": [A] })).await.fails(503, "store");
    assert!(refused.error().contains("store"), "{}", refused.text);
    health(&bnpd, |text| text == "the store cannot be written").await;
    assert_eq!((bnpd.get("/health").await.status, bnpd.get("/readyz").await.status), (503, 503));
    let metrics = bnpd.get("/metrics").await.text;
    assert!(metrics.contains("bnna_health_check{check=\"store_writable\"} 0"), "{metrics}");
    bnpd.get("/api/platform/accounts/before").await.is(200);
    let nothing = ground.a.with_state(|cluster| !cluster.pools.contains_key("acme"));
    assert!(nothing, "what cannot be written down is not begun");

    room(&bnpd, None);
    health(&bnpd, |text| text == "ok").await;
    bnpd.post("/api/platform/accounts", json!({ "slug": "acme", "clusters": [A] })).await.is(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_meets_a_full_disk_half_way_waits_for_room() {
    let ground = Ground::new(BNPD).await;
    let how = How { shell: Some("trap '' XFSZ; exec \"$@\"".to_owned()), ..How::default() };
    let bnpd = std::sync::Arc::new(ground.start_with(&how).await);
    bnpd.order("hold 5").await;
    let asked = tokio::spawn({
        let bnpd = std::sync::Arc::clone(&bnpd);
        async move { bnpd.ask(Method::POST, "/api/platform/accounts", Some(json!({ "slug": "acme" }))).await }
    });
    assert!(bnpd.said.wait(0, |line| line.starts_with("held ")).await.is_some());
    room(&bnpd, Some(log_size(&ground)));
    bnpd.order("go").await;
    assert!(bnpd.log.wait(0, |line| line.contains("cannot be written, trying again")).await.is_some());
    room(&bnpd, None);
    asked.await.unwrap().unwrap().is(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_becomes_read_only_is_named_and_used_again_when_it_is_not() {
    let house = House::start().await;
    let store = house.demo().daemon().platform().store().clone();
    store.write(|sql| sql.query("PRAGMA query_only = ON", &[]).map(|_| ())).await.unwrap();
    house.post("/api/platform/accounts", json!({ "slug": "acme" })).await.fails(503, "store");
    // The writer has opened the file again meanwhile, and it can be written.
    house.post("/api/platform/accounts", json!({ "slug": "acme" })).await.is(201);
}

/// Nobody: a user whom file modes mean something, which they do not for root.
const NOBODY: u32 = 65_534;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_store_is_named_at_the_start() {
    let ground = Ground::new(BNPD).await;
    drop(ground.start().await);
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let how = match is_root {
        false => How::default(),
        true => {
            give(ground.directory());
            let line = format!("exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups \"$@\"");
            How { shell: Some(line), ..How::default() }
        }
    };
    // The same user starts where the store is its own.
    drop(ground.start_with(&how).await);
    for entry in std::fs::read_dir(ground.store()).unwrap() {
        let path = entry.unwrap().path();
        let mode = if path.is_dir() { 0o500 } else { 0o400 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    std::fs::set_permissions(ground.store(), std::fs::Permissions::from_mode(0o500)).unwrap();
    let said = match ground.try_start(&how).await {
        Ok(_) => panic!("it starts over a store that it cannot write"),
        Err(said) => said,
    };
    std::fs::set_permissions(ground.store(), std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(said.contains("bnna.sqlite3") && said.contains("cannot be opened or written"), "{said}");
}

/// Gives a directory and all in it to nobody.
fn give(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}
