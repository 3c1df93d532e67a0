//! Moving guests between the nodes of a cluster.

use serde::{Deserialize, Serialize};

use crate::state::Cluster;
use crate::storage::VolumeId;
use crate::tasks::{Context, End, NewTask, Plan};

use super::drive::{Drive, Mount};
use super::{GuestJob, GuestKind, OnGuest, Runtime, Section, options, volumes};

/// A guest to be moved.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MigrateJob {
    /// Which.
    pub on: OnGuest,
    /// Where to.
    pub target: String,
    /// It may run meanwhile (a container is restarted).
    pub online: bool,
    /// Volumes that only this node has may be copied while it runs.
    pub with_local_disks: bool,
    /// Where copied volumes go.
    pub target_storage: Option<String>,
}

impl MigrateJob {
    /// What the worker checks first. The guest is locked while it works.
    ///
    /// # Errors
    /// What it ends with.
    pub fn begin(self, cluster: &mut Cluster, node: &str) -> Result<Plan, String> {
        let OnGuest { kind, vmid } = self.on;
        let guest = cluster.guests.require(kind, node, vmid)?;
        guest.check_lock()?;
        let running = guest.is_running();
        let (label, target) = (kind.label(), self.target.clone());
        let Some(ip) = cluster.nodes.get(&target).filter(|node| node.online).map(|node| node.ip.clone()) else {
            return Err(
                "migration aborted (duration 00:00:00): Can't connect to destination address using public key".into()
            );
        };
        if kind == GuestKind::Lxc && running && !self.online {
            return Err(
                "migration aborted (duration 00:00:00): running container can only be migrated in restart mode".into(),
            );
        }
        let local = local_volumes(cluster, self.on, node);
        if running && kind == GuestKind::Qemu && !local.is_empty() && !self.with_local_disks {
            return Err(
                "Problem found while scanning volumes - can't live migrate attached local disks without with-local-disks option".into()
            );
        }
        let snapshots = cluster.guests.get(vmid).is_some_and(|guest| !guest.config.snapshots.is_empty());
        for id in &local {
            let storage = self.target_storage.as_deref().unwrap_or(&id.storage);
            cluster
                .storages
                .require_on(storage, &target)
                .map_err(|text| format!("migration aborted (duration 00:00:00): {text}"))?;
            let raw = cluster.storages.volume(id, node).is_some_and(|volume| volume.format == "raw");
            if snapshots && raw && !self.online {
                return Err(format!(
                    "Problem found while scanning volumes - can't migrate local disk '{id}': non-migratable snapshot exists"
                ));
            }
        }
        cluster.require_writable(kind, node, vmid)?;
        if let Some(guest) = cluster.guests.get_mut(vmid) {
            guest.config.set("lock", "migrate");
        }
        let mut log = vec![format!("starting migration of {label} {vmid} to node '{target}' ({ip})")];
        log.extend(local.iter().map(|id| format!("found local disk '{id}' (attached)")));
        let bytes: u64 =
            local.iter().filter_map(|id| cluster.storages.volume(id, node).map(|volume| volume.size)).sum();
        let base = if running && kind == GuestKind::Qemu { 6000 } else { 1500 };
        if running && kind == GuestKind::Qemu {
            let new = NewTask { node: &target, kind: "qmstart", id: &vmid.to_string(), user: "root@pam" };
            cluster.start_task(&new, |_| Ok(Plan::nothing()));
        }
        let mut plan = Plan::new(base + (bytes / (1 << 20)).min(600_000), GuestJob::Migrate(self));
        plan.log = log;
        Ok(plan)
    }

    pub(super) fn finish(self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<End, String> {
        let OnGuest { kind, vmid } = self.on;
        super::job::unlock(cluster, self.on);
        let node = context.node.as_str();
        let running = cluster.guests.require(kind, node, vmid)?.is_running();
        if !cluster.nodes.get(&self.target).is_some_and(|node| node.online) {
            return Err("migration aborted".into());
        }
        cluster.touch_guest(vmid, context.at_ms);
        for id in local_volumes(cluster, self.on, node) {
            let storage = self.target_storage.clone().unwrap_or_else(|| id.storage.clone());
            let moved = VolumeId::new(storage, &id.name);
            if let Some(volume) = cluster.storages.take(&id, node) {
                cluster.storages.put(&moved, &self.target, volume);
            }
            if moved != id
                && let Some(guest) = cluster.guests.get_mut(vmid)
            {
                rename(kind, &mut guest.config.current, &id, &moved);
                for snapshot in guest.config.snapshots.values_mut() {
                    rename(kind, snapshot, &id, &moved);
                }
            }
        }
        let pid = cluster.tasks.next_pid(&self.target);
        if let Some(guest) = cluster.guests.get_mut(vmid) {
            guest.node.clone_from(&self.target);
            guest.runtime = match (running, kind) {
                (false, _) => None,
                (true, GuestKind::Qemu) => guest.runtime.take().map(|runtime| Runtime { pid, ..runtime }),
                (true, GuestKind::Lxc) => Some(Runtime { pid, since_ms: context.at_ms, paused: false }),
            };
        }
        log.push("migration finished successfully".into());
        Ok(End::Ok)
    }
}

/// The volumes of a guest that only its node has.
#[must_use]
pub fn local_volumes(cluster: &Cluster, on: OnGuest, node: &str) -> Vec<VolumeId> {
    let Some(guest) = cluster.guests.get(on.vmid) else { return Vec::new() };
    let mut found: Vec<VolumeId> = Vec::new();
    for section in std::iter::once(&guest.config.current).chain(guest.config.snapshots.values()) {
        for (_, id) in volumes::owned(on.kind, section) {
            let shared = cluster.storages.get(&id.storage).is_none_or(|definition| definition.is_shared());
            if !shared && !found.contains(&id) && cluster.storages.volume(&id, node).is_some() {
                found.push(id);
            }
        }
    }
    found
}

fn rename(kind: GuestKind, section: &mut Section, from: &VolumeId, to: &VolumeId) {
    for (key, value) in section.iter_mut() {
        if key.starts_with("unused") && *value == from.to_string() {
            *value = to.to_string();
        } else if options::is_volume(kind, key) && volumes::volume_of(kind, value).as_ref() == Some(from) {
            *value = match kind {
                GuestKind::Qemu => {
                    let mut drive = Drive::parse(value);
                    drive.set_file(to.to_string());
                    drive.print()
                }
                GuestKind::Lxc => {
                    let mut mount = Mount::parse(value);
                    mount.set_volume(to.to_string());
                    mount.print()
                }
            };
        }
    }
}
