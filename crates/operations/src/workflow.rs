//! A workflow: parameters that list their steps. One file a workflow, read from top to bottom: the parameters, the list of
//! steps, the steps.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::step::AnyStep;
use crate::{Outputs, Step, StepCx, StepError};

/// What happens when a step fails for good, or the operation is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// What was done is undone, last first. Ends as `undone`, or as `stuck` when an undo fails.
    Undo,
    /// It stops where it is and ends as `failed`. For work that only goes forward (a deletion): repeating it finishes it.
    Stop,
}

/// Long work: the parameters of one kind of operation. They are stored as JSON, so a change of their shape must still read
/// what an older program wrote.
pub trait Workflow: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What the steps work with.
    type Context: Clone + Send + Sync + 'static;

    /// The name of this kind of operation (`accounts.create`); never changed.
    const KIND: &'static str;

    /// What happens on failure.
    const ON_FAILURE: OnFailure = OnFailure::Undo;

    /// What no two unfinished operations may hold at once (`account:acme`).
    fn keys(&self) -> Vec<String> {
        Vec::new()
    }

    /// The steps, in order, from these parameters alone. Their names are unique within the workflow.
    fn steps(&self) -> Steps<Self::Context>;

    /// The result of the finished operation; by default what the last step returned.
    fn result(&self, outputs: &Outputs) -> Value {
        let last = self.steps().planned.pop();
        last.and_then(|step| outputs.raw(&step.name).cloned()).unwrap_or(Value::Null)
    }
}

/// The list of a workflow's steps, being written down.
pub struct Steps<C> {
    pub(crate) planned: Vec<Planned<C>>,
}

pub(crate) struct Planned<C> {
    pub(crate) name: String,
    pub(crate) step: Box<dyn AnyStep<C>>,
}

impl<C> Default for Steps<C> {
    fn default() -> Self {
        Self { planned: Vec::new() }
    }
}

impl<C: Send + Sync + 'static> Steps<C> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a step.
    #[must_use]
    pub fn then(mut self, name: impl Into<String>, step: impl Step<C>) -> Self {
        self.push(name, step);
        self
    }

    /// Adds a step, for loops.
    pub fn push(&mut self, name: impl Into<String>, step: impl Step<C>) {
        self.planned.push(Planned { name: name.into(), step: Box::new(step) });
    }

    /// Adds a step that changes nothing outside (a look, a check, a calculation) and so needs no undo.
    #[must_use]
    pub fn look<T, F, R>(self, name: impl Into<String>, run: F) -> Self
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: Fn(StepCx<C>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, StepError>> + Send + 'static,
        C: Clone,
    {
        self.then(name, Look { run, _output: std::marker::PhantomData })
    }

    /// Adds a step from two functions: `run(cx)` and `undo(cx, output)`.
    #[must_use]
    pub fn step<T, F, R, U, V>(self, name: impl Into<String>, run: F, undo: U) -> Self
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: Fn(StepCx<C>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, StepError>> + Send + 'static,
        U: Fn(StepCx<C>, Option<T>) -> V + Send + Sync + 'static,
        V: Future<Output = Result<(), StepError>> + Send + 'static,
        C: Clone,
    {
        self.then(name, Pair { run, undo, _output: std::marker::PhantomData })
    }
}

struct Look<T, F> {
    run: F,
    _output: std::marker::PhantomData<fn() -> T>,
}

impl<C, T, F, R> Step<C> for Look<T, F>
where
    C: Clone + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + 'static,
    F: Fn(StepCx<C>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, StepError>> + Send + 'static,
{
    type Output = T;

    async fn run(&self, cx: &StepCx<C>) -> Result<T, StepError> {
        (self.run)(cx.clone()).await
    }

    async fn undo(&self, _: &StepCx<C>, _: Option<T>) -> Result<(), StepError> {
        Ok(())
    }
}

struct Pair<T, F, U> {
    run: F,
    undo: U,
    _output: std::marker::PhantomData<fn() -> T>,
}

impl<C, T, F, R, U, V> Step<C> for Pair<T, F, U>
where
    C: Clone + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + 'static,
    F: Fn(StepCx<C>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, StepError>> + Send + 'static,
    U: Fn(StepCx<C>, Option<T>) -> V + Send + Sync + 'static,
    V: Future<Output = Result<(), StepError>> + Send + 'static,
{
    type Output = T;

    async fn run(&self, cx: &StepCx<C>) -> Result<T, StepError> {
        (self.run)(cx.clone()).await
    }

    async fn undo(&self, cx: &StepCx<C>, output: Option<T>) -> Result<(), StepError> {
        (self.undo)(cx.clone(), output).await
    }
}
