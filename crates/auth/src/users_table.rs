//! The users table on disk: read at start, read again when the file changes, swapped only when it parsed completely.
//!
//! A failed reload keeps the table that was in use and is shown by [`UsersTable::status`]. A table that cannot be *read* at
//! start is an error; one that cannot be *parsed* at start leaves a table that accepts nobody, so that the daemon can serve
//! the other kinds of callers and say what is wrong.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::acceptance::{AcceptanceCache, Judgement, NoRandom};
use crate::csvauth::{Key, Outcome, ParseError, Table, Warning};
use crate::principal::{Operator, OperatorSource};
use crate::secret::Secret;

/// Largest table that is read, in bytes.
const MAX_FILE: u64 = 32 << 20;

/// Most verifications of costly rows (bcrypt, many PBKDF2 rounds) that run at once.
const COSTLY_AT_ONCE: usize = 4;

/// How long a verification waits for its turn.
const COSTLY_WAIT: Duration = Duration::from_secs(5);

/// Most tokens of costly rows that are remembered as verified.
const ACCEPTED_AT_ONCE: usize = 1_000;

/// Why a table is not in use as it is on disk.
#[derive(Debug, thiserror::Error)]
pub enum UsersTableError {
    /// The file cannot be read, or is no regular file.
    #[error("cannot read the users table {file}: {reason}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The file is larger than is read.
    #[error("the users table {file} is larger than {MAX_FILE} bytes")]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// The system gave no random bytes.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// The file is not a table.
    #[error("the users table {file} is refused: {reason}")]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong, with its line.
        reason: ParseError,
    },
}

/// What an operator wants to know of the table in use.
#[derive(Debug, Clone)]
pub struct Status {
    /// The file.
    pub file: PathBuf,
    /// When the table in use was read; nothing if none ever parsed.
    pub loaded_at: Option<OffsetDateTime>,
    /// Rows in use.
    pub rows: usize,
    /// What is odd about rows or file, though the table works.
    pub warnings: Vec<Warning>,
    /// Why the file as it is now is not in use; nothing when it is.
    pub error: Option<String>,
}

/// What tells that a file changed without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signature {
    inode: u64,
    size: u64,
    modified: Option<SystemTime>,
    mode: u32,
}

/// A users table that follows its file.
#[derive(Debug)]
pub struct UsersTable {
    file: PathBuf,
    key: Key,
    in_use: RwLock<Arc<InUse>>,
    /// The file as last looked at and what was wrong with it; also serialises reloads.
    last: Mutex<Last>,
    costly: tokio::sync::Semaphore,
    /// Tokens of costly rows that were verified a moment ago, by generation of the table and secret.
    accepted: AcceptanceCache<Operator>,
}

#[derive(Debug)]
struct InUse {
    generation: u64,
    table: Table,
    loaded_at: Option<OffsetDateTime>,
}

#[derive(Debug)]
struct Last {
    signature: Option<Signature>,
    error: Option<String>,
    file_warnings: Vec<Warning>,
}

/// What [`UsersTable::poll`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// The file is as it was.
    Unchanged,
    /// The file changed and is in use.
    Reloaded,
}

/// Why a bearer is not an operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No row has such a token.
    #[error("unknown token")]
    Unknown,
    /// Verifying is costly, and as many are running as may.
    #[error("too many verifications at once")]
    Busy,
}

impl UsersTable {
    /// Reads a table for the first time. Reads a file: call it before serving, or off the serving threads.
    ///
    /// # Errors
    /// The file cannot be read, or there is no randomness. A file that is read and refused is in
    /// [`status`](Self::status).
    pub fn open(file: &Path, key: Key) -> Result<Self, UsersTableError> {
        let table = Self {
            file: file.to_owned(),
            in_use: RwLock::new(Arc::new(InUse { generation: 0, table: Table::empty(key.clone()), loaded_at: None })),
            key,
            last: Mutex::new(Last { signature: None, error: None, file_warnings: Vec::new() }),
            costly: tokio::sync::Semaphore::new(COSTLY_AT_ONCE),
            accepted: AcceptanceCache::new(ACCEPTED_AT_ONCE)?,
        };
        match table.reload() {
            Err(error @ UsersTableError::Unreadable { .. }) => Err(error),
            Ok(()) | Err(_) => Ok(table),
        }
    }

    /// Reads the file now, and takes it into use if it parses completely; keeps what is in use otherwise.
    ///
    /// # Errors
    /// Why the file is not in use; [`status`](Self::status) keeps saying it.
    pub fn reload(&self) -> Result<(), UsersTableError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.reload_locked(&mut last)
    }

    /// Reloads if inode, size, modification time or mode of the file changed since it was last looked at.
    ///
    /// # Errors
    /// As [`reload`](Self::reload), once for each change.
    pub fn poll(&self) -> Result<Polled, UsersTableError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if fs::metadata(&self.file).ok().map(|metadata| signature(&metadata)) == last.signature {
            return Ok(Polled::Unchanged);
        }
        self.reload_locked(&mut last).map(|()| Polled::Reloaded)
    }

    /// Polls for ever, logging what changed; to be spawned and dropped with the daemon.
    pub async fn watch(self: Arc<Self>, every: Duration) {
        let mut ticks = tokio::time::interval(every.max(Duration::from_millis(10)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let table = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || table.poll()).await {
                Ok(Ok(Polled::Unchanged)) => {}
                Ok(Ok(Polled::Reloaded)) => {
                    let status = self.status();
                    tracing::info!(file = %status.file.display(), rows = status.rows, "users table reloaded");
                    for warning in &status.warnings {
                        tracing::warn!(file = %status.file.display(), "users table: {warning}");
                    }
                }
                Ok(Err(error)) => tracing::error!(%error, "users table not reloaded, the one before stays in use"),
                Err(error) => tracing::error!(%error, "looking at the users table failed"),
            }
        }
    }

    fn reload_locked(&self, last: &mut Last) -> Result<(), UsersTableError> {
        // Taken before reading: a change made while the file is read is seen by the next poll.
        let looked = self.read();
        let (signature, text) = match looked {
            Ok(looked) => looked,
            Err(error) => {
                last.signature = fs::metadata(&self.file).ok().map(|metadata| signature(&metadata));
                last.error = Some(error.to_string());
                return Err(error);
            }
        };
        last.signature = Some(signature);
        last.file_warnings = if signature.mode & 0o077 == 0 {
            Vec::new()
        } else {
            let message =
                format!("its mode is {:04o}: others than its owner can open it; 0600 is enough", signature.mode);
            vec![Warning { line: None, message }]
        };
        match Table::parse(&text, self.key.clone()) {
            Ok(table) => {
                let mut in_use = self.in_use.write().unwrap_or_else(PoisonError::into_inner);
                let generation = in_use.generation + 1;
                *in_use = Arc::new(InUse { generation, table, loaded_at: Some(OffsetDateTime::now_utc()) });
                last.error = None;
                Ok(())
            }
            Err(reason) => {
                let error = UsersTableError::Malformed { file: self.file.clone(), reason };
                last.error = Some(error.to_string());
                Err(error)
            }
        }
    }

    fn read(&self) -> Result<(Signature, Zeroizing<Vec<u8>>), UsersTableError> {
        let unreadable = |reason| UsersTableError::Unreadable { file: self.file.clone(), reason };
        if !fs::metadata(&self.file).map_err(unreadable)?.is_file() {
            return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
        }
        let file = File::open(&self.file).map_err(unreadable)?;
        let signature = signature(&file.metadata().map_err(unreadable)?);
        let mut text = Zeroizing::new(Vec::new());
        file.take(MAX_FILE + 1).read_to_end(&mut text).map_err(unreadable)?;
        if text.len() as u64 > MAX_FILE {
            return Err(UsersTableError::TooLarge { file: self.file.clone() });
        }
        Ok((signature, text))
    }

    /// What is in use and what is wrong with the file.
    #[must_use]
    pub fn status(&self) -> Status {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = self.in_use();
        let warnings = last.file_warnings.iter().chain(in_use.table.warnings()).cloned().collect();
        Status {
            file: self.file.clone(),
            loaded_at: in_use.loaded_at,
            rows: in_use.table.rows().len(),
            warnings,
            error: last.error.clone(),
        }
    }

    /// The operator a bearer token belongs to. Costly rows are verified on a thread for blocking work, a few at a time.
    ///
    /// # Errors
    /// No row has this token, or too many costly verifications are running.
    pub async fn operator(&self, token: &Secret) -> Result<Operator, Refused> {
        let in_use = self.in_use();
        let costly = in_use.table.candidate(token.expose()).ok_or(Refused::Unknown)?.is_costly();
        if !costly {
            return verify(&in_use.table, token);
        }
        // A reload begins a new generation, so that nothing accepted under an old table is accepted under a new one.
        let remembered: Zeroizing<Vec<u8>> =
            Zeroizing::new([&in_use.generation.to_be_bytes(), token.expose().as_bytes()].concat());
        if let Some(Judgement::Accepted(operator)) = self.accepted.get(&remembered, Instant::now()) {
            return Ok(operator);
        }
        let permit = tokio::time::timeout(COSTLY_WAIT, self.costly.acquire()).await;
        let _permit = permit.map_err(|_| Refused::Busy)?.map_err(|_| Refused::Busy)?;
        let token = token.clone();
        let verified = tokio::task::spawn_blocking(move || verify(&in_use.table, &token)).await;
        let operator = verified.unwrap_or(Err(Refused::Unknown))?;
        self.accepted.accept(&remembered, operator.clone(), Instant::now());
        Ok(operator)
    }

    fn in_use(&self) -> Arc<InUse> {
        Arc::clone(&self.in_use.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn verify(table: &Table, token: &Secret) -> Result<Operator, Refused> {
    match table.bearer(token.expose()) {
        Outcome::Ok(row) => Ok(Operator::new(row.id(), row.name(), row.roles(), OperatorSource::Csvauth)),
        Outcome::NotFound | Outcome::Unauthorized | Outcome::Locked => Err(Refused::Unknown),
    }
}

fn signature(metadata: &fs::Metadata) -> Signature {
    Signature {
        inode: metadata.ino(),
        size: metadata.len(),
        modified: metadata.modified().ok(),
        mode: metadata.permissions().mode() & 0o7777,
    }
}
