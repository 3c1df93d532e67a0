//! Looking: probe, inventory, usage. Nothing here changes the server.

use bnna_db_engine::{
    DatabaseUsage, Error, InstanceUsage, Inventory, ListedDatabase, ListedUser, Marker, Probe, Right, Target,
    Unreachable, clock_skew, is_system_user,
};
use time::OffsetDateTime;
use tokio_postgres::types::Type;

use crate::session::{Connection, value};
use crate::visitor;

/// The oldest version whose statements are used here (`DROP DATABASE … WITH (FORCE)`).
const OLDEST: i32 = 130_000;

const PROBE: &str = "\
    SELECT version(), current_setting('server_version_num')::int, clock_timestamp(), r.rolsuper, r.rolcreatedb, r.rolcreaterole, \
           pg_has_role(r.oid, 'pg_signal_backend', 'USAGE'), pg_has_role(r.oid, 'pg_read_all_stats', 'USAGE'), \
           coalesce((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false) \
      FROM pg_roles r WHERE r.rolname = current_user";

const OPEN_TO_ALL: &str = "\
    SELECT d.datname::text FROM pg_database d \
     WHERE d.datallowconn AND EXISTS (\
           SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a \
            WHERE a.grantee = 0 AND a.privilege_type = 'CONNECT') \
     ORDER BY 1 LIMIT 1000";

pub(crate) async fn probe(admin: &Connection, target: &Target) -> Result<Probe, Error> {
    let not_the_engine = |why: String| Error::Unreachable { at: target.at(), why: Unreachable::NotTheEngine(why) };
    let sent = OffsetDateTime::now_utc();
    let rows = admin.read(PROBE, &[]).await?;
    let received = OffsetDateTime::now_utc();
    let row = rows.first().ok_or_else(|| not_the_engine("it does not know who we are".to_owned()))?;
    let version: String = value(row, 0)?;
    if value::<i32>(row, 1)? < OLDEST {
        return Err(not_the_engine(format!("{version} is older than PostgreSQL 13")));
    }
    let superuser: bool = value(row, 3)?;
    let (create_database, create_user): (bool, bool) = (value(row, 4)?, value(row, 5)?);
    let (end_sessions, statistics): (bool, bool) = (value(row, 6)?, value(row, 7)?);
    let missing_rights = [
        (Right::CreateDatabase, create_database),
        (Right::CreateUser, create_user),
        (Right::Grant, create_user),
        (Right::EndSessions, end_sessions),
        (Right::ReadStatistics, statistics),
        (Right::ReadAndWriteData, create_user),
    ]
    .into_iter()
    .filter(|(_, has)| !superuser && !has)
    .map(|(right, _)| right)
    .collect();
    let open = admin.read(OPEN_TO_ALL, &[]).await?;
    Ok(Probe {
        version,
        missing_rights,
        clock_skew: clock_skew(sent, value(row, 2)?, received),
        encrypted: value(row, 8)?,
        open_to_all: open.iter().map(|row| value(row, 0)).collect::<Result<_, _>>()?,
    })
}

const DATABASES: &str = "\
    SELECT datname::text, pg_get_userbyid(datdba)::text, shobj_description(oid, 'pg_database') FROM pg_database \
     WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY datname";

const USERS: &str = "\
    SELECT rolname::text, rolcanlogin, shobj_description(oid, 'pg_authid') FROM pg_roles WHERE oid >= 16384 ORDER BY rolname";

pub(crate) async fn list(admin: &Connection) -> Result<Inventory, Error> {
    let mut inventory = Inventory::default();
    for row in admin.read(DATABASES, &[]).await? {
        let comment: Option<String> = value(&row, 2)?;
        inventory.databases.push(ListedDatabase {
            name: value(&row, 0)?,
            owner: Some(value(&row, 1)?),
            marked_for: owner_in(comment.as_deref()),
        });
    }
    for row in admin.read(USERS, &[]).await? {
        let (name, comment): (String, Option<String>) = (value(&row, 0)?, value(&row, 2)?);
        if is_system_user(bnna_db_engine::EngineKind::Postgres, &name) || visitor::is_one(comment.as_deref()) {
            continue;
        }
        inventory.users.push(ListedUser {
            name,
            can_log_in: value(&row, 1)?,
            marked_for: owner_in(comment.as_deref()),
        });
    }
    Ok(inventory)
}

fn owner_in(comment: Option<&str>) -> Option<String> {
    comment.and_then(Marker::read).map(|(marker, _)| marker.owner().to_owned())
}

/// Sizes and counters of all databases in one query. A size that the administrator may not see is unknown, and does not take the
/// others with it.
const USAGE: &str = "\
    SELECT d.datname::text, \
           CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE') \
                THEN pg_database_size(d.oid) END, \
           s.numbackends::bigint, s.xact_commit + s.xact_rollback, s.tup_fetched, \
           s.tup_inserted + s.tup_updated + s.tup_deleted, s.temp_bytes \
      FROM pg_database d LEFT JOIN pg_stat_database s ON s.datid = d.oid \
     WHERE NOT d.datistemplate AND d.datname <> 'postgres' ORDER BY d.datname";

pub(crate) async fn usage(admin: &Connection) -> Result<InstanceUsage, Error> {
    let at = OffsetDateTime::now_utc();
    let number = |row: &tokio_postgres::Row, position| {
        value::<Option<i64>>(row, position).map(|count| count.and_then(|count| u64::try_from(count).ok()))
    };
    let mut databases = Vec::new();
    for row in admin.read(USAGE, &[]).await? {
        databases.push(DatabaseUsage {
            database: value(&row, 0)?,
            size_bytes: number(&row, 1)?,
            connections: number(&row, 2)?,
            transactions: number(&row, 3)?,
            rows_read: number(&row, 4)?,
            rows_written: number(&row, 5)?,
            temp_bytes: number(&row, 6)?,
        });
    }
    Ok(InstanceUsage { at, databases, queries: 1 })
}

/// Whether a database exists and holds no table, view or function of its own: what a copy may be written into.
pub(crate) async fn is_empty(inside: &Connection) -> Result<bool, Error> {
    let sql = "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_') \
            OR EXISTS (SELECT FROM pg_namespace n WHERE n.nspname NOT IN ('public', 'information_schema') AND n.nspname !~ '^pg_') \
            OR $1";
    let rows = inside.read(sql, &[(&false, Type::BOOL)]).await?;
    let full: bool = rows.first().map_or(Ok(true), |row| value(row, 0))?;
    Ok(!full)
}
