//! Sets of addresses.

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply};
use crate::state::Cluster;
use crate::state::firewall::{IpSet, Scope};
use crate::verify::network_formats::is_alias;

use super::{Below, commented, lock, scope, unmodified};

pub(super) fn calls() -> Vec<Below> {
    vec![
        ("GET", "/ipset", list),
        ("POST", "/ipset", create),
        ("GET", "/ipset/{name}", get),
        ("POST", "/ipset/{name}", add),
        ("DELETE", "/ipset/{name}", delete),
        ("GET", "/ipset/{name}/{*cidr}", get_entry),
        ("PUT", "/ipset/{name}/{*cidr}", update_entry),
        ("DELETE", "/ipset/{name}/{*cidr}", delete_entry),
    ]
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    let digest = cluster.firewall.digest(&scope);
    let rows: Vec<Value> = cluster
        .firewall
        .level(&scope)
        .ipsets
        .iter()
        .map(|(name, set)| {
            let mut row = json!({ "name": name, "digest": digest });
            commented(&mut row, set.comment.as_deref());
            row
        })
        .collect();
    Ok(Reply::data(rows))
}

/// Makes a set, or renames one and changes its comment.
fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    unmodified(cluster, call, &scope)?;
    lock(cluster, &scope)?;
    let name = call.required("name");
    let comment = call.text("comment").map(str::to_owned);
    let sets = &mut cluster.firewall.level_mut(&scope).ipsets;
    if let Some(old) = call.text("rename") {
        let Some(mut set) = sets.get(old).cloned() else {
            return Err(Fault::param("name", format!("IPSet '{old}' does not exist")));
        };
        if old != name && sets.contains_key(name) {
            return Err(Fault::param("name", format!("IPSet '{name}' already exists")));
        }
        sets.remove(old);
        set.comment = comment.or(set.comment);
        sets.insert(name.to_owned(), set);
        return Ok(Reply::null());
    }
    if sets.contains_key(name) {
        return Err(Fault::param("name", format!("IPSet '{name}' already exists")));
    }
    sets.insert(name.to_owned(), IpSet { comment, entries: Vec::new() });
    Ok(Reply::null())
}

fn no_such(name: &str) -> Fault {
    Fault::die(format!("no such IPSet '{name}'"))
}

fn find(cluster: &Cluster, call: &Call, scope: &Scope) -> Result<IpSet, Fault> {
    let name = call.required("name");
    cluster.firewall.level(scope).ipsets.get(name).cloned().ok_or_else(|| no_such(name))
}

fn entry(cidr: &str, comment: Option<&str>, nomatch: bool, digest: &str) -> Value {
    let mut row = json!({ "cidr": cidr, "digest": digest });
    if let (Some(row), true) = (row.as_object_mut(), nomatch) {
        row.insert("nomatch".to_owned(), 1.into());
    }
    commented(&mut row, comment);
    row
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    let set = find(cluster, call, &scope)?;
    let digest = cluster.firewall.digest(&scope);
    let rows: Vec<Value> =
        set.entries.iter().map(|(cidr, comment, nomatch)| entry(cidr, comment.as_deref(), *nomatch, &digest)).collect();
    Ok(Reply::data(rows))
}

fn add(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    find(cluster, call, &scope)?;
    lock(cluster, &scope)?;
    let cidr = call.required("cidr");
    if is_alias(cidr) && !super::verify::alias_exists(cluster, &scope, cidr) {
        return Err(Fault::die(format!("no such alias '{cidr}'")));
    }
    let Some(set) = cluster.firewall.level_mut(&scope).ipsets.get_mut(call.required("name")) else {
        return Err(no_such(call.required("name")));
    };
    if set.entries.iter().any(|(known, ..)| known == cidr) {
        return Err(Fault::param("cidr", format!("address '{cidr}' already exists")));
    }
    let comment = call.text("comment").map(str::to_owned);
    set.entries.push((cidr.to_owned(), comment, call.flag("nomatch") == Some(true)));
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    unmodified(cluster, call, &scope)?;
    let set = find(cluster, call, &scope)?;
    let name = call.required("name");
    if !set.entries.is_empty() && call.flag("force") != Some(true) {
        return Err(Fault::die(format!("IPSet '{name}' is not empty")));
    }
    lock(cluster, &scope)?;
    cluster.firewall.level_mut(&scope).ipsets.remove(name);
    Ok(Reply::null())
}

fn get_entry(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    let set = find(cluster, call, &scope)?;
    let digest = cluster.firewall.digest(&scope);
    let found = set.entries.iter().find(|(cidr, ..)| cidr == call.required("cidr"));
    found
        .map(|(cidr, comment, nomatch)| Reply::data(entry(cidr, comment.as_deref(), *nomatch, &digest)))
        .ok_or_else(|| Fault::param("cidr", "no such IP/Network"))
}

fn update_entry(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    unmodified(cluster, call, &scope)?;
    find(cluster, call, &scope)?;
    lock(cluster, &scope)?;
    let set = cluster.firewall.level_mut(&scope).ipsets.get_mut(call.required("name"));
    let found = set.and_then(|set| set.entries.iter_mut().find(|(cidr, ..)| cidr == call.required("cidr")));
    let Some((_, comment, nomatch)) = found else { return Err(Fault::param("cidr", "no such IP/Network")) };
    *comment = call.text("comment").map(str::to_owned);
    *nomatch = call.flag("nomatch") == Some(true);
    Ok(Reply::null())
}

fn delete_entry(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    unmodified(cluster, call, &scope)?;
    find(cluster, call, &scope)?;
    lock(cluster, &scope)?;
    if let Some(set) = cluster.firewall.level_mut(&scope).ipsets.get_mut(call.required("name")) {
        set.entries.retain(|(cidr, ..)| cidr != call.required("cidr"));
    }
    Ok(Reply::null())
}
