//! What an operation looks like from outside.

use std::fmt;
use std::str::FromStr;

use bnna_store::{operation_steps, operations as rows};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Failure;

/// The id of an operation: a UUIDv7, so that ids sort by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(Uuid);

impl OperationId {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// From a stored id.
    #[must_use]
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The id as it is stored.
    #[must_use]
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for OperationId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Its word, as stored and shown.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// From its word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// Where an operation is.
    State {
        /// Asked for, not begun.
        Pending = "pending",
        /// Steps are being done.
        Running = "running",
        /// Cancelling was asked for; the step that runs is let finish.
        Cancelling = "cancelling",
        /// Steps are being undone.
        Undoing = "undoing",
        /// All steps are done.
        Done = "done",
        /// A step failed and what was done stays; repeating the request goes on.
        Failed = "failed",
        /// A step failed, or it was cancelled, and everything is as before.
        Undone = "undone",
        /// Neither done nor undone: what remains is named, and somebody has to look.
        Stuck = "stuck",
    }
}

impl State {
    /// Whether nothing will happen any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Undone | Self::Stuck)
    }
}

words! {
    /// Where a step is.
    StepState {
        /// Not begun.
        Pending = "pending",
        /// Begun; after a crash also: nobody knows.
        Running = "running",
        /// Done.
        Done = "done",
        /// Failed for good.
        Failed = "failed",
        /// The last attempt ended without anybody knowing how; it will be tried again.
        Unknown = "unknown",
        /// Being undone.
        Undoing = "undoing",
        /// Undone.
        Undone = "undone",
        /// Could not be undone.
        UndoFailed = "undo_failed",
    }
}

/// How far an operation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Steps that are done; goes down while undoing.
    pub done: u32,
    /// All steps.
    pub total: u32,
    /// The step at work.
    pub current: Option<String>,
}

/// Something that a stuck operation left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remaining {
    /// The step whose effect remains.
    pub step: String,
    /// Why.
    pub message: String,
}

/// An operation without its steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// The workflow.
    pub kind: String,
    /// Where it is.
    pub state: State,
    /// The slug of the account it concerns.
    pub account: Option<String>,
    /// What it works on, in words.
    pub subject: String,
    /// Who started it.
    pub actor: String,
    /// By which request.
    pub request_id: String,
    /// How far it is.
    pub progress: Progress,
    /// Why it failed, was cancelled or is stuck.
    pub error: Option<Failure>,
    /// What it returned.
    pub result: Option<Value>,
    /// What it left behind, when it is stuck.
    pub remains: Vec<Remaining>,
    /// Whether somebody asked to cancel it.
    pub cancel_requested: bool,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last moved.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// One step of an operation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepView {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub state: StepState,
    /// How often it, or its undo, was begun.
    pub attempts: u32,
    /// When it was first begun.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When its state last changed.
    #[serde(with = "time::serde::rfc3339::option")]
    pub updated_at: Option<OffsetDateTime>,
    /// What it returned.
    pub output: Option<Value>,
    /// Why it, or its undo, last failed.
    pub error: Option<Failure>,
}

/// An operation with its steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperationView {
    /// The operation.
    #[serde(flatten)]
    pub operation: Operation,
    /// Its steps, in order, those that are still to come included.
    pub steps: Vec<StepView>,
}

impl OperationView {
    /// Whether nothing will happen any more.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.operation.state.is_final()
    }
}

/// The row as it is shown. A word that this program does not know is a damaged store.
pub(crate) fn operation(row: rows::Operation) -> Result<Operation, bnna_store::Error> {
    let id = row.id;
    let damaged = |what: &str| bnna_store::Error::Corrupt(format!("operation {id}: unreadable {what}"));
    let state = State::from_word(&row.state).ok_or_else(|| damaged("state"))?;
    let error = row.error.map(serde_json::from_value).transpose().map_err(|_| damaged("error"))?;
    let remains = serde_json::from_value(row.remains).map_err(|_| damaged("remains"))?;
    Ok(Operation {
        id: OperationId(id),
        kind: row.kind,
        state,
        account: row.account,
        subject: row.subject,
        actor: row.actor,
        request_id: row.request_id,
        progress: Progress { done: row.steps_done, total: row.steps_total, current: row.current_step },
        error,
        result: row.result,
        remains,
        cancel_requested: row.cancel,
        created_at: row.created_at,
        updated_at: row.updated_at,
        finished_at: row.finished_at,
    })
}

/// The steps as the log tells them; `names` are those of the plan, where it is known.
pub(crate) fn steps(names: Vec<String>, log: &[operation_steps::Entry]) -> Vec<StepView> {
    let mut steps: Vec<StepView> = names.into_iter().map(untouched).collect();
    for entry in log.iter().map(|entry| &entry.new) {
        let at = entry.step as usize;
        while steps.len() <= at {
            steps.push(untouched(String::new()));
        }
        let Some(step) = steps.get_mut(at) else { continue };
        step.name.clone_from(&entry.name);
        step.updated_at = Some(entry.at);
        step.started_at = step.started_at.or(Some(entry.at));
        if entry.state == "started" {
            step.attempts += 1;
        }
        if let Some(error) = &entry.error {
            step.error = serde_json::from_value(error.clone()).ok();
        }
        step.state = match (entry.phase.as_str(), entry.state.as_str()) {
            ("do", "started") => StepState::Running,
            ("do", "done") => {
                step.output.clone_from(&entry.output);
                step.error = None;
                StepState::Done
            }
            ("do", "failed") => StepState::Failed,
            ("undo", "started") => StepState::Undoing,
            ("undo", "done") => StepState::Undone,
            ("undo", "failed") => StepState::UndoFailed,
            (_, _) => StepState::Unknown,
        };
    }
    steps
}

fn untouched(name: String) -> StepView {
    StepView {
        name,
        state: StepState::Pending,
        attempts: 0,
        started_at: None,
        updated_at: None,
        output: None,
        error: None,
    }
}
