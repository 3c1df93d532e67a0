//! Removing guests: their volumes, their rights, their places in pools and jobs.

use serde::{Deserialize, Serialize};

use crate::state::Cluster;
use crate::tasks::{Context, End};

use super::{GuestKind, OnGuest, volumes};

/// A guest to be removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DestroyJob {
    /// Which.
    pub on: OnGuest,
    /// Also out of backup jobs, replication and high availability.
    pub purge: bool,
    /// Also volumes that its configuration does not name.
    pub unreferenced: bool,
    /// Stop a running container first.
    pub force: bool,
}

impl DestroyJob {
    pub(super) fn finish(self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<End, String> {
        let OnGuest { kind, vmid } = self.on;
        cluster.require_writable(kind, &context.node, vmid)?;
        let guest = cluster.guests.require(kind, &context.node, vmid)?.clone();
        guest.check_lock()?;
        if guest.is_running() {
            if !self.force {
                return Err(match kind {
                    GuestKind::Qemu => format!("VM {vmid} is running - destroy failed"),
                    GuestKind::Lxc => format!("unable to destroy CT {vmid} - container is running"),
                });
            }
            log.push(format!("forced to stop CT {vmid} before destroying!"));
        }
        let mut sections = vec![&guest.config.current];
        sections.extend(guest.config.snapshots.values());
        let mut gone = Vec::new();
        for section in sections {
            for (_, id) in volumes::owned(kind, section) {
                if gone.contains(&id) || !volumes::belongs_to(&id, vmid) {
                    continue;
                }
                cluster.storages.require(&id.storage)?;
                match cluster.storages.remove(&id, &context.node) {
                    Ok(None) => log.push(format!("disk image '{}' does not exist", cluster.storages.volume_path(&id))),
                    Ok(Some(_)) => {}
                    Err(text) => log.push(format!("Could not remove disk '{id}', check manually: {text}")),
                }
                gone.push(id);
            }
        }
        if self.unreferenced {
            for id in unreferenced(cluster, &context.node, vmid) {
                let _ = cluster.storages.remove(&id, &context.node);
            }
        }
        cluster.guests.remove(vmid);
        cluster.forget_guest(vmid);
        if self.purge {
            if let Some((sid, _)) = cluster.sections.ha_resource_of(vmid) {
                cluster.sections.purge_ha(&sid);
            }
            cluster.sections.purge_backup_jobs(vmid);
            log.push(format!("purging {} {vmid} from related configurations..", kind.label()));
        }
        Ok(End::Ok)
    }
}

/// Images on storages that bear the number and that no configuration names.
fn unreferenced(cluster: &Cluster, node: &str, vmid: u32) -> Vec<crate::storage::VolumeId> {
    cluster
        .storages
        .all()
        .iter()
        .filter(|(_, definition)| definition.allows_node(node) && !definition.is_disabled())
        .flat_map(|(id, _)| cluster.storages.list(id, node))
        .filter(|(id, volume)| volume.content == "images" && volume.vmid == Some(vmid) && volumes::belongs_to(id, vmid))
        .map(|(id, _)| id)
        .collect()
}

impl Cluster {
    /// Takes a removed guest out of its pool, its rights out of the access list and its firewall away.
    pub fn forget_guest(&mut self, vmid: u32) {
        for pool in self.pools.values_mut() {
            pool.vms.remove(&vmid);
        }
        self.firewall.guests.remove(&vmid);
        self.access.acl.remove(&format!("/vms/{vmid}"));
        self.rights_changed();
    }
}
