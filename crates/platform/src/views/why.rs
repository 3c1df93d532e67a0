//! Why somebody may or may not do something.

use bnna_core::{AccountStatus, AclEntry};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The answer of one cluster.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// The cluster's host.
    pub cluster: String,
    /// Whether the entries there give the privilege.
    pub allowed: bool,
    /// One sentence on why or why not.
    pub because: String,
    /// The entries that name the subject, its groups or (for a token of all its owner's rights) its owner, from `/` down.
    pub entries: Vec<Deciding>,
    /// For a token with privilege separation: the same for its owner, which limits it.
    pub owner_entries: Vec<Deciding>,
    /// What Proxmox's own permission dump says; null for a subject that does not exist.
    pub proxmox_says: Option<bool>,
    /// Whether both say the same. Where not, the entries changed meanwhile, or a pool of another account decides.
    pub agrees: bool,
    /// Why the subject cannot even log in: disabled, expired, no such user or token. Rights are computed all the same, as
    /// Proxmox does it.
    pub cannot_log_in: Option<String>,
    /// The account's status, which decides what its group shall hold.
    pub account_status: AccountStatus,
    /// Entries that the account's group shall hold, does not, and that would give the privilege:
    /// `PUT /api/platform/accounts/{slug}/acls` writes them.
    pub missing: Vec<AclEntry>,
}

/// One ACL entry and its part in the answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Deciding {
    /// Where it stands.
    pub path: String,
    /// Whom it names: a user, a token, `@group`.
    pub subject: String,
    /// Its role.
    pub role: String,
    /// Whether it reaches below its path.
    pub propagate: bool,
    /// The pool through which it bears on the path, where it does through one.
    pub via_pool: Option<String>,
    /// Whether it gives the privilege.
    pub grants: bool,
    /// The entry and what became of it, in words.
    pub says: String,
}
