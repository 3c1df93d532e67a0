//! A container from a template, where there is a storage for containers and a template: started, backed up, restored.

use proxmox_client::pve::guests::{LxcOptions, MountPoint};
use proxmox_client::pve::lxc::{CreateLxc, RestoreLxc};
use proxmox_client::pve::nodes::content::ContentFilter;
use proxmox_client::pve::nodes::{Vzdump, VzdumpMode, VzdumpSelection, VzdumpStarted};
use proxmox_client::{Vmid, VolumeId};

use super::scratch::{BackedUp, Scratch};

/// The smallest template on any storage of the node.
async fn template(scratch: &Scratch) -> Result<Option<VolumeId>, String> {
    let node = scratch.pve.node(&scratch.node);
    let storages = node.storages(&Default::default()).await.map_err(|error| error.to_string())?;
    let filter = ContentFilter { content: Some("vztmpl".to_owned()), vmid: None };
    let mut found = Vec::new();
    for storage in storages.iter().filter(|row| row.active && row.content.iter().any(|kind| kind == "vztmpl")) {
        found.extend(node.storage(&storage.storage).content(&filter).await.map_err(|error| error.to_string())?);
    }
    Ok(found.into_iter().min_by_key(|volume| volume.size).map(|volume| volume.volid))
}

pub async fn part(scratch: &mut Scratch) -> Result<(), String> {
    say!("\ncontainer");
    let Some(storage) = scratch.storage_for("rootdir").await? else {
        scratch.skip("containers and their backups: no storage of this node takes containers");
        return Ok(());
    };
    let Some(template) = template(scratch).await? else {
        scratch.skip("containers and their backups: no template on any storage of this node");
        return Ok(());
    };
    let storage = storage.storage;
    say!("  from {template} on {storage}");
    let (pve, node, vmid) = (scratch.pve.clone(), scratch.node.clone(), scratch.guest(1)?);
    let container = pve.lxc(&node, vmid);
    let mut options = LxcOptions::default();
    options.set_hostname("integration".to_owned()).set_memory(64).set_unprivileged(true);
    options.set_rootfs(MountPoint::allocate(&storage, 1));
    let create = CreateLxc { pool: Some(scratch.pool.clone()), ..CreateLxc::new(vmid, template, options) };
    scratch.made.insert(vmid);
    let made = pve.node(&node).create_lxc(&create).await;
    if !scratch.ended("container made", made).await? {
        scratch.skip("a running container and its backups: none could be made");
        return Ok(());
    }
    let config = container.config().await.map_err(|error| error.to_string())?;
    scratch.observations.note("hostname of the container", config.options.hostname().as_deref().unwrap_or_default());
    let started = container.start(Default::default()).await;
    if scratch.ended("container started", started).await? {
        let stopped = container.stop(Default::default()).await;
        scratch.ended("container stopped", stopped).await?;
    }
    backup(scratch, vmid, &storage).await
}

async fn backup(scratch: &mut Scratch, vmid: Vmid, storage: &str) -> Result<(), String> {
    let Some(target) = scratch.storage_for("backup").await? else {
        scratch.skip("backups: no storage of this node takes them");
        return Ok(());
    };
    let target = target.storage;
    let (pve, node) = (scratch.pve.clone(), scratch.node.clone());
    let earlier = scratch.archives(&target, vmid).await?;
    scratch.backed_up = Some(BackedUp { storage: target.clone(), vmid, earlier });
    let run = Vzdump {
        storage: Some(target.clone()),
        mode: Some(VzdumpMode::Stop),
        // Backups of an earlier guest of this number are somebody's.
        remove: Some(false),
        ..Vzdump::of(VzdumpSelection::Guests(vec![vmid]))
    };
    match pve.node(&node).vzdump(&run).await.map_err(|error| error.to_string())? {
        VzdumpStarted::Task(task) => {
            scratch.ended("container backed up", Ok(task)).await?;
        }
        VzdumpStarted::NothingHere => return Err("the node says that the container is not on it".to_owned()),
    }
    let made = scratch.backups().await?;
    scratch.observations.note("archives", &made.len().to_string());
    let Some(archive) = made.into_iter().next() else {
        scratch.skip("restoring a container: there is no backup of it");
        return Ok(());
    };
    let second = scratch.guest(2)?;
    let restore = RestoreLxc {
        pool: Some(scratch.pool.clone()),
        storage: Some(storage.to_owned()),
        ..RestoreLxc::new(second, archive)
    };
    scratch.made.insert(second);
    let restored = pve.node(&node).restore_lxc(&restore).await;
    if scratch.ended("container restored", restored).await? {
        let config = pve.lxc(&node, second).config().await.map_err(|error| error.to_string())?;
        scratch
            .observations
            .note("hostname of the restored one", config.options.hostname().as_deref().unwrap_or_default());
    }
    Ok(())
}
