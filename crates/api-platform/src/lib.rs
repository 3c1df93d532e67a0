//! The platform API: what operators, and tenants with a token of their account, ask of bnna over HTTP.
//!
//! One file a resource, named as in the use cases. A handler takes a request apart, calls one use case and wraps what it gives;
//! it decides nothing. [`routes`] is the whole façade as data, [`app`] puts it under the kit's stack, [`document`] describes it.
//!
//! It knows no SQL and calls no Proxmox; statuses come from `bnna-api-kit`.

mod accounts;
mod answer;
mod audit;
mod clusters;
mod health;
mod instances;
mod inventory;
mod nodes;
mod observer;
mod operations;
mod request;
mod ssh_keys;
mod tasks;
mod token;

use std::sync::Arc;

use bnna_api_kit::{App, Document, Options, Routes};
use bnna_platform::Platform;

pub use observer::TimingObserver;

/// Every route with who may call it.
#[must_use]
pub fn routes() -> Routes<Platform> {
    Routes::new()
        .merge(health::routes())
        .merge(token::routes())
        .merge(accounts::routes())
        .merge(clusters::routes())
        .merge(nodes::routes())
        .merge(instances::routes())
        .merge(tasks::routes())
        .merge(inventory::routes())
        .merge(ssh_keys::routes())
        .merge(audit::routes())
        .merge(operations::routes())
}

/// The façade, ready to be served. It serves its document too, whatever the options say of one.
#[must_use]
pub fn app(platform: Platform, mut options: Options) -> App {
    options.document = Some(about());
    let identify = Arc::new(platform.clone());
    routes().into_app(platform, identify, &options)
}

/// The OpenAPI 3.1 document, as the façade serves it at `/api/openapi.json`.
#[must_use]
pub fn document() -> serde_json::Value {
    routes().document(&Options { document: Some(about()), ..Options::default() })
}

fn about() -> Document {
    Document {
        title: "bnna platform API".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: DESCRIPTION.to_owned(),
    }
}

const DESCRIPTION: &str = "Tenants on Proxmox VE clusters: accounts, their guests, power and tasks, inventory, and an audit \
    trail. Answers are `{\"result\", \"timings\"}`, errors `{\"error\", \"code\", \"timings\"}`; a cluster that is missing \
    from an answer is named in `warnings`. Calls that become operations wait for them as `Prefer: wait=N` says, then answer \
    202 with an `operation_id`. Each call that changes something takes `?dry_run=1`, which says what it would do and does nothing, \
    and `Idempotency-Key`, under which a repeated call gets the first one's answer for a day.";
