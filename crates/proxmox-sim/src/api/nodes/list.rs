//! `GET /nodes`, and what is below a node.

use serde_json::{Map, Value, json};

use crate::api::{Call, Outcome, Reply, Simulated, index_reply};
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[("GET", "/nodes", list), ("GET", "/nodes/{node}", index)];

const BELOW: &[&str] = &[
    "aplinfo",
    "apt",
    "capabilities",
    "ceph",
    "certificates",
    "config",
    "disks",
    "dns",
    "firewall",
    "hardware",
    "hosts",
    "journal",
    "lxc",
    "migrateall",
    "netstat",
    "network",
    "qemu",
    "query-oci-repo-tags",
    "query-url-metadata",
    "replication",
    "report",
    "rrd",
    "rrddata",
    "scan",
    "sdn",
    "services",
    "spiceshell",
    "startall",
    "status",
    "stopall",
    "storage",
    "subscription",
    "suspendall",
    "syslog",
    "tasks",
    "termproxy",
    "time",
    "version",
    "vncshell",
    "vzdump",
    "wakeonlan",
];

fn index(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(index_reply("name", BELOW))
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let rows: Vec<Value> = cluster
        .nodes
        .iter()
        .map(|node| {
            let audit = cluster.has(&call.caller, &format!("/nodes/{}", node.name), "Sys.Audit");
            Value::Object(cluster.node_summary(&node.name, &call.entry, audit))
        })
        .collect();
    Ok(Reply::data(rows))
}

impl Cluster {
    /// A node's row in lists. Figures only for those who may audit it.
    pub(in crate::api) fn node_summary(&self, name: &str, entry: &str, audit: bool) -> Map<String, Value> {
        let mut row = Map::new();
        let mut put = |key: &str, value: Value| {
            row.insert(key.to_owned(), value);
        };
        put("id", json!(format!("node/{name}")));
        put("node", json!(name));
        put("type", json!("node"));
        let Some(node) = self.nodes.get(name) else { return row };
        let interval = self.behaviour.telling_interval_ms;
        let booted = node.booted * 1000;
        let told = self.last_told(node);
        let member = self.is_member(node);
        if !node.fingerprint.is_empty() {
            put("ssl_fingerprint", json!(node.fingerprint));
        }
        if member && told < booted + i64::from(interval > 0) {
            put("status", json!("unknown"));
            return row;
        }
        put("status", json!(if member || name == entry { "online" } else { "offline" }));
        put("level", json!(""));
        if !audit {
            return row;
        }
        let disk = self.storages.usage("local", name);
        put("maxcpu", json!(node.cpus));
        put("maxmem", json!(node.memory));
        put("maxdisk", json!(disk.total));
        if member {
            put("cpu", json!(0.02));
            put("mem", json!(self.node_memory_used(name)));
            put("disk", json!(disk.used));
            put("uptime", json!((told - booted) / 1000));
        }
        row
    }

    /// Memory in use on a node: its own and that of its running guests.
    pub(in crate::api) fn node_memory_used(&self, name: &str) -> u64 {
        let guests: u64 = self
            .guests
            .iter()
            .filter(|guest| guest.node == name && guest.is_running())
            .map(|guest| guest.maxmem() / 2)
            .sum();
        let total = self.nodes.get(name).map_or(0, |node| node.memory);
        (1_100_000_000 + guests).min(total)
    }
}
