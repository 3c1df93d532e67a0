//! The handle of the platform: what it is made of, how it starts, how it ends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bnna_auth::acceptance::AcceptanceCache;
use bnna_auth::seal::{MasterKeys, Sealer};
use bnna_auth::users_table::UsersTable;
use bnna_operations::{Operations, Registry};
use bnna_store::Store;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Adopt, Canary, CanaryRound, Create, Delete, Repair, SetStatus, SyncAcls};
use crate::clock::Clock;
use crate::clusters::{ClientSettings, Clusters, RotateToken, Script};
use crate::condition::KeyFiles;
use crate::error::Error;
use crate::estate::Estate;
use crate::instances::{AdoptInstance, Destroy, Last};
use crate::keyring::{self, KeyError};
use crate::origin;
use crate::readiness::Readiness;
use crate::rehearsal::Turns;
use crate::repeats::Held;

/// What the platform is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How clusters are asked.
    pub clients: ClientSettings,
    /// How long an operation waits for one Proxmox task.
    pub task_deadline: Duration,
    /// The operators' authorized_keys file.
    pub ssh_keys_file: Option<PathBuf>,
    /// Base domain of direct names where a cluster has none of its own.
    pub base_domain: Option<String>,
    /// How often every account's canary is sent; never unless given.
    pub canary_every: Option<Duration>,
    /// The key files that it was started from, to tell when they are gone.
    pub key_files: KeyFiles,
    /// How operations run.
    pub operations: bnna_operations::Settings,
}

impl Default for Settings {
    /// A failed step that was not sent is tried three times within a second.
    fn default() -> Self {
        Self {
            clients: ClientSettings::default(),
            task_deadline: Duration::from_secs(3600),
            ssh_keys_file: None,
            base_domain: None,
            canary_every: None,
            key_files: KeyFiles::default(),
            operations: bnna_operations::Settings {
                attempts: 3,
                backoff: Duration::from_millis(200),
                step_timeout: Duration::from_secs(2 * 3600),
                ..bnna_operations::Settings::default()
            },
        }
    }
}

/// Why the platform does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The key file does not open the store's secrets.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store.
    #[error(transparent)]
    Store(#[from] bnna_store::Error),
    /// There is no randomness.
    #[error("the system gave no random bytes")]
    NoRandom,
    /// A stored cluster cannot be used.
    #[error("cluster {host}: {error}")]
    Cluster {
        /// Which.
        host: String,
        /// Why.
        error: Box<Error>,
    },
    /// Operations that were under way could not be taken up.
    #[error(transparent)]
    Operations(#[from] bnna_operations::Error),
}

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    inner: Arc<Inner>,
}

struct Inner {
    estate: Estate,
    engine: Operations<Estate>,
    sealer: Sealer,
    users: Arc<UsersTable>,
    pve_tokens: AcceptanceCache<String>,
    settings: Settings,
    readiness: Readiness,
    clock: Clock,
    last_joined: Last,
    ended: CancellationToken,
    rehearsals: Turns,
    held: Held,
    /// Whether everything is only tried.
    on_stage: bool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platform").field("clusters", &self.inner.estate.clusters.hosts()).finish_non_exhaustive()
    }
}

/// How many judgements on Proxmox tokens are remembered.
const PVE_TOKENS: usize = 1024;

/// Every kind of operation.
pub(crate) fn workflows() -> Registry<Estate> {
    Registry::new()
        .with::<Create>()
        .with::<Adopt>()
        .with::<SetStatus>()
        .with::<SyncAcls>()
        .with::<Repair>()
        .with::<Canary>()
        .with::<CanaryRound>()
        .with::<Delete>()
        .with::<Destroy>()
        .with::<AdoptInstance>()
        .with::<RotateToken>()
}

impl Platform {
    /// Starts over an open store: opens its secrets, takes its clusters into use, and goes on with operations that were under
    /// way.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        store: Store,
        masters: &MasterKeys,
        users: Arc<UsersTable>,
        settings: Settings,
    ) -> Result<Self, StartError> {
        let operations =
            bnna_operations::Settings { around: Some(Arc::new(origin::in_operation)), ..settings.operations };
        let settings = Settings { operations, ..settings };
        let sealer = keyring::unlock(&store, masters).await?;
        let clusters = Arc::new(Clusters::new(settings.clients.clone()));
        crate::clusters::load(&store, &sealer, &clusters).await?;
        let estate =
            Estate { store: store.clone(), clusters, sealer: sealer.clone(), task_deadline: settings.task_deadline };
        let engine = Operations::new(store, estate.clone(), workflows(), settings.operations.clone());
        let pve_tokens = AcceptanceCache::new(PVE_TOKENS).map_err(|_| StartError::NoRandom)?;
        let ended = CancellationToken::new();
        let inner = Inner {
            estate,
            engine,
            sealer,
            users,
            pve_tokens,
            settings,
            readiness: Readiness::default(),
            clock: Clock::default(),
            last_joined: Last::default(),
            ended,
            rehearsals: Turns::default(),
            held: Held::default(),
            on_stage: false,
        };
        let platform = Self { inner: Arc::new(inner) };
        platform.engine().resume_all().await?;
        platform.interrupt_the_gone().await;
        tokio::spawn(crate::operations::settle_as_they_end(platform.engine().events(), platform.downgrade()));
        if let Some(every) = platform.settings_in_use().canary_every {
            tokio::spawn(crate::accounts::canary_round::rounds(every, platform.downgrade()));
        }
        tokio::spawn(crate::clock::look_from_time_to_time(platform.downgrade()));
        tokio::spawn(crate::clusters::keep_up(platform.downgrade()));
        tokio::spawn(crate::retention::purge_from_time_to_time(platform.downgrade()));
        Ok(platform)
    }

    /// The same platform over a copy of its store and over clusters that write into a script what would change them. It resumes
    /// and purges nothing.
    pub(crate) fn on_stage(&self, copy: Store, script: &Arc<Script>) -> Result<Self, Error> {
        let real = &self.inner;
        let clusters = Arc::new(real.estate.clusters.rehearsal(script));
        let estate = Estate { store: copy.clone(), clusters, ..real.estate.clone() };
        let operations = bnna_operations::Settings { resume_every: None, ..real.settings.operations.clone() };
        let engine = Operations::new(copy, estate.clone(), workflows(), operations);
        let inner = Inner {
            estate,
            engine,
            sealer: real.sealer.clone(),
            users: Arc::clone(&real.users),
            pve_tokens: AcceptanceCache::new(1).map_err(|error| Error::Internal(error.to_string()))?,
            settings: real.settings.clone(),
            readiness: Readiness::default(),
            clock: Clock::default(),
            last_joined: Last::default(),
            ended: CancellationToken::new(),
            rehearsals: real.rehearsals.clone(),
            held: Held::default(),
            on_stage: true,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether everything is only tried.
    pub(crate) fn is_on_stage(&self) -> bool {
        self.inner.on_stage
    }

    pub(crate) fn rehearsals(&self) -> &Turns {
        &self.inner.rehearsals
    }

    pub(crate) fn held(&self) -> &Held {
        &self.inner.held
    }

    /// Told when the last handle is gone.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.inner.ended.clone()
    }

    /// The name of every kind of operation that there is.
    pub fn operation_kinds() -> Vec<&'static str> {
        workflows().kinds()
    }

    /// A handle that does not keep the platform alive.
    pub(crate) fn downgrade(&self) -> impl Fn() -> Option<Self> + Send + 'static {
        let weak = Arc::downgrade(&self.inner);
        move || weak.upgrade().map(|inner| Self { inner })
    }

    /// Ends: operations come to their next boundary, or are cut off after `up_to` and resumed at the next start.
    pub async fn shutdown(&self, up_to: Duration) {
        let cut = self.engine().shutdown(up_to).await;
        if cut > 0 {
            tracing::warn!(operations = cut, "operations were cut off; they are resumed at the next start");
        }
        self.settle().await;
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.inner.estate.store
    }

    /// Store and clusters.
    pub fn estate(&self) -> &Estate {
        &self.inner.estate
    }

    /// The operators' table.
    pub fn users(&self) -> &Arc<UsersTable> {
        &self.inner.users
    }

    /// What it was started with.
    pub fn settings_in_use(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn engine(&self) -> &Operations<Estate> {
        &self.inner.engine
    }

    pub(crate) fn last_joined(&self) -> &Last {
        &self.inner.last_joined
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    pub(crate) fn readiness(&self) -> &Readiness {
        &self.inner.readiness
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.inner.sealer
    }

    pub(crate) fn pve_tokens(&self) -> &AcceptanceCache<String> {
        &self.inner.pve_tokens
    }

    /// The operators' SSH public keys.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn ssh_keys(&self) -> Result<crate::views::SshKeys, Error> {
        let file = self.inner.settings.ssh_keys_file.clone();
        tokio::task::spawn_blocking(move || crate::ssh_keys::read(file.as_deref()))
            .await
            .map_err(|error| Error::Internal(error.to_string()))?
    }
}
