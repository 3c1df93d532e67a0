//! `/cluster/config`: the members as corosync's configuration lists them, and what a node needs to join.

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::state::Cluster;
use crate::state::digest::sha1_hex;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/cluster/config/apiversion", |_, _| Ok(Reply::data("1"))),
    ("GET", "/cluster/config/nodes", nodes),
    ("GET", "/cluster/config/totem", |cluster, _| Ok(Reply::data(totem(cluster).unwrap_or_else(|| json!({}))))),
    ("GET", "/cluster/config/join", join),
    ("GET", "/cluster/config/qdevice", |_, _| Ok(Reply::data(json!({})))),
];

/// The `totem` section; a node that is in no cluster has none.
fn totem(cluster: &Cluster) -> Option<Value> {
    cluster.name.as_ref().map(|name| {
        json!({
            "cluster_name": name,
            "config_version": cluster.nodes.len().to_string(),
            "interface": { "0": { "linknumber": "0" } },
            "ip_version": "ipv4-6",
            "link_mode": "passive",
            "secauth": "on",
            "version": "2",
        })
    })
}

fn nodes(cluster: &mut Cluster, _: &Call) -> Outcome {
    let members = cluster.nodes.iter().filter(|_| cluster.name.is_some());
    let rows: Vec<Value> = members
        .map(|node| {
            json!({
                "node": node.name,
                "name": node.name,
                "nodeid": node.id.to_string(),
                "quorum_votes": "1",
                "ring0_addr": node.ip,
            })
        })
        .collect();
    Ok(Reply::data(rows))
}

fn join(cluster: &mut Cluster, call: &Call) -> Outcome {
    let Some(totem) = totem(cluster) else {
        let mut fault = Fault::status(424, "node is not in a cluster, no join info available!");
        fault.message = fault.message.trim_end().to_owned();
        return Err(fault);
    };
    let asked = call.text("node").filter(|node| *node != "localhost").unwrap_or(&call.entry);
    let members: Vec<Value> = cluster
        .nodes
        .iter()
        .map(|node| {
            json!({
                "name": node.name,
                "nodeid": node.id.to_string(),
                "pve_addr": node.ip,
                "pve_fp": node.fingerprint,
                "quorum_votes": "1",
                "ring0_addr": node.ip,
            })
        })
        .collect();
    let digest = sha1_hex(&format!("{totem}{members:?}"));
    Ok(Reply::data(json!({
        "config_digest": digest,
        "nodelist": members,
        "preferred_node": asked,
        "totem": totem,
    })))
}
