//! Operations, shown by a workflow that makes files in a directory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod checks;
mod leases;
mod running;
mod toy;
