//! `/cluster/ha`: resources, groups or rules and their state. Nothing acts on them here: no node has a manager, so services stay queued.

mod groups;
mod resources;
mod rules;

use serde_json::{Value, json};

use crate::state::Cluster;

use super::{Call, Handler, Outcome, Reply, index_reply};

/// The calls and their handlers.
pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    let mut all: Vec<(&'static str, &'static str, Handler)> = vec![
        ("GET", "/cluster/ha", index),
        ("GET", "/cluster/ha/status", |_, _| Ok(index_reply("name", &["current", "manager_status"]))),
        ("GET", "/cluster/ha/status/current", current),
        ("GET", "/cluster/ha/status/manager_status", manager_status),
        ("POST", "/cluster/ha/status/disarm-ha", disarm),
        ("POST", "/cluster/ha/status/arm-ha", arm),
    ];
    all.extend(groups::calls());
    all.extend(resources::calls());
    all.extend(rules::calls());
    all
}

fn index(cluster: &mut Cluster, _: &Call) -> Outcome {
    let names: &[&str] = match groups::are_there(cluster) {
        true => &["status", "resources", "groups"],
        false => &["status", "resources", "groups", "rules"],
    };
    Ok(index_reply("id", names))
}

/// Section under which it is kept that high availability is disarmed.
const DISARMED: &str = "ha-disarmed";

fn disarm(cluster: &mut Cluster, call: &Call) -> Outcome {
    cluster.require_quorum()?;
    let mode = call.text("resource-mode").unwrap_or("freeze");
    cluster.sections.put(
        DISARMED,
        "cluster",
        crate::state::sections::Entry::from_iter([("resource-mode".to_owned(), json!(mode))]),
    );
    Ok(Reply::null())
}

fn arm(cluster: &mut Cluster, _: &Call) -> Outcome {
    cluster.require_quorum()?;
    cluster.sections.remove(DISARMED, "cluster");
    Ok(Reply::null())
}

fn current(cluster: &mut Cluster, call: &Call) -> Outcome {
    let quorate = cluster.quorate();
    let mut rows = vec![json!({
        "id": "quorum", "type": "quorum", "node": call.entry, "quorate": u8::from(quorate),
        "status": if quorate { "OK".to_owned() } else { format!("No quorum on node '{}'!", call.entry) },
    })];
    for (sid, entry) in cluster.sections.all("ha-resource") {
        let vmid = sid.split_once(':').and_then(|(_, id)| id.parse::<u32>().ok()).unwrap_or(0);
        let node = cluster.guests.get(vmid).map(|guest| guest.node.clone()).unwrap_or_default();
        let request = super::sections::text(entry, "state").unwrap_or("started");
        let state = if request == "ignored" { "ignored" } else { "queued" };
        let number = |key: &str| entry.get(key).cloned().unwrap_or(json!(1));
        let mut row = json!({
            "id": format!("service:{sid}"), "type": "service", "sid": sid, "node": node, "state": state,
            "request_state": request, "status": format!("{sid} ({node}, {state})"), "max_restart": number("max_restart"),
            "max_relocate": number("max_relocate"), "failback": number("failback"),
        });
        if let (Some(row), Some(comment)) = (row.as_object_mut(), entry.get("comment")) {
            row.insert("comment".to_owned(), comment.clone());
        }
        rows.push(row);
    }
    Ok(Reply::data(rows))
}

fn manager_status(cluster: &mut Cluster, call: &Call) -> Outcome {
    let quorate = if cluster.quorate() { "1" } else { "0" };
    let data: Value = json!({
        "manager_status": { "node_status": {} },
        "quorum": { "quorate": quorate, "node": call.entry },
    });
    Ok(Reply::data(data))
}
