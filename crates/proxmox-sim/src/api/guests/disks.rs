//! Volumes of guests: bigger, elsewhere, or somebody else's.

use std::collections::BTreeMap;

use crate::api::{Call, Fault, Outcome, Simulated};
use crate::guests::disk::{DiskAction, DiskJob};
use crate::guests::drive::Drive;
use crate::guests::{GuestJob, GuestKind, OnGuest, options, sizes, volumes};
use crate::state::Cluster;
use crate::tasks::{NewTask, Plan};

use super::{guest, root_only, target, task};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("PUT", "/nodes/{node}/qemu/{vmid}/resize", resize_disk),
    ("POST", "/nodes/{node}/qemu/{vmid}/move_disk", move_volume),
    ("PUT", "/nodes/{node}/lxc/{vmid}/resize", resize_volume),
    ("POST", "/nodes/{node}/lxc/{vmid}/move_volume", move_volume),
];

fn resize_disk(cluster: &mut Cluster, call: &Call) -> Outcome {
    root_only(call, &["skiplock"])?;
    let action = DiskAction::Resize { size: call.required("size").to_owned() };
    let job = DiskJob { on: target(call), key: call.required("disk").to_owned(), action };
    let digest = call.text("digest").map(str::to_owned);
    task(cluster, call, "resize", |cluster, node| job.begin_resize(cluster, node, digest.as_deref()))
}

/// What the server says about a mount point that is not there.
fn no_mount_point() -> Fault {
    let missing = "property is missing and it is not optional";
    let errors = BTreeMap::from([("mp".into(), missing.into()), ("volume".into(), missing.into())]);
    Fault { status: 500, message: "format error\n".into(), ..Fault::params(errors) }
}

fn resize_volume(cluster: &mut Cluster, call: &Call) -> Outcome {
    let on = target(call);
    let key = call.required("disk").to_owned();
    let found = guest(cluster, call)?;
    found.check_lock().map_err(Fault::die)?;
    if call.text("digest").is_some_and(|digest| digest != found.config.digest()) {
        return Err(Fault::die("detected modified configuration - file changed by other user? Try again."));
    }
    if found.is_running() {
        cluster.require_quorum()?;
    }
    let value = found.config.get(&key).ok_or_else(no_mount_point)?;
    let id = volumes::volume_of(on.kind, value);
    let id = id.ok_or_else(|| Fault::die(format!("Resize is not available for bind mounts or devices ({key})")))?;
    cluster.check(&call.caller, &format!("/storage/{}", id.storage), &["Datastore.AllocateSpace"])?;
    let current = cluster.storages.volume(&id, call.node()).map(|volume| volume.size);
    let current = current.ok_or_else(|| Fault::die(format!("Could not determine current size of volume '{key}'")))?;
    let size = call.required("size").to_owned();
    let wanted = match size.strip_prefix('+') {
        Some(more) => current.saturating_add(sizes::parse(more).unwrap_or(0)),
        None => sizes::parse(&size).unwrap_or(0),
    };
    if wanted < current {
        return Err(Fault::die("unable to shrink disk size"));
    }
    if wanted == current {
        return Err(Fault::die("disk is already at specified size"));
    }
    let job = DiskJob { on, key, action: DiskAction::Resize { size } };
    task(cluster, call, "resize", |_, _| Ok(Plan::new(200, GuestJob::Disk(job))))
}

fn move_volume(cluster: &mut Cluster, call: &Call) -> Outcome {
    root_only(call, &["skiplock"])?;
    let on = target(call);
    let name = if on.kind == GuestKind::Qemu { "disk" } else { "volume" };
    let key = call.required(name).to_owned();
    let storage = call.text("storage").map(str::to_owned);
    let target_guest = call.int("target-vmid").and_then(|id| u32::try_from(id).ok());
    match (storage, target_guest) {
        (Some(_), Some(_)) => {
            let text = "either set 'storage' or 'target-vmid', but not both";
            Err(Fault::params(BTreeMap::from([("storage".into(), text.into()), ("target-vmid".into(), text.into())])))
        }
        (None, None) => {
            let text = "both 'storage' and 'target-vmid' missing, either needs to be set";
            Err(Fault::params(BTreeMap::from([("storage".into(), text.into()), ("target-vmid".into(), text.into())])))
        }
        (None, Some(other)) => reassign(cluster, call, on, key, other),
        (Some(storage), None) => relocate(cluster, call, on, key, storage),
    }
}

/// Gives a volume to another guest.
fn reassign(cluster: &mut Cluster, call: &Call, on: OnGuest, key: String, other: u32) -> Outcome {
    cluster.check(&call.caller, &format!("/vms/{other}"), &["VM.Config.Disk"])?;
    if other == on.vmid {
        return Err(Fault::param("target-vmid", "must be different than source VMID to reassign disk"));
    }
    let label = on.kind.label();
    guest(cluster, call)?.check_lock().map_err(Fault::die)?;
    if cluster.guests.get(other).is_none() {
        return Err(Fault::die(format!("could not find target {label} {other}")));
    }
    let there = cluster.guests.require(on.kind, call.node(), other).map_err(Fault::die)?;
    there.check_lock().map_err(Fault::die)?;
    check_digests(cluster, call, other)?;
    let target_key = call.text("target-disk").or_else(|| call.text("target-volume")).unwrap_or(&key).to_owned();
    let found = guest(cluster, call)?;
    let value = found.config.get(&key).ok_or_else(|| match on.kind {
        GuestKind::Qemu => Fault::die(format!("Disk '{key}' for VM {} does not exist", on.vmid)),
        GuestKind::Lxc => no_mount_point(),
    })?;
    if on.kind == GuestKind::Qemu && Drive::parse(value).is_cdrom() {
        return Err(Fault::die("Can't reassign CD-ROM"));
    }
    if found.is_running() && !key.starts_with("unused") {
        return Err(Fault::die(format!("Cannot move drive '{key}' of a running {label}")));
    }
    if there.config.get(&target_key).is_some() {
        return Err(Fault::die(format!("Disk key '{target_key}' is already in use on target {label} {other}")));
    }
    let id = format!("{}-{key}>{other}-{target_key}", on.vmid);
    let job = DiskJob { on, key, action: DiskAction::Reassign { target: other, target_key } };
    let (node, user) = (call.node().to_owned(), call.caller.id());
    let kind = if on.kind == GuestKind::Qemu { "qmmove" } else { "move_volume" };
    let new = NewTask { node: &node, kind, id: &id, user: &user };
    Ok(crate::api::Reply::data(cluster.start_task(&new, |cluster| job.begin_move(cluster, &node))))
}

fn check_digests(cluster: &Cluster, call: &Call, other: u32) -> Result<(), Fault> {
    let refuse = || Fault::die("detected modified configuration - file changed by other user? Try again.");
    if call.text("digest").is_some_and(|digest| guest(cluster, call).is_ok_and(|found| found.config.digest() != digest))
    {
        return Err(refuse());
    }
    let there = cluster.guests.get(other).map(|found| found.config.digest());
    if call.text("target-digest").is_some_and(|digest| there.is_some_and(|there| there != digest)) {
        return Err(refuse());
    }
    Ok(())
}

/// Moves a volume to another storage or into another format.
fn relocate(cluster: &mut Cluster, call: &Call, on: OnGuest, key: String, storage: String) -> Outcome {
    cluster.check(&call.caller, &format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    let found = guest(cluster, call)?;
    found.check_lock().map_err(Fault::die)?;
    if call.text("digest").is_some_and(|digest| digest != found.config.digest()) {
        return Err(Fault::die("detected modified configuration - file changed by other user? Try again."));
    }
    let value = found.config.get(&key).filter(|_| options::is_volume(on.kind, &key));
    let value = value.ok_or_else(|| match on.kind {
        GuestKind::Qemu => Fault::die(format!("disk '{key}' does not exist")),
        GuestKind::Lxc => no_mount_point(),
    })?;
    if on.kind == GuestKind::Qemu {
        let drive = Drive::parse(value);
        if drive.file().is_empty() {
            return Err(Fault::die(format!("disk '{key}' has no associated volume")));
        }
        if drive.is_cdrom() {
            return Err(Fault::die("you can't move a cdrom"));
        }
    }
    let id = volumes::volume_of(on.kind, value);
    let id = id.ok_or_else(|| Fault::die(format!("cannot move volume '{key}', only volumes can be moved")))?;
    let format = call.text("format").map(str::to_owned);
    if id.storage == storage {
        let now = cluster.storages.volume(&id, call.node()).map(|volume| volume.format.clone());
        let same = format.is_none() || format == now;
        match on.kind {
            GuestKind::Qemu if same => return Err(Fault::die("you can't move to the same storage with same format")),
            GuestKind::Lxc => return Err(Fault::die("you can't move a volume to the same storage")),
            GuestKind::Qemu => {}
        }
    }
    if on.kind == GuestKind::Lxc && found.is_running() {
        return Err(Fault::die("cannot move volumes of a running container"));
    }
    let definition = cluster.storages.require_on(&storage, call.node()).map_err(Fault::die)?;
    let content = if on.kind == GuestKind::Qemu { "images" } else { "rootdir" };
    if !definition.holds(content) {
        let what = if on.kind == GuestKind::Qemu { "vm images" } else { "container directories" };
        return Err(Fault::die(format!("storage '{storage}' does not support {what}")));
    }
    if !found.config.snapshots.is_empty() && call.flag("delete") == Some(true) {
        let used = found
            .config
            .snapshots
            .values()
            .any(|section| volumes::owned(on.kind, section).iter().any(|(_, other)| *other == id));
        if used {
            let what = if on.kind == GuestKind::Qemu { "disk" } else { "volume" };
            return Err(Fault::die(format!("you can't move a {what} with snapshots and delete the source")));
        }
    }
    let delete = call.flag("delete") == Some(true);
    let job = DiskJob { on, key, action: DiskAction::Move { storage, format, delete } };
    let kind = if on.kind == GuestKind::Qemu { "qmmove" } else { "move_volume" };
    task(cluster, call, kind, |cluster, node| job.begin_move(cluster, node))
}
