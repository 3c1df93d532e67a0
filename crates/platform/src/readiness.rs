//! Whether bnpd can do its work: the store reads and writes, and it is not about to end. Clusters do not count: one that is down
//! makes its own part of answers missing, and restarting bnpd would not bring it back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bnna_store::Health;

use crate::Platform;

/// How long a look at the store counts: asking often must not become work for a store that is in trouble.
const KEPT: Duration = Duration::from_secs(1);
/// How long the store may take to say that it works.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why bnpd is not ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// It was asked to end.
    #[error("bnpd is ending")]
    Ending,
    /// The store cannot be read.
    #[error("the store cannot be read: {0}")]
    Unreadable(String),
    /// The store cannot be written.
    #[error("the store cannot be written: {0}")]
    Unwritable(String),
}

/// What is known of bnpd's own state.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    ending: AtomicBool,
    store: tokio::sync::Mutex<Option<(Instant, Health)>>,
}

impl Platform {
    /// Whether bnpd can do its work.
    ///
    /// # Errors
    /// See [`NotReady`].
    pub async fn ready(&self) -> Result<(), NotReady> {
        if self.readiness().ending.load(Ordering::Acquire) {
            return Err(NotReady::Ending);
        }
        let Health { read, write } = self.store_state().await;
        read.map_err(|error| NotReady::Unreadable(error.to_string()))?;
        write.map_err(|error| NotReady::Unwritable(error.to_string()))
    }

    /// Tells whoever asks whether bnpd is ready that it is not, from now on.
    pub fn is_ending(&self) {
        self.readiness().ending.store(true, Ordering::Release);
    }

    /// Whether the store works, as seen within the last second; who asks meanwhile waits for the same look.
    pub(crate) async fn store_state(&self) -> Health {
        let mut known = self.readiness().store.lock().await;
        if let Some((at, health)) = known.as_ref()
            && at.elapsed() < KEPT
        {
            return health.clone();
        }
        let health = tokio::time::timeout(PATIENCE, self.store().health()).await.unwrap_or_else(|_| {
            let slow = || Err(bnna_store::Error::Busy { reason: format!("no answer within {PATIENCE:?}") });
            Health { read: slow(), write: slow() }
        });
        *known = Some((Instant::now(), health.clone()));
        health
    }
}
