//! `cargo xtask integration`: one suite against a Proxmox VE (and a backup server): the simulator, or a real one that is in use.
//!
//! It touches nothing but what it made itself: a pool of its own, guests with VMIDs of the range that it was given, their backups, a namespace of
//! its own on the backup server. It refuses to begin when any of them is there, and takes everything away again, also after a failure, Ctrl-C,
//! SIGTERM or a terminal that is gone. What a server cannot do, such as containers where no storage takes them, is skipped aloud.
//!
//! Every step that is worth it leaves an observation: what the server said, without the names of this run. They are compared with those of the
//! simulator (`fixtures/integration.json`), and differences are printed: on a real server they are what the simulator does not get right.

/// Prints a line. Nobody reading any more is no reason to leave something behind.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

/// The same for what went wrong and what was left out.
macro_rules! complain {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

mod backup_server;
mod clean;
mod containers;
mod disks;
mod estates;
mod interrupted;
mod machines;
mod observations;
mod pools;
mod scratch;
mod simulated;
mod stop;

use std::path::PathBuf;

use proxmox_client::{Pbs, PoolId, Pve, Trust, Vmid};

use self::observations::Observations;
use self::scratch::Scratch;
use self::stop::Stop;

/// Guests that the suite makes.
const GUESTS: u32 = 4;
/// The widest range of VMIDs.
const WIDEST: u32 = 10_000;

/// Where, and what may be touched.
#[derive(clap::Args)]
pub struct Args {
    /// Starts simulators and runs against them: one that has everything, some that lack something, and with the suite interrupted.
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
        return runtime.block_on(simulated::run(args.record));
    }
    runtime.block_on(async {
        let seen = suite(args).await?;
        // On another server differences are what there is to learn.
        seen.observations.compare().map(|_| ())
    })
}

/// The stage of `cargo xtask ci`: against the simulator.
pub fn against_simulator() -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(simulated::run(false))
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

/// What a run leaves for its reader.
struct Seen {
    skipped: Vec<String>,
    observations: Observations,
}

async fn suite(args: &Args) -> Result<Seen, String> {
    let pve = client(args)?;
    let pool: PoolId = args.pool.parse().map_err(|error| format!("--pool: {error}"))?;
    let range = args.vmid_from.unwrap_or_default()..=args.vmid_to.unwrap_or_default();
    let (backup, stop) = (backup_client(args)?, Stop::listen()?);
    let mut scratch = Scratch::look(pve, args.node.as_deref(), pool, guests(args)?, range, backup, stop)
        .await
        .map_err(|why| format!("refused: {why}"))?;
    let outcome = parts(&mut scratch).await;
    if let Err(fault) = &outcome {
        complain!("FAILED: {fault}");
    }
    say!("\ncleaning up");
    let cleaned = clean::up(&mut scratch).await;
    for what in &scratch.skipped {
        complain!("SKIPPED: {what}");
    }
    cleaned?;
    outcome?;
    Ok(Seen { skipped: scratch.skipped, observations: scratch.observations })
}

async fn parts(scratch: &mut Scratch) -> Result<(), String> {
    pools::part(scratch).await?;
    machines::part(scratch).await?;
    disks::part(scratch).await?;
    containers::part(scratch).await?;
    backup_server::part(scratch).await
}
