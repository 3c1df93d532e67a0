//! Operations, shown by a workflow that makes files in a directory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bnna_operations::testing::{self, Scene};
use bnna_operations::{
    Error, Meta, OnFailure, OperationId, Operations, Registry, Settings, State, Step, StepCx, StepError, StepState,
    Steps, Workflow,
};
use bnna_store::{Options, Store, Window};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

const LONG: Duration = Duration::from_secs(30);

/// What the toy's steps work with: a directory, and switches for its faults.
#[derive(Clone)]
struct World {
    directory: PathBuf,
    runs: Arc<Mutex<Vec<String>>>,
    faults: Arc<Mutex<Vec<Fault>>>,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    entered: Notify,
    open: Notify,
}

#[derive(Clone, PartialEq)]
enum Fault {
    Fail(&'static str),
    Panic(&'static str),
    RetryTimes(&'static str, u32),
    UnknownTimes(&'static str, u32),
    UndoFails(&'static str),
    Wait(&'static str),
}

/// Makes one file for each name.
#[derive(Clone, Serialize, Deserialize)]
struct MakeFiles {
    names: Vec<String>,
}

impl Workflow for MakeFiles {
    type Context = World;
    const KIND: &'static str = "toy.make_files";

    fn keys(&self) -> Vec<String> {
        self.names.iter().map(|name| format!("file:{name}")).collect()
    }

    fn steps(&self) -> Steps<World> {
        let mut steps = Steps::new()
            .look("look at the directory", |cx: StepCx<World>| async move { Ok(cx.context().directory.is_dir()) });
        for name in &self.names {
            steps.push(format!("make {name}"), MakeFile { name: name.clone() });
        }
        steps
    }
}

struct MakeFile {
    name: String,
}

impl Step<World> for MakeFile {
    type Output = String;

    async fn run(&self, cx: &StepCx<World>) -> Result<String, StepError> {
        assert!(cx.outputs().require::<bool>("look at the directory")?);
        let world = cx.context();
        world.runs.lock().unwrap().push(format!("{} by {}", self.name, cx.operation()));
        match world.fault(&self.name) {
            Some(Fault::Wait(_)) => {
                world.gate.entered.notify_one();
                world.gate.open.notified().await;
            }
            Some(Fault::Fail(_)) => return Err(StepError::failed("toy", format!("{} will not be", self.name))),
            Some(Fault::Panic(_)) => panic!("as the test wants it"),
            Some(Fault::RetryTimes(..)) => return Err(StepError::retry(Duration::ZERO, "toy", "not now")),
            Some(Fault::UnknownTimes(..)) => {
                std::fs::write(world.directory.join(&self.name), &self.name).unwrap();
                return Err(StepError::unknown("toy", "the line went dead"));
            }
            _ => {}
        }
        std::fs::write(world.directory.join(&self.name), &self.name).unwrap();
        Ok(self.name.clone())
    }

    async fn undo(&self, cx: &StepCx<World>, _: Option<String>) -> Result<(), StepError> {
        let world = cx.context();
        if world
            .faults
            .lock()
            .unwrap()
            .iter()
            .any(|fault| matches!(fault, Fault::UndoFails(name) if *name == self.name))
        {
            return Err(StepError::unknown("toy", format!("{} will not go", self.name)));
        }
        match std::fs::remove_file(world.directory.join(&self.name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StepError::failed("toy", error.to_string()))
            }
            _ => Ok(()),
        }
    }
}

/// Removes files; only goes forward.
#[derive(Clone, Serialize, Deserialize)]
struct RemoveFiles {
    names: Vec<String>,
}

impl Workflow for RemoveFiles {
    type Context = World;
    const KIND: &'static str = "toy.remove_files";
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    fn steps(&self) -> Steps<World> {
        let mut steps = Steps::new();
        for name in self.names.clone() {
            steps = steps.look(format!("remove {name}"), move |cx: StepCx<World>| {
                let name = name.clone();
                async move {
                    if let Some(Fault::Fail(_)) = cx.context().fault(&name) {
                        return Err(StepError::failed("toy", "it is held"));
                    }
                    let _ = std::fs::remove_file(cx.context().directory.join(&name));
                    Ok(name)
                }
            });
        }
        steps
    }
}

impl World {
    fn new(directory: PathBuf) -> Self {
        Self { directory, runs: Arc::default(), faults: Arc::default(), gate: Arc::default() }
    }

    fn with(self, fault: Fault) -> Self {
        self.faults.lock().unwrap().push(fault);
        self
    }

    /// The fault of a step, counting down those that pass.
    fn fault(&self, name: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|fault| match fault {
            Fault::Fail(one) | Fault::Panic(one) | Fault::Wait(one) => *one == name,
            Fault::RetryTimes(one, left) | Fault::UnknownTimes(one, left) => *one == name && *left > 0,
            Fault::UndoFails(_) => false,
        })?;
        let fault = faults[at].clone();
        if let Fault::RetryTimes(_, left) | Fault::UnknownTimes(_, left) = &mut faults[at] {
            *left -= 1;
        }
        Some(fault)
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

struct Place {
    _directory: tempfile::TempDir,
    store: Store,
    world: World,
}

async fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let files = directory.path().join("files");
    std::fs::create_dir(&files).unwrap();
    let store = Store::open(Options::new(directory.path().join("store.db"))).await.unwrap();
    Place { _directory: directory, store, world: World::new(files) }
}

fn settings() -> Settings {
    Settings {
        resume_every: None,
        backoff: Duration::from_millis(1),
        attempts: 3,
        poll: Duration::from_millis(10),
        ..Settings::default()
    }
}

fn registry() -> Registry<World> {
    Registry::new().with::<MakeFiles>().with::<RemoveFiles>()
}

fn engine(store: &Store, world: &World, settings: Settings) -> Operations<World> {
    Operations::new(store.clone(), world.clone(), registry(), settings)
}

fn make(names: &[&str]) -> MakeFiles {
    MakeFiles { names: names.iter().map(|name| (*name).to_owned()).collect() }
}

fn meta() -> Meta {
    Meta {
        actor: "ops".to_owned(),
        request_id: "r-1".to_owned(),
        account: Some("acme".to_owned()),
        subject: "files".to_owned(),
    }
}

#[tokio::test]
async fn an_operation_runs_its_steps_and_keeps_what_they_returned() {
    let Place { _directory, store, world } = place().await;
    let operations = engine(&store, &world, settings());
    let mut events = operations.events();
    let id = operations.start(&make(&["a", "b"]), meta()).await.unwrap();
    let view = operations.wait(id, LONG).await.unwrap();
    assert_eq!(view.operation.state, State::Done);
    assert_eq!(view.operation.result, Some("b".into()));
    assert_eq!((view.operation.progress.done, view.operation.progress.total), (3, 3));
    assert_eq!(view.operation.account.as_deref(), Some("acme"));
    let names: Vec<_> = view.steps.iter().map(|step| (step.name.as_str(), step.state)).collect();
    let done = StepState::Done;
    assert_eq!(names, [("look at the directory", done), ("make a", done), ("make b", done)]);
    assert_eq!(world.files(), ["a", "b"]);
    let mut seen = vec![];
    while let Ok(event) = events.try_recv() {
        seen.push((event.state, event.progress.done));
    }
    assert_eq!(seen.last(), Some(&(State::Done, 3)));
    assert!(seen.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{seen:?}");
    let listed = operations.list(Default::default(), Window::first(10)).await.unwrap();
    assert_eq!(listed.items, [view.operation]);
    assert_eq!(operations.running(), 0);
}

#[tokio::test]
async fn a_failed_step_undoes_everything_before_it_last_first() {
    let Place { _directory, store, world } = place().await;
    let world = world.with(Fault::Fail("c"));
    let operations = engine(&store, &world, settings());
    let id = operations.start(&make(&["a", "b", "c", "d"]), meta()).await.unwrap();
    let view = operations.wait(id, LONG).await.unwrap();
    assert_eq!(view.operation.state, State::Undone);
    let error = view.operation.error.unwrap();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("toy", "c will not be"));
    assert_eq!(view.steps[3].state, StepState::Undone, "the failed step is undone as well");
    assert_eq!(view.steps[4].state, StepState::Pending);
    assert!(world.files().is_empty());
    let undone: Vec<String> = store
        .read(move |sql| bnna_store::operation_steps::list(sql, id.as_uuid()))
        .await
        .unwrap()
        .into_iter()
        .filter(|entry| entry.new.phase == "undo" && entry.new.state == "done")
        .map(|entry| entry.new.name)
        .collect();
    assert_eq!(undone, ["make c", "make b", "make a", "look at the directory"]);
}

#[tokio::test]
async fn a_panicking_step_is_a_failed_step() {
    let Place { _directory, store, world } = place().await;
    let world = world.with(Fault::Panic("b"));
    let operations = engine(&store, &world, settings());
    let id = operations.start(&make(&["a", "b"]), meta()).await.unwrap();
    let view = operations.wait(id, LONG).await.unwrap();
    assert_eq!((view.operation.state, view.operation.error.unwrap().code.as_str()), (State::Undone, "panicked"));
    assert!(world.files().is_empty());
}

#[tokio::test]
async fn passing_trouble_is_tried_again_and_lasting_trouble_is_not() {
    for (fault, ends) in [
        (Fault::RetryTimes("a", 2), State::Done),
        (Fault::UnknownTimes("a", 2), State::Done),
        (Fault::RetryTimes("a", 99), State::Undone),
        (Fault::UnknownTimes("a", 99), State::Undone),
    ] {
        let Place { _directory, store, world } = place().await;
        let world = world.with(fault);
        let operations = engine(&store, &world, settings());
        let id = operations.start(&make(&["a"]), meta()).await.unwrap();
        let view = operations.wait(id, LONG).await.unwrap();
        assert_eq!(view.operation.state, ends);
        assert_eq!(world.runs.lock().unwrap().len(), 3, "two more attempts, not more");
        assert_eq!(world.files().is_empty(), ends == State::Undone);
    }
}

#[tokio::test]
async fn a_stuck_operation_names_what_is_left() {
    let Place { _directory, store, world } = place().await;
    let world = world.with(Fault::Fail("c")).with(Fault::UndoFails("b"));
    let operations = engine(&store, &world, settings());
    let id = operations.start(&make(&["a", "b", "c"]), meta()).await.unwrap();
    let view = operations.wait(id, LONG).await.unwrap();
    assert_eq!(view.operation.state, State::Stuck);
    assert_eq!(view.operation.error.unwrap().message, "c will not be");
    let remains: Vec<_> =
        view.operation.remains.iter().map(|left| (left.step.as_str(), left.message.as_str())).collect();
    assert_eq!(remains[0], ("make b", "b will not go"));
    assert_eq!(remains[1], ("make a", "not undone, because \"make b\" could not be"));
    assert_eq!(world.files(), ["a", "b"]);
    assert_eq!(view.steps[2].state, StepState::UndoFailed);
    // Its keys are free, so that somebody can clean up.
    world.faults.lock().unwrap().clear();
    let again = operations.start(&make(&["a", "b", "c"]), meta()).await.unwrap();
    assert_eq!(operations.wait(again, LONG).await.unwrap().operation.state, State::Done);
}

#[tokio::test]
async fn a_workflow_that_only_goes_forward_is_finished_by_repeating_it() {
    let Place { _directory, store, world } = place().await;
    let world = world.with(Fault::Fail("b"));
    for name in ["a", "b", "c"] {
        std::fs::write(world.directory.join(name), name).unwrap();
    }
    let operations = engine(&store, &world, settings());
    let removal = RemoveFiles { names: vec!["a".into(), "b".into(), "c".into()] };
    let id = operations.start(&removal, meta()).await.unwrap();
    let view = operations.wait(id, LONG).await.unwrap();
    assert_eq!(view.operation.state, State::Failed);
    assert_eq!(world.files(), ["b", "c"], "what was removed stays removed");
    world.faults.lock().unwrap().clear();
    let id = operations.start(&removal, meta()).await.unwrap();
    assert_eq!(operations.wait(id, LONG).await.unwrap().operation.state, State::Done);
    assert!(world.files().is_empty());
}

#[tokio::test]
async fn two_operations_never_hold_the_same_key() {
    let Place { _directory, store, world } = place().await;
    let world = world.with(Fault::Wait("a"));
    let operations = engine(&store, &world, settings());
    let first = operations.start(&make(&["a", "b"]), meta()).await.unwrap();
    world.gate.entered.notified().await;
    let refused = operations.start(&make(&["c", "b"]), meta()).await.unwrap_err();
    assert_eq!(refused, Error::Conflict { key: "file:b".into(), running: first });
    let other = operations.start(&make(&["d"]), meta()).await.unwrap();
    assert_eq!(operations.wait(other, LONG).await.unwrap().operation.state, State::Done);
    world.gate.open.notify_one();
    operations.wait(first, LONG).await.unwrap();
    let free = operations.start(&make(&["c", "b"]), meta()).await.unwrap();
    assert_eq!(operations.wait(free, LONG).await.unwrap().operation.state, State::Done);
}

#[tokio::test]
async fn cancelling_lets_the_step_finish_and_undoes_it() {
    let Place { _directory, store, world } = place().await;
    let world = world.with(Fault::Wait("a"));
    let operations = engine(&store, &world, settings());
    let id = operations.start(&make(&["a", "b"]), meta()).await.unwrap();
    world.gate.entered.notified().await;
    let view = operations.cancel(id).await.unwrap();
    assert_eq!(view.operation.state, State::Cancelling);
    world.gate.open.notify_one();
    let view = operations.wait(id, LONG).await.unwrap();
    assert_eq!((view.operation.state, view.operation.error.unwrap().code.as_str()), (State::Undone, "cancelled"));
    assert!(world.files().is_empty());
    assert_eq!(world.runs.lock().unwrap().len(), 1, "b never ran");
    let error = operations.cancel(id).await.unwrap_err();
    assert_eq!(error, Error::Finished { id, state: State::Undone });
    let nobody = OperationId::generate();
    assert_eq!(operations.cancel(nobody).await.unwrap_err(), Error::NotFound(nobody));
}

#[tokio::test]
async fn wait_returns_what_there_is_when_the_time_is_up() {
    let Place { _directory, store, world } = place().await;
    let world = world.with(Fault::Wait("a"));
    let operations = engine(&store, &world, settings());
    let id = operations.start(&make(&["a"]), meta()).await.unwrap();
    world.gate.entered.notified().await;
    let view = operations.wait(id, Duration::ZERO).await.unwrap();
    assert_eq!(view.operation.state, State::Running);
    assert_eq!(view.operation.progress.current.as_deref(), Some("make a"));
    world.gate.open.notify_one();
    assert!(operations.wait(id, LONG).await.unwrap().is_final());
}

#[tokio::test]
async fn a_process_that_lost_its_lease_writes_nothing_more() {
    let Place { _directory, store, world } = place().await;
    let slow = world.clone().with(Fault::Wait("a"));
    let first = engine(&store, &slow, settings());
    let id = first.start(&make(&["a", "b"]), meta()).await.unwrap();
    slow.gate.entered.notified().await;
    // The second engine's clock says that the lease is over; its world is the same directory without the fault.
    let ahead = Settings { clock: Arc::new(|| bnna_store::now() + Duration::from_secs(3600)), ..settings() };
    let quick = World { faults: Arc::default(), ..world.clone() };
    let second = engine(&store, &quick, ahead);
    assert_eq!(second.resume_all().await.unwrap(), 1);
    assert_eq!(second.wait(id, LONG).await.unwrap().operation.state, State::Done);
    let log = store.read(move |sql| bnna_store::operation_steps::list(sql, id.as_uuid())).await.unwrap();
    slow.gate.open.notify_one();
    while first.running() > 0 {
        tokio::task::yield_now().await;
    }
    let after = store.read(move |sql| bnna_store::operation_steps::list(sql, id.as_uuid())).await.unwrap();
    assert_eq!(log, after, "the first engine added nothing");
    assert_eq!(second.get(id).await.unwrap().operation.state, State::Done);
}

#[tokio::test]
async fn a_living_lease_is_not_taken_and_a_dead_process_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let files = directory.path().join("files");
    std::fs::create_dir(&files).unwrap();
    let path = directory.path().join("store.db");
    let (one, two) = (Store::open(Options::new(&path)).await.unwrap(), Store::open(Options::new(&path)).await.unwrap());
    let world = World::new(files).with(Fault::Wait("a"));
    let first = engine(&one, &world, settings());
    let id = first.start(&make(&["a", "b"]), meta()).await.unwrap();
    world.gate.entered.notified().await;
    let quick = World { faults: Arc::default(), ..world.clone() };
    let second = engine(&two, &quick, settings());
    assert_eq!(second.resume_all().await.unwrap(), 0, "the first process is alive");
    first.abort().await;
    drop(first);
    one.close().await;
    assert_eq!(second.resume_all().await.unwrap(), 1, "its lease has not ended, but the process has");
    assert_eq!(second.wait(id, LONG).await.unwrap().operation.state, State::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_engines_racing_for_orphans_one_runs_each() {
    let Place { _directory, store, world } = place().await;
    let gone = engine(&store, &world, settings());
    let mut ids = vec![];
    for number in 0..20 {
        let name = format!("f{number}");
        let prepared = gone.prepare(&make(&[&name]), meta()).unwrap();
        ids.push(prepared.id());
        store.try_write(move |sql| prepared.insert(sql)).await.unwrap();
    }
    gone.abort().await;
    let ahead = || Settings { clock: Arc::new(|| bnna_store::now() + Duration::from_secs(3600)), ..settings() };
    let (one, two) = (engine(&store, &world, ahead()), engine(&store, &world, ahead()));
    let (first, second) = tokio::join!(one.resume_all(), two.resume_all());
    assert_eq!(first.unwrap() + second.unwrap(), 20);
    for id in ids {
        assert_eq!(one.wait(id, LONG).await.unwrap().operation.state, State::Done);
    }
    let mut runs = world.runs.lock().unwrap().clone();
    runs.sort();
    runs.dedup();
    assert_eq!((runs.len(), world.runs.lock().unwrap().len()), (20, 20), "no step ran twice");
}

#[tokio::test]
async fn shutdown_stops_at_a_boundary_and_the_next_engine_goes_on_at_once() {
    let Place { _directory, store, world } = place().await;
    let world = world.with(Fault::Wait("a"));
    let first = engine(&store, &world, settings());
    let id = first.start(&make(&["a", "b"]), meta()).await.unwrap();
    world.gate.entered.notified().await;
    let stopping = tokio::spawn({
        let first = first.clone();
        async move { first.shutdown(LONG).await }
    });
    while !matches!(first.prepare(&make(&["z"]), meta()), Err(Error::ShuttingDown)) {
        tokio::task::yield_now().await;
    }
    world.gate.open.notify_one();
    assert_eq!(stopping.await.unwrap(), 0, "nothing had to be cut off");
    assert_eq!(world.files(), ["a"]);
    let second = engine(&store, &world, settings());
    assert_eq!(second.resume_all().await.unwrap(), 1);
    assert_eq!(second.wait(id, LONG).await.unwrap().operation.state, State::Done);
    let made_a = world.runs.lock().unwrap().iter().filter(|run| run.starts_with("a ")).count();
    assert_eq!(made_a, 1, "a finished step is not run again");
}

#[tokio::test]
async fn a_store_that_cannot_be_written_for_a_moment_fails_no_operation() {
    let Place { _directory, store, world } = place().await;
    let world = world.with(Fault::Wait("a"));
    let operations = engine(&store, &world, settings());
    let id = operations.start(&make(&["a", "b"]), meta()).await.unwrap();
    world.gate.entered.notified().await;
    store.write(|sql| sql.query("PRAGMA query_only = ON", &[]).map(|_| ())).await.unwrap();
    world.gate.open.notify_one();
    let view = operations.wait(id, LONG).await.unwrap();
    assert_eq!(view.operation.state, State::Done);
    assert_eq!(world.runs.lock().unwrap().len(), 2, "no step was repeated for it");
}

#[tokio::test]
async fn changed_steps_are_not_gone_on_with() {
    #[derive(Serialize, Deserialize)]
    struct Renamed {
        names: Vec<String>,
    }
    impl Workflow for Renamed {
        type Context = World;
        const KIND: &'static str = MakeFiles::KIND;
        fn steps(&self) -> Steps<World> {
            let mut steps = Steps::new().look("look at the directory", |_| async { Ok(true) });
            for name in &self.names {
                steps.push(format!("create {name}"), MakeFile { name: name.clone() });
            }
            steps
        }
    }
    let Place { _directory, store, world } = place().await;
    let world = world.with(Fault::Wait("b"));
    let first = engine(&store, &world, settings());
    let id = first.start(&make(&["a", "b"]), meta()).await.unwrap();
    world.gate.entered.notified().await;
    first.abort().await;
    let ahead = Settings { clock: Arc::new(|| bnna_store::now() + Duration::from_secs(3600)), ..settings() };
    let second = Operations::new(store.clone(), world.clone(), Registry::new().with::<Renamed>(), ahead);
    second.resume_all().await.unwrap();
    let view = second.wait(id, LONG).await.unwrap();
    assert_eq!(view.operation.state, State::Stuck);
    let error = view.operation.error.unwrap();
    assert_eq!(error.code, "workflow_changed");
    assert!(error.message.contains("make a") && error.message.contains("create a"), "{}", error.message);
    let left: Vec<_> = view.operation.remains.iter().map(|left| left.step.as_str()).collect();
    assert_eq!(left, ["look at the directory", "make a", "make b"]);
}

#[tokio::test]
async fn no_more_run_at_once_than_allowed() {
    let Place { _directory, store, world } = place().await;
    #[derive(Serialize, Deserialize)]
    struct Count;
    static NOW: AtomicU32 = AtomicU32::new(0);
    static MOST: AtomicU32 = AtomicU32::new(0);
    impl Workflow for Count {
        type Context = World;
        const KIND: &'static str = "toy.count";
        fn steps(&self) -> Steps<World> {
            Steps::new().look("count", |_| async {
                MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                NOW.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
        }
    }
    let limited = Settings { max_running: 3, ..settings() };
    let operations = Operations::new(store, world, Registry::new().with::<Count>(), limited);
    let mut ids = vec![];
    for _ in 0..30 {
        ids.push(operations.start(&Count, meta()).await.unwrap());
    }
    for id in ids {
        assert_eq!(operations.wait(id, LONG).await.unwrap().operation.state, State::Done);
    }
    let most = MOST.load(Ordering::SeqCst);
    assert!((1..=3).contains(&most), "{most} ran at once");
}

#[tokio::test]
async fn two_steps_of_one_name_are_refused() {
    let Place { _directory, store, world } = place().await;
    let operations = engine(&store, &world, settings());
    let error = operations.start(&make(&["a", "a"]), meta()).await.unwrap_err();
    assert!(matches!(&error, Error::Workflow { reason, .. } if reason.contains("make a")), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_toy_workflows_stand_every_check() {
    testing::check(|| scene(make(&["a", "b", "c"]), &[])).await.unwrap();
    let removal = || RemoveFiles { names: vec!["a".into(), "b".into()] };
    testing::check(move || scene(removal(), &["a", "b"])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checks_find_a_step_that_is_not_idempotent() {
    #[derive(Serialize, Deserialize)]
    struct Append;
    impl Workflow for Append {
        type Context = World;
        const KIND: &'static str = "toy.append";
        fn steps(&self) -> Steps<World> {
            Steps::new().step(
                "append",
                |cx: StepCx<World>| async move {
                    let path = cx.context().directory.join(format!("line{}", cx.context().files().len()));
                    std::fs::write(path, "x").unwrap();
                    Ok(())
                },
                |cx: StepCx<World>, _| async move {
                    for name in cx.context().files() {
                        std::fs::remove_file(cx.context().directory.join(name)).unwrap();
                    }
                    Ok(())
                },
            )
        }
    }
    let finding = testing::check(|| scene(Append, &[])).await.unwrap_err();
    assert_eq!(finding.case, "step 0 run twice");
}

async fn scene<W: Workflow<Context = World>>(workflow: W, files: &[&str]) -> Scene<W> {
    let Place { _directory, store, world } = place().await;
    for name in files {
        std::fs::write(world.directory.join(name), name).unwrap();
    }
    let seen = world.clone();
    Scene {
        store,
        context: world,
        workflow,
        fingerprint: Box::new(move || {
            let files = seen.files();
            Box::pin(async move { files.join(" ") })
        }),
        keep: Box::new(_directory),
    }
}
