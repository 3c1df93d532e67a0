//! The client against servers that answer well and badly, a file a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod addresses;
mod answers;
mod certificates;
mod credentials;
mod observer;
mod requests;
#[path = "../server/mod.rs"]
mod server;
mod streams;
