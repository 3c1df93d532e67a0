//! Where [`testing`](crate::testing) looks into a running engine: at every boundary of every step.

use std::sync::Arc;

use crate::{BoxFuture, StepError};

/// Which half of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase {
    Do,
    Undo,
}

impl Phase {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Undo => "undo",
        }
    }
}

/// Where within a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// "Started" is in the store, nothing was done.
    Before,
    /// The effect is there, the store does not know.
    After,
    /// "Done" is in the store.
    Written,
}

/// A boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) step: usize,
    pub(crate) phase: Phase,
    pub(crate) moment: Moment,
}

/// What the engine is made to do there.
pub(crate) enum Action {
    Continue,
    /// Run the step once more (at [`Moment::After`]).
    Repeat,
    /// Take this for the outcome of the step.
    Fail(StepError),
}

/// Called at every boundary. One that never returns holds the engine there, so that it can be killed.
pub(crate) type Probe = Arc<dyn Fn(Point) -> BoxFuture<'static, Action> + Send + Sync>;
