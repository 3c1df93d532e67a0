//! The calls, one file a subject. Each has `calls()`, its part of the table.

pub(super) mod acl;
pub(super) mod datastores;
pub(super) mod download;
pub(super) mod gc;
pub(super) mod groups;
pub(super) mod index;
pub(super) mod jobs;
pub(super) mod namespaces;
pub(super) mod node;
pub(super) mod prune;
pub(super) mod snapshots;
pub(super) mod status;
pub(super) mod tasks;
pub(super) mod ticket;
pub(super) mod tokens;
pub(super) mod users;
pub(super) mod verify;

use super::schema::{Param, integer, namespace, one_of, safe_id, text};

/// The `store` of a path.
fn store() -> Param {
    text("store", 3, 32, safe_id)
}

/// The namespace parameter.
fn ns() -> Param {
    text("ns", 0, 256, namespace).optional()
}

/// Type and id of a group.
fn group() -> Vec<Param> {
    vec![store(), ns(), backup_type(), backup_id()]
}

/// Type, id and time of a snapshot.
fn snapshot() -> Vec<Param> {
    let mut params = group();
    params.push(integer("backup-time", 1, i64::MAX));
    params
}

fn backup_type() -> Param {
    one_of("backup-type", &["vm", "ct", "host"])
}

fn backup_id() -> Param {
    text("backup-id", 0, usize::MAX, safe_id)
}

fn digest() -> Param {
    text("digest", 0, usize::MAX, super::schema::digest).optional()
}

fn comment() -> Param {
    text("comment", 0, 128, super::schema::one_line).optional()
}
