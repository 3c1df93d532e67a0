//! `cargo xtask …`: the tasks of the workspace. `cargo xtask ci` is exactly what CI runs.

mod bench;
mod ci;
mod conformance;
mod crash;
mod db;
mod fuzz;
mod integration;
mod openapi;
mod peers;
mod process;
mod proxmoxer;
mod python;
mod replay;
mod schemathesis;
mod simulator;
mod vectors;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the bnna workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that has to pass: formatting, lints, build, tests, docs, layer arrows, licences and bans.
    Ci(ci::Args),
    /// The checked-in OpenAPI documents, written anew or compared with the handlers.
    Openapi(openapi::Args),
    /// The typed calls of proxmox-client against an official schema, recorded answers and conversations.
    Conformance(conformance::Args),
    /// One suite against the simulator or a Proxmox VE in use, in a pool and a range of VMIDs of its own.
    Integration(Box<integration::Args>),
    /// bnpd killed at random moments under a mixed load, as often as is asked for.
    Crash(crash::Args),
    /// The database adapters' checks against any server given, below a prefix, cleaning up after themselves.
    Db(db::Args),
    /// Every fuzz target, each for a bounded time, from the corpus that is kept.
    Fuzz(fuzz::Args),
    /// Measurements, both sides of each comparison in one go.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Recorded conversations with a real Proxmox VE, against the simulator or a server.
    Replay(replay::Args),
    /// Requests made up from the checked-in OpenAPI document, against a running demo.
    Schemathesis(schemathesis::Args),
    /// The simulator's binary driven by proxmoxer, a Python client that knows nothing of it.
    Proxmoxer,
    /// Test vectors made elsewhere, run against the code here.
    #[command(subcommand)]
    Vectors(vectors::Vectors),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Ci(args) => ci::run(&args),
        Task::Openapi(args) => openapi::run(&args),
        Task::Conformance(args) => conformance::run(&args),
        Task::Integration(args) => integration::run(&args),
        Task::Crash(args) => crash::run(&args),
        Task::Db(args) => db::run(&args),
        Task::Fuzz(args) => fuzz::fuzz(&args),
        Task::Bench(which) => bench::run(&which),
        Task::Replay(args) => replay::run(&args),
        Task::Schemathesis(args) => schemathesis::run(&args),
        Task::Proxmoxer => proxmoxer::run(),
        Task::Vectors(which) => vectors::run(&which),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
