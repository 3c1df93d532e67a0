//! `GET /cluster/resources`: everything at a glance, as far as the caller may see it and as the nodes told it last.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::api::{Call, Caller, Outcome, Reply, Simulated};
use crate::guests::status::last_telling;
use crate::state::Cluster;
use crate::storage::Definition;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[("GET", "/cluster/resources", list)];

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let wanted = call.text("type");
    let shows = |kind: &str| wanted.is_none_or(|wanted| wanted == kind);
    let mut rows: Vec<Value> = Vec::new();
    let guests = guest_rows(cluster, &call.caller);
    if wanted.is_none() {
        rows.extend(pool_rows(cluster, &call.caller, &guests));
    }
    if shows("vm") {
        rows.extend(guests.into_iter().filter_map(|(visible, row)| visible.then_some(Value::Object(row))));
    }
    if shows("node") {
        rows.extend(cluster.nodes.iter().map(|node| node_row(cluster, &call.caller, &call.entry, &node.name)));
    }
    if shows("storage") {
        rows.extend(storage_rows(cluster, &call.caller));
    }
    if shows("network") {
        rows.extend(network_rows(cluster, &call.caller));
    }
    Ok(Reply::data(rows))
}

/// The guests, each with whether the caller may see it. All are needed for the sums of the pools.
fn guest_rows(cluster: &Cluster, caller: &Caller) -> Vec<(bool, Map<String, Value>)> {
    let now = cluster.clock.now_ms();
    let mut pools: std::collections::BTreeMap<u32, &str> = std::collections::BTreeMap::new();
    for (id, pool) in &cluster.pools {
        pools.extend(pool.vms.iter().map(|vmid| (*vmid, id.as_str())));
    }
    let mut out = Vec::with_capacity(cluster.guests.len());
    for guest in cluster.guests.iter() {
        let visible = cluster.has(caller, &format!("/vms/{}", guest.vmid), "VM.Audit");
        let pool = pools.get(&guest.vmid).copied();
        if !visible && pool.is_none() {
            continue;
        }
        let mut row = cluster.guest_resource(guest, now);
        if let Some(pool) = pool
            && (cluster.has(caller, &format!("/pool/{pool}"), "Pool.Audit") || !visible)
        {
            row.insert("pool".into(), json!(pool));
        }
        out.push((visible, row));
    }
    out
}

impl Cluster {
    /// A guest's row among the resources, without its pool.
    pub(in crate::api) fn guest_resource(&self, guest: &crate::guests::Guest, now_ms: i64) -> Map<String, Value> {
        let interval = self.behaviour.telling_interval_ms;
        let node = self.nodes.get(&guest.node);
        let (booted, cpus) = node.map_or((0, 1), |node| (node.booted * 1000, node.cpus));
        let mut known = guest.known(booted, interval, cpus, now_ms);
        // What a dead node said last is forgotten after a while.
        if node.is_some_and(|node| !self.is_member(node)) {
            known = None;
        }
        let mut row = guest.resource_json(known.as_ref(), now_ms);
        if let Some((_, entry)) = self.sections.ha_resource_of(guest.vmid) {
            row.insert("hastate".into(), json!(entry.get("state")));
        }
        row
    }
}

#[allow(clippy::cast_precision_loss)]
fn pool_rows(cluster: &Cluster, caller: &Caller, guests: &[(bool, Map<String, Value>)]) -> Vec<Value> {
    let mut rows = Vec::new();
    let running: HashMap<u64, &Map<String, Value>> = guests
        .iter()
        .filter(|(_, row)| row.get("status").and_then(Value::as_str) == Some("running"))
        .filter_map(|(_, row)| Some((row.get("vmid")?.as_u64()?, row)))
        .collect();
    for (id, pool) in &cluster.pools {
        if !cluster.has(caller, &format!("/pool/{id}"), "Pool.Audit") {
            continue;
        }
        let mut row = json!({ "id": format!("/pool/{id}"), "pool": id, "type": "pool" });
        let members = pool.vms.iter().filter_map(|vmid| running.get(&u64::from(*vmid)));
        let (mut cpus, mut load, mut memory, mut limit, mut uptime, mut any) = (0u64, 0.0, 0u64, 0u64, 0u64, false);
        for member in members {
            let number = |key: &str| member.get(key).and_then(Value::as_u64).unwrap_or(0);
            any = true;
            load += member.get("cpu").and_then(Value::as_f64).unwrap_or(0.0) * number("maxcpu") as f64;
            cpus += number("maxcpu");
            memory += number("mem");
            limit += number("maxmem");
            uptime = uptime.max(number("uptime"));
        }
        if any && let Some(row) = row.as_object_mut() {
            row.insert("cpu".into(), json!(if cpus == 0 { 0.0 } else { load / cpus as f64 }));
            row.insert("maxcpu".into(), json!(cpus));
            row.insert("mem".into(), json!(memory));
            row.insert("maxmem".into(), json!(limit));
            row.insert("uptime".into(), json!(uptime));
        }
        rows.push(row);
    }
    rows
}

/// A node's row. Names are for everybody, figures for those who may audit the node.
fn node_row(cluster: &Cluster, caller: &Caller, entry: &str, name: &str) -> Value {
    let mut row = cluster.node_summary(name, entry, cluster.has(caller, &format!("/nodes/{name}"), "Sys.Audit"));
    if row.get("status").and_then(Value::as_str).is_some_and(|status| status != "unknown") {
        row.insert("cgroup-mode".into(), json!(2));
    }
    row.remove("ssl_fingerprint");
    Value::Object(row)
}

fn storage_rows(cluster: &Cluster, caller: &Caller) -> Vec<Value> {
    let mut rows = Vec::new();
    for (id, definition) in cluster.storages.all() {
        if definition.is_disabled() || !cluster.has(caller, &format!("/storage/{id}"), "Datastore.Audit") {
            continue;
        }
        for node in cluster.nodes.iter().filter(|node| definition.allows_node(&node.name)) {
            rows.push(storage_row(cluster, &id, &definition, &node.name));
        }
    }
    rows
}

/// A storage's row on a node.
pub(in crate::api) fn storage_row(cluster: &Cluster, id: &str, definition: &Definition, node: &str) -> Value {
    let mut row = json!({
        "id": format!("storage/{node}/{id}"),
        "type": "storage",
        "storage": id,
        "node": node,
        "plugintype": definition.kind,
        "content": definition.content_text(),
        "shared": u8::from(definition.is_shared()),
    });
    let now = cluster.clock.now_ms();
    let interval = cluster.behaviour.telling_interval_ms;
    let told = cluster.nodes.get(node).is_some_and(|node| {
        let booted = node.booted * 1000;
        let since = booted.max(cluster.storages.known_since(id)) + i64::from(interval > 0);
        last_telling(booted, interval, now) >= since
    });
    let usage = cluster.storages.usage(id, node);
    if let Some(row) = row.as_object_mut() {
        if told && usage.active {
            row.insert("status".into(), json!("available"));
            row.insert("disk".into(), json!(usage.used));
            row.insert("maxdisk".into(), json!(usage.total));
        } else {
            row.insert("status".into(), json!("unknown"));
        }
    }
    row
}

/// The zone of the bridges that nodes have by themselves.
fn network_rows(cluster: &Cluster, caller: &Caller) -> Vec<Value> {
    if !cluster.has(caller, "/sdn/zones/localnetwork", "SDN.Audit") {
        return Vec::new();
    }
    cluster
        .nodes
        .iter()
        .map(|node| {
            json!({
                "id": format!("network/{}/zone/localnetwork", node.name),
                "type": "network",
                "network-type": "zone",
                "network": "localnetwork",
                "node": node.name,
                "status": "ok",
            })
        })
        .collect()
}
