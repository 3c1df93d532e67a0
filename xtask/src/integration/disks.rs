//! A virtual machine with a disk, where a storage takes disks: grown, copied into a second one, kept in a snapshot, made a template.

use proxmox_client::pve::guests::{Disk, Memory, QemuOptions, SnapshotName};
use proxmox_client::pve::qemu::{CreateQemu, CreateQemuSnapshot, Qemu, ResizeQemu};
use proxmox_client::{Method, Params, Vmid, VolumeId, lenient};

use super::scratch::Scratch;

/// Kinds of storages that keep disks as files. Their disks can have snapshots in this format only.
const FILES: [&str; 4] = ["dir", "nfs", "cifs", "cephfs"];
const WITH_SNAPSHOTS: &str = "qcow2";

pub async fn part(scratch: &mut Scratch) -> Result<(), String> {
    say!("\ndisks");
    let Some(storage) = scratch.storage_for("images").await? else {
        scratch.skip("disks of virtual machines, their snapshots and templates: no storage of this node takes disks");
        return Ok(());
    };
    say!("  on {}", storage.storage);
    let new_disk = |disk: Disk| match FILES.contains(&storage.kind.as_str()) {
        true => disk.with_format(WITH_SNAPSHOTS.to_owned()),
        false => disk,
    };
    let (pve, node, vmid) = (scratch.pve.clone(), scratch.node.clone(), scratch.guest(3)?);
    let machine = pve.qemu(&node, vmid);
    let mut options = QemuOptions::default();
    options.set_name("integration-disks".to_owned()).set_memory(Memory(64)).set_kvm(false);
    options.set_scsi(0, &new_disk(Disk::allocate(&storage.storage, 1)));
    let create = CreateQemu { pool: Some(scratch.pool.clone()), ..CreateQemu::new(vmid, options) };
    scratch.made.insert(vmid);
    let made = pve.node(&node).create_qemu(&create).await;
    if !scratch.ended("machine with a disk made", made).await? {
        scratch.skip("disks of virtual machines, their snapshots and templates: none could be made");
        return Ok(());
    }

    let grow = ResizeQemu { disk: "scsi0".to_owned(), size: "+1G".to_owned(), digest: None };
    match machine.resize(&grow).await.map_err(|error| format!("disk grown: {error}"))? {
        Some(task) => drop(scratch.ended("disk grown", Ok(task)).await?),
        // Before version 8 it was no task.
        None => scratch.observations.note("disk grown", "OK"),
    }
    let source = noted(scratch, &machine, 0, "size of the disk").await?;

    let config = machine.config().await.map_err(|error| error.to_string())?;
    let mut wanted = config.options.clone();
    let copy = Disk::allocate(&storage.storage, 0).with_import_from(source.to_string());
    wanted.set_scsi(1, &new_disk(copy));
    let imported = machine.change_in_task(&config.change_to(&wanted)).await;
    let copied = match imported.map_err(|error| format!("disk imported: {error}"))? {
        Some(task) => scratch.ended("disk imported", Ok(task)).await?,
        None => false,
    };
    if copied {
        noted(scratch, &machine, 1, "size of the imported disk").await?;
    } else {
        scratch.skip("an imported disk: none could be made");
    }

    if can(scratch, vmid, "snapshot").await? {
        let name: SnapshotName = "disks".parse().map_err(|error| format!("{error}"))?;
        let snapshot = CreateQemuSnapshot { snapname: name.clone(), description: None, vmstate: false.into() };
        let made = machine.snapshot(&snapshot).await;
        if scratch.ended("snapshot with disks made", made).await? {
            let rolled = machine.rollback(&name, Default::default()).await;
            scratch.ended("rolled back with disks", rolled).await?;
            let removed = machine.delete_snapshot(&name, Default::default()).await;
            scratch.ended("snapshot with disks removed", removed).await?;
        }
    } else {
        scratch.skip("snapshots with disks: the storage of the disks has none");
    }

    if let Some(task) = machine.make_template().await.map_err(|error| format!("template made: {error}"))? {
        scratch.ended("template made", Ok(task)).await?;
    }
    let config = machine.config().await.map_err(|error| error.to_string())?;
    scratch.observations.note("it is a template", &config.options.template().unwrap_or_default().to_string());
    Ok(())
}

/// Notes the size of a disk, and gives its volume.
async fn noted(scratch: &mut Scratch, machine: &Qemu<'_>, index: u8, what: &str) -> Result<VolumeId, String> {
    let config = machine.config().await.map_err(|error| error.to_string())?;
    let disk = config.options.scsi(index).ok_or_else(|| format!("{what}: there is no disk"))?;
    scratch.observations.note(what, &disk.size().unwrap_or_default());
    let file = disk.file().ok_or_else(|| format!("{what}: the disk has no volume"))?;
    file.parse().map_err(|error| format!("{what}: {error}"))
}

/// Whether the storages of the machine's disks can do this.
async fn can(scratch: &Scratch, vmid: Vmid, feature: &str) -> Result<bool, String> {
    let (vmid, params) = (vmid.to_string(), Params::new().with("feature", feature));
    let path = "/nodes/{node}/qemu/{vmid}/feature";
    let answer = scratch.pve.call(Method::Get, path, &[&scratch.node, &vmid], &params).await;
    let answer = answer.map_err(|error| format!("feature {feature}: {error}"))?;
    let has = answer.get("hasFeature").cloned().ok_or_else(|| format!("feature {feature}: no answer to that"))?;
    lenient::from_value(has).map_err(|error| format!("feature {feature}: {error}"))
}
