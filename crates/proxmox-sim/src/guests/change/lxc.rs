//! Changing containers.

use std::collections::BTreeMap;

use crate::guests::nic::{LxcNic, random_mac};
use crate::guests::volumes::{self, Owner};
use crate::guests::{GuestConfig, GuestKind, OnGuest, Section, options};
use crate::state::Cluster;
use crate::storage::VolumeId;

use super::{Change, ChangeError, normal_tags};

pub(super) fn apply(
    cluster: &mut Cluster,
    on: OnGuest,
    node: &str,
    change: &Change,
    at_ms: i64,
    log: &mut Vec<String>,
) -> Result<(), ChangeError> {
    let guest = cluster.guests.require(on.kind, node, on.vmid)?;
    let running = guest.is_running();
    let mut config = guest.config.clone();
    for key in &change.revert {
        config.pending.remove(key);
        config.pending_delete.remove(key);
    }
    let mut freed = Vec::new();
    for key in &change.delete {
        delete_one(guest, &mut config, key, change.force, &mut freed)?;
    }
    for (key, value) in &change.set {
        let guest = cluster.guests.require(on.kind, node, on.vmid)?;
        let stored = match key.as_str() {
            "unprivileged" => return Err(format!("unable to modify read-only option: '{key}'").into()),
            "tags" => normal_tags(value),
            key if options::is_mount(key) => {
                guest.check_protection(&format!("can't update CT {} drive '{key}'", on.vmid))?;
                let owner = Owner { kind: on.kind, vmid: on.vmid, node, now: at_ms.div_euclid(1000), storage: None };
                volumes::realize(cluster, &owner, &Section::from([(key.to_owned(), value.clone())]), log)?
                    .remove(key)
                    .unwrap_or_default()
            }
            key if key.starts_with("net") => {
                let mut nic = LxcNic::parse(value);
                let old = config.get(key).map(LxcNic::parse);
                nic.complete(|| old.as_ref().and_then(|nic| nic.get("hwaddr")).map_or_else(random_mac, str::to_owned));
                nic.print()
            }
            _ => value.clone(),
        };
        config.pending_delete.remove(key);
        config.pending.insert(key.clone(), stored);
    }
    let current = config.current.clone();
    config.pending.retain(|key, value| current.get(key) != Some(value));
    config.pending_delete.retain(|key, _| current.contains_key(key));
    if running {
        let errors = plug(&mut config, on.vmid, cluster.behaviour.container_cgroups);
        if !errors.is_empty() {
            return Err(ChangeError::Options(errors));
        }
    } else {
        settle(&mut config, on.vmid);
    }
    if let Some(guest) = cluster.guests.get_mut(on.vmid) {
        guest.config = config;
    }
    for id in freed {
        cluster.storages.remove(&id, node)?;
    }
    Ok(())
}

fn delete_one(
    guest: &crate::guests::Guest,
    config: &mut GuestConfig,
    key: &str,
    force: bool,
    freed: &mut Vec<VolumeId>,
) -> Result<(), ChangeError> {
    match key {
        "rootfs" | "memory" | "ostype" => return Err(format!("unable to delete required option '{key}'").into()),
        "unprivileged" => return Err(format!("unable to delete read-only option: '{key}'").into()),
        _ => {}
    }
    if !config.current.contains_key(key) && !config.pending.contains_key(key) {
        return Ok(());
    }
    if key.starts_with("unused") {
        guest.check_protection(&format!("can't remove CT {} drive '{key}'", guest.vmid))?;
        freed.extend(config.remove(key).as_deref().and_then(VolumeId::parse));
        return Ok(());
    }
    if options::is_mount(key) {
        guest.check_protection(&format!("can't remove CT {} drive '{key}'", guest.vmid))?;
    }
    config.delete_later(key, force);
    Ok(())
}

pub(super) fn apply_pending(cluster: &mut Cluster, on: OnGuest, _node: &str) {
    if let Some(guest) = cluster.guests.get_mut(on.vmid) {
        settle(&mut guest.config, on.vmid);
    }
}

/// Everything that is pending takes effect.
fn settle(config: &mut GuestConfig, vmid: u32) {
    for key in std::mem::take(&mut config.pending_delete).into_keys() {
        drop_one(config, vmid, &key);
    }
    for (key, value) in std::mem::take(&mut config.pending) {
        put(config, vmid, &key, value);
    }
    volumes::forget_used(GuestKind::Lxc, config);
}

fn drop_one(config: &mut GuestConfig, vmid: u32, key: &str) {
    let value = config.remove(key);
    if let Some(value) = value.filter(|_| options::is_mount(key)) {
        volumes::keep_as_unused(GuestKind::Lxc, config, vmid, &value);
    }
}

fn put(config: &mut GuestConfig, vmid: u32, key: &str, value: String) {
    let old = config.current.insert(key.to_owned(), value);
    if let Some(old) = old.filter(|_| options::is_mount(key)) {
        volumes::keep_as_unused(GuestKind::Lxc, config, vmid, &old);
    }
}

/// What of a running container's pending changes takes effect now.
fn plug(config: &mut GuestConfig, vmid: u32, cgroups: bool) -> BTreeMap<String, String> {
    let mut errors = BTreeMap::new();
    for key in config.pending_delete.clone().into_keys() {
        if plugs(&key) && !options::is_mount(&key) {
            config.pending_delete.remove(&key);
            drop_one(config, vmid, &key);
        }
    }
    for (key, value) in config.pending.clone() {
        if matches!(key.as_str(), "memory" | "swap") && !cgroups {
            let text =
                format!("unable to hotplug {key}: trying to change memory cgroup values: container not running\n");
            errors.insert(key, text);
        } else if plugs(&key) && !(options::is_mount(&key) && config.current.contains_key(&key)) {
            config.pending.remove(&key);
            put(config, vmid, &key, value);
        }
    }
    errors
}

/// Whether a running container takes a change of this option now.
fn plugs(key: &str) -> bool {
    matches!(
        key,
        "hostname"
            | "nameserver"
            | "searchdomain"
            | "memory"
            | "swap"
            | "cores"
            | "cpulimit"
            | "cpuunits"
            | "description"
            | "onboot"
            | "startup"
            | "protection"
            | "tags"
            | "lock"
            | "hookscript"
            | "timezone"
            | "template"
    ) || key.starts_with("net")
        || (options::is_mount(key) && key != "rootfs")
}
