//! Dry runs: a platform over a copy of the store and over clusters on which changes are only written down. Every use case runs on
//! it as it is, with the same refusals, and nothing reaches the store or a cluster but reads.
//!
//! What Proxmox itself would refuse at a change (a right that bnpd lacks, a disk that is full) a rehearsal cannot know.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Platform;
use crate::clusters::Script;
use crate::error::Error;
use crate::views::DryRun;

/// How many dry runs there are at once: each holds a copy of the store's tenancy in memory.
const AT_ONCE: usize = 4;

/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The turns of dry runs.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// A platform on which everything is only tried.
#[derive(Debug)]
pub struct Rehearsal {
    platform: Platform,
    script: Arc<Script>,
    _turn: OwnedSemaphorePermit,
}

impl Platform {
    /// Sets up a rehearsal of what is there now.
    ///
    /// # Errors
    /// The store cannot be read, or there are too many rehearsals at once.
    pub async fn rehearse(&self) -> Result<Rehearsal, Error> {
        let busy = || bnna_store::Error::Busy { reason: "too many dry runs at once; try again".to_owned() };
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.rehearsals().0).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or_else(busy)?;
        let script = Arc::new(Script::default());
        let platform = self.on_stage(self.store().rehearsal().await?, &script)?;
        Ok(Rehearsal { platform, script, _turn: turn })
    }
}

impl Rehearsal {
    /// The platform to try things on.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// What was tried, and would have been done. `status` is what the call was answered with.
    ///
    /// # Errors
    /// The copy of the store cannot be read.
    pub async fn would(self, status: u16) -> Result<DryRun, Error> {
        self.platform.engine().abort().await;
        let changes = self.platform.store().read(bnna_store::rehearsal::changes).await?;
        Ok(DryRun::new(status, &self.script.lines(), &changes))
    }
}
