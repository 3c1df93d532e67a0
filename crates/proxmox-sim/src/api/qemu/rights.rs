//! Which rights the options of a VM need, by their names and by their values.

use crate::api::{Call, Fault};
use crate::guests::drive::{Drive, Source};
use crate::guests::nic::QemuNic;
use crate::guests::options::{self, Needs};
use crate::guests::property::Property;
use crate::guests::{Section, sizes};
use crate::state::Cluster;

/// Whose options these are: a VM, and the pool that a new one goes into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub vmid: u32,
    pub pool: Option<&'a str>,
}

impl Cluster {
    /// Refuses a caller that has none of the privileges on the guest, or all of them on the pool that it goes into.
    pub(in crate::api) fn check_guest(
        &self,
        call: &Call,
        vmid: u32,
        pool: Option<&str>,
        privileges: &[&str],
    ) -> Result<(), Fault> {
        if let Some(pool) = pool
            && privileges.iter().any(|privilege| self.has(&call.caller, &format!("/pool/{pool}"), privilege))
        {
            return Ok(());
        }
        self.check_any(&call.caller, &format!("/vms/{vmid}"), privileges)
    }

    /// Refuses a bridge that the caller may not use.
    pub(in crate::api) fn check_bridge(
        &self,
        call: &Call,
        bridge: &str,
        tag: Option<&str>,
        trunks: Option<&str>,
    ) -> Result<(), Fault> {
        let zone = self.zone_of_bridge(bridge);
        let path = format!("/sdn/zones/{zone}/{bridge}");
        if self.has(&call.caller, &path, "SDN.Use") {
            return Ok(());
        }
        let tags: Vec<&str> = tag.into_iter().chain(trunks.into_iter().flat_map(|list| list.split(';'))).collect();
        if !tags.is_empty() {
            return tags.iter().try_for_each(|tag| self.check(&call.caller, &format!("{path}/{tag}"), &["SDN.Use"]));
        }
        self.check(&call.caller, &path, &["SDN.Use"])
    }

    /// The zone that a bridge or virtual network is in.
    fn zone_of_bridge(&self, bridge: &str) -> String {
        self.sdn.zone_of_bridge(bridge)
    }
}

/// Rights that the names of options need.
pub(super) fn check_names<'a>(
    cluster: &Cluster,
    call: &Call,
    place: Place<'_>,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), Fault> {
    if call.caller.is_root() {
        return Ok(());
    }
    for name in names {
        let guest = |privileges: &[&str]| cluster.check_guest(call, place.vmid, place.pool, privileges);
        match options::qemu_needs(name) {
            Needs::ByValue => {}
            Needs::Privilege(privilege) => guest(&[privilege])?,
            Needs::Any(privileges) => guest(privileges)?,
            Needs::OptionsAndHost => {
                guest(&["VM.Config.Options"])?;
                cluster.check(&call.caller, "/", &["Sys.Modify"])?;
            }
            Needs::Root => return Err(Fault::die(format!("only root can set '{name}' config"))),
        }
    }
    Ok(())
}

/// Rights that storages and volumes need.
pub(super) fn check_storages(
    cluster: &Cluster,
    call: &Call,
    place: Place<'_>,
    set: &Section,
    default: Option<&str>,
) -> Result<(), Fault> {
    for (key, value) in set.iter().filter(|(key, _)| options::is_drive(key)) {
        let drive = Drive::parse(value);
        match drive.source() {
            Source::Empty => {}
            Source::HostCdrom => cluster.check(&call.caller, "/", &["Sys.Console"])?,
            Source::CloudInit { storage } => {
                cluster.storages.require(&storage).map_err(Fault::die)?;
            }
            Source::New { storage, .. } => {
                let storage = storage.as_deref().or(default);
                let storage = storage.ok_or_else(|| Fault::die("no storage ID specified (and no default storage)"))?;
                cluster.check(&call.caller, &format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
                let definition = cluster.storages.require_on(storage, call.node()).map_err(Fault::die)?;
                if !definition.holds("images") {
                    return Err(Fault::param("storage", format!("storage '{storage}' does not support vm images")));
                }
                if let Some(source) = drive.get("import-from") {
                    cluster.check_volume_access(&call.caller, Some(place.vmid), source, None)?;
                }
            }
            Source::Volume(id) => {
                cluster.check_volume_access(&call.caller, Some(place.vmid), &id.to_string(), None)?;
                let name = cluster.storages.parse(&id).map_err(Fault::die)?;
                if name.content != "images" && name.content != "iso" {
                    return Err(Fault::param(key.clone(), "content type needs to be 'images' or 'iso'"));
                }
            }
            Source::Path(path) => {
                cluster.check_volume_access(&call.caller, Some(place.vmid), &path, None)?;
                return Err(Fault::die(format!("volume {path} does not exist")));
            }
        }
        if let Some(size) = drive.get("size")
            && sizes::parse(size).is_none()
        {
            return Err(Fault::param(key.clone(), "unable to parse drive options"));
        }
    }
    if let Some(storage) = set.get("vmstatestorage") {
        cluster.check(&call.caller, &format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    Ok(())
}

/// Rights that the values of the remaining options need: bridges, devices of the host, drives of a VM that exists.
pub(super) fn check_values(cluster: &Cluster, call: &Call, place: Place<'_>, set: &Section) -> Result<(), Fault> {
    let root = call.caller.is_root();
    for (key, value) in set {
        if key == "tags" {
            cluster.check_guest(call, place.vmid, place.pool, &["VM.Config.Options"])?;
        }
        match options::numbered(key).map(|(family, _)| family) {
            Some("net") => {
                let nic = QemuNic::parse(value);
                if let Some(bridge) = nic.bridge() {
                    cluster.check_bridge(call, bridge, nic.tag(), nic.trunks())?;
                }
            }
            Some("serial") if !root => {
                if value != "socket" {
                    return Err(Fault::die(format!("only root can modify '{key}' config for real devices")));
                }
                cluster.check_guest(call, place.vmid, place.pool, &["VM.Config.HWType"])?;
            }
            Some("usb" | "hostpci") if !root => {
                let what = if key.starts_with("usb") { "real" } else { "non-mapped" };
                let device = Property::parse(value, "host");
                match (device.get("host"), device.get("mapping")) {
                    (Some(host), _) if !(key.starts_with("usb") && host.eq_ignore_ascii_case("spice")) => {
                        return Err(Fault::die(format!("only root can set '{key}' config for {what} devices")));
                    }
                    (_, Some(mapping)) => {
                        let family = if key.starts_with("usb") { "usb" } else { "pci" };
                        cluster.check(&call.caller, &format!("/mapping/{family}/{mapping}"), &["Mapping.Use"])?;
                        cluster.check_guest(call, place.vmid, place.pool, &["VM.Config.HWType"])?;
                    }
                    _ => cluster.check_guest(call, place.vmid, place.pool, &["VM.Config.HWType"])?,
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Rights that changing the drives of a VM needs: disks and CDs are different things.
pub(super) fn check_drives(cluster: &Cluster, call: &Call, place: Place<'_>, set: &Section) -> Result<(), Fault> {
    for (key, value) in set.iter().filter(|(key, _)| options::is_drive(key)) {
        let old = cluster.guests.get(place.vmid).and_then(|guest| guest.config.get(key).map(Drive::parse));
        let new = Drive::parse(value);
        let needs = |drive: &Drive| if drive.is_cdrom() { "VM.Config.CDROM" } else { "VM.Config.Disk" };
        cluster.check_guest(call, place.vmid, place.pool, &[needs(&new)])?;
        if let Some(old) = old {
            cluster.check_guest(call, place.vmid, place.pool, &[needs(&old)])?;
        }
    }
    Ok(())
}

/// Public SSH keys as they are given in a URL-encoded option.
pub(in crate::api) fn check_ssh_keys(encoded: Option<&str>) -> Result<(), Fault> {
    let Some(encoded) = encoded else { return Ok(()) };
    let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8_lossy().into_owned();
    for line in decoded.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if !is_ssh_key(line) {
            return Err(Fault::die("SSH public key validation error"));
        }
    }
    Ok(())
}

/// Whether a line is a public key: a type, and data that begins with that type.
fn is_ssh_key(line: &str) -> bool {
    use base64::Engine as _;
    let mut words = line.split_whitespace();
    let (Some(kind), Some(data)) = (words.next(), words.next()) else { return false };
    let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(data) else { return false };
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return false };
    let length = u32::from_be_bytes(*length) as usize;
    rest.get(..length) == Some(kind.as_bytes()) && rest.len() > length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_looked_into() {
        assert!(check_ssh_keys(Some("ssh-ed25519%20AAAAC3NzaFake%20fake%40example")).is_err());
        let key = "ssh-ed25519%20AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f%20x";
        assert!(check_ssh_keys(Some(key)).is_ok());
    }
}
