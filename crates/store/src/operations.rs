//! Operations: long work, its state and its lease. Only the process that holds the lease writes, and every such write
//! carries the lease's fence: a writer that lost the lease changes nothing and learns it ([`save`] returns `None`).

use time::OffsetDateTime;
use uuid::Uuid;

use crate::sql::{Select, values};
use crate::{Error, Page, Row, Sql, Window};

/// A row of `operations`.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// UUIDv7.
    pub id: Uuid,
    /// The workflow.
    pub kind: String,
    /// Its parameters. Never a secret.
    pub params: serde_json::Value,
    /// `pending`, `running`, `cancelling`, `undoing`, `done`, `failed`, `undone` or `stuck`.
    pub state: String,
    /// The slug of the account it concerns.
    pub account: Option<String>,
    /// What it works on, in words.
    pub subject: String,
    /// Who started it.
    pub actor: String,
    /// By which request.
    pub request_id: String,
    /// Whether somebody asked to cancel it.
    pub cancel: bool,
    /// How many steps are done.
    pub steps_done: u32,
    /// How many there are.
    pub steps_total: u32,
    /// The step that runs now.
    pub current_step: Option<String>,
    /// Why it failed (JSON).
    pub error: Option<serde_json::Value>,
    /// What it returned (JSON).
    pub result: Option<serde_json::Value>,
    /// What a stuck operation left behind (JSON list).
    pub remains: serde_json::Value,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When it last moved.
    pub updated_at: OffsetDateTime,
    /// When it ended, however it ended.
    pub finished_at: Option<OffsetDateTime>,
    /// Who runs it.
    pub lease_owner: Option<String>,
    /// Until when nobody else may.
    pub lease_until: Option<OffsetDateTime>,
    /// How often the lease changed hands.
    pub fence: i64,
}

/// Which operations to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this account (slug).
    pub account: Option<String>,
    /// Only in this state.
    pub state: Option<String>,
    /// Only of this workflow.
    pub kind: Option<String>,
    /// Only those that have ended (`true`) or not (`false`).
    pub finished: Option<bool>,
}

/// What the holder of the lease writes: the moving part of the row.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The new state.
    pub state: String,
    /// How many steps are done.
    pub steps_done: u32,
    /// The step that runs now.
    pub current_step: Option<String>,
    /// Why it failed.
    pub error: Option<serde_json::Value>,
    /// What it returned.
    pub result: Option<serde_json::Value>,
    /// What it left behind.
    pub remains: serde_json::Value,
    /// Now.
    pub at: OffsetDateTime,
    /// Set when this ends the operation, which also gives up its keys and its lease.
    pub finished: bool,
}

const COLUMNS: &str = "SELECT id, kind, params_json, state, account, subject, actor, request_id, cancel, steps_done, \
     steps_total, current_step, error_json, result_json, remains_json, created_at, updated_at, finished_at, lease_owner, \
     lease_until, fence FROM operations";

/// Adds an operation.
///
/// # Errors
/// As [`Sql::execute`].
pub fn insert(sql: &mut dyn Sql, operation: &Operation) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO operations (id, kind, params_json, state, account, subject, actor, request_id, cancel, steps_done, \
         steps_total, current_step, error_json, result_json, remains_json, created_at, updated_at, finished_at, \
         lease_owner, lease_until, fence) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
         ?17, ?18, ?19, ?20, ?21)",
        values![
            operation.id,
            &operation.kind,
            &operation.params,
            &operation.state,
            operation.account.as_deref(),
            &operation.subject,
            &operation.actor,
            &operation.request_id,
            operation.cancel,
            operation.steps_done,
            operation.steps_total,
            operation.current_step.as_deref(),
            operation.error.as_ref(),
            operation.result.as_ref(),
            &operation.remains,
            operation.created_at,
            operation.updated_at,
            operation.finished_at,
            operation.lease_owner.as_deref(),
            operation.lease_until,
            operation.fence,
        ],
    )
    .map(|_| ())
}

/// Takes a key for an operation until it ends. `Some(id)` is the operation that holds it, when that is another.
///
/// # Errors
/// As [`Sql::execute`].
pub fn take_key(sql: &mut dyn Sql, key: &str, id: Uuid) -> Result<Option<Uuid>, Error> {
    sql.execute(
        "INSERT INTO operation_keys (key, operation_id) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING",
        values![key, id],
    )?;
    Ok(holder(sql, key)?.filter(|holder| *holder != id))
}

/// Gives a key back before the operation is over. `false` when it does not hold it.
///
/// # Errors
/// As [`Sql::execute`].
pub fn drop_key(sql: &mut dyn Sql, key: &str, id: Uuid) -> Result<bool, Error> {
    sql.execute("DELETE FROM operation_keys WHERE key = ?1 AND operation_id = ?2", values![key, id])
        .map(|gone| gone > 0)
}

/// The unfinished operation that holds a key.
///
/// # Errors
/// As [`Sql::query`].
pub fn holder(sql: &mut dyn Sql, key: &str) -> Result<Option<Uuid>, Error> {
    let row = sql.query_one("SELECT operation_id FROM operation_keys WHERE key = ?1", values![key])?;
    row.map(|row| row.get("operation_id")).transpose()
}

/// One operation.
///
/// # Errors
/// As [`Sql::query`].
pub fn get(sql: &mut dyn Sql, id: Uuid) -> Result<Option<Operation>, Error> {
    let row = sql.query_one(&format!("{COLUMNS} WHERE id = ?1"), values![id])?;
    row.as_ref().map(read).transpose()
}

/// Operations, newest first.
///
/// # Errors
/// As [`Sql::query`].
pub fn list(sql: &mut dyn Sql, filter: &Filter, window: &Window<Uuid>) -> Result<Page<Operation, Uuid>, Error> {
    let mut select = Select::new(COLUMNS)
        .and_if("account = ?", filter.account.as_deref())
        .and_if("state = ?", filter.state.as_deref())
        .and_if("kind = ?", filter.kind.as_deref())
        .and_if("id < ?", window.after);
    match filter.finished {
        Some(true) => select = select.and("finished_at IS NOT NULL", []),
        Some(false) => select = select.and("finished_at IS NULL", []),
        None => {}
    }
    let rows = select.rows(sql, "id DESC", window.bound())?;
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, window.bound(), |one: &Operation| one.id))
}

/// The lease of an unfinished operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The operation.
    pub id: Uuid,
    /// Who holds it.
    pub owner: Option<String>,
    /// Until when.
    pub until: Option<OffsetDateTime>,
}

/// Who holds the lease of each unfinished operation, oldest first.
///
/// # Errors
/// As [`Sql::query`].
pub fn open_leases(sql: &mut dyn Sql) -> Result<Vec<Lease>, Error> {
    sql.query("SELECT id, lease_owner, lease_until FROM operations WHERE finished_at IS NULL ORDER BY id", values![])?
        .iter()
        .map(|row| Ok(Lease { id: row.get("id")?, owner: row.get("lease_owner")?, until: row.get("lease_until")? }))
        .collect()
}

/// How many operations are in each state.
///
/// # Errors
/// As [`Sql::query`].
pub fn count_by_state(sql: &mut dyn Sql) -> Result<Vec<(String, u32)>, Error> {
    sql.query("SELECT state, COUNT(*) AS count FROM operations GROUP BY state ORDER BY state", values![])?
        .iter()
        .map(|row| Ok((row.get("state")?, row.get("count")?)))
        .collect()
}

/// Takes the lease of an unfinished operation that nobody else holds at `now` — or that `dead` holds, whose process is known
/// to be gone — and raises the fence. The row as it then is, or `None` when somebody else has it or it has ended.
///
/// # Errors
/// As [`Sql::query`].
pub fn acquire(
    sql: &mut dyn Sql,
    id: Uuid,
    owner: &str,
    dead: Option<&str>,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Option<Operation>, Error> {
    let taken = sql.execute(
        "UPDATE operations SET lease_owner = ?2, lease_until = ?5, fence = fence + 1, updated_at = ?4 \
         WHERE id = ?1 AND finished_at IS NULL \
         AND (lease_owner IS NULL OR lease_owner = ?3 OR lease_until IS NULL OR lease_until <= ?4)",
        values![id, owner, dead, now, until],
    )?;
    if taken == 0 { Ok(None) } else { get(sql, id) }
}

/// Lengthens the lease. `Some(cancel)` tells whether cancelling was asked for; `None`: the lease is lost.
///
/// # Errors
/// As [`Sql::query`].
pub fn renew(sql: &mut dyn Sql, id: Uuid, fence: i64, until: OffsetDateTime) -> Result<Option<bool>, Error> {
    let row = sql.query_one(
        "UPDATE operations SET lease_until = ?3 WHERE id = ?1 AND fence = ?2 AND finished_at IS NULL RETURNING cancel",
        values![id, fence, until],
    )?;
    row.map(|row| row.get("cancel")).transpose()
}

/// Gives the lease up, so that any process may go on with the operation at once. `false` when it was lost before.
///
/// # Errors
/// As [`Sql::execute`].
pub fn release(sql: &mut dyn Sql, id: Uuid, fence: i64) -> Result<bool, Error> {
    sql.execute(
        "UPDATE operations SET lease_owner = NULL, lease_until = NULL WHERE id = ?1 AND fence = ?2",
        values![id, fence],
    )
    .map(|changed| changed > 0)
}

/// Writes progress under the lease. `Some(cancel)` tells whether cancelling was asked for; `None`: the lease is lost, and
/// nothing was written.
///
/// # Errors
/// As [`Sql::query`].
pub fn save(sql: &mut dyn Sql, id: Uuid, fence: i64, progress: &Progress) -> Result<Option<bool>, Error> {
    let finished_at = progress.finished.then_some(progress.at);
    let row = sql.query_one(
        "UPDATE operations SET state = CASE WHEN cancel = 1 AND ?3 = 'running' THEN 'cancelling' ELSE ?3 END, steps_done = ?4, current_step = ?5, error_json = ?6, result_json = ?7, \
         remains_json = ?8, updated_at = ?9, finished_at = ?10 WHERE id = ?1 AND fence = ?2 AND finished_at IS NULL \
         RETURNING cancel",
        values![
            id,
            fence,
            &progress.state,
            progress.steps_done,
            progress.current_step.as_deref(),
            progress.error.as_ref(),
            progress.result.as_ref(),
            &progress.remains,
            progress.at,
            finished_at,
        ],
    )?;
    let Some(row) = row else { return Ok(None) };
    if progress.finished {
        sql.execute("DELETE FROM operation_keys WHERE operation_id = ?1", values![id])?;
        release(sql, id, fence)?;
    }
    row.get("cancel").map(Some)
}

/// Asks to cancel. Whoever holds the lease sees it at the next step. `false` when it has ended, or there is none.
///
/// # Errors
/// As [`Sql::execute`].
pub fn request_cancel(sql: &mut dyn Sql, id: Uuid, at: OffsetDateTime) -> Result<bool, Error> {
    sql.execute(
        "UPDATE operations SET cancel = 1, updated_at = ?2, \
         state = CASE WHEN state IN ('pending', 'running') THEN 'cancelling' ELSE state END \
         WHERE id = ?1 AND finished_at IS NULL",
        values![id, at],
    )
    .map(|changed| changed > 0)
}

/// Removes operations, with their logs, that ended before `before`; how many.
///
/// # Errors
/// As [`Sql::execute`].
pub fn purge(sql: &mut dyn Sql, before: OffsetDateTime) -> Result<u64, Error> {
    sql.execute("DELETE FROM operations WHERE finished_at < ?1", values![before])
}

fn read(row: &Row) -> Result<Operation, Error> {
    Ok(Operation {
        id: row.get("id")?,
        kind: row.get("kind")?,
        params: row.get("params_json")?,
        state: row.get("state")?,
        account: row.get("account")?,
        subject: row.get("subject")?,
        actor: row.get("actor")?,
        request_id: row.get("request_id")?,
        cancel: row.get("cancel")?,
        steps_done: row.get("steps_done")?,
        steps_total: row.get("steps_total")?,
        current_step: row.get("current_step")?,
        error: row.get("error_json")?,
        result: row.get("result_json")?,
        remains: row.get("remains_json")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        finished_at: row.get("finished_at")?,
        lease_owner: row.get("lease_owner")?,
        lease_until: row.get("lease_until")?,
        fence: row.get("fence")?,
    })
}
