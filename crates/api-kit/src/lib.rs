//! What every API façade shares: routes as data with who may call them, the stack of layers, strict input, the envelope, the
//! errors and their status, the OpenAPI document, and the server.
//!
//! - [`Routes`] and [`route!`] register handlers; [`Routes::into_app`] puts them under the stack (`stack` reads top to
//!   bottom); [`serve`] serves the [`App`].
//! - Handlers take [`Caller`], [`Path`], [`Query`], [`PagedQuery`], [`Json`], [`Prefer`] and return a [`Reply`].
//! - [`Identify`] is the seam to whatever knows credentials and accounts, [`Backend`] to what can rehearse and remember answers.
//! - HTTP statuses are decided in [`Code`] and nowhere else.
//!
//! It knows no use case, no store and no Proxmox; of the platform it knows who identifies callers and how errors are worded
//! (`platform`).

mod backend;
mod code;
mod context;
mod document;
mod envelope;
mod error;
mod extract;
mod identify;
mod layers;
pub mod metrics;
mod openapi;
mod platform;
mod process;
mod routes;
mod seats;
mod server;
mod stack;
pub mod written;

pub use backend::{Backend, Rehearsal};
pub use code::Code;
pub use context::{RequestContext, Timing, current, record_timing, timed, within};
pub use envelope::{Answer, Reply, Warning};
pub use error::ApiError;
pub use extract::{Caller, Cursor, Json, Page, PagedQuery, Path, Prefer, Query};
pub use identify::{AuthFailure, Identify};
pub use openapi::Document;
pub use routes::{Route, RouteInfo, Routes};
pub use server::{ServerOptions, serve};
pub use stack::{App, Options};

/// For [`route!`].
#[doc(hidden)]
pub mod __private {
    pub use utoipa_axum;
}
