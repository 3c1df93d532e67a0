//! Tenants' tokens, as hashes. The token itself is never here.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::sql::{Select, Value, values};
use crate::{Digest, Error, Page, Row, Sql, Window};

/// A row of `tenant_tokens`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantToken {
    /// UUIDv7.
    pub id: Uuid,
    /// The hash of the whole token; unique.
    pub hash: Digest,
    /// The account it is good for.
    pub account_id: Uuid,
    /// The role it was made for.
    pub role_id: Option<String>,
    /// For people.
    pub label: String,
    /// The user it was exchanged for.
    pub subject: Option<String>,
    /// The issuer of that user.
    pub issuer: Option<String>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it ends.
    pub expires_at: OffsetDateTime,
    /// When it was last used, as precisely as the caller writes it.
    pub last_used_at: Option<OffsetDateTime>,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
}

const COLUMNS: &str = "SELECT id, hash, account_id, role_id, label, subject, issuer, created_at, expires_at, \
     last_used_at, revoked_at FROM tenant_tokens";

/// Adds a token.
///
/// # Errors
/// As [`Sql::execute`].
pub fn insert(sql: &mut dyn Sql, token: &TenantToken) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO tenant_tokens (id, hash, account_id, role_id, label, subject, issuer, created_at, expires_at, \
         last_used_at, revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        values![
            token.id,
            &token.hash,
            token.account_id,
            token.role_id.as_deref(),
            &token.label,
            token.subject.as_deref(),
            token.issuer.as_deref(),
            token.created_at,
            token.expires_at,
            token.last_used_at,
            token.revoked_at,
        ],
    )
    .map(|_| ())
}

/// The token with this hash, whether it is still good or not.
///
/// # Errors
/// As [`Sql::query`].
pub fn by_hash(sql: &mut dyn Sql, hash: &Digest) -> Result<Option<TenantToken>, Error> {
    let row = sql.query_one(&format!("{COLUMNS} WHERE hash = ?1"), values![hash])?;
    row.as_ref().map(read).transpose()
}

/// The tokens of an account that are good at `now`, oldest first.
///
/// # Errors
/// As [`Sql::query`].
pub fn list(
    sql: &mut dyn Sql,
    account_id: Uuid,
    now: OffsetDateTime,
    window: &Window<Uuid>,
) -> Result<Page<TenantToken, Uuid>, Error> {
    let rows = Select::new(COLUMNS)
        .and("account_id = ?", [Value::from(account_id)])
        .and("revoked_at IS NULL AND expires_at > ?", [Value::from(now)])
        .and_if("id > ?", window.after)
        .rows(sql, "id", window.bound())?;
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, window.bound(), |token: &TenantToken| token.id))
}

/// Revokes a token of that account. `false` when there is none, or it was revoked before.
///
/// # Errors
/// As [`Sql::execute`].
pub fn revoke(sql: &mut dyn Sql, account_id: Uuid, id: Uuid, at: OffsetDateTime) -> Result<bool, Error> {
    sql.execute(
        "UPDATE tenant_tokens SET revoked_at = ?3 WHERE id = ?2 AND account_id = ?1 AND revoked_at IS NULL",
        values![account_id, id, at],
    )
    .map(|changed| changed > 0)
}

/// Revokes all tokens of an account; how many.
///
/// # Errors
/// As [`Sql::execute`].
pub fn revoke_all(sql: &mut dyn Sql, account_id: Uuid, at: OffsetDateTime) -> Result<u64, Error> {
    sql.execute(
        "UPDATE tenant_tokens SET revoked_at = ?2 WHERE account_id = ?1 AND revoked_at IS NULL",
        values![account_id, at],
    )
}

/// Notes a use; an older time than the one noted changes nothing.
///
/// # Errors
/// As [`Sql::execute`].
pub fn used(sql: &mut dyn Sql, id: Uuid, at: OffsetDateTime) -> Result<(), Error> {
    sql.execute(
        "UPDATE tenant_tokens SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)",
        values![id, at],
    )
    .map(|_| ())
}

/// Removes tokens that ended or were revoked before `before`; how many.
///
/// # Errors
/// As [`Sql::execute`].
pub fn purge(sql: &mut dyn Sql, before: OffsetDateTime) -> Result<u64, Error> {
    sql.execute("DELETE FROM tenant_tokens WHERE expires_at < ?1 OR revoked_at < ?1", values![before])
}

fn read(row: &Row) -> Result<TenantToken, Error> {
    Ok(TenantToken {
        id: row.get("id")?,
        hash: row.get("hash")?,
        account_id: row.get("account_id")?,
        role_id: row.get("role_id")?,
        label: row.get("label")?,
        subject: row.get("subject")?,
        issuer: row.get("issuer")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}
