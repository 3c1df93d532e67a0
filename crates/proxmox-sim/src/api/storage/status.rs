//! What a node makes of the storages: whether they are there and how full they are.

use serde_json::{Map, Value, json};

use crate::api::nodes::rrd_rows;
use crate::api::{Call, Fault, Outcome, Reply, Simulated, index_reply};
use crate::state::Cluster;
use crate::storage::Definition;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/storage", list),
    ("GET", "/nodes/{node}/storage/{storage}", index),
    ("GET", "/nodes/{node}/storage/{storage}/status", status),
    ("GET", "/nodes/{node}/storage/{storage}/rrddata", chart_data),
];

fn index(_: &mut Cluster, _: &Call) -> Outcome {
    let names = [
        "content",
        "download-url",
        "file-restore",
        "import-metadata",
        "oci-registry-pull",
        "prunebackups",
        "rrd",
        "rrddata",
        "status",
        "upload",
    ];
    Ok(index_reply("subdir", &names))
}

fn info(cluster: &Cluster, id: &str, definition: &Definition, node: &str) -> Map<String, Value> {
    let usage = cluster.storages.usage(id, node);
    let mut row = Map::new();
    row.insert("type".into(), json!(definition.kind));
    row.insert("content".into(), json!(definition.content_text()));
    row.insert("shared".into(), json!(u8::from(definition.is_shared())));
    row.insert("enabled".into(), json!(u8::from(usage.enabled)));
    row.insert("active".into(), json!(u8::from(usage.active)));
    row.insert("total".into(), json!(usage.total));
    row.insert("used".into(), json!(usage.used));
    row.insert("avail".into(), json!(usage.available));
    row
}

#[allow(clippy::cast_precision_loss)]
fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let node = call.node().to_owned();
    if let Some(id) = call.text("storage")
        && cluster.storages.get(id).is_none()
    {
        return Err(Fault::param("storage", "No such storage."));
    }
    let wanted = call.list("content");
    let target = call.text("target").filter(|target| *target != node);
    let mut rows = Vec::new();
    for (id, definition) in cluster.storages.all() {
        let path = format!("/storage/{id}");
        let visible = cluster.has(&call.caller, &path, "Datastore.Audit")
            || cluster.has(&call.caller, &path, "Datastore.AllocateSpace");
        let skip = !visible
            || call.text("storage").is_some_and(|only| only != id)
            || wanted.as_ref().is_some_and(|wanted| {
                definition.is_disabled() || !wanted.iter().any(|content| definition.holds(content))
            })
            || (call.flag("enabled") == Some(true) && (definition.is_disabled() || !definition.allows_node(&node)))
            || target.is_some_and(|target| {
                !definition.is_shared() || !definition.allows_node(&node) || !definition.allows_node(target)
            });
        if skip {
            continue;
        }
        let mut row = info(cluster, &id, &definition, &node);
        let usage = cluster.storages.usage(&id, &node);
        if usage.total > 0 {
            row.insert("used_fraction".into(), json!(usage.used as f64 / usage.total as f64));
        }
        if call.flag("format") == Some(true) && usage.enabled {
            let formats = definition.storage_type().map_or(&[][..], |kind| kind.formats);
            let default = formats.first().copied().unwrap_or("raw");
            let supported: Map<String, Value> = formats.iter().map(|format| ((*format).to_owned(), json!(1))).collect();
            row.insert("format".into(), json!([supported, default]));
            row.insert("formats".into(), json!({ "default": default, "supported": formats }));
        }
        row.insert("storage".into(), json!(id));
        rows.push(Value::Object(row));
    }
    Ok(Reply::data(rows))
}

fn status(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("storage");
    let definition = cluster.storages.get(id).ok_or_else(|| Fault::param("storage", "No such storage."))?;
    Ok(Reply::data(Value::Object(info(cluster, id, &definition, call.node()))))
}

fn chart_data(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("storage");
    let booted = cluster.nodes.get(call.node()).map_or(0, |node| node.booted);
    let usage = cluster.storages.usage(id, call.node());
    let rows = rrd_rows(cluster, call.required("timeframe"), booted, |_| {
        usage.active.then(|| json!({ "total": usage.total, "used": usage.used }))
    });
    Ok(Reply::data(rows))
}
