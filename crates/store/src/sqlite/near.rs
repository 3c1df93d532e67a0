//! Reads of a few rows by key, on the thread that asks: to hand such a read to a reading thread and to take its answer back costs
//! more than the read does. In WAL mode a reader waits for nobody; should one have to, or take long, it goes to the readers.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::connection::{Connection, Mode};
use crate::statistics::Counters;
use crate::{Error, Sql};

/// Connections: as many threads read at once. One is opened when it is first needed.
const CONNECTIONS: usize = 4;
/// How long such a read may keep its thread from other work.
const PATIENCE: Duration = Duration::from_millis(20);

/// The connections.
pub(crate) struct Near {
    path: PathBuf,
    connections: [Mutex<Option<Connection>>; CONNECTIONS],
    is_closed: AtomicBool,
}

impl Near {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), connections: Default::default(), is_closed: AtomicBool::new(false) }
    }

    /// Runs `work` over one snapshot. Nothing when it has to be read by the readers: all connections are in use, somebody holds the
    /// file, or it took too long.
    pub(crate) fn read<T>(
        &self,
        counters: &Counters,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        let mut slot = self.connections.iter().find_map(|slot| match slot.try_lock() {
            Ok(slot) => Some(slot),
            // Whoever panicked here took the connection with it.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })?;
        if self.is_closed.load(Ordering::Acquire) {
            return None;
        }
        let began = Instant::now();
        let mut connection = match slot.take().map_or_else(|| Connection::open(&self.path, Mode::Near), Ok) {
            Ok(connection) => connection,
            Err(Error::Busy { .. }) => return None,
            Err(error) => return Some(Err(error)),
        };
        connection.limit(Some(PATIENCE));
        let outcome = connection.begin().and_then(|()| work(&mut connection));
        connection.limit(None);
        if connection.is_idle() || connection.end().is_ok() {
            *slot = Some(connection);
        }
        counters.read_done(began.elapsed());
        match outcome {
            Err(Error::Busy { .. }) => None,
            outcome => Some(outcome),
        }
    }

    /// Waits for reads under way, closes the connections and opens no more.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        for slot in &self.connections {
            slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}
