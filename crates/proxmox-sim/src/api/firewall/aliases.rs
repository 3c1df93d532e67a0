//! Names for addresses.

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply};
use crate::state::Cluster;
use crate::state::firewall::Alias;

use super::{Below, commented, ip_version, lock, scope, unmodified};

pub(super) fn calls() -> Vec<Below> {
    vec![
        ("GET", "/aliases", list),
        ("POST", "/aliases", create),
        ("GET", "/aliases/{name}", get),
        ("PUT", "/aliases/{name}", update),
        ("DELETE", "/aliases/{name}", delete),
    ]
}

fn row(alias: &Alias) -> Value {
    let mut row = json!({ "name": alias.name, "cidr": alias.cidr, "ipversion": ip_version(&alias.cidr) });
    commented(&mut row, alias.comment.as_deref());
    row
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    let digest = cluster.firewall.digest(&scope);
    let rows: Vec<Value> = cluster
        .firewall
        .level(&scope)
        .aliases
        .values()
        .map(|alias| {
            let mut row = row(alias);
            if let Some(row) = row.as_object_mut() {
                row.insert("digest".to_owned(), digest.as_str().into());
            }
            row
        })
        .collect();
    Ok(Reply::data(rows))
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    let level = cluster.firewall.level(&scope);
    let found = level.aliases.get(&call.required("name").to_lowercase());
    found.map(|alias| Reply::data(row(alias))).ok_or_else(|| Fault::param("name", "no such alias"))
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    let name = call.required("name");
    lock(cluster, &scope)?;
    let aliases = &mut cluster.firewall.level_mut(&scope).aliases;
    if aliases.contains_key(&name.to_lowercase()) {
        return Err(Fault::param("name", format!("alias '{name}' already exists")));
    }
    let alias = Alias {
        name: name.to_owned(),
        cidr: call.required("cidr").to_owned(),
        comment: call.text("comment").map(str::to_owned),
    };
    aliases.insert(name.to_lowercase(), alias);
    Ok(Reply::null())
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    unmodified(cluster, call, &scope)?;
    lock(cluster, &scope)?;
    let name = call.required("name");
    let aliases = &mut cluster.firewall.level_mut(&scope).aliases;
    let Some(old) = aliases.get(&name.to_lowercase()).cloned() else {
        return Err(Fault::param("name", "no such alias"));
    };
    let new_name = call.text("rename").unwrap_or(&old.name).to_owned();
    if !new_name.eq_ignore_ascii_case(name) && aliases.contains_key(&new_name.to_lowercase()) {
        return Err(Fault::param("name", format!("alias '{new_name}' already exists")));
    }
    aliases.remove(&name.to_lowercase());
    // What is not sent is gone: the entry is written anew.
    let alias = Alias {
        name: new_name.clone(),
        cidr: call.required("cidr").to_owned(),
        comment: call.text("comment").map(str::to_owned),
    };
    aliases.insert(new_name.to_lowercase(), alias);
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    unmodified(cluster, call, &scope)?;
    lock(cluster, &scope)?;
    cluster.firewall.level_mut(&scope).aliases.remove(&call.required("name").to_lowercase());
    Ok(Reply::null())
}
