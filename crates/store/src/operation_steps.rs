//! The log of an operation's steps: appended to, never changed. What it says last about a step is the state of that step.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::sql::values;
use crate::{Error, Row, Sql};

/// What is appended.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// The operation.
    pub operation_id: Uuid,
    /// Which step, from 0.
    pub step: u32,
    /// Its name.
    pub name: String,
    /// `do` or `undo`.
    pub phase: String,
    /// `started`, `done`, `failed` or `unknown`.
    pub state: String,
    /// What the step returned.
    pub output: Option<serde_json::Value>,
    /// Why it failed (JSON; its shape is the caller's).
    pub error: Option<serde_json::Value>,
    /// The fence of the lease under which it was written.
    pub fence: i64,
    /// When.
    pub at: OffsetDateTime,
}

/// A row of `operation_steps`.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The place in the log; grows.
    pub seq: i64,
    /// What was appended.
    pub new: NewEntry,
}

/// Appends an entry. Whether the writer still holds the lease is checked by the caller, in the same transaction.
///
/// # Errors
/// As [`Sql::execute`].
pub fn append(sql: &mut dyn Sql, entry: &NewEntry) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO operation_steps (operation_id, step, name, phase, state, output_json, error_json, fence, at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        values![
            entry.operation_id,
            entry.step,
            &entry.name,
            &entry.phase,
            &entry.state,
            entry.output.as_ref(),
            entry.error.as_ref(),
            entry.fence,
            entry.at,
        ],
    )
    .map(|_| ())
}

/// The log of one operation, in the order it happened.
///
/// # Errors
/// As [`Sql::query`].
pub fn list(sql: &mut dyn Sql, operation_id: Uuid) -> Result<Vec<Entry>, Error> {
    sql.query(
        "SELECT seq, operation_id, step, name, phase, state, output_json, error_json, fence, at FROM operation_steps \
         WHERE operation_id = ?1 ORDER BY seq",
        values![operation_id],
    )?
    .iter()
    .map(read)
    .collect()
}

fn read(row: &Row) -> Result<Entry, Error> {
    Ok(Entry {
        seq: row.get("seq")?,
        new: NewEntry {
            operation_id: row.get("operation_id")?,
            step: row.get("step")?,
            name: row.get("name")?,
            phase: row.get("phase")?,
            state: row.get("state")?,
            output: row.get("output_json")?,
            error: row.get("error_json")?,
            fence: row.get("fence")?,
            at: row.get("at")?,
        },
    })
}
