//! What can go wrong with the store, sorted by what the caller can do about it.
//!
//! An error never carries a bound value, so that no secret reaches a log through it.

use std::path::PathBuf;

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is something else: another program's database, or no database at all.
    #[error("{path} is not a bnna store: {reason}")]
    NotADatabase {
        /// The file that was opened.
        path: PathBuf,
        /// What it seems to be.
        reason: String,
    },
    /// The store was written by a newer bnna. Start that one, or restore a backup made before the upgrade.
    #[error("the store is at version {found}, this program knows versions up to {known}: start a newer program")]
    Newer {
        /// The version of the store.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The file or its directory cannot be opened or written with the rights of this process.
    #[error("the store cannot be opened or written: {reason}")]
    Unwritable {
        /// Which path and what the system said.
        reason: String,
    },
    /// The disk is full. Nothing of the refused write is kept; later writes succeed once there is room again.
    #[error("the disk of the store is full")]
    Full,
    /// Too much is waiting, or another process holds the store. Trying again later is safe: nothing was done.
    #[error("the store is busy: {reason}")]
    Busy {
        /// What was waited for.
        reason: String,
    },
    /// A rule of the schema refused the row.
    #[error("the store refused a row: {kind} on {on}")]
    Constraint {
        /// Which kind of rule.
        kind: ConstraintKind,
        /// The columns (`accounts.slug`) or the name of the rule.
        on: String,
    },
    /// What is stored cannot be read: a damaged file, or a row that is not what the column promises.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// The system failed to read or write the file. Whether the write is kept is known to be *no*.
    #[error("the file of the store could not be read or written: {0}")]
    Io(String),
    /// The store was closed, or the closure that was to run ended in a panic.
    #[error("the store is closed: {0}")]
    Closed(String),
    /// A statement is wrong: a mistake in this program.
    #[error("a statement of the store is wrong: {0}")]
    Statement(String),
    /// A backup is not written over an existing file.
    #[error("{0} exists already")]
    Exists(PathBuf),
}

/// The kinds of rules that a schema has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintKind {
    /// Another row has this key already.
    Unique,
    /// The row refers to one that is not there, or is still referred to.
    ForeignKey,
    /// A value that must be there is missing.
    NotNull,
    /// A value is outside what the column allows.
    Check,
}

impl std::fmt::Display for ConstraintKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unique => "uniqueness",
            Self::ForeignKey => "a reference",
            Self::NotNull => "a missing value",
            Self::Check => "a value out of range",
        })
    }
}

impl Error {
    /// Whether this is "another row has this key already"; what is looked for in `on` is a column (`accounts.slug`).
    #[must_use]
    pub fn is_duplicate_of(&self, column: &str) -> bool {
        matches!(self, Self::Constraint { kind: ConstraintKind::Unique, on } if on.split(", ").any(|one| one == column))
    }

    /// Whether the same call may succeed later without anybody changing the request.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Full | Self::Busy { .. } | Self::Io(_) | Self::Unwritable { .. })
    }
}
