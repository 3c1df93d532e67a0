//! Whose an operation is: leases, orphans, shutdown, a store that fails for a moment.

use std::sync::Arc;
use std::time::Duration;

use bnna_operations::{Error, Operations, Registry, Settings, State, Steps, Workflow};
use bnna_store::{Options, Store};
use serde::{Deserialize, Serialize};

use super::toy::*;

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
