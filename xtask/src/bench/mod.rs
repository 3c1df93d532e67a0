//! `cargo xtask bench …`: measurements, both sides of a comparison in one go.

mod db;

#[derive(clap::Subcommand)]
pub enum Bench {
    /// Database adapters: usage of an instance, time to a usable database, copy throughput.
    Db(db::Args),
}

pub fn run(which: &Bench) -> Result<(), String> {
    match which {
        Bench::Db(args) => db::run(args),
    }
}
