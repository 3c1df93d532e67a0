//! Every table gives back what was put in, and its lists are filtered, ordered and cut as they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod tenancy;
mod work;

use std::time::Duration;

use bnna_store::{Digest, Error, Options, Sql, Store, Value, accounts, from_millis, now, to_millis};
use tenancy::cluster;
use time::OffsetDateTime;
use uuid::Uuid;

async fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Options::new(directory.path().join("store.db"))).await.unwrap();
    (directory, store)
}

/// Runs `work` in one write and fails the test on an error.
async fn with<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut dyn Sql) -> Result<T, Error> + Send + 'static,
) -> T {
    store.write(work).await.unwrap()
}

fn later(seconds: u64) -> OffsetDateTime {
    now() + Duration::from_secs(seconds)
}

fn account(slug: &str) -> accounts::Account {
    accounts::Account {
        id: Uuid::now_v7(),
        slug: slug.to_owned(),
        display_name: format!("The {slug}"),
        email: format!("{slug}@example.net"),
        status: "active".to_owned(),
        pool: slug.to_owned(),
        adopted: false,
        created_at: now(),
        updated_at: now(),
        suspended_at: None,
        disabled_at: None,
    }
}

#[test]
fn secrets_are_never_in_debug() {
    let shown = format!("{:?} {:?}", cluster("pve-a"), Digest::new(b"sealed-secret".to_vec()));
    assert!(shown.contains("[redacted]") && !shown.contains("sealed-secret"), "{shown}");
    let bytes = format!("{:?}", b"sealed-secret");
    assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
    let values = format!("{:?}", [Value::from("sealed-secret"), Value::from(b"sealed-secret".to_vec())]);
    assert_eq!(values, "[text of 13 bytes, blob of 13 bytes]");
}

#[test]
fn times_are_whole_milliseconds() {
    for millis in [0, 1, -1, 1_700_000_000_123, -62_135_596_800_000] {
        assert_eq!(to_millis(from_millis(millis).unwrap()), millis);
    }
    assert_eq!(from_millis(i64::MAX), None);
    assert_eq!(to_millis(OffsetDateTime::UNIX_EPOCH - Duration::from_micros(1)), -1, "rounded down");
}
