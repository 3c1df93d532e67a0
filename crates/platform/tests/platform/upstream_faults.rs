//! Every fault that the simulator has, against every call of every workflow: the outcome is right, or it says what is wrong; it is
//! never silently wrong. Right is: the work is done and the world is as without the fault; or it is undone and the world is as before;
//! or it has stopped, names the cluster, and asking again finishes it; or it is stuck and names what is left.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bnna_operations::testing::Scene;
use bnna_operations::{Meta, OnFailure, OperationView, Operations, Registry, Settings, State, Workflow};
use bnna_platform::Estate;
use bnna_platform::clusters::ClientSettings;
use proxmox_sim::tasks::{TaskFault, TaskFaultKind};
use proxmox_sim::{FaultKind, Moment, Seen, Sim};

use crate::support::stage::{self, Stage, each_workflow};
use crate::support::{A, B, Site};

/// No call takes longer.
const CALL: Duration = Duration::from_millis(300);
/// Longer than any call may take.
const TOO_LONG: Duration = Duration::from_secs(5);
/// How long one operation may take.
const PATIENCE: Duration = Duration::from_secs(30);

macro_rules! meets_every_fault {
    ($($name:ident: $workflow:ty = $prepare:ident;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                let site = Site::start().await;
                let params = stage::$prepare(&site).await;
                let stage = Arc::new(Stage::new(site, params).await);
                let course = Course::of::<$workflow>(&stage).await;
                course.each_fault::<$workflow>(&stage).await;
                course.each_condition::<$workflow>(&stage).await;
            }
        )*
    };
}

each_workflow!(meets_every_fault);

/// What a run without faults goes through, and how the world is before and after.
struct Course {
    /// Host, verb and path of each call, in the order in which they came.
    calls: Vec<(&'static str, String, String)>,
    before: String,
    after: String,
}

/// How long a fault goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasting {
    /// That call only.
    Once,
    /// That call and all after it of the same cluster.
    FromThereOn,
}

/// Faults for a call that changes something.
fn on_changes() -> Vec<(FaultKind, Lasting)> {
    let relay = || FaultKind::Status(595, "Connection refused".to_owned());
    vec![
        (FaultKind::Latency(TOO_LONG), Lasting::Once),
        (FaultKind::ResetBeforeRead, Lasting::Once),
        (FaultKind::ResetAfterRead, Lasting::Once),
        (FaultKind::ResetAfterDone, Lasting::Once),
        (FaultKind::TruncatedBody, Lasting::Once),
        (FaultKind::WrongContentType, Lasting::Once),
        (FaultKind::Html, Lasting::Once),
        (relay(), Lasting::Once),
        (FaultKind::Status(596, "Connection timed out".to_owned()), Lasting::Once),
        (FaultKind::Status(500, "got timeout".to_owned()), Lasting::Once),
        (FaultKind::Status(401, "authentication failure".to_owned()), Lasting::FromThereOn),
        (FaultKind::ResetBeforeRead, Lasting::FromThereOn),
        (relay(), Lasting::FromThereOn),
    ]
}

/// Faults for a call that looks: nothing is done either way, so that fewer of them differ.
fn on_looks() -> Vec<(FaultKind, Lasting)> {
    vec![
        (FaultKind::Latency(TOO_LONG), Lasting::Once),
        (FaultKind::ResetAfterDone, Lasting::Once),
        (FaultKind::TruncatedBody, Lasting::Once),
        (FaultKind::Html, Lasting::Once),
        (FaultKind::Status(596, "Connection timed out".to_owned()), Lasting::Once),
        (FaultKind::Status(500, "cluster not ready - no quorum?".to_owned()), Lasting::FromThereOn),
    ]
}

/// A fault of the cluster itself, from before the first call on.
struct Condition {
    name: &'static str,
    strike: fn(&Sim),
    heal: fn(&Sim),
}

fn tasks(sim: &Sim, fault: &TaskFaultKind) {
    sim.with_state(|state| state.tasks.inject(TaskFault { kind: None, id: None, times: 100, fault: fault.clone() }));
}

/// Ends the tasks that hang, and lets no other be hit.
fn no_task_faults(sim: &Sim) {
    sim.with_state(|state| {
        state.tasks.faults.clear();
        let running = state.tasks.iter().filter(|task| task.status().is_none());
        let running: Vec<String> = running.map(|task| task.upid.to_string()).collect();
        running.iter().for_each(|upid| state.stop_task(upid));
    });
}

/// A storage without room is among them as Proxmox tells it, a task that fails with those words: only a task allocates anything on a
/// storage. Those of the workflows here stop guests and destroy them, which need no room; whatever comes to need some meets it here.
const CONDITIONS: &[Condition] = &[
    Condition {
        name: "the guests' node is offline",
        strike: |sim| sim.with_state(|state| state.set_node_online("a1", false)),
        heal: |sim| sim.with_state(|state| state.set_node_online("a1", true)),
    },
    Condition {
        name: "the cluster has no quorum",
        strike: |sim| sim.with_state(|state| state.nodes.quorum_lost = true),
        heal: |sim| sim.with_state(|state| state.nodes.quorum_lost = false),
    },
    Condition {
        name: "tasks fail for want of room on the storage",
        strike: |sim| tasks(sim, &TaskFaultKind::Fail("no space left on storage".to_owned())),
        heal: no_task_faults,
    },
    Condition { name: "tasks die", strike: |sim| tasks(sim, &TaskFaultKind::Die), heal: no_task_faults },
    Condition { name: "tasks hang", strike: |sim| tasks(sim, &TaskFaultKind::Hang), heal: no_task_faults },
    Condition { name: "a guest is locked", strike: |sim| lock(sim, Some("backup")), heal: |sim| lock(sim, None) },
    // Last: a certificate once changed stays so.
    Condition {
        name: "the certificates have changed",
        strike: |sim| sim.addresses().keys().for_each(|node| sim.renew_certificate(node).unwrap()),
        heal: |_| {},
    },
];

fn lock(sim: &Sim, lock: Option<&str>) {
    sim.with_state(|state| {
        let numbers: Vec<u32> = state.guests.iter().map(|guest| guest.vmid).collect();
        for vmid in numbers {
            let guest = state.guests.get_mut(vmid).unwrap();
            match lock {
                Some(lock) => guest.config.set("lock", lock),
                None => drop(guest.config.remove("lock")),
            }
        }
    });
}

fn clients() -> ClientSettings {
    ClientSettings { call: CALL, ..crate::support::clients() }
}

fn sims(stage: &Stage) -> [(&'static str, &Sim); 2] {
    [(A, &stage.site.a), (B, &stage.site.b)]
}

fn unwatch(stage: &Stage) {
    sims(stage).into_iter().for_each(|(_, sim)| sim.watch(None));
}

impl Course {
    async fn of<W: Workflow<Context = Estate>>(stage: &Arc<Stage>) -> Self {
        let scene = Arc::clone(stage).scene_with::<W>(clients()).await;
        let calls = Arc::new(std::sync::Mutex::new(Vec::new()));
        for (host, sim) in sims(stage) {
            let calls = Arc::clone(&calls);
            sim.watch(Some(Arc::new(move |seen: &Seen<'_>| {
                if seen.moment == Moment::Arrived {
                    calls.lock().unwrap().push((host, seen.method.to_owned(), without_tasks(seen.path)));
                }
                None
            })));
        }
        let before = (scene.fingerprint)().await;
        let view = run(&scene).await;
        unwatch(stage);
        assert_eq!(view.operation.state, State::Done, "{:?}", view.operation.error);
        let after = (scene.fingerprint)().await;
        let calls = calls.lock().unwrap().clone();
        Self { calls, before, after }
    }

    async fn each_fault<W: Workflow<Context = Estate>>(&self, stage: &Arc<Stage>) {
        let mut seen = BTreeSet::new();
        for (at, call) in self.calls.iter().enumerate() {
            if !seen.insert(call) {
                continue;
            }
            let (host, method, path) = call;
            let before = self.calls[..at].iter().filter(|earlier| *earlier == call).count();
            for (fault, lasting) in if method == "GET" { on_looks() } else { on_changes() } {
                let case = format!("{} with {fault:?} {lasting:?} at {method} {path} on {host}", W::KIND);
                let scene = Arc::clone(stage).scene_with::<W>(clients()).await;
                let struck = strike_at(stage, call, before, &fault, lasting);
                let view = run(&scene).await;
                unwatch(stage);
                assert!(struck.load(Ordering::SeqCst) > 0, "{case}: the call did not come: {view:?}");
                self.judge(&case, &scene, &view, host, lasting == Lasting::Once).await;
            }
        }
    }

    async fn each_condition<W: Workflow<Context = Estate>>(&self, stage: &Arc<Stage>) {
        for condition in CONDITIONS {
            let case = format!("{} while {}", W::KIND, condition.name);
            let mut scene = Arc::clone(stage).scene_with::<W>(clients()).await;
            scene.context.task_deadline = Duration::from_millis(600);
            (condition.strike)(&stage.site.a);
            let view = run(&scene).await;
            (condition.heal)(&stage.site.a);
            if condition.name.contains("certificates") {
                // Nothing can be asked again of a cluster that is not trusted any more: it is named, and that is all.
                match view.operation.error {
                    Some(error) => assert!(error.message.contains(A), "{case}: {error:?}"),
                    None if says_what_was_missed(view.operation.result.as_ref(), A) => {}
                    None => assert_eq!((scene.fingerprint)().await, self.after, "{case}: it needed nothing of it"),
                }
            } else {
                scene.context.task_deadline = Duration::from_secs(30);
                // A lock and a task's fault are part of the world, and a task that was begun may have done its work.
                self.judge(&case, &scene, &view, A, true).await;
            }
        }
    }

    /// Whether the outcome is right. `passes`: the fault is over, so that what has stopped can be finished now.
    async fn judge<W: Workflow<Context = Estate>>(
        &self,
        case: &str,
        scene: &Scene<W>,
        view: &OperationView,
        host: &str,
        passes: bool,
    ) {
        let operation = &view.operation;
        let world = (scene.fingerprint)().await;
        let error = operation.error.clone();
        match (operation.state, W::ON_FAILURE) {
            (State::Done, _) if world == self.after => {}
            // The old token may be left, which the result says.
            (State::Done, _) if says_what_is_left(operation.result.as_ref()) && !passes => {}
            // A round names the accounts that it could not try, and goes on; the next one tries them.
            (State::Done, _) if says_what_was_missed(operation.result.as_ref(), host) => {
                if passes {
                    let again = run(scene).await;
                    assert_eq!(again.operation.state, State::Done, "{case}, asked again: {:?}", again.operation.error);
                    let world = (scene.fingerprint)().await;
                    assert_eq!(world, self.after, "{case}: asked again, and the world is not as it must be");
                }
            }
            (State::Done, _) => {
                panic!("{case}: done, and the world is not as it must be\n{world}\nnot\n{}", self.after)
            }
            (State::Undone, OnFailure::Undo) => {
                assert_eq!(world, self.before, "{case}: undone, and the world is not as before: {error:?}");
                assert!(named(error.as_ref(), host), "{case}: {error:?}");
            }
            (State::Failed, OnFailure::Stop) => {
                assert!(named(error.as_ref(), host), "{case}: {error:?}");
                let again = run(scene).await;
                assert_eq!(again.operation.state, State::Done, "{case}, asked again: {:?}", again.operation.error);
                let world = (scene.fingerprint)().await;
                assert_eq!(world, self.after, "{case}: asked again, and the world is not as it must be");
            }
            (State::Stuck, OnFailure::Undo) if !passes => {
                assert!(!operation.remains.is_empty(), "{case}: stuck, and nothing remains");
                let remains =
                    operation.remains.iter().any(|left| left.message.contains(host) || left.step.contains(host));
                assert!(remains, "{case}: {:?}", operation.remains);
                assert!(named(error.as_ref(), host), "{case}: {error:?}");
            }
            (state, _) => panic!("{case}: {state}: {error:?}, remains {:?}", operation.remains),
        }
    }
}

/// Whether a rotation's result says that the old token was not deleted.
fn says_what_is_left(result: Option<&serde_json::Value>) -> bool {
    result.is_some_and(|result| result.get("deleted").is_some_and(serde_json::Value::is_null))
}

/// Whether a round's result names accounts that it could not try, each because of this cluster.
fn says_what_was_missed(result: Option<&serde_json::Value>, host: &str) -> bool {
    let missed = result.and_then(|result| result.get("not_tried")).and_then(serde_json::Value::as_array);
    missed.is_some_and(|missed| {
        !missed.is_empty() && missed.iter().all(|one| one["why"].as_str().is_some_and(|why| why.contains(host)))
    })
}

fn named(error: Option<&bnna_operations::Failure>, host: &str) -> bool {
    error.is_some_and(|error| error.message.contains(host) || error.message.contains("guest"))
}

/// A path without the ids of tasks, which differ from run to run.
fn without_tasks(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').map(|part| if part.starts_with("UPID:") { "UPID" } else { part }).collect();
    parts.join("/")
}

/// The fault strikes a call after it has come so many times; how often it struck is counted.
fn strike_at(
    stage: &Stage,
    call: &(&'static str, String, String),
    before: usize,
    fault: &FaultKind,
    lasting: Lasting,
) -> Arc<AtomicUsize> {
    let (host, method, path) = call.clone();
    let struck = Arc::new(AtomicUsize::new(0));
    let (count, hits, fault) = (AtomicUsize::new(0), Arc::clone(&struck), fault.clone());
    let sim = if host == A { &stage.site.a } else { &stage.site.b };
    sim.watch(Some(Arc::new(move |seen: &Seen<'_>| {
        if seen.moment != Moment::Arrived {
            return None;
        }
        let meant =
            seen.method == method && without_tasks(seen.path) == path && count.fetch_add(1, Ordering::SeqCst) == before;
        let goes_on = lasting == Lasting::FromThereOn && hits.load(Ordering::SeqCst) > 0;
        (meant || goes_on).then(|| {
            hits.fetch_add(1, Ordering::SeqCst);
            fault.clone()
        })
    })));
    struck
}

/// Runs the scene's workflow to its end.
async fn run<W: Workflow<Context = Estate>>(scene: &Scene<W>) -> OperationView {
    let settings = Settings {
        attempts: 3,
        resume_every: None,
        backoff: Duration::from_millis(1),
        backoff_most: Duration::from_millis(10),
        poll: Duration::from_millis(5),
        ..Settings::default()
    };
    let registry = Registry::new().with::<W>();
    let engine = Operations::new(scene.store.clone(), scene.context.clone(), registry, settings);
    let meta = Meta { actor: "test".to_owned(), request_id: "test".to_owned(), ..Meta::default() };
    let id = engine.start(&scene.workflow, meta).await.unwrap();
    let view = engine.wait(id, PATIENCE).await.unwrap();
    engine.abort().await;
    assert!(view.is_final(), "it does not end: {view:?}");
    view
}
