//! `cargo xtask bench nebula`: the benchmark of `nebula-pki`, built for release, with the real `nebula-cert` beside it.

use crate::{peers, process};

/// Runs the benchmark, which prints a table; `docs/nebula-pki.md` keeps the last one.
pub fn run() -> Result<(), String> {
    peers::unpack();
    process::run("cargo", &["bench", "--locked", "--package", "nebula-pki", "--bench", "issue"], &[])
}
