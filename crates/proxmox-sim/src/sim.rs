//! Embedding: build, start, look inside, break, stop.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{SchemaError, Table};
use crate::state::access::{Secret, Token};
use crate::state::{Clock, Cluster, Version};
use crate::wire::faults::{FaultRule, Faults, Watcher};
use crate::wire::pve::{Node, Shared};
use crate::wire::{admin, listen, tls};

/// Why a simulator does not start, or its state is not saved.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No certificate.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// A state file cannot be read or written.
    #[error("state file {path}")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A state file is not one.
    #[error("state file {path} is not a simulator's state")]
    Format {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The schema file cannot be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// There is no node.
    #[error("a cluster has at least one node")]
    NoNode,
}

/// An API token of root, as made at start.
#[derive(Clone)]
pub struct RootToken {
    /// `root@pam!name`.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl std::fmt::Debug for RootToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RootToken({}, [redacted])", self.id)
    }
}

/// What to start.
#[derive(Debug, Default)]
pub struct SimBuilder {
    cluster: Cluster,
    ports: BTreeMap<String, u16>,
    auth_delay: Option<Duration>,
    token: Option<RootToken>,
    schema: Option<PathBuf>,
    admin: Option<u16>,
}

impl SimBuilder {
    /// An empty cluster; add at least one node.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with a saved state.
    #[must_use]
    pub fn from_state(cluster: Cluster) -> Self {
        let mut builder = Self { cluster, ..Self::default() };
        builder.cluster.clock.resume();
        builder
    }

    /// Names the cluster; a node without a cluster name is a single one.
    #[must_use]
    pub fn cluster_name(mut self, name: &str) -> Self {
        self.cluster.name = Some(name.to_owned());
        self
    }

    /// Adds a node on any free port of the loopback.
    #[must_use]
    pub fn node(self, name: &str) -> Self {
        self.node_on(name, 0)
    }

    /// Adds a node, or gives one of a loaded state its port (0 for any).
    #[must_use]
    pub fn node_on(mut self, name: &str, port: u16) -> Self {
        let now = self.cluster.now();
        self.cluster.nodes.add(name, now);
        self.ports.insert(name.to_owned(), port);
        self
    }

    /// The version that the nodes say they are, `9.1.6` if not given. Calls and parameters that it does not have are refused.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.cluster.version = Version::new(version);
        self
    }

    /// How long a refused credential waits; the real 3 s are for demonstrations, the default is none.
    #[must_use]
    pub fn auth_delay(mut self, delay: Duration) -> Self {
        self.auth_delay = Some(delay);
        self
    }

    /// The cluster's clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.cluster.clock = clock;
        self
    }

    /// Makes the token `root@pam!name` without privilege separation; its secret is random if not given. A loaded state keeps the
    /// secret that it has.
    #[must_use]
    pub fn root_token(mut self, name: &str, secret: Option<&str>) -> Self {
        let user = self.cluster.access.users.entry("root@pam".to_owned()).or_default();
        let token = user.tokens.entry(name.to_owned()).or_insert_with(|| Token {
            secret: Secret(secret.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)),
            ..Token::default()
        });
        self.token = Some(RootToken { id: format!("root@pam!{name}"), secret: token.secret.0.clone() });
        self
    }

    /// Sets a user's password; the user is made if it is not there.
    #[must_use]
    pub fn password(mut self, userid: &str, password: &str) -> Self {
        self.cluster.access.set_password(userid, password);
        self
    }

    /// Feeds the verifier the whole official API from the schema file that PVE ships (JSON, gzip or not): calls that are not simulated
    /// are then verified too, and answer 501 only after that.
    #[must_use]
    pub fn schema_file(mut self, path: &Path) -> Self {
        self.schema = Some(path.to_owned());
        self
    }

    /// Opens the simulator's own port for faults and time ([`crate::wire::admin`]); 0 for any.
    #[must_use]
    pub fn admin_port(mut self, port: u16) -> Self {
        self.admin = Some(port);
        self
    }

    /// Changes the state before the start.
    #[must_use]
    pub fn state(mut self, change: impl FnOnce(&mut Cluster)) -> Self {
        change(&mut self.cluster);
        self
    }

    /// Starts listening: one port per node.
    ///
    /// # Errors
    /// [`SimError::NoNode`], [`SimError::Listen`], [`SimError::Tls`].
    pub async fn start(mut self) -> Result<Sim, SimError> {
        if self.cluster.nodes.is_empty() {
            return Err(SimError::NoNode);
        }
        self.cluster.make_certificates()?;
        let names: Vec<String> = self.cluster.nodes.iter().map(|node| node.name.clone()).collect();
        let mut configs = BTreeMap::new();
        for node in self.cluster.nodes.iter() {
            configs.insert(node.name.clone(), Arc::new(RwLock::new(tls::server_config(node.shown())?)));
        }
        let mut table = Table::pve();
        if let Some(path) = &self.schema {
            table.extend_from_schema(path)?;
        }
        let shared = Arc::new(Shared {
            cluster: std::sync::Mutex::new(self.cluster),
            table,
            faults: Faults::default(),
            auth_delay: self.auth_delay.unwrap_or_default(),
            tls: configs,
        });
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let mut addresses = BTreeMap::new();
        for name in names {
            let address = SocketAddr::from(([127, 0, 0, 1], self.ports.get(&name).copied().unwrap_or(0)));
            let listener = TcpListener::bind(address).await.map_err(|source| SimError::Listen { address, source })?;
            let bound = listener.local_addr().map_err(|source| SimError::Listen { address, source })?;
            let Some(config) = shared.tls.get(&name) else { continue };
            let service = Arc::new(Node { name: name.clone(), shared: shared.clone() });
            tasks.spawn(listen::serve(listener, config.clone(), service, stop.clone(), tasks.clone()));
            addresses.insert(name, bound);
        }
        let mut admin = None;
        if let Some(port) = self.admin {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let listener = TcpListener::bind(address).await.map_err(|source| SimError::Listen { address, source })?;
            admin = Some(listener.local_addr().map_err(|source| SimError::Listen { address, source })?);
            tasks.spawn(admin::serve(listener, shared.clone(), stop.clone(), tasks.clone()));
        }
        Ok(Sim { shared, addresses, admin, token: self.token, stop, tasks })
    }
}

/// A running simulator. Dropping it stops it; [`Sim::shutdown`] also waits.
#[derive(Debug)]
pub struct Sim {
    shared: Arc<Shared>,
    addresses: BTreeMap<String, SocketAddr>,
    admin: Option<SocketAddr>,
    token: Option<RootToken>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Sim {
    /// The address of a node.
    #[must_use]
    pub fn address(&self, node: &str) -> Option<SocketAddr> {
        self.addresses.get(node).copied()
    }

    /// All addresses by node.
    #[must_use]
    pub fn addresses(&self) -> &BTreeMap<String, SocketAddr> {
        &self.addresses
    }

    /// The simulator's own port, when it was asked for.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// `https://127.0.0.1:PORT` of a node.
    #[must_use]
    pub fn url(&self, node: &str) -> Option<String> {
        self.address(node).map(|address| format!("https://{address}"))
    }

    /// SHA-256 fingerprint of a node's certificate, colon-separated upper-case hex.
    #[must_use]
    pub fn fingerprint(&self, node: &str) -> Option<String> {
        self.shared.lock().nodes.get(node).map(|node| node.fingerprint.clone())
    }

    /// The authority that signed the nodes' certificates, PEM.
    #[must_use]
    pub fn authority(&self) -> String {
        self.shared.lock().nodes.authority.certificate.clone()
    }

    /// The token that [`SimBuilder::root_token`] made.
    #[must_use]
    pub fn root_token(&self) -> Option<&RootToken> {
        self.token.as_ref()
    }

    /// Looks at the state, or changes it behind everybody's back.
    pub fn with_state<T>(&self, change: impl FnOnce(&mut Cluster) -> T) -> T {
        let mut cluster = self.shared.lock();
        cluster.settle();
        let result = change(&mut cluster);
        cluster.rights_changed();
        result
    }

    /// Adds a fault.
    pub fn inject(&self, rule: FaultRule) {
        self.shared.faults.inject(rule);
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Has every request shown to `watcher`, which may let it go wrong; `None` ends that. For tests that have to strike at one
    /// certain call, at one certain moment of it.
    pub fn watch(&self, watcher: Option<Watcher>) {
        self.shared.faults.watch(watcher);
    }

    /// Gives a node a new certificate, as a renewal would; new connections see it.
    ///
    /// # Errors
    /// [`SimError::Tls`].
    pub fn renew_certificate(&self, node: &str) -> Result<(), SimError> {
        Ok(self.shared.renew_certificate(node)?)
    }

    /// Writes the state to a file (secrets included; the file is made readable by its owner only).
    ///
    /// # Errors
    /// [`SimError::File`].
    pub fn save(&self, path: &Path) -> Result<(), SimError> {
        self.with_state(|cluster| {
            cluster.clock.keep();
            cluster.save(path)
        })
    }

    /// Stops, and waits until every connection is closed.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(5), self.tasks.wait()).await;
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
