//! `cargo xtask bench platform`: measures bnpd, or is one of the processes that the measurement needs.

#![allow(missing_docs)]

use std::process::ExitCode;

use bnna_tests::bench::{self, Programs, Sizes};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    bnna_tests::install_provider();
    let outcome = match args.as_slice() {
        ["simulators", clusters, guests] => match (clusters.parse(), guests.parse()) {
            (Ok(clusters), Ok(guests)) => block_on(bench::simulators::run(clusters, guests)),
            _ => Err("simulators CLUSTERS GUESTS".to_owned()),
        },
        ["bare"] => block_on(bench::bare::run()),
        only => measure(only),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench: {message}");
            ExitCode::FAILURE
        }
    }
}

fn block_on(work: impl Future<Output = Result<(), Box<dyn std::error::Error>>>) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(work).map_err(|error| error.to_string())
}

/// Measures the parts named, or all.
fn measure(only: &[&str]) -> Result<(), String> {
    if let Some(unknown) = only.iter().find(|name| !bench::parts().any(|known| known == **name)) {
        return Err(format!("no part {unknown}; there are {}", bench::parts().collect::<Vec<_>>().join(", ")));
    }
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let programs = Programs { bnpd: own.with_file_name("bnpd"), bench: own };
    let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    println!("{cores} cores · {build} build · simulators, bnpd and the client on the same machine\n");
    bench::run(&programs, &Sizes::full(), &only, |line| println!("{line}")).map(drop)
}
