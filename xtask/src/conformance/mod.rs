//! `cargo xtask conformance`: the typed calls of proxmox-client against an official API schema, recorded answers and
//! recorded conversations; with `--sim` the simulator's answers against the same. Counts and failures are printed; any failure that is
//! not explained makes it fail.

mod bodies;
mod recorded;
mod schema;
mod sim;
mod table;
mod transcripts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proxmox_client::{Method, Product};

use crate::process::workspace_root;

/// Arguments of `conformance`.
#[derive(clap::Args)]
pub struct Args {
    /// The API schema, as JSON or gzip of it.
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    /// Recorded answers: a directory with INDEX.json.
    #[arg(long, value_name = "DIR")]
    recorded: Option<PathBuf>,
    /// Recorded conversations: a directory with *.jsonl.
    #[arg(long, value_name = "DIR")]
    transcripts: Option<PathBuf>,
    /// Failures that are known and why they are none: a JSON list of {file, reason}.
    #[arg(long, value_name = "FILE")]
    explained: Option<PathBuf>,
    /// Writes the table of all typed calls, of both products, with how often recordings cover each.
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Also holds the simulator's answers to every typed call against the schema and the recordings.
    #[arg(long)]
    sim: bool,
}

/// How many bodies of each method and path template were decoded.
type Coverage = BTreeMap<(Product, Method, String), usize>;

/// Runs the checks asked for.
pub fn run(args: &Args) -> Result<(), String> {
    let schema = schema::Schema::read(&args.schema)?;
    let mut failures = schema.check_calls();
    let mut coverage = Coverage::new();
    let products = match args.table {
        Some(_) => vec![Product::Pve, Product::Pbs],
        None => vec![schema.product()],
    };
    if let Some(dir) = &args.recorded {
        let list =
            args.explained.clone().unwrap_or_else(|| workspace_root().join("fixtures/conformance/explained.json"));
        for &product in &products {
            failures += recorded::check(dir, product, &list, &mut coverage)?;
        }
    }
    if let Some(dir) = &args.transcripts {
        for &product in &products {
            failures += transcripts::check(dir, product, &mut coverage)?;
        }
    }
    if let Some(file) = &args.table {
        std::fs::write(file, table::render(&coverage)).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if args.sim {
        failures += sim::check(&schema, args.recorded.as_deref(), args.transcripts.as_deref())?;
    }
    if failures == 0 { Ok(()) } else { Err(format!("{failures} failures")) }
}

/// Everything that the contract data beside the workspace allows: every schema with the simulator of its release, recordings and
/// conversations.
pub fn run_all() -> Result<(), String> {
    let contract = workspace_root().join("../shared/contract");
    if !contract.exists() {
        eprintln!("SKIPPED: conformance: there is no {}", contract.display());
        return Ok(());
    }
    for schema in ["pve-api-schema", "pve-8.4-api-schema", "pbs-api-schema"] {
        let args = Args {
            schema: contract.join(format!("{schema}.json.gz")),
            recorded: Some(contract.join("recorded")),
            transcripts: Some(contract.join("transcripts")),
            explained: None,
            table: None,
            sim: true,
        };
        println!("\n{schema}");
        run(&args).map_err(|fault| format!("{schema}: {fault}"))?;
    }
    Ok(())
}

/// Reads a file, unpacked if its name says that it is packed.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let named = |error: std::io::Error| format!("{}: {error}", path.display());
    let bytes = std::fs::read(path).map_err(named)?;
    if path.extension().is_none_or(|extension| extension != "gz") {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    // The largest schema is a few MiB; a bound keeps a broken file from filling memory.
    flate2::read::GzDecoder::new(bytes.as_slice()).take(256 * 1024 * 1024).read_to_end(&mut plain).map_err(named)?;
    Ok(plain)
}

fn read_json(path: &Path) -> Result<serde_json::Value, String> {
    serde_json::from_slice(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}
