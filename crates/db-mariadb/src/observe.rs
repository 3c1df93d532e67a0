//! Looking: probe, inventory, usage. Nothing here changes the server.

use std::collections::BTreeMap;

use bnna_db_engine::{
    DatabaseUsage, EngineKind, Error, InstanceUsage, Inventory, ListedDatabase, ListedUser, Marker, Probe, Right,
    Target, Unreachable, clock_skew, is_system_database, is_system_user,
};
use time::{Duration, OffsetDateTime};

use crate::session::Connection;

/// The oldest version whose databases carry a comment.
const OLDEST: (u32, u32) = (10, 5);

const PROBE: &str = "\
    SELECT VERSION(), CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED), \
           COALESCE((SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'SSL_CIPHER'), '')";

const PRIVILEGES: &str = "\
    SELECT privilege_type, is_grantable FROM information_schema.user_privileges \
     WHERE grantee = CONCAT('''', REPLACE(SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '''', ''''''), '''@''', \
                            SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')";

pub(crate) async fn probe(admin: &mut Connection, target: &Target) -> Result<Probe, Error> {
    let not_the_engine = |why: String| Error::Unreachable { at: target.at(), why: Unreachable::NotTheEngine(why) };
    let sent = OffsetDateTime::now_utc();
    let rows: Vec<(String, i64, String)> = admin.read(PROBE).await?;
    let received = OffsetDateTime::now_utc();
    let (version, clock, cipher) =
        rows.into_iter().next().ok_or_else(|| not_the_engine("it answers nothing".to_owned()))?;
    if !version.to_lowercase().contains("mariadb") {
        return Err(not_the_engine(format!("it is version {version}, not MariaDB")));
    }
    if version_of(&version).is_none_or(|version| version < OLDEST) {
        return Err(not_the_engine(format!("{version} is older than MariaDB 10.5")));
    }
    let privileges: BTreeMap<String, bool> = admin
        .read::<(String, String)>(PRIVILEGES)
        .await?
        .into_iter()
        .map(|(name, grantable)| (name, grantable == "YES"))
        .collect();
    let has = |names: &[&str]| names.iter().all(|name| privileges.contains_key(*name));
    let data = ["SELECT", "INSERT", "CREATE", "DROP", "ALTER", "TRIGGER", "CREATE VIEW", "SHOW VIEW", "LOCK TABLES"];
    let missing_rights = [
        (Right::CreateDatabase, has(&["CREATE", "DROP", "ALTER"])),
        (Right::CreateUser, has(&["CREATE USER"])),
        (Right::Grant, privileges.values().any(|grantable| *grantable)),
        (Right::EndSessions, has(&["CONNECTION ADMIN"]) || has(&["SUPER"])),
        (Right::ReadStatistics, has(&["SELECT", "PROCESS"])),
        (Right::ReadAndWriteData, has(&data)),
    ]
    .into_iter()
    .filter(|(_, has)| !has)
    .map(|(right, _)| right)
    .collect();
    let server = OffsetDateTime::UNIX_EPOCH + Duration::microseconds(clock);
    Ok(Probe {
        version,
        missing_rights,
        clock_skew: clock_skew(sent, server, received),
        encrypted: !cipher.is_empty(),
        open_to_all: open_to_all(admin).await?,
    })
}

/// Databases with rights for everyone: for the anonymous user, or (10.11) for PUBLIC. Without the right to look: none known.
async fn open_to_all(admin: &mut Connection) -> Result<Vec<String>, Error> {
    match admin.read("SELECT DISTINCT db FROM mysql.db WHERE user IN ('', 'PUBLIC') ORDER BY db LIMIT 1000").await {
        Err(Error::LacksRight { .. }) => Ok(Vec::new()),
        read => read,
    }
}

/// Major and minor of `10.11.19-MariaDB-…`, also behind the prefix `5.5.5-` of older protocols.
pub(crate) fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("5.5.5-").unwrap_or(text).split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

const DATABASES: &str = "SELECT schema_name, schema_comment FROM information_schema.schemata ORDER BY schema_name";

const USERS: &str = "\
    SELECT DISTINCT user, COALESCE(JSON_VALUE(priv, '$.account_locked'), 0) IN (1, 'true') FROM mysql.global_priv \
     WHERE COALESCE(JSON_VALUE(priv, '$.is_role'), 0) NOT IN (1, 'true') AND user <> '' ORDER BY user";

pub(crate) async fn list(admin: &mut Connection) -> Result<Inventory, Error> {
    let mut inventory = Inventory::default();
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for (name, comment) in admin.read::<(String, String)>(DATABASES).await? {
        if is_system_database(EngineKind::MariaDb, &name) {
            continue;
        }
        let marker = Marker::read(&comment);
        let marked_for = marker.as_ref().map(|(marker, _)| marker.owner().to_owned());
        if let Some((marker, user)) = marker {
            named.insert(user, marker.owner().to_owned());
        }
        inventory.databases.push(ListedDatabase { name, owner: None, marked_for });
    }
    for (name, locked) in admin.read::<(String, u8)>(USERS).await? {
        if !is_system_user(EngineKind::MariaDb, &name) {
            let marked_for = named.get(&name).cloned();
            inventory.users.push(ListedUser { name, can_log_in: locked == 0, marked_for });
        }
    }
    Ok(inventory)
}

/// Sizes, sessions and (with `userstat=ON`) rows of all databases in one query. A table whose size the engine does not tell makes
/// its database's size unknown; a database without tables has 0.
const USAGE: &str = "\
    SELECT s.schema_name, \
           IF(t.schema_name IS NULL, 0, IF(t.unknown > 0, NULL, t.bytes)), COALESCE(p.open, 0), r.rows_read, r.rows_changed \
      FROM information_schema.schemata s \
      LEFT JOIN (SELECT table_schema AS schema_name, CAST(SUM(data_length + index_length) AS UNSIGNED) AS bytes, \
                        SUM(data_length IS NULL) AS unknown \
                   FROM information_schema.tables WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') GROUP BY table_schema) t \
             ON t.schema_name = s.schema_name \
      LEFT JOIN (SELECT db, COUNT(*) AS open FROM information_schema.processlist WHERE db IS NOT NULL GROUP BY db) p \
             ON p.db = s.schema_name \
      LEFT JOIN (SELECT table_schema, CAST(SUM(rows_read) AS UNSIGNED) AS rows_read, \
                        CAST(SUM(rows_changed) AS UNSIGNED) AS rows_changed \
                   FROM information_schema.table_statistics GROUP BY table_schema) r ON r.table_schema = s.schema_name \
     WHERE s.schema_name NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') ORDER BY s.schema_name";

type UsageRow = (String, Option<u64>, Option<u64>, Option<u64>, Option<u64>);

pub(crate) async fn usage(admin: &mut Connection) -> Result<InstanceUsage, Error> {
    let at = OffsetDateTime::now_utc();
    let rows: Vec<UsageRow> = admin.read(USAGE).await?;
    let databases = rows
        .into_iter()
        .map(|(database, size_bytes, connections, rows_read, rows_written)| DatabaseUsage {
            database,
            size_bytes,
            connections,
            rows_read,
            rows_written,
            // Counted by the server as a whole only.
            transactions: None,
            temp_bytes: None,
        })
        .collect();
    Ok(InstanceUsage { at, databases, queries: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_with_and_without_the_replication_prefix() {
        assert_eq!(version_of("10.11.19-MariaDB-0+deb12u1"), Some((10, 11)));
        assert_eq!(version_of("5.5.5-10.4.2-MariaDB"), Some((10, 4)));
        assert_eq!(version_of("8.0.36"), Some((8, 0)));
        assert_eq!(version_of("what"), None);
    }
}
