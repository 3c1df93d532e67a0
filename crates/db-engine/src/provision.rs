//! Making a tenancy as a whole: the steps in the engine's order, undone in reverse when one fails.
//!
//! A durable workflow drives [`Engine::run_step`] and [`Engine::undo_step`] itself; this is for those who need no memory between
//! the steps, and the definition of what "rolled back" means.

use crate::engine::Engine;
use crate::error::Error;
use crate::password::Password;
use crate::tenancy::{Presence, Step, StepOutcome, Tenancy};

/// A tenancy was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}{}", left.as_ref().map(|why| format!("; and not everything could be undone: {why}")).unwrap_or_default())]
pub struct CreateError {
    /// Why.
    pub cause: Error,
    /// Why something may be left on the server; `None` when it is as it was before.
    pub left: Option<Error>,
}

impl From<Error> for CreateError {
    fn from(cause: Error) -> Self {
        Self { cause, left: None }
    }
}

/// Makes database and user. A tenancy that was complete before gets the password; nothing of it is ever undone.
///
/// For one tenancy the caller makes one call at a time: of two at once, the one that fails would undo what the other made.
///
/// # Errors
/// [`CreateError`]: what was made here is undone, what was there before is left.
pub async fn create(engine: &dyn Engine, tenancy: &Tenancy, password: &Password) -> Result<StepOutcome, CreateError> {
    match engine.make_at_once(tenancy, password).await {
        Ok(true) => return Ok(StepOutcome::Done),
        Ok(false) => {}
        // Nothing was sent that changes anything.
        Err(cause @ (Error::Unreachable { .. } | Error::RefusedCredentials { .. } | Error::Foreign { .. })) => {
            return Err(cause.into());
        }
        Err(cause) => return Err(undo(engine, tenancy, engine.steps(), cause).await),
    }
    // Something is there: ours from before, or a stranger's.
    let before = engine.inspect(tenancy).await?;
    refuse_foreign("database", tenancy.database.as_str(), &before.database)?;
    refuse_foreign("user", tenancy.user.as_str(), &before.user)?;
    let mut outcome = StepOutcome::AlreadySo;
    for (done, step) in engine.steps().iter().enumerate() {
        match engine.run_step(*step, tenancy, password).await {
            Ok(StepOutcome::Done) => outcome = StepOutcome::Done,
            Ok(StepOutcome::AlreadySo) => {}
            Err(cause) if before.is_complete() => return Err(cause.into()),
            Err(cause) => {
                let begun = engine.steps().get(..=done).unwrap_or_default();
                return Err(undo(engine, tenancy, begun, cause).await);
            }
        }
    }
    Ok(outcome)
}

/// Undoes steps in reverse, the one that failed among them: it may have been done in part.
async fn undo(engine: &dyn Engine, tenancy: &Tenancy, steps: &[Step], cause: Error) -> CreateError {
    let mut left = None;
    for step in steps.iter().rev() {
        left = left.or(engine.undo_step(*step, tenancy).await.err());
    }
    CreateError { cause, left }
}

/// The error for something that is there and not ours.
///
/// # Errors
/// [`Error::Foreign`].
pub fn refuse_foreign(thing: &str, name: &str, presence: &Presence) -> Result<(), Error> {
    match presence {
        Presence::Foreign { owner } => Err(Error::Foreign { what: format!("{thing} {name}"), owner: owner.clone() }),
        Presence::Absent | Presence::Ours | Presence::Unfinished => Ok(()),
    }
}
