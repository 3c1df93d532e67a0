//! The audit trail: a row before each action that changes something, its outcome added afterwards. Rows are never changed
//! otherwise and never deleted here. Details are the caller's; a secret does not belong into them.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::sql::{Select, Value, values};
use crate::{Error, Page, Row, Sql, Window};

/// What is known before the action.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// UUIDv7.
    pub id: Uuid,
    /// When.
    pub at: OffsetDateTime,
    /// The kind of caller (`operator`, `tenant`, `system`, …).
    pub actor_kind: String,
    /// Who.
    pub actor: String,
    /// By which credential; its id, never the credential.
    pub credential_id: String,
    /// From where.
    pub remote_addr: Option<String>,
    /// What is done (`accounts.create`).
    pub action: String,
    /// To what kind of thing.
    pub target_kind: String,
    /// To which.
    pub target: String,
    /// The slug of the account it concerns.
    pub account: Option<String>,
    /// The request.
    pub request_id: String,
    /// The operation, when there is one.
    pub operation_id: Option<Uuid>,
    /// The process that begins it, as [`Store::session`](crate::Store::session) names it; unknown for entries of before that was
    /// noted.
    pub owner: Option<Uuid>,
    /// More (JSON).
    pub detail: serde_json::Value,
}

/// The outcome of an entry whose process ended before it could tell one: whether anything was done has to be looked at.
pub const INTERRUPTED: &str = "interrupted";

/// A row of `audit`.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The place in the trail; grows.
    pub seq: i64,
    /// What was known before the action.
    pub new: NewEntry,
    /// How it ended; `None` while it runs, and until it is noticed that its process died meanwhile.
    pub outcome: Option<String>,
    /// When it ended.
    pub outcome_at: Option<OffsetDateTime>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Not before.
    pub from: Option<OffsetDateTime>,
    /// Before.
    pub to: Option<OffsetDateTime>,
    /// By whom.
    pub actor: Option<String>,
    /// What.
    pub action: Option<String>,
    /// To what kind of thing.
    pub target_kind: Option<String>,
    /// To which.
    pub target: Option<String>,
    /// Of which account (slug).
    pub account: Option<String>,
    /// Of which request.
    pub request_id: Option<String>,
    /// Of which operation.
    pub operation_id: Option<Uuid>,
    /// With which outcome.
    pub outcome: Option<String>,
}

const COLUMNS: &str = "SELECT seq, id, at, actor_kind, actor, credential_id, remote_addr, action, target_kind, target, \
     account, request_id, operation_id, owner, detail_json, outcome, outcome_at, error FROM audit";

/// Adds an entry; its place in the trail.
///
/// # Errors
/// As [`Sql::query`].
pub fn insert(sql: &mut dyn Sql, entry: &NewEntry) -> Result<i64, Error> {
    let row = sql.query_one(
        "INSERT INTO audit (id, at, actor_kind, actor, credential_id, remote_addr, action, target_kind, target, account, \
         request_id, operation_id, owner, detail_json) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) RETURNING seq",
        values![
            entry.id,
            entry.at,
            &entry.actor_kind,
            &entry.actor,
            &entry.credential_id,
            entry.remote_addr.as_deref(),
            &entry.action,
            &entry.target_kind,
            &entry.target,
            entry.account.as_deref(),
            &entry.request_id,
            entry.operation_id,
            entry.owner,
            &entry.detail,
        ],
    )?;
    row.ok_or_else(|| Error::Statement("RETURNING returned nothing".to_owned()))?.get("seq")
}

/// Adds how the action ended. Only the first outcome counts: `false` when there is one already, or no such entry.
///
/// # Errors
/// As [`Sql::execute`].
pub fn finish(
    sql: &mut dyn Sql,
    id: Uuid,
    outcome: &str,
    error: Option<&str>,
    at: OffsetDateTime,
) -> Result<bool, Error> {
    sql.execute(
        "UPDATE audit SET outcome = ?2, error = ?3, outcome_at = ?4 WHERE id = ?1 AND outcome IS NULL",
        values![id, outcome, error, at],
    )
    .map(|changed| changed > 0)
}

/// Adds to an entry the operation that its request started. `false` when there is no such entry.
///
/// # Errors
/// As [`Sql::execute`].
pub fn set_operation(sql: &mut dyn Sql, id: Uuid, operation_id: Uuid) -> Result<bool, Error> {
    sql.execute("UPDATE audit SET operation_id = ?2 WHERE id = ?1", values![id, operation_id])
        .map(|changed| changed > 0)
}

/// Entries, newest first; `after` is the `seq` of the last one seen.
///
/// # Errors
/// As [`Sql::query`].
pub fn list(sql: &mut dyn Sql, filter: &Filter, window: &Window<i64>) -> Result<Page<Entry, i64>, Error> {
    let rows = Select::new(COLUMNS)
        .and_if("at >= ?", filter.from)
        .and_if("at < ?", filter.to)
        .and_if("actor = ?", filter.actor.as_deref())
        .and_if("action = ?", filter.action.as_deref())
        .and_if("target_kind = ?", filter.target_kind.as_deref())
        .and_if("target = ?", filter.target.as_deref())
        .and_if("account = ?", filter.account.as_deref())
        .and_if("request_id = ?", filter.request_id.as_deref())
        .and_if("operation_id = ?", filter.operation_id)
        .and_if("outcome = ?", filter.outcome.as_deref())
        .and_if("seq < ?", window.after.map(Value::from))
        .rows(sql, "seq DESC", window.bound())?;
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, window.bound(), |entry: &Entry| entry.seq))
}

/// An entry without an outcome whose operation is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsettled {
    /// The entry.
    pub id: Uuid,
    /// How the operation ended.
    pub state: String,
    /// Why, where it did not go well (JSON).
    pub error: Option<serde_json::Value>,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
}

/// Entries that wait for an outcome though the operation that they became is over, at most `limit`.
///
/// # Errors
/// As [`Sql::query`].
pub fn unsettled(sql: &mut dyn Sql, limit: u32) -> Result<Vec<Unsettled>, Error> {
    sql.query(
        "SELECT audit.id AS id, operations.state AS state, operations.error_json AS error, \
         operations.finished_at AS finished_at FROM audit JOIN operations ON operations.id = audit.operation_id \
         WHERE audit.outcome IS NULL AND operations.finished_at IS NOT NULL ORDER BY audit.seq LIMIT ?1",
        values![i64::from(limit)],
    )?
    .iter()
    .map(|row| {
        Ok(Unsettled {
            id: row.get("id")?,
            state: row.get("state")?,
            error: row.get("error")?,
            finished_at: row.get("finished_at")?,
        })
    })
    .collect()
}

/// The processes that have begun entries which have no outcome and became no operation.
///
/// # Errors
/// As [`Sql::query`].
pub fn unfinished_by(sql: &mut dyn Sql) -> Result<Vec<Uuid>, Error> {
    sql.query(
        "SELECT DISTINCT owner FROM audit WHERE outcome IS NULL AND operation_id IS NULL AND owner IS NOT NULL",
        values![],
    )?
    .iter()
    .map(|row| row.get("owner"))
    .collect()
}

/// Gives the entries of a process that is gone the outcome [`INTERRUPTED`], unless they became operations; how many.
///
/// # Errors
/// As [`Sql::execute`].
pub fn interrupt(sql: &mut dyn Sql, owner: Uuid, error: &str, at: OffsetDateTime) -> Result<u64, Error> {
    sql.execute(
        "UPDATE audit SET outcome = ?2, error = ?3, outcome_at = ?4 \
         WHERE outcome IS NULL AND operation_id IS NULL AND owner = ?1",
        values![owner, INTERRUPTED, error, at],
    )
}

fn read(row: &Row) -> Result<Entry, Error> {
    Ok(Entry {
        seq: row.get("seq")?,
        new: NewEntry {
            id: row.get("id")?,
            at: row.get("at")?,
            actor_kind: row.get("actor_kind")?,
            actor: row.get("actor")?,
            credential_id: row.get("credential_id")?,
            remote_addr: row.get("remote_addr")?,
            action: row.get("action")?,
            target_kind: row.get("target_kind")?,
            target: row.get("target")?,
            account: row.get("account")?,
            request_id: row.get("request_id")?,
            operation_id: row.get("operation_id")?,
            owner: row.get("owner")?,
            detail: row.get("detail_json")?,
        },
        outcome: row.get("outcome")?,
        outcome_at: row.get("outcome_at")?,
        error: row.get("error")?,
    })
}
