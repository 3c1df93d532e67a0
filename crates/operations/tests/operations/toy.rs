//! A workflow that makes files in a directory, one that removes them, and the faults they can be given.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bnna_operations::{Meta, OnFailure, Operations, Registry, Settings, Step, StepCx, StepError, Steps, Workflow};
use bnna_store::{Options, Store};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

pub(crate) const LONG: Duration = Duration::from_secs(30);

/// What the toy's steps work with: a directory, and switches for its faults.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) directory: PathBuf,
    pub(crate) runs: Arc<Mutex<Vec<String>>>,
    pub(crate) faults: Arc<Mutex<Vec<Fault>>>,
    pub(crate) gate: Arc<Gate>,
}

#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) entered: Notify,
    pub(crate) open: Notify,
}

#[derive(Clone, PartialEq)]
pub(crate) enum Fault {
    Fail(&'static str),
    Panic(&'static str),
    RetryTimes(&'static str, u32),
    UnknownTimes(&'static str, u32),
    UndoFails(&'static str),
    Wait(&'static str),
}

/// Makes one file for each name.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MakeFiles {
    pub(crate) names: Vec<String>,
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

pub(crate) struct MakeFile {
    pub(crate) name: String,
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
pub(crate) struct RemoveFiles {
    pub(crate) names: Vec<String>,
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
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, runs: Arc::default(), faults: Arc::default(), gate: Arc::default() }
    }

    pub(crate) fn with(self, fault: Fault) -> Self {
        self.faults.lock().unwrap().push(fault);
        self
    }

    /// The fault of a step, counting down those that pass.
    pub(crate) fn fault(&self, name: &str) -> Option<Fault> {
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

    pub(crate) fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) struct Place {
    pub(crate) _directory: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) world: World,
}

pub(crate) async fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let files = directory.path().join("files");
    std::fs::create_dir(&files).unwrap();
    let store = Store::open(Options::new(directory.path().join("store.db"))).await.unwrap();
    Place { _directory: directory, store, world: World::new(files) }
}

pub(crate) fn settings() -> Settings {
    Settings {
        resume_every: None,
        backoff: Duration::from_millis(1),
        attempts: 3,
        poll: Duration::from_millis(10),
        ..Settings::default()
    }
}

pub(crate) fn registry() -> Registry<World> {
    Registry::new().with::<MakeFiles>().with::<RemoveFiles>()
}

pub(crate) fn engine(store: &Store, world: &World, settings: Settings) -> Operations<World> {
    Operations::new(store.clone(), world.clone(), registry(), settings)
}

pub(crate) fn make(names: &[&str]) -> MakeFiles {
    MakeFiles { names: names.iter().map(|name| (*name).to_owned()).collect() }
}

pub(crate) fn meta() -> Meta {
    Meta {
        actor: "ops".to_owned(),
        request_id: "r-1".to_owned(),
        account: Some("acme".to_owned()),
        subject: "files".to_owned(),
    }
}
