//! Isolation, shown by trying: a tenant's user attempts everything that is not its own.

use super::{Stage, Trouble, Verdict, ensure, quoted};
use crate::engine::Login;
use crate::kind::EngineKind;
use crate::tenancy::Tenancy;

/// What an attempt has to meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meets {
    /// An error.
    Refusal,
    /// An error, no row, or NULL.
    Nothing,
}

/// A tenant enters the other's database, reads its table, and looks for it in the catalogue.
pub(super) async fn other_database(stage: &Stage<'_>) -> Verdict {
    // In MariaDB's grants `_` stands for any character: a grant on `…a_b` must not reach `…axb`.
    let (victim, victim_password) = stage.make("vaxb").await?;
    let (intruder, password) = stage.make("va_b").await?;
    let mut owner = stage.enter(&victim, &victim_password).await?;
    owner.execute("CREATE TABLE secret (id INT NOT NULL PRIMARY KEY)").await?;
    owner.execute("INSERT INTO secret (id) VALUES (42)").await?;

    let login = Login { database: victim.database.clone(), user: intruder.user.clone(), password: password.clone() };
    ensure(stage.engine.log_in(&login).await.is_err(), "the intruder entered the other database")?;
    let mut session = stage.enter(&intruder, &password).await?;
    let database = quoted(&victim.database);
    let text = stage.kind().quote_text(victim.database.as_str());
    let reads: &[(String, Meets)] = &match stage.kind() {
        EngineKind::Postgres => vec![
            (format!("SELECT id FROM {database}.public.secret"), Meets::Refusal),
            ("SELECT relname FROM pg_class WHERE relname = 'secret'".to_owned(), Meets::Nothing),
            (format!("SELECT pg_database_size({text})"), Meets::Refusal),
            (format!("SELECT query FROM pg_stat_activity WHERE datname = {text} AND query ILIKE '%secret%'"), Meets::Nothing),
        ],
        EngineKind::MariaDb => vec![
            (format!("SELECT id FROM {database}.secret"), Meets::Refusal),
            (format!("USE {database}"), Meets::Refusal),
            (format!("SHOW DATABASES LIKE {text}"), Meets::Nothing),
            (format!("SHOW TABLES FROM {database}"), Meets::Refusal),
            (format!("SELECT table_name FROM information_schema.tables WHERE table_schema = {text}"), Meets::Nothing),
            ("SELECT info FROM information_schema.processlist WHERE info LIKE '%secret (id)%' AND id <> CONNECTION_ID()".to_owned(), Meets::Nothing),
        ],
        EngineKind::MsSql => vec![
            (format!("SELECT id FROM {database}.dbo.secret"), Meets::Refusal),
            (format!("USE {database}"), Meets::Refusal),
            ("SELECT name FROM sys.tables WHERE name = N'secret'".to_owned(), Meets::Nothing),
        ],
    };
    try_all(session.as_mut(), reads).await?;
    // What is its own works all the while.
    session.execute("CREATE TABLE own (id INT NOT NULL PRIMARY KEY)").await?;
    Ok(())
}

/// A tenant tries to make databases and users, to read files, to run programs, and to become more than it is.
pub(super) async fn attempts(stage: &Stage<'_>) -> Verdict {
    let (victim, _) = stage.make("risen_v").await?;
    let (intruder, password) = stage.make("risen_i").await?;
    let prefix = &stage.options.prefix;
    let mut session = stage.enter(&intruder, &password).await?;
    let attempts = match stage.kind() {
        EngineKind::Postgres => postgres(prefix, &intruder, &victim),
        EngineKind::MariaDb => mariadb(prefix, &intruder, &victim),
        EngineKind::MsSql => mssql(prefix, &intruder, &victim),
    };
    let tried = try_all(session.as_mut(), &attempts).await;
    let inventory = stage.engine.list().await?;
    let made = inventory.databases.iter().map(|d| &d.name).chain(inventory.users.iter().map(|u| &u.name));
    let mut made = made.filter(|name| name.contains("_made_by_tenant"));
    ensure(made.next().is_none(), "the tenant made a database or a user")?;
    tried
}

async fn try_all(session: &mut dyn crate::engine::Session, attempts: &[(String, Meets)]) -> Verdict {
    let mut allowed = Vec::new();
    for (sql, meets) in attempts {
        match session.execute(sql).await {
            Err(error) if error.is_unknown() => return Err(Trouble::Failed(format!("{sql}: {error}"))),
            Err(_) => {}
            Ok(rows) if *meets == Meets::Nothing && rows.iter().flatten().all(Option::is_none) => {}
            Ok(rows) => allowed.push(format!("{sql} gave {} rows", rows.len())),
        }
    }
    ensure(allowed.is_empty(), format!("allowed: {}", allowed.join("; ")))
}

fn refused(statements: Vec<String>) -> Vec<(String, Meets)> {
    statements.into_iter().map(|sql| (sql, Meets::Refusal)).collect()
}

fn postgres(prefix: &str, intruder: &Tenancy, victim: &Tenancy) -> Vec<(String, Meets)> {
    let (me, other, database) = (quoted(&intruder.user), quoted(&victim.user), quoted(&victim.database));
    let name = format!("{prefix}_made_by_tenant");
    refused(vec![
        format!("CREATE DATABASE {name}"),
        format!("CREATE ROLE {name}"),
        format!("CREATE ROLE {name} SUPERUSER"),
        format!("ALTER ROLE {me} SUPERUSER"),
        format!("ALTER ROLE {me} CREATEDB"),
        format!("ALTER ROLE {me} CREATEROLE"),
        format!("ALTER ROLE {me} REPLICATION"),
        format!("ALTER ROLE {me} BYPASSRLS"),
        format!("ALTER ROLE {me} CONNECTION LIMIT -1"),
        format!("ALTER ROLE {other} PASSWORD 'x'"),
        format!("SET ROLE {other}"),
        format!("SET SESSION AUTHORIZATION {other}"),
        "SET ROLE pg_read_server_files".to_owned(),
        format!("GRANT {other} TO {me}"),
        format!("GRANT pg_read_server_files TO {me}"),
        format!("GRANT pg_execute_server_program TO {me}"),
        "SELECT pg_read_file('/etc/passwd')".to_owned(),
        "SELECT pg_read_binary_file('PG_VERSION')".to_owned(),
        "SELECT pg_ls_dir('.')".to_owned(),
        "SELECT lo_import('/etc/passwd')".to_owned(),
        "CREATE TEMPORARY TABLE lines (line text); COPY lines FROM '/etc/passwd'".to_owned(),
        "COPY (SELECT 1) TO '/tmp/bnna_written_by_tenant'".to_owned(),
        "CREATE TEMPORARY TABLE output (line text); COPY output FROM PROGRAM 'id'".to_owned(),
        "SELECT rolpassword FROM pg_authid".to_owned(),
        "SELECT passwd FROM pg_shadow".to_owned(),
        format!("DROP DATABASE {database}"),
        format!("ALTER DATABASE {database} OWNER TO {me}"),
        format!("ALTER DATABASE {database} RENAME TO {name}"),
        format!("COMMENT ON DATABASE {database} IS 'mine'"),
        format!(
            "GRANT CONNECT ON DATABASE {database} TO {me}; SELECT 1/(has_database_privilege({}, 'CONNECT')::int)",
            EngineKind::Postgres.quote_text(victim.database.as_str())
        ),
        "ALTER SYSTEM SET work_mem = '1GB'".to_owned(),
        "CREATE EXTENSION file_fdw".to_owned(),
        "CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'int4in'".to_owned(),
        "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'getpid'".to_owned(),
        "CREATE EVENT TRIGGER t ON ddl_command_start EXECUTE FUNCTION x()".to_owned(),
        "SELECT pg_reload_conf()".to_owned(),
        "CHECKPOINT".to_owned(),
        format!(
            "DO $$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IS DISTINCT FROM {}; \
                 IF NOT FOUND THEN RAISE EXCEPTION 'nobody'; END IF; END $$",
            EngineKind::Postgres.quote_text(intruder.user.as_str())
        ),
    ])
}

fn mariadb(prefix: &str, intruder: &Tenancy, victim: &Tenancy) -> Vec<(String, Meets)> {
    let (me, other, database) = (quoted(&intruder.user), quoted(&victim.user), quoted(&victim.database));
    let name = format!("{prefix}_made_by_tenant");
    let mut attempts = refused(vec![
        format!("CREATE DATABASE {name}"),
        format!("CREATE USER {name}"),
        format!("CREATE ROLE {name}"),
        format!("GRANT ALL ON *.* TO {me}@'%'"),
        format!("GRANT FILE ON *.* TO {me}@'%'"),
        format!("GRANT ALL ON {database}.* TO {me}@'%'"),
        format!("GRANT SUPER ON *.* TO {me}@'%'"),
        format!("SET PASSWORD FOR {other}@'%' = PASSWORD('x')"),
        format!("ALTER USER {other}@'%' ACCOUNT LOCK"),
        format!("ALTER USER {me}@'%' WITH MAX_USER_CONNECTIONS 0"),
        format!("DROP USER {other}@'%'"),
        format!("DROP DATABASE {database}"),
        format!("CREATE TABLE {database}.mine (id INT)"),
        format!("SHOW GRANTS FOR {other}@'%'"),
        "SELECT * FROM mysql.global_priv".to_owned(),
        "SELECT * FROM mysql.user".to_owned(),
        "LOAD DATA INFILE '/etc/passwd' INTO TABLE nothing".to_owned(),
        "SELECT 1 INTO OUTFILE '/tmp/bnna_written_by_tenant'".to_owned(),
        "SET GLOBAL max_connections = 1".to_owned(),
        "SET GLOBAL general_log = OFF".to_owned(),
        "INSTALL SONAME 'ha_federatedx'".to_owned(),
        "CREATE FUNCTION f RETURNS STRING SONAME 'libc.so'".to_owned(),
        "CREATE DEFINER = 'root'@'localhost' PROCEDURE p() SELECT 1".to_owned(),
        "SET ROLE nobody".to_owned(),
        "SHUTDOWN".to_owned(),
        "FLUSH PRIVILEGES".to_owned(),
        "KILL 1".to_owned(),
    ]);
    attempts.push(("SELECT LOAD_FILE('/etc/passwd')".to_owned(), Meets::Nothing));
    attempts.push((
        "SELECT 1 FROM information_schema.user_privileges WHERE is_grantable = 'YES' OR privilege_type <> 'USAGE'"
            .to_owned(),
        Meets::Nothing,
    ));
    attempts
}

fn mssql(prefix: &str, intruder: &Tenancy, victim: &Tenancy) -> Vec<(String, Meets)> {
    let (me, other, database) = (quoted(&intruder.user), quoted(&victim.user), quoted(&victim.database));
    let name = format!("{prefix}_made_by_tenant");
    refused(vec![
        format!("CREATE DATABASE [{name}]"),
        format!("CREATE LOGIN [{name}] WITH PASSWORD = N'Made-By-Tenant-1'"),
        format!("ALTER SERVER ROLE [sysadmin] ADD MEMBER {me}"),
        format!("ALTER SERVER ROLE [dbcreator] ADD MEMBER {me}"),
        format!("EXEC sp_addsrvrolemember {}, N'sysadmin'", EngineKind::MsSql.quote_text(intruder.user.as_str())),
        format!("ALTER LOGIN {other} WITH PASSWORD = N'Taken-Over-1'"),
        format!("ALTER LOGIN {other} DISABLE"),
        format!("DROP LOGIN {other}"),
        format!("DROP DATABASE {database}"),
        format!("ALTER AUTHORIZATION ON DATABASE::{database} TO {me}"),
        "EXECUTE AS LOGIN = N'sa'".to_owned(),
        "SELECT * FROM OPENROWSET(BULK N'/etc/passwd', SINGLE_CLOB) AS f".to_owned(),
        "EXEC master.dbo.xp_cmdshell N'id'".to_owned(),
        "EXEC sp_configure N'show advanced options', 1; RECONFIGURE".to_owned(),
        "SHUTDOWN".to_owned(),
    ])
}
