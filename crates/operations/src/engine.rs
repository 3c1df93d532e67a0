//! The handle that starts, shows, cancels and resumes operations.

use std::sync::Arc;
use std::time::Duration;

use bnna_store::{Page, Sql, Store, Window, operation_steps, operations as rows};
use serde::Serialize;
use tokio::sync::{Semaphore, broadcast};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use uuid::Uuid;

use crate::journal::Journal;
use crate::lease::{self, Live, Running};
use crate::probe::Probe;
use crate::{Error, Operation, OperationId, OperationView, Progress, Registry, Settings, State, Workflow};

/// How many events a slow listener may be behind before it misses some.
const EVENTS: usize = 1024;

/// Who starts an operation, and why.
#[derive(Debug, Clone, Default)]
pub struct Meta {
    /// Who.
    pub actor: String,
    /// By which request.
    pub request_id: String,
    /// The slug of the account it concerns.
    pub account: Option<String>,
    /// What it works on, in words (`account acme`).
    pub subject: String,
}

/// An operation moved. Listeners that are behind miss events; the store has the truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Which.
    pub id: OperationId,
    /// The workflow.
    pub kind: String,
    /// The slug of the account it concerns.
    pub account: Option<String>,
    /// Where it is now.
    pub state: State,
    /// How far.
    pub progress: Progress,
}

/// Runs operations over one store. Cheap to clone; when the last clone is dropped, whatever runs is cut off where it is, as
/// by a crash: another engine resumes it. [`Operations::shutdown`] is the gentle way.
pub struct Operations<C> {
    inner: Arc<Inner<C>>,
    _cut: Arc<CutOnDrop>,
}

impl<C> Clone for Operations<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), _cut: Arc::clone(&self._cut) }
    }
}

impl<C> std::fmt::Debug for Operations<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operations").field("owner", &self.inner.owner).finish_non_exhaustive()
    }
}

struct CutOnDrop(CancellationToken);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

struct Inner<C> {
    store: Store,
    context: C,
    registry: Registry<C>,
    settings: Arc<Settings>,
    owner: String,
    probe: Option<Probe>,
    running: Running,
    permits: Semaphore,
    events: broadcast::Sender<Event>,
    /// The operations that run or wait.
    tasks: TaskTracker,
    /// The heartbeat and the search for orphans, which end after the operations.
    background: TaskTracker,
    /// Stop at the next boundary.
    stop: CancellationToken,
    /// Drop everything now.
    cut: CancellationToken,
}

/// An operation that is not in the store yet, so that its row can be written in one transaction with others.
#[must_use = "it neither exists nor runs before it is inserted and launched"]
pub struct Prepared {
    row: rows::Operation,
    keys: Vec<String>,
    settings: Arc<Settings>,
}

impl Prepared {
    /// The id it has, or will have.
    #[must_use]
    pub fn id(&self) -> OperationId {
        OperationId::from_uuid(self.row.id)
    }

    /// Writes the operation, taking its keys. An error must roll the transaction back ([`Store::try_write`] does).
    ///
    /// # Errors
    /// [`Error::Conflict`] when an unfinished operation holds one of the keys.
    pub fn insert(&self, sql: &mut dyn Sql) -> Result<(), Error> {
        let now = self.settings.now();
        let row = rows::Operation {
            created_at: now,
            updated_at: now,
            lease_until: Some(now + self.settings.lease),
            ..self.row.clone()
        };
        rows::insert(sql, &row)?;
        for key in &self.keys {
            if let Some(holder) = rows::take_key(sql, key, self.row.id)? {
                return Err(Error::Conflict { key: key.clone(), running: OperationId::from_uuid(holder) });
            }
        }
        Ok(())
    }
}

impl<C: Clone + Send + Sync + 'static> Operations<C> {
    /// An engine over this store. It renews its leases, and resumes operations whose process is gone, by itself
    /// ([`Settings::resume_every`]); [`Operations::resume_all`] at the start does the latter at once.
    ///
    /// Runs tasks, so it must be called within a tokio runtime.
    #[must_use]
    pub fn new(store: Store, context: C, registry: Registry<C>, settings: Settings) -> Self {
        Self::with_probe(store, context, registry, settings, crate::testing::watch())
    }

    /// An engine that [`testing`](crate::testing) looks into.
    pub(crate) fn with_probe(
        store: Store,
        context: C,
        registry: Registry<C>,
        settings: Settings,
        probe: Option<Probe>,
    ) -> Self {
        let owner = lease::owner(store.session(), Uuid::now_v7());
        let cut = CancellationToken::new();
        let inner = Arc::new(Inner {
            permits: Semaphore::new(settings.max_running.max(1)),
            store,
            context,
            registry,
            settings: Arc::new(settings),
            owner,
            probe,
            running: Running::default(),
            events: broadcast::Sender::new(EVENTS),
            tasks: TaskTracker::new(),
            background: TaskTracker::new(),
            stop: CancellationToken::new(),
            cut: cut.clone(),
        });
        inner.background.spawn(Arc::clone(&inner).beat());
        if let Some(every) = inner.settings.resume_every {
            inner.background.spawn(Arc::clone(&inner).look_for_orphans(every));
        }
        Self { inner, _cut: Arc::new(CutOnDrop(cut)) }
    }

    /// Starts an operation. It is in the store when this returns, and runs on its own.
    ///
    /// # Errors
    /// [`Error::Conflict`] when an unfinished operation holds one of its keys; [`Error::ShuttingDown`]; [`Error::Workflow`]
    /// for one that is not registered.
    pub async fn start<W: Workflow<Context = C>>(&self, workflow: &W, meta: Meta) -> Result<OperationId, Error> {
        let prepared = Arc::new(self.prepare(workflow, meta)?);
        let inserted = Arc::clone(&prepared);
        self.inner.store.try_write(move |sql| inserted.insert(sql)).await?;
        let id = prepared.id();
        self.launch_row(prepared.row.clone());
        Ok(id)
    }

    /// The first half of [`Operations::start`], for a caller that writes more in the same transaction: prepare, call
    /// [`Prepared::insert`] in it, and [`Operations::launch`] after its commit.
    ///
    /// # Errors
    /// [`Error::ShuttingDown`], [`Error::Workflow`].
    pub fn prepare<W: Workflow<Context = C>>(&self, workflow: &W, meta: Meta) -> Result<Prepared, Error> {
        if self.inner.stop.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        let wrong = |reason: String| Error::Workflow { kind: W::KIND.to_owned(), reason };
        let params = serde_json::to_value(workflow).map_err(|error| wrong(error.to_string()))?;
        let plan = self.inner.registry.plan(W::KIND, &params).map_err(wrong)?;
        let now = self.inner.settings.now();
        let row = rows::Operation {
            id: Uuid::now_v7(),
            kind: W::KIND.to_owned(),
            params,
            state: State::Pending.word().to_owned(),
            account: meta.account,
            subject: meta.subject,
            actor: meta.actor,
            request_id: meta.request_id,
            cancel: false,
            steps_done: 0,
            steps_total: u32::try_from(plan.steps.len()).unwrap_or(u32::MAX),
            current_step: None,
            error: None,
            result: None,
            remains: serde_json::Value::Array(Vec::new()),
            created_at: now,
            updated_at: now,
            finished_at: None,
            lease_owner: Some(self.inner.owner.clone()),
            lease_until: None,
            fence: 1,
        };
        Ok(Prepared { row, keys: workflow.keys(), settings: Arc::clone(&self.inner.settings) })
    }

    /// Runs an operation that was inserted. One that is inserted and never launched is resumed when its lease ends.
    pub fn launch(&self, prepared: Prepared) -> OperationId {
        let id = prepared.id();
        self.launch_row(prepared.row);
        id
    }

    fn launch_row(&self, row: rows::Operation) {
        Inner::run(&self.inner, row, Vec::new());
    }

    /// The operation with its steps.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, id: OperationId) -> Result<OperationView, Error> {
        let found = self
            .inner
            .store
            .read(move |sql| {
                let Some(row) = rows::get(sql, id.as_uuid())? else { return Ok(None) };
                Ok(Some((row, operation_steps::list(sql, id.as_uuid())?)))
            })
            .await?;
        let (row, log) = found.ok_or(Error::NotFound(id))?;
        // Steps to come are only known to a program that knows the workflow; without it there is what the log tells.
        let names = self.inner.registry.plan(&row.kind, &row.params).map(|plan| plan.names()).unwrap_or_default();
        let steps = crate::view::steps(names, &log);
        Ok(OperationView { operation: crate::view::operation(row)?, steps })
    }

    /// The operation once it is over, or as it is after `up_to`.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn wait(&self, id: OperationId, up_to: Duration) -> Result<OperationView, Error> {
        let deadline = Instant::now() + up_to;
        loop {
            // Subscribed before the look, so that an end in between is not missed.
            let watch = self.inner.running.get(id).map(|live| live.state.subscribe());
            let view = self.get(id).await?;
            if view.is_final() || Instant::now() >= deadline {
                return Ok(view);
            }
            match watch {
                Some(mut state) => {
                    let over = async { state.wait_for(|state| state.is_final()).await.is_ok() };
                    let _ = tokio::time::timeout_at(deadline, over).await;
                }
                None => {
                    let next = (Instant::now() + self.inner.settings.poll).min(deadline);
                    tokio::time::sleep_until(next).await;
                }
            }
        }
    }

    /// Operations, newest first, without their steps.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list(
        &self,
        filter: rows::Filter,
        window: Window<OperationId>,
    ) -> Result<Page<Operation, OperationId>, Error> {
        let window = Window { after: window.after.map(OperationId::as_uuid), limit: window.limit };
        let page = self.inner.store.read(move |sql| rows::list(sql, &filter, &window)).await?;
        let items = page.items.into_iter().map(crate::view::operation).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next.map(OperationId::from_uuid) })
    }

    /// Asks an operation to stop at the next boundary of its steps and to undo what it did (or, for one that only goes
    /// forward, to stay as it is). Returns it as it is now; [`Operations::wait`] shows the end.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Finished`] when it is over.
    pub async fn cancel(&self, id: OperationId) -> Result<OperationView, Error> {
        let now = self.inner.settings.now();
        let asked = self.inner.store.write(move |sql| rows::request_cancel(sql, id.as_uuid(), now)).await?;
        if asked && let Some(live) = self.inner.running.get(id) {
            live.cancel.cancel();
        }
        let view = self.get(id).await?;
        if asked { Ok(view) } else { Err(Error::Finished { id, state: view.operation.state }) }
    }

    /// Takes over every unfinished operation whose lease has ended or whose process is gone; how many.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn resume_all(&self) -> Result<usize, Error> {
        Inner::resume(&self.inner).await
    }

    /// Events of the operations that this process runs.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// How many operations this process runs or has waiting.
    #[must_use]
    pub fn running(&self) -> usize {
        self.inner.running.all().len()
    }

    /// Starts nothing new, lets each operation come to its next boundary and gives its lease up, so that another process
    /// goes on at once. What is not there within `up_to` is cut off. How many were cut off.
    pub async fn shutdown(&self, up_to: Duration) -> usize {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        let deadline = tokio::time::timeout(up_to, self.inner.tasks.wait()).await;
        let left = if deadline.is_ok() { 0 } else { self.running() };
        self.abort().await;
        left
    }

    /// Cuts everything off where it is, as a crash would, and returns when nothing runs any more.
    pub async fn abort(&self) {
        self.inner.stop.cancel();
        self.inner.cut.cancel();
        self.inner.tasks.close();
        self.inner.background.close();
        self.inner.background.wait().await;
        self.inner.tasks.wait().await;
    }
}

impl<C: Clone + Send + Sync + 'static> Inner<C> {
    /// Runs one operation, when there is room, in a task of its own. The row carries the lease.
    fn run(this: &Arc<Self>, row: rows::Operation, log: Vec<operation_steps::Entry>) {
        let live = Arc::new(Live::new(&row, this.cut.child_token(), this.events.clone()));
        this.running.add(Arc::clone(&live));
        let span = tracing::info_span!("operation", id = %live.id, kind = row.kind, request_id = row.request_id);
        let inner = Arc::clone(this);
        let request_id = row.request_id.clone();
        let task = async move {
            let journal = Journal {
                store: inner.store.clone(),
                settings: Arc::clone(&inner.settings),
                live: Arc::clone(&live),
                probe: inner.probe.clone(),
            };
            let work = async {
                let permit = tokio::select! {
                    permit = inner.permits.acquire() => permit.ok(),
                    () = inner.stop.cancelled() => None,
                };
                if permit.is_none() {
                    return journal.release().await;
                }
                let context = inner.context.clone();
                let driven = crate::driver::drive(journal, context, &inner.registry, row, &log, inner.stop.clone());
                Box::pin(driven).await;
            };
            tokio::select! {
                biased;
                () = live.lost.cancelled() => {}
                () = work => {}
            }
            inner.running.remove(&live);
        };
        let task: crate::BoxFuture<'static, ()> = Box::pin(task.instrument(span));
        let task = match &this.settings.around {
            Some(around) => around(&request_id, task),
            None => task,
        };
        this.tasks.spawn(task);
    }

    async fn resume(this: &Arc<Self>) -> Result<usize, Error> {
        if this.stop.is_cancelled() {
            return Ok(0);
        }
        let mut resumed = 0;
        for open in this.store.read(rows::open_leases).await? {
            if this.running.get(OperationId::from_uuid(open.id)).is_some() {
                continue;
            }
            let now = this.settings.now();
            let ended = open.until.is_none_or(|until| until <= now);
            let dead = open.owner.filter(|owner| !ended && *owner != this.owner && lease::is_dead(&this.store, owner));
            if !ended && dead.is_none() {
                continue;
            }
            let (owner, until, id) = (this.owner.clone(), now + this.settings.lease, open.id);
            let taken = this
                .store
                .write(move |sql| {
                    let Some(row) = rows::acquire(sql, id, &owner, dead.as_deref(), now, until)? else {
                        return Ok(None);
                    };
                    Ok(Some((row, operation_steps::list(sql, id)?)))
                })
                .await?;
            if let Some((row, log)) = taken {
                tracing::info!(id = %row.id, kind = row.kind, "resuming an operation");
                Self::run(this, row, log);
                resumed += 1;
            }
        }
        Ok(resumed)
    }

    async fn beat(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = self.cut.cancelled() => return,
                () = tokio::time::sleep(self.settings.heartbeat) => {}
            }
            lease::heartbeat(&self.store, &self.running, &self.settings).await;
        }
    }

    async fn look_for_orphans(self: Arc<Self>, every: Duration) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.cut.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            if let Err(error) = Self::resume(&self).await {
                tracing::warn!(%error, "operations without an owner could not be looked for");
            }
        }
    }
}
