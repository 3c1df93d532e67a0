//! Work on guests that takes time: the list of what there is, and where each is done.

use serde::{Deserialize, Serialize};

use crate::state::Cluster;
use crate::tasks::{Context, End};

use super::clone::CloneJob;
use super::create::CreateJob;
use super::destroy::DestroyJob;
use super::disk::DiskJob;
use super::migrate::MigrateJob;
use super::power::{BulkJob, PowerJob};
use super::snapshot::SnapshotJob;
use super::{GuestKind, Section, change, template};

/// Which guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnGuest {
    /// What it is.
    pub kind: GuestKind,
    /// Its number.
    pub vmid: u32,
}

/// Work on a guest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuestJob {
    /// Make a new one.
    Create(CreateJob),
    /// Remove one.
    Destroy(DestroyJob),
    /// Start, stop and the like.
    Power(PowerJob),
    /// The same for several guests.
    Bulk(BulkJob),
    /// Copy one.
    Clone(CloneJob),
    /// Make a template of one.
    Template {
        /// Which.
        on: OnGuest,
        /// Only this disk.
        disk: Option<String>,
    },
    /// Take, remove or go back to a snapshot.
    Snapshot(SnapshotJob),
    /// Resize or move a volume.
    Disk(DiskJob),
    /// Move it to another node.
    Migrate(MigrateJob),
    /// Change its configuration in the background.
    Change {
        /// Which.
        on: OnGuest,
        /// What.
        change: change::Change,
    },
}

impl GuestJob {
    /// Whether it waits for tasks of its own.
    #[must_use]
    pub const fn is_bulk(&self) -> bool {
        matches!(self, Self::Bulk(_))
    }

    /// Does it.
    ///
    /// # Errors
    /// What the task ends with.
    pub fn finish(self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<End, String> {
        match self {
            Self::Create(job) => job.finish(cluster, context, log),
            Self::Destroy(job) => job.finish(cluster, context, log),
            Self::Power(job) => job.finish(cluster, context, log),
            Self::Bulk(job) => job.finish(cluster, context, log),
            Self::Clone(job) => job.finish(cluster, context, log),
            Self::Template { on, disk } => {
                template::convert(cluster, on, &context.node, disk.as_deref(), context.at_ms)
            }
            Self::Snapshot(job) => job.finish(cluster, context, log),
            Self::Disk(job) => job.finish(cluster, context, log),
            Self::Migrate(job) => job.finish(cluster, context, log),
            Self::Change { on, change } => {
                change::apply(cluster, on, &context.node, &change, context.at_ms, log).map_err(|error| error.text())?;
                Ok(End::Ok)
            }
        }
    }

    /// Takes back what was prepared for it.
    pub fn abort(self, cluster: &mut Cluster) {
        match self {
            Self::Create(job) => job.abort(cluster),
            Self::Clone(job) => job.abort(cluster),
            Self::Snapshot(job) => unlock(cluster, job.on),
            Self::Disk(job) => unlock(cluster, job.on),
            Self::Migrate(job) => unlock(cluster, job.on),
            Self::Destroy(_) | Self::Power(_) | Self::Bulk(_) | Self::Template { .. } | Self::Change { .. } => {}
        }
    }
}

/// Takes a guest's lock away.
pub(super) fn unlock(cluster: &mut Cluster, on: OnGuest) {
    if let Some(guest) = cluster.guests.get_mut(on.vmid) {
        guest.config.remove("lock");
    }
}

/// The values of a section that name volumes.
#[must_use]
pub(super) fn volume_entries(kind: GuestKind, section: &Section) -> Section {
    section
        .iter()
        .filter(|(key, _)| super::options::is_volume(kind, key))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}
