//! The API through a real socket, over simulated clusters that refuse what Proxmox refuses. Files mirror the paths.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod accounts;
mod bad_input;
mod bench;
mod demo;
mod instances;
mod observed;
mod platform;
mod seed;
mod start;
mod tasks;
mod upstream_calls;
