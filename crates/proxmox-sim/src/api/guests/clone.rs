//! Copies of guests.

use crate::api::{Call, Fault, Outcome, Simulated};
use crate::guests::clone::{CloneJob, linked_clone_possible};
use crate::guests::power::not_found;
use crate::guests::{GuestKind, Section, volumes};
use crate::state::Cluster;

use super::{guest, known_node, target, task};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] =
    &[("POST", "/nodes/{node}/qemu/{vmid}/clone", run), ("POST", "/nodes/{node}/lxc/{vmid}/clone", run)];

fn run(cluster: &mut Cluster, call: &Call) -> Outcome {
    let source = target(call);
    let newid = call.int("newid").and_then(|id| u32::try_from(id).ok()).unwrap_or_default();
    let storage = call.text("storage").map(str::to_owned);
    let pool = call.text("pool").map(str::to_owned);
    if let Some(pool) = &pool
        && !cluster.pools.contains_key(pool)
    {
        return Err(Fault::permission(format!("pool '{pool}' does not exist")));
    }
    if source.kind == GuestKind::Qemu {
        cluster.require_quorum()?;
    }
    let node = call.node().to_owned();
    let moved_to = call.text("target").filter(|target| *target != node).map(str::to_owned);
    if let Some(target) = &moved_to {
        known_node(cluster, target)?;
    }
    if source.kind == GuestKind::Lxc
        && let Some(existing) = cluster.guests.get(newid)
    {
        return Err(Fault::die(format!(
            "{} {newid} already exists on node '{}'",
            existing.kind.label(),
            existing.node
        )));
    }
    if let Some(storage) = &storage {
        let there = moved_to.as_deref().unwrap_or(&node);
        cluster.storages.require_on(storage, there).map_err(Fault::die)?;
    }
    if source.kind == GuestKind::Qemu && cluster.guests.on(source.kind, &node, source.vmid).is_none() {
        return Err(Fault::die(not_found(&node, source.vmid)));
    }
    let found = guest(cluster, call)?;
    found.check_lock().map_err(Fault::die)?;
    let snapshot = call.text("snapname").filter(|name| *name != "current").map(str::to_owned);
    let section = match &snapshot {
        None => &found.config.current,
        Some(name) => {
            let missing = || Fault::die(format!("snapshot '{name}' does not exist"));
            found.config.snapshots.get(name).ok_or_else(missing)?
        }
    };
    let full = call.flag("full").unwrap_or(!found.config.is_template());
    if !full {
        for name in ["storage", "format"] {
            if call.text(name).is_some() {
                return Err(Fault::die(format!("parameter '{name}' not allowed for linked clones")));
            }
        }
    }
    if source.kind == GuestKind::Lxc && found.is_running() && snapshot.is_none() && full {
        return Err(Fault::die("Full clone of a running container is only possible from a snapshot"));
    }
    let section = section.clone();
    check_volumes(cluster, call, source.kind, &section, full, storage.as_deref())?;
    if let Some(target) = &moved_to {
        let local = volumes::owned(source.kind, &section)
            .iter()
            .any(|(_, id)| !cluster.storages.get(&id.storage).is_some_and(|definition| definition.is_shared()));
        if local {
            let label = source.kind.label();
            return Err(Fault::die(format!("can't clone {label} to node '{target}' ({label} uses local storage)")));
        }
    }
    if cluster.guests.get(newid).is_some() {
        return Err(Fault::die(format!("unable to create VM {newid}: config file already exists")));
    }
    let job = CloneJob {
        source,
        newid,
        name: call.text(if source.kind == GuestKind::Qemu { "name" } else { "hostname" }).map(str::to_owned),
        description: call.text("description").map(str::to_owned),
        snapshot,
        full,
        storage,
        format: call.text("format").map(str::to_owned),
        target: moved_to,
        pool,
    };
    task(cluster, call, &format!("{}clone", source.kind.task_prefix()), |cluster, node| job.begin(cluster, node))
}

/// Whether each volume can be copied in this way, and the caller may take the space.
fn check_volumes(
    cluster: &Cluster,
    call: &Call,
    kind: GuestKind,
    section: &Section,
    full: bool,
    storage: Option<&str>,
) -> Result<(), Fault> {
    for (key, id) in volumes::owned(kind, section) {
        if key.starts_with("unused") {
            continue;
        }
        if !full && !linked_clone_possible(cluster, &id, call.node(), kind) {
            return Err(Fault::die(match kind {
                GuestKind::Qemu => format!("Linked clone feature is not supported for '{id}' ({key})"),
                GuestKind::Lxc => format!("Linked clone feature for '{id}' is not available"),
            }));
        }
        let there = storage.unwrap_or(&id.storage);
        cluster.check(&call.caller, &format!("/storage/{there}"), &["Datastore.AllocateSpace"])?;
    }
    Ok(())
}
