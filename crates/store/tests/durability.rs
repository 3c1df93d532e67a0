//! What the store promises whatever happens to it: acknowledged is kept, a failure stays alone, trouble is named and passes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};

use bnna_store::{ConstraintKind, Error, Options, SessionId, Sql, Store, Value};
use tokio::task::JoinHandle;
use uuid::Uuid;

async fn open(path: &Path) -> Store {
    Store::open(Options::new(path)).await.unwrap()
}

fn add(sql: &mut dyn Sql, key: &str) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO sealing_keys (id, purpose, sealed, created_at) VALUES (?1, 'test', ?2, 0)",
        &[Value::from(key), Value::from(vec![1_u8])],
    )
    .map(|_| ())
}

async fn keys(store: &Store) -> BTreeSet<String> {
    store
        .read(|sql| sql.query("SELECT id FROM sealing_keys", &[])?.iter().map(|row| row.get("id")).collect())
        .await
        .unwrap()
}

/// Holds the writing thread until the returned sender is used, so that what is queued meanwhile becomes one group.
async fn hold(store: &Store) -> (mpsc::Sender<()>, JoinHandle<Result<(), Error>>) {
    let (release, held) = mpsc::channel::<()>();
    let (entered, enter) = tokio::sync::oneshot::channel();
    let store = store.clone();
    let task = tokio::spawn(async move {
        store
            .write(move |_| {
                entered.send(()).unwrap();
                held.recv().unwrap();
                Ok(())
            })
            .await
    });
    enter.await.unwrap();
    (release, task)
}

async fn queue<F>(store: &Store, work: F) -> JoinHandle<Result<(), Error>>
where
    F: FnOnce(&mut dyn Sql) -> Result<(), Error> + Send + 'static,
{
    let before = store.statistics().waiting_writes;
    let queueing = store.clone();
    let task = tokio::spawn(async move { queueing.write(work).await });
    while store.statistics().waiting_writes == before {
        tokio::task::yield_now().await;
    }
    task
}

#[tokio::test]
async fn a_failing_write_takes_nothing_of_its_neighbours_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db")).await;
    let (release, held) = hold(&store).await;
    let first = queue(&store, |sql| add(sql, "first")).await;
    let refused = queue(&store, |sql| {
        add(sql, "half")?;
        add(sql, "first")
    })
    .await;
    let thought_better = queue(&store, |sql| {
        add(sql, "thought better")?;
        Err(Error::Closed("by the caller's own rule".to_owned()))
    })
    .await;
    let panicking = queue(&store, |sql| {
        add(sql, "panicking")?;
        panic!("as the test wants it")
    })
    .await;
    let last = queue(&store, |sql| add(sql, "last")).await;
    release.send(()).unwrap();
    held.await.unwrap().unwrap();
    first.await.unwrap().unwrap();
    last.await.unwrap().unwrap();
    let error = refused.await.unwrap().unwrap_err();
    assert_eq!(error, Error::Constraint { kind: ConstraintKind::Unique, on: "sealing_keys.id".to_owned() });
    assert!(error.is_duplicate_of("sealing_keys.id"));
    assert_eq!(thought_better.await.unwrap().unwrap_err(), Error::Closed("by the caller's own rule".to_owned()));
    assert!(matches!(panicking.await.unwrap().unwrap_err(), Error::Closed(_)));
    assert_eq!(keys(&store).await, BTreeSet::from(["first".to_owned(), "last".to_owned()]));
    assert_eq!(store.statistics().largest_commit, 5, "they shared one commit");
    store.write(|sql| add(sql, "after")).await.unwrap();
}

#[tokio::test]
async fn when_the_commit_fails_nobody_hears_of_success() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db")).await;
    let (release, held) = hold(&store).await;
    let innocent = queue(&store, |sql| add(sql, "innocent")).await;
    // A reference that is only checked at the commit: every write in the group succeeds, the commit does not.
    let guilty = queue(&store, |sql| {
        sql.query("PRAGMA defer_foreign_keys = ON", &[])?;
        let values = [Value::from(Uuid::now_v7())];
        sql.execute("INSERT INTO operation_keys (key, operation_id) VALUES ('k', ?1)", &values).map(|_| ())
    })
    .await;
    release.send(()).unwrap();
    held.await.unwrap().unwrap();
    for task in [innocent, guilty] {
        let error = task.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Constraint { kind: ConstraintKind::ForeignKey, .. }), "{error:?}");
    }
    assert!(keys(&store).await.is_empty());
    assert_eq!(store.statistics().failed_commits, 1);
    store.write(|sql| add(sql, "after")).await.unwrap();
    assert!(store.health().await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_writers_and_readers_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db")).await;
    let mut tasks = vec![];
    for number in 0..1000 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let key = format!("{number:04}");
            let written = key.clone();
            store.write(move |sql| add(sql, &written)).await.unwrap();
            let found = store
                .read(move |sql| sql.query_one("SELECT id FROM sealing_keys WHERE id = ?1", &[Value::from(key)]))
                .await;
            assert!(found.unwrap().is_some(), "a read sees every write acknowledged before it");
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(keys(&store).await.len(), 1000);
    assert_eq!(store.statistics().writes, 1000);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_the_store_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { queue: 2, ..Options::new(directory.path().join("store.db")) };
    let store = Store::open(options).await.unwrap();
    let (release, held) = hold(&store).await;
    let queued = [queue(&store, |sql| add(sql, "one")).await, queue(&store, |sql| add(sql, "two")).await];
    let error = store.write(|sql| add(sql, "three")).await.unwrap_err();
    assert!(matches!(error, Error::Busy { .. }) && error.is_temporary());
    release.send(()).unwrap();
    held.await.unwrap().unwrap();
    for task in queued {
        task.await.unwrap().unwrap();
    }
    store.write(|sql| add(sql, "three")).await.unwrap();
    assert_eq!(keys(&store).await.len(), 3);
}

#[tokio::test]
async fn a_full_disk_is_named_shown_by_health_and_passes_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db")).await;
    store.write(|sql| add(sql, "before")).await.unwrap();
    // The engine's own bound on the size of the file gives the error of a full disk.
    store.write(|sql| sql.query("PRAGMA max_page_count = 1", &[]).map(|_| ())).await.unwrap();
    let fill = |key: &'static str| {
        move |sql: &mut dyn Sql| {
            sql.execute(
                "INSERT INTO sealing_keys (id, purpose, sealed, created_at) VALUES (?1, 'test', ?2, 0)",
                &[Value::from(key), Value::from(vec![7_u8; 1 << 20])],
            )
            .map(|_| ())
        }
    };
    assert_eq!(store.write(fill("large")).await.unwrap_err(), Error::Full);
    assert_eq!(store.write(fill("large")).await.unwrap_err(), Error::Full);
    assert_eq!(keys(&store).await, BTreeSet::from(["before".to_owned()]), "reading goes on");
    store.write(|sql| sql.query("PRAGMA max_page_count = 1000000", &[]).map(|_| ())).await.unwrap();
    store.write(fill("large")).await.unwrap();
    assert!(store.health().await.is_ok());
}

#[tokio::test]
async fn health_tries_a_write_again_after_one_failed() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db")).await;
    store.write(|sql| sql.query("PRAGMA query_only = ON", &[]).map(|_| ())).await.unwrap();
    let error = store.write(|sql| add(sql, "refused")).await.unwrap_err();
    assert!(matches!(error, Error::Unwritable { .. }), "{error:?}");
    // The connection that was in doubt was opened anew, so the probe and the next write succeed.
    assert!(store.health().await.is_ok());
    store.write(|sql| add(sql, "kept")).await.unwrap();
}

#[tokio::test]
async fn readers_cannot_write() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db")).await;
    let error = store.read(|sql| add(sql, "sneaked in")).await.unwrap_err();
    assert!(matches!(error, Error::Unwritable { .. }), "{error:?}");
    assert!(keys(&store).await.is_empty());
}

#[tokio::test]
async fn a_glance_sees_what_was_acknowledged_and_cannot_write() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db")).await;
    for number in 0..50 {
        let key = format!("key-{number}");
        store.write(move |sql| add(sql, &key)).await.unwrap();
        let seen: i64 = store
            .glance(|sql| sql.query_one("SELECT COUNT(*) AS keys FROM sealing_keys", &[])?.unwrap().get("keys"))
            .await
            .unwrap();
        assert_eq!(seen, number + 1);
    }
    let refused = store.glance(|sql| add(sql, "from a reader")).await;
    assert!(matches!(refused, Err(Error::Unwritable { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_glance_that_takes_long_is_read_by_a_reader() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db")).await;
    let threads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&threads);
    let count: i64 = store
        .glance(move |sql| {
            seen.lock().unwrap().push(std::thread::current().id());
            let numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT 5000000) \
                           SELECT COUNT(*) AS counted FROM numbers";
            sql.query_one(numbers, &[])?.unwrap().get("counted")
        })
        .await
        .unwrap();
    assert_eq!(count, 5_000_000);
    let threads = threads.lock().unwrap();
    assert_eq!(threads.len(), 2, "tried near by, then read");
    assert_eq!(threads[0], std::thread::current().id());
    assert_ne!(threads[1], threads[0]);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db")).await;
    store.write(|sql| add(sql, "kept")).await.unwrap();
    store.clone().close().await;
    assert!(matches!(store.write(|sql| add(sql, "late")).await, Err(Error::Closed(_))));
    assert!(matches!(store.read(|_| Ok(())).await, Err(Error::Closed(_))));
    assert!(matches!(store.glance(|_| Ok(())).await, Err(Error::Closed(_))));
    let again = open(&directory.path().join("store.db")).await;
    assert_eq!(keys(&again).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_the_live_store_opens_and_is_the_store_of_one_instant() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db")).await;
    // Two rows a transaction: a copy that is torn would have one without the other.
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for number in 0..300 {
                store
                    .write(move |sql| {
                        add(sql, &format!("{number}-a"))?;
                        add(sql, &format!("{number}-b"))
                    })
                    .await
                    .unwrap();
            }
        }
    });
    while keys(&store).await.len() < 20 {
        tokio::task::yield_now().await;
    }
    let known = keys(&store).await;
    let target = directory.path().join("backup.db");
    store.backup(&target).await.unwrap();
    writing.await.unwrap();
    assert_eq!(std::fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(store.backup(&target).await.unwrap_err(), Error::Exists(target.clone()));
    let copy = open(&target).await;
    let copied = keys(&copy).await;
    assert!(copied.is_superset(&known), "what was acknowledged before the backup is in it");
    assert_eq!(copied.len() % 2, 0, "no transaction is torn");
    let leftovers: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("partial"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[tokio::test]
async fn a_backup_into_a_place_that_is_not_there_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db")).await;
    let error = store.backup(directory.path().join("nowhere/backup.db")).await.unwrap_err();
    assert!(matches!(error, Error::Unwritable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_new_store_is_this_users_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/er/store.db");
    let _store = open(&path).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&directory.path().join("deep/er/store.db-wal")), 0o600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_may_open_a_new_store_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let opening: Vec<_> = (0..6).map(|_| tokio::spawn(Store::open(Options::new(&path)))).collect();
    for (number, store) in opening.into_iter().enumerate() {
        let store = store.await.unwrap().unwrap();
        store.write(move |sql| add(sql, &number.to_string())).await.unwrap();
    }
    assert_eq!(keys(&open(&path).await).await.len(), 6);
}

#[tokio::test]
async fn a_store_of_a_newer_program_is_refused_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open(&path).await;
    store
        .write(|sql| {
            sql.execute(
                "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
                 VALUES (999, 'future', '2030-01-01T00:00:00Z', '1')",
                &[],
            )
        })
        .await
        .unwrap();
    store.close().await;
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(Options::new(&path)).await.unwrap_err();
    let Error::Newer { found: 999, known } = error else { panic!("{error:?}") };
    assert!(error.to_string().contains("999") && error.to_string().contains(&known.to_string()), "{error}");
    assert!(std::fs::read(&path).unwrap() == before, "the file was changed");
}

#[tokio::test]
async fn what_is_not_a_store_is_refused_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("notes.txt");
    std::fs::write(&text, "these are my notes, do not touch").unwrap();
    let other = directory.path().join("other.db");
    let foreign = rusqlite::Connection::open(&other).unwrap();
    foreign.execute_batch("CREATE TABLE accounts (id)").unwrap();
    drop(foreign);
    for path in [&text, &other, &directory.path().to_owned()] {
        let before = std::fs::read(path).ok();
        let error = Store::open(Options::new(path)).await.unwrap_err();
        assert!(matches!(&error, Error::NotADatabase { path: named, .. } if named == path), "{error:?}");
        assert!(std::fs::read(path).ok() == before, "the file was changed");
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = Store::open(Options::new(file.join("store.db"))).await.unwrap_err();
    assert!(matches!(&error, Error::Unwritable { reason } if reason.contains("file")), "{error:?}");
    // Not even an administrator can create a file here.
    let error = Store::open(Options::new("/proc/store.db")).await.unwrap_err();
    assert!(matches!(&error, Error::Unwritable { reason } if reason.contains("/proc/store.db")), "{error:?}");
}

#[tokio::test]
async fn a_read_only_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let closed = directory.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(closed.join("probe"), "x").is_ok() {
        writeln!(std::io::stderr(), "SKIPPED: this user may write into read-only directories").unwrap();
        return;
    }
    let error = Store::open(Options::new(closed.join("store.db"))).await.unwrap_err();
    assert!(matches!(&error, Error::Unwritable { reason } if reason.contains("closed")), "{error:?}");
}

#[tokio::test]
async fn a_damaged_file_is_named_as_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    open(&path).await.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(100) {
        *byte = 0xAA;
    }
    std::fs::write(&path, bytes).unwrap();
    let error = Store::open(Options::new(&path)).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
}

#[tokio::test]
async fn it_is_known_which_processes_have_the_store_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let (one, two) = (open(&path).await, open(&path).await);
    let first = one.session();
    assert!(one.is_session_alive(first) && two.is_session_alive(first));
    assert!(!two.is_session_alive(SessionId::from_uuid(Uuid::now_v7())));
    one.close().await;
    assert!(!two.is_session_alive(first));
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let mut acknowledged = BTreeSet::new();
    let mut dead = vec![];
    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["writes_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
            .env("BNNA_TEST_STORE", &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        let mut next = |acknowledged: &mut BTreeSet<String>| {
            let line = lines.next()?.unwrap();
            match line.split_once(' ') {
                Some(("session", id)) => dead.push(Uuid::parse_str(id).unwrap()),
                Some(("wrote", key)) => {
                    acknowledged.insert(key.to_owned());
                    seen += 1;
                }
                _ => {}
            }
            Some(seen)
        };
        while next(&mut acknowledged).expect("the child writes until it is killed") < 50 + round * 37 {}
        child.kill().unwrap();
        child.wait().unwrap();
        while next(&mut acknowledged).is_some() {}
    }
    let store = open(&path).await;
    let kept = keys(&store).await;
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(acknowledged.len() >= 5 * 50);
    assert_eq!(dead.len(), 5);
    assert!(dead.into_iter().all(|session| !store.is_session_alive(SessionId::from_uuid(session))));
    let check = store.read(|sql| sql.query("PRAGMA integrity_check", &[])).await.unwrap();
    assert_eq!(check[0].get::<String>("integrity_check").unwrap(), "ok");
}

/// The other half of the test above: writes from many tasks and says what was acknowledged, for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run as a child process by nothing_acknowledged_is_lost_when_the_process_is_killed"]
async fn writes_until_it_is_killed() {
    let path = std::env::var_os("BNNA_TEST_STORE").expect("only run as a child");
    let store = open(Path::new(&path)).await;
    say("session", store.session().as_uuid());
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                loop {
                    let key = Uuid::now_v7();
                    store.write(move |sql| add(sql, &key.to_string())).await.unwrap();
                    say("wrote", key);
                }
            })
        })
        .collect();
    // None of them ends: what ends this is the signal.
    all_end(writers).await;
}

async fn all_end(writers: Vec<JoinHandle<()>>) {
    for writer in writers {
        writer.await.unwrap();
    }
}

fn say(word: &str, id: Uuid) {
    let mut out = std::io::stdout().lock();
    // On a line of its own: the test harness has begun one.
    out.write_all(format!("\n{word} {id}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}
