//! One cluster: its settings, its client, and Proxmox's failures as ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bnna_core::Invalid;
use proxmox_client::{Class, Limits, Pve, TaskOutcome, Timeouts, Upid};
use secrecy::SecretString;

use super::listing::Changes;
use super::overview::Listings;
use super::queue::{Call, Depth, Queue, Turn, Waiter};
use super::rehearsal::{self, Script};
use super::settings::{ClientSettings, ClusterSettings, Trust};
use super::watch::Watch;
use crate::error::{Error, Reached, Upstream};
use crate::origin;

/// How soon a task is looked after first, and how often at the end: stopping and destroying a guest take a moment mostly.
const FIRST_LOOK: Duration = Duration::from_millis(150);
const LAST_LOOKS: Duration = Duration::from_secs(2);

/// A cluster in use.
pub struct Cluster {
    /// What it is addressed by.
    pub host: String,
    /// What is set for it.
    pub settings: ClusterSettings,
    pub(super) pve: Pve,
    pub(super) secret: SecretString,
    pub(super) clients: ClientSettings,
    pub(super) listings: Listings,
    queue: Arc<Queue>,
    /// Whether its last call was answered.
    answers: Arc<AtomicBool>,
    /// Where changes are written down instead, in a rehearsal.
    pub(super) script: Option<Arc<Script>>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Makes its client; nothing is sent yet.
    ///
    /// # Errors
    /// What is set cannot be used.
    pub fn new(settings: ClusterSettings, secret: SecretString, clients: &ClientSettings) -> Result<Self, Error> {
        let host = settings.host.to_string();
        let listings = Listings::new(clients.listing_age, Changes::default());
        let answers = Arc::new(AtomicBool::new(true));
        let watch = Watch {
            host: host.clone(),
            changes: listings.changes.clone(),
            answers: Arc::clone(&answers),
            next: clients.observer.clone(),
        };
        let pve = client(&settings, &settings.token_id, secret.clone(), clients, watch)?;
        let queue = Arc::new(Queue::new(clients.calls, clients.waiting, clients.deadline));
        Ok(Self { host, settings, pve, secret, clients: clients.clone(), listings, queue, answers, script: None })
    }

    /// The same cluster asked with another token.
    ///
    /// # Errors
    /// The token's id is malformed.
    pub fn with_token(&self, id: &str, secret: SecretString) -> Result<Self, Error> {
        let settings = ClusterSettings { token_id: id.to_owned(), ..self.settings.clone() };
        self.with(settings, secret)
    }

    /// The same cluster with other settings, a rehearsal's remaining one. A token that only the rehearsal made opens nothing: the
    /// present one reads in its place.
    pub(super) fn with(&self, settings: ClusterSettings, secret: SecretString) -> Result<Self, Error> {
        let other = Self::new(settings, secret, &self.clients)?;
        Ok(match &self.script {
            None => other,
            Some(script) if script.has_made_token(&self.host, &other.settings.token_id) => {
                Self { pve: self.pve.clone(), ..other }.on_stage(script)
            }
            Some(script) => other.on_stage(script),
        })
    }

    /// The same cluster once more: asked in the same turns; what is listed of it is its own, and never kept.
    pub(super) fn again(&self) -> Self {
        Self {
            host: self.host.clone(),
            settings: self.settings.clone(),
            pve: self.pve.clone(),
            secret: self.secret.clone(),
            clients: self.clients.clone(),
            listings: Listings::new(Duration::ZERO, self.listings.changes.clone()),
            queue: Arc::clone(&self.queue),
            answers: Arc::clone(&self.answers),
            script: self.script.clone(),
        }
    }

    /// bnpd's token there.
    pub fn token(&self) -> (&str, &SecretString) {
        (&self.settings.token_id, &self.secret)
    }

    /// A failure of Proxmox as one of ours.
    pub(super) fn failed(&self, error: &proxmox_client::Error) -> Error {
        let reached = match error.class() {
            Class::NeverSent => Reached::NotSent,
            Class::MaybeSent => Reached::Unknown,
            Class::Answered => Reached::Answered,
        };
        Error::Upstream(Upstream {
            system: self.host.clone(),
            message: error.to_string(),
            reached,
            status: error.status(),
            left: Vec::new(),
            perhaps_done: false,
        })
    }

    /// Waits until a task has ended well.
    ///
    /// # Errors
    /// It ended badly, with Proxmox's words; or it has not ended in time: then it may go on.
    pub async fn finished(&self, upid: &str, deadline: Duration) -> Result<(), Error> {
        if self.script.is_some() && upid == rehearsal::UPID {
            return Ok(());
        }
        let upid: Upid = upid.parse().map_err(|error| Error::Internal(format!("a UPID of {}: {error}", self.host)))?;
        let wait = proxmox_client::Wait::up_to(deadline).every(FIRST_LOOK, LAST_LOOKS);
        let ended = self.pve.task(upid).wait(wait).await;
        // What the task did is done by now, whatever a listing said meanwhile.
        self.listings.changes.note();
        match ended {
            Ok(TaskOutcome::Ok | TaskOutcome::Warnings(_)) => Ok(()),
            Ok(TaskOutcome::Failed(text)) => Err(self.refused(format!("the task failed: {text}"))),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// A refusal in words.
    pub(super) fn refused(&self, message: impl Into<String>) -> Error {
        Error::Upstream(Upstream {
            system: self.host.clone(),
            message: message.into(),
            reached: Reached::Answered,
            status: None,
            left: Vec::new(),
            perhaps_done: false,
        })
    }

    /// Waits for a turn at this cluster. Every call is made within one, except looking after a task until it ends.
    ///
    /// # Errors
    /// Too many wait already, or it took too long; nothing was sent.
    pub(super) async fn turn(&self, call: Call) -> Result<Turn<'_>, Error> {
        let who = if origin::is_operation() { Waiter::Operation } else { Waiter::Request };
        self.queue.turn(who, call).await.map_err(|error| {
            Error::Upstream(Upstream {
                system: self.host.clone(),
                message: error.to_string(),
                reached: Reached::Crowded,
                status: None,
                left: Vec::new(),
                perhaps_done: false,
            })
        })
    }

    /// Whether its last call was answered, be it with a refusal; also before the first one.
    pub fn answers(&self) -> bool {
        self.answers.load(Ordering::Relaxed)
    }

    /// How many calls it has under way, and how many wait.
    pub fn depth(&self) -> Depth {
        self.queue.depth()
    }

    /// Does something on the cluster and turns its failure into ours.
    pub(super) async fn on<T>(&self, call: impl Future<Output = Result<T, proxmox_client::Error>>) -> Result<T, Error> {
        let _turn = self.turn(Call::Look).await?;
        let began = Instant::now();
        let outcome = call.await;
        self.told(outcome, began)
    }

    /// What came of a call, its failure as ours.
    pub(super) fn told<T>(&self, outcome: Result<T, proxmox_client::Error>, began: Instant) -> Result<T, Error> {
        let outcome = outcome.map_err(|error| self.failed(&error));
        if let Err(error) = &outcome {
            tracing::debug!(cluster = %self.host, %error, ms = began.elapsed().as_millis(), "a call failed");
        }
        outcome
    }
}

fn client(
    settings: &ClusterSettings,
    token: &str,
    secret: SecretString,
    clients: &ClientSettings,
    watch: Watch,
) -> Result<Pve, Error> {
    let trust = match &settings.trust {
        Trust::Fingerprints(list) => proxmox_client::Trust::Pinned(
            list.iter()
                .map(|text| {
                    text.parse()
                        .map_err(|_| Invalid::new("fingerprints", format!("{text:?} is no SHA-256 fingerprint")))
                })
                .collect::<Result<Vec<_>, _>>()?,
        ),
        Trust::Ca(pem) => proxmox_client::Trust::CaPem(pem.clone()),
        Trust::System => proxmox_client::Trust::SystemRoots,
    };
    let timeouts = Timeouts { connect: clients.connect, total: clients.call, queue: clients.deadline };
    let limits = Limits { concurrent_calls: clients.calls, ..Limits::default() };
    let mut builder =
        Pve::builder().token(token, secret).trust(trust).timeouts(timeouts).limits(limits).observer(Arc::new(watch));
    for address in settings.addresses() {
        builder = builder.address(address);
    }
    builder.build().map_err(|error| Invalid::new("cluster", error.to_string()).into())
}
