//! Taking away what a run made, and nothing else: guests of the run that are in its pool, their backups, the pool, the namespace.

use proxmox_client::pve::guests::GuestState;
use proxmox_client::pve::lxc::StopLxc;
use proxmox_client::pve::nodes::tasks::{TaskFilter, TaskSource};
use proxmox_client::pve::qemu::StopQemu;
use proxmox_client::{Error, GuestKind, Switch, Vmid};

use super::scratch::{Scratch, patience};

/// Goes on after failures, and names everything that is left.
pub async fn up(scratch: &mut Scratch) -> Result<(), String> {
    let mut left = Vec::new();
    for &vmid in &scratch.made {
        if let Err(error) = settle(scratch, vmid).await {
            left.push(format!("what works on guest {vmid}: {error}"));
        }
    }
    match scratch.backups().await {
        Ok(volumes) => {
            for volume in volumes {
                if let Err(error) = remove_volume(scratch, &volume).await {
                    left.push(format!("backup {volume}: {error}"));
                }
            }
        }
        Err(error) => left.push(format!("backups: {error}")),
    }
    for vmid in std::mem::take(&mut scratch.made) {
        if let Err(error) = remove_guest(scratch, vmid).await {
            left.push(format!("guest {vmid}: {error}"));
        }
    }
    if scratch.pool_made {
        match scratch.pve.pools().delete(&scratch.pool).await {
            Ok(()) => say!("  pool {} removed", scratch.pool),
            Err(error) if error.is_missing() => {}
            Err(error) => left.push(format!("pool {}: {error}", scratch.pool)),
        }
    }
    if scratch.namespace_made
        && let Some((server, datastore)) = &scratch.backup_server
        && let Ok(namespace) = scratch.pool.as_str().parse()
    {
        match server.datastore(datastore).delete_namespace(&namespace, Switch::Off).await {
            Ok(()) => say!("  namespace {} removed", scratch.pool),
            Err(error) => left.push(format!("namespace {}: {error}", scratch.pool)),
        }
    }
    if left.is_empty() { Ok(()) } else { Err(format!("left behind:\n{}", left.join("\n"))) }
}

/// Waits for the tasks that work on a guest: before the one that makes it has ended it may not be in the pool.
async fn settle(scratch: &Scratch, vmid: Vmid) -> Result<(), Error> {
    let running = TaskFilter { source: Some(TaskSource::Active), vmid: Some(vmid), ..TaskFilter::default() };
    for row in scratch.pve.node(&scratch.node).tasks(&running).await? {
        say!("  waiting for a {} of guest {vmid}", row.kind);
        match scratch.pve.task(row.upid).succeed(patience()).await {
            // How it ends does not matter.
            Ok(_) | Err(Error::Task(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn remove_volume(scratch: &Scratch, volume: &proxmox_client::VolumeId) -> Result<(), Error> {
    let node = scratch.pve.node(&scratch.node);
    let removed = node.storage(volume.storage()).remove_volume(volume).await?;
    if let Some(task) = removed {
        task.succeed(patience()).await?;
    }
    say!("  backup {volume} removed");
    Ok(())
}

async fn remove_guest(scratch: &Scratch, vmid: Vmid) -> Result<(), Error> {
    // What is not in the pool of this run was not made by it, whatever its number.
    let pool = scratch.pve.pools().get(&scratch.pool).await?;
    let Some(row) = pool.iter().flat_map(|pool| &pool.members).find(|member| member.vmid == Some(vmid)) else {
        return Ok(());
    };
    let node = row.node.clone().unwrap_or_else(|| scratch.node.clone());
    match row.guest_kind() {
        Some(GuestKind::Lxc) => {
            let container = scratch.pve.lxc(&node, vmid);
            if container.status().await?.status == GuestState::Running {
                container.stop(StopLxc::default()).await?.succeed(patience()).await?;
            }
            container.destroy(Default::default()).await?.succeed(patience()).await?;
        }
        _ => {
            let machine = scratch.pve.qemu(&node, vmid);
            if machine.status().await?.status == GuestState::Running {
                machine.stop(StopQemu::default()).await?.succeed(patience()).await?;
            }
            machine.destroy(Default::default()).await?.succeed(patience()).await?;
        }
    }
    say!("  guest {vmid} removed");
    Ok(())
}
