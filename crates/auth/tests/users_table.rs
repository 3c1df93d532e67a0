//! The users table on disk: reloads, failed reloads, warnings, and look-ups while it changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bnna_auth::Secret;
use bnna_auth::csvauth::Key;
use bnna_auth::users_table::{Polled, Refused, UsersTable, UsersTableError};

const HEADER: &str = "purpose\tname\talgo\tsalt\tderived\troles\textra\n";

fn row(name: &str, secret: &str, roles: &str) -> String {
    format!("token\t{name}~{}\tplain\t\t{secret}\t{roles}\n", Key::zero().token_id(secret.as_bytes()))
}

/// Replaces the file as editors do: another inode, so that a change within one tick of the clock shows.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, file).unwrap();
}

async fn name_of(table: &UsersTable, secret: &str) -> Result<String, Refused> {
    table.operator(&Secret::from(secret)).await.map(|operator| operator.name)
}

#[tokio::test]
async fn a_changed_file_is_taken_into_use_and_a_broken_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("users.tsv");
    replace(&file, &format!("{HEADER}{}", row("ops", "one", "admin")));
    let table = UsersTable::open(&file, Key::zero()).unwrap();
    assert_eq!(name_of(&table, "one").await.unwrap(), "ops");
    assert_eq!(table.poll().unwrap(), Polled::Unchanged);

    replace(&file, &format!("{HEADER}{}", row("dev", "two", "viewer")));
    assert_eq!(table.poll().unwrap(), Polled::Reloaded);
    assert_eq!(name_of(&table, "two").await.unwrap(), "dev");
    assert_eq!(name_of(&table, "one").await, Err(Refused::Unknown));

    replace(&file, &format!("{HEADER}{}login\tu\targon2id\t\tx\n", row("new", "three", "")));
    assert!(matches!(table.poll(), Err(UsersTableError::Malformed { .. })));
    assert_eq!(name_of(&table, "two").await.unwrap(), "dev");
    assert_eq!(name_of(&table, "three").await, Err(Refused::Unknown), "not even its good rows are taken");
    let status = table.status();
    assert!(status.error.as_deref().is_some_and(|error| error.contains("line 3") && error.contains("argon2id")));
    assert_eq!(status.rows, 1);
    assert_eq!(table.poll().unwrap(), Polled::Unchanged, "a broken file is reported once for each change");

    fs::remove_file(&file).unwrap();
    assert!(matches!(table.poll(), Err(UsersTableError::Unreadable { .. })));
    assert_eq!(name_of(&table, "two").await.unwrap(), "dev");

    replace(&file, &format!("{HEADER}{}", row("back", "four", "")));
    assert_eq!(table.poll().unwrap(), Polled::Reloaded);
    assert_eq!(name_of(&table, "four").await.unwrap(), "back");
    assert_eq!(table.status().error, None);
}

#[tokio::test]
async fn only_an_unreadable_table_refuses_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("users.tsv");
    let error = UsersTable::open(&file, Key::zero()).unwrap_err();
    assert!(error.to_string().contains("users.tsv"), "{error}");
    assert!(matches!(UsersTable::open(dir.path(), Key::zero()), Err(UsersTableError::Unreadable { .. })));

    replace(&file, &format!("{HEADER}token\tonly\tthree columns\n"));
    let table = UsersTable::open(&file, Key::zero()).unwrap();
    assert!(table.status().error.is_some() && table.status().loaded_at.is_none());
    assert_eq!(name_of(&table, "anything").await, Err(Refused::Unknown));
}

#[test]
fn rows_that_cannot_match_and_an_open_file_are_warned_about() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("users.tsv");
    replace(&file, &format!("{HEADER}token\tmis~AAAAAAAA\tplain\t\tmislabelled\n{}", row("ops", "one", "")));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let warnings: Vec<String> =
        UsersTable::open(&file, Key::zero()).unwrap().status().warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("0644"), "{warnings:?}");
    assert!(warnings[1].contains("line 2") && warnings[1].contains("mis~AAAAAAAA"), "{warnings:?}");
    assert!(!warnings[1].contains("mislabelled"), "{warnings:?}");
}

#[tokio::test]
async fn a_costly_row_is_verified_and_forgotten_with_its_table() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("users.tsv");
    let id = Key::zero().token_id(b"costly");
    let hash = bcrypt::hash("costly", 4).unwrap();
    replace(&file, &format!("{HEADER}token\tbob~{id}\tbcrypt\t\t{hash}\tviewer\n"));
    let table = UsersTable::open(&file, Key::zero()).unwrap();
    for _ in 0..3 {
        let operator = table.operator(&Secret::from("costly")).await.unwrap();
        assert_eq!((operator.id.as_str(), operator.read_only), (format!("bob~{id}").as_str(), true));
    }
    let other = bcrypt::hash("another", 4).unwrap();
    replace(&file, &format!("{HEADER}token\tbob~{id}\tbcrypt\t\t{other}\tviewer\n"));
    table.reload().unwrap();
    assert_eq!(name_of(&table, "costly").await, Err(Refused::Unknown));
}

#[tokio::test]
async fn a_watched_file_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("users.tsv");
    replace(&file, HEADER);
    let table = Arc::new(UsersTable::open(&file, Key::zero()).unwrap());
    let watch = tokio::spawn(Arc::clone(&table).watch(Duration::from_millis(10)));
    replace(&file, &format!("{HEADER}{}", row("ops", "one", "admin")));
    let followed = async {
        while name_of(&table, "one").await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), followed).await.unwrap();
    watch.abort();
}
