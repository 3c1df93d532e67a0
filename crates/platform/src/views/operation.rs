//! Work and its traces: operations, Proxmox tasks, the audit trail; and the operators' SSH keys.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A step of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// What it does.
    pub name: String,
    /// pending, running, done, failed, unknown, undoing, undone or undo_failed.
    pub state: String,
    /// How often it, or its undo, was begun.
    pub attempts: u32,
    /// When it was first begun.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When its state last changed.
    #[serde(with = "time::serde::rfc3339::option")]
    pub updated_at: Option<OffsetDateTime>,
    /// Why it, or its undo, last failed.
    pub error: Option<String>,
}

/// A durable piece of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationView {
    /// Its id.
    pub operation_id: Uuid,
    /// What it does: accounts.create, instances.destroy …
    pub kind: String,
    /// pending, running, cancelling, undoing, done, failed, undone or stuck.
    pub state: String,
    /// The account it is about.
    pub account: Option<String>,
    /// What it works on, in words.
    pub subject: String,
    /// Who asked for it.
    pub actor: String,
    /// The request that asked for it.
    pub request_id: String,
    /// Steps done; goes down while undoing.
    pub done: u32,
    /// Steps in all.
    pub total: u32,
    /// The step at work.
    pub current: Option<String>,
    /// Every step; left out in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepView>,
    /// What it led to.
    #[schema(value_type = Option<Object>)]
    pub result: Option<serde_json::Value>,
    /// What went wrong: code, message, details.
    #[schema(value_type = Option<Object>)]
    pub error: Option<serde_json::Value>,
    /// What could not be undone and is left.
    pub left: Vec<String>,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// A Proxmox task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    /// Its UPID, or an operation's id.
    pub upid: String,
    /// Its cluster's host; null for an operation.
    pub cluster: Option<String>,
    /// Its node; null for an operation.
    pub node: Option<String>,
    /// Its type: qmstart, vzcreate …; for an operation its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about: the VMID mostly.
    pub id: String,
    /// Who runs it.
    pub user: String,
    /// running or stopped.
    pub status: String,
    /// Proxmox's words at the end.
    pub exitstatus: Option<String>,
    /// Whether it worked; null while it runs.
    pub ok: Option<bool>,
    /// Warnings that it ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<u64>,
    /// When it was started.
    #[serde(with = "time::serde::rfc3339::option")]
    pub starttime: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub endtime: Option<OffsetDateTime>,
}

/// A row of the audit trail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditView {
    /// Its number, rising.
    pub seq: i64,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// operator, pve or tenant; system for what bnpd does by itself.
    pub actor_kind: String,
    /// Who.
    pub actor: String,
    /// By which credential; never the credential.
    pub credential_id: String,
    /// From where.
    pub remote_addr: Option<String>,
    /// What.
    pub action: String,
    /// On what kind of thing.
    pub target_kind: String,
    /// On which.
    pub target: String,
    /// The account concerned.
    pub account: Option<String>,
    /// The request.
    pub request_id: String,
    /// The operation it led to.
    pub operation_id: Option<Uuid>,
    /// What was asked, without secrets.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<serde_json::Value>,
    /// `started` until it is known, then ok, the error's code, or how its operation ended; `interrupted` where bnpd ended before it was
    /// known, so that whether it was done has to be looked at.
    pub outcome: String,
    /// When the outcome was known.
    #[serde(with = "time::serde::rfc3339::option")]
    pub outcome_at: Option<OffsetDateTime>,
    /// What went wrong.
    pub error: Option<String>,
}

/// An operator's public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SshKeyView {
    /// ssh-ed25519, ssh-rsa …
    #[serde(rename = "type")]
    pub kind: String,
    /// The key, base64.
    pub key: String,
    /// Its comment.
    pub comment: String,
    /// `SHA256:` and the unpadded base64 of the key's hash.
    pub fingerprint: String,
}

/// The operators' public keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SshKeys {
    /// In the order of the file.
    pub keys: Vec<SshKeyView>,
    /// How many lines were no keys.
    pub skipped: usize,
}
