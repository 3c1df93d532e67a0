//! Work on storages that takes time: removing volumes, taking in uploads and downloads, pruning.

use serde::{Deserialize, Serialize};

use crate::backup::run;
use crate::guests::GuestKind;
use crate::state::Cluster;
use crate::tasks::{Context, End};

use super::prune::Policy;
use super::{Volume, VolumeId};

/// Work on a storage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageJob {
    /// Remove a volume.
    Remove {
        /// Which.
        id: VolumeId,
    },
    /// Put an uploaded file in its place.
    TakeIn {
        /// As this.
        id: VolumeId,
        /// This.
        volume: Box<Volume>,
        /// The temporary file, for the log.
        temporary: String,
    },
    /// Remove what a policy does not keep.
    Prune {
        /// Where.
        storage: String,
        /// The policy.
        policy: String,
        /// Only backups of this kind.
        kind: Option<GuestKind>,
        /// Only backups of this guest.
        vmid: Option<u32>,
    },
}

impl StorageJob {
    /// Does it.
    ///
    /// # Errors
    /// What the task ends with.
    pub fn finish(self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<End, String> {
        let node = context.node.as_str();
        match self {
            Self::Remove { id } => {
                if let Some(outcome) = cluster.forget_backup(&id) {
                    outcome?;
                }
                let path = cluster.storages.volume_path(&id);
                if cluster.storages.remove(&id, node)?.is_none() {
                    log.push(format!("disk image '{path}' does not exist"));
                }
                log.push(format!("Removed volume '{id}'"));
            }
            Self::TakeIn { id, volume, temporary } => {
                let path = cluster.storages.volume_path(&id);
                log.push(format!("target node: {node}"));
                log.push(format!("target file: {path}"));
                log.push(format!("file size is: {}", volume.size));
                if cluster.storages.usage(&id.storage, node).available < volume.size {
                    return Err(format!("import failed: command 'cp -- {temporary} {path}' failed: exit code 1"));
                }
                log.push(format!("command: cp -- {temporary} {path}"));
                cluster.storages.put(&id, node, *volume);
                log.push("finished file import successfully".into());
            }
            Self::Prune { storage, policy, kind, vmid } => {
                if let Some(Err(text)) = cluster.may_prune_backups(&storage) {
                    log.push(text);
                    return Err("error pruning backups - check log".into());
                }
                for id in run::doomed(cluster, &storage, node, Policy::parse(&policy), kind, vmid) {
                    if let Some(outcome) = cluster.forget_backup(&id) {
                        outcome?;
                    }
                    cluster.storages.remove(&id, node)?;
                    log.push(format!("removing backup '{id}'"));
                }
            }
        }
        Ok(End::Ok)
    }
}
