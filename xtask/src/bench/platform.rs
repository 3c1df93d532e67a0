//! `cargo xtask bench platform`: bnpd as it is served, built for release; `docs/benchmarks.md` keeps the last table.

use crate::process;

#[derive(clap::Args)]
pub struct Args {
    /// Only these parts: start, lists, accounts, points, decode, operations, recovery, memory.
    parts: Vec<String>,
}

/// Builds bnpd and the benchmark, and runs it.
pub fn run(args: &Args) -> Result<(), String> {
    process::run("cargo", &["build", "--release", "--locked", "--package", "bnpd"], &[])?;
    let mut line = vec!["run", "--release", "--locked", "--package", "bnna-tests", "--bin", "bench", "--"];
    line.extend(args.parts.iter().map(String::as_str));
    process::run("cargo", &line, &[])
}
