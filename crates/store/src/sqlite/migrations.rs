//! The shapes that the store went through. A migration that was released is never edited: refinery keeps its checksum and
//! refuses a store whose history differs.

use refinery::{Migration, Runner};

use super::connection::Connection;
use crate::{Error, Sql};

/// Every migration, oldest first.
const ALL: &[(&str, &str)] = &[
    ("V1__tenancy", include_str!("../../migrations/sqlite/V1__tenancy.sql")),
    ("V2__account_rights", include_str!("../../migrations/sqlite/V2__account_rights.sql")),
    ("V3__repeats", include_str!("../../migrations/sqlite/V3__repeats.sql")),
    ("V4__audit_owner", include_str!("../../migrations/sqlite/V4__audit_owner.sql")),
    ("V5__account_canaries", include_str!("../../migrations/sqlite/V5__account_canaries.sql")),
];

/// The newest version that this program knows.
pub(super) fn known() -> u32 {
    u32::try_from(ALL.len()).unwrap_or(u32::MAX)
}

/// The version of an open store; 0 for an empty file.
pub(super) fn version(connection: &mut Connection) -> Result<u32, Error> {
    let table = connection
        .query_one("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'refinery_schema_history'", &[])?;
    if table.is_none() {
        return Ok(0);
    }
    let row = connection.query_one("SELECT COALESCE(MAX(version), 0) AS version FROM refinery_schema_history", &[])?;
    row.map_or(Ok(0), |row| row.get("version"))
}

/// Brings the store to the newest version, each migration in a transaction of its own.
pub(super) fn run(connection: &mut Connection) -> Result<(), Error> {
    let migrations = ALL
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, sql))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::Statement(error.to_string()))?;
    Runner::new(&migrations).run(&mut connection.inner).map_err(|error| failed(&error))?;
    Ok(())
}

/// The engine's own error where there is one below refinery's.
fn failed(error: &refinery::Error) -> Error {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(engine) = inner.downcast_ref::<rusqlite::Error>() {
            return super::connection::translate(engine);
        }
        source = inner.source();
    }
    Error::Corrupt(format!("its history of migrations does not fit: {error}"))
}
