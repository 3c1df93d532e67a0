//! Rules: where resources run, and with whom.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::sections::{row, take, text, unmodified};
use crate::api::{Call, Fault, Handler, Outcome, Reply, split_list};
use crate::state::Cluster;
use crate::state::sections::Entry;

const KIND: &str = "ha-rule";
/// Where an entry remembers how many were there before it; never shown.
const PLACE: &str = " place";

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/cluster/ha/rules", list),
        ("POST", "/cluster/ha/rules", create),
        ("GET", "/cluster/ha/rules/{rule}", get),
        ("PUT", "/cluster/ha/rules/{rule}", update),
        ("DELETE", "/cluster/ha/rules/{rule}", delete),
    ]
}

/// Rows in their order: by type, then as they were made.
fn rows(cluster: &Cluster) -> Vec<(String, Entry)> {
    let mut all: Vec<(&String, &Entry)> = cluster.sections.all(KIND).collect();
    all.sort_by_key(|(_, entry)| (text(entry, "type").map(str::to_owned), entry.get(PLACE).and_then(Value::as_u64)));
    all.into_iter()
        .enumerate()
        .map(|(at, (id, entry))| {
            let mut row = row(cluster, KIND, Some("rule"), id, entry);
            row.remove(PLACE);
            row.insert("order".to_owned(), (at + 1).into());
            let problems = problems(cluster, id, entry);
            if !problems.is_empty() {
                row.insert("errors".to_owned(), json!({ "resources": problems }));
            }
            (id.clone(), row)
        })
        .collect()
}

fn resources(entry: &Entry) -> BTreeSet<&str> {
    text(entry, "resources").map(|list| split_list(list).collect()).unwrap_or_default()
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let wanted = |row: &Entry| {
        call.text("type").is_none_or(|kind| text(row, "type") == Some(kind))
            && call.text("resource").is_none_or(|resource| resources(row).contains(resource))
    };
    let rows: Vec<Value> = rows(cluster).into_iter().map(|(_, row)| row).filter(wanted).map(Value::Object).collect();
    Ok(Reply::data(rows))
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("rule");
    let found = rows(cluster).into_iter().find(|(rule, _)| rule == id);
    found.map(|(_, row)| Reply::data(row)).ok_or_else(|| Fault::die(format!("no such ha rule '{id}'")))
}

/// What is wrong with a rule next to the others; rules that are off are not looked at.
fn problems(cluster: &Cluster, id: &str, entry: &Entry) -> Vec<String> {
    let mut found = Vec::new();
    let own = resources(entry);
    let is_on = |entry: &Entry| entry.get("disable") != Some(&json!(1));
    if !is_on(entry) {
        return found;
    }
    let others = cluster.sections.all(KIND).filter(|(other, entry)| *other != id && is_on(entry));
    if text(entry, "type") == Some("resource-affinity") {
        if own.len() < 2 {
            found.push("rule is ineffective as there are less than two resources".to_owned());
        }
        let affinity = text(entry, "affinity").unwrap_or_default();
        if affinity == "negative" && own.len() > cluster.nodes.len() {
            found.push("rule defines more resources than available nodes".to_owned());
        }
        let opposite = if affinity == "negative" { "positive" } else { "negative" };
        let mut others = others.filter(|(_, other)| text(other, "affinity") == Some(opposite));
        if others.any(|(_, other)| resources(other).intersection(&own).count() >= 2) {
            found.push(format!("rule shares two or more resources with a {opposite} resource affinity rule"));
        }
    } else {
        let taken: BTreeSet<&str> = others
            .filter(|(_, other)| text(other, "type") == Some("node-affinity"))
            .flat_map(|(_, other)| resources(other))
            .collect();
        for resource in own.intersection(&taken) {
            found.push(format!("resource '{resource}' is already used in another node affinity rule"));
        }
    }
    found
}

/// What a rule of a type may and must have.
fn check_type(call: &Call, kind: &str) -> Result<(), Fault> {
    let (required, optional): (&[&str], &[&str]) = match kind {
        "node-affinity" => (&["nodes"], &["strict"]),
        _ => (&["affinity"], &[]),
    };
    let common = ["rule", "type", "resources", "disable", "comment", "digest", "delete"];
    let known = |key: &str| common.contains(&key) || required.contains(&key) || optional.contains(&key);
    if let Some(unexpected) = call.params.keys().find(|key| !known(key)) {
        return Err(Fault::die(format!("unexpected property '{unexpected}'")));
    }
    if call.method == "POST"
        && let Some(missing) = required.iter().find(|key| !call.params.contains_key(**key))
    {
        return Err(Fault::die(format!("missing value for required option '{missing}'")));
    }
    Ok(())
}

/// Takes the settings of a call and checks what they refer to.
fn apply(cluster: &Cluster, call: &Call, id: &str, entry: &mut Entry, prefix: &str) -> Result<(), Fault> {
    take(call, entry, &["rule"], &["strict", "disable"]);
    let own: Vec<String> = resources(entry).into_iter().map(str::to_owned).collect();
    entry.insert("resources".to_owned(), json!(own.join(",")));
    let unmanaged: Vec<&str> =
        own.iter().map(String::as_str).filter(|sid| cluster.sections.get("ha-resource", sid).is_none()).collect();
    if !unmanaged.is_empty() {
        return Err(Fault::die(format!("{prefix}cannot use unmanaged resource(s) {}.", unmanaged.join(", "))));
    }
    let nodes = text(entry, "nodes").unwrap_or_default();
    let unknown: Vec<&str> = split_list(nodes)
        .map(|node| node.split(':').next().unwrap_or_default())
        .filter(|node| cluster.nodes.get(node).is_none())
        .collect();
    if !unknown.is_empty() {
        return Err(Fault::die(format!("{prefix}cannot use non-existant node(s) {}.", unknown.join(", "))));
    }
    let problems = problems(cluster, id, entry);
    if !problems.is_empty() {
        let text = format!("{prefix}400 Rule '{id}' is invalid.\nresources: {}", problems.join(", "));
        return Err(Fault::die(text));
    }
    Ok(())
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    const PREFIX: &str = "create ha rule failed: ";
    let id = call.required("rule");
    check_type(call, call.required("type"))?;
    if cluster.sections.get(KIND, id).is_some() {
        return Err(Fault::die(format!("{PREFIX}HA rule '{id}' already defined")));
    }
    let mut entry = Entry::new();
    apply(cluster, call, id, &mut entry, PREFIX)?;
    cluster.require_quorum()?;
    let places = cluster.sections.all(KIND).filter_map(|(_, other)| other.get(PLACE).and_then(Value::as_u64));
    let place = places.max().map_or(0, |last| last + 1);
    entry.insert(PLACE.to_owned(), place.into());
    cluster.sections.put(KIND, id, entry);
    Ok(Reply::null())
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    const PREFIX: &str = "update HA rules failed: ";
    let id = call.required("rule");
    unmodified(cluster, call, KIND).map_err(|fault| fault.prefixed(PREFIX))?;
    let Some(mut entry) = cluster.sections.get(KIND, id).cloned() else {
        return Err(Fault::die(format!("{PREFIX}HA rule '{id}' does not exist")));
    };
    if text(&entry, "type") != call.text("type") {
        return Err(Fault::die(format!("{PREFIX}unexpected property 'type'")));
    }
    check_type(call, call.required("type")).map_err(|fault| fault.prefixed(PREFIX))?;
    for key in call.list("delete").unwrap_or_default() {
        if !["disable", "comment", "strict"].contains(&key.as_str()) {
            return Err(Fault::die(format!("{PREFIX}no such option '{key}'")));
        }
        entry.remove(&key);
    }
    apply(cluster, call, id, &mut entry, PREFIX)?;
    cluster.require_quorum()?;
    cluster.sections.put(KIND, id, entry);
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    cluster.require_quorum()?;
    cluster.sections.remove(KIND, call.required("rule"));
    Ok(Reply::null())
}
