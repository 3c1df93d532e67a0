//! Resizing and moving the volumes of guests.

use serde::{Deserialize, Serialize};

use crate::state::Cluster;
use crate::storage::{NewVolume, VolumeId, transfer_lines};
use crate::tasks::{Context, End, Plan};

use super::drive::{Drive, Mount};
use super::{Guest, GuestJob, GuestKind, OnGuest, sizes, volumes};

/// What is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskAction {
    /// Make it bigger: to this size, or by this much.
    Resize {
        /// `1G` or `+1G`.
        size: String,
    },
    /// Move it to another storage or format.
    Move {
        /// There.
        storage: String,
        /// In this format.
        format: Option<String>,
        /// And remove the original.
        delete: bool,
    },
    /// Give it to another guest.
    Reassign {
        /// Whose it will be.
        target: u32,
        /// Under which key.
        target_key: String,
    },
}

/// Work on a volume of a guest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiskJob {
    /// Whose.
    pub on: OnGuest,
    /// Its key.
    pub key: String,
    /// What is done.
    pub action: DiskAction,
}

/// The size that a resize asks for.
///
/// # Errors
/// That disks do not shrink.
pub fn wanted_size(current: u64, size: &str) -> Result<u64, String> {
    let wanted = match size.strip_prefix('+') {
        Some(more) => current.saturating_add(sizes::parse(more).unwrap_or(0)),
        None => sizes::parse(size).unwrap_or(0),
    };
    let wanted = wanted.next_multiple_of(1024);
    if wanted < current { Err("shrinking disks is not supported".into()) } else { Ok(wanted) }
}

impl DiskJob {
    /// What the worker of a resize checks first.
    ///
    /// # Errors
    /// What it ends with.
    pub fn begin_resize(self, cluster: &mut Cluster, node: &str, digest: Option<&str>) -> Result<Plan, String> {
        let guest = cluster.guests.require(self.on.kind, node, self.on.vmid)?;
        if digest.is_some_and(|sent| !sent.is_empty() && sent != guest.config.digest()) {
            return Err("checksum mismatch (file change by other user?)".into());
        }
        guest.check_lock()?;
        let DiskAction::Resize { size } = &self.action else { return Ok(Plan::nothing()) };
        let value = guest.config.get(&self.key).ok_or_else(|| format!("disk '{}' does not exist", self.key))?;
        let id = volume_or_error(guest.kind, value)?;
        let volume = cluster.storages.volume(&id, node).ok_or_else(|| format!("volume '{id}' does not exist"))?;
        let wanted = wanted_size(volume.size, size)?;
        if cluster.storages.parse(&id).is_ok_and(|name| name.is_base) && wanted != volume.size {
            let path = cluster.storages.volume_path(&id);
            let preallocation = if volume.format == "raw" { "off" } else { "metadata" };
            return Err(format!(
                "command '/usr/bin/qemu-img resize '--preallocation={preallocation}' -f {} {path} {wanted}' failed: exit code 1",
                volume.format
            ));
        }
        cluster.require_writable(self.on.kind, node, self.on.vmid)?;
        let plan = Plan::new(200, GuestJob::Disk(self));
        Ok(if wanted == volume_size(cluster, &id, node) { plan } else { plan.line("Image resized.") })
    }

    /// Locks the guest and plans a move.
    ///
    /// # Errors
    /// What the worker ends with.
    pub fn begin_move(self, cluster: &mut Cluster, node: &str) -> Result<Plan, String> {
        let guest = cluster.guests.require_mut(self.on.kind, node, self.on.vmid)?;
        guest.check_lock()?;
        if guest.kind == GuestKind::Lxc {
            guest.config.set("lock", "disk");
        }
        let value = guest.config.get(&self.key).unwrap_or_default().to_owned();
        let id = volume_or_error(self.on.kind, &value)?;
        let bytes = volume_size(cluster, &id, node);
        let millis = match self.action {
            DiskAction::Move { .. } => 200 + (bytes / (2 << 20)).min(600_000),
            _ => 150,
        };
        let key = self.key.clone();
        let plan = Plan::new(millis, GuestJob::Disk(self));
        Ok(plan.line(format!("create full clone of drive {key} ({id})")))
    }

    pub(super) fn finish(self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<End, String> {
        let on = self.on;
        if on.kind == GuestKind::Lxc {
            super::job::unlock(cluster, on);
        }
        cluster.touch_guest(on.vmid, context.at_ms);
        let node = context.node.as_str();
        let guest = cluster.guests.require(on.kind, node, on.vmid)?;
        let value = guest
            .config
            .get(&self.key)
            .map(str::to_owned)
            .ok_or_else(|| format!("disk '{}' does not exist", self.key))?;
        let id = volume_or_error(on.kind, &value)?;
        match &self.action {
            DiskAction::Resize { size } => {
                let wanted = wanted_size(volume_size(cluster, &id, node), size)?;
                if let Some(volume) = cluster.storages.volume_mut(&id, node) {
                    volume.size = wanted;
                }
                let guest = cluster.guests.require_mut(on.kind, node, on.vmid)?;
                set_volume(guest, &self.key, None, wanted);
            }
            DiskAction::Move { storage, format, delete } => {
                let original = cluster
                    .storages
                    .volume(&id, node)
                    .cloned()
                    .ok_or_else(|| format!("volume '{id}' does not exist"))?;
                let supported =
                    cluster.storages.require_on(storage, node)?.storage_type().map_or(&[][..], |kind| kind.formats);
                let format = format.as_deref().unwrap_or(&original.format);
                let copy = cluster.storages.allocate(&NewVolume {
                    storage,
                    node,
                    vmid: on.vmid,
                    prefix: if format == "subvol" { "subvol" } else { "vm" },
                    format: supported.contains(&format).then_some(format),
                    size: original.size,
                    bootable: original.bootable,
                    now: context.now(),
                })?;
                log.push(cluster.storages.formatting_line(&copy, node));
                log.extend(transfer_lines(original.size));
                let guest = cluster.guests.require_mut(on.kind, node, on.vmid)?;
                set_volume(guest, &self.key, Some(&copy), original.size);
                if *delete {
                    cluster.storages.remove(&id, node)?;
                } else {
                    volumes::keep_as_unused(on.kind, &mut guest.config, on.vmid, &value);
                }
            }
            DiskAction::Reassign { target, target_key } => {
                let to = Place { vmid: *target, key: target_key };
                self.reassign(cluster, node, (&id, &value), to, log)?;
            }
        }
        Ok(End::Ok)
    }

    /// Gives a volume (and its option's value) to another guest.
    fn reassign(
        &self,
        cluster: &mut Cluster,
        node: &str,
        (id, value): (&VolumeId, &str),
        to: Place<'_>,
        log: &mut Vec<String>,
    ) -> Result<(), String> {
        let on = self.on;
        let Place { vmid: target, key: target_key } = to;
        let volume =
            cluster.storages.volume(id, node).cloned().ok_or_else(|| format!("volume '{id}' does not exist"))?;
        let label = on.kind.label();
        log.push(format!("moving disk '{}' from {label} '{}' to '{target}'", self.key, on.vmid));
        let renamed = cluster.storages.allocate(&NewVolume {
            storage: &id.storage,
            node,
            vmid: target,
            prefix: "vm",
            format: Some(&volume.format),
            size: volume.size,
            bootable: volume.bootable,
            now: volume.ctime,
        })?;
        cluster.storages.take(id, node);
        let mut renamed_volume = volume.clone();
        renamed_volume.vmid = Some(target);
        cluster.storages.put(&renamed, node, renamed_volume);
        log.push(format!("removing disk '{}' from {label} '{}' config", self.key, on.vmid));
        if let Some(guest) = cluster.guests.get_mut(on.vmid) {
            guest.config.remove(&self.key);
        }
        let guest = cluster.guests.require_mut(on.kind, node, target)?;
        guest.config.set(target_key, value);
        set_volume(guest, target_key, Some(&renamed), volume.size);
        let stored = guest.config.get(target_key).unwrap_or_default();
        log.push(format!("update {label} {target}: -{target_key} {stored}"));
        Ok(())
    }
}

/// An option of a guest.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    vmid: u32,
    key: &'a str,
}

fn volume_size(cluster: &Cluster, id: &VolumeId, node: &str) -> u64 {
    cluster.storages.volume(id, node).map_or(0, |volume| volume.size)
}

fn volume_or_error(kind: GuestKind, value: &str) -> Result<VolumeId, String> {
    volumes::volume_of(kind, value).ok_or_else(|| {
        let text = match kind {
            GuestKind::Qemu => Drive::parse(value).file().to_owned(),
            GuestKind::Lxc => Mount::parse(value).volume_text().to_owned(),
        };
        format!("unable to parse volume ID '{text}'")
    })
}

/// Notes the volume (if it changed) and size of a drive or mount point.
fn set_volume(guest: &mut Guest, key: &str, id: Option<&VolumeId>, size: u64) {
    let value = guest.config.get(key).unwrap_or_default().to_owned();
    let size = sizes::format(size);
    let value = match guest.kind {
        GuestKind::Qemu => {
            let mut drive = Drive::parse(&value);
            if let Some(id) = id {
                drive.set_file(id.to_string());
            }
            drive.set("size", size);
            drive.print()
        }
        GuestKind::Lxc => {
            let mut mount = Mount::parse(&value);
            if let Some(id) = id {
                mount.set_volume(id.to_string());
            }
            mount.set("size", size);
            mount.print()
        }
    };
    guest.config.set(key, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_grow_and_never_shrink() {
        assert_eq!(wanted_size(53_687_296, "+10M"), Ok(64_173_056));
        assert_eq!(wanted_size(1 << 30, "+0"), Ok(1 << 30));
        assert_eq!(wanted_size(1 << 30, "10M"), Err("shrinking disks is not supported".into()));
        assert_eq!(wanted_size(1 << 30, "1.5G"), Ok(3 << 29));
    }
}
