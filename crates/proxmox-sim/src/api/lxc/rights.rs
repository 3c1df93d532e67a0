//! Which rights the options of a container need, by their names and by their values.

use crate::api::{Call, Fault};
use crate::guests::drive::{Mount, Source};
use crate::guests::nic::LxcNic;
use crate::guests::options::{self, Needs};
use crate::guests::property::Property;
use crate::guests::{GuestKind, Section};
use crate::state::Cluster;

/// Whose options these are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub vmid: u32,
    pub pool: Option<&'a str>,
    /// Whether the container is unprivileged.
    pub unprivileged: bool,
}

/// Refuses what the caller may not set or take away.
pub(super) fn check(
    cluster: &Cluster,
    call: &Call,
    place: Place<'_>,
    set: &Section,
    delete: &[String],
) -> Result<(), Fault> {
    if call.caller.is_root() {
        return Ok(());
    }
    let guest = |privileges: &[&str]| cluster.check_guest(call, place.vmid, place.pool, privileges);
    let names = set.iter().map(|(key, value)| (key, Some(value))).chain(delete.iter().map(|key| (key, None)));
    for (key, value) in names {
        match options::lxc_needs(key) {
            Needs::Privilege(privilege) => {
                guest(&[privilege])?;
                if let Some(bridge) = value.filter(|_| key.starts_with("net")).map(|value| LxcNic::parse(value))
                    && let Some(name) = bridge.bridge()
                {
                    cluster.check_bridge(call, name, bridge.get("tag"), bridge.get("trunks"))?;
                }
            }
            Needs::Any(privileges) => guest(privileges)?,
            Needs::OptionsAndHost => {
                guest(&["VM.Config.Options"])?;
                cluster.check(&call.caller, "/", &["Sys.Modify"])?;
            }
            Needs::Root => {
                return Err(Fault::permission("configuring device passthrough is only allowed for root@pam"));
            }
            Needs::ByValue => by_value(cluster, call, place, key, value)?,
        }
    }
    Ok(())
}

fn by_value(cluster: &Cluster, call: &Call, place: Place<'_>, key: &str, value: Option<&String>) -> Result<(), Fault> {
    let guest = |privileges: &[&str]| cluster.check_guest(call, place.vmid, place.pool, privileges);
    match key {
        "hookscript" => Err(Fault::permission("changing the hookscript is only allowed for root@pam")),
        "tags" => guest(&["VM.Config.Options"]),
        "features" => features(cluster, call, place, value),
        _ => {
            guest(&["VM.Config.Disk"])?;
            let Some(value) = value.filter(|_| options::is_mount(key)) else { return Ok(()) };
            let mount = Mount::parse(value);
            match mount.kind() {
                "volume" => {}
                kind => return Err(Fault::permission(format!("mount point type {kind} is only allowed for root@pam"))),
            }
            match mount.source() {
                Source::New { storage: Some(storage), .. } => {
                    cluster.check(&call.caller, &format!("/storage/{storage}"), &["Datastore.AllocateSpace"])
                }
                Source::Volume(id) => {
                    cluster.check_volume_access(&call.caller, Some(place.vmid), &id.to_string(), Some("rootdir"))
                }
                _ => Ok(()),
            }
        }
    }
}

fn features(cluster: &Cluster, call: &Call, place: Place<'_>, value: Option<&String>) -> Result<(), Fault> {
    let Some(value) = value else { return cluster.check_guest(call, place.vmid, place.pool, &["VM.Allocate"]) };
    let wanted = Property::parse(value, "");
    if wanted.iter().any(|(name, value)| name != "nesting" && value != "0") {
        return Err(Fault::permission("changing feature flags (except nesting) is only allowed for root@pam"));
    }
    if !place.unprivileged {
        return Err(Fault::permission("changing feature flags for privileged container is only allowed for root@pam"));
    }
    cluster.check_guest(call, place.vmid, place.pool, &["VM.Allocate"])
}

/// Refuses storages that do not exist or hold no containers, whoever asks.
pub(super) fn check_storages(cluster: &Cluster, call: &Call, set: &Section) -> Result<(), Fault> {
    for value in set.iter().filter(|(key, _)| options::is_mount(key)).map(|(_, value)| value) {
        match Mount::parse(value).source() {
            Source::New { storage: Some(storage), .. } => holds_containers(cluster, call, &storage)?,
            Source::Volume(id) => {
                cluster.storages.parse(&id).map_err(Fault::die)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a storage that cannot hold a container.
pub(super) fn holds_containers(cluster: &Cluster, call: &Call, storage: &str) -> Result<(), Fault> {
    let definition = cluster.storages.require_on(storage, call.node()).map_err(Fault::die)?;
    if !definition.holds("rootdir") {
        return Err(Fault::die(format!("storage '{storage}' does not support container directories")));
    }
    Ok(())
}

/// Whether a container is unprivileged.
pub(super) fn is_unprivileged(cluster: &Cluster, vmid: u32) -> bool {
    cluster
        .guests
        .get(vmid)
        .is_some_and(|guest| guest.kind == GuestKind::Lxc && guest.config.get("unprivileged") == Some("1"))
}
