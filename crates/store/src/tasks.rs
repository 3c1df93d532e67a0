//! Proxmox tasks that bnna started: which account and operation each belongs to, and its end once it was seen. Proxmox
//! forgets old tasks; these rows stay until they are purged.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::sql::{Select, Value, values};
use crate::{Error, Page, Row, Sql, Window};

/// A row of `proxmox_tasks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Proxmox's id of the task.
    pub upid: String,
    /// The cluster's host.
    pub cluster: String,
    /// The node it runs on.
    pub node: String,
    /// Its type (`qmstart`).
    pub kind: String,
    /// The guest.
    pub vmid: Option<i64>,
    /// The account of the guest.
    pub account_id: Option<Uuid>,
    /// Who had it started.
    pub started_by: String,
    /// When.
    pub started_at: OffsetDateTime,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
    /// Proxmox's word for the end (`OK`, `WARNINGS: 1`, an error).
    pub exitstatus: Option<String>,
    /// The operation that it is part of.
    pub operation_id: Option<Uuid>,
}

/// Which tasks to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this account.
    pub account_id: Option<Uuid>,
    /// Only on this cluster.
    pub cluster: Option<String>,
    /// Only of this guest number.
    pub vmid: Option<i64>,
    /// Only of this operation.
    pub operation_id: Option<Uuid>,
    /// Only those that are running (`true`) or over (`false`), as far as was seen.
    pub running: Option<bool>,
}

/// The order of the list: newest first.
pub type Key = (OffsetDateTime, String);

const COLUMNS: &str = "SELECT upid, cluster, node, kind, vmid, account_id, started_by, started_at, ended_at, exitstatus, \
     operation_id FROM proxmox_tasks";

/// Adds a task; one that is known already stays as it is, because the same answer may be handled twice after a crash.
///
/// # Errors
/// As [`Sql::execute`].
pub fn insert(sql: &mut dyn Sql, task: &Task) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO proxmox_tasks (upid, cluster, node, kind, vmid, account_id, started_by, started_at, ended_at, \
         exitstatus, operation_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
         ON CONFLICT (upid) DO NOTHING",
        values![
            &task.upid,
            &task.cluster,
            &task.node,
            &task.kind,
            task.vmid,
            task.account_id,
            &task.started_by,
            task.started_at,
            task.ended_at,
            task.exitstatus.as_deref(),
            task.operation_id,
        ],
    )
    .map(|_| ())
}

/// Notes the end of a task. `false` when it is not known.
///
/// # Errors
/// As [`Sql::execute`].
pub fn finish(sql: &mut dyn Sql, upid: &str, exitstatus: &str, at: OffsetDateTime) -> Result<bool, Error> {
    sql.execute(
        "UPDATE proxmox_tasks SET exitstatus = ?2, ended_at = ?3 WHERE upid = ?1",
        values![upid, exitstatus, at],
    )
    .map(|changed| changed > 0)
}

/// One task.
///
/// # Errors
/// As [`Sql::query`].
pub fn get(sql: &mut dyn Sql, upid: &str) -> Result<Option<Task>, Error> {
    let row = sql.query_one(&format!("{COLUMNS} WHERE upid = ?1"), values![upid])?;
    row.as_ref().map(read).transpose()
}

/// Tasks, newest first.
///
/// # Errors
/// As [`Sql::query`].
pub fn list(sql: &mut dyn Sql, filter: &Filter, window: &Window<Key>) -> Result<Page<Task, Key>, Error> {
    let mut select = Select::new(COLUMNS)
        .and_if("account_id = ?", filter.account_id)
        .and_if("cluster = ?", filter.cluster.as_deref())
        .and_if("vmid = ?", filter.vmid)
        .and_if("operation_id = ?", filter.operation_id);
    match filter.running {
        Some(true) => select = select.and("ended_at IS NULL", []),
        Some(false) => select = select.and("ended_at IS NOT NULL", []),
        None => {}
    }
    if let Some((at, upid)) = &window.after {
        select = select.and("(started_at, upid) < (?, ?)", [Value::from(*at), Value::from(upid)]);
    }
    let rows = select.rows(sql, "started_at DESC, upid DESC", window.bound())?;
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, window.bound(), |task: &Task| (task.started_at, task.upid.clone())))
}

/// Removes tasks that ended before `before`, or began then and nobody has seen their end; how many.
///
/// # Errors
/// As [`Sql::execute`].
pub fn purge(sql: &mut dyn Sql, before: OffsetDateTime) -> Result<u64, Error> {
    sql.execute("DELETE FROM proxmox_tasks WHERE COALESCE(ended_at, started_at) < ?1", values![before])
}

fn read(row: &Row) -> Result<Task, Error> {
    Ok(Task {
        upid: row.get("upid")?,
        cluster: row.get("cluster")?,
        node: row.get("node")?,
        kind: row.get("kind")?,
        vmid: row.get("vmid")?,
        account_id: row.get("account_id")?,
        started_by: row.get("started_by")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        exitstatus: row.get("exitstatus")?,
        operation_id: row.get("operation_id")?,
    })
}
