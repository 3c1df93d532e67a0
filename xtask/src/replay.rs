//! `cargo xtask replay DIR`: recorded conversations against the simulator, or against a server given by `--url`.
//!
//! Prints the agreement of every scenario and each difference, and fails below the floor that the repository keeps
//! (`fixtures/replay-floor.json`, percent by scenario). `--raise` lifts the floor to what was measured; it never sinks.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use proxmox_sim::replay::{self, Exception, Report, Scenario, Target};

/// Which transcripts, against what.
#[derive(clap::Args)]
pub struct Args {
    /// Directory of transcripts (`*.jsonl`), or one file.
    path: PathBuf,
    /// Only scenarios whose name starts with this; may be repeated.
    #[arg(long)]
    only: Vec<String>,
    /// `HOST:PORT` of a real server in the initial state, instead of the simulator.
    #[arg(long, requires_all = ["fingerprint", "secret_file"])]
    url: Option<String>,
    /// SHA-256 fingerprint of that server's certificate.
    #[arg(long)]
    fingerprint: Option<String>,
    /// File with the secret of that server's token `root@pam!lab`.
    #[arg(long)]
    secret_file: Option<PathBuf>,
    /// The whole official API (the schema file that PVE ships), to verify calls that are not simulated.
    #[arg(long)]
    schema: Option<PathBuf>,
    /// So many differences of a scenario are printed.
    #[arg(long, default_value_t = 1000)]
    show: usize,
    /// Lift the floor to what is measured.
    #[arg(long)]
    raise: bool,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

/// Runs the task.
pub fn run(args: &Args) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(replay_all(args))
}

async fn replay_all(args: &Args) -> Result<(), String> {
    let scenarios = if args.path.is_dir() {
        replay::load_dir(&args.path)
    } else {
        replay::load(&args.path).map(|scenario| vec![scenario])
    };
    let scenarios = scenarios.map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error)))?;
    let exceptions = replay::exceptions(&fixture("replay-exceptions.json")).map_err(|error| error.to_string())?;
    let mut floor = read_floor()?;
    let (mut compared, mut agree, mut below) = (0, 0, Vec::new());
    for scenario in scenarios.iter().filter(|scenario| wanted(args, scenario)) {
        let report = play(args, scenario, &exceptions).await?;
        print(&report, args.show);
        compared += report.compared;
        agree += report.agree;
        if report.skipped.is_some() {
            continue;
        }
        let least = floor.get(&report.scenario).copied().unwrap_or(0.0);
        if report.percent() < least {
            below.push(format!("{} is at {:.2} %, its floor is {least:.2} %", report.scenario, report.percent()));
        } else if args.raise {
            floor.insert(report.scenario.clone(), report.percent());
        }
    }
    println!("{agree} of {compared} exchanges agree");
    if args.raise {
        let text = serde_json::to_string_pretty(&floor).map_err(|error| error.to_string())?;
        std::fs::write(fixture("replay-floor.json"), text + "\n").map_err(|error| error.to_string())?;
    }
    if below.is_empty() { Ok(()) } else { Err(below.join("\n")) }
}

fn wanted(args: &Args, scenario: &Scenario) -> bool {
    args.only.is_empty() || args.only.iter().any(|name| scenario.header.scenario.starts_with(name.as_str()))
}

fn read_floor() -> Result<BTreeMap<String, f64>, String> {
    let text = std::fs::read_to_string(fixture("replay-floor.json")).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| format!("fixtures/replay-floor.json: {error}"))
}

async fn play(args: &Args, scenario: &Scenario, exceptions: &[Exception]) -> Result<Report, String> {
    if let (Some(url), Some(fingerprint), Some(file)) = (&args.url, &args.fingerprint, &args.secret_file) {
        let secret = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let target =
            Target { address: resolve(url)?, fingerprint: fingerprint.clone(), secret: secret.trim().to_owned() };
        return replay::run_against(scenario, exceptions, &target).await.map_err(|error| error.to_string());
    }
    replay::run(scenario, exceptions, |builder| match &args.schema {
        Some(file) => builder.schema_file(file),
        None => builder,
    })
    .await
    .map_err(|error| error.to_string())
}

fn resolve(url: &str) -> Result<SocketAddr, String> {
    let host = url.trim_start_matches("https://").trim_end_matches('/');
    let mut found = host.to_socket_addrs().map_err(|error| format!("{host}: {error}"))?;
    found.next().ok_or_else(|| format!("{host} has no address"))
}

fn print(report: &Report, show: usize) {
    if let Some(reason) = &report.skipped {
        println!("{:<32} SKIPPED: {reason}", report.scenario);
        return;
    }
    for difference in report.differences.iter().take(show) {
        println!("  #{} {}", difference.n, difference.call);
        for detail in difference.details.iter().take(12) {
            println!("      {detail}");
        }
    }
    println!(
        "{:<32} {:>4} of {:>4} agree, {:>6.2} %  ({} explained)",
        report.scenario,
        report.agree,
        report.compared,
        report.percent(),
        report.explained
    );
}
