//! What a use case can end with, as things a caller can act on. The HTTP status of each is decided by the façades' kit.

use bnna_auth::Denied;
use bnna_core::Invalid;
use bnna_operations::{Failure, StepError};
use serde_json::{Map, Value, json};

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There is no such thing, or none that the caller may know of.
    #[error("{0} not found")]
    NotFound(String),
    /// What was asked conflicts with what is.
    #[error("{message}")]
    Conflict {
        /// In which way.
        kind: Conflict,
        /// What is in the way and what to do.
        message: String,
        /// More, for programs.
        details: Option<Value>,
    },
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A cluster refused or failed, or could not be asked.
    #[error("{}", upstream_text(.0))]
    Upstream(Upstream),
    /// The store could not do it.
    #[error("the store: {0}")]
    Store(#[from] bnna_store::Error),
    /// An operation failed; the code is one of this list's, or the operation's own.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// Something that must not happen did; the text is for the log.
    #[error("internal: {0}")]
    Internal(String),
}

/// The ways in which a request conflicts with what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// It is there already.
    Exists,
    /// Something uses it.
    InUse,
    /// It holds things.
    NotEmpty,
    /// It runs.
    Running,
    /// More than one thing is meant.
    Ambiguous,
    /// Not in the state it is in.
    State,
}

impl Conflict {
    /// The error's code in the API.
    pub fn code(self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::InUse => "in_use",
            Self::NotEmpty => "not_empty",
            Self::Running => "running",
            Self::Ambiguous => "ambiguous",
            Self::State => "state",
        }
    }

    /// The conflict and what is in the way.
    pub fn because(self, message: impl Into<String>) -> Error {
        Error::Conflict { kind: self, message: message.into(), details: None }
    }

    /// The same with more for programs.
    pub fn with(self, message: impl Into<String>, details: Value) -> Error {
        Error::Conflict { kind: self, message: message.into(), details: Some(details) }
    }
}

/// A failure of a remote system.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Upstream {
    /// Which: a cluster's host.
    pub system: String,
    /// What it said, or what went wrong; never a secret.
    pub message: String,
    /// Whether it may have done what was asked.
    pub reached: Reached,
    /// The HTTP status it answered with, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What could not be undone and is left there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// Whether it was to change something and has perhaps done so, though no answer says that: look before you repeat.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub perhaps_done: bool,
}

/// Whether a remote system may have done what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// The request was not sent: nothing was done.
    NotSent,
    /// The request was sent and no answer came: look before repeating.
    Unknown,
    /// It answered that it refuses or failed.
    Answered,
    /// Too much waits for it already: the request was not sent, nothing was done.
    Crowded,
}

fn upstream_text(upstream: &Upstream) -> String {
    if upstream.left.is_empty() {
        format!("{}: {}", upstream.system, upstream.message)
    } else {
        format!("{}: {}; left behind: {}", upstream.system, upstream.message, upstream.left.join("; "))
    }
}

impl Error {
    /// The error's code in the API.
    pub fn code(&self) -> String {
        match self {
            Self::Invalid(invalid) => format!("invalid_{}", invalid.field),
            Self::NotFound(_) => "not_found".to_owned(),
            Self::Conflict { kind, .. } => kind.code().to_owned(),
            Self::Denied(denied) => denied.code().to_owned(),
            Self::Upstream(Upstream { reached: Reached::Unknown, .. }) => "upstream_timeout".to_owned(),
            Self::Upstream(Upstream { reached: Reached::Crowded, .. }) => "unavailable".to_owned(),
            Self::Upstream(_) => "upstream".to_owned(),
            Self::Failed(failure) => failure.code.clone(),
            Self::Store(_) => "store".to_owned(),
            Self::Internal(_) => "internal".to_owned(),
        }
    }

    /// More, for programs.
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::Conflict { details, .. } => details.clone(),
            Self::Upstream(upstream) => {
                let mut details = Map::from_iter([("system".to_owned(), json!(upstream.system))]);
                if !upstream.left.is_empty() {
                    details.insert("left".to_owned(), json!(upstream.left));
                }
                if upstream.perhaps_done {
                    details.insert("perhaps_done".to_owned(), json!(true));
                }
                Some(details.into())
            }
            Self::Failed(failure) => Some(failure.details.clone()).filter(|details| !details.is_null()),
            _ => None,
        }
    }

    /// Whether what was asked may have been done all the same. What became an operation is not meant: that looks before it repeats.
    pub fn perhaps_done(&self) -> bool {
        matches!(self, Self::Upstream(upstream) if upstream.perhaps_done)
    }

    /// No such thing.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound(what.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Failed(failure) => failure,
            error => {
                let (code, details) = (error.code(), error.details());
                Self::new(code, error.to_string()).with_details(details.unwrap_or_default())
            }
        }
    }
}

impl From<Error> for StepError {
    /// What was not sent is tried again, and so is what met a token that was changed meanwhile; what may have been done is looked at
    /// again, what was refused is final.
    fn from(error: Error) -> Self {
        match &error {
            Error::Upstream(
                Upstream { reached: Reached::NotSent | Reached::Crowded, .. } | Upstream { status: Some(401), .. },
            ) => Self::Retry { after: std::time::Duration::from_millis(200), failure: error.into() },
            Error::Upstream(Upstream { reached: Reached::Unknown, .. }) => Self::Unknown(error.into()),
            Error::Store(store) if store.is_temporary() => {
                Self::Retry { after: std::time::Duration::from_secs(1), failure: error.into() }
            }
            _ => Self::Failed(error.into()),
        }
    }
}

impl From<bnna_operations::Error> for Error {
    fn from(error: bnna_operations::Error) -> Self {
        match error {
            bnna_operations::Error::Conflict { running, .. } => Conflict::InUse.with(
                format!("{error}; wait until it ends: GET /api/platform/operations/{running}"),
                json!({ "operation_id": running.to_string() }),
            ),
            bnna_operations::Error::NotFound(id) => Self::not_found(format!("operation {id}")),
            bnna_operations::Error::Finished { .. } => Conflict::State.because(error.to_string()),
            bnna_operations::Error::Store(store) => Self::Store(store),
            bnna_operations::Error::Workflow { .. } | bnna_operations::Error::ShuttingDown => {
                Self::Internal(error.to_string())
            }
        }
    }
}
