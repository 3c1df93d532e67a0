//! Nodes, the cluster's name and version, and the tasks that were.

use serde_json::Value;

use super::answers::{Answers, SeedError, field, number};
use crate::state::{Cluster, Version};

/// Nodes and what is true for all of them.
pub(super) fn fill(cluster: &mut Cluster, answers: &Answers) -> Result<(), SeedError> {
    if let Some(version) = answers.get("/version") {
        cluster.version = Version {
            release: field(version, "release"),
            version: field(version, "version"),
            repoid: field(version, "repoid"),
        };
    }
    let now = cluster.now();
    let status: Vec<&Value> = answers.rows("/cluster/status").collect();
    cluster.name = status.iter().find(|row| field(row, "type") == "cluster").map(|row| field(row, "name"));
    let mut rows: Vec<&Value> = answers.rows("/nodes").collect();
    // The number of a node is its place in the cluster's configuration.
    let id = |name: &str| {
        let row = status.iter().find(|row| field(row, "type") == "node" && field(row, "name") == name);
        row.and_then(|row| number(row, "nodeid")).unwrap_or(i64::MAX)
    };
    rows.sort_by_key(|row| (id(&field(row, "node")), field(row, "node")));
    for row in rows {
        let name = field(row, "node");
        if name.is_empty() {
            continue;
        }
        cluster.nodes.add(&name, now - number(row, "uptime").unwrap_or(3600));
        let bridges: Vec<String> = answers
            .rows(&format!("/nodes/{name}/network"))
            .filter(|iface| field(iface, "type") == "bridge")
            .map(|iface| field(iface, "iface"))
            .collect();
        let Some(node) = cluster.nodes.get_mut(&name) else { continue };
        node.online = field(row, "status") != "offline";
        if let Ok(number) = u32::try_from(id(&name)) {
            node.id = number.max(1);
        }
        if let Some(known) =
            status.iter().find(|row| field(row, "name") == name).map(|row| field(row, "ip")).filter(|ip| !ip.is_empty())
        {
            node.ip = known;
        }
        if let Some(cpus) = number(row, "maxcpu").and_then(|n| u64::try_from(n).ok()) {
            node.cpus = cpus;
        }
        if let Some(memory) = number(row, "maxmem").and_then(|n| u64::try_from(n).ok()) {
            node.memory = memory;
        }
        if !bridges.is_empty() {
            node.bridges = bridges;
        }
    }
    if cluster.nodes.is_empty() { Err(SeedError::NoNode) } else { Ok(()) }
}

/// The tasks that had ended; their logs were not recorded.
pub(super) fn tasks(cluster: &mut Cluster, answers: &Answers) {
    let names: Vec<String> = cluster.nodes.iter().map(|node| node.name.clone()).collect();
    let mut rows: Vec<&Value> = answers.rows("/cluster/tasks").collect();
    let paths: Vec<String> = names.iter().map(|name| format!("/nodes/{name}/tasks")).collect();
    for path in &paths {
        rows.extend(answers.rows(path));
    }
    rows.sort_by_key(|row| (number(row, "endtime"), field(row, "upid")));
    rows.dedup_by_key(|row| field(row, "upid"));
    for row in rows {
        let (Ok(upid), Some(ended)) = (field(row, "upid").parse(), number(row, "endtime")) else { continue };
        let status = field(row, "status");
        let last = if status == "OK" { "TASK OK".to_owned() } else { format!("TASK ERROR: {status}") };
        cluster.tasks.restore(upid, vec![last], ended, status);
    }
}
