//! Guests made from backup archives.

use serde::{Deserialize, Serialize};

use crate::guests::config::parse_section;
use crate::guests::drive::{Drive, Mount};
use crate::guests::nic::{LxcNic, QemuNic, random_mac};
use crate::guests::{GuestConfig, GuestKind, OnGuest, Section, options, power, sizes, volumes};
use crate::state::Cluster;
use crate::storage::{NewVolume, VolumeId};
use crate::tasks::{Context, End, Plan, Work};

/// A guest to be made from an archive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreJob {
    /// Which guest it will be.
    pub on: OnGuest,
    /// From this archive.
    pub archive: String,
    /// Volumes go here; where they came from when `None`.
    pub storage: Option<String>,
    /// What the call itself said about the configuration.
    pub overrides: Section,
    /// New hardware addresses.
    pub unique: bool,
    /// Over an existing guest, which goes away.
    pub replaces: bool,
    /// In this pool.
    pub pool: Option<String>,
    /// Start it afterwards.
    pub start: bool,
}

impl RestoreJob {
    /// Finds the archive and takes the number.
    ///
    /// # Errors
    /// What the worker ends with.
    pub fn begin(self, cluster: &mut Cluster, node: &str) -> Result<Plan, String> {
        let headline = format!("recovering backed-up configuration from '{}'", self.archive);
        let bytes = self.archive_volume(cluster, node).map_or(0, |(_, bytes)| bytes);
        if !self.replaces {
            cluster.reserve_guest(self.on, node).map_err(|text| self.failure(&text))?;
        } else if let Some(guest) = cluster.guests.get_mut(self.on.vmid) {
            guest.config.set("lock", "create");
        }
        Ok(Plan::new(300 + (bytes / (2 << 20)).min(600_000), Work::Restore(Box::new(self))).line(headline))
    }

    fn failure(&self, text: &str) -> String {
        format!("unable to restore {} {} - {text}", self.on.kind.label(), self.on.vmid)
    }

    fn archive_volume(&self, cluster: &Cluster, node: &str) -> Result<(crate::storage::Archive, u64), String> {
        let missing = || format!("volume '{}' does not exist", self.archive);
        let id = VolumeId::parse(&self.archive).ok_or_else(missing)?;
        let volume = cluster.storages.volume(&id, node).ok_or_else(missing)?;
        let archive =
            volume.archive.clone().ok_or_else(|| format!("unable to extract configuration from '{}'", self.archive))?;
        Ok((archive, volume.size))
    }

    pub(crate) fn finish(self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<End, String> {
        let made = self.make(cluster, context, log);
        let section = match made {
            Ok(section) => section,
            Err(text) => {
                let failure = self.failure(&text);
                self.abort(cluster);
                return Err(failure);
            }
        };
        let old = cluster.guests.remove(self.on.vmid).filter(|_| self.replaces);
        if let Some(old) = old {
            for (_, id) in volumes::owned(old.kind, &old.config.current) {
                if volumes::belongs_to(&id, self.on.vmid) {
                    let _ = cluster.storages.remove(&id, &context.node);
                }
            }
        }
        cluster.add_guest(self.on.vmid, self.on.kind, &context.node, GuestConfig::new(section), context.at_ms);
        cluster.join_pool(self.on.vmid, self.pool.as_deref());
        log.push("merging backed-up and given configuration..".into());
        if self.start {
            power::switch_on(cluster, self.on, &context.node, context.at_ms)?;
        }
        Ok(End::Ok)
    }

    fn make(&self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<Section, String> {
        let node = context.node.as_str();
        // A server is asked for the configuration, the index and the content, one after the other.
        for _ in 0..3 {
            if let Some(outcome) = VolumeId::parse(&self.archive).and_then(|id| cluster.read_backup(&id)) {
                outcome?;
            }
        }
        let (archive, _) = self.archive_volume(cluster, node)?;
        if archive.kind != self.on.kind {
            return Err(format!("'{}' is no backup of a {}", self.archive, self.on.kind.label()));
        }
        let mut section = parse_section(&archive.config);
        for (key, value) in section.clone() {
            if key.starts_with("unused") {
                section.remove(&key);
            } else if options::is_volume(self.on.kind, &key) {
                let value = self.restore_volume(cluster, context, &key, &value, &archive, log)?;
                section.insert(key, value);
            } else if self.unique && options::numbered(&key).is_some_and(|(family, _)| family == "net") {
                section.insert(key, renewed(self.on.kind, &value));
            }
        }
        if self.unique && self.on.kind == GuestKind::Qemu {
            section.insert("vmgenid".into(), uuid::Uuid::new_v4().to_string());
        }
        section.extend(self.overrides.clone());
        Ok(section)
    }

    fn restore_volume(
        &self,
        cluster: &mut Cluster,
        context: &Context,
        key: &str,
        value: &str,
        archive: &crate::storage::Archive,
        log: &mut Vec<String>,
    ) -> Result<String, String> {
        let Some((size, bootable)) = archive.volumes.get(key).copied() else { return Ok(value.to_owned()) };
        let old = volumes::volume_of(self.on.kind, value);
        let storage = self
            .storage
            .clone()
            .or_else(|| old.as_ref().map(|id| id.storage.clone()))
            .unwrap_or_else(|| "local".into());
        let format = old.and_then(|id| id.name.rsplit_once('.').map(|(_, format)| format.to_owned()));
        let supported =
            cluster.storages.require_on(&storage, &context.node)?.storage_type().map_or(&[][..], |kind| kind.formats);
        let id = cluster.storages.allocate(&NewVolume {
            storage: &storage,
            node: &context.node,
            vmid: self.on.vmid,
            prefix: if format.as_deref() == Some("subvol") { "subvol" } else { "vm" },
            format: format.as_deref().filter(|format| supported.contains(format)),
            size,
            bootable,
            now: context.now(),
        })?;
        log.push(cluster.storages.formatting_line(&id, &context.node));
        Ok(match self.on.kind {
            GuestKind::Qemu => {
                let mut drive = Drive::parse(value);
                drive.set_file(id.to_string());
                drive.set("size", sizes::format(size));
                drive.print()
            }
            GuestKind::Lxc => {
                let mut mount = Mount::parse(value);
                mount.set_volume(id.to_string());
                mount.set("size", sizes::format(size));
                mount.print()
            }
        })
    }

    pub(crate) fn abort(self, cluster: &mut Cluster) {
        if !self.replaces {
            cluster.guests.remove(self.on.vmid);
        } else if let Some(guest) = cluster.guests.get_mut(self.on.vmid) {
            guest.config.remove("lock");
        }
    }
}

fn renewed(kind: GuestKind, value: &str) -> String {
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
