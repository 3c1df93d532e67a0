//! Guests: whose each is. Proxmox is the truth about all the rest.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::sql::{Select, Value, values};
use crate::{Error, Page, Row, Sql, Window};

/// A row of `instances`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// UUIDv7.
    pub id: Uuid,
    /// The cluster's host.
    pub cluster: String,
    /// The guest's number there.
    pub vmid: i64,
    /// `qemu` or `lxc`.
    pub kind: String,
    /// Whose it is.
    pub account_id: Option<Uuid>,
    /// Its bunch within the account.
    pub bunch: Option<String>,
    /// Its name when it was last seen.
    pub name: String,
    /// Whether it was there before the account.
    pub adopted: bool,
    /// When the row was made.
    pub created_at: OffsetDateTime,
    /// Since when no cluster shows it.
    pub gone_since: Option<OffsetDateTime>,
}

/// Which instances to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this account.
    pub account_id: Option<Uuid>,
    /// Only on this cluster.
    pub cluster: Option<String>,
    /// Only with this number (on any cluster).
    pub vmid: Option<i64>,
    /// Only of this bunch.
    pub bunch: Option<String>,
}

/// The order of the list: by cluster, then by number.
pub type Key = (String, i64);

const COLUMNS: &str =
    "SELECT id, cluster, vmid, kind, account_id, bunch, name, adopted, created_at, gone_since FROM instances";

/// Adds a guest, or rewrites what is known of that number on that cluster; `id` and `created_at` of a known guest stay.
///
/// # Errors
/// [`Error::Constraint`] (a reference) when there is no such account.
pub fn put(sql: &mut dyn Sql, instance: &Instance) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO instances (id, cluster, vmid, kind, account_id, bunch, name, adopted, created_at, gone_since) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (cluster, vmid) DO UPDATE SET \
         kind = excluded.kind, account_id = excluded.account_id, bunch = excluded.bunch, name = excluded.name, \
         adopted = excluded.adopted, gone_since = excluded.gone_since",
        values![
            instance.id,
            &instance.cluster,
            instance.vmid,
            &instance.kind,
            instance.account_id,
            instance.bunch.as_deref(),
            &instance.name,
            instance.adopted,
            instance.created_at,
            instance.gone_since,
        ],
    )
    .map(|_| ())
}

/// The guest of this number on this cluster.
///
/// # Errors
/// As [`Sql::query`].
pub fn get(sql: &mut dyn Sql, cluster: &str, vmid: i64) -> Result<Option<Instance>, Error> {
    let row = sql.query_one(&format!("{COLUMNS} WHERE cluster = ?1 AND vmid = ?2"), values![cluster, vmid])?;
    row.as_ref().map(read).transpose()
}

/// Guests by cluster and number.
///
/// # Errors
/// As [`Sql::query`].
pub fn list(sql: &mut dyn Sql, filter: &Filter, window: &Window<Key>) -> Result<Page<Instance, Key>, Error> {
    let mut select = Select::new(COLUMNS)
        .and_if("account_id = ?", filter.account_id)
        .and_if("cluster = ?", filter.cluster.as_deref())
        .and_if("vmid = ?", filter.vmid)
        .and_if("bunch = ?", filter.bunch.as_deref());
    if let Some((cluster, vmid)) = &window.after {
        select = select.and("(cluster, vmid) > (?, ?)", [Value::from(cluster), Value::from(*vmid)]);
    }
    let rows = select.rows(sql, "cluster, vmid", window.bound())?;
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, window.bound(), |one: &Instance| (one.cluster.clone(), one.vmid)))
}

/// Notes since when a guest is gone, or (`None`) that it is there again. `false` when it is not known.
///
/// # Errors
/// As [`Sql::execute`].
pub fn set_gone(sql: &mut dyn Sql, cluster: &str, vmid: i64, since: Option<OffsetDateTime>) -> Result<bool, Error> {
    sql.execute("UPDATE instances SET gone_since = ?3 WHERE cluster = ?1 AND vmid = ?2", values![cluster, vmid, since])
        .map(|changed| changed > 0)
}

/// Forgets a guest. `false` when it was not known.
///
/// # Errors
/// As [`Sql::execute`].
pub fn delete(sql: &mut dyn Sql, cluster: &str, vmid: i64) -> Result<bool, Error> {
    sql.execute("DELETE FROM instances WHERE cluster = ?1 AND vmid = ?2", values![cluster, vmid]).map(|gone| gone > 0)
}

fn read(row: &Row) -> Result<Instance, Error> {
    Ok(Instance {
        id: row.get("id")?,
        cluster: row.get("cluster")?,
        vmid: row.get("vmid")?,
        kind: row.get("kind")?,
        account_id: row.get("account_id")?,
        bunch: row.get("bunch")?,
        name: row.get("name")?,
        adopted: row.get("adopted")?,
        created_at: row.get("created_at")?,
        gone_since: row.get("gone_since")?,
    })
}
