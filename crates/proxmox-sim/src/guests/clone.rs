//! Copies of guests: full ones, and linked ones that share a base image.

use serde::{Deserialize, Serialize};

use crate::state::Cluster;
use crate::storage::{NewVolume, VolumeId, transfer_lines};
use crate::tasks::{Context, End, Plan};

use super::drive::{Drive, Mount};
use super::nic::{LxcNic, QemuNic, random_mac};
use super::property::Property;
use super::{GuestConfig, GuestJob, GuestKind, OnGuest, Section, options, volumes};

/// Keys that a copy does not take over.
const NOT_COPIED: &[&str] = &["lock", "parent", "snaptime", "snapstate", "vmstate", "template", "vmgenid", "digest"];

/// Bytes that are copied in a millisecond.
const SPEED: u64 = 2 << 20;

/// A copy to be made. The new guest's configuration file is there already, locked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CloneJob {
    /// Of which guest.
    pub source: OnGuest,
    /// Its number.
    pub newid: u32,
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// From this snapshot.
    pub snapshot: Option<String>,
    /// Copy the images, do not link them.
    pub full: bool,
    /// Images go here.
    pub storage: Option<String>,
    /// Images get this format.
    pub format: Option<String>,
    /// On this node.
    pub target: Option<String>,
    /// In this pool.
    pub pool: Option<String>,
}

/// Whether a linked clone of a volume is possible: it is a base, on a storage that can do it for this kind of guest.
#[must_use]
pub fn linked_clone_possible(cluster: &Cluster, id: &VolumeId, node: &str, kind: GuestKind) -> bool {
    let Ok(name) = cluster.storages.parse(id) else { return false };
    if !name.is_base || cluster.storages.volume(id, node).is_none() {
        return false;
    }
    match cluster.storages.get(&id.storage).map(|definition| definition.kind).as_deref() {
        Some("zfspool" | "lvmthin" | "rbd" | "zfs" | "btrfs") => true,
        Some("dir" | "nfs" | "cifs") => kind == GuestKind::Qemu,
        _ => false,
    }
}

impl CloneJob {
    /// The section that is copied.
    fn source_section(&self, cluster: &Cluster, node: &str) -> Result<Section, String> {
        let guest = cluster.guests.require(self.source.kind, node, self.source.vmid)?;
        match &self.snapshot {
            None => Ok(guest.config.current.clone()),
            Some(name) => {
                guest.config.snapshots.get(name).cloned().ok_or_else(|| format!("snapshot '{name}' does not exist"))
            }
        }
    }

    /// Takes the number and plans the copying.
    ///
    /// # Errors
    /// What the worker ends with.
    pub fn begin(self, cluster: &mut Cluster, node: &str) -> Result<Plan, String> {
        let section = self.source_section(cluster, node)?;
        let bytes: u64 = if self.full {
            volumes::owned(self.source.kind, &section)
                .iter()
                .filter(|(key, _)| !key.starts_with("unused"))
                .filter_map(|(_, id)| cluster.storages.volume(id, node).map(|volume| volume.size))
                .sum()
        } else {
            0
        };
        let now = cluster.clock.now_ms();
        let config = GuestConfig::new(Section::from([("lock".into(), "clone".into())]));
        cluster.add_guest(self.newid, self.source.kind, node, config, now);
        Ok(Plan::new(200 + (bytes / SPEED).min(600_000), GuestJob::Clone(self)))
    }

    pub(super) fn finish(self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<End, String> {
        let node = context.node.clone();
        let made = self.make(cluster, context, log);
        let section = match made {
            Ok(section) => section,
            Err(text) => {
                cluster.guests.remove(self.newid);
                return Err(format!("clone failed: {text}"));
            }
        };
        let kind = self.source.kind;
        let node = self.target.clone().unwrap_or(node);
        cluster.add_guest(self.newid, kind, &node, GuestConfig::new(section), context.at_ms);
        cluster.join_pool(self.newid, self.pool.as_deref());
        Ok(End::Ok)
    }

    fn make(&self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<Section, String> {
        let kind = self.source.kind;
        let source = self.source_section(cluster, &context.node)?;
        let mut section = Section::new();
        for (key, value) in &source {
            if NOT_COPIED.contains(&key.as_str()) || key.starts_with("unused") {
                continue;
            }
            let value = if options::is_volume(kind, key) {
                self.copy_volume(cluster, context, key, value, log)?
            } else if options::numbered(key).is_some_and(|(family, _)| family == "net") {
                with_new_mac(kind, value)
            } else {
                value.clone()
            };
            section.insert(key.clone(), value);
        }
        match kind {
            GuestKind::Qemu => {
                let name = self.name.clone().unwrap_or_else(|| match source.get("name") {
                    Some(name) => format!("Copy-of-VM-{name}"),
                    None => format!("Copy-of-VM-{}", self.source.vmid),
                });
                section.insert("name".into(), name);
                section.insert("vmgenid".into(), uuid::Uuid::new_v4().to_string());
                let mut smbios = Property::parse(section.get("smbios1").map_or("", String::as_str), "");
                smbios.set("uuid", uuid::Uuid::new_v4().to_string());
                section.insert("smbios1".into(), smbios.print("", &["uuid"]));
            }
            GuestKind::Lxc => {
                if let Some(name) = &self.name {
                    section.insert("hostname".into(), name.clone());
                }
            }
        }
        if self.snapshot.is_some() {
            section.remove("description");
        }
        if let Some(description) = &self.description {
            section.insert("description".into(), description.clone());
        }
        Ok(section)
    }

    fn copy_volume(
        &self,
        cluster: &mut Cluster,
        context: &Context,
        key: &str,
        value: &str,
        log: &mut Vec<String>,
    ) -> Result<String, String> {
        let kind = self.source.kind;
        if kind == GuestKind::Qemu && Drive::parse(value).is_cdrom() {
            return Ok(value.to_owned());
        }
        let Some(id) = volumes::volume_of(kind, value) else { return Ok(value.to_owned()) };
        let node = context.node.as_str();
        let original =
            cluster.storages.volume(&id, node).cloned().ok_or_else(|| format!("volume '{id}' does not exist"))?;
        let linked = !self.full && linked_clone_possible(cluster, &id, node, kind);
        let what = if kind == GuestKind::Qemu { "drive" } else { "mountpoint" };
        log.push(format!("create {} clone of {what} {key} ({id})", if linked { "linked" } else { "full" }));
        let copy = if linked {
            let copy = linked_name(cluster, &id, self.newid);
            let mut volume = original.clone();
            volume.vmid = Some(self.newid);
            volume.ctime = context.now();
            volume.parent = Some(format!("../{}", id.name));
            volume.format = if original.format == "raw" && copy.name.ends_with(".qcow2") {
                "qcow2".into()
            } else {
                original.format
            };
            cluster.storages.put(&copy, node, volume);
            copy
        } else {
            let storage = self.storage.as_deref().unwrap_or(&id.storage);
            let definition = cluster.storages.require_on(storage, node)?;
            let supported = definition.storage_type().map_or(&[][..], |kind| kind.formats);
            let format = self.format.as_deref().unwrap_or(&original.format);
            let prefix = if format == "subvol" { "subvol" } else { "vm" };
            let copy = cluster.storages.allocate(&NewVolume {
                storage,
                node,
                vmid: self.newid,
                prefix,
                format: supported.contains(&format).then_some(format),
                size: original.size,
                bootable: original.bootable,
                now: context.now(),
            })?;
            log.push(cluster.storages.formatting_line(&copy, node));
            log.extend(transfer_lines(original.size));
            copy
        };
        Ok(match kind {
            GuestKind::Qemu => {
                let mut drive = Drive::parse(value);
                drive.set_file(copy.to_string());
                drive.set("size", super::sizes::format(original.size));
                drive.print()
            }
            GuestKind::Lxc => {
                let mut mount = Mount::parse(value);
                mount.set_volume(copy.to_string());
                mount.print()
            }
        })
    }

    pub(super) fn abort(self, cluster: &mut Cluster) {
        cluster.guests.remove(self.newid);
    }
}

/// The id of a linked clone: on directories it names its base.
fn linked_name(cluster: &Cluster, base: &VolumeId, newid: u32) -> VolumeId {
    let file = base.name.rsplit('/').next().unwrap_or_default();
    let number = file.rsplit_once("-disk-").map_or("0", |(_, tail)| tail.split('.').next().unwrap_or("0"));
    match cluster.storages.get(&base.storage).map(|definition| definition.kind).as_deref() {
        Some("dir" | "nfs" | "cifs" | "btrfs") => {
            VolumeId::new(&base.storage, format!("{}/{newid}/vm-{newid}-disk-{number}.qcow2", base.name))
        }
        Some("lvmthin") => VolumeId::new(&base.storage, format!("vm-{newid}-disk-{number}")),
        _ => VolumeId::new(&base.storage, format!("{}/vm-{newid}-disk-{number}", base.name)),
    }
}

fn with_new_mac(kind: GuestKind, value: &str) -> String {
    match kind {
        GuestKind::Qemu => {
            let mut nic = QemuNic::parse(value);
            nic.mac = Some(random_mac());
            nic.print()
        }
        GuestKind::Lxc => {
            let mut nic = LxcNic::parse(value);
            nic.set_mac(random_mac());
            nic.print()
        }
    }
}
