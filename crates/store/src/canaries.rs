//! What the last canary of each account found. The report's shape is the caller's.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::sql::values;
use crate::{Error, Sql};

/// Keeps a report in the place of the one before. `false` when there is no such account any more.
///
/// # Errors
/// As [`Sql::execute`].
pub fn put(sql: &mut dyn Sql, account_id: Uuid, at: OffsetDateTime, report: &serde_json::Value) -> Result<bool, Error> {
    sql.execute(
        "INSERT INTO account_canaries (account_id, at, report_json) SELECT id, ?2, ?3 FROM accounts WHERE id = ?1 \
         ON CONFLICT (account_id) DO UPDATE SET at = excluded.at, report_json = excluded.report_json",
        values![account_id, at, report],
    )
    .map(|changed| changed > 0)
}

/// The report of an account.
///
/// # Errors
/// As [`Sql::query`].
pub fn get(sql: &mut dyn Sql, account_id: Uuid) -> Result<Option<serde_json::Value>, Error> {
    let row = sql.query_one("SELECT report_json FROM account_canaries WHERE account_id = ?1", values![account_id])?;
    row.map(|row| row.get("report_json")).transpose()
}
