//! Servers that nodes send their figures to; plugins for certificates, which are kept the same way.

use serde_json::{Value, json};

use crate::api::sections::take;
use crate::api::{Call, Fault, Handler, Outcome, Reply};
use crate::state::Cluster;
use crate::state::sections::Entry;

const KIND: &str = "metrics";
const NUMBERS: &[&str] = &[
    "disable",
    "port",
    "mtu",
    "timeout",
    "max-body-size",
    "verify-certificate",
    "otel-timeout",
    "otel-verify-ssl",
    "otel-max-body-size",
    "validation-delay",
];

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/cluster/metrics/server", list),
        ("GET", "/cluster/metrics/server/{id}", get),
        ("POST", "/cluster/metrics/server/{id}", create),
        ("PUT", "/cluster/metrics/server/{id}", update),
        ("DELETE", "/cluster/metrics/server/{id}", delete),
    ]
}

fn list(cluster: &mut Cluster, _: &Call) -> Outcome {
    let rows: Vec<Value> = cluster
        .sections
        .all(KIND)
        .map(|(id, entry)| {
            let value = |key: &str| entry.get(key).cloned().unwrap_or(Value::Null);
            json!({
                "id": id, "type": value("type"), "server": value("server"), "port": value("port"),
                "disable": entry.get("disable").cloned().unwrap_or(json!(0)),
            })
        })
        .collect();
    Ok(Reply::data(rows))
}

fn missing(id: &str) -> Fault {
    Fault::die(format!("status server entry '{id}' does not exist"))
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("id");
    cluster.sections.get(KIND, id).map(|entry| Reply::data(entry.clone())).ok_or_else(|| missing(id))
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("id");
    if cluster.sections.get(KIND, id).is_some() {
        return Err(Fault::die(format!("Metric server '{id}' already exists")));
    }
    cluster.cfs_lock("status_cfg")?;
    let mut entry = Entry::new();
    take(call, &mut entry, &["id"], NUMBERS);
    cluster.sections.put(KIND, id, entry);
    Ok(Reply::null())
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("id");
    let Some(mut entry) = cluster.sections.get(KIND, id).cloned() else {
        return Err(Fault::die(format!("no such server '{id}'")));
    };
    for key in call.list("delete").unwrap_or_default() {
        entry.remove(&key);
    }
    take(call, &mut entry, &["id"], NUMBERS);
    cluster.cfs_lock("status_cfg")?;
    cluster.sections.put(KIND, id, entry);
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    cluster.cfs_lock("status_cfg")?;
    cluster.sections.remove(KIND, call.required("id"));
    Ok(Reply::null())
}
