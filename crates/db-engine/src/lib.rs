//! What all database engines have in common: the trait, identifier types, errors and the shared test suite.
//!
//! Leaf crate: it knows nothing of accounts, HTTP or the store, and of no engine's driver. [`suite`] is the set of checks that each
//! adapter passes against a real server and that `cargo xtask db` runs against any server given; `servers` (a feature)
//! starts private servers for it.

mod engine;
mod error;
mod kind;
mod name;
mod password;
mod probe;
pub mod provision;
mod quote;
mod reserved;
#[cfg(feature = "servers")]
pub mod servers;
pub mod suite;
mod target;
mod tenancy;
mod transfer;
mod usage;

pub use engine::{Answer, Engine, Login, Session, TextRow};
pub use error::{Error, Unreachable, redact};
pub use kind::{EngineKind, UnknownEngine};
pub use name::{
    Database, DatabaseName, Name, NameError, NameOf, Named, User, UserName, is_system_database, is_system_user, longest,
};
pub use password::{Password, PasswordError};
pub use probe::{Probe, Right, clock_skew};
pub use target::{Roots, Target, Timeouts, Tls, UrlError};
pub use tenancy::{
    Applied, Limits, LimitsApplied, Lock, MARKER_PREFIX, MARKER_PROPERTY, Marker, MarkerError, Presence, Standing,
    Step, StepOutcome, Suffix, SuffixError, Tenancy,
};
pub use transfer::{CopyReport, DumpReport, TableDigest, Tool, compare, find_tool, new_file};
pub use usage::{DatabaseUsage, InstanceUsage, Inventory, ListedDatabase, ListedUser};
