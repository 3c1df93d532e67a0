//! Replication jobs. Nothing is replicated here; the configuration is kept and checked.

use serde_json::{Value, json};

use crate::api::sections::{row, take, unmodified};
use crate::api::{Call, Fault, Handler, Outcome, Reply};
use crate::state::Cluster;
use crate::state::sections::Entry;

const KIND: &str = "replication";

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/cluster/replication", list),
        ("POST", "/cluster/replication", create),
        ("GET", "/cluster/replication/{id}", get),
        ("PUT", "/cluster/replication/{id}", update),
        ("DELETE", "/cluster/replication/{id}", delete),
        ("GET", "/nodes/{node}/replication", of_node),
        ("GET", "/nodes/{node}/replication/{id}/status", status),
        ("GET", "/nodes/{node}/replication/{id}/log", log),
        ("POST", "/nodes/{node}/replication/{id}/schedule_now", now),
    ]
}

fn no_such(id: &str) -> Fault {
    Fault::die(format!("no such job '{id}'"))
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let seen = |id: &str| {
        let vmid = id.split('-').next().unwrap_or_default();
        cluster.check(&call.caller, &format!("/vms/{vmid}"), &["VM.Audit"]).is_ok()
    };
    let all = cluster.sections.all(KIND).filter(|(id, _)| seen(id));
    Ok(Reply::data(all.map(|(id, entry)| row(cluster, KIND, Some("id"), id, entry).into()).collect::<Vec<Value>>()))
}

/// How a job is: it never ran.
fn state(cluster: &Cluster, id: &str, entry: &Entry) -> Value {
    let mut row: Value = row(cluster, KIND, Some("id"), id, entry).into();
    let vmid = entry.get("guest").and_then(Value::as_u64).and_then(|vmid| u32::try_from(vmid).ok());
    let kind = vmid.and_then(|vmid| cluster.guests.get(vmid)).map_or("qemu", |guest| guest.kind.api());
    for (key, value) in
        [("vmtype", json!(kind)), ("fail_count", json!(0)), ("last_sync", json!(0)), ("next_sync", json!(0))]
    {
        crate::api::set_key(&mut row, key, value);
    }
    row
}

fn of_node(cluster: &mut Cluster, call: &Call) -> Outcome {
    let on_it = |entry: &Entry| entry.get("source").and_then(Value::as_str) == Some(call.node());
    let wanted = call.int("guest");
    let rows = cluster
        .sections
        .all(KIND)
        .filter(|(_, entry)| on_it(entry))
        .filter(|(_, entry)| wanted.is_none() || entry.get("guest").and_then(Value::as_i64) == wanted)
        .filter(|(id, _)| {
            let vmid = id.split('-').next().unwrap_or_default();
            cluster.check(&call.caller, &format!("/vms/{vmid}"), &["VM.Audit"]).is_ok()
        });
    Ok(Reply::data(rows.map(|(id, entry)| state(cluster, id, entry)).collect::<Vec<Value>>()))
}

fn status(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("id");
    let entry = cluster.sections.get(KIND, id).ok_or_else(|| no_such(id))?;
    Ok(Reply::data(state(cluster, id, entry)))
}

fn log(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("id");
    cluster.sections.get(KIND, id).ok_or_else(|| no_such(id))?;
    Ok(Reply::data(json!([{ "n": 1, "t": "no content" }])).in_order().with_total(1))
}

fn now(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("id");
    cluster.sections.get(KIND, id).ok_or_else(|| no_such(id))?;
    // The next run of the scheduler would take it up; nothing is replicated here.
    Ok(Reply::null())
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("id");
    let entry = cluster.sections.get(KIND, id).ok_or_else(|| no_such(id))?;
    Ok(Reply::data(row(cluster, KIND, Some("id"), id, entry)))
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (id, target) = (call.required("id"), call.required("target"));
    // A single node is in no list of members.
    if cluster.nodes.len() < 2 || cluster.nodes.get(target).is_none() {
        return Err(Fault::die(format!("Target '{target}' does not exist.")));
    }
    let vmid = id.split('-').next().and_then(|vmid| vmid.parse::<u32>().ok()).unwrap_or(0);
    let Some(guest) = cluster.guests.get(vmid) else {
        return Err(Fault::die(format!("Guest '{vmid}' does not exist.")));
    };
    if guest.node == target {
        return Err(Fault::die("Source and target cannot be the same."));
    }
    if cluster.sections.get(KIND, id).is_some() {
        return Err(Fault::die(format!("replication job '{id}' already exists")));
    }
    let (source, number) = (guest.node.clone(), id.split('-').nth(1).and_then(|n| n.parse::<i64>().ok()).unwrap_or(0));
    let mut entry = Entry::new();
    take(call, &mut entry, &["id"], &["disable", "rate"]);
    entry.insert("guest".to_owned(), vmid.into());
    entry.insert("jobnum".to_owned(), number.into());
    entry.insert("source".to_owned(), source.into());
    cluster.cfs_lock("replication_cfg")?;
    cluster.sections.put(KIND, id, entry);
    Ok(Reply::null())
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("id");
    unmodified(cluster, call, KIND)?;
    let mut entry = cluster.sections.get(KIND, id).cloned().ok_or_else(|| no_such(id))?;
    for key in call.list("delete").unwrap_or_default() {
        if !["comment", "disable", "rate", "schedule", "source", "remove_job"].contains(&key.as_str()) {
            return Err(Fault::die(format!("no such option '{key}'")));
        }
        entry.remove(&key);
    }
    take(call, &mut entry, &["id"], &["disable", "rate"]);
    cluster.cfs_lock("replication_cfg")?;
    cluster.sections.put(KIND, id, entry);
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("id");
    if cluster.sections.get(KIND, id).is_none() {
        return Err(no_such(id));
    }
    cluster.cfs_lock("replication_cfg")?;
    cluster.sections.remove(KIND, id);
    Ok(Reply::null())
}
