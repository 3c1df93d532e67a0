//! Durable multi-step work: steps with their undo, progress, cancel, resume.
//!
//! A [`Workflow`] is a serialisable set of parameters that lists its steps; [`Operations`] runs workflows. Before and after
//! each step the state is in the store, so that a process which dies at any instruction loses nothing: another one, or the
//! same one after its restart, takes the operation over and goes on. A lease with a fencing number keeps two processes
//! from running one operation.
//!
//! # What a step owes
//!
//! * **Look before you repeat.** A step that was begun and not finished when the process died is run again. It first looks
//!   whether its effect is there already, and then returns the same output.
//! * **Undo what may not have happened.** The undo of a step that failed, or of which nobody knows how it ended, is run as
//!   well, with no output. It removes what it finds and is content when there is nothing.
//! * **Deterministic.** The list of steps follows from the parameters alone. Whatever has to be drawn (an id, a time) is
//!   drawn when the parameters are made.
//! * **No secrets** in parameters, outputs and errors: they are stored and shown.
//!
//! [`testing`] checks the first two for any workflow.
//!
//! What is not here: Proxmox, HTTP, rules of the domain. Workflows bring them.

mod driver;
mod engine;
mod error;
mod journal;
mod lease;
mod plan;
mod probe;
mod settings;
mod step;
pub mod testing;
mod view;
mod workflow;

pub use engine::{Event, Meta, Operations, Prepared};
pub use error::Error;
pub use plan::Registry;
pub use settings::{Around, Clock, Settings};
pub use step::{Failure, Outputs, Step, StepCx, StepError};
pub use view::{Operation, OperationId, OperationView, Progress, Remaining, State, StepState, StepView};
pub use workflow::{OnFailure, Steps, Workflow};

/// A future behind a pointer.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
