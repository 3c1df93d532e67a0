//! Why an operation could not be started, found or cancelled. Why one *failed* is in its [`Failure`](crate::Failure).

use crate::{OperationId, State};

/// Why the engine did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another operation that is not over yet holds a key which this one needs alone.
    #[error("operation {running} is still working on {key}")]
    Conflict {
        /// The key (`account:acme`).
        key: String,
        /// The operation that holds it.
        running: OperationId,
    },
    /// There is no such operation.
    #[error("there is no operation {0}")]
    NotFound(OperationId),
    /// It is over; there is nothing left to cancel.
    #[error("operation {id} is {state} already")]
    Finished {
        /// The operation.
        id: OperationId,
        /// How it ended.
        state: State,
    },
    /// The workflow is not registered, or its parameters or steps are not as they must be: a mistake in this program.
    #[error("workflow {kind}: {reason}")]
    Workflow {
        /// The kind of workflow.
        kind: String,
        /// What is wrong.
        reason: String,
    },
    /// This process is shutting down and starts nothing new.
    #[error("operations are shutting down")]
    ShuttingDown,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] bnna_store::Error),
}
