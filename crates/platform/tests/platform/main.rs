//! The use cases over simulated clusters: one module a resource, as in the sources.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

mod accounts_adopt;
mod accounts_canary;
mod accounts_create;
mod accounts_delete;
mod accounts_status;
mod accounts_why;
mod audit;
mod clusters;
mod identity;
mod instances;
mod listings;
mod operations;
mod queues;
mod repeats;
mod retention;
mod support;
mod tasks;
mod upstream_faults;
mod workflows;
