//! Settings of an account: a JSON value a key.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::sql::values;
use crate::{Error, Row, Sql};

/// A row of `account_settings`.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The account.
    pub account_id: Uuid,
    /// The key.
    pub key: String,
    /// Any JSON.
    pub value: serde_json::Value,
    /// When it was last set.
    pub updated_at: OffsetDateTime,
    /// Who set it.
    pub updated_by: String,
}

/// Whether a key was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is new.
    Created,
    /// It replaced an older value.
    Replaced,
}

/// Sets a key.
///
/// # Errors
/// [`Error::Constraint`] (a reference) when there is no such account.
pub fn put(sql: &mut dyn Sql, setting: &Setting) -> Result<Put, Error> {
    let before = get(sql, setting.account_id, &setting.key)?;
    sql.execute(
        "INSERT INTO account_settings (account_id, key, value_json, updated_at, updated_by) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (account_id, key) DO UPDATE SET value_json = excluded.value_json, \
         updated_at = excluded.updated_at, updated_by = excluded.updated_by",
        values![setting.account_id, &setting.key, &setting.value, setting.updated_at, &setting.updated_by],
    )?;
    Ok(if before.is_some() { Put::Replaced } else { Put::Created })
}

/// One key.
///
/// # Errors
/// As [`Sql::query`].
pub fn get(sql: &mut dyn Sql, account_id: Uuid, key: &str) -> Result<Option<Setting>, Error> {
    let row = sql.query_one(
        "SELECT account_id, key, value_json, updated_at, updated_by FROM account_settings \
         WHERE account_id = ?1 AND key = ?2",
        values![account_id, key],
    )?;
    row.as_ref().map(read).transpose()
}

/// All keys of an account, by key.
///
/// # Errors
/// As [`Sql::query`].
pub fn list(sql: &mut dyn Sql, account_id: Uuid) -> Result<Vec<Setting>, Error> {
    sql.query(
        "SELECT account_id, key, value_json, updated_at, updated_by FROM account_settings \
         WHERE account_id = ?1 ORDER BY key",
        values![account_id],
    )?
    .iter()
    .map(read)
    .collect()
}

/// Removes a key. `false` when it was not set.
///
/// # Errors
/// As [`Sql::execute`].
pub fn delete(sql: &mut dyn Sql, account_id: Uuid, key: &str) -> Result<bool, Error> {
    sql.execute("DELETE FROM account_settings WHERE account_id = ?1 AND key = ?2", values![account_id, key])
        .map(|gone| gone > 0)
}

fn read(row: &Row) -> Result<Setting, Error> {
    Ok(Setting {
        account_id: row.get("account_id")?,
        key: row.get("key")?,
        value: row.get("value_json")?,
        updated_at: row.get("updated_at")?,
        updated_by: row.get("updated_by")?,
    })
}
