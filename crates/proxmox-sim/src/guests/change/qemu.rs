//! Changing VMs.

use std::collections::{BTreeMap, BTreeSet};

use crate::guests::create::print_boot;
use crate::guests::drive::{Drive, Source};
use crate::guests::nic::QemuNic;
use crate::guests::property::Property;
use crate::guests::volumes::{self, Owner};
use crate::guests::{GuestConfig, GuestKind, OnGuest, Section, options};
use crate::state::Cluster;
use crate::storage::VolumeId;

use super::{Change, ChangeError, normal_tags};

pub(super) fn check(change: &Change, cluster: &Cluster, on: OnGuest, node: &str) -> Result<(), String> {
    let guest = cluster.guests.require(on.kind, node, on.vmid)?;
    let digest = guest.config.digest();
    if change.digest.as_deref().is_some_and(|sent| !sent.is_empty() && sent != digest) {
        return Err("checksum mismatch (file change by other user?)".into());
    }
    // What suspended a VM to disk does not hinder changes that do not touch its saved state.
    if !change.skip_lock {
        guest.check_lock()?;
    }
    let value = |key: &str| {
        change
            .set
            .get(key)
            .or_else(|| guest.config.pending.get(key))
            .map(String::as_str)
            .or_else(|| guest.config.get(key))
    };
    if change.set.contains_key("memory") || change.set.contains_key("balloon") {
        let memory = Property::parse(value("memory").unwrap_or("512"), "current");
        let memory: u64 = memory.get("current").and_then(|text| text.parse().ok()).unwrap_or(512);
        let balloon: u64 = value("balloon").and_then(|text| text.parse().ok()).unwrap_or(0);
        if balloon > memory {
            return Err("balloon value too large (must be smaller than assigned memory)".into());
        }
    }
    Ok(())
}

pub(super) fn apply(
    cluster: &mut Cluster,
    on: OnGuest,
    node: &str,
    change: &Change,
    at_ms: i64,
    log: &mut Vec<String>,
) -> Result<(), ChangeError> {
    let mut set = change.set.clone();
    let mut delete = change.delete.clone();
    {
        let config = &cluster.guests.require(on.kind, node, on.vmid)?.config;
        for key in &change.revert {
            if let Some(value) = config.get(key) {
                set.insert(key.clone(), value.to_owned());
            } else if config.pending.contains_key(key) {
                delete.push(key.clone());
            }
        }
    }
    let mut boot = Property::parse(current(cluster, on, "boot").unwrap_or_default().trim(), "legacy")
        .get("order")
        .map(|order| crate::api::split_list(order).map(str::to_owned).collect::<Vec<_>>());
    for key in &delete {
        remove_later(cluster, on, node, key, change.force, boot.as_mut())?;
    }
    let owner = Owner { kind: on.kind, vmid: on.vmid, node, now: at_ms.div_euclid(1000), storage: None };
    for (key, value) in &set {
        let unchanged = config(cluster, on).is_some_and(|config| config.pending.get(key) == Some(value));
        if !unchanged {
            let new = NewValue { key, value, deleted: &delete };
            set_later(cluster, &owner, new, boot.as_mut(), log)?;
        }
    }
    let running = cluster.guests.get(on.vmid).is_some_and(super::super::Guest::is_running);
    drop_no_changes(cluster, on);
    if !running {
        apply_pending(cluster, on, node);
        return Ok(());
    }
    let named: BTreeSet<&String> = set.keys().chain(&delete).collect();
    let errors = plug_pending(cluster, on, node, &named);
    if errors.is_empty() { Ok(()) } else { Err(ChangeError::Options(errors)) }
}

fn config(cluster: &Cluster, on: OnGuest) -> Option<&GuestConfig> {
    cluster.guests.get(on.vmid).map(|guest| &guest.config)
}

fn config_mut(cluster: &mut Cluster, on: OnGuest) -> Option<&mut GuestConfig> {
    cluster.guests.get_mut(on.vmid).map(|guest| &mut guest.config)
}

fn current(cluster: &Cluster, on: OnGuest, key: &str) -> Option<String> {
    config(cluster, on)?.get(key).map(str::to_owned)
}

/// Writes down that an option goes.
fn remove_later(
    cluster: &mut Cluster,
    on: OnGuest,
    node: &str,
    key: &str,
    force: bool,
    boot: Option<&mut Vec<String>>,
) -> Result<(), ChangeError> {
    let Some(guest) = cluster.guests.get_mut(on.vmid) else { return Ok(()) };
    let pending = guest.config.pending.get(key).cloned();
    let Some(value) = guest.config.get(key).map(str::to_owned).or_else(|| pending.clone()) else { return Ok(()) };
    if key.starts_with("unused") {
        let id = VolumeId::parse(&value);
        guest.check_protection(&format!("can't remove unused disk '{value}'"))?;
        guest.config.remove(key);
        if let Some(id) = id {
            cluster.storages.remove(&id, node)?;
        }
        return Ok(());
    }
    if options::is_drive(key) {
        guest.check_protection(&format!("can't remove drive '{key}'"))?;
    }
    if let Some(boot) = boot
        && pending.is_none()
        && boot.iter().any(|device| device == key)
    {
        boot.retain(|device| device != key);
        guest.config.pending.insert("boot".into(), print_boot(boot));
    }
    if options::is_drive(key)
        && let Some(pending) = &pending
    {
        volumes::keep_as_unused(GuestKind::Qemu, &mut guest.config, on.vmid, pending);
    }
    guest.config.delete_later(key, force);
    Ok(())
}

/// A value that an option shall have.
#[derive(Clone, Copy)]
struct NewValue<'a> {
    key: &'a str,
    value: &'a str,
    /// What the same change removes.
    deleted: &'a [String],
}

/// Writes down that an option gets a value.
fn set_later(
    cluster: &mut Cluster,
    owner: &Owner<'_>,
    new: NewValue<'_>,
    boot: Option<&mut Vec<String>>,
    log: &mut Vec<String>,
) -> Result<(), ChangeError> {
    let on = OnGuest { kind: owner.kind, vmid: owner.vmid };
    let NewValue { key, value, deleted } = new;
    let stored = if options::is_drive(key) {
        if in_use(cluster, on, value) {
            let path = Drive::parse(value).volume().map(|id| cluster.storages.volume_path(&id)).unwrap_or_default();
            return Err(ChangeError::Refused(format!(
                "qemu-img: Could not open '{path}': Failed to get shared \"write\" lock\nIs another process using the image [{path}]?"
            )));
        }
        let before = config(cluster, on).and_then(|config| config.pending.get(key).cloned());
        if let (Some(before), Some(config)) = (before, config_mut(cluster, on)) {
            volumes::keep_as_unused(GuestKind::Qemu, config, on.vmid, &before);
        }
        let made = volumes::realize(cluster, owner, &Section::from([(key.to_owned(), value.to_owned())]), log)?;
        let stored = made.get(key).cloned().unwrap_or_default();
        if let Some(boot) = boot
            && Drive::parse(&stored).is_cdrom()
            && !boot.iter().any(|device| device == key)
        {
            boot.push(key.to_owned());
            if let Some(config) = config_mut(cluster, on) {
                config.pending.insert("boot".into(), print_boot(boot));
            }
        }
        stored
    } else if key == "boot" {
        check_boot(cluster, on, value, deleted)?;
        value.to_owned()
    } else if key == "tags" {
        normal_tags(value)
    } else {
        value.to_owned()
    };
    if let Some(config) = config_mut(cluster, on) {
        config.pending_delete.remove(key);
        if key == "tags" && stored.is_empty() {
            config.delete_later(key, false);
        } else {
            config.pending.insert(key.to_owned(), stored);
        }
    }
    Ok(())
}

/// Whether a drive value names a volume that the running VM has open.
fn in_use(cluster: &Cluster, on: OnGuest, value: &str) -> bool {
    let Some(guest) = cluster.guests.get(on.vmid).filter(|guest| guest.is_running()) else { return false };
    let Source::Volume(id) = Drive::parse(value).source() else { return false };
    guest.config.current.iter().any(|(key, value)| {
        options::is_drive(key) && !Drive::parse(value).is_cdrom() && Drive::parse(value).volume().as_ref() == Some(&id)
    })
}

fn check_boot(cluster: &Cluster, on: OnGuest, value: &str, deleted: &[String]) -> Result<(), ChangeError> {
    let Some(config) = config(cluster, on) else { return Ok(()) };
    let boot = Property::parse(value, "legacy");
    for device in crate::api::split_list(boot.get("order").unwrap_or_default()) {
        let exists = config.current.contains_key(device) || config.pending.contains_key(device);
        if !exists || deleted.iter().any(|key| key == device) {
            return Err(ChangeError::Refused(format!("invalid bootorder: device '{device}' does not exist'")));
        }
    }
    Ok(())
}

/// Drops pending values that are what holds anyway, and removals of what is not there.
fn drop_no_changes(cluster: &mut Cluster, on: OnGuest) {
    let Some(config) = config_mut(cluster, on) else { return };
    let current = config.current.clone();
    config.pending.retain(|key, value| current.get(key) != Some(value));
    config.pending_delete.retain(|key, _| current.contains_key(key));
}

pub(super) fn apply_pending(cluster: &mut Cluster, on: OnGuest, node: &str) {
    let Some(guest) = cluster.guests.get_mut(on.vmid) else { return };
    let mut freed = Vec::new();
    for (key, force) in std::mem::take(&mut guest.config.pending_delete) {
        detach(&mut guest.config, on.vmid, &key, force, &mut freed);
    }
    for (key, value) in std::mem::take(&mut guest.config.pending) {
        put(&mut guest.config, on.vmid, &key, value);
    }
    volumes::forget_used(GuestKind::Qemu, &mut guest.config);
    for id in freed {
        let _ = cluster.storages.remove(&id, node);
    }
}

/// Removes an option; a disk becomes unused, or goes for good when forced.
fn detach(config: &mut GuestConfig, vmid: u32, key: &str, force: bool, freed: &mut Vec<VolumeId>) {
    let Some(value) = config.remove(key) else { return };
    if !options::is_drive(key) {
        return;
    }
    let drive = Drive::parse(&value);
    match drive.volume() {
        Some(id) if drive.is_cloudinit() || (force && !drive.is_cdrom()) => freed.push(id),
        _ => volumes::keep_as_unused(GuestKind::Qemu, config, vmid, &value),
    }
}

/// Sets an option; a disk that is replaced becomes unused.
fn put(config: &mut GuestConfig, vmid: u32, key: &str, value: String) {
    let old = config.current.insert(key.to_owned(), value);
    if options::is_drive(key)
        && let Some(old) = old
    {
        volumes::keep_as_unused(GuestKind::Qemu, config, vmid, &old);
    }
}

/// What of a running VM's pending changes takes effect now; the rest stays. Only options that were named are tried. Returns what went
/// wrong.
fn plug_pending(cluster: &mut Cluster, on: OnGuest, node: &str, named: &BTreeSet<&String>) -> BTreeMap<String, String> {
    let answers = volumes::is_bootable(cluster, on.vmid);
    let mut errors = BTreeMap::new();
    let Some(guest) = cluster.guests.get_mut(on.vmid) else { return errors };
    let boot = guest.boot_devices();
    let config = &mut guest.config;
    let features = config.get("hotplug").unwrap_or("network,disk,usb").to_owned();
    let feature = |name: &str| features == "1" || crate::api::split_list(&features).any(|feature| feature == name);
    let mut freed = Vec::new();
    for (key, force) in config.pending_delete.clone().into_iter().filter(|(key, _)| named.contains(key)) {
        let family = options::numbered(&key).map_or("", |(family, _)| family);
        let outcome = if options::applies_at_once(&key) || matches!(key.as_str(), "cpuunits" | "cpulimit" | "balloon") {
            Plug::Done
        } else if family == "net" && feature("network") {
            if answers {
                Plug::Done
            } else {
                Plug::failed(&format!("error on hot-unplugging device '{key}' - still busy in guest?"))
            }
        } else if options::is_drive(&key) && feature("disk") && !matches!(family, "ide" | "sata") {
            if boot.first() == Some(&key) {
                Plug::failed(&format!("can't unplug bootdisk '{key}'"))
            } else if answers {
                Plug::Done
            } else {
                Plug::failed(&format!("error on hot-unplugging device '{key}' - still busy in guest?"))
            }
        } else {
            Plug::Waits
        };
        match outcome {
            Plug::Done => {
                config.pending_delete.remove(&key);
                detach(config, on.vmid, &key, force, &mut freed);
            }
            Plug::Waits => {}
            Plug::Failed(text) => {
                errors.insert(key, text);
            }
        }
    }
    for (key, value) in config.pending.clone().into_iter().filter(|(key, _)| named.contains(key) || key == "boot") {
        if takes_effect(config, &key, &value, &feature) {
            config.pending.remove(&key);
            put(config, on.vmid, &key, value);
        }
    }
    volumes::forget_used(GuestKind::Qemu, config);
    for id in freed {
        let _ = cluster.storages.remove(&id, node);
    }
    errors
}

enum Plug {
    Done,
    Waits,
    Failed(String),
}

impl Plug {
    fn failed(text: &str) -> Self {
        Self::Failed(format!("hotplug problem - {text}\n"))
    }
}

/// Whether a running VM takes a new value now.
fn takes_effect(config: &GuestConfig, key: &str, value: &str, feature: &impl Fn(&str) -> bool) -> bool {
    if options::applies_at_once(key) || matches!(key, "hotplug" | "cpuunits" | "cpulimit" | "balloon") {
        return true;
    }
    let family = options::numbered(key).map_or("", |(family, _)| family);
    match family {
        "net" if feature("network") => match config.get(key) {
            None => true,
            Some(old) => QemuNic::parse(old).mac == QemuNic::parse(value).mac,
        },
        "scsi" | "virtio" if feature("disk") => config.get(key).is_none_or(|old| Drive::parse(old).is_cdrom()),
        // A CD can be changed in a drive that is there.
        "ide" | "sata" => {
            config.get(key).is_some_and(|old| Drive::parse(old).is_cdrom()) && Drive::parse(value).is_cdrom()
        }
        "usb" => feature("usb") && config.get(key).is_none(),
        _ => key == "vcpus" && feature("cpu"),
    }
}
