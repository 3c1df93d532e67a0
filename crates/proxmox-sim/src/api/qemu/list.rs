//! The VMs of a node, and what is below each.

use serde_json::Value;

use crate::api::nodes::rrd_rows;
use crate::api::{Call, Fault, Outcome, Reply, Simulated, index_reply};
use crate::guests::{GuestKind, snapshot};
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/qemu", list),
    ("GET", "/nodes/{node}/qemu/{vmid}", index),
    ("GET", "/nodes/{node}/qemu/{vmid}/status", status_index),
    ("GET", "/nodes/{node}/qemu/{vmid}/status/current", current),
    ("GET", "/nodes/{node}/qemu/{vmid}/rrddata", chart_data),
    ("GET", "/nodes/{node}/qemu/{vmid}/feature", feature),
];

fn index(_: &mut Cluster, _: &Call) -> Outcome {
    let names = [
        "config",
        "cloudinit",
        "pending",
        "status",
        "unlink",
        "vncproxy",
        "termproxy",
        "migrate",
        "resize",
        "move",
        "rrd",
        "rrddata",
        "monitor",
        "agent",
        "snapshot",
        "spiceproxy",
        "sendkey",
        "firewall",
        "mtunnel",
        "remote_migrate",
    ];
    Ok(index_reply("subdir", &names))
}

fn status_index(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(index_reply("subdir", &["current", "start", "stop", "reset", "shutdown", "suspend", "reboot"]))
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let node = call.node().to_owned();
    let cpus = cluster.nodes.get(&node).map_or(1, |node| node.cpus);
    let now = cluster.clock.now_ms();
    let full = call.flag("full") == Some(true);
    let rows: Vec<Value> = cluster
        .guests
        .of_node(GuestKind::Qemu, &node)
        .filter(|guest| cluster.has(&call.caller, &format!("/vms/{}", guest.vmid), "VM.Audit"))
        .map(|guest| Value::Object(guest.status_json(now, cpus, true, full)))
        .collect();
    Ok(Reply::data(rows))
}

fn current(cluster: &mut Cluster, call: &Call) -> Outcome {
    let node = call.node();
    let guest = cluster.guests.require(GuestKind::Qemu, node, call.vmid()).map_err(Fault::die)?;
    let cpus = cluster.nodes.get(node).map_or(1, |node| node.cpus);
    let mut out = guest.status_json(cluster.clock.now_ms(), cpus, false, true);
    out.insert("ha".into(), cluster.ha_managed(guest));
    Ok(Reply::data(Value::Object(out)))
}

fn chart_data(cluster: &mut Cluster, call: &Call) -> Outcome {
    Ok(Reply::data(guest_chart(cluster, call)))
}

/// A guest's figures over time.
pub(in crate::api) fn guest_chart(cluster: &Cluster, call: &Call) -> Vec<Value> {
    let since = cluster
        .guests
        .get(call.vmid())
        .and_then(|guest| guest.runtime.as_ref())
        .map_or(i64::MAX, |runtime| runtime.since_ms / 1000);
    rrd_rows(cluster, call.required("timeframe"), since, |time| {
        let guest = cluster.guests.get(call.vmid())?;
        let shown = guest.status_json(time * 1000, 1, true, false);
        let keys = ["cpu", "mem", "maxmem", "disk", "maxdisk", "netin", "netout"];
        Some(Value::Object(keys.iter().filter_map(|key| Some(((*key).to_owned(), shown.get(*key)?.clone()))).collect()))
    })
}

fn feature(cluster: &mut Cluster, call: &Call) -> Outcome {
    let guest = cluster.guests.require(GuestKind::Qemu, call.node(), call.vmid()).map_err(Fault::die)?;
    if let Some(name) = call.text("snapname")
        && !guest.config.snapshots.contains_key(name)
    {
        return Err(Fault::die(format!("snapshot '{name}' does not exist")));
    }
    let has = match call.required("feature") {
        "snapshot" => snapshot::can_snapshot(cluster, guest),
        "clone" => snapshot::can_clone(cluster, guest),
        _ => true,
    };
    let nodes: Vec<String> = cluster.nodes_that_see(guest);
    Ok(Reply::data(serde_json::json!({ "hasFeature": u8::from(has), "nodes": nodes })))
}

impl Cluster {
    /// The nodes that have all of a guest's volumes.
    fn nodes_that_see(&self, guest: &crate::guests::Guest) -> Vec<String> {
        let volumes = crate::guests::volumes::owned(guest.kind, &guest.config.current);
        self.nodes
            .iter()
            .filter(|node| {
                volumes.iter().all(|(_, id)| {
                    self.storages.get(&id.storage).is_some_and(|definition| {
                        definition.allows_node(&node.name) && (definition.is_shared() || node.name == guest.node)
                    })
                })
            })
            .map(|node| node.name.clone())
            .collect()
    }

    /// What status answers say about high availability.
    pub(in crate::api) fn ha_managed(&self, guest: &crate::guests::Guest) -> Value {
        if self.sections.ha_resource_of(guest.vmid).is_some() {
            // No manager has said anything about its state.
            return serde_json::json!({ "managed": 1, "state": null });
        }
        serde_json::json!({ "managed": 0 })
    }
}
