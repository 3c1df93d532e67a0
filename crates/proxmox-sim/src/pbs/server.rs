//! Embedding: build, start, look inside, break, stop.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::sim::{RootToken, SimError};
use crate::state::Clock;
use crate::wire::faults::{FaultRule, Faults};
use crate::wire::{listen, tls};

use super::datastore::Snapshot;
use super::http::{Server, Shared};
use super::link::BackupLink;
use super::state::Pbs;
use super::table::Table;

/// What to start.
#[derive(Debug)]
pub struct PbsBuilder {
    pbs: Pbs,
    port: u16,
    auth_delay: Duration,
    token: Option<RootToken>,
}

impl PbsBuilder {
    /// An empty server of this host name, on any free port of the loopback.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::from_state(Pbs { name: name.to_owned(), ..Pbs::default() })
    }

    /// Goes on with a saved state.
    #[must_use]
    pub fn from_state(mut pbs: Pbs) -> Self {
        pbs.clock.resume();
        Self { pbs, port: 0, auth_delay: Duration::ZERO, token: None }
    }

    /// The port to listen on; 0 for any.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The version that it says it is, `3.2.4` if not given. Calls, parameters and keys of version 4 show from `4.…` on.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.pbs.version);
        self
    }

    /// The server's clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.pbs.booted = clock.now();
        self.pbs.clock = clock;
        self
    }

    /// How long a refused credential waits; the real 3 s are for demonstrations, the default is none.
    #[must_use]
    pub fn auth_delay(mut self, delay: Duration) -> Self {
        self.auth_delay = delay;
        self
    }

    /// Adds a datastore.
    #[must_use]
    pub fn datastore(mut self, name: &str) -> Self {
        self.pbs.add_datastore(name);
        self
    }

    /// Makes the token `root@pam!name` with the role Admin on `/`; its secret is random if not given. A loaded state keeps the secret
    /// that it has.
    #[must_use]
    pub fn root_token(mut self, name: &str, secret: Option<&str>) -> Self {
        let id = format!("root@pam!{name}");
        let secret = self.pbs.add_token(&id, secret);
        self.pbs.grant("/", &id, "Admin");
        self.token = Some(RootToken { id, secret });
        self
    }

    /// Makes a token (and its user) and gives both these roles on these paths: a token never has more than its user.
    #[must_use]
    pub fn token(mut self, id: &str, secret: Option<&str>, grants: &[(&str, &str)]) -> Self {
        self.pbs.add_token(id, secret);
        for (path, role) in grants {
            self.pbs.grant(path, id, role);
            if let Some((user, _)) = id.rsplit_once('!') {
                self.pbs.grant(path, user, role);
            }
        }
        self
    }

    /// Sets a user's password; the user is made if it is not there.
    #[must_use]
    pub fn password(mut self, userid: &str, password: &str) -> Self {
        self.pbs.set_password(userid, password);
        self
    }

    /// Adds a backup: datastore (made if it is not there), namespace (empty for the root), `type/id`, owner, Unix time, content.
    #[must_use]
    pub fn snapshot(
        mut self,
        datastore: &str,
        ns: &str,
        group: &str,
        owner: &str,
        time: i64,
        snapshot: Snapshot,
    ) -> Self {
        self.pbs.add_datastore(datastore);
        if let Some(store) = self.pbs.datastores.get_mut(datastore) {
            store.add_snapshot(ns, group, owner, time, snapshot);
        }
        self
    }

    /// Changes the state before the start.
    #[must_use]
    pub fn state(mut self, change: impl FnOnce(&mut Pbs)) -> Self {
        change(&mut self.pbs);
        self
    }

    /// Starts listening.
    ///
    /// # Errors
    /// [`SimError::Listen`], [`SimError::Tls`].
    pub async fn start(mut self) -> Result<PbsSim, SimError> {
        self.pbs.make_certificate()?;
        let config = Arc::new(RwLock::new(tls::server_config(&self.pbs.identity)?));
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let listener = TcpListener::bind(address).await.map_err(|source| SimError::Listen { address, source })?;
        let bound = listener.local_addr().map_err(|source| SimError::Listen { address, source })?;
        let shared = Arc::new(Shared {
            pbs: Arc::new(Mutex::new(self.pbs)),
            table: Table::new(),
            faults: Faults::default(),
            auth_delay: self.auth_delay,
        });
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let service = Arc::new(Server(shared.clone()));
        tasks.spawn(listen::serve(listener, config.clone(), service, stop.clone(), tasks.clone()));
        Ok(PbsSim { shared, address: bound, config, token: self.token, stop, tasks })
    }
}

/// A running backup server. Dropping it stops it; [`PbsSim::shutdown`] also waits.
#[derive(Debug)]
pub struct PbsSim {
    shared: Arc<Shared>,
    address: SocketAddr,
    config: Arc<RwLock<Arc<ServerConfig>>>,
    token: Option<RootToken>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl PbsSim {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// SHA-256 fingerprint of its certificate, colon-separated lower-case hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.with_state(|pbs| pbs.fingerprint.clone())
    }

    /// The token that [`PbsBuilder::root_token`] made.
    #[must_use]
    pub fn root_token(&self) -> Option<&RootToken> {
        self.token.as_ref()
    }

    /// What a simulated cluster needs to reach this server (see [`BackupLink`]).
    #[must_use]
    pub fn link(&self) -> BackupLink {
        BackupLink::new(self.shared.pbs.clone())
    }

    /// Looks at the state, or changes it behind everybody's back.
    pub fn with_state<T>(&self, change: impl FnOnce(&mut Pbs) -> T) -> T {
        change(&mut self.shared.lock())
    }

    /// Adds a fault. Rules for a node never strike here unless they name this server.
    pub fn inject(&self, rule: FaultRule) {
        self.shared.faults.inject(rule);
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Gives the server a new certificate; new connections see it.
    ///
    /// # Errors
    /// [`SimError::Tls`].
    pub fn renew_certificate(&self) -> Result<(), SimError> {
        let mut pbs = self.shared.lock();
        pbs.identity = tls::Identity::default();
        pbs.make_certificate()?;
        let fresh = tls::server_config(&pbs.identity)?;
        *self.config.write().unwrap_or_else(std::sync::PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Writes the state to a file (secrets included; the file is made readable by its owner only).
    ///
    /// # Errors
    /// [`SimError::File`].
    pub fn save(&self, path: &Path) -> Result<(), SimError> {
        self.with_state(|pbs| {
            pbs.clock.keep();
            pbs.save(path)
        })
    }

    /// Stops, and waits until every connection is closed.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(5), self.tasks.wait()).await;
    }
}

impl Drop for PbsSim {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
