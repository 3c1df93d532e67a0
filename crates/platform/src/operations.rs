//! Operations as the platform's use cases start, show and cancel them, and the audit entries that they end.

use std::future::Future;
use std::time::{Duration, Instant};

use bnna_operations::{Event, Meta, OperationId, State, Workflow};
use bnna_store::{Page, Window, audit as rows, idempotency};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::Platform;
use crate::actor::Actor;
use crate::audit::{self, Deed};
use crate::error::{Conflict, Error};
use crate::estate::Estate;
use crate::views::{OperationView, StepView};

pub use bnna_store::operations::Filter;

/// How long a caller waits for an operation before it gets the operation's id instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub Duration);

/// What became of work that may take long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run<T> {
    /// It is done.
    Done(T),
    /// It goes on: the operation to ask for.
    Accepted(Uuid),
}

impl<T> Run<T> {
    /// The same with another result.
    pub fn map<U>(self, into: impl FnOnce(T) -> U) -> Run<U> {
        match self {
            Self::Done(done) => Run::Done(into(done)),
            Self::Accepted(id) => Run::Accepted(id),
        }
    }
}

/// How often audit entries are looked through for operations that ended unheard.
const SETTLE_EVERY: Duration = Duration::from_secs(60);
/// How many entries are settled in one go.
const SETTLE_AT_ONCE: u32 = 1000;

/// Every state an operation can be in, as it is shown.
pub(crate) fn states() -> [&'static str; 8] {
    use State::{Cancelling, Done, Failed, Pending, Running, Stuck, Undoing, Undone};
    [Pending, Running, Cancelling, Undoing, Done, Failed, Undone, Stuck].map(State::word)
}

impl Platform {
    /// Starts an operation between its audit entry's two halves, and waits for it as long as the caller does.
    ///
    /// `prepare` checks what can be refused before anything is written and makes the work's parameters.
    pub(crate) async fn audited_operation<W, T>(
        &self,
        actor: &Actor,
        deed: Deed,
        wait: Wait,
        prepare: impl Future<Output = Result<W, Error>>,
    ) -> Result<Run<T>, Error>
    where
        W: Workflow<Context = Estate>,
        T: DeserializeOwned,
    {
        let meta = Meta {
            actor: actor.name.clone(),
            request_id: actor.request_id.clone(),
            account: deed.account.clone(),
            subject: format!("{} {}", deed.target_kind, deed.target),
        };
        let claim = actor.claim;
        let entry = audit::begin(self.store(), actor, deed).await?;
        let started = async {
            let work = prepare.await?;
            let prepared = std::sync::Arc::new(self.engine().prepare(&work, meta)?);
            let inserted = std::sync::Arc::clone(&prepared);
            self.store()
                .try_write(move |sql| -> Result<(), Error> {
                    inserted.insert(sql)?;
                    rows::set_operation(sql, entry.id(), inserted.id().as_uuid())?;
                    // In the same transaction: a repeated request finds the operation, or there is none.
                    if let Some(claim) = claim
                        && !idempotency::became(sql, claim, inserted.id().as_uuid())?
                    {
                        return Err(Conflict::InUse.because("another request with this Idempotency-Key was quicker"));
                    }
                    Ok(())
                })
                .await?;
            std::sync::Arc::into_inner(prepared)
                .map(|prepared| self.engine().launch(prepared))
                .ok_or_else(|| Error::Internal("the operation is held elsewhere".to_owned()))
        }
        .await;
        let id = match started {
            Ok(id) => id,
            Err(error) => {
                let outcome: Result<(), Error> = Err(error);
                audit::finish(self.store(), entry, &outcome).await;
                return Err(outcome.err().unwrap_or_else(|| Error::Internal("no outcome".to_owned())));
            }
        };
        self.outcome(id, wait).await
    }

    /// Waits for an operation: its result, its failure, or its id when it takes longer.
    async fn outcome<T: DeserializeOwned>(&self, id: OperationId, wait: Wait) -> Result<Run<T>, Error> {
        let view = self.engine().wait(id, wait.0).await?.operation;
        match view.state {
            State::Done => {
                self.settle().await;
                let result = view.result.unwrap_or_default();
                serde_json::from_value(result)
                    .map(Run::Done)
                    .map_err(|error| Error::Internal(format!("operation {id}: its result cannot be read: {error}")))
            }
            State::Failed | State::Undone | State::Stuck => {
                self.settle().await;
                let left = view.remains.iter().map(|left| format!("{}: {}", left.step, left.message));
                let named = if self.is_on_stage() { None } else { Some(id) };
                Err(failure(named, view.error, left.collect()))
            }
            State::Pending | State::Running | State::Cancelling | State::Undoing => Ok(Run::Accepted(id.as_uuid())),
        }
    }

    /// Operations, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn operations(&self, filter: Filter, window: Window<Uuid>) -> Result<Page<OperationView, Uuid>, Error> {
        let window = Window { after: window.after.map(OperationId::from_uuid), limit: window.limit };
        let page = self.engine().list(filter, window).await?;
        let items = page.items.into_iter().map(|operation| view(operation, Vec::new())).collect();
        Ok(Page { items, next: page.next.map(OperationId::as_uuid) })
    }

    /// An operation with its steps.
    ///
    /// # Errors
    /// There is no such operation.
    pub async fn operation(&self, id: Uuid) -> Result<OperationView, Error> {
        let found = self.engine().get(OperationId::from_uuid(id)).await?;
        Ok(view(found.operation, found.steps))
    }

    /// Asks an operation to stop at the end of its present step and to undo what it did.
    ///
    /// # Errors
    /// There is no such operation, or it is over.
    pub async fn cancel_operation(&self, actor: &Actor, id: Uuid) -> Result<OperationView, Error> {
        let deed = Deed::on("operations.cancel", "operation", id.to_string());
        audit::around(self.store(), actor, deed, async {
            let found = self.engine().cancel(OperationId::from_uuid(id)).await?;
            Ok(view(found.operation, found.steps))
        })
        .await
    }

    /// Gives audit entries of processes that are gone their outcome. What cannot be written now is written the next time.
    pub(crate) async fn interrupt_the_gone(&self) {
        if let Err(error) = audit::interrupt_the_gone(self.store()).await {
            tracing::error!(%error, "audit entries of processes that are gone could not be completed");
        }
    }

    /// Gives audit entries whose operations are over their outcome. What cannot be written now is written the next time.
    pub(crate) async fn settle(&self) {
        let settled = self
            .store()
            .write(|sql| {
                for entry in rows::unsettled(sql, SETTLE_AT_ONCE)? {
                    let outcome = if entry.state == State::Done.word() { "ok" } else { entry.state.as_str() };
                    let message =
                        entry.error.as_ref().and_then(|error| error.get("message")).and_then(|text| text.as_str());
                    let at = entry.finished_at.unwrap_or_else(bnna_store::now);
                    rows::finish(sql, entry.id, outcome, message, at)?;
                }
                Ok(())
            })
            .await;
        if let Err(error) = settled {
            tracing::error!(%error, "audit entries of ended operations could not be completed");
        }
    }
}

/// Keeps the audit trail's outcomes up with operations that nobody waits for, and with processes that are gone. Ends when the platform
/// does.
pub(crate) async fn settle_as_they_end(
    mut events: broadcast::Receiver<Event>,
    platform: impl Fn() -> Option<Platform> + Send + 'static,
) {
    let mut looked = Instant::now();
    loop {
        let Some(alive) = platform() else { return };
        alive.settle().await;
        if looked.elapsed() >= SETTLE_EVERY {
            looked = Instant::now();
            alive.interrupt_the_gone().await;
        }
        drop(alive);
        let ended = async {
            loop {
                match events.recv().await {
                    Ok(event) if event.state.is_final() => return true,
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => return true,
                    Err(broadcast::error::RecvError::Closed) => return false,
                }
            }
        };
        if let Ok(false) = tokio::time::timeout(SETTLE_EVERY, ended).await {
            return;
        }
    }
}

/// A failed operation as an error: its own code, its id unless it was only rehearsed, and what it left behind.
fn failure(id: Option<OperationId>, failure: Option<bnna_operations::Failure>, left: Vec<String>) -> Error {
    let Some(mut failure) = failure else {
        return Conflict::State.because("the operation was cancelled");
    };
    if !left.is_empty() {
        failure.message = format!("{}; left behind: {}", failure.message, left.join("; "));
    }
    let mut details = match failure.details {
        serde_json::Value::Object(details) => details,
        serde_json::Value::Null => serde_json::Map::new(),
        other => serde_json::Map::from_iter([("cause".to_owned(), other)]),
    };
    if let Some(id) = id {
        details.insert("operation_id".to_owned(), id.to_string().into());
    }
    if !left.is_empty() {
        details.insert("left".to_owned(), left.into());
    }
    failure.details = details.into();
    Error::Failed(failure)
}

fn view(operation: bnna_operations::Operation, steps: Vec<bnna_operations::StepView>) -> OperationView {
    OperationView {
        operation_id: operation.id.as_uuid(),
        kind: operation.kind,
        state: operation.state.word().to_owned(),
        account: operation.account,
        subject: operation.subject,
        actor: operation.actor,
        request_id: operation.request_id,
        done: operation.progress.done,
        total: operation.progress.total,
        current: operation.progress.current,
        steps: steps.into_iter().map(step).collect(),
        result: operation.result,
        error: operation.error.and_then(|error| serde_json::to_value(error).ok()),
        left: operation.remains.into_iter().map(|left| format!("{}: {}", left.step, left.message)).collect(),
        created_at: operation.created_at,
        updated_at: operation.updated_at,
        finished_at: operation.finished_at,
    }
}

fn step(step: bnna_operations::StepView) -> StepView {
    StepView {
        name: step.name,
        state: step.state.word().to_owned(),
        attempts: step.attempts,
        started_at: step.started_at,
        updated_at: step.updated_at,
        error: step.error.map(|error| error.message),
    }
}

/// An answer that carries the id of the operation that goes on.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Accepted {
    /// To be asked at `/api/platform/operations/{id}`.
    pub operation_id: Uuid,
}
