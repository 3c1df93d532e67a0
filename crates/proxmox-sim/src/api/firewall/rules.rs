//! Rules by position, of firewalls and of security groups.

use serde_json::{Map, Value, json};

use crate::api::{Call, Fault, Outcome, Reply};
use crate::state::Cluster;
use crate::state::firewall::{Rule, Scope};

use super::verify::{Environment, check};
use super::{Below, known_macros, lock, scope, unmodified};

pub(super) fn calls() -> Vec<Below> {
    vec![
        ("GET", "/rules", list),
        ("POST", "/rules", create),
        ("GET", "/rules/{pos}", get),
        ("PUT", "/rules/{pos}", update),
        ("DELETE", "/rules/{pos}", delete),
        ("GET", "/groups/{group}", list),
        ("POST", "/groups/{group}", create),
        ("GET", "/groups/{group}/{pos}", get),
        ("PUT", "/groups/{group}/{pos}", update),
        ("DELETE", "/groups/{group}/{pos}", delete),
    ]
}

const FIELDS: [&str; 13] = [
    "type",
    "action",
    "comment",
    "dest",
    "dport",
    "enable",
    "icmp-type",
    "iface",
    "log",
    "macro",
    "proto",
    "source",
    "sport",
];

fn environment(call: &Call, scope: &Scope) -> Environment {
    match scope {
        _ if call.text("group").is_some() => Environment::Group,
        Scope::Cluster => Environment::Cluster,
        Scope::Node(_) => Environment::Host,
        Scope::Guest(_) if call.path.contains("/lxc/") => Environment::Container,
        Scope::Guest(_) => Environment::Vm,
        Scope::Vnet(_) => Environment::Vnet,
    }
}

fn rules(cluster: &Cluster, call: &Call, scope: &Scope) -> Result<Vec<Rule>, Fault> {
    match call.text("group") {
        Some(group) => match cluster.firewall.groups.get(group) {
            Some(found) => Ok(found.rules.clone()),
            None => Err(Fault::die(format!("no such security group '{group}'"))),
        },
        None => Ok(cluster.firewall.level(scope).rules),
    }
}

fn row(cluster: &Cluster, call: &Call, scope: &Scope, rule: &Rule, digest: &str) -> Map<String, Value> {
    let mut row: Map<String, Value> = rule.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let enabled = rule.get("enable").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    row.insert("enable".to_owned(), enabled.into());
    row.insert("digest".to_owned(), digest.into());
    let (version, errors) = check(cluster, scope, environment(call, scope), rule);
    if let Some(version) = version {
        row.insert("ipversion".to_owned(), version.into());
    }
    if !errors.is_empty() {
        row.insert("errors".to_owned(), json!(errors));
    }
    row
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    let digest = cluster.firewall.digest(&scope);
    let rows: Vec<Value> = rules(cluster, call, &scope)?
        .iter()
        .enumerate()
        .map(|(position, rule)| {
            let mut row = row(cluster, call, &scope, rule, &digest);
            row.insert("pos".to_owned(), position.into());
            row.into()
        })
        .collect();
    Ok(Reply::data(rows))
}

fn position(call: &Call) -> usize {
    call.int("pos").and_then(|position| usize::try_from(position).ok()).unwrap_or(usize::MAX)
}

fn no_rule(call: &Call) -> Fault {
    Fault::die(format!("no rule at position {}", call.required("pos")))
}

fn get(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    let digest = cluster.firewall.digest(&scope);
    let all = rules(cluster, call, &scope)?;
    let rule = all.get(position(call)).ok_or_else(|| no_rule(call))?;
    let mut row = row(cluster, call, &scope, rule, &digest);
    row.insert("pos".to_owned(), call.required("pos").into());
    Ok(Reply::data(row))
}

/// Takes the fields of a call; a macro gets its proper spelling.
fn take(call: &Call, rule: &mut Rule) {
    for field in FIELDS {
        match call.text(field) {
            Some("") => {
                rule.remove(field);
            }
            Some(value) => {
                rule.insert(field.to_owned(), value.to_owned());
            }
            None => {}
        }
    }
    let proper = rule.get("macro").and_then(|name| known_macros().find(|(known, _)| known.eq_ignore_ascii_case(name)));
    if let Some((proper, _)) = proper {
        rule.insert("macro".to_owned(), proper.to_owned());
    }
}

fn verified(cluster: &Cluster, call: &Call, scope: &Scope, rule: &Rule) -> Result<(), Fault> {
    let (_, errors) = check(cluster, scope, environment(call, scope), rule);
    if errors.is_empty() { Ok(()) } else { Err(Fault::params(errors)) }
}

/// A new rule goes to the top, whatever position is asked for.
fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    rules(cluster, call, &scope)?;
    let mut rule = Rule::new();
    take(call, &mut rule);
    verified(cluster, call, &scope, &rule)?;
    lock(cluster, &scope)?;
    if let Some(all) = cluster.firewall.rules_mut(&scope, call.text("group")) {
        all.insert(0, rule);
    }
    Ok(Reply::null())
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    unmodified(cluster, call, &scope)?;
    let mut all = rules(cluster, call, &scope)?;
    let at = position(call);
    let Some(mut rule) = all.get(at).cloned() else { return Err(no_rule(call)) };
    match call.int("moveto").and_then(|to| usize::try_from(to).ok()).filter(|to| *to != at) {
        Some(to) => {
            all.remove(at);
            // The place is meant as it was before the rule was taken out.
            let place = if to > at { to - 1 } else { to };
            all.insert(place.min(all.len()), rule);
        }
        None => {
            take(call, &mut rule);
            for key in call.list("delete").unwrap_or_default() {
                if !FIELDS.contains(&key.as_str()) {
                    return Err(Fault::param("delete", format!("no such property ('{key}')")));
                }
                if key == "type" || key == "action" {
                    return Err(Fault::param("delete", format!("unable to delete required property '{key}'")));
                }
                rule.remove(&key);
            }
            verified(cluster, call, &scope, &rule)?;
            if let Some(slot) = all.get_mut(at) {
                *slot = rule;
            }
        }
    }
    lock(cluster, &scope)?;
    if let Some(slot) = cluster.firewall.rules_mut(&scope, call.text("group")) {
        *slot = all;
    }
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let scope = scope(cluster, call)?;
    unmodified(cluster, call, &scope)?;
    let mut all = rules(cluster, call, &scope)?;
    let at = position(call);
    if at >= all.len() {
        return Err(no_rule(call));
    }
    lock(cluster, &scope)?;
    all.remove(at);
    if let Some(slot) = cluster.firewall.rules_mut(&scope, call.text("group")) {
        *slot = all;
    }
    Ok(Reply::null())
}
