//! Runs one operation from where its log ends: forward, or back.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bnna_store::operation_steps::Entry;
use bnna_store::operations as rows;
use futures::FutureExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::journal::{Journal, Line, Lost, Position};
use crate::plan::Plan;
use crate::probe::{Action, Moment, Phase, Point};
use crate::{Failure, OnFailure, Outputs, Registry, Remaining, State, StepCx, StepError};

/// How often a step may be begun in all, in multiples of the attempts of one run: a step that kills its process each time
/// must not be resumed for ever.
const STARTS_PER_ATTEMPT: u32 = 10;

/// What the log says about a step.
#[derive(Default, Clone)]
struct Known {
    begun: bool,
    /// What it returned, once it is done.
    output: Option<Value>,
    undone: bool,
    starts: u32,
    undo_starts: u32,
}

/// How the attempts of a step ended.
enum Attempted {
    Succeeded(Value),
    Failed(Failure),
    Cancelled,
    ShuttingDown,
}

/// One operation being run.
pub(crate) struct Driver<C> {
    journal: Journal,
    context: C,
    plan: Plan<C>,
    on_failure: OnFailure,
    known: Vec<Known>,
    outputs: Outputs,
    row: rows::Operation,
    position: Position,
    /// The process wants to end: stop at the next boundary.
    stop: CancellationToken,
}

/// Runs the operation to its end, to the next boundary when `stop` is set, or until the lease is lost.
pub(crate) async fn drive<C: Clone + Send + Sync + 'static>(
    journal: Journal,
    context: C,
    registry: &Registry<C>,
    row: rows::Operation,
    log: &[Entry],
    stop: CancellationToken,
) {
    let position = Position {
        state: State::from_word(&row.state).unwrap_or(State::Running),
        done: row.steps_done,
        current: row.current_step.clone(),
        error: row.error.clone().and_then(|error| serde_json::from_value(error).ok()),
        result: None,
        remains: Vec::new(),
    };
    let plan = registry.plan(&row.kind, &row.params);
    let plan = plan.and_then(|plan| match misfit(&plan, &row, log) {
        None => Ok(plan),
        Some(reason) => Err(reason),
    });
    let outcome = match plan {
        Err(reason) => unplanned(&journal, position, log, reason).await,
        Ok(plan) => {
            let on_failure = registry.on_failure(&row.kind);
            let (known, outputs) = fold(&plan, log);
            let mut driver = Driver { journal, context, plan, on_failure, known, outputs, row, position, stop };
            if driver.position.state == State::Undoing { driver.back().await } else { driver.forward().await }
        }
    };
    if outcome.is_err() {
        tracing::info!("no longer running the operation here");
    }
}

/// The steps must be those that the log speaks of, or going on would do something else than was begun.
fn misfit<C>(plan: &Plan<C>, row: &rows::Operation, log: &[Entry]) -> Option<String> {
    if plan.steps.len() != row.steps_total as usize {
        return Some(format!("it was begun with {} steps and now has {}", row.steps_total, plan.steps.len()));
    }
    log.iter().find_map(|entry| {
        let now = plan.steps.get(entry.new.step as usize).map(|step| step.name.as_str());
        (now != Some(entry.new.name.as_str())).then(|| {
            format!("step {} was {:?} and is now {:?}", entry.new.step, entry.new.name, now.unwrap_or("nothing"))
        })
    })
}

/// Ends an operation whose steps cannot be listed any more, naming what was done.
async fn unplanned(journal: &Journal, mut position: Position, log: &[Entry], reason: String) -> Result<(), Lost> {
    let views = crate::view::steps(Vec::new(), log);
    let begun =
        views.into_iter().filter(|step| !matches!(step.state, crate::StepState::Pending | crate::StepState::Undone));
    position.remains =
        begun.map(|step| Remaining { message: format!("left as {}", step.state), step: step.name }).collect();
    position.state = State::Stuck;
    position.current = None;
    position.error = Some(Failure::new("workflow_changed", reason));
    journal.write(&position, None).await
}

fn fold<C>(plan: &Plan<C>, log: &[Entry]) -> (Vec<Known>, Outputs) {
    let mut known = vec![Known::default(); plan.steps.len()];
    let mut outputs = Outputs::default();
    for entry in log.iter().map(|entry| &entry.new) {
        let Some(step) = known.get_mut(entry.step as usize) else { continue };
        match (entry.phase.as_str(), entry.state.as_str()) {
            ("do", "started") => {
                step.begun = true;
                step.starts += 1;
            }
            ("do", "done") => {
                let output = entry.output.clone().unwrap_or(Value::Null);
                outputs.add(&entry.name, output.clone());
                step.output = Some(output);
            }
            ("undo", "started") => step.undo_starts += 1,
            ("undo", "done") => step.undone = true,
            _ => {}
        }
    }
    (known, outputs)
}

impl<C: Clone + Send + Sync + 'static> Driver<C> {
    async fn forward(&mut self) -> Result<(), Lost> {
        self.position.state = State::Running;
        let total = self.plan.steps.len();
        for at in 0..total {
            if self.known.get(at).is_some_and(|step| step.output.is_some()) {
                continue;
            }
            if self.stop.is_cancelled() {
                return self.give_up().await;
            }
            if self.journal.live.cancel.is_cancelled() {
                return self.turn_back(cancelled()).await;
            }
            match self.attempts(at, Phase::Do).await? {
                Attempted::Succeeded(output) => self.step_done(at, output, at + 1 == total).await?,
                Attempted::Failed(failure) => return self.turn_back(failure).await,
                Attempted::Cancelled => return self.turn_back(cancelled()).await,
                Attempted::ShuttingDown => return self.give_up().await,
            }
        }
        if self.position.state != State::Done {
            // No steps at all, or all of them were done before the process died.
            self.finish_done();
            self.journal.write(&self.position, None).await?;
        }
        Ok(())
    }

    async fn step_done(&mut self, at: usize, output: Value, is_last: bool) -> Result<(), Lost> {
        let name = self.name(at);
        self.outputs.add(&name, output.clone());
        if let Some(step) = self.known.get_mut(at) {
            step.output = Some(output.clone());
        }
        self.position.done = self.count_done();
        if is_last {
            self.finish_done();
        }
        let line = Line { step: at, name, phase: Phase::Do, state: "done", output: Some(output), error: None };
        self.journal.write(&self.position, Some(line)).await?;
        self.probe(at, Phase::Do, Moment::Written).await;
        Ok(())
    }

    fn finish_done(&mut self) {
        self.position.state = State::Done;
        self.position.current = None;
        self.position.result = Some(self.plan.result(&self.outputs));
    }

    /// A step failed for good, or cancelling was asked for.
    async fn turn_back(&mut self, failure: Failure) -> Result<(), Lost> {
        tracing::info!(code = failure.code, message = failure.message, "the operation fails");
        self.position.error = Some(failure);
        self.position.current = None;
        match self.on_failure {
            OnFailure::Stop => {
                self.position.state = State::Failed;
                self.journal.write(&self.position, None).await
            }
            OnFailure::Undo => {
                self.position.state = State::Undoing;
                self.journal.write(&self.position, None).await?;
                self.back().await
            }
        }
    }

    /// Undoes what was begun, last first. Stops at the first step that cannot be undone: what came before it may be what
    /// the rest is found by.
    async fn back(&mut self) -> Result<(), Lost> {
        for at in (0..self.plan.steps.len()).rev() {
            if !self.known.get(at).is_some_and(|step| step.begun && !step.undone) {
                continue;
            }
            if self.stop.is_cancelled() {
                return self.give_up().await;
            }
            match self.attempts(at, Phase::Undo).await? {
                Attempted::Succeeded(_) => self.step_undone(at).await?,
                Attempted::Failed(failure) => return self.stuck(at, &failure).await,
                Attempted::Cancelled | Attempted::ShuttingDown => return self.give_up().await,
            }
        }
        self.position.state = State::Undone;
        self.position.current = None;
        self.journal.write(&self.position, None).await
    }

    async fn step_undone(&mut self, at: usize) -> Result<(), Lost> {
        if let Some(step) = self.known.get_mut(at) {
            step.undone = true;
        }
        self.position.done = self.count_done();
        let line = Line { step: at, name: self.name(at), phase: Phase::Undo, state: "done", output: None, error: None };
        self.journal.write(&self.position, Some(line)).await?;
        self.probe(at, Phase::Undo, Moment::Written).await;
        Ok(())
    }

    async fn stuck(&mut self, at: usize, failure: &Failure) -> Result<(), Lost> {
        let failed = self.name(at);
        tracing::error!(step = failed, message = failure.message, "the operation is stuck");
        let earlier = (0..at).rev().filter(|at| self.known.get(*at).is_some_and(|step| step.begun && !step.undone));
        self.position.remains = std::iter::once(Remaining { step: failed.clone(), message: failure.message.clone() })
            .chain(earlier.map(|at| Remaining {
                step: self.name(at),
                message: format!("not undone, because {failed:?} could not be"),
            }))
            .collect();
        self.position.state = State::Stuck;
        self.position.current = None;
        self.journal.write(&self.position, None).await
    }

    /// Leaves the operation where it is, for whoever comes next.
    async fn give_up(&mut self) -> Result<(), Lost> {
        self.journal.release().await;
        Err(Lost)
    }

    /// Runs a step, or its undo, until it succeeds or there is no point in going on. "Started" is in the store before
    /// anything runs; a failed attempt is in the store before the next.
    async fn attempts(&mut self, at: usize, phase: Phase) -> Result<Attempted, Lost> {
        let name = self.name(at);
        self.position.current = Some(name.clone());
        let settings = Arc::clone(&self.journal.settings);
        for attempt in 1.. {
            let line = Line { step: at, name: name.clone(), phase, state: "started", output: None, error: None };
            self.journal.write(&self.position, Some(line)).await?;
            let starts = self.count_start(at, phase);
            let error = match self.attempt(at, phase, starts).await {
                Ok(output) => return Ok(Attempted::Succeeded(output)),
                Err(error) => error,
            };
            let is_last =
                attempt >= settings.attempts || starts >= settings.attempts.saturating_mul(STARTS_PER_ATTEMPT);
            let (state, wait) = match &error {
                StepError::Failed(_) => ("failed", None),
                _ if is_last => ("failed", None),
                StepError::Retry { after, .. } => ("failed", Some((*after).min(settings.backoff_most))),
                StepError::Unknown(_) => ("unknown", Some(settings.backoff_after(attempt))),
            };
            let failure = error.failure().clone();
            let line = Line { step: at, name: name.clone(), phase, state, output: None, error: Some(failure.clone()) };
            self.journal.write(&self.position, Some(line)).await?;
            let Some(wait) = wait else { return Ok(Attempted::Failed(failure)) };
            tracing::info!(step = name, attempt, message = failure.message, "the step is tried again");
            if let Some(interrupted) = self.pause(wait, phase).await {
                return Ok(interrupted);
            }
        }
        Ok(Attempted::Failed(Failure::new("attempts", "the step was never tried")))
    }

    /// One attempt. A panic is a failure whose effect has to be undone; silence beyond the bound is an unknown outcome.
    async fn attempt(&mut self, at: usize, phase: Phase, attempt: u32) -> Result<Value, StepError> {
        if let Action::Fail(error) = self.probe(at, phase, Moment::Before).await {
            return Err(error);
        }
        let mut outcome = self.once(at, phase, attempt).await;
        match self.probe(at, phase, Moment::After).await {
            Action::Continue => {}
            Action::Repeat => outcome = self.once(at, phase, attempt + 1).await,
            Action::Fail(error) => outcome = Err(error),
        }
        outcome
    }

    async fn once(&self, at: usize, phase: Phase, attempt: u32) -> Result<Value, StepError> {
        let Some(planned) = self.plan.steps.get(at) else {
            return Err(StepError::failed("workflow_changed", "there is no such step"));
        };
        let cx = StepCx {
            context: self.context.clone(),
            operation: self.journal.live.id,
            name: planned.name.as_str().into(),
            actor: self.row.actor.as_str().into(),
            request_id: self.row.request_id.as_str().into(),
            account: self.row.account.as_deref().map(Into::into),
            outputs: self.outputs.clone(),
            attempt,
            cancel: self.journal.live.cancel.clone(),
        };
        let work = async {
            match phase {
                Phase::Do => planned.step.run(&cx).await,
                Phase::Undo => {
                    let output = self.known.get(at).and_then(|step| step.output.clone());
                    planned.step.undo(&cx, output).await.map(|()| Value::Null)
                }
            }
        };
        let limit = self.journal.settings.step_timeout;
        match tokio::time::timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(StepError::failed("panicked", "the step ended in a panic")),
            Err(_) => Err(StepError::unknown("timeout", format!("no end within {} s", limit.as_secs()))),
        }
    }

    /// Waits before the next attempt. Cancelling ends the wait of a step, not of an undo.
    async fn pause(&self, wait: Duration, phase: Phase) -> Option<Attempted> {
        let cancel = &self.journal.live.cancel;
        tokio::select! {
            () = tokio::time::sleep(wait) => None,
            () = cancel.cancelled(), if phase == Phase::Do => Some(Attempted::Cancelled),
            () = self.stop.cancelled() => Some(Attempted::ShuttingDown),
        }
    }

    async fn probe(&self, step: usize, phase: Phase, moment: Moment) -> Action {
        match &self.journal.probe {
            Some(probe) => probe(Point { step, phase, moment }).await,
            None => Action::Continue,
        }
    }

    fn count_start(&mut self, at: usize, phase: Phase) -> u32 {
        let Some(step) = self.known.get_mut(at) else { return 0 };
        match phase {
            Phase::Do => {
                step.begun = true;
                step.starts += 1;
                step.starts
            }
            Phase::Undo => {
                step.undo_starts += 1;
                step.undo_starts
            }
        }
    }

    fn count_done(&self) -> u32 {
        let done = self.known.iter().filter(|step| step.output.is_some() && !step.undone).count();
        u32::try_from(done).unwrap_or(u32::MAX)
    }

    fn name(&self, at: usize) -> String {
        self.plan.steps.get(at).map(|step| step.name.clone()).unwrap_or_default()
    }
}

fn cancelled() -> Failure {
    Failure::new("cancelled", "it was cancelled")
}
