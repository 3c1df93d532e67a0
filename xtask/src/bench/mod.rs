//! `cargo xtask bench …`: measurements, both sides of a comparison in one go.

mod db;
mod nebula;
mod platform;

#[derive(clap::Subcommand)]
pub enum Bench {
    /// Database adapters: usage of an instance, time to a usable database, copy throughput.
    Db(db::Args),
    /// Nebula certificates: issued and verified a second on one core, against bare cryptography and nebula-cert.
    Nebula,
    /// bnpd: lists, point reads, operations, recovery, start, memory.
    Platform(platform::Args),
}

pub fn run(which: &Bench) -> Result<(), String> {
    match which {
        Bench::Db(args) => db::run(args),
        Bench::Nebula => nebula::run(),
        Bench::Platform(args) => platform::run(args),
    }
}
