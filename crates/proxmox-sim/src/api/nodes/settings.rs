//! `/nodes/{node}/config`: notes and settings of a node; and `execute`, which runs several calls at once.

use serde_json::{Map, Value, json};

use crate::api::{Call, Fault, Outcome, ParamValue, Reply, Simulated};
use crate::state::Cluster;
use crate::state::digest::{assert_unmodified, of};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/config", read),
    ("PUT", "/nodes/{node}/config", write),
    ("POST", "/nodes/{node}/execute", execute),
];

fn settings(cluster: &Cluster, node: &str) -> Map<String, Value> {
    cluster.fact(node, "config").and_then(|config| config.as_object().cloned()).unwrap_or_default()
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome {
    let mut config = settings(cluster, call.node());
    if !config.is_empty() {
        config.insert("digest".to_owned(), json!(of(&settings(cluster, call.node()))));
    }
    if let Some(property) = call.text("property") {
        config.retain(|key, _| key == property || key == "digest");
    }
    Ok(Reply::data(config))
}

fn write(cluster: &mut Cluster, call: &Call) -> Outcome {
    let mut config = settings(cluster, call.node());
    assert_unmodified(&of(&config), call.text("digest"))?;
    cluster.require_quorum()?;
    for key in call.list("delete").unwrap_or_default() {
        config.remove(&key);
    }
    for (key, value) in call.params.iter().filter(|(key, _)| !matches!(key.as_str(), "node" | "delete" | "digest")) {
        if let ParamValue::Text(text) = value {
            let value = if key == "startall-onboot-delay" || key == "ballooning-target" {
                text.parse::<i64>().map_or_else(|_| json!(text), Value::from)
            } else {
                json!(text)
            };
            config.insert(key.clone(), value);
        }
    }
    cluster.set_fact(call.node(), "config", Value::Object(config));
    Ok(Reply::null())
}

/// Only what is wrong with the list of commands is simulated, and the empty one.
fn execute(_: &mut Cluster, call: &Call) -> Outcome {
    let commands: Value = serde_json::from_str(call.required("commands"))
        .map_err(|error| Fault::param("commands", format!("commands param did not contain valid JSON: {error}")))?;
    match commands.as_array() {
        None => Err(Fault::param("commands", "commands is not an array")),
        Some(commands) if commands.is_empty() => Ok(Reply::data(Vec::<Value>::new())),
        Some(_) => Err(Fault::not_implemented(&call.method, &call.path)),
    }
}
