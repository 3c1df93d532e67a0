//! Credentials into principals, and principals into grants: csvauth tables, tenant tokens, sealing of secrets, limits on
//! failures.
//!
//! - [`authorization`] reads an `Authorization` header's value; [`users_table`], [`tenant_token`] and (by the platform, which
//!   can ask clusters) Proxmox tokens turn it into a [`Principal`].
//! - [`access`] decides what a principal may do. It is the only place that knows suspension and disabling.
//! - [`seal`] keeps secrets at rest, [`limits`] and [`acceptance`] keep authentication cheap.
//!
//! It knows nothing of HTTP, SQL or the Proxmox client: text, bytes and times go in, decisions come out.

pub mod acceptance;
pub mod access;
pub mod authorization;
pub mod csvauth;
pub mod limits;
pub mod principal;
pub mod seal;
mod secret;
pub mod tenant_token;
pub mod users_table;

pub use access::{
    Access, Denied, Grant, MayOperate, MayOversee, MayRead, MayWrite, Question, Standing, Verb, asks_standing,
    authorize,
};
pub use principal::{Operator, OperatorSource, Principal, Tenant};
pub use secret::Secret;
