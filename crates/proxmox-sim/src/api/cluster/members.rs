//! `GET /cluster/status` and `GET /cluster/nextid`.

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::guests::property::Property;
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[("GET", "/cluster/status", status), ("GET", "/cluster/nextid", next_id)];

fn status(cluster: &mut Cluster, call: &Call) -> Outcome {
    let mut rows: Vec<Value> = Vec::new();
    if let Some(name) = &cluster.name {
        rows.push(json!({
            "type": "cluster",
            "id": "cluster",
            "name": name,
            "version": cluster.nodes.len(),
            "nodes": cluster.nodes.len(),
            "quorate": u8::from(cluster.quorate()),
        }));
    }
    for node in cluster.nodes.iter() {
        rows.push(json!({
            "type": "node",
            "id": format!("node/{}", node.name),
            "name": node.name,
            "nodeid": if cluster.name.is_some() { node.id } else { 0 },
            "ip": node.ip,
            "local": u8::from(node.name == call.entry),
            "online": u8::from(cluster.is_member(node)),
            "level": "",
        }));
    }
    Ok(Reply::data(rows))
}

fn next_id(cluster: &mut Cluster, call: &Call) -> Outcome {
    if let Some(wanted) = call.text("vmid") {
        let taken = wanted.parse().is_ok_and(|vmid| cluster.guests.get(vmid).is_some());
        return if taken {
            Err(Fault::param("vmid", format!("VM {wanted} already exists")))
        } else {
            Ok(Reply::data(wanted))
        };
    }
    let range = Property::parse(cluster.options.get("next-id").map_or("", String::as_str), "lower");
    let bound = |key: &str, default: u32| range.get(key).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (lower, upper) = (bound("lower", 100), bound("upper", 1_000_000));
    let free = (lower..upper).find(|vmid| cluster.guests.get(*vmid).is_none());
    match free {
        Some(vmid) => Ok(Reply::data(vmid.to_string())),
        None => Err(Fault::die(format!("unable to get any free VMID in range [{lower}, {}]", upper.saturating_sub(1)))),
    }
}
