//! The calls that virtual machines and containers share.

mod clone;
mod destroy;
mod disks;
mod migrate;
mod power;
mod snapshots;

use super::{Call, Fault, Outcome, Reply, Table};
use crate::guests::{Guest, GuestKind, OnGuest};
use crate::state::Cluster;
use crate::tasks::{NewTask, Plan};

/// Gives the calls of this subject their handlers.
pub(super) fn simulate(table: &mut Table) {
    for calls in [clone::CALLS, destroy::CALLS, disks::CALLS, migrate::CALLS, power::CALLS, snapshots::CALLS] {
        table.simulate(calls.iter().copied());
    }
}

/// The guest that a call is about: its kind is in the path.
pub(super) fn target(call: &Call) -> OnGuest {
    let kind = call.path.split('/').filter(|part| !part.is_empty()).nth(2);
    let kind = kind.and_then(GuestKind::from_api).unwrap_or(GuestKind::Qemu);
    OnGuest { kind, vmid: call.vmid() }
}

/// The guest itself, where the path says it is.
pub(super) fn guest<'a>(cluster: &'a Cluster, call: &Call) -> Result<&'a Guest, Fault> {
    let on = target(call);
    cluster.guests.require(on.kind, call.node(), on.vmid).map_err(Fault::die)
}

/// Starts a task for the guest of a call.
pub(super) fn task(
    cluster: &mut Cluster,
    call: &Call,
    kind: &str,
    begin: impl FnOnce(&mut Cluster, &str) -> Result<Plan, String>,
) -> Outcome {
    let (node, user, id) = (call.node().to_owned(), call.caller.id(), call.vmid().to_string());
    let new = NewTask { node: &node, kind, id: &id, user: &user };
    Ok(Reply::data(cluster.start_task(&new, |cluster| begin(cluster, &node))))
}

/// Refuses parameters that only root may use, in the order in which the server looks at them.
pub(super) fn root_only(call: &Call, names: &[&str]) -> Result<(), Fault> {
    if call.caller.is_root() {
        return Ok(());
    }
    match names.iter().find(|name| call.text(name).is_some_and(|text| !text.is_empty() && text != "0")) {
        Some(name) => Err(Fault::param(*name, "Only root may use this option.")),
        None => Ok(()),
    }
}

/// Refuses a node that is no member.
pub(super) fn known_node(cluster: &Cluster, name: &str) -> Result<(), Fault> {
    match cluster.nodes.get(name) {
        Some(_) => Ok(()),
        None => Err(Fault::die(format!("no such cluster node '{name}'"))),
    }
}
