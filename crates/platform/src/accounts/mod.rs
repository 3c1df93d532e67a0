//! Accounts: a tenant is a record here, and a pool with a group and its rights on each of its clusters.
//!
//! One file a use case; the workflows are `create`, `adopt`, `status`, `rights`, `repair`, `canary`, `canary_round` and `delete`.

mod adopt;
mod canary;
pub(crate) mod canary_round;
mod create;
mod delete;
mod handle;
mod health;
mod list;
mod places;
mod repair;
mod rights;
mod settings;
mod status;
mod tokens;
mod why;

use bnna_store::accounts as rows;
use uuid::Uuid;

pub use adopt::{Adopt, AdoptAccount};
pub use canary::Canary;
pub use canary_round::CanaryRound;
pub use create::{Create, CreateAccount};
pub use delete::Delete;
pub use handle::{Account, Operate, Read, Write};
pub use list::AccountFilter;
pub use places::{Place, is_within};
pub use repair::Repair;
pub use rights::SyncAcls;
pub use status::SetStatus;
pub use tokens::Impersonate;
pub use why::Why;

use crate::views::AccountView;

/// What no two operations on an account may hold at once.
pub(crate) fn key(slug: &str) -> String {
    format!("account:{slug}")
}

/// What the pools and groups that bnna makes for an account carry in their comment.
pub(crate) fn mark(slug: &str, id: Uuid) -> String {
    format!("bnna account {slug} ({id})")
}

/// A row as it is shown.
pub(crate) fn view(row: rows::Account, places: Vec<rows::AccountCluster>) -> AccountView {
    AccountView {
        status: handle::status(&row),
        id: row.id,
        slug: row.slug,
        display_name: row.display_name,
        email: row.email,
        pool: row.pool,
        clusters: places.into_iter().map(|place| place.cluster).collect(),
        adopted: row.adopted,
        networks: Vec::new(),
        pbs: None,
        created_at: row.created_at,
        updated_at: row.updated_at,
        suspended_at: row.suspended_at,
        disabled_at: row.disabled_at,
    }
}
