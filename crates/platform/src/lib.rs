//! The use cases of bnna, one module a resource. The only crate that ties the others together: it decides with `core`, keeps
//! with `store`, works through `operations`, and asks clusters through `proxmox-client`. It never sees HTTP.
//!
//! [`Platform`] is the handle; the façades call its methods. Each resource's module says what it does there.

pub mod accounts;
pub mod actor;
pub mod audit;
mod clock;
pub mod clusters;
pub mod condition;
mod error;
mod estate;
pub mod identity;
pub mod instances;
pub mod inventory;
mod keyring;
pub mod measures;
pub mod nodes;
pub mod operations;
pub mod origin;
mod platform;
mod readiness;
pub mod rehearsal;
pub mod repeats;
pub mod retention;
mod ssh_keys;
pub mod tasks;
pub mod views;

pub use actor::Actor;
pub use bnna_store::{Page, Window};
pub use error::{Conflict, Error, Reached, Upstream};
pub use estate::Estate;
pub use keyring::KeyError;
pub use operations::{Run, Wait};
pub use platform::{Platform, Settings, StartError};
pub use readiness::NotReady;
