//! New guests: what is filled in, and what the worker makes.

use serde::{Deserialize, Serialize};

use crate::state::Cluster;
use crate::storage::VolumeId;
use crate::tasks::{Context, End};

use super::drive::Drive;
use super::volumes::{self, Owner};
use super::{GuestConfig, GuestKind, OnGuest, Section, options, power};

/// A guest to be made. Its configuration file is there already, locked, so that nobody takes the number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateJob {
    /// Which.
    pub on: OnGuest,
    /// Everything it is to have, volumes as asked for.
    pub wanted: Section,
    /// Where volumes go for which no storage is named.
    pub storage: Option<String>,
    /// The template of a container.
    pub template: Option<String>,
    /// The pool it goes into.
    pub pool: Option<String>,
    /// Start it afterwards.
    pub start: bool,
}

impl Cluster {
    /// Takes a VMID for a guest to be made: its configuration file appears, locked.
    ///
    /// # Errors
    /// `VM 100 already exists on node 'pve1'`.
    pub fn reserve_guest(&mut self, on: OnGuest, node: &str) -> Result<(), String> {
        if let Some(guest) = self.guests.get(on.vmid) {
            return Err(format!("{} {} already exists on node '{}'", guest.kind.label(), on.vmid, guest.node));
        }
        let now = self.clock.now_ms();
        let config = GuestConfig::new(Section::from([("lock".into(), "create".into())]));
        self.add_guest(on.vmid, on.kind, node, config, now);
        Ok(())
    }
}

impl CreateJob {
    pub(super) fn finish(self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<End, String> {
        let on = self.on;
        let made = self.make(cluster, context, log);
        let section = match made {
            Ok(section) => section,
            Err(text) => {
                cluster.guests.remove(on.vmid);
                return Err(format!("unable to create {} {} - {text}", on.kind.label(), on.vmid));
            }
        };
        cluster.add_guest(on.vmid, on.kind, &context.node, GuestConfig::new(section), context.at_ms);
        cluster.join_pool(on.vmid, self.pool.as_deref());
        if self.start {
            power::switch_on(cluster, on, &context.node, context.at_ms)?;
        }
        Ok(End::Ok)
    }

    fn make(&self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<Section, String> {
        let on = self.on;
        let owner = Owner {
            kind: on.kind,
            vmid: on.vmid,
            node: &context.node,
            now: context.now(),
            storage: self.storage.as_deref(),
        };
        let mut section: Section = self
            .wanted
            .iter()
            .filter(|(key, _)| !options::is_volume(on.kind, key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let wanted = super::job::volume_entries(on.kind, &self.wanted);
        let volumes = volumes::realize(cluster, &owner, &wanted, log)?;
        section.extend(volumes.clone());
        match on.kind {
            GuestKind::Qemu => complete_vm(&mut section, context.now()),
            GuestKind::Lxc => {
                if let Some(template) = self.template.as_deref().and_then(VolumeId::parse) {
                    if cluster.storages.volume(&template, &context.node).is_none() {
                        let text = format!("volume '{template}' does not exist");
                        log.push(text.clone());
                        for id in volumes.values().filter_map(|value| volumes::volume_of(on.kind, value)) {
                            cluster.storages.take(&id, &context.node);
                        }
                        return Err(text);
                    }
                    log.push(format!("extracting archive '{}'", cluster.storages.volume_path(&template)));
                    log.push("Detected container architecture: amd64".into());
                    section.entry("ostype".into()).or_insert_with(|| os_type(&template.name).to_owned());
                }
            }
        }
        Ok(section)
    }

    pub(super) fn abort(self, cluster: &mut Cluster) {
        cluster.guests.remove(self.on.vmid);
    }
}

/// The type of system that a template's file name tells.
fn os_type(name: &str) -> &'static str {
    let file = name.rsplit('/').next().unwrap_or_default();
    let first = file.split(['-', '_', '.']).next().unwrap_or_default();
    ["debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo", "nixos"]
        .into_iter()
        .find(|known| first == *known)
        .unwrap_or("unmanaged")
}

/// Fills in what every new VM gets.
pub fn complete_vm(section: &mut Section, now: i64) {
    section.entry("smbios1".into()).or_insert_with(|| format!("uuid={}", uuid::Uuid::new_v4()));
    section.entry("vmgenid".into()).or_insert_with(|| uuid::Uuid::new_v4().to_string());
    section.entry("meta".into()).or_insert_with(|| format!("creation-qemu=10.0.2,ctime={now}"));
    if !section.contains_key("boot") {
        let boot = default_boot(section);
        section.insert("boot".into(), boot);
    }
}

/// Fills in what every new container gets.
pub fn complete_container(section: &mut Section, vmid: u32) {
    for (key, value) in [("arch", "amd64"), ("memory", "512"), ("swap", "512"), ("unprivileged", "1")] {
        section.entry(key.into()).or_insert_with(|| value.into());
    }
    section.entry("hostname".into()).or_insert_with(|| format!("CT{vmid}"));
}

/// The first disk (or CD drive) of a VM.
#[must_use]
pub fn first_disk(section: &Section, cdrom: bool) -> Option<String> {
    options::boot_drive_names()
        .find(|key| section.get(key).is_some_and(|value| Drive::parse(value).is_cdrom() == cdrom))
}

/// The boot order that a new VM gets: its first disk, CD drive and network card. None of them gives a blank.
#[must_use]
pub fn default_boot(section: &Section) -> String {
    let net = (0..32).map(|index| format!("net{index}")).find(|key| section.contains_key(key));
    let devices: Vec<String> =
        [first_disk(section, false), first_disk(section, true), net].into_iter().flatten().collect();
    print_boot(&devices)
}

/// A boot order as it is stored. An empty one reads back as a blank.
#[must_use]
pub fn print_boot(devices: &[String]) -> String {
    if devices.is_empty() { " ".into() } else { format!("order={}", devices.join(";")) }
}
