//! A step: what it does, how it is undone, what it sees, and how it fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{BoxFuture, OperationId};

/// Why a step failed, as it is stored and shown. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// A stable word (`upstream`, `in_use`).
    pub code: String,
    /// For people.
    pub message: String,
    /// More, such as what the upstream system answered.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

impl Failure {
    /// A failure without details.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: Value::Null }
    }

    /// With details.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

/// How an attempt of a step ended when it did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It will not work. The operation is undone (or stops).
    #[error("{0}")]
    Failed(Failure),
    /// It did not work now, and nothing was done; it may work later. Tried again a bounded number of times.
    #[error("{failure}")]
    Retry {
        /// When to try again; never longer than the engine's bound.
        after: Duration,
        /// Why, should it be the last attempt.
        failure: Failure,
    },
    /// It may have worked or not (a broken connection after the request was sent). Tried again a bounded number of times;
    /// the step looks before it repeats.
    #[error("{0}")]
    Unknown(Failure),
}

impl StepError {
    /// A definite failure.
    #[must_use]
    pub fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Failed(Failure::new(code, message))
    }

    /// A failure that may pass.
    #[must_use]
    pub fn retry(after: Duration, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Retry { after, failure: Failure::new(code, message) }
    }

    /// An unknown outcome.
    #[must_use]
    pub fn unknown(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Unknown(Failure::new(code, message))
    }

    /// The stored part.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        match self {
            Self::Failed(failure) | Self::Unknown(failure) | Self::Retry { failure, .. } => failure,
        }
    }
}

impl From<Failure> for StepError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<bnna_store::Error> for StepError {
    fn from(error: bnna_store::Error) -> Self {
        if error.is_temporary() {
            Self::retry(Duration::from_secs(1), "store", error.to_string())
        } else {
            Self::failed("store", error.to_string())
        }
    }
}

/// What the finished steps returned, by their names.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    by_name: Arc<BTreeMap<String, Value>>,
}

impl Outputs {
    pub(crate) fn add(&mut self, name: &str, output: Value) {
        Arc::make_mut(&mut self.by_name).insert(name.to_owned(), output);
    }

    pub(crate) fn raw(&self, step: &str) -> Option<&Value> {
        self.by_name.get(step)
    }

    /// What the step of that name returned; `None` when it has not finished (or was undone).
    ///
    /// # Errors
    /// [`StepError::Failed`] when it returned something else than a `T`.
    pub fn get<T: DeserializeOwned>(&self, step: &str) -> Result<Option<T>, StepError> {
        self.by_name.get(step).map(|value| decode(step, value.clone())).transpose()
    }

    /// What the step of that name returned.
    ///
    /// # Errors
    /// [`StepError::Failed`] when it has not finished or returned something else.
    pub fn require<T: DeserializeOwned>(&self, step: &str) -> Result<T, StepError> {
        self.get(step)?
            .ok_or_else(|| StepError::failed("missing_output", format!("step {step:?} returned nothing yet")))
    }
}

fn decode<T: DeserializeOwned>(step: &str, value: Value) -> Result<T, StepError> {
    serde_json::from_value(value).map_err(|error| {
        StepError::failed("unreadable_output", format!("what step {step:?} returned cannot be read: {error}"))
    })
}

/// What a step sees while it runs.
#[derive(Clone)]
pub struct StepCx<C> {
    pub(crate) context: C,
    pub(crate) operation: OperationId,
    pub(crate) name: Arc<str>,
    pub(crate) actor: Arc<str>,
    pub(crate) request_id: Arc<str>,
    pub(crate) account: Option<Arc<str>>,
    pub(crate) outputs: Outputs,
    pub(crate) attempt: u32,
    pub(crate) cancel: CancellationToken,
}

impl<C> StepCx<C> {
    /// What the workflows of this engine work with.
    #[must_use]
    pub fn context(&self) -> &C {
        &self.context
    }

    /// The operation: a key that stays the same however often the step is repeated.
    #[must_use]
    pub fn operation(&self) -> OperationId {
        self.operation
    }

    /// The step's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who started the operation.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// The request that started it.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The account that it concerns.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// What the steps before returned.
    #[must_use]
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// Which attempt this is, from 1, over all processes that tried. Above 1 something may have been done before.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether cancelling was asked for. A long step may end early with a failure then; none has to.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Ready when cancelling is asked for.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }
}

/// One step of a workflow, with its undo beside it. See the crate's page for what a step owes.
pub trait Step<C>: Send + Sync + 'static {
    /// What it returns to later steps and to its own undo; stored.
    type Output: Serialize + DeserializeOwned + Send;

    /// Does it.
    fn run(&self, cx: &StepCx<C>) -> impl Future<Output = Result<Self::Output, StepError>> + Send;

    /// Undoes it. `output` is what [`Step::run`] returned; `None` when it failed or nobody knows how it ended.
    ///
    /// [`StepError::Failed`] leaves the operation stuck at once, the other errors after as many attempts as a step has.
    fn undo(&self, cx: &StepCx<C>, output: Option<Self::Output>) -> impl Future<Output = Result<(), StepError>> + Send;
}

/// A step whose output type is forgotten.
pub(crate) trait AnyStep<C>: Send + Sync {
    fn run<'a>(&'a self, cx: &'a StepCx<C>) -> BoxFuture<'a, Result<Value, StepError>>;
    fn undo<'a>(&'a self, cx: &'a StepCx<C>, output: Option<Value>) -> BoxFuture<'a, Result<(), StepError>>;
}

impl<C: Send + Sync, S: Step<C>> AnyStep<C> for S {
    fn run<'a>(&'a self, cx: &'a StepCx<C>) -> BoxFuture<'a, Result<Value, StepError>> {
        Box::pin(async move {
            let output = Step::run(self, cx).await?;
            serde_json::to_value(output).map_err(|error| StepError::failed("unwritable_output", error.to_string()))
        })
    }

    fn undo<'a>(&'a self, cx: &'a StepCx<C>, output: Option<Value>) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async move {
            let output = output.map(|value| decode(&cx.name, value)).transpose()?;
            Step::undo(self, cx, output).await
        })
    }
}
