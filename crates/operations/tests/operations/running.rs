//! How an operation runs, fails, is undone, is cancelled.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bnna_operations::{Error, OperationId, Operations, Registry, Settings, State, StepState, Steps, Workflow};
use bnna_store::Window;
use serde::{Deserialize, Serialize};

use super::toy::*;

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
