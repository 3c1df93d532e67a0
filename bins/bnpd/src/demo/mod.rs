//! `bnpd demo`: two simulated Proxmox VE clusters and a simulated backup server, speaking the real protocol over TLS on loopback,
//! and bnpd over them with an embedded store; all in one process.
//!
//! Without `--data` everything lives in a new directory that goes when the demo ends. With it, a second start goes on where the
//! first was: accounts, guests, rights, tokens.

mod clusters;
mod grant;
mod guide;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use tempfile::TempDir;

use crate::compose::{Daemon, StartError};
use crate::config::{self, ClusterConfig, Config, Flags, Mistakes};
use crate::{init, logging};

use self::clusters::Estate;

/// How the demo is started.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Keep everything in this directory, and go on with what is in it. Without: a new one that goes when the demo ends.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Fill the first cluster from answers recorded on a real PVE.
    #[arg(long, value_name = "DIR")]
    pub seed: Option<PathBuf>,
    /// Address and port of the platform API; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8430")]
    pub listen: SocketAddr,
}

/// Why the demo does not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A directory or file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The keys and the configuration.
    #[error(transparent)]
    Init(#[from] init::InitError),
    /// The configuration in the directory was changed to something wrong.
    #[error(transparent)]
    Config(#[from] Mistakes),
    /// A simulator.
    #[error("the simulator: {0}")]
    Simulator(String),
    /// bnpd's token on a simulated cluster.
    #[error("granting bnpd its role on {host}: {message}")]
    Grant {
        /// Which cluster.
        host: String,
        /// Why.
        message: String,
    },
    /// bnpd itself.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Signals cannot be waited for.
    #[error("cannot wait for Ctrl-C: {0}")]
    Signal(std::io::Error),
}

/// Runs the demo until Ctrl-C or SIGTERM.
///
/// # Errors
/// Something does not start.
pub async fn run(args: Args) -> Result<(), DemoError> {
    // Listened for from the beginning: whoever reads the guide may end the demo at once.
    let signal = |kind| tokio::signal::unix::signal(kind).map_err(DemoError::Signal);
    let mut interrupt = signal(tokio::signal::unix::SignalKind::interrupt())?;
    let mut terminate = signal(tokio::signal::unix::SignalKind::terminate())?;
    let demo = Demo::start(args).await?;
    demo.print_guide().await;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    demo.shutdown().await
}

/// A running demo.
pub struct Demo {
    directory: PathBuf,
    /// Goes with the demo, where the directory is not to be kept.
    temporary: Option<TempDir>,
    token: SecretString,
    estate: Estate,
    daemon: Daemon,
}

impl Demo {
    /// Starts everything.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start(args: Args) -> Result<Self, DemoError> {
        let temporary = match &args.data {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix("bnpd-demo-")
                    .tempdir()
                    .map_err(|source| DemoError::File { path: std::env::temp_dir(), source })?,
            ),
        };
        let directory = match (&args.data, &temporary) {
            (Some(directory), _) => directory.clone(),
            (None, Some(temporary)) => temporary.path().to_owned(),
            (None, None) => PathBuf::from("."),
        };
        make(&directory)?;
        let directory =
            fs::canonicalize(&directory).map_err(|source| DemoError::File { path: directory.clone(), source })?;
        let token = operator_token(&directory)?;
        let mut config = configuration(&directory, args.listen)?;
        logging::start(&config.log);
        let estate = Estate::start(&directory, args.seed.as_deref()).await?;
        for cluster in estate.clusters() {
            let secret = grant::token(&directory, cluster).await?;
            config.clusters.push(declared(cluster, secret)?);
        }
        let daemon = Daemon::start(&config).await?;
        Ok(Self { directory, temporary, token, estate, daemon })
    }

    /// Where the platform API listens.
    pub fn address(&self) -> SocketAddr {
        self.daemon.address()
    }

    /// The operator's token.
    pub fn operator_token(&self) -> &SecretString {
        &self.token
    }

    /// The simulated clusters.
    pub fn simulators(&self) -> &Estate {
        &self.estate
    }

    /// The daemon.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// What the demo prints: addresses, the token, and five lines to paste.
    pub async fn guide(&self) -> String {
        guide::text(self).await
    }

    /// Prints the guide; that nobody reads it is no reason to end.
    async fn print_guide(&self) {
        use std::io::Write as _;
        let text = format!("{}\n", self.guide().await);
        let mut out = std::io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            tracing::debug!("nobody reads the guide");
        }
    }

    /// Ends everything; with `--data` what the clusters hold is kept, without nothing is.
    ///
    /// # Errors
    /// The state cannot be written.
    pub async fn shutdown(self) -> Result<(), DemoError> {
        self.daemon.shutdown().await;
        self.estate.shutdown(self.temporary.is_none().then_some(self.directory.as_path())).await?;
        match self.temporary {
            Some(temporary) => temporary.close().map_err(|source| DemoError::File { path: self.directory, source }),
            None => Ok(()),
        }
    }
}

fn make(directory: &Path) -> Result<(), DemoError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| DemoError::File { path: directory.to_owned(), source })
}

/// The operator's token: made at the first start, kept beside the rest.
fn operator_token(directory: &Path) -> Result<SecretString, DemoError> {
    let file = directory.join("operator.token");
    let etc = directory.join("etc");
    if etc.join("bnpd.toml").exists() && file.exists() {
        let text = fs::read_to_string(&file).map_err(|source| DemoError::File { path: file, source })?;
        return Ok(SecretString::from(text.trim()));
    }
    // A start that was cut off before the token was kept begins anew: nobody has seen that token.
    for name in ["users.tsv", "bnpd.toml"] {
        let path = etc.join(name);
        if path.exists() {
            fs::remove_file(&path).map_err(|source| DemoError::File { path, source })?;
        }
    }
    let written = init::run(&etc, &directory.join("store"))?;
    let token = written.token.map(|token| token.expose().to_owned()).unwrap_or_default();
    grant::keep(&file, &token)?;
    Ok(SecretString::from(token))
}

fn configuration(directory: &Path, listen: SocketAddr) -> Result<Config, DemoError> {
    let flags = Flags { listen: Some(listen.to_string()), directory: None };
    let mut config = config::load(Some(&directory.join("etc/bnpd.toml")), &flags).config?;
    config.clusters.clear();
    // People read it: warnings and errors, as text.
    config.log = config::LogConfig { json: false, filter: "warn".to_owned() };
    config.platform.base_domain = Some("a.bnna.test".to_owned());
    // What people do on the simulators by hand shows at once.
    config.platform.listing_age = std::time::Duration::ZERO;
    Ok(config)
}

fn declared(cluster: &clusters::Simulated, secret: SecretString) -> Result<ClusterConfig, DemoError> {
    let host = bnna_core::ClusterHost::parse(cluster.host).map_err(|error| DemoError::Simulator(error.to_string()))?;
    Ok(ClusterConfig {
        host,
        name: cluster.host.to_owned(),
        addresses: cluster.addresses(),
        fingerprints: cluster.fingerprints(),
        ca_file: None,
        token_id: grant::TOKEN.to_owned(),
        token_secret: secret,
        base_domain: None,
        supernets: vec!["10.11.0.0/16".to_owned()],
        default_node: None,
        default_storage: cluster.default_storage(),
    })
}
