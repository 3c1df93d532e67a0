//! `/cluster/sdn`: zones, vnets, subnets and what they need; staged until applied.

mod objects;
mod subnets;
mod vnets;
mod zones;

use serde_json::{Value, json};

use crate::state::Cluster;
use crate::tasks::{NewTask, Plan};

use super::{Call, Fault, Handler, Outcome, Reply, index_reply};

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    let mut all: Vec<(&'static str, &'static str, Handler)> = vec![
        ("GET", "/cluster/sdn", index),
        ("PUT", "/cluster/sdn", apply),
        ("POST", "/cluster/sdn/rollback", rollback),
        ("POST", "/cluster/sdn/lock", lock),
        ("DELETE", "/cluster/sdn/lock", unlock),
        ("GET", "/cluster/sdn/fabrics", |_, _| Ok(index_reply("subdir", &["fabric", "node", "all"]))),
        ("GET", "/cluster/sdn/fabrics/all", |_, _| Ok(Reply::data(json!({ "fabrics": [], "nodes": [] })))),
        ("GET", "/cluster/sdn/fabrics/fabric", nothing),
        ("GET", "/cluster/sdn/fabrics/node", nothing),
        ("GET", "/cluster/sdn/fabrics/fabric/{id}", |_, call| Err(no_fabric(call.required("id"), ""))),
        ("PUT", "/cluster/sdn/fabrics/fabric/{id}", |_, call| {
            Err(no_fabric(call.required("id"), "updating fabric failed: "))
        }),
        ("DELETE", "/cluster/sdn/fabrics/fabric/{id}", |_, call| {
            Err(no_fabric(call.required("id"), "deleting fabric failed: "))
        }),
        ("GET", "/cluster/sdn/fabrics/node/{fabric_id}", |_, call| Err(no_fabric(call.required("fabric_id"), ""))),
        ("POST", "/cluster/sdn/fabrics/node/{fabric_id}", |_, call| {
            Err(no_fabric(call.required("fabric_id"), "adding node failed: "))
        }),
        ("GET", "/cluster/sdn/fabrics/node/{fabric_id}/{node_id}", |_, call| {
            Err(no_fabric(call.required("fabric_id"), ""))
        }),
        ("PUT", "/cluster/sdn/fabrics/node/{fabric_id}/{node_id}", |_, call| {
            Err(no_fabric(call.required("fabric_id"), "updating node failed: "))
        }),
        ("DELETE", "/cluster/sdn/fabrics/node/{fabric_id}/{node_id}", |_, call| {
            Err(no_fabric(call.required("fabric_id"), "deleting node failed: "))
        }),
        ("GET", "/nodes/{node}/sdn/zones", running_zones),
        ("GET", "/nodes/{node}/sdn/zones/{zone}", |_, _| Ok(index_reply("subdir", &["content", "bridges", "ip-vrf"]))),
        ("GET", "/nodes/{node}/sdn/zones/{zone}/content", running_vnets),
    ];
    all.extend(zones::calls());
    all.extend(vnets::calls());
    all.extend(subnets::calls());
    all.extend(objects::calls());
    all
}

fn nothing(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(Reply::data(json!([])))
}

fn no_fabric(id: &str, prefix: &str) -> Fault {
    Fault::die(format!("{prefix}fabric '{id}' does not exist in configuration"))
}

fn index(cluster: &mut Cluster, _: &Call) -> Outcome {
    let mut names = vec!["vnets", "zones", "controllers", "ipams", "dns", "fabrics"];
    if cluster.version.pair() >= (9, 2) {
        names.extend(["prefix-lists", "route-maps"]);
    }
    Ok(index_reply("id", &names))
}

fn apply(cluster: &mut Cluster, call: &Call) -> Outcome {
    cluster.sdn.apply();
    let user = call.caller.id();
    let entry = call.entry.clone();
    let new = NewTask { node: &entry, kind: "reloadnetworkall", id: "", user: &user };
    let mut plan = Plan::nothing();
    for node in cluster.nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>() {
        plan = plan.line(format!("{node}: reloading network config"));
    }
    Ok(Reply::data(cluster.start_task(&new, |_| Ok(plan))))
}

fn rollback(cluster: &mut Cluster, _: &Call) -> Outcome {
    cluster.sdn.rollback();
    Ok(Reply::null())
}

fn lock(cluster: &mut Cluster, _: &Call) -> Outcome {
    if cluster.sdn.lock.is_some() {
        return Err(Fault::die("could not acquire lock for SDN config: configuration is already locked"));
    }
    let token = uuid::Uuid::new_v4().to_string();
    cluster.sdn.lock = Some(token.clone());
    Ok(Reply::data(token))
}

fn unlock(cluster: &mut Cluster, call: &Call) -> Outcome {
    // A token that is not the lock's leaves it as it is.
    if call.text("lock-token") == cluster.sdn.lock.as_deref() || call.flag("force") == Some(true) {
        cluster.sdn.lock = None;
    }
    Ok(Reply::null())
}

fn running_zones(cluster: &mut Cluster, call: &Call) -> Outcome {
    let rows: Vec<Value> = cluster
        .sdn
        .all_running("zone")
        .filter(|(id, zone)| {
            let here = zone.get("nodes").and_then(Value::as_str);
            here.is_none_or(|nodes| super::split_list(nodes).any(|node| node == call.node()))
                && cluster.check_any(&call.caller, &format!("/sdn/zones/{id}"), &["SDN.Audit", "SDN.Allocate"]).is_ok()
        })
        .map(|(id, _)| json!({ "zone": id, "status": "available" }))
        .collect();
    Ok(Reply::data(rows))
}

fn running_vnets(cluster: &mut Cluster, call: &Call) -> Outcome {
    let zone = call.required("zone");
    let rows: Vec<Value> = cluster
        .sdn
        .all_running("vnet")
        .filter(|(_, vnet)| vnet.get("zone").and_then(Value::as_str) == Some(zone))
        .map(|(id, _)| json!({ "vnet": id, "status": "available" }))
        .collect();
    Ok(Reply::data(rows))
}

/// Values as the API shows them: figures and flags are numbers.
fn value_of(key: &str, text: &str) -> Value {
    const NUMBERS: &[&str] = &[
        "advertise-subnets",
        "asn",
        "bgp-multipath-as-path-relax",
        "bridge-disable-mac-learning",
        "disable-arp-nd-suppression",
        "dp-id",
        "ebgp",
        "ebgp-multihop",
        "exitnodes-local-routing",
        "isolate-ports",
        "mtu",
        "reversemaskv6",
        "section",
        "snat",
        "tag",
        "ttl",
        "vlanaware",
        "vrf-vxlan",
        "vxlan-port",
    ];
    match text.parse::<i64>() {
        Ok(number) if NUMBERS.contains(&key) => json!(number),
        _ => json!(text),
    }
}

/// Puts the parameters of a call, but for these, into an object.
fn take(call: &Call, object: &mut serde_json::Map<String, Value>, but: &[&str]) {
    const NEVER: &[&str] = &["delete", "digest", "lock-token", "pending", "running"];
    for (key, value) in &call.params {
        if NEVER.contains(&key.as_str()) || but.contains(&key.as_str()) {
            continue;
        }
        let value = match value {
            super::ParamValue::Text(text) => value_of(key, text),
            super::ParamValue::List(items) => json!(items),
        };
        object.insert(key.clone(), value);
    }
}

/// What a failed check of a plugin looks like: a parameter error as text.
fn nested(prefix: &str, field: &str, text: &str) -> Fault {
    Fault::die(format!("{prefix}400 Parameter verification failed.\n{field}: {text}"))
}

/// The rows of a list, running, pending or as configured.
fn rows_of(cluster: &Cluster, call: &Call, kind: &str) -> Vec<(String, serde_json::Map<String, Value>)> {
    let sdn = &cluster.sdn;
    if call.flag("pending") == Some(true) {
        let ids = sdn.ids(kind).into_iter();
        return ids.filter_map(|id| Some((id.clone(), labelled(kind, &id, sdn.pending(kind, &id)?, None)))).collect();
    }
    if call.flag("running") == Some(true) {
        return sdn.all_running(kind).map(|(id, row)| (id.clone(), labelled(kind, id, row.clone(), None))).collect();
    }
    let digest = sdn.digest(kind);
    sdn.all(kind).map(|(id, row)| (id.clone(), labelled(kind, id, row.clone(), Some(&digest)))).collect()
}

fn labelled(
    kind: &str,
    id: &str,
    mut row: serde_json::Map<String, Value>,
    digest: Option<&str>,
) -> serde_json::Map<String, Value> {
    row.insert(kind.to_owned(), id.into());
    row.insert("digest".to_owned(), json!(digest));
    row
}

/// One row, running, pending or as configured.
fn row_of(cluster: &Cluster, call: &Call, kind: &str, id: &str) -> Option<serde_json::Map<String, Value>> {
    let sdn = &cluster.sdn;
    if call.flag("pending") == Some(true) {
        return Some(labelled(kind, id, sdn.pending(kind, id)?, None));
    }
    if call.flag("running") == Some(true) {
        return Some(labelled(kind, id, sdn.running.get(kind)?.get(id)?.clone(), None));
    }
    Some(labelled(kind, id, sdn.get(kind, id)?.clone(), Some(&sdn.digest(kind))))
}
