//! Moving data with `pg_dump` and `pg_restore`, as a visitor, from one snapshot, and comparing both sides.

use std::path::Path;
use std::time::Duration;

use bnna_db_engine::{
    CopyReport, DumpReport, EngineKind, Error, Roots, TableDigest, Target, Tenancy, Tls, Tool, compare, find_tool,
    new_file,
};

use crate::observe;
use crate::provision;
use crate::session::{self, Connection, value};
use crate::visitor::{self, Visitor};

/// The package that brings the tools.
const PACKAGE: &str = "postgresql-client";
/// Where Debian keeps the authorities that `Roots::System` means.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A tenancy's database with a visitor in it.
struct Visit<'a> {
    target: &'a Target,
    tenancy: &'a Tenancy,
    admin: Connection,
    visitor: Visitor,
}

impl<'a> Visit<'a> {
    async fn begin(target: &'a Target, tenancy: &'a Tenancy) -> Result<Self, Error> {
        let admin = session::admin(target).await?;
        provision::require_ours(&admin, tenancy).await?;
        let visitor = visitor::invite(&admin, tenancy, target.timeouts.transfer + Duration::from_secs(60)).await?;
        Ok(Self { target, tenancy, admin, visitor })
    }

    async fn enter(&self) -> Result<Connection, Error> {
        visitor::enter(self.target, self.tenancy, &self.visitor).await
    }

    /// Dismisses the visitor. What went wrong before counts more than what goes wrong here: it expires by itself.
    async fn end<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        // The session may have gone with a server that was restarted meanwhile.
        let dismissed = match visitor::remove(&self.admin, &self.visitor.name).await {
            Ok(()) => Ok(()),
            Err(_) => match session::admin(self.target).await {
                Ok(admin) => visitor::remove(&admin, &self.visitor.name).await,
                Err(error) => Err(error),
            },
        };
        let value = result?;
        dismissed?;
        Ok(value)
    }
}

pub(crate) async fn copy(from: &Target, tenancy: &Tenancy, to: &Target, copy: &Tenancy) -> Result<CopyReport, Error> {
    let source = Visit::begin(from, tenancy).await?;
    let destination = match Visit::begin(to, copy).await {
        Ok(destination) => destination,
        Err(error) => return source.end(Err(error)).await,
    };
    let copied = copy_between(&source, &destination).await;
    let copied = destination.end(copied).await;
    source.end(copied).await
}

async fn copy_between(source: &Visit<'_>, destination: &Visit<'_>) -> Result<CopyReport, Error> {
    let (reading, writing) = (source.enter().await?, destination.enter().await?);
    refuse_full(&writing, destination.tenancy).await?;
    // Dump and digest read the same snapshot: what changes meanwhile is in neither.
    reading.change("take a snapshot", "snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let rows = reading.read("SELECT pg_export_snapshot()", &[]).await?;
    let snapshot: String = rows.first().map_or_else(|| Err(Error::refused("no snapshot")), |row| value(row, 0))?;
    let limit = source.target.timeouts.transfer;
    let secrets = private_directory()?;
    let dump = tool(source, "pg_dump", secrets.path(), "source")?;
    let restore = tool(destination, "pg_restore", secrets.path(), "copy")?;
    let dump =
        dump.start(&[&dump_arguments(source)[..], &[format!("--snapshot={snapshot}"), "--compress=0".into()]].concat());
    let restore = restore.start(&restore_arguments(destination));
    dump.pipe(restore, limit).await?;
    let (here, there) = tokio::try_join!(digest(&reading, limit), digest(&writing, limit))?;
    compare(&here, &there)
}

pub(crate) async fn dump(target: &Target, tenancy: &Tenancy, file: &Path) -> Result<DumpReport, Error> {
    let visit = Visit::begin(target, tenancy).await?;
    let dumped = async {
        let secrets = private_directory()?;
        let tool = tool(&visit, "pg_dump", secrets.path(), "source")?;
        let written = new_file(file)?;
        let ran = tool.start(&dump_arguments(&visit)).writing(written).run(target.timeouts.transfer).await;
        if ran.is_err() {
            // Half a dump is not left to be taken for a whole one.
            let _ = std::fs::remove_file(file);
        }
        ran
    }
    .await;
    visit.end(dumped).await?;
    let bytes = std::fs::metadata(file).map_err(|error| Error::refused(error.to_string()))?.len();
    Ok(DumpReport { file: file.to_owned(), bytes: Some(bytes) })
}

pub(crate) async fn restore(target: &Target, tenancy: &Tenancy, file: &Path) -> Result<(), Error> {
    let visit = Visit::begin(target, tenancy).await?;
    let restored = async {
        refuse_full(&visit.enter().await?, tenancy).await?;
        let secrets = private_directory()?;
        let tool = tool(&visit, "pg_restore", secrets.path(), "copy")?;
        let read = std::fs::File::open(file)
            .map_err(|error| Error::refused(format!("cannot read {}: {error}", file.display())))?;
        tool.start(&restore_arguments(&visit)).reading(read).run(target.timeouts.transfer).await
    }
    .await;
    visit.end(restored).await
}

async fn refuse_full(inside: &Connection, tenancy: &Tenancy) -> Result<(), Error> {
    if observe::is_empty(inside).await? {
        Ok(())
    } else {
        Err(Error::InUse { what: format!("database {}", tenancy.database), text: "it is not empty".to_owned() })
    }
}

fn dump_arguments(visit: &Visit<'_>) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["--format=custom", "--no-owner", "--no-privileges", "--no-password"].map(str::to_owned).to_vec();
    arguments.push(format!("--dbname={}", connection(visit)));
    arguments
}

fn restore_arguments(visit: &Visit<'_>) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["--no-owner", "--no-privileges", "--no-password", "--exit-on-error", "--single-transaction"]
            .map(str::to_owned)
            .to_vec();
    arguments.push(format!("--role={}", visit.tenancy.user));
    arguments.push(format!("--dbname={}", connection(visit)));
    arguments
}

/// Where to connect, in libpq's form, without a secret.
fn connection(visit: &Visit<'_>) -> String {
    let quote = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let target = visit.target;
    let (host, database) = (quote(&target.host), quote(visit.tenancy.database.as_str()));
    format!("host={host} port={} user={} dbname={database}", target.port, visit.visitor.name)
}

/// A tool with its program found and its secrets written.
struct Prepared {
    program: std::path::PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Prepared {
    fn start(&self, arguments: &[String]) -> Tool {
        let environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Tool::new(&self.program, arguments, &environment)
    }
}

fn tool(visit: &Visit<'_>, program: &str, secrets: &Path, side: &str) -> Result<Prepared, Error> {
    use std::io::Write;
    let program = find_tool(program, visit.target.tools.as_deref(), PACKAGE)?;
    let write = |name: String, text: &str| {
        let path = secrets.join(name);
        new_file(&path)?.write_all(text.as_bytes()).map_err(|error| Error::refused(error.to_string()))?;
        Ok::<_, Error>(path.to_string_lossy().into_owned())
    };
    let password = write(format!("{side}.pgpass"), &format!("*:*:*:*:{}\n", visit.visitor.password.expose()))?;
    let mut environment =
        vec![("PGPASSFILE", password), ("PGCONNECT_TIMEOUT", visit.target.timeouts.connect.as_secs().to_string())];
    let (mode, roots) = match &visit.target.tls {
        Tls::Disable => ("disable", None),
        Tls::Require | Tls::Direct(None) => ("require", None),
        Tls::Verify(roots) | Tls::Direct(Some(roots)) => ("verify-full", Some(roots)),
    };
    environment.push(("PGSSLMODE", mode.to_owned()));
    match roots {
        Some(Roots::System) => environment.push(("PGSSLROOTCERT", SYSTEM_ROOTS.to_owned())),
        Some(Roots::Pem(pem)) => environment.push(("PGSSLROOTCERT", write(format!("{side}.ca"), pem)?)),
        None => {}
    }
    if matches!(visit.target.tls, Tls::Direct(_)) {
        refuse_old_tool(&program)?;
        environment.push(("PGSSLNEGOTIATION", "direct".to_owned()));
    }
    Ok(Prepared { program, environment })
}

/// Direct TLS came with version 17; an older tool would quietly ask in the clear.
fn refuse_old_tool(program: &Path) -> Result<(), Error> {
    let output = std::process::Command::new(program)
        .arg("--version")
        .output()
        .map_err(|error| Error::refused(error.to_string()))?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = words.split_whitespace().find_map(|word| word.split('.').next()?.parse::<u32>().ok());
    if version.is_some_and(|version| version >= 17) {
        return Ok(());
    }
    Err(Error::refused(format!("direct TLS needs the tools of PostgreSQL 17 or later, here is {}", words.trim())))
}

fn private_directory() -> Result<tempfile::TempDir, Error> {
    tempfile::Builder::new()
        .prefix("bnna-")
        .tempdir()
        .map_err(|error| Error::refused(format!("no temporary directory: {error}")))
}

/// Tables and sequences of the tenant, in the order of their names.
const TABLES: &str = "\
    SELECT n.nspname::text, c.relname::text, c.relkind = 'S' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'S') AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e') \
     ORDER BY 1, 2";

/// Rows of each table with a sum of hashes over their text, which does not depend on their order.
async fn digest(inside: &Connection, limit: Duration) -> Result<Vec<TableDigest>, Error> {
    let mut digests = Vec::new();
    for row in inside.read_within(limit, TABLES, &[]).await? {
        let (schema, name, sequence): (String, String, bool) = (value(&row, 0)?, value(&row, 1)?, value(&row, 2)?);
        let quoted = [&schema, &name].map(|part| EngineKind::Postgres.quote_identifier(part)).join(".");
        let sql = if sequence {
            format!("SELECT 1::bigint, last_value::text || is_called::text FROM {quoted}")
        } else {
            format!("SELECT count(*), sum(hashtextextended((x.*)::text, 0)::numeric)::text FROM ONLY {quoted} x")
        };
        let rows = inside.read_within(limit, &sql, &[]).await?;
        let Some(row) = rows.first() else { continue };
        let count: i64 = value(row, 0)?;
        digests.push(TableDigest {
            table: format!("{schema}.{name}"),
            rows: count.unsigned_abs(),
            checksum: Some(value::<Option<String>>(row, 1)?.unwrap_or_default()),
        });
    }
    Ok(digests)
}
