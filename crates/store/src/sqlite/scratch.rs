//! A store in memory that begins as a copy of a store on disk, for work that is only to be tried. It notes which rows that people
//! know by name were made, changed and deleted in it; see [`crate::rehearsal`].

use std::path::Path;

use super::connection::{Connection, Mode};
use super::migrations;
use crate::{Error, Sql};

/// What is copied: everything that decisions are made by.
const COPIED: &[&str] = &[
    "accounts",
    "account_clusters",
    "account_settings",
    "account_rights",
    "account_groups",
    "account_held_users",
    "clusters",
    "instances",
    "tenant_tokens",
    "operations",
    "operation_keys",
];

/// What begins empty: logs that grow without end, what canaries found, answers that were given, keys that are open already.
#[cfg(test)]
const EMPTY: &[&str] = &[
    "audit",
    "operation_steps",
    "proxmox_tasks",
    "account_canaries",
    "idempotency",
    "sealing_keys",
    "store_probe",
    "refinery_schema_history",
];

/// Notes what becomes of rows. An operation is only noted when it is asked to stop: others are the means, not the end.
const NOTES: &str = "
CREATE TABLE noted (seq INTEGER PRIMARY KEY, change TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL) STRICT;
CREATE TRIGGER account_made AFTER INSERT ON accounts BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('create', 'account', NEW.slug); END;
CREATE TRIGGER account_changed AFTER UPDATE ON accounts BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('change', 'account', NEW.slug); END;
CREATE TRIGGER account_deleted AFTER DELETE ON accounts BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('delete', 'account', OLD.slug); END;
CREATE TRIGGER setting_made AFTER INSERT ON account_settings BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('create', 'setting', NEW.key); END;
CREATE TRIGGER setting_changed AFTER UPDATE ON account_settings BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('change', 'setting', NEW.key); END;
CREATE TRIGGER setting_deleted AFTER DELETE ON account_settings BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('delete', 'setting', OLD.key); END;
CREATE TRIGGER cluster_made AFTER INSERT ON clusters BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('create', 'cluster', NEW.host); END;
CREATE TRIGGER cluster_changed AFTER UPDATE ON clusters BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('change', 'cluster', NEW.host); END;
CREATE TRIGGER cluster_deleted AFTER DELETE ON clusters BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('delete', 'cluster', OLD.host); END;
CREATE TRIGGER instance_made AFTER INSERT ON instances BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('create', 'instance', NEW.vmid || ' on ' || NEW.cluster); END;
CREATE TRIGGER instance_changed AFTER UPDATE ON instances BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('change', 'instance', NEW.vmid || ' on ' || NEW.cluster); END;
CREATE TRIGGER instance_deleted AFTER DELETE ON instances BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('delete', 'instance', OLD.vmid || ' on ' || OLD.cluster); END;
CREATE TRIGGER token_made AFTER INSERT ON tenant_tokens BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('create', 'token', NEW.label); END;
CREATE TRIGGER token_revoked AFTER UPDATE OF revoked_at ON tenant_tokens
    WHEN OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('delete', 'token', OLD.id); END;
CREATE TRIGGER token_deleted AFTER DELETE ON tenant_tokens WHEN OLD.revoked_at IS NULL BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('delete', 'token', OLD.id); END;
CREATE TRIGGER operation_cancelled AFTER UPDATE OF cancel ON operations WHEN OLD.cancel = 0 AND NEW.cancel = 1 BEGIN
    INSERT INTO noted (change, kind, name) VALUES ('cancel', 'operation', NEW.id); END;
";

/// Where a connection to nothing but memory is opened.
pub(crate) const MEMORY: &str = ":memory:";

/// The copy. All its rows are of one moment.
pub(crate) fn copy(store: &Path) -> Result<Connection, Error> {
    let mut connection = Connection::open(Path::new(MEMORY), Mode::Write)?;
    migrations::run(&mut connection)?;
    let path =
        store.to_str().ok_or_else(|| Error::Unwritable { reason: "the store's path is not UTF-8".to_owned() })?;
    connection.execute("ATTACH DATABASE ?1 AS live", &[crate::Value::Text(path.to_owned())])?;
    connection.batch("PRAGMA foreign_keys = OFF; BEGIN")?;
    for table in COPIED {
        connection.batch(&format!("INSERT INTO main.{table} SELECT * FROM live.{table}"))?;
    }
    connection.batch("COMMIT; DETACH DATABASE live; PRAGMA foreign_keys = ON")?;
    connection.batch(NOTES)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{COPIED, Connection, EMPTY, MEMORY, Mode, migrations};
    use crate::Sql as _;

    #[test]
    fn every_table_is_copied_or_left_out_on_purpose() {
        let mut connection = Connection::open(Path::new(MEMORY), Mode::Write).unwrap();
        migrations::run(&mut connection).unwrap();
        let rows = connection
            .query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", &[])
            .unwrap();
        let tables: BTreeSet<String> = rows.iter().map(|row| row.get("name").unwrap()).collect();
        let known: BTreeSet<String> = COPIED.iter().chain(EMPTY).map(|name| (*name).to_owned()).collect();
        assert_eq!(tables, known);
    }
}
