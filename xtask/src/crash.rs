//! `cargo xtask crash`: the random part of the crash suite for longer than CI has time for.

use crate::process;

#[derive(clap::Args)]
pub struct Args {
    /// How often bnpd is killed.
    #[arg(long, default_value_t = 1000)]
    kills: u64,
    /// What the load and the moments follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub fn run(args: &Args) -> Result<(), String> {
    let (kills, seed) = (args.kills.to_string(), args.seed.to_string());
    process::run(
        "cargo",
        &["test", "-p", "bnna-tests", "--test", "crash", "--locked", "--", "--nocapture", "random::"],
        &[("BNNA_CRASH_KILLS", &kills), ("BNNA_CRASH_SEED", &seed)],
    )
}
