//! `proxmox-sim`: a simulated Proxmox VE cluster, and a backup server if wanted, on the loopback, until SIGINT or SIGTERM.
//!
//! What it prints is meant for people and for programs: a line `NODE URL FINGERPRINT` a node, `backup-server URL FINGERPRINT`, `token ID=SECRET`,
//! `backup-token ID=SECRET`, `admin URL`, and `ready` when everything listens.

// A program for a terminal: it prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use proxmox_sim::pbs::{Pbs, PbsBuilder, PbsSim};
use proxmox_sim::seed::{Seed, SeedError};
use proxmox_sim::state::Clock;
use proxmox_sim::state::behaviour::Behaviour;
use proxmox_sim::storage::Definition;
use proxmox_sim::{Cluster, Sim, SimBuilder, SimError, synthetic};

/// A simulated Proxmox VE cluster that speaks the real wire protocol over TLS on 127.0.0.1.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// How many nodes: pve1, pve2, …
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    nodes: u16,
    /// Port of the first node; the others take the following ones. 0 takes any free ports.
    #[arg(long, default_value_t = 8006)]
    port: u16,
    /// Version that the nodes say they are.
    #[arg(long, default_value = "9.1.6")]
    pve_version: String,
    /// How fast simulated time runs.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// So many made-up guests.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    guests: u32,
    /// Starts from a directory of answers recorded on a real PVE, or from a file that --dump wrote, instead of from empty nodes.
    #[arg(long, value_name = "PATH", conflicts_with = "nodes")]
    seed: Option<PathBuf>,
    /// Goes on with the state in this file if it is there, and saves to it at the end; that of the backup server is beside it.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Writes the state to this file at the end.
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// The official API description (the schema file that every PVE ships), to verify calls that are not simulated, too.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Password of root@pam.
    #[arg(long, env = "PROXMOX_SIM_PASSWORD", default_value = "labroot123", hide_env_values = true)]
    password: String,
    /// Name of the token of root@pam.
    #[arg(long, default_value = "lab")]
    token: String,
    /// Secret of that token; random if not given.
    #[arg(long, env = "PROXMOX_SIM_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Seconds that a refused credential waits.
    #[arg(long, default_value_t = 3.0, value_parser = speed)]
    auth_delay: f64,
    /// Port for faults and time; 0 takes any free one.
    #[arg(long, value_name = "PORT")]
    admin_port: Option<u16>,
    /// Also starts a backup server on this port, with a datastore that the cluster has as storage `pbs`; 0 takes any free one.
    #[arg(long, value_name = "PORT")]
    pbs_port: Option<u16>,
    /// Writes the certificate of the nodes' authority to this file (PEM).
    #[arg(long, value_name = "FILE")]
    write_ca: Option<PathBuf>,
}

/// Name of the backup server that is started, and of the address by which the cluster knows it.
const BACKUP_SERVER: &str = "pbs1";
/// Its datastore.
const DATASTORE: &str = "ds1";
/// The token with which the cluster writes to it.
const BACKUP_TOKEN: &str = "pve@pbs!cluster";

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=1_000_000.0).contains(&number) => Ok(number),
        _ => Err("a number from 0 to 1000000".to_owned()),
    }
}

/// Why the program ends.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Sim(#[from] SimError),
    #[error(transparent)]
    Seed(#[from] SeedError),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn builder(args: &Args) -> Result<SimBuilder, Failure> {
    let saved = args.state.as_deref().filter(|path| path.exists()).map(Cluster::load).transpose()?;
    let mut builder = match saved {
        Some(cluster) => SimBuilder::from_state(cluster),
        None => first(args)?
            .state(|cluster| {
                cluster.clock.set_speed(args.speed);
                if !cluster.access.password_matches("root@pam", &args.password) {
                    cluster.access.set_password("root@pam", &args.password);
                }
            })
            .state(|cluster| synthetic::add_guests(cluster, args.guests)),
    };
    let mut names = Vec::new();
    builder = builder.state(|cluster| names.extend(cluster.nodes.iter().map(|node| node.name.clone())));
    for (name, offset) in names.iter().zip(0_u16..) {
        builder = builder.node_on(name, if args.port == 0 { 0 } else { args.port.saturating_add(offset) });
    }
    if let Some(schema) = &args.schema {
        builder = builder.schema_file(schema);
    }
    if let Some(port) = args.admin_port {
        builder = builder.admin_port(port);
    }
    let delay = Duration::from_secs_f64(args.auth_delay.min(60.0));
    Ok(builder.auth_delay(delay).root_token(&args.token, args.secret.as_deref()))
}

/// A cluster that was not there before.
fn first(args: &Args) -> Result<SimBuilder, Failure> {
    if let Some(seed) = &args.seed {
        let cluster = if seed.is_file() { Cluster::load(seed)? } else { Seed::load(seed)?.cluster };
        return Ok(SimBuilder::from_state(cluster));
    }
    let names: Vec<String> = (1..=args.nodes).map(|number| format!("pve{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let builder = SimBuilder::from_state(Cluster::fresh(&names)).version(&args.pve_version);
    Ok(builder.state(|cluster| cluster.behaviour = Behaviour::default()))
}

async fn run(args: &Args) -> Result<(), Failure> {
    let mut builder = builder(args)?;
    let server = match args.pbs_port {
        Some(port) => Some(backup_server(args, port).await?),
        None => None,
    };
    if let Some(server) = &server {
        builder = builder.state(|cluster| connect(cluster, server));
    }
    let sim = builder.start().await?;
    if let Some(path) = &args.write_ca {
        std::fs::write(path, sim.authority()).map_err(|source| Failure::File { path: path.clone(), source })?;
    }
    describe(&sim, server.as_ref());
    asked_to_stop().await;
    let files: Vec<&Path> = [&args.state, &args.dump].into_iter().flatten().map(PathBuf::as_path).collect();
    for file in files {
        sim.save(file)?;
        println!("saved {}", file.display());
    }
    if let Some(server) = server {
        if let Some(file) = &args.state {
            server.save(&beside(file))?;
        }
        server.shutdown().await;
    }
    sim.shutdown().await;
    Ok(())
}

/// The file of the backup server's state.
fn beside(state: &Path) -> PathBuf {
    state.with_extension("pbs.json")
}

async fn backup_server(args: &Args, port: u16) -> Result<PbsSim, Failure> {
    let kept = args.state.as_deref().map(beside).filter(|path| path.exists());
    let builder = match kept {
        Some(path) => PbsBuilder::from_state(Pbs::load(&path)?),
        None => PbsBuilder::new(BACKUP_SERVER)
            .version("4.2.6")
            .clock(Clock::with_speed(args.speed))
            .datastore(DATASTORE)
            .password("root@pam", &args.password)
            .token(BACKUP_TOKEN, None, &[(&format!("/datastore/{DATASTORE}"), "DatastoreAdmin")]),
    };
    let delay = Duration::from_secs_f64(args.auth_delay.min(60.0));
    Ok(builder.port(port).auth_delay(delay).root_token(&args.token, args.secret.as_deref()).start().await?)
}

/// Puts the server on the cluster's network, and its datastore among the cluster's storages.
fn connect(cluster: &mut Cluster, server: &PbsSim) {
    cluster.backup_servers.attach(BACKUP_SERVER, server.link());
    let secret = server.with_state(|pbs| pbs.tokens.get(BACKUP_TOKEN).map(|token| token.secret.0.clone()));
    let fingerprint = server.fingerprint();
    let options = [
        ("server", BACKUP_SERVER),
        ("datastore", DATASTORE),
        ("username", BACKUP_TOKEN),
        ("password", secret.as_deref().unwrap_or_default()),
        ("fingerprint", fingerprint.as_str()),
        ("content", "backup"),
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
    cluster.storages.define("pbs", Definition::new("pbs", options.into()));
}

/// Waits for SIGINT or SIGTERM.
async fn asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
        }
        Err(error) => {
            eprintln!("cannot wait for SIGTERM: {error}");
            let _ = interrupted.await;
        }
    }
}

fn describe(sim: &Sim, server: Option<&PbsSim>) {
    for (node, address) in sim.addresses() {
        println!("{node} https://{address} {}", sim.fingerprint(node).unwrap_or_default());
    }
    if let Some(server) = server {
        println!("backup-server {} {}", server.url(), server.fingerprint());
        if let Some(token) = server.root_token() {
            println!("backup-token {}={}", token.id, token.secret);
        }
    }
    if let Some(token) = sim.root_token() {
        println!("token {}={}", token.id, token.secret);
        if let Some(address) = sim.addresses().values().next() {
            let header = format!("Authorization: PVEAPIToken={}={}", token.id, token.secret);
            println!("try curl -k -H '{header}' https://{address}/api2/json/version");
        }
    }
    if let Some(address) = sim.admin_address() {
        println!("admin http://{address}");
    }
    println!("ready");
}
