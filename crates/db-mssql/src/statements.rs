//! The T-SQL that is sent, as text: identifiers in `[…]` with `]]`, texts as `N'…'` with `''`, one statement a batch where the
//! engine wants it so. Pure, so that it can be read and asserted without a server.

use bnna_db_engine::{EngineKind, MARKER_PROPERTY, Password, Tenancy};

/// The schema that holds the marker where an engine has no extended properties.
pub const MARKER_SCHEMA: &str = "bnna_marker";

/// A text as a literal.
pub fn text(text: &str) -> String {
    EngineKind::MsSql.quote_text(text)
}

/// The database, its login, the marker: one row each, as kind, name, flag (login: enabled) and owner. In `master`.
pub fn find(tenancy: &Tenancy) -> String {
    format!(
        "SELECT N'database' AS kind, name, 1 AS flag, SUSER_SNAME(owner_sid) AS owner FROM sys.databases WHERE name = {} \
         UNION ALL SELECT N'login', name, CASE WHEN is_disabled = 1 THEN 0 ELSE 1 END, NULL FROM sys.server_principals \
         WHERE name = {} AND type IN ('S', 'U')",
        text(tenancy.database.as_str()),
        text(tenancy.user.as_str())
    )
}

/// `CREATE DATABASE`, alone in its batch.
pub fn create_database(tenancy: &Tenancy) -> String {
    format!("CREATE DATABASE {}", tenancy.database.quoted())
}

/// The marker as an extended property of the database one is in.
pub fn add_marker(marker: &str) -> String {
    format!("EXEC sp_addextendedproperty @name = N'{MARKER_PROPERTY}', @value = {}", text(marker))
}

/// Takes the extended property off.
pub fn drop_marker() -> String {
    format!("EXEC sp_dropextendedproperty @name = N'{MARKER_PROPERTY}'")
}

/// Reads the extended property.
pub fn read_marker() -> String {
    format!(
        "SELECT CAST(value AS NVARCHAR(1000)) FROM sys.extended_properties WHERE class = 0 AND name = N'{MARKER_PROPERTY}'"
    )
}

/// The marker in a table, in three batches, for engines without extended properties.
pub fn add_marker_table(marker: &str) -> [String; 3] {
    [
        format!("CREATE SCHEMA [{MARKER_SCHEMA}]"),
        format!("CREATE TABLE [{MARKER_SCHEMA}].[marker] (text NVARCHAR(1000) NOT NULL)"),
        format!("INSERT INTO [{MARKER_SCHEMA}].[marker] (text) VALUES ({})", text(marker)),
    ]
}

/// Takes the table off, in two batches.
pub fn drop_marker_table() -> [String; 2] {
    [format!("DROP TABLE [{MARKER_SCHEMA}].[marker]"), format!("DROP SCHEMA [{MARKER_SCHEMA}]")]
}

/// Reads the table.
pub fn read_marker_table() -> String {
    format!("SELECT text FROM [{MARKER_SCHEMA}].[marker]")
}

/// Tables of the tenant in the database one is in.
pub fn count_tables() -> String {
    format!("SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA <> N'{MARKER_SCHEMA}'")
}

/// The login with its password. The engine's password policy counts kinds of characters, which random base58 does not always
/// satisfy; without the policy only where the engine has refused with it.
pub fn create_login(tenancy: &Tenancy, password: &Password, policy: bool) -> String {
    let off = if policy { "" } else { ", CHECK_POLICY = OFF" };
    format!("CREATE LOGIN {} WITH PASSWORD = {}{off}", tenancy.user.quoted(), text(password.expose()))
}

/// A new password for the login.
pub fn alter_login(tenancy: &Tenancy, password: &Password, policy: bool) -> String {
    let off = if policy { "" } else { ", CHECK_POLICY = OFF" };
    format!("ALTER LOGIN {} WITH PASSWORD = {}{off}", tenancy.user.quoted(), text(password.expose()))
}

/// Whether the login may log in.
pub fn set_login(tenancy: &Tenancy, enabled: bool) -> String {
    format!("ALTER LOGIN {} {}", tenancy.user.quoted(), if enabled { "ENABLE" } else { "DISABLE" })
}

/// The login under another name.
pub fn rename_login(old: &Tenancy, new: &Tenancy) -> String {
    format!("ALTER LOGIN {} WITH NAME = {}", old.user.quoted(), new.user.quoted())
}

/// `DROP LOGIN`.
pub fn drop_login(tenancy: &Tenancy) -> String {
    format!("DROP LOGIN {}", tenancy.user.quoted())
}

/// The login as a user of the database one is in.
pub fn create_user(tenancy: &Tenancy) -> String {
    format!("CREATE USER {user} FOR LOGIN {user}", user = tenancy.user.quoted())
}

/// The user out of the database one is in.
pub fn drop_user(tenancy: &Tenancy) -> String {
    format!("DROP USER {}", tenancy.user.quoted())
}

/// All rights in the database by membership.
pub fn join_owners(tenancy: &Tenancy) -> String {
    format!("ALTER ROLE [db_owner] ADD MEMBER {}", tenancy.user.quoted())
}

/// The login as the owner of the database.
pub fn own_database(tenancy: &Tenancy, owner: &str) -> String {
    format!(
        "ALTER AUTHORIZATION ON DATABASE::{} TO {}",
        tenancy.database.quoted(),
        EngineKind::MsSql.quote_identifier(owner)
    )
}

/// Members of `db_owner` with this name, in the database one is in.
pub fn is_member(tenancy: &Tenancy) -> String {
    format!(
        "SELECT COUNT(*) FROM sys.database_role_members m JOIN sys.database_principals r ON r.principal_id = m.role_principal_id \
         JOIN sys.database_principals u ON u.principal_id = m.member_principal_id WHERE r.name = N'db_owner' AND u.name = {}",
        text(tenancy.user.as_str())
    )
}

/// Sessions of the login and in the database, but our own.
pub fn sessions(tenancy: &Tenancy) -> String {
    format!(
        "SELECT session_id FROM sys.dm_exec_sessions WHERE (login_name = {} OR database_id = DB_ID({})) \
         AND session_id <> @@SPID AND is_user_process = 1",
        text(tenancy.user.as_str()),
        text(tenancy.database.as_str())
    )
}

/// Ends one session.
pub fn kill(session: i64) -> String {
    format!("KILL {session}")
}

/// Throws everyone out of the database and keeps them out.
pub fn single_user(tenancy: &Tenancy) -> String {
    format!("ALTER DATABASE {} SET SINGLE_USER WITH ROLLBACK IMMEDIATE", tenancy.database.quoted())
}

/// Lets them in again.
pub fn multi_user(tenancy: &Tenancy) -> String {
    format!("ALTER DATABASE {} SET MULTI_USER", tenancy.database.quoted())
}

/// `DROP DATABASE`.
pub fn drop_database(tenancy: &Tenancy) -> String {
    format!("DROP DATABASE {}", tenancy.database.quoted())
}

/// The database under another name.
pub fn rename_database(old: &Tenancy, new: &Tenancy) -> String {
    format!("ALTER DATABASE {} MODIFY NAME = {}", old.database.quoted(), new.database.quoted())
}

/// Names and owners of all databases.
pub const DATABASES: &str = "SELECT name, SUSER_SNAME(owner_sid) FROM sys.databases ORDER BY name";

/// Names of all logins.
pub const LOGINS: &str = "SELECT name, CASE WHEN is_disabled = 1 THEN 0 ELSE 1 END FROM sys.server_principals \
                          WHERE type IN ('S', 'U') ORDER BY name";

/// Size and sessions of all databases in one query; a size that is NULL is unknown.
pub const USAGE: &str = "SELECT d.name, f.bytes, s.sessions FROM sys.databases d \
     LEFT JOIN (SELECT database_id, SUM(CAST(size AS BIGINT)) * 8192 AS bytes FROM sys.master_files GROUP BY database_id) f \
            ON f.database_id = d.database_id \
     LEFT JOIN (SELECT database_id, COUNT(*) AS sessions FROM sys.dm_exec_sessions WHERE is_user_process = 1 GROUP BY database_id) s \
            ON s.database_id = d.database_id ORDER BY d.name";

/// The same from what every engine has.
pub const USAGE_NAMES_ONLY: &str = "SELECT name, NULL, NULL FROM sys.databases ORDER BY name";

/// Transactions of all databases since the server began.
pub const TRANSACTIONS: &str = "SELECT RTRIM(instance_name), cntr_value FROM sys.dm_os_performance_counters \
     WHERE counter_name = N'Transactions/sec' AND instance_name <> N'_Total'";

/// Version, edition and the clock in UTC.
pub const PROBE: &str = "SELECT @@VERSION, CONVERT(NVARCHAR(40), SYSUTCDATETIME(), 126)";

/// Whether we are administrators, and the rights that count when we are not. NULL where the engine does not know.
pub const RIGHTS: &str = "SELECT IS_SRVROLEMEMBER(N'sysadmin'), HAS_PERMS_BY_NAME(NULL, NULL, N'CREATE ANY DATABASE'), \
     HAS_PERMS_BY_NAME(NULL, NULL, N'ALTER ANY LOGIN'), HAS_PERMS_BY_NAME(NULL, NULL, N'ALTER ANY CONNECTION'), \
     HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW SERVER STATE')";

/// Whether this session is encrypted.
pub const ENCRYPTED: &str = "SELECT encrypt_option FROM sys.dm_exec_connections WHERE session_id = @@SPID";

/// A backup that disturbs no other chain of backups, on the server's disk.
pub fn backup(tenancy: &Tenancy, path: &str) -> String {
    format!("BACKUP DATABASE {} TO DISK = {} WITH COPY_ONLY, FORMAT, CHECKSUM", tenancy.database.quoted(), text(path))
}

/// What a backup holds.
pub fn file_list(path: &str) -> String {
    format!("RESTORE FILELISTONLY FROM DISK = {}", text(path))
}

/// The files of a database: type (0 data, 1 log) and path.
pub fn files(tenancy: &Tenancy) -> String {
    format!(
        "SELECT CAST(type AS INT), physical_name FROM sys.master_files WHERE database_id = DB_ID({}) ORDER BY type, file_id",
        text(tenancy.database.as_str())
    )
}

/// A backup over a database, into its own files.
pub fn restore(tenancy: &Tenancy, path: &str, moves: &[(String, String)]) -> String {
    let moves: String =
        moves.iter().map(|(logical, file)| format!(", MOVE {} TO {}", text(logical), text(file))).collect();
    format!("RESTORE DATABASE {} FROM DISK = {} WITH REPLACE, CHECKSUM{moves}", tenancy.database.quoted(), text(path))
}
