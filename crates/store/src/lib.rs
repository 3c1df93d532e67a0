//! Persistence of bnna: one writer that groups commits, several readers, migrations, and one module a table.
//!
//! [`Store`] is the handle: [`Store::read`] and [`Store::write`] run a closure over the small SQL surface [`Sql`], and the
//! table modules ([`accounts`], [`clusters`], …) are plain functions over `&mut dyn Sql`, so that several of them compose
//! into one transaction. A write has happened, durably, when its future is ready with `Ok`.
//!
//! What is not here: rules. The store knows neither what a valid slug is nor who may suspend an account; it keeps rows of
//! plain types, and the crates above turn them into the domain's types. The store is the truth about tenancy and never asks
//! Proxmox anything.

pub mod accounts;
pub mod audit;
pub mod canaries;
pub mod clusters;
mod error;
pub mod idempotency;
pub mod instances;
pub mod keys;
mod opaque;
pub mod operation_steps;
pub mod operations;
mod page;
pub mod rehearsal;
pub mod rights;
pub mod settings;
pub mod sql;
mod sqlite;
mod statistics;
mod store;
pub mod tasks;
pub mod tenant_tokens;
mod times;

pub use error::{ConstraintKind, Error};
pub use opaque::{Digest, Sealed};
pub use page::{Page, Window};
pub use sql::{Row, Sql, Value};
pub use statistics::Statistics;
pub use store::{Health, Options, SessionId, Store};
pub use times::{from_millis, now, skew_clock, to_millis};
