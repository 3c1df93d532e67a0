//! What a dry run answers with.

use bnna_core::AclEntry;
use bnna_store::rehearsal::{Change, Changed};
use serde::Serialize;

use crate::clusters::{Edit, Line};

/// What a call would do. Nothing of it was done.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct DryRun {
    /// Always true.
    pub dry_run: bool,
    /// The status that the call would be answered with.
    pub status: u16,
    /// The calls to Proxmox, in order; reads are not among them.
    pub would: Vec<PlannedCall>,
    /// The changes of ACLs among them.
    pub acl: Vec<PlannedAcl>,
    /// What would become of bnna's own records.
    pub records: Vec<PlannedRecord>,
    /// What would be deleted, on Proxmox and of bnna's own records.
    pub deletes: Vec<PlannedDeletion>,
}

/// A call to Proxmox that would be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PlannedCall {
    /// The cluster's host.
    pub system: String,
    /// POST, PUT or DELETE.
    pub method: String,
    /// The path below `/api2/json`.
    pub path: String,
    /// What it would change, in words.
    pub what: String,
}

/// An ACL entry that would be written or taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PlannedAcl {
    /// The cluster's host.
    pub cluster: String,
    /// add or remove.
    pub change: String,
    /// The path.
    pub path: String,
    /// The role.
    pub role: String,
    /// Whose it is: a group.
    pub ugid: String,
    /// Whether it holds below the path too.
    pub propagate: bool,
}

/// A record of bnna's own that would be made, changed, deleted, or asked to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PlannedRecord {
    /// account, setting, cluster, instance, token, operation.
    pub kind: String,
    /// Which.
    pub name: String,
    /// create, change, delete, cancel.
    pub change: String,
}

/// Something that would be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PlannedDeletion {
    /// The cluster's host, or `bnna`.
    pub system: String,
    /// guest, pool, group, token, account, setting, instance.
    pub kind: String,
    /// Which.
    pub name: String,
}

impl DryRun {
    pub(crate) fn new(status: u16, lines: &[Line], changes: &[Changed]) -> Self {
        let deletes = |line: &Line| {
            let (kind, name) = line.edit.deletes()?;
            Some(PlannedDeletion { system: line.host.clone(), kind: kind.to_owned(), name })
        };
        let records: Vec<PlannedRecord> = changes.iter().map(record).collect();
        let forgotten = records.iter().filter(|record| record.change == DELETE).map(|record| PlannedDeletion {
            system: "bnna".to_owned(),
            kind: record.kind.clone(),
            name: record.name.clone(),
        });
        Self {
            dry_run: true,
            status,
            would: lines.iter().map(call).collect(),
            acl: lines.iter().filter_map(acl).collect(),
            deletes: lines.iter().filter_map(deletes).chain(forgotten).collect(),
            records,
        }
    }
}

const DELETE: &str = "delete";

fn call(line: &Line) -> PlannedCall {
    PlannedCall {
        system: line.host.clone(),
        method: line.method.to_owned(),
        path: line.path.clone(),
        what: line.edit.what(),
    }
}

fn acl(line: &Line) -> Option<PlannedAcl> {
    let entry = |change: &str, entry: &AclEntry| PlannedAcl {
        cluster: line.host.clone(),
        change: change.to_owned(),
        path: entry.path.clone(),
        role: entry.role.clone(),
        ugid: entry.ugid.clone(),
        propagate: entry.propagate,
    };
    match &line.edit {
        Edit::Grant(granted) => Some(entry("add", granted)),
        Edit::Revoke(revoked) => Some(entry("remove", revoked)),
        _ => None,
    }
}

fn record(changed: &Changed) -> PlannedRecord {
    let change = match changed.change {
        Change::Create => "create",
        Change::Change => "change",
        Change::Delete => DELETE,
        Change::Cancel => "cancel",
    };
    PlannedRecord { kind: changed.kind.clone(), name: changed.name.clone(), change: change.to_owned() }
}
