//! One connection: how it is set up, statements over it, and SQLite's errors in our words.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::hooks::Action;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, OpenFlags, ToSql, ffi};

use crate::sql::{Row, Sql, Value};
use crate::{ConstraintKind, Error};

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Read,
    /// As `Read`, and waits for nobody: who holds the file makes a statement end with [`Error::Busy`] at once.
    Near,
}

/// How long a statement waits for another process that holds the file.
const BUSY: Duration = Duration::from_secs(5);
/// How many virtual machine instructions SQLite runs between two looks at the clock.
const PROGRESS_INSTRUCTIONS: i32 = 100_000;
const CACHED_STATEMENTS: usize = 128;

/// A connection to the file. It never creates the file.
pub(crate) struct Connection {
    pub(super) inner: rusqlite::Connection,
    deadline: Deadline,
    trouble: Option<Error>,
    /// Whether rows of tenancy were changed since it was last asked; committed or not.
    touched: Arc<AtomicBool>,
}

/// The tables that say whose guests are.
const TENANCY: [&str; 3] = ["accounts", "account_clusters", "instances"];

impl Connection {
    pub(crate) fn open(path: &Path, mode: Mode) -> Result<Self, Error> {
        let access = match mode {
            Mode::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Mode::Read | Mode::Near => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let mut inner = rusqlite::Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| translate(&error))?;
        let busy = if mode == Mode::Near { Duration::ZERO } else { BUSY };
        inner.busy_timeout(busy).map_err(|error| translate(&error))?;
        inner.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        // Plans do not hang on the values asked for; else SQLite prepares a kept statement anew for every other value.
        inner.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(|error| translate(&error))?;
        let deadline = Deadline::default();
        let watched = deadline.clone();
        inner
            .progress_handler(PROGRESS_INSTRUCTIONS, Some(move || watched.has_passed()))
            .map_err(|error| translate(&error))?;
        let touched = Arc::new(AtomicBool::new(false));
        if mode == Mode::Write {
            let touched = Arc::clone(&touched);
            let note = move |_: Action, _: &str, table: &str, _: i64| {
                if TENANCY.contains(&table) {
                    touched.store(true, Ordering::Relaxed);
                }
            };
            inner.update_hook(Some(note)).map_err(|error| translate(&error))?;
        }
        let connection = Self { inner, deadline, trouble: None, touched };
        connection.batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL;")?;
        Ok(connection)
    }

    /// Runs statements without values and without rows.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), Error> {
        self.inner.execute_batch(sql).map_err(|error| translate(&error))
    }

    /// Begins a snapshot, which its first statement takes.
    pub(crate) fn begin(&self) -> Result<(), Error> {
        self.plain("BEGIN")
    }

    /// Ends a snapshot.
    pub(crate) fn end(&self) -> Result<(), Error> {
        self.plain("ROLLBACK")
    }

    /// Runs one statement without values and without rows, which is kept prepared.
    fn plain(&self, sql: &str) -> Result<(), Error> {
        let mut statement = self.inner.prepare_cached(sql).map_err(|error| translate(&error))?;
        statement.execute([]).map(|_| ()).map_err(|error| translate(&error))
    }

    /// Whether no transaction is open: after an error SQLite may have rolled the whole transaction back by itself.
    pub(crate) fn is_idle(&self) -> bool {
        self.inner.is_autocommit()
    }

    /// The last error that was the store's and not the statement's (disk full, failing, damaged), since it was last asked.
    pub(crate) fn take_trouble(&mut self) -> Option<Error> {
        self.trouble.take()
    }

    /// Whether rows of tenancy were changed since it was last asked.
    pub(crate) fn take_touched(&self) -> bool {
        self.touched.swap(false, Ordering::Relaxed)
    }

    fn note<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error @ (Error::Full | Error::Io(_) | Error::Unwritable { .. } | Error::Corrupt(_))) = &outcome {
            self.trouble = Some(error.clone());
        }
        outcome
    }

    fn change(&self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        let mut statement = self.inner.prepare_cached(sql).map_err(|error| translate(&error))?;
        let changed =
            statement.execute(rusqlite::params_from_iter(values.iter())).map_err(|error| translate(&error))?;
        Ok(changed as u64)
    }

    fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let mut statement = self.inner.prepare_cached(sql).map_err(|error| translate(&error))?;
        let columns: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
        let mut found =
            statement.query(rusqlite::params_from_iter(values.iter())).map_err(|error| translate(&error))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(|error| translate(&error))? {
            let values = (0..columns.len())
                .map(|at| row.get_ref(at).map_err(|error| translate(&error)).and_then(read))
                .collect::<Result<Vec<_>, _>>()?;
            rows.push(Row::new(Arc::clone(&columns), values));
        }
        Ok(rows)
    }

    /// Statements after now end with [`Error::Busy`] once `limit` has passed; `None` lifts the bound.
    pub(crate) fn limit(&self, limit: Option<Duration>) {
        self.deadline.set(limit);
    }
}

impl Sql for Connection {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        let outcome = self.change(sql, values);
        self.note(outcome)
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let outcome = self.rows(sql, values);
        self.note(outcome)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn read(value: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => Value::Text(
            String::from_utf8(bytes.to_vec()).map_err(|_| Error::Corrupt("a text that is not UTF-8".to_owned()))?,
        ),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    })
}

/// SQLite's error in our words.
pub(crate) fn translate(error: &rusqlite::Error) -> Error {
    let (code, text) = match error {
        rusqlite::Error::SqliteFailure(code, text) => (*code, text.clone().unwrap_or_else(|| code.to_string())),
        rusqlite::Error::SqlInputError { error, msg, .. } => (*error, msg.clone()),
        other => return Error::Statement(other.to_string()),
    };
    match code.code {
        ErrorCode::DiskFull => Error::Full,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            Error::Busy { reason: "another process holds it".to_owned() }
        }
        ErrorCode::OperationInterrupted | ErrorCode::OperationAborted => {
            Error::Busy { reason: "a statement ran too long".to_owned() }
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => Error::Unwritable { reason: text },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Corrupt(text),
        ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory => Error::Io(text),
        ErrorCode::ConstraintViolation => constraint(code.extended_code, &text),
        _ => Error::Statement(text),
    }
}

/// `UNIQUE constraint failed: accounts.slug` names the columns behind the colon; a foreign key names nothing.
fn constraint(extended: i32, text: &str) -> Error {
    let kind = match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            ConstraintKind::Unique
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ConstraintKind::ForeignKey,
        ffi::SQLITE_CONSTRAINT_NOTNULL => ConstraintKind::NotNull,
        _ => ConstraintKind::Check,
    };
    let on = text.split_once(": ").map_or("a row", |(_, columns)| columns).to_owned();
    Error::Constraint { kind, on }
}

/// When the running statements have to end: nanoseconds since the connection was opened, 0 for never.
#[derive(Clone)]
struct Deadline {
    opened: Instant,
    at: Arc<AtomicU64>,
}

impl Default for Deadline {
    fn default() -> Self {
        Self { opened: Instant::now(), at: Arc::new(AtomicU64::new(0)) }
    }
}

impl Deadline {
    fn set(&self, limit: Option<Duration>) {
        let at = limit.map_or(0, |limit| nanos(self.opened.elapsed() + limit));
        self.at.store(at, Ordering::Relaxed);
    }

    fn has_passed(&self) -> bool {
        match self.at.load(Ordering::Relaxed) {
            0 => false,
            at => nanos(self.opened.elapsed()) > at,
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
