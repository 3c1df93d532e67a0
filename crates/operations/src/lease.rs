//! The operations that this process runs, and the heartbeat that keeps their leases.
//!
//! A lease is a time in the store and a fence: a number that grows with each change of hands and that every write carries.
//! The time decides when another process may take over; the fence makes sure that the earlier one then writes nothing more.
//! A clock that steps can make a lease end early; the steps of the two owners then overlap for at most one call, which is
//! why steps look before they repeat, and the fence keeps the log right in any case.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bnna_store::{SessionId, Store, operations as rows};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::engine::Event;
use crate::journal::Position;
use crate::{OperationId, Progress, Settings, State};

/// An operation that this process runs, or is about to.
pub(crate) struct Live {
    pub(crate) id: OperationId,
    pub(crate) kind: String,
    pub(crate) account: Option<String>,
    pub(crate) total: u32,
    pub(crate) fence: i64,
    /// Somebody asked to cancel it.
    pub(crate) cancel: CancellationToken,
    /// It is not ours any more: whatever runs is dropped.
    pub(crate) lost: CancellationToken,
    pub(crate) state: watch::Sender<State>,
    pub(crate) events: broadcast::Sender<Event>,
    renewed: Mutex<Instant>,
}

impl Live {
    pub(crate) fn new(row: &rows::Operation, lost: CancellationToken, events: broadcast::Sender<Event>) -> Self {
        let cancel = CancellationToken::new();
        if row.cancel {
            cancel.cancel();
        }
        Self {
            id: OperationId::from_uuid(row.id),
            kind: row.kind.clone(),
            account: row.account.clone(),
            total: row.steps_total,
            fence: row.fence,
            cancel,
            lost,
            state: watch::Sender::new(State::Pending),
            events,
            renewed: Mutex::new(Instant::now()),
        }
    }

    /// Tells everybody who watches. Called after the write, so that whoever reads the store sees at least this.
    pub(crate) fn publish(&self, position: &Position) {
        let state = match position.state {
            State::Running if self.cancel.is_cancelled() => State::Cancelling,
            state => state,
        };
        let progress = Progress { done: position.done, total: self.total, current: position.current.clone() };
        let event = Event { id: self.id, kind: self.kind.clone(), account: self.account.clone(), state, progress };
        // Nobody listening is no error.
        let _ = self.events.send(event);
        self.state.send_replace(state);
    }

    fn renewed(&self) -> Instant {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renew(&self) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// All operations that this process runs.
#[derive(Default)]
pub(crate) struct Running {
    by_id: Mutex<HashMap<OperationId, Arc<Live>>>,
}

impl Running {
    pub(crate) fn add(&self, live: Arc<Live>) {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner).insert(live.id, live);
    }

    /// Removes it, unless another lease of the same operation has taken its place.
    pub(crate) fn remove(&self, live: &Live) {
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        if by_id.get(&live.id).is_some_and(|known| known.fence == live.fence) {
            by_id.remove(&live.id);
        }
    }

    pub(crate) fn get(&self, id: OperationId) -> Option<Arc<Live>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Live>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// Renews all leases of this process in one write; whichever is lost, or could not be renewed for the length of a lease, is
/// let go.
pub(crate) async fn heartbeat(store: &Store, running: &Running, settings: &Settings) {
    let live = running.all();
    if live.is_empty() {
        return;
    }
    let leases: Vec<(Uuid, i64)> = live.iter().map(|one| (one.id.as_uuid(), one.fence)).collect();
    let until = settings.now() + settings.lease;
    let renewed = store
        .write(move |sql| {
            leases.iter().map(|(id, fence)| rows::renew(sql, *id, *fence, until)).collect::<Result<Vec<_>, _>>()
        })
        .await;
    match renewed {
        Ok(outcomes) => {
            for (one, outcome) in live.iter().zip(outcomes) {
                match outcome {
                    Some(cancel) => {
                        one.renew();
                        if cancel {
                            one.cancel.cancel();
                        }
                    }
                    None if one.state.borrow().is_final() => {}
                    None => one.lost.cancel(),
                }
            }
        }
        Err(error) => {
            tracing::warn!(%error, "leases of operations could not be renewed");
            for one in live.iter().filter(|one| one.renewed().elapsed() >= settings.lease) {
                one.lost.cancel();
            }
        }
    }
}

/// Who holds a lease: which process (its mark in the store) and which engine in it.
pub(crate) fn owner(session: SessionId, engine: Uuid) -> String {
    format!("{}/{engine}", session.as_uuid())
}

/// Whether the process that wrote itself into a lease is gone for certain.
pub(crate) fn is_dead(store: &Store, owner: &str) -> bool {
    let session = owner.split_once('/').and_then(|(session, _)| Uuid::try_parse(session).ok());
    session.is_some_and(|session| !store.is_session_alive(SessionId::from_uuid(session)))
}
