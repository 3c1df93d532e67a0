//! Clients and clusters that are too slow, too many, too long or not honest: refused or bounded, and everybody else is served meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod clients;
mod garbage;
mod smuggling;

/// The program under load.
const BNPD: &str = env!("CARGO_BIN_EXE_bnpd-under-test");
