//! `/version` and the index of the root.

use serde_json::json;

use crate::state::Cluster;

use super::{Call, Endpoint, Outcome, Reply, index_reply};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::index("/", root),
        Endpoint::index("/cluster", cluster_index),
        Endpoint::get("/version", version).all(),
    ]
}

fn cluster_index(_: &mut Cluster, _: &Call) -> Outcome {
    let names = [
        "acme",
        "backup",
        "backup-info",
        "bulk-action",
        "ceph",
        "config",
        "firewall",
        "ha",
        "jobs",
        "log",
        "mapping",
        "metrics",
        "nextid",
        "notifications",
        "options",
        "replication",
        "resources",
        "sdn",
        "status",
        "tasks",
    ];
    Ok(index_reply("name", &names))
}

fn root(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(index_reply("subdir", &["access", "cluster", "nodes", "pools", "storage", "version"]))
}

fn version(cluster: &mut Cluster, _: &Call) -> Outcome {
    let version = &cluster.version;
    Ok(Reply::data(json!({
        "release": version.release,
        "version": version.version,
        "repoid": version.repoid,
    })))
}
