//! Accounts and what hangs on them.

use std::collections::BTreeMap;

use bnna_core::{AccountStatus, AclEntry};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{InstanceView, Warning};

/// An account: a tenant, on Proxmox a pool and a group of the same name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// Its id.
    pub id: Uuid,
    /// Its slug, by which it is addressed.
    pub slug: String,
    /// What people call it.
    pub display_name: String,
    /// Whom to write to, may be empty.
    pub email: String,
    /// Whether its tenants may act.
    pub status: AccountStatus,
    /// Its pool on every one of its clusters.
    pub pool: String,
    /// The hosts of the clusters it is on.
    pub clusters: Vec<String>,
    /// Found on a cluster rather than made here.
    pub adopted: bool,
    /// Ids of its networks.
    pub networks: Vec<Uuid>,
    /// Its backup assignment.
    #[schema(value_type = Option<Object>)]
    pub pbs: Option<serde_json::Value>,
    /// When it was made here.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last changed here.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// When it was suspended, if it is.
    #[serde(with = "time::serde::rfc3339::option")]
    pub suspended_at: Option<OffsetDateTime>,
    /// When it was disabled, if it is.
    #[serde(with = "time::serde::rfc3339::option")]
    pub disabled_at: Option<OffsetDateTime>,
}

/// The answer to suspend, enable and disable.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StatusChange {
    /// The account as it is now.
    #[serde(flatten)]
    pub account: AccountView,
    /// Whether anything changed.
    pub changed: bool,
    /// What a person should know: users left enabled because they belong to other groups too, entries of users that go past
    /// the group.
    pub notes: Vec<Warning>,
}

/// A guest by its cluster and number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GuestRef {
    /// Its cluster's host.
    pub cluster: String,
    /// Its number.
    pub vmid: u32,
}

/// The answer to an adoption.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountAdopted {
    /// The account.
    #[serde(flatten)]
    pub account: AccountView,
    /// The guests that were found.
    pub instances: Vec<GuestRef>,
}

/// A setting's value.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SettingView {
    /// Any JSON.
    pub value: serde_json::Value,
    /// When it was last set.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// By whom.
    pub updated_by: String,
}

/// An ACL entry on a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct ClusterAcl {
    /// The entry.
    #[serde(flatten)]
    pub entry: AclEntry,
    /// The cluster's host.
    pub cluster: String,
}

/// What an ACL sync did, or would do.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct AclSync {
    /// Whether this only says what would be done.
    pub dry_run: bool,
    /// Entries written.
    pub added: Vec<ClusterAcl>,
    /// Entries taken away.
    pub removed: Vec<ClusterAcl>,
    /// How many were right already.
    pub unchanged: usize,
}

/// What a repair did to one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RepairAction {
    /// pool, group, member or acl.
    pub kind: String,
    /// What was repaired.
    pub target: String,
    /// The cluster's host.
    pub cluster: String,
    /// What it was.
    pub before: String,
    /// What it is now.
    pub after: String,
    /// `done`, `reported` where a person has to decide.
    pub outcome: String,
}

/// What a repair found and did.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct RepairReport {
    /// In order.
    pub actions: Vec<RepairAction>,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// Worth a look.
    Warn,
    /// Wrong.
    Error,
}

/// One check of an account's health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What was checked: pool, group, members, acls, users, operations.
    pub name: String,
    /// How it went.
    pub status: CheckStatus,
    /// What was found.
    pub message: String,
    /// The cluster's host, where it is about one.
    pub cluster: Option<String>,
}

/// An account's health.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountHealth {
    /// The worst of the checks.
    pub status: CheckStatus,
    /// All checks.
    pub checks: Vec<Check>,
}

/// A tenant token, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// Its id.
    pub id: Uuid,
    /// What its owner calls it.
    pub label: String,
    /// The role it was asked for, empty for none.
    pub role_id: String,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last used, to the minute.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
    /// For whom it was made.
    pub sub: String,
    /// Who vouched for them, where an identity provider did.
    pub issuer: Option<String>,
}

/// A token just made: the only answer that has its value.
#[derive(Clone, Serialize, ToSchema)]
pub struct TokenIssued {
    /// The whole bearer token; it cannot be had again.
    pub token: String,
    /// Its id.
    pub token_id: Uuid,
    /// The account it is for.
    pub account_slug: String,
    /// The role it was asked for, empty for none.
    pub role_id: String,
    /// What it is called.
    pub label: String,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// For whom it was made.
    pub sub: String,
}

impl std::fmt::Debug for TokenIssued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenIssued")
            .field("token", &"[redacted]")
            .field("token_id", &self.token_id)
            .finish_non_exhaustive()
    }
}

/// Everything of an account, without secrets.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccountInventory {
    /// The account.
    pub account: AccountView,
    /// Its guests.
    pub instances: Vec<InstanceView>,
    /// Its pools by cluster.
    pub pools: BTreeMap<String, Vec<String>>,
    /// What its group holds.
    pub acls: Vec<ClusterAcl>,
    /// Its live tokens.
    pub tokens: Vec<TokenView>,
    /// Its settings.
    pub settings: BTreeMap<String, SettingView>,
    /// Clusters that did not answer.
    pub warnings: Vec<Warning>,
}

/// What a caller may know of their own credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenInspect {
    /// csvauth, pve or tenant.
    pub kind: String,
    /// The credential's id, `ops~QSY6rqTE`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The operator's roles.
    pub roles: Vec<String>,
    /// Whether it is an operator's.
    pub operator: bool,
    /// Whether it may only look.
    pub read_only: bool,
    /// The account it is for.
    pub account_slug: Option<String>,
    /// The role it was made for.
    pub role_id: Option<Uuid>,
    /// What it is called.
    pub label: Option<String>,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// The cluster that accepted it.
    pub cluster: Option<String>,
}
