#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(any(feature = "pve", feature = "pbs")),
    allow(
        dead_code,
        unused_macros,
        unused_imports,
        reason = "without a product there are names, values and rights, but no calls"
    )
)]

pub mod call;
pub mod calls;
pub mod error;
pub mod ids;
pub mod lenient;
pub mod params;
#[cfg(feature = "pbs")]
pub mod pbs;
pub mod permissions;
pub mod property;
#[cfg(feature = "pve")]
pub mod pve;
pub mod retention;
pub mod retry;
mod secret;
pub mod tasks;
pub mod transport;
mod version;

pub use call::{Method, Product};
pub use error::{BuildError, Class, Error, Result};
pub use ids::{AclPath, AuthId, GuestKind, InvalidId, PoolId, TokenId, Upid, UserId, Vmid, VolumeId};
pub use params::{Params, Switch};
#[cfg(feature = "pbs")]
pub use pbs::Pbs;
pub use property::PropertyString;
#[cfg(feature = "pve")]
pub use pve::Pve;
pub use retention::Retention;
pub use secrecy::SecretString;
pub use secret::Secret;
pub use tasks::{TaskHandle, TaskOutcome, Wait};
pub use transport::{
    Builder, CallRecord, Credentials, Fingerprint, Limits, Observer, Timeouts, Trust, current_request_id, in_request,
};
pub use version::Release;
