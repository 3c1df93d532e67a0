//! Data keys, each sealed under the master key file. The store cannot open them.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::sql::values;
use crate::{Error, Row, Sealed, Sql};

/// A row of `sealing_keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealingKey {
    /// UUIDv7; what was sealed with the key names it.
    pub id: Uuid,
    /// What it seals (`secrets`).
    pub purpose: String,
    /// The key, sealed under the master key.
    pub sealed: Sealed,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Since when it seals nothing new; it still opens what it sealed.
    pub retired_at: Option<OffsetDateTime>,
}

/// Adds a key.
///
/// # Errors
/// As [`Sql::execute`].
pub fn insert(sql: &mut dyn Sql, key: &SealingKey) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO sealing_keys (id, purpose, sealed, created_at, retired_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        values![key.id, &key.purpose, &key.sealed, key.created_at, key.retired_at],
    )
    .map(|_| ())
}

/// All keys of a purpose, oldest first; the last one that is not retired seals.
///
/// # Errors
/// As [`Sql::query`].
pub fn list(sql: &mut dyn Sql, purpose: &str) -> Result<Vec<SealingKey>, Error> {
    sql.query(
        "SELECT id, purpose, sealed, created_at, retired_at FROM sealing_keys WHERE purpose = ?1 ORDER BY id",
        values![purpose],
    )?
    .iter()
    .map(read)
    .collect()
}

/// Replaces the sealed form: the same key under another master key. `false` when there is no such key.
///
/// # Errors
/// As [`Sql::execute`].
pub fn reseal(sql: &mut dyn Sql, id: Uuid, sealed: &Sealed) -> Result<bool, Error> {
    sql.execute("UPDATE sealing_keys SET sealed = ?2 WHERE id = ?1", values![id, sealed]).map(|changed| changed > 0)
}

/// Retires a key. `false` when there is none, or it was retired before.
///
/// # Errors
/// As [`Sql::execute`].
pub fn retire(sql: &mut dyn Sql, id: Uuid, at: OffsetDateTime) -> Result<bool, Error> {
    sql.execute("UPDATE sealing_keys SET retired_at = ?2 WHERE id = ?1 AND retired_at IS NULL", values![id, at])
        .map(|changed| changed > 0)
}

fn read(row: &Row) -> Result<SealingKey, Error> {
    Ok(SealingKey {
        id: row.get("id")?,
        purpose: row.get("purpose")?,
        sealed: row.get("sealed")?,
        created_at: row.get("created_at")?,
        retired_at: row.get("retired_at")?,
    })
}
