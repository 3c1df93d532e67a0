//! bnpd is killed, and started again: nothing that was acknowledged is lost, nothing on the clusters is orphaned, and every operation
//! is finished or undone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod load;
mod random;
mod rows;
mod sweep;
mod trail;
mod two;

/// The program that is killed.
const BNPD: &str = env!("CARGO_BIN_EXE_bnpd-under-test");
