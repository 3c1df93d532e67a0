//! Security groups: named lists of rules.

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply};
use crate::state::Cluster;
use crate::state::firewall::{Group, Scope};

use super::{Below, commented, lock, unmodified};

pub(super) fn calls() -> Vec<Below> {
    vec![("GET", "/groups", list), ("POST", "/groups", create), ("DELETE", "/groups/{group}", delete)]
}

fn list(cluster: &mut Cluster, _: &Call) -> Outcome {
    let digest = cluster.firewall.digest(&Scope::Cluster);
    let rows: Vec<Value> = cluster
        .firewall
        .groups
        .iter()
        .map(|(name, group)| {
            let mut row = json!({ "group": name, "digest": digest });
            commented(&mut row, group.comment.as_deref());
            row
        })
        .collect();
    Ok(Reply::data(rows))
}

/// Makes a group, or renames one together with the rules that use it.
fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    unmodified(cluster, call, &Scope::Cluster)?;
    lock(cluster, &Scope::Cluster)?;
    let name = call.required("group");
    let comment = call.text("comment").map(str::to_owned);
    let firewall = &mut cluster.firewall;
    if let Some(old) = call.text("rename") {
        let Some(mut group) = firewall.groups.get(old).cloned() else {
            return Err(Fault::param("group", format!("Security group '{old}' does not exist")));
        };
        if old != name && firewall.groups.contains_key(name) {
            return Err(Fault::param("group", format!("Security group '{name}' already exists")));
        }
        firewall.groups.remove(old);
        group.comment = comment.or(group.comment);
        firewall.groups.insert(name.to_owned(), group);
        let everywhere = std::iter::once(&mut firewall.cluster)
            .chain(firewall.nodes.values_mut())
            .chain(firewall.guests.values_mut())
            .chain(firewall.vnets.values_mut());
        for rule in everywhere.flat_map(|level| level.rules.iter_mut()) {
            let uses = rule.get("type").is_some_and(|kind| kind == "group");
            if uses && rule.get("action").is_some_and(|action| action == old) {
                rule.insert("action".to_owned(), name.to_owned());
            }
        }
        return Ok(Reply::null());
    }
    if firewall.groups.contains_key(name) {
        return Err(Fault::param("group", format!("Security group '{name}' already exists")));
    }
    firewall.groups.insert(name.to_owned(), Group { comment, rules: Vec::new() });
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("group");
    let Some(group) = cluster.firewall.groups.get(name) else {
        return Err(Fault::die(format!("no such security group '{name}'")));
    };
    if !group.rules.is_empty() {
        return Err(Fault::die(format!("Security group '{name}' is not empty")));
    }
    lock(cluster, &Scope::Cluster)?;
    cluster.firewall.groups.remove(name);
    Ok(Reply::null())
}
