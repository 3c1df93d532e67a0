//! The daemon put together: keys, users table, store, platform, façade, listener; and taken apart again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bnna_api_kit::{ServerOptions, metrics, serve};
use bnna_auth::limits::FailureLimit;
use bnna_auth::seal::{MasterKey, MasterKeys, SealError};
use bnna_auth::users_table::{UsersTable, UsersTableError};
use bnna_platform::clusters::{ClientSettings, ClusterSettings, Trust};
use bnna_platform::condition::KeyFiles;
use bnna_platform::{Platform, Settings};
use bnna_store::{Options, Store};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{ClusterConfig, Config};
use crate::tls::{self, TlsError};

/// How long requests and operations may go on once the daemon was asked to end.
const SHUTDOWN: Duration = Duration::from_secs(10);
/// How often the users table is looked at for changes.
const USERS_EVERY: Duration = Duration::from_secs(2);

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The master key file.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// csvauth's key file.
    #[error(transparent)]
    CsvauthKey(#[from] bnna_auth::csvauth::KeyError),
    /// The users table.
    #[error(transparent)]
    Users(#[from] UsersTableError),
    /// The store.
    #[error("the store {}: {source}", file.display())]
    Store {
        /// Its file.
        file: PathBuf,
        /// Why.
        source: bnna_store::Error,
    },
    /// The platform.
    #[error(transparent)]
    Platform(#[from] bnna_platform::StartError),
    /// A cluster of the configuration.
    #[error("cluster {host}: {message}")]
    Cluster {
        /// Which.
        host: String,
        /// Why.
        message: String,
    },
    /// Certificate or key of the listener.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// The store's file in its directory.
pub fn store_file(directory: &Path) -> PathBuf {
    directory.join("bnna.sqlite3")
}

/// Every kind of operation that there is.
#[must_use]
pub fn operation_kinds() -> Vec<&'static str> {
    Platform::operation_kinds()
}

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    address: SocketAddr,
    platform: Platform,
    drain: Duration,
    stop: CancellationToken,
    served: JoinHandle<()>,
    watched: JoinHandle<()>,
    measured: JoinHandle<()>,
}

impl Daemon {
    /// Starts everything. When this returns, requests are answered.
    ///
    /// # Errors
    /// See [`StartError`]; a cluster that does not answer is none.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        match metrics::start() {
            Ok(()) => bnna_platform::measures::describe(),
            Err(error) => tracing::warn!(error, "there are no metrics"),
        }
        let masters = MasterKeys { current: MasterKey::load(&config.auth.master_key_file)?, previous: None };
        let csvauth_key = bnna_auth::csvauth::Key::load(&config.auth.csvauth_key_file)?;
        let users = Arc::new(UsersTable::open(&config.auth.users_file, csvauth_key)?);
        report(&users);
        let tls = config.server.tls.as_ref().map(|(certificate, key)| tls::server(certificate, key)).transpose()?;
        let address = config.server.listen;
        // The address before the store: a second bnpd by mistake is told so before it touches anything.
        let listener = TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
        let file = store_file(&config.store_directory);
        let store = Store::open(Options::new(&file)).await.map_err(|source| StartError::Store { file, source })?;
        let platform = Platform::start(store, &masters, Arc::clone(&users), settings(config)).await?;
        for cluster in &config.clusters {
            declare(&platform, cluster).await?;
        }
        let watched = tokio::spawn(Arc::clone(&users).watch(USERS_EVERY));
        let measured = tokio::spawn(metrics::keep_up());
        let options = bnna_api_kit::Options {
            body_limit: config.server.body_limit,
            deadline: config.server.request_timeout,
            failures: FailureLimit::per_minute(config.auth.failures_per_minute),
            ..bnna_api_kit::Options::default()
        };
        let app = bnna_api_platform::app(platform.clone(), options);
        let server = ServerOptions {
            connections: config.server.connections,
            shutdown_deadline: SHUTDOWN,
            ..ServerOptions::default()
        };
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(listener, app, tls, server, stop.clone()));
        tracing::info!(%address, clusters = config.clusters.len(), "bnpd serves");
        Ok(Self { address, platform, drain: config.server.drain, stop, served, watched, measured })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The platform behind it.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Reads the users table again, now.
    pub fn reload(&self) {
        match self.platform.users().reload() {
            Ok(()) => report(self.platform.users()),
            Err(error) => tracing::error!(%error, "users table not reloaded, the one before stays in use"),
        }
    }

    /// Ends: `/readyz` says so while the daemon drains, then there are no new requests, those under way end, operations come to
    /// their next boundary, the store is closed.
    pub async fn shutdown(self) {
        self.platform.is_ending();
        tokio::time::sleep(self.drain).await;
        self.stop.cancel();
        if let Err(error) = self.served.await {
            tracing::error!(%error, "the server did not end well");
        }
        self.platform.shutdown(SHUTDOWN).await;
        self.watched.abort();
        self.measured.abort();
        self.platform.store().clone().close().await;
        tracing::info!("bnpd has ended");
    }
}

/// Says what is odd about the users table.
fn report(users: &UsersTable) {
    let status = users.status();
    if let Some(error) = &status.error {
        tracing::error!(file = %status.file.display(), error, "the users table is not in use as it is");
    }
    for warning in &status.warnings {
        tracing::warn!(file = %status.file.display(), "users table: {warning}");
    }
    tracing::info!(file = %status.file.display(), rows = status.rows, "users table");
}

fn settings(config: &Config) -> Settings {
    Settings {
        clients: ClientSettings {
            deadline: config.platform.cluster_deadline,
            connect: config.platform.cluster_connect,
            calls: config.platform.cluster_calls,
            waiting: config.platform.cluster_waiting,
            listing_age: config.platform.listing_age,
            observer: Some(Arc::new(bnna_api_platform::TimingObserver)),
            ..ClientSettings::default()
        },
        task_deadline: config.platform.task_deadline,
        ssh_keys_file: config.platform.ssh_keys_file.clone(),
        base_domain: config.platform.base_domain.clone(),
        canary_every: config.platform.canary_every,
        key_files: KeyFiles {
            master: Some(config.auth.master_key_file.clone()),
            csvauth: Some(config.auth.csvauth_key_file.clone()),
        },
        ..Settings::default()
    }
}

/// Takes a cluster of the configuration into use.
async fn declare(platform: &Platform, cluster: &ClusterConfig) -> Result<(), StartError> {
    let failed = |message: String| StartError::Cluster { host: cluster.host.to_string(), message };
    let trust = match (&cluster.ca_file, cluster.fingerprints.is_empty()) {
        (Some(file), _) => {
            let pem = std::fs::read_to_string(file).map_err(|error| failed(format!("{}: {error}", file.display())))?;
            Trust::Ca(pem)
        }
        (None, false) => Trust::Fingerprints(cluster.fingerprints.clone()),
        (None, true) => Trust::System,
    };
    let settings = ClusterSettings {
        host: cluster.host.clone(),
        name: cluster.name.clone(),
        addresses: cluster.addresses.clone(),
        trust,
        token_id: cluster.token_id.clone(),
        token_rotated_at: None,
        base_domain: cluster.base_domain.clone(),
        supernets: cluster.supernets.clone(),
        default_node: cluster.default_node.clone(),
        default_storage: cluster.default_storage.clone(),
    };
    let declared = platform.declare_cluster(settings, cluster.token_secret.clone()).await;
    declared.map_err(|error| failed(error.to_string()))
}
