//! What a task does when its time is over.

use serde::{Deserialize, Serialize};

use crate::backup::{BackupJob, RestoreJob};
use crate::guests::GuestJob;
use crate::state::Cluster;
use crate::state::ceph::CephJob;
use crate::storage::job::StorageJob;

/// The circumstances of a task.
#[derive(Debug, Clone)]
pub struct Context {
    /// The node that runs it.
    pub node: String,
    /// Who started it, token and all.
    pub user: String,
    /// Its process.
    pub pid: u32,
    /// The end of its time, Unix milliseconds.
    pub at_ms: i64,
}

impl Context {
    /// The end of its time, Unix seconds.
    #[must_use]
    pub const fn now(&self) -> i64 {
        self.at_ms.div_euclid(1000)
    }
}

/// How a task that did not fail ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Well.
    Ok,
    /// With this many warnings, which counts as success.
    Warnings(u32),
    /// Without a last word; this is what the server makes of it.
    Died(String),
}

/// Work.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// None.
    Nothing,
    /// The worker failed right away.
    Fail(String),
    /// A fault was injected: this ending instead of the work.
    Instead {
        /// Exit status.
        status: String,
        /// Whether the log says so.
        log: bool,
        /// The work that is not done.
        of: Box<Work>,
    },
    /// On a guest.
    Guest(Box<GuestJob>),
    /// On a storage.
    Storage(Box<StorageJob>),
    /// A backup run.
    Backup(Box<BackupJob>),
    /// A restore.
    Restore(Box<RestoreJob>),
    /// On Ceph.
    Ceph(CephJob),
}

impl From<GuestJob> for Work {
    fn from(job: GuestJob) -> Self {
        Self::Guest(Box::new(job))
    }
}

impl From<StorageJob> for Work {
    fn from(job: StorageJob) -> Self {
        Self::Storage(Box::new(job))
    }
}

impl From<CephJob> for Work {
    fn from(job: CephJob) -> Self {
        Self::Ceph(job)
    }
}

impl From<BackupJob> for Work {
    fn from(job: BackupJob) -> Self {
        Self::Backup(Box::new(job))
    }
}

impl From<RestoreJob> for Work {
    fn from(job: RestoreJob) -> Self {
        Self::Restore(Box::new(job))
    }
}

impl Work {
    /// Whether its time follows from that of other tasks.
    #[must_use]
    pub fn waits_for_others(&self) -> bool {
        matches!(self, Self::Guest(job) if job.is_bulk())
    }

    /// Does it.
    ///
    /// # Errors
    /// What the task ends with.
    pub fn finish(self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<End, String> {
        match self {
            Self::Nothing => Ok(End::Ok),
            Self::Fail(text) => Err(text),
            Self::Instead { status, log, of } => {
                of.abort(cluster);
                if log { Err(status) } else { Ok(End::Died(status)) }
            }
            Self::Guest(job) => job.finish(cluster, context, log),
            Self::Storage(job) => job.finish(cluster, context, log),
            Self::Backup(job) => job.finish(cluster, context, log),
            Self::Restore(job) => job.finish(cluster, context, log),
            Self::Ceph(job) => job.finish(cluster, context, log),
        }
    }

    /// Leaves it, and takes back what was prepared for it.
    pub fn abort(self, cluster: &mut Cluster) {
        match self {
            Self::Nothing | Self::Fail(_) | Self::Storage(_) | Self::Ceph(_) => {}
            Self::Instead { of, .. } => of.abort(cluster),
            Self::Guest(job) => job.abort(cluster),
            Self::Backup(job) => job.abort(cluster),
            Self::Restore(job) => job.abort(cluster),
        }
    }
}
