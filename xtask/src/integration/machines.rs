//! A virtual machine without disks, which every server can have.

use proxmox_client::pve::guests::{Memory, QemuOptions};

use proxmox_client::pve::qemu::{CreateQemu, CreateQemuSnapshot, StartQemu, StopQemu};

use super::scratch::Scratch;

pub async fn part(scratch: &mut Scratch) -> Result<(), String> {
    say!("\nvirtual machine");
    let (pve, node, vmid) = (scratch.pve.clone(), scratch.node.clone(), scratch.guest(0)?);
    let machine = pve.qemu(&node, vmid);
    scratch.refused("configuration of no guest", machine.config().await)?;
    let mut options = QemuOptions::default();
    options.set_name("integration".to_owned()).set_memory(Memory(64)).set_cores(1).set_kvm(false);
    let create = CreateQemu { pool: Some(scratch.pool.clone()), ..CreateQemu::new(vmid, options.clone()) };
    scratch.made.insert(vmid);
    let made = pve.node(&node).create_qemu(&create).await;
    if !scratch.ended("machine made", made).await? {
        return Err("no machine can be made".to_owned());
    }
    scratch.refused("machine made twice", pve.node(&node).create_qemu(&create).await)?;

    let config = machine.config().await.map_err(|error| error.to_string())?;
    let mut wanted = config.options.clone();
    wanted.set_description("changed".to_owned());
    machine.change(&config.change_to(&wanted)).await.map_err(|error| error.to_string())?;
    let mut stale = config.options.clone();
    stale.set_description("lost".to_owned());
    scratch.refused("change of an older state", machine.change(&config.change_to(&stale)).await)?;
    let members = pve.pools().get(&scratch.pool).await.map_err(|error| error.to_string())?;
    let member = members.is_some_and(|pool| pool.guests().any(|found| found == vmid));
    scratch.observations.note("the machine is in the pool", &member.to_string());

    let name = "before".parse().map_err(|error| format!("{error}"))?;
    let snapshot = CreateQemuSnapshot { snapname: name, description: Some("first".to_owned()), vmstate: false.into() };
    let made = machine.snapshot(&snapshot).await;
    scratch.ended("snapshot made", made).await?;
    let rows = machine.snapshots().await.map_err(|error| error.to_string())?;
    let mut names: Vec<String> = rows.into_iter().map(|row| row.name).collect();
    names.sort();
    scratch.observations.note("snapshots", &names.join(" "));
    let rolled = machine.rollback(&snapshot.snapname, Default::default()).await;
    scratch.ended("rolled back", rolled).await?;
    let removed = machine.delete_snapshot(&snapshot.snapname, Default::default()).await;
    scratch.ended("snapshot removed", removed).await?;

    let started = machine.start(&StartQemu::default()).await;
    if !scratch.ended("machine started", started).await? {
        scratch.skip("a running virtual machine: this node cannot start one");
        return Ok(());
    }
    let status = machine.status().await.map_err(|error| error.to_string())?;
    scratch.observations.note("status of a started machine", &format!("{:?}", status.status));
    let again = machine.start(&StartQemu::default()).await;
    scratch.ended("machine started twice", again).await?;
    let stopped = machine.stop(StopQemu::default()).await;
    scratch.ended("machine stopped", stopped).await?;
    Ok(())
}
