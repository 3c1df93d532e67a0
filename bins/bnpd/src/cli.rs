//! The command line of bnpd. In the library, so that the suites run the same program with handles of their own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{self, Flags};
use crate::{Daemon, backup, demo, init, logging, record};

/// The bnna API server: turns Proxmox VE clusters into a multi-tenant hosting platform.
#[derive(Parser)]
#[command(name = "bnpd", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API over the configured clusters, until SIGINT or SIGTERM. SIGHUP reads the users table again.
    Serve(Configured),
    /// Start two simulated clusters, a simulated backup server and bnpd in this process, on loopback.
    Demo(demo::Args),
    /// Write down what a Proxmox VE cluster shows, as a directory that `demo --seed` starts from. It only reads.
    Record(record::Args),
    /// Print every value of the configuration, where it came from, and all that is wrong with it.
    CheckConfig(Configured),
    /// Write a commented configuration, the key files and a users table with a first operator.
    Init {
        /// The directory to write to.
        #[arg(default_value = "/etc/bnna")]
        directory: PathBuf,
        /// Where the store shall be.
        #[arg(long, default_value = "/var/lib/bnna")]
        data: PathBuf,
    },
    /// The embedded store.
    Store {
        #[command(subcommand)]
        command: StoreCommand,
    },
}

#[derive(Subcommand)]
enum StoreCommand {
    /// Copy the store to a new file, while bnpd runs or not.
    Backup {
        /// The new file.
        file: PathBuf,
        #[command(flatten)]
        configured: Configured,
    },
}

#[derive(clap::Args)]
struct Configured {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/bnna/bnpd.toml")]
    config: PathBuf,
    /// Address and port to listen on, instead of the configured ones.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The store's directory, instead of the configured one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Configured {
    fn load(&self) -> config::Explained {
        let flags = Flags { listen: self.listen.clone(), directory: self.data.clone() };
        config::load(Some(&self.config), &flags)
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start: {error}")),
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Serve(configured) => serve(&configured).await,
            Command::Demo(args) => demo::run(args).await.map_err(|error| error.to_string()),
            Command::Record(args) => recorded(&args).await,
            Command::CheckConfig(configured) => check(&configured),
            Command::Init { directory, data } => write(&directory, &data),
            Command::Store { command: StoreCommand::Backup { file, configured } } => copy(&file, &configured).await,
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => failed(&message),
    }
}

#[allow(clippy::print_stderr, reason = "a program tells its user why it ends")]
fn failed(message: &str) -> ExitCode {
    eprintln!("bnpd: {}", message.trim_end());
    ExitCode::FAILURE
}

async fn serve(configured: &Configured) -> Result<(), String> {
    let config = configured.load().config.map_err(|mistakes| mistakes.to_string())?;
    logging::start(&config.log);
    let failed = |error: std::io::Error| format!("cannot listen for signals: {error}");
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let daemon = Daemon::start(&config).await.map_err(|error| error.to_string())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => daemon.reload(),
        }
    }
    daemon.shutdown().await;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "what the command is for")]
fn check(configured: &Configured) -> Result<(), String> {
    let explained = configured.load();
    print!("{}", config::table(&explained.shown));
    match explained.config {
        Ok(config) => {
            println!("\nthe configuration has no mistakes; {} cluster(s)", config.clusters.len());
            Ok(())
        }
        Err(mistakes) => Err(mistakes.to_string()),
    }
}

#[allow(clippy::print_stdout, reason = "what the command is for")]
fn write(directory: &Path, data: &Path) -> Result<(), String> {
    let written = init::run(directory, data).map_err(|error| error.to_string())?;
    for file in &written.made {
        println!("wrote {}", file.display());
    }
    for file in &written.kept {
        println!("kept  {}", file.display());
    }
    if let Some(token) = &written.token {
        println!("\nThe first operator's token, shown once: {}", token.expose());
    }
    println!("\nNext: add a [[clusters]] table to {} (docs/operator-token.md), then", written.config.display());
    println!("  bnpd check-config --config {0}\n  bnpd serve --config {0}", written.config.display());
    Ok(())
}

#[allow(clippy::print_stdout, reason = "what the command is for")]
async fn recorded(args: &record::Args) -> Result<(), String> {
    let recorded = record::run(args).await.map_err(|error| error.to_string())?;
    for (call, why) in &recorded.missing {
        println!("left out GET {call}: {why}");
    }
    println!("wrote {} answers to {}; secrets are never in them", recorded.answers, args.out.display());
    Ok(())
}

async fn copy(file: &Path, configured: &Configured) -> Result<(), String> {
    let config = configured.load().config.map_err(|mistakes| mistakes.to_string())?;
    backup::run(&config.store_directory, file).await.map_err(|error| error.to_string())
}
