//! The file on disk: created for this user alone, recognised, locked while its shape changes, migrated.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::connection::{Connection, Mode};
use super::migrations;
use super::session::Session;
use crate::{Error, Sql};

/// `bnna` in ASCII, in the header of every store, so that no other program's SQLite file is taken for one.
const APPLICATION_ID: i64 = 0x626e_6e61;
/// How long the start waits for another process that is migrating.
const LOCK_WAIT: Duration = Duration::from_secs(60);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Makes the file ready for use, creating and migrating it as needed, and marks this process as one of its users.
pub(crate) fn prepare(path: &Path) -> Result<Session, Error> {
    create_directory(path)?;
    let lock = Lock::take(path)?;
    create_or_recognise(path)?;
    let found = inspect(path).map_err(|error| opening(path, error))?;
    migrate(path, &found).map_err(|error| opening(path, error))?;
    let session = Session::begin(path)?;
    drop(lock);
    Ok(session)
}

/// What is in the file.
struct Found {
    version: u32,
    is_empty: bool,
}

/// Looks without being able to write, so that a file which is refused stays as it is to the byte.
fn inspect(path: &Path) -> Result<Found, Error> {
    let mut connection = Connection::open(path, Mode::Read)?;
    let (version, known) = (migrations::version(&mut connection)?, migrations::known());
    if version > known {
        return Err(Error::Newer { found: version, known });
    }
    let tables = connection.query_one("SELECT COUNT(*) AS tables FROM sqlite_master", &[])?;
    let tables: i64 = tables.map_or(Ok(0), |row| row.get("tables"))?;
    if tables > 0 && pragma(&mut connection, "application_id")? != APPLICATION_ID {
        let reason = "it is the SQLite file of another program".to_owned();
        return Err(Error::NotADatabase { path: path.to_owned(), reason });
    }
    Ok(Found { version, is_empty: tables == 0 })
}

fn migrate(path: &Path, found: &Found) -> Result<(), Error> {
    let mut connection = Connection::open(path, Mode::Write)?;
    if found.is_empty {
        connection.batch(&format!("PRAGMA application_id = {APPLICATION_ID}"))?;
    }
    // The mode is kept in the file; asking for what it is already costs nothing.
    let mode = connection.query_one("PRAGMA journal_mode = WAL", &[])?;
    let mode: String = mode.map_or(Ok(String::new()), |row| row.get("journal_mode"))?;
    if mode != "wal" {
        let reason = format!("{}: the file system has no shared memory for a write-ahead log", path.display());
        return Err(Error::Unwritable { reason });
    }
    // Writing is tried now, so that a store that cannot be written is refused at the start and not in the first request.
    connection.batch("BEGIN IMMEDIATE; COMMIT")?;
    if found.version < migrations::known() {
        tracing::info!(from = found.version, to = migrations::known(), "migrating the store");
        migrations::run(&mut connection)?;
    }
    Ok(())
}

fn pragma(connection: &mut Connection, name: &str) -> Result<i64, Error> {
    let row = connection.query_one(&format!("PRAGMA {name}"), &[])?;
    row.map_or(Ok(0), |row| row.get(name))
}

fn create_directory(path: &Path) -> Result<(), Error> {
    let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) else {
        return Ok(());
    };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| unwritable(directory, &error))
}

/// An empty file for this user alone when there is none; a look at the first bytes when there is one.
fn create_or_recognise(path: &Path) -> Result<(), Error> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(unwritable(path, &error)),
    }
    let not_a_database = |reason: &str| Error::NotADatabase { path: path.to_owned(), reason: reason.to_owned() };
    let mut file = File::open(path).map_err(|error| unwritable(path, &error))?;
    let metadata = file.metadata().map_err(|error| unwritable(path, &error))?;
    if !metadata.is_file() {
        return Err(not_a_database("it is not a file"));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "other users of this machine may open the store: it should have mode 0600");
    }
    let mut header = Vec::new();
    file.by_ref().take(16).read_to_end(&mut header).map_err(|error| unwritable(path, &error))?;
    if header.is_empty() || header == b"SQLite format 3\0" {
        Ok(())
    } else {
        Err(not_a_database("it does not begin like a SQLite file"))
    }
}

/// Errors of the first use name the path.
fn opening(path: &Path, error: Error) -> Error {
    match error {
        Error::Unwritable { reason } => Error::Unwritable { reason: format!("{}: {reason}", path.display()) },
        other => other,
    }
}

pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return Error::Full;
    }
    Error::Unwritable { reason: format!("{}: {error}", path.display()) }
}

/// `store.db` → `store.db<suffix>`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Held while the shape of the file may change. The system releases it when the process ends, however it ends.
pub(super) struct Lock(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let path = beside(path, ".lock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| unwritable(&path, &error))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_WAIT => {
                    std::thread::park_timeout(LOCK_POLL);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Busy { reason: "another process is migrating it".to_owned() });
                }
                Err(TryLockError::Error(error)) => return Err(unwritable(&path, &error)),
            }
        }
    }
}
