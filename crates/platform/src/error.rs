//! What a use case can end with, as things a caller can act on. The HTTP status of each is decided by the façades' kit.

use bnna_auth::Denied;
use bnna_core::Invalid;
use serde_json::{Value, json};

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
    /// It did not answer in time: whether it did what was asked is not known.
    pub timeout: bool,
    /// What could not be undone and is left there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
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
            Self::Upstream(Upstream { timeout: true, .. }) => "upstream_timeout".to_owned(),
            Self::Upstream(_) => "upstream".to_owned(),
            Self::Store(_) => "store".to_owned(),
            Self::Internal(_) => "internal".to_owned(),
        }
    }

    /// More, for programs.
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::Conflict { details, .. } => details.clone(),
            Self::Upstream(upstream) if upstream.left.is_empty() => Some(json!({ "system": upstream.system })),
            Self::Upstream(upstream) => Some(json!({ "system": upstream.system, "left": upstream.left })),
            _ => None,
        }
    }

    /// No such thing.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound(what.into())
    }
}
