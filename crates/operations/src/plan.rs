//! The workflows that an engine knows, and the list of steps that a stored operation stands for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::workflow::Planned;
use crate::{OnFailure, Outputs, Workflow};

/// The most steps that one operation has.
const MOST_STEPS: usize = 10_000;

/// The workflows of an engine.
pub struct Registry<C> {
    kinds: BTreeMap<&'static str, Kind<C>>,
}

struct Kind<C> {
    on_failure: OnFailure,
    plan: fn(&Value) -> Result<Plan<C>, String>,
}

impl<C> Default for Registry<C> {
    fn default() -> Self {
        Self { kinds: BTreeMap::new() }
    }
}

impl<C: Clone + Send + Sync + 'static> Registry<C> {
    /// No workflows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a workflow.
    #[must_use]
    pub fn with<W: Workflow<Context = C>>(mut self) -> Self {
        self.kinds.insert(W::KIND, Kind { on_failure: W::ON_FAILURE, plan: plan::<W> });
        self
    }

    /// The kinds that it knows, sorted.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'static str> {
        self.kinds.keys().copied().collect()
    }

    pub(crate) fn on_failure(&self, kind: &str) -> OnFailure {
        self.kinds.get(kind).map_or(OnFailure::Undo, |kind| kind.on_failure)
    }

    pub(crate) fn plan(&self, kind: &str, params: &Value) -> Result<Plan<C>, String> {
        let Some(known) = self.kinds.get(kind) else {
            return Err("this program does not know that kind of operation".to_owned());
        };
        (known.plan)(params)
    }
}

/// The steps of one operation.
pub(crate) struct Plan<C> {
    pub(crate) steps: Vec<Planned<C>>,
    result: Box<dyn Fn(&Outputs) -> Value + Send + Sync>,
}

impl<C> Plan<C> {
    pub(crate) fn result(&self, outputs: &Outputs) -> Value {
        (self.result)(outputs)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.name.clone()).collect()
    }
}

fn plan<W: Workflow>(params: &Value) -> Result<Plan<W::Context>, String> {
    // Parameters are read from JSON even when the workflow is at hand, so that what cannot be read back is refused at once.
    let workflow: W =
        serde_json::from_value(params.clone()).map_err(|error| format!("its parameters cannot be read: {error}"))?;
    let steps = workflow.steps().planned;
    if steps.len() > MOST_STEPS {
        return Err(format!("{} steps are more than {MOST_STEPS}", steps.len()));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = steps.iter().find(|step| !names.insert(step.name.as_str())) {
        return Err(format!("two steps are named {:?}", twice.name));
    }
    Ok(Plan { steps, result: Box::new(move |outputs| workflow.result(outputs)) })
}
