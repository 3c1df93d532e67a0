//! What every workflow has to stand, checked for any of them: each step run twice, each step failing, each undo run twice,
//! the process dying at each boundary. A new workflow gets all of it by being listed in one test:
//!
//! ```no_run
//! # use bnna_operations::{testing::{self, Scene}, Steps, Workflow};
//! # #[derive(serde::Serialize, serde::Deserialize)] struct CreateAccount;
//! # impl Workflow for CreateAccount {
//! #     type Context = (); const KIND: &'static str = "x"; fn steps(&self) -> Steps<()> { Steps::new() }
//! # }
//! # async fn scene() -> Scene<CreateAccount> { unimplemented!() }
//! # async fn test() {
//! testing::check(scene).await.unwrap();
//! # }
//! ```
//!
//! The scene is built anew for each case, so it should be cheap. What the checks compare is the scene's *fingerprint*: a text
//! that tells what the workflow may change in the world (pools, rows, files), without ids and times that differ from run to run.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bnna_store::Store;
use tokio::sync::Notify;

use crate::probe::{Action, Moment, Phase, Point, Probe};
use crate::{
    BoxFuture, Meta, OnFailure, OperationId, OperationView, Operations, Registry, Settings, State, StepError, Workflow,
};

/// How long one operation of a check may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A world of its own in which the workflow can be run once.
pub struct Scene<W: Workflow> {
    /// The store that the engine uses; also the workflow's own, where it has one.
    pub store: Store,
    /// What the steps work with.
    pub context: W::Context,
    /// The parameters.
    pub workflow: W,
    /// What the world looks like now.
    pub fingerprint: Box<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>,
    /// Whatever must live as long as the scene (a directory, a simulator).
    pub keep: Box<dyn std::any::Any + Send + Sync>,
}

/// What a workflow did not stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{case}: {what}")]
pub struct Finding {
    /// What was done to it.
    pub case: String,
    /// How that ended.
    pub what: String,
}

/// A boundary of a step of a running operation: the places at which a process may die and the log tells what was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Boundary(Point);

impl fmt::Display for Boundary {
    /// `do 3 before`: the half of the operation, the step's number, and where in it (`before`, `after`, `written`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = match self.0.moment {
            Moment::Before => "before",
            Moment::After => "after",
            Moment::Written => "written",
        };
        write!(f, "{} {} {moment}", self.0.phase.word(), self.0.step)
    }
}

static WATCH: OnceLock<Probe> = OnceLock::new();

/// Has every engine that this process makes from now on call `look` at each boundary; one that never returns holds the operation
/// there, so that the process can be killed at that very place. Only the first call counts. Nothing outside the process reaches
/// it: a daemon whose code does not call this has no boundaries.
pub fn at_each_boundary(look: impl Fn(Boundary) -> BoxFuture<'static, ()> + Send + Sync + 'static) {
    let look = Arc::new(look);
    let probe: Probe = Arc::new(move |point| {
        let looked = look(Boundary(point));
        Box::pin(async move {
            looked.await;
            Action::Continue
        })
    });
    // A second watcher would see half of the engines.
    let _ = WATCH.set(probe);
}

/// What [`at_each_boundary`] set.
pub(crate) fn watch() -> Option<Probe> {
    WATCH.get().cloned()
}

/// All checks of this module.
///
/// # Errors
/// The first [`Finding`].
pub async fn check<W, F, R>(scene: F) -> Result<(), Finding>
where
    W: Workflow,
    F: Fn() -> R,
    R: Future<Output = Scene<W>>,
{
    each_step_twice(&scene).await?;
    each_step_fails(&scene).await?;
    crash_at_each_boundary(&scene).await
}

/// Runs the workflow once for each step, running that step twice: the end must be the same as without.
///
/// # Errors
/// The first [`Finding`].
pub async fn each_step_twice<W, F, R>(scene: &F) -> Result<(), Finding>
where
    W: Workflow,
    F: Fn() -> R,
    R: Future<Output = Scene<W>>,
{
    let reference = reference(scene).await?;
    for step in 0..reference.steps {
        let case = format!("step {step} run twice");
        let world = scene().await;
        let twice = Point { step, phase: Phase::Do, moment: Moment::After };
        let view = run(&case, &world, Some(at(twice, || Action::Repeat))).await?;
        expect_state(&case, &view, State::Done)?;
        expect_same(&case, &reference.after, &(world.fingerprint)().await)?;
    }
    Ok(())
}

/// Makes each step fail in turn, before it did anything and after it did everything: an undoing workflow leaves the world as
/// it was, also when each undo is run twice; a workflow that only goes forward is finished by starting it again.
///
/// # Errors
/// The first [`Finding`].
pub async fn each_step_fails<W, F, R>(scene: &F) -> Result<(), Finding>
where
    W: Workflow,
    F: Fn() -> R,
    R: Future<Output = Scene<W>>,
{
    let reference = reference(scene).await?;
    for step in 0..reference.steps {
        for (moment, word) in [(Moment::Before, "before"), (Moment::After, "after")] {
            for repeat_undo in [false, true] {
                let case = format!("step {step} failing {word} its work, each undo run {}", times(repeat_undo));
                let world = scene().await;
                let probe: Probe = Arc::new(move |point: Point| {
                    let fails = point == Point { step, phase: Phase::Do, moment };
                    let repeats = repeat_undo && point.phase == Phase::Undo && point.moment == Moment::After;
                    Box::pin(async move {
                        if fails {
                            Action::Fail(StepError::failed("test", "made to fail"))
                        } else if repeats {
                            Action::Repeat
                        } else {
                            Action::Continue
                        }
                    })
                });
                let view = run(&case, &world, Some(probe)).await?;
                match W::ON_FAILURE {
                    OnFailure::Undo => {
                        expect_state(&case, &view, State::Undone)?;
                        expect_same(&case, &reference.before, &(world.fingerprint)().await)?;
                    }
                    OnFailure::Stop => {
                        expect_state(&case, &view, State::Failed)?;
                        let again = run(&case, &world, None).await?;
                        expect_state(&case, &again, State::Done)?;
                        expect_same(&case, &reference.after, &(world.fingerprint)().await)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Kills the engine at each boundary of each step, on the way forward and on the way back, and lets another one resume.
///
/// # Errors
/// The first [`Finding`].
pub async fn crash_at_each_boundary<W, F, R>(scene: &F) -> Result<(), Finding>
where
    W: Workflow,
    F: Fn() -> R,
    R: Future<Output = Scene<W>>,
{
    let reference = reference(scene).await?;
    for step in 0..reference.steps {
        for moment in [Moment::Before, Moment::After, Moment::Written] {
            let point = Point { step, phase: Phase::Do, moment };
            let case = format!("killed at step {step}, {moment:?}");
            let world = scene().await;
            let view = crash_and_resume(&case, &world, point, None).await?;
            expect_state(&case, &view, State::Done)?;
            expect_same(&case, &reference.after, &(world.fingerprint)().await)?;
            if W::ON_FAILURE == OnFailure::Undo {
                let point = Point { step, phase: Phase::Undo, moment };
                let case = format!("killed at the undo of step {step}, {moment:?}");
                let world = scene().await;
                let view = crash_and_resume(&case, &world, point, Some(reference.steps - 1)).await?;
                expect_state(&case, &view, State::Undone)?;
                expect_same(&case, &reference.before, &(world.fingerprint)().await)?;
            }
        }
    }
    Ok(())
}

struct Reference {
    before: String,
    after: String,
    steps: usize,
}

/// What one run without disturbances does.
async fn reference<W, F, R>(scene: &F) -> Result<Reference, Finding>
where
    W: Workflow,
    F: Fn() -> R,
    R: Future<Output = Scene<W>>,
{
    let case = "run once";
    let world = scene().await;
    let before = (world.fingerprint)().await;
    let view = run(case, &world, None).await?;
    expect_state(case, &view, State::Done)?;
    let after = (world.fingerprint)().await;
    if before == after {
        return Err(finding(case, "the fingerprint is the same before and after, so that it would show nothing"));
    }
    Ok(Reference { before, after, steps: view.steps.len() })
}

async fn run<W: Workflow>(case: &str, world: &Scene<W>, probe: Option<Probe>) -> Result<OperationView, Finding> {
    let engine = engine(world, probe, Duration::ZERO);
    let id = start(case, &engine, world).await?;
    let view = finish(case, &engine, id).await;
    engine.abort().await;
    view
}

/// Starts, holds the engine at `point` and kills it there; a second engine, for whose clock the lease is over, resumes.
async fn crash_and_resume<W: Workflow>(
    case: &str,
    world: &Scene<W>,
    point: Point,
    failing: Option<usize>,
) -> Result<OperationView, Finding> {
    let reached = Arc::new(Notify::new());
    let arrived = Arc::clone(&reached);
    let hold: Probe = Arc::new(move |here: Point| {
        let arrived = Arc::clone(&arrived);
        Box::pin(async move {
            if here == point {
                arrived.notify_one();
                std::future::pending::<()>().await;
            }
            if Some(here.step) == failing && here.phase == Phase::Do && here.moment == Moment::After {
                return Action::Fail(StepError::failed("test", "made to fail"));
            }
            Action::Continue
        })
    });
    let first = engine(world, Some(hold), Duration::ZERO);
    let id = start(case, &first, world).await?;
    let held = tokio::time::timeout(PATIENCE, reached.notified()).await;
    // The boundary after the very last write cannot be waited for when the operation is over: then there is nothing to resume.
    if held.is_err() {
        return Err(finding(case, "the boundary was not reached"));
    }
    first.abort().await;
    let lease = Settings::default().lease;
    let second = engine(world, None, lease * 2);
    second.resume_all().await.map_err(|error| finding(case, &error.to_string()))?;
    let view = finish(case, &second, id).await;
    second.abort().await;
    view
}

/// An engine whose clock is ahead by `ahead`, with short waits.
fn engine<W: Workflow>(world: &Scene<W>, probe: Option<Probe>, ahead: Duration) -> Operations<W::Context> {
    let settings = Settings {
        resume_every: None,
        backoff: Duration::from_millis(1),
        backoff_most: Duration::from_millis(20),
        poll: Duration::from_millis(10),
        clock: Arc::new(move || bnna_store::now() + ahead),
        ..Settings::default()
    };
    let registry = Registry::new().with::<W>();
    Operations::with_probe(world.store.clone(), world.context.clone(), registry, settings, probe)
}

async fn start<W: Workflow>(
    case: &str,
    engine: &Operations<W::Context>,
    world: &Scene<W>,
) -> Result<OperationId, Finding> {
    let meta = Meta { actor: "test".to_owned(), request_id: case.to_owned(), ..Meta::default() };
    engine.start(&world.workflow, meta).await.map_err(|error| finding(case, &error.to_string()))
}

async fn finish<C: Clone + Send + Sync + 'static>(
    case: &str,
    engine: &Operations<C>,
    id: OperationId,
) -> Result<OperationView, Finding> {
    let view = engine.wait(id, PATIENCE).await.map_err(|error| finding(case, &error.to_string()))?;
    if view.is_final() { Ok(view) } else { Err(finding(case, &format!("not over after {PATIENCE:?}: {view:?}"))) }
}

/// Does `action` the first time that `point` is reached.
fn at(point: Point, action: fn() -> Action) -> Probe {
    let done = Arc::new(AtomicBool::new(false));
    Arc::new(move |here: Point| {
        let acts = here == point && !done.swap(true, Ordering::SeqCst);
        Box::pin(async move { if acts { action() } else { Action::Continue } })
    })
}

fn expect_state(case: &str, view: &OperationView, expected: State) -> Result<(), Finding> {
    let operation = &view.operation;
    if operation.state == expected {
        return Ok(());
    }
    let what = format!(
        "ended as {} and not as {expected}: {:?}, remains {:?}",
        operation.state, operation.error, operation.remains
    );
    Err(finding(case, &what))
}

fn expect_same(case: &str, expected: &str, found: &str) -> Result<(), Finding> {
    if expected == found {
        return Ok(());
    }
    Err(finding(case, &format!("the world is not as it must be\nexpected: {expected}\nfound:    {found}")))
}

fn finding(case: &str, what: &str) -> Finding {
    Finding { case: case.to_owned(), what: what.to_owned() }
}

fn times(twice: bool) -> &'static str {
    if twice { "twice" } else { "once" }
}
