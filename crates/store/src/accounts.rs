//! Accounts, and the clusters that each is on.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::sql::{Select, values};
use crate::{Error, Page, Row, Sql, Window};

/// A row of `accounts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// UUIDv7.
    pub id: Uuid,
    /// The name in addresses; unique and never changed.
    pub slug: String,
    /// For people.
    pub display_name: String,
    /// May be empty.
    pub email: String,
    /// `active`, `suspended` or `disabled`; the schema refuses other words.
    pub status: String,
    /// The pool that new clusters get.
    pub pool: String,
    /// Whether it was found on a cluster and taken over.
    pub adopted: bool,
    /// When the row was made.
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    pub updated_at: OffsetDateTime,
    /// Since when it is suspended.
    pub suspended_at: Option<OffsetDateTime>,
    /// Since when it is disabled.
    pub disabled_at: Option<OffsetDateTime>,
}

/// A row of `account_clusters`: an account on one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCluster {
    /// The account.
    pub account_id: Uuid,
    /// The cluster's host.
    pub cluster: String,
    /// The pool there; on one cluster a pool belongs to one account.
    pub pool: String,
    /// Whether the pool was there before the account.
    pub adopted: bool,
    /// How far the account is set up there; the words are the caller's.
    pub state: String,
}

/// Which accounts to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only with this status.
    pub status: Option<String>,
    /// Only those on this cluster.
    pub cluster: Option<String>,
    /// Only adopted ones, or only others.
    pub adopted: Option<bool>,
}

const COLUMNS: &str = "SELECT id, slug, display_name, email, status, pool, adopted, created_at, updated_at, suspended_at, \
     disabled_at FROM accounts";

/// Adds an account. A taken slug is [`Error::Constraint`] on `accounts.slug`.
///
/// # Errors
/// As [`Sql::execute`].
pub fn insert(sql: &mut dyn Sql, account: &Account) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO accounts (id, slug, display_name, email, status, pool, adopted, created_at, updated_at, \
         suspended_at, disabled_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        values![
            account.id,
            &account.slug,
            &account.display_name,
            &account.email,
            &account.status,
            &account.pool,
            account.adopted,
            account.created_at,
            account.updated_at,
            account.suspended_at,
            account.disabled_at,
        ],
    )
    .map(|_| ())
}

/// Rewrites all that may change: everything but `id`, `slug` and `created_at`. `false` when there is no such id.
///
/// # Errors
/// As [`Sql::execute`].
pub fn update(sql: &mut dyn Sql, account: &Account) -> Result<bool, Error> {
    let changed = sql.execute(
        "UPDATE accounts SET display_name = ?2, email = ?3, status = ?4, pool = ?5, adopted = ?6, updated_at = ?7, \
         suspended_at = ?8, disabled_at = ?9 WHERE id = ?1",
        values![
            account.id,
            &account.display_name,
            &account.email,
            &account.status,
            &account.pool,
            account.adopted,
            account.updated_at,
            account.suspended_at,
            account.disabled_at,
        ],
    )?;
    Ok(changed > 0)
}

/// The account of this slug.
///
/// # Errors
/// As [`Sql::query`].
pub fn by_slug(sql: &mut dyn Sql, slug: &str) -> Result<Option<Account>, Error> {
    let row = sql.query_one(&format!("{COLUMNS} WHERE slug = ?1"), values![slug])?;
    row.as_ref().map(read).transpose()
}

/// The account of this id.
///
/// # Errors
/// As [`Sql::query`].
pub fn by_id(sql: &mut dyn Sql, id: Uuid) -> Result<Option<Account>, Error> {
    let row = sql.query_one(&format!("{COLUMNS} WHERE id = ?1"), values![id])?;
    row.as_ref().map(read).transpose()
}

/// The account that a pool of a cluster belongs to.
///
/// # Errors
/// As [`Sql::query`].
pub fn by_pool(sql: &mut dyn Sql, cluster: &str, pool: &str) -> Result<Option<Account>, Error> {
    let row = sql.query_one(
        &format!("{COLUMNS} WHERE id IN (SELECT account_id FROM account_clusters WHERE cluster = ?1 AND pool = ?2)"),
        values![cluster, pool],
    )?;
    row.as_ref().map(read).transpose()
}

/// Accounts by slug.
///
/// # Errors
/// As [`Sql::query`].
pub fn list(sql: &mut dyn Sql, filter: &Filter, window: &Window<String>) -> Result<Page<Account, String>, Error> {
    let rows = Select::new(COLUMNS)
        .and_if("status = ?", filter.status.as_deref())
        .and_if("adopted = ?", filter.adopted)
        .and_if("id IN (SELECT account_id FROM account_clusters WHERE cluster = ?)", filter.cluster.as_deref())
        .and_if("slug > ?", window.after.as_deref())
        .rows(sql, "slug", window.bound())?;
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, window.bound(), |account: &Account| account.slug.clone()))
}

/// The slugs of all accounts, in order.
///
/// # Errors
/// As [`Sql::query`].
pub fn slugs(sql: &mut dyn Sql) -> Result<Vec<String>, Error> {
    sql.query("SELECT slug FROM accounts ORDER BY slug", values![])?.iter().map(|row| row.get("slug")).collect()
}

/// The accounts from one slug to another, both included, in order.
///
/// # Errors
/// As [`Sql::query`].
pub fn between(sql: &mut dyn Sql, from: &str, to: &str) -> Result<Vec<Account>, Error> {
    let rows = sql.query(&format!("{COLUMNS} WHERE slug >= ?1 AND slug <= ?2 ORDER BY slug"), values![from, to])?;
    rows.iter().map(read).collect()
}

/// Removes the account with its clusters, settings and tokens; instances lose their account. `false` when there is none.
///
/// # Errors
/// As [`Sql::execute`].
pub fn delete(sql: &mut dyn Sql, id: Uuid) -> Result<bool, Error> {
    sql.execute("DELETE FROM accounts WHERE id = ?1", values![id]).map(|gone| gone > 0)
}

/// Adds or rewrites an account's place on a cluster. A pool that belongs to another account is [`Error::Constraint`] on
/// `account_clusters.pool`.
///
/// # Errors
/// As [`Sql::execute`].
pub fn put_cluster(sql: &mut dyn Sql, place: &AccountCluster) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO account_clusters (account_id, cluster, pool, adopted, state) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (account_id, cluster) DO UPDATE SET pool = excluded.pool, adopted = excluded.adopted, \
         state = excluded.state",
        values![place.account_id, &place.cluster, &place.pool, place.adopted, &place.state],
    )
    .map(|_| ())
}

/// Removes an account's place on a cluster. `false` when it had none.
///
/// # Errors
/// As [`Sql::execute`].
pub fn remove_cluster(sql: &mut dyn Sql, account_id: Uuid, cluster: &str) -> Result<bool, Error> {
    sql.execute("DELETE FROM account_clusters WHERE account_id = ?1 AND cluster = ?2", values![account_id, cluster])
        .map(|gone| gone > 0)
}

/// The clusters of one account, by host.
///
/// # Errors
/// As [`Sql::query`].
pub fn clusters_of(sql: &mut dyn Sql, account_id: Uuid) -> Result<Vec<AccountCluster>, Error> {
    sql.query(
        "SELECT account_id, cluster, pool, adopted, state FROM account_clusters WHERE account_id = ?1 ORDER BY cluster",
        values![account_id],
    )?
    .iter()
    .map(read_cluster)
    .collect()
}

/// The places of all accounts, by account and host: what a list of accounts or a cluster's inventory joins with.
///
/// # Errors
/// As [`Sql::query`].
pub fn all_clusters(sql: &mut dyn Sql) -> Result<Vec<AccountCluster>, Error> {
    sql.query(
        "SELECT account_id, cluster, pool, adopted, state FROM account_clusters ORDER BY account_id, cluster",
        values![],
    )?
    .iter()
    .map(read_cluster)
    .collect()
}

fn read(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        id: row.get("id")?,
        slug: row.get("slug")?,
        display_name: row.get("display_name")?,
        email: row.get("email")?,
        status: row.get("status")?,
        pool: row.get("pool")?,
        adopted: row.get("adopted")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        suspended_at: row.get("suspended_at")?,
        disabled_at: row.get("disabled_at")?,
    })
}

fn read_cluster(row: &Row) -> Result<AccountCluster, Error> {
    Ok(AccountCluster {
        account_id: row.get("account_id")?,
        cluster: row.get("cluster")?,
        pool: row.get("pool")?,
        adopted: row.get("adopted")?,
        state: row.get("state")?,
    })
}
