//! `bnpd record`: a seed from any Proxmox VE that can be read.

use std::path::PathBuf;

use proxmox_client::{Pve, Trust};
use proxmox_sim::seed::{RecordError, Recorded, record};

/// Which cluster, and where to.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// A node's address, `host` or `host:port`; several nodes of one cluster may be given.
    #[arg(long, required = true, value_name = "ADDRESS")]
    pub address: Vec<String>,
    /// The API token, `user@realm!name`. What it may not see is left out and named; Sys.Audit, VM.Audit and the like on / see all.
    #[arg(long, value_name = "ID")]
    pub token_id: String,
    /// File with the token's secret alone.
    #[arg(long, value_name = "FILE")]
    pub token_secret_file: PathBuf,
    /// SHA-256 fingerprint of a node's certificate; may be repeated.
    #[arg(long, value_name = "FINGERPRINT", conflicts_with = "ca_file")]
    pub fingerprint: Vec<String>,
    /// PEM file of the CA that signs the nodes' certificates. Without fingerprint and CA the system's roots decide.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// A new or empty directory.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The secret's file.
    #[error("{}: {source}", file.display())]
    Secret {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Address, token or trust.
    #[error(transparent)]
    Build(#[from] proxmox_client::BuildError),
    /// The recording.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Records.
///
/// # Errors
/// See [`CommandError`].
pub async fn run(args: &Args) -> Result<Recorded, CommandError> {
    let file = args.token_secret_file.clone();
    let secret = std::fs::read_to_string(&file).map_err(|source| CommandError::Secret { file, source })?;
    let trust = match (&args.ca_file, args.fingerprint.is_empty()) {
        (Some(file), _) => Trust::CaFile(file.clone()),
        (None, false) => Trust::pinned(args.fingerprint.iter().map(String::as_str))?,
        (None, true) => Trust::SystemRoots,
    };
    let mut builder = Pve::builder().token(&args.token_id, secret.trim().to_owned()).trust(trust);
    for address in &args.address {
        builder = builder.address(address);
    }
    Ok(record(&builder.build()?, &args.out).await?)
}
