//! What was on a cluster before the account and has to come back or stay: the rights its group held when the pool was
//! adopted, the group itself, and the users that disabling switched off.

use uuid::Uuid;

use crate::sql::values;
use crate::{Error, Row, Sql};

/// A row of `account_rights`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The ACL path.
    pub path: String,
    /// The role.
    pub role: String,
    /// The group.
    pub ugid: String,
    /// Whether it holds below the path too.
    pub propagate: bool,
}

/// Replaces the rights recorded for an account on a cluster.
///
/// # Errors
/// As [`Sql::execute`].
pub fn replace(sql: &mut dyn Sql, account_id: Uuid, cluster: &str, rights: &[Right]) -> Result<(), Error> {
    sql.execute("DELETE FROM account_rights WHERE account_id = ?1 AND cluster = ?2", values![account_id, cluster])?;
    for right in rights {
        sql.execute(
            "INSERT INTO account_rights (account_id, cluster, path, role, ugid, propagate) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            values![account_id, cluster, &right.path, &right.role, &right.ugid, right.propagate],
        )?;
    }
    Ok(())
}

/// The rights recorded for an account on a cluster, by path.
///
/// # Errors
/// As [`Sql::query`].
pub fn list(sql: &mut dyn Sql, account_id: Uuid, cluster: &str) -> Result<Vec<Right>, Error> {
    sql.query(
        "SELECT path, role, ugid, propagate FROM account_rights WHERE account_id = ?1 AND cluster = ?2 \
         ORDER BY path, role, ugid",
        values![account_id, cluster],
    )?
    .iter()
    .map(|row: &Row| {
        Ok(Right {
            path: row.get("path")?,
            role: row.get("role")?,
            ugid: row.get("ugid")?,
            propagate: row.get("propagate")?,
        })
    })
    .collect()
}

/// Records that a group was there before the account.
///
/// # Errors
/// As [`Sql::execute`].
pub fn adopt_group(sql: &mut dyn Sql, account_id: Uuid, cluster: &str, groupid: &str) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO account_groups (account_id, cluster, groupid) VALUES (?1, ?2, ?3) \
         ON CONFLICT (account_id, cluster) DO UPDATE SET groupid = excluded.groupid",
        values![account_id, cluster, groupid],
    )
    .map(|_| ())
}

/// The clusters on which the account's group was there before it.
///
/// # Errors
/// As [`Sql::query`].
pub fn adopted_groups(sql: &mut dyn Sql, account_id: Uuid) -> Result<Vec<String>, Error> {
    sql.query("SELECT cluster FROM account_groups WHERE account_id = ?1 ORDER BY cluster", values![account_id])?
        .iter()
        .map(|row| row.get("cluster"))
        .collect()
}

/// Records a user as switched off by the account's disabling; recorded before it is switched off.
///
/// # Errors
/// As [`Sql::execute`].
pub fn hold_user(sql: &mut dyn Sql, account_id: Uuid, cluster: &str, userid: &str) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO account_held_users (account_id, cluster, userid) VALUES (?1, ?2, ?3) \
         ON CONFLICT (account_id, cluster, userid) DO NOTHING",
        values![account_id, cluster, userid],
    )
    .map(|_| ())
}

/// Forgets a user that was switched on again.
///
/// # Errors
/// As [`Sql::execute`].
pub fn release_user(sql: &mut dyn Sql, account_id: Uuid, cluster: &str, userid: &str) -> Result<(), Error> {
    sql.execute(
        "DELETE FROM account_held_users WHERE account_id = ?1 AND cluster = ?2 AND userid = ?3",
        values![account_id, cluster, userid],
    )
    .map(|_| ())
}

/// The users that disabling switched off on a cluster.
///
/// # Errors
/// As [`Sql::query`].
pub fn held_users(sql: &mut dyn Sql, account_id: Uuid, cluster: &str) -> Result<Vec<String>, Error> {
    sql.query(
        "SELECT userid FROM account_held_users WHERE account_id = ?1 AND cluster = ?2 ORDER BY userid",
        values![account_id, cluster],
    )?
    .iter()
    .map(|row| row.get("userid"))
    .collect()
}
