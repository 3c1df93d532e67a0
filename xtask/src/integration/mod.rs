//! `cargo xtask integration`: one suite against a Proxmox VE (and a backup server): the simulator, or a real one that is in use.
//!
//! It touches nothing but what it made itself: a pool of its own, guests with VMIDs of the range that it was given, their backups, a namespace of
//! its own on the backup server. It refuses to begin when any of them is there, and takes everything away again, also after a failure or Ctrl-C.
//! What a server cannot do, such as containers where no storage takes them, is skipped aloud.
//!
//! Every step that is worth it leaves an observation: what the server said, without the names of this run. They are compared with those of the
//! simulator (`fixtures/integration.json`), and differences are printed: on a real server they are what the simulator does not get right.

mod backup_server;
mod clean;
mod containers;
mod machines;
mod observations;
mod pools;
mod scratch;

use std::path::PathBuf;
use std::time::Duration;

use proxmox_client::pve::guests::QemuOptions;
use proxmox_client::pve::qemu::CreateQemu;
use proxmox_client::{Pbs, PoolId, Pve, Trust, Vmid};

use self::observations::Observations;
use self::scratch::Scratch;
use crate::simulator::{self, Simulator};

/// Guests that the suite makes.
const GUESTS: u32 = 3;
/// The widest range of VMIDs.
const WIDEST: u32 = 10_000;
/// Everything is over by then, but for the cleaning.
const DEADLINE: Duration = Duration::from_secs(3600);
/// Secret of the tokens of the simulator that `--sim` starts.
const SECRET: &str = "5c1b1d0e-2f5e-4b55-9f0c-4e1d2a3b4c5d";

/// Where, and what may be touched.
#[derive(clap::Args)]
pub struct Args {
    /// Starts the simulator and runs against it.
    #[arg(long, conflicts_with = "url")]
    sim: bool,
    /// The server: `https://HOST:PORT` or `HOST:PORT`.
    #[arg(long, required_unless_present = "sim", requires = "token")]
    url: Option<String>,
    /// An API token that may do everything in the pool and allocate guests: `user@realm!name=secret`.
    #[arg(long, env = "PVE_TOKEN", hide_env_values = true, value_name = "ID=SECRET")]
    token: Option<String>,
    /// SHA-256 fingerprint of the server's certificate.
    #[arg(long)]
    fingerprint: Option<String>,
    /// The authority that signed the server's certificate (PEM file).
    #[arg(long, value_name = "FILE", conflicts_with = "fingerprint")]
    ca: Option<PathBuf>,
    /// A backup server, `https://HOST:PORT`.
    #[arg(long, requires_all = ["pbs_token", "pbs_datastore"])]
    pbs: Option<String>,
    /// A token on it.
    #[arg(long, env = "PBS_TOKEN", hide_env_values = true, value_name = "ID=SECRET")]
    pbs_token: Option<String>,
    /// SHA-256 fingerprint of its certificate; system authorities are trusted without it.
    #[arg(long)]
    pbs_fingerprint: Option<String>,
    /// The datastore in which a namespace is made.
    #[arg(long)]
    pbs_datastore: Option<String>,
    /// First VMID that may be used.
    #[arg(long, value_name = "VMID", required_unless_present = "sim")]
    vmid_from: Option<u32>,
    /// Last VMID that may be used.
    #[arg(long, value_name = "VMID", required_unless_present = "sim")]
    vmid_to: Option<u32>,
    /// Name of the scratch pool, and of the namespace on the backup server.
    #[arg(long, default_value = "bnna-integration")]
    pool: String,
    /// The node to work on; the first that is online if not given.
    #[arg(long)]
    node: Option<String>,
    /// Writes the observations to the fixture instead of comparing them (with --sim).
    #[arg(long, requires = "sim")]
    record: bool,
}

/// Runs the suite.
pub fn run(args: &Args) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    if args.sim {
        let binary = simulator::build()?;
        let env = [("PROXMOX_SIM_SECRET", SECRET)];
        let args_of_sim = ["--port", "0", "--pbs-port", "0", "--nodes", "2", "--speed", "200", "--auth-delay", "0"];
        let simulator = Simulator::start(&binary, &args_of_sim, &env)?;
        let args_for_it = of_simulator(args, &simulator);
        return runtime.block_on(async {
            suite(args, &args_for_it).await?;
            refusals(&args_for_it).await
        });
    }
    runtime.block_on(suite(args, args))
}

/// What is there already is not touched: the suite refuses to begin, and leaves it as it is.
async fn refusals(args: &Args) -> Result<(), String> {
    println!("\nwhat is there already");
    let (pve, pool) = (client(args)?, args.pool.parse::<PoolId>().map_err(|error| error.to_string())?);
    pve.pools().create(&pool, Some("somebody's")).await.map_err(|error| error.to_string())?;
    refuses(args, "there is a pool").await?;
    let kept = pve.pools().get(&pool).await.map_err(|error| error.to_string())?;
    if kept.is_none_or(|pool| pool.comment.as_deref() != Some("somebody's")) {
        return Err("the pool that was there is not as it was".to_owned());
    }
    pve.pools().delete(&pool).await.map_err(|error| error.to_string())?;

    // A guest anywhere in the range, also where the suite would not come.
    let last = Vmid::new(args.vmid_to.unwrap_or_default().into()).map_err(|error| error.to_string())?;
    let node =
        pve.nodes().list().await.map_err(|error| error.to_string())?.into_iter().next().ok_or("there is no node")?.node;
    let create = CreateQemu::new(last, QemuOptions::default());
    let task = pve.node(&node).create_qemu(&create).await.map_err(|error| error.to_string())?;
    task.succeed(scratch::patience()).await.map_err(|error| error.to_string())?;
    refuses(args, "there are guests in the range").await?;
    pve.qemu(&node, last).config().await.map_err(|error| format!("the guest that was there: {error}"))?;
    Ok(())
}

async fn refuses(args: &Args, why: &str) -> Result<(), String> {
    match suite(args, args).await {
        Err(refusal) if refusal.starts_with("refused: ") && refusal.contains(why) => {
            println!("  {refusal}");
            Ok(())
        }
        Err(other) => Err(format!("it fails with {other:?}, not because {why}")),
        Ok(()) => Err(format!("it does not refuse although {why}")),
    }
}

/// The stage of `cargo xtask ci`: against the simulator.
pub fn against_simulator() -> Result<(), String> {
    run(&of_flags(true, None))
}

fn of_flags(sim: bool, url: Option<String>) -> Args {
    Args {
        sim,
        url,
        token: None,
        fingerprint: None,
        ca: None,
        pbs: None,
        pbs_token: None,
        pbs_fingerprint: None,
        pbs_datastore: None,
        vmid_from: None,
        vmid_to: None,
        pool: "bnna-integration".to_owned(),
        node: None,
        record: false,
    }
}

fn of_simulator(args: &Args, simulator: &Simulator) -> Args {
    Args {
        token: Some(format!("root@pam!lab={SECRET}")),
        fingerprint: Some(simulator.fingerprint.clone()),
        pbs: simulator.backup.clone(),
        pbs_token: Some(format!("root@pam!lab={SECRET}")),
        pbs_fingerprint: simulator.backup_fingerprint.clone(),
        pbs_datastore: Some("ds1".to_owned()),
        vmid_from: Some(args.vmid_from.unwrap_or(7000)),
        vmid_to: Some(args.vmid_to.unwrap_or(7009)),
        pool: args.pool.clone(),
        record: args.record,
        ..of_flags(false, Some(simulator.address.clone()))
    }
}

fn host(url: &str) -> String {
    url.trim_start_matches("https://").trim_end_matches('/').to_owned()
}

fn secret(token: Option<&str>) -> Result<(String, String), String> {
    let token = token.ok_or("a token is needed")?;
    let (id, secret) = token.split_once('=').ok_or("a token is written user@realm!name=secret")?;
    Ok((id.to_owned(), secret.to_owned()))
}

fn trust(fingerprint: Option<&str>, ca: Option<&PathBuf>) -> Result<Trust, String> {
    match (fingerprint, ca) {
        (Some(fingerprint), _) => Trust::pinned([fingerprint]).map_err(|error| error.to_string()),
        (None, Some(file)) => Ok(Trust::CaFile(file.clone())),
        (None, None) => Ok(Trust::SystemRoots),
    }
}

fn client(args: &Args) -> Result<Pve, String> {
    let (id, secret) = secret(args.token.as_deref())?;
    let url = args.url.as_deref().ok_or("no server is given")?;
    let trust = trust(args.fingerprint.as_deref(), args.ca.as_ref())?;
    Pve::builder().address(host(url)).token(&id, secret).trust(trust).build().map_err(|error| error.to_string())
}

fn backup_client(args: &Args) -> Result<Option<(Pbs, String)>, String> {
    let (Some(url), Some(datastore)) = (&args.pbs, &args.pbs_datastore) else { return Ok(None) };
    let (id, secret) = secret(args.pbs_token.as_deref())?;
    let trust = trust(args.pbs_fingerprint.as_deref(), None)?;
    let pbs = Pbs::builder().address(host(url)).token(&id, secret).trust(trust).build();
    Ok(Some((pbs.map_err(|error| error.to_string())?, datastore.clone())))
}

/// The VMIDs that the suite uses, of the range that it may.
fn guests(args: &Args) -> Result<Vec<Vmid>, String> {
    let (from, to) = (args.vmid_from.unwrap_or_default(), args.vmid_to.unwrap_or_default());
    if to < from || to - from + 1 < GUESTS || to - from >= WIDEST {
        return Err(format!("the range of VMIDs has to have from {GUESTS} to {WIDEST} numbers"));
    }
    (from..from + GUESTS).map(|number| Vmid::new(number.into()).map_err(|error| error.to_string())).collect()
}

async fn suite(called: &Args, args: &Args) -> Result<(), String> {
    let pve = client(args)?;
    let pool: PoolId = args.pool.parse().map_err(|error| format!("--pool: {error}"))?;
    let range = args.vmid_from.unwrap_or_default()..=args.vmid_to.unwrap_or_default();
    let backup = backup_client(args)?;
    let mut scratch = Scratch::look(pve, args.node.as_deref(), pool, guests(args)?, range, backup)
        .await
        .map_err(|why| format!("refused: {why}"))?;
    let outcome = tokio::select! {
        outcome = tokio::time::timeout(DEADLINE, parts(&mut scratch)) => match outcome {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("not over after {} s", DEADLINE.as_secs())),
        },
        _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
    };
    if let Err(fault) = &outcome {
        eprintln!("FAILED: {fault}");
    }
    println!("\ncleaning up");
    let cleaned = clean::up(&mut scratch).await;
    for what in &scratch.skipped {
        eprintln!("SKIPPED: {what}");
    }
    let compared = if outcome.is_ok() { compare(called, args, &scratch.observations) } else { Ok(()) };
    cleaned?;
    outcome?;
    compared
}

async fn parts(scratch: &mut Scratch) -> Result<(), String> {
    pools::part(scratch).await?;
    machines::part(scratch).await?;
    containers::part(scratch).await?;
    backup_server::part(scratch).await
}

/// Against the simulator they have to be the same as ever; against another server differences are what there is to learn.
fn compare(called: &Args, args: &Args, observations: &Observations) -> Result<(), String> {
    if args.record {
        return observations.record();
    }
    let differences = observations.differences()?;
    for difference in &differences {
        println!("{difference}");
    }
    println!("{} observations, {} of them differ from the simulator's", observations.len(), differences.len());
    if called.sim && !differences.is_empty() {
        return Err("the simulator is not what fixtures/integration.json says; --record writes it anew".to_owned());
    }
    Ok(())
}
