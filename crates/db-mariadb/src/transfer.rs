//! Moving data with `mariadb-dump` and `mariadb`, and comparing both sides.
//!
//! The tools run as the administrator: `mariadb-dump` reads tables and definitions and runs none of a tenant's code, and what it
//! writes creates triggers and events after the data. Only files that [`dump`] wrote may be restored.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bnna_db_engine::{
    CopyReport, DumpReport, EngineKind, Error, Roots, TableDigest, Target, Tenancy, Tls, Tool, compare, find_tool,
    new_file,
};

use crate::provision::{ours, text};
use crate::session::{self, Connection};

/// The package that brings the tools.
const PACKAGE: &str = "mariadb-client";
/// Tables whose checksums are asked for in one statement.
const TABLES_AT_ONCE: usize = 50;
/// Where Debian keeps the authorities that `Roots::System` means.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

pub(crate) async fn copy(from: &Target, tenancy: &Tenancy, to: &Target, copy: &Tenancy) -> Result<CopyReport, Error> {
    let mut source = session::admin(from).await?;
    let mut destination = session::admin(to).await?;
    ours(&mut source, tenancy).await?;
    ours(&mut destination, copy).await?;
    refuse_full(&mut destination, copy).await?;
    let limit = from.timeouts.transfer;
    let secrets = private_directory()?;
    let dump = dump_tool(from, tenancy, secrets.path())?;
    let restore = restore_tool(to, copy, secrets.path())?;
    dump.pipe(restore, limit).await?;
    let (here, there) = tokio::try_join!(digest(&mut source, tenancy, limit), digest(&mut destination, copy, limit))?;
    let mut report = if version(&mut source).await? == version(&mut destination).await? {
        compare(&here, &there)?
    } else {
        // Another version may compute another checksum for the same rows.
        compare(&without_checksums(here), &without_checksums(there))?
    };
    if tenancy.user != copy.user && has_definers(&mut source, tenancy).await? {
        report.warnings.push(format!("views, routines, triggers and events keep {} as their definer", tenancy.user));
    }
    Ok(report)
}

async fn version(admin: &mut Connection) -> Result<Option<(u32, u32)>, Error> {
    let rows: Vec<String> = admin.read("SELECT VERSION()").await?;
    Ok(rows.first().and_then(|version| crate::observe::version_of(version)))
}

fn without_checksums(tables: Vec<TableDigest>) -> Vec<TableDigest> {
    tables.into_iter().map(|table| TableDigest { checksum: None, ..table }).collect()
}

/// Whether something runs with the rights of a named user.
pub(crate) async fn has_definers(admin: &mut Connection, tenancy: &Tenancy) -> Result<bool, Error> {
    let database = text(tenancy.database.as_str());
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM information_schema.views WHERE BINARY table_schema = {database}) \
             OR EXISTS (SELECT 1 FROM information_schema.triggers WHERE BINARY trigger_schema = {database}) \
             OR EXISTS (SELECT 1 FROM information_schema.routines WHERE BINARY routine_schema = {database}) \
             OR EXISTS (SELECT 1 FROM information_schema.events WHERE BINARY event_schema = {database})"
    );
    Ok(admin.read::<u8>(&sql).await?.first().is_some_and(|any| *any != 0))
}

pub(crate) async fn dump(target: &Target, tenancy: &Tenancy, file: &Path) -> Result<DumpReport, Error> {
    ours(&mut session::admin(target).await?, tenancy).await?;
    let secrets = private_directory()?;
    let tool = dump_tool(target, tenancy, secrets.path())?;
    let ran = tool.writing(new_file(file)?).run(target.timeouts.transfer).await;
    if ran.is_err() {
        // Half a dump is not left to be taken for a whole one.
        let _ = std::fs::remove_file(file);
    }
    ran?;
    let bytes = std::fs::metadata(file).map_err(|error| Error::refused(error.to_string()))?.len();
    Ok(DumpReport { file: file.to_owned(), bytes: Some(bytes) })
}

pub(crate) async fn restore(target: &Target, tenancy: &Tenancy, file: &Path) -> Result<(), Error> {
    let mut admin = session::admin(target).await?;
    ours(&mut admin, tenancy).await?;
    refuse_full(&mut admin, tenancy).await?;
    let read = std::fs::File::open(file)
        .map_err(|error| Error::refused(format!("cannot read {}: {error}", file.display())))?;
    let secrets = private_directory()?;
    restore_tool(target, tenancy, secrets.path())?.reading(read).run(target.timeouts.transfer).await
}

async fn refuse_full(admin: &mut Connection, tenancy: &Tenancy) -> Result<(), Error> {
    if tables(admin, tenancy, "").await?.is_empty() && !has_definers(admin, tenancy).await? {
        return Ok(());
    }
    Err(Error::InUse { what: format!("database {}", tenancy.database), text: "it is not empty".to_owned() })
}

pub(crate) fn dump_tool(target: &Target, tenancy: &Tenancy, secrets: &Path) -> Result<Tool, Error> {
    let options =
        ["--single-transaction", "--quick", "--routines", "--events", "--triggers", "--hex-blob", "--skip-dump-date"];
    tool(target, tenancy, secrets, "mariadb-dump", &options, "source")
}

pub(crate) fn restore_tool(target: &Target, tenancy: &Tenancy, secrets: &Path) -> Result<Tool, Error> {
    tool(target, tenancy, secrets, "mariadb", &["--batch"], "copy")
}

fn tool(
    target: &Target,
    tenancy: &Tenancy,
    secrets: &Path,
    program: &str,
    options: &[&str],
    side: &str,
) -> Result<Tool, Error> {
    let program = find_tool(program, target.tools.as_deref(), PACKAGE)?;
    let credentials = write_credentials(target, secrets, side)?;
    let mut arguments = vec![format!("--defaults-file={}", credentials.display())];
    arguments.extend(options.iter().map(|option| (*option).to_owned()));
    arguments.extend(["--".to_owned(), tenancy.database.as_str().to_owned()]);
    Ok(Tool::new(&program, &arguments, &[]))
}

/// An option file that only we can read.
fn write_credentials(target: &Target, secrets: &Path, side: &str) -> Result<PathBuf, Error> {
    let quote = |value: &str| {
        if value.chars().any(char::is_control) {
            return Err(Error::refused("a control character in the credentials"));
        }
        Ok(format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
    };
    let mut lines = vec!["[client]".to_owned(), "protocol=tcp".to_owned(), "default-character-set=utf8mb4".to_owned()];
    lines.push(format!("host={}", quote(&target.host)?));
    lines.push(format!("port={}", target.port));
    lines.push(format!("user={}", quote(&target.admin_user)?));
    lines.push(format!("password={}", quote(target.password())?));
    match &target.tls {
        Tls::Disable => lines.push("skip-ssl".to_owned()),
        Tls::Require | Tls::Direct(_) => lines.extend(["ssl".to_owned(), "disable-ssl-verify-server-cert".to_owned()]),
        Tls::Verify(roots) => {
            let authority = match roots {
                Roots::System => PathBuf::from(SYSTEM_ROOTS),
                Roots::Pem(pem) => write_file(secrets, &format!("{side}.ca"), pem)?,
            };
            lines.extend(["ssl".to_owned(), "ssl-verify-server-cert".to_owned()]);
            lines.push(format!("ssl-ca={}", authority.display()));
        }
    }
    write_file(secrets, &format!("{side}.cnf"), &(lines.join("\n") + "\n"))
}

fn write_file(directory: &Path, name: &str, text: &str) -> Result<PathBuf, Error> {
    let path = directory.join(name);
    new_file(&path)?.write_all(text.as_bytes()).map_err(|error| Error::refused(error.to_string()))?;
    Ok(path)
}

pub(crate) fn private_directory() -> Result<tempfile::TempDir, Error> {
    tempfile::Builder::new()
        .prefix("bnna-")
        .tempdir()
        .map_err(|error| Error::refused(format!("no temporary directory: {error}")))
}

/// Names of the database's tables (and sequences); `only` narrows the kinds.
pub(crate) async fn tables(admin: &mut Connection, tenancy: &Tenancy, only: &str) -> Result<Vec<String>, Error> {
    let sql = format!(
        "SELECT table_name FROM information_schema.tables WHERE BINARY table_schema = {} {only} ORDER BY table_name",
        text(tenancy.database.as_str())
    );
    admin.read(&sql).await
}

/// Rows and the engine's checksum of each table.
pub(crate) async fn digest(
    admin: &mut Connection,
    tenancy: &Tenancy,
    limit: Duration,
) -> Result<Vec<TableDigest>, Error> {
    let names = tables(admin, tenancy, "AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')").await?;
    let quoted = |name: &str| format!("{}.{}", tenancy.database.quoted(), EngineKind::MariaDb.quote_identifier(name));
    let mut digests = Vec::with_capacity(names.len());
    for some in names.chunks(TABLES_AT_ONCE) {
        let all: Vec<String> = some.iter().map(|name| quoted(name)).collect();
        let checksums: Vec<(String, Option<u64>)> =
            admin.read_within(limit, &format!("CHECKSUM TABLE {} EXTENDED", all.join(", "))).await?;
        for (name, (_, checksum)) in some.iter().zip(checksums) {
            let rows: Vec<u64> = admin.read_within(limit, &format!("SELECT COUNT(*) FROM {}", quoted(name))).await?;
            digests.push(TableDigest {
                table: name.clone(),
                rows: rows.first().copied().unwrap_or_default(),
                checksum: checksum.map(|sum| sum.to_string()),
            });
        }
    }
    Ok(digests)
}
