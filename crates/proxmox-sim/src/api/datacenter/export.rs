//! `GET /cluster/metrics/export`: the latest figures of nodes, guests and storages, for those who fetch them.

use serde_json::{Value, json};

use crate::api::{Call, Handler, Outcome, Reply};
use crate::guests::{Guest, GuestKind};
use crate::state::Cluster;
use crate::state::nodes::Node;

/// The calls and their handlers.
pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![("GET", "/cluster/metrics/export", export)]
}

/// Metric, whether it counts up, and its value.
type Metric = (&'static str, bool, Value);

fn export(cluster: &mut Cluster, call: &Call) -> Outcome {
    let only_here = call.flag("local-only") == Some(true);
    let mut rows = Vec::new();
    for node in cluster.nodes.iter().filter(|node| !only_here || node.name == call.entry) {
        let told = cluster.last_told(node);
        // A daemon that has just started has nothing yet.
        if told <= node.served_ms.unwrap_or(node.booted * 1000) || !cluster.is_member(node) {
            continue;
        }
        let mut push = |id: String, metrics: Vec<Metric>| {
            rows.extend(metrics.into_iter().map(|(metric, counts, value)| {
                let kind = if counts { "derive" } else { "gauge" };
                json!({ "id": id, "metric": metric, "type": kind, "timestamp": told / 1000, "value": value })
            }));
        };
        push(format!("node/{}", node.name), of_node(cluster, node, told));
        for guest in cluster.guests.iter().filter(|guest| guest.node == node.name) {
            push(format!("{}/{}", guest.kind.api(), guest.vmid), of_guest(guest, node, told));
        }
        for (id, definition) in cluster.storages.all() {
            let usage = cluster.storages.usage(&id, &node.name);
            if usage.active && definition.allows_node(&node.name) {
                let metrics = vec![("disk_total", false, json!(usage.total)), ("disk_used", false, json!(usage.used))];
                push(format!("storage/{}/{id}", node.name), metrics);
            }
        }
    }
    Ok(Reply::data(json!({ "data": rows })))
}

fn of_node(cluster: &Cluster, node: &Node, told: i64) -> Vec<Metric> {
    let disk = cluster.storages.usage("local", &node.name);
    vec![
        ("uptime", false, json!(told / 1000 - node.booted)),
        ("net_in", true, json!(0)),
        ("net_out", true, json!(0)),
        ("cpu_avg1", false, json!(0.1)),
        ("cpu_avg5", false, json!(0.12)),
        ("cpu_avg15", false, json!(0.09)),
        ("cpu_max", false, json!(node.cpus)),
        ("cpu_current", false, json!(0.02)),
        ("cpu_iowait", false, json!(0)),
        ("mem_total", false, json!(node.memory)),
        ("mem_used", false, json!(cluster.node_memory_used(&node.name))),
        ("swap_total", false, json!(0)),
        ("swap_used", false, json!(0)),
        ("disk_total", false, json!(disk.total)),
        ("disk_used", false, json!(disk.used)),
    ]
}

fn of_guest(guest: &Guest, node: &Node, told: i64) -> Vec<Metric> {
    let status = guest.status_json(told, node.cpus, true, false);
    let value = |key: &str| status.get(key).cloned().unwrap_or(json!(0));
    let mut metrics = vec![
        ("uptime", false, value("uptime")),
        ("cpu_max", false, value("cpus")),
        ("mem_total", false, value("maxmem")),
        ("disk_total", false, value("maxdisk")),
    ];
    if guest.is_running() {
        metrics.extend([
            ("cpu_current", false, value("cpu")),
            ("mem_used", false, value("mem")),
            ("disk_read", true, value("diskread")),
            ("disk_write", true, value("diskwrite")),
            ("net_in", true, value("netin")),
            ("net_out", true, value("netout")),
        ]);
        if guest.kind == GuestKind::Lxc {
            metrics.push(("disk_used", false, value("disk")));
        }
    }
    metrics
}
