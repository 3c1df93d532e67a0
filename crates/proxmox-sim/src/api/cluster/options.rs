//! `/cluster/options`: what `datacenter.cfg` says, and the tags that the caller may give.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::api::{Call, Caller, Outcome, ParamValue, Reply, Simulated, split_list};
use crate::guests::property::Property;
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[("GET", "/cluster/options", read), ("PUT", "/cluster/options", write)];

/// Options that are shown in parts.
const IN_PARTS: &[(&str, &str)] = &[
    ("crs", ""),
    ("ha", ""),
    ("location", ""),
    ("migration", "type"),
    ("next-id", ""),
    ("notify", ""),
    ("replication", "type"),
    ("tag-style", ""),
    ("u2f", ""),
    ("user-tag-access", ""),
    ("webauthn", ""),
];
/// What everybody may read.
const PUBLIC: &[&str] = &["console", "tag-style", "location", "consent-text"];
/// What generated hardware addresses start with unless the options say otherwise.
const MAC_PREFIX: &str = "BC:24:11";

/// A stored option as it is shown.
fn shown(key: &str, text: &str) -> Value {
    if key == "registered-tags" {
        return json!(split_list(text).collect::<Vec<_>>());
    }
    if matches!(key, "max_workers" | "migration_unsecure") {
        return text.parse::<i64>().map_or_else(|_| json!(text), Value::from);
    }
    let Some((_, default_key)) = IN_PARTS.iter().find(|(name, _)| *name == key) else { return json!(text) };
    let mut parts = Map::new();
    for (part, value) in Property::parse(text, default_key).iter() {
        let value = match (part, value.parse::<i64>()) {
            ("user-allow-list", _) => json!(split_list(value).collect::<Vec<_>>()),
            (_, Ok(number)) => json!(number),
            (_, Err(_)) => json!(value),
        };
        parts.insert(part.to_owned(), value);
    }
    Value::Object(parts)
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome {
    let everything = cluster.has(&call.caller, "/", "Sys.Audit");
    let mut row: Map<String, Value> = cluster
        .options
        .iter()
        .filter(|(key, _)| everything || PUBLIC.contains(&key.as_str()))
        .map(|(key, text)| (key.clone(), shown(key, text)))
        .collect();
    if everything {
        row.entry("mac_prefix").or_insert_with(|| json!(MAC_PREFIX));
        row.entry("description").or_insert_with(|| json!(""));
    }
    row.insert("allowed-tags".to_owned(), json!(allowed_tags(cluster, &call.caller)));
    Ok(Reply::data(row))
}

/// The tags that a caller may give guests: those in use on guests that it sees, as far as the options leave it free, and for those who may
/// change the options the registered ones.
fn allowed_tags(cluster: &Cluster, caller: &Caller) -> BTreeSet<String> {
    let privileged = cluster.has(caller, "/", "Sys.Modify");
    let access = Property::parse(cluster.options.get("user-tag-access").map_or("", String::as_str), "");
    let allow = access.get("user-allow").unwrap_or("free");
    let mut tags = BTreeSet::new();
    if privileged {
        let registered = cluster.options.get("registered-tags").map_or("", String::as_str);
        tags.extend(split_list(registered).map(str::to_owned));
    }
    if allow == "none" && !privileged {
        return tags;
    }
    tags.extend(split_list(access.get("user-allow-list").unwrap_or_default()).map(str::to_owned));
    if allow != "list" || privileged {
        for guest in cluster.guests.iter() {
            if privileged || cluster.has(caller, &format!("/vms/{}", guest.vmid), "VM.Audit") {
                tags.extend(split_list(guest.config.get("tags").unwrap_or_default()).map(str::to_owned));
            }
        }
    }
    tags
}

fn write(cluster: &mut Cluster, call: &Call) -> Outcome {
    cluster.cfs_lock("datacenter_cfg")?;
    let mut options: BTreeMap<String, String> = cluster.options.clone();
    for key in call.list("delete").unwrap_or_default() {
        options.remove(&key);
    }
    for (key, value) in call.params.iter().filter(|(key, _)| *key != "delete") {
        if let ParamValue::Text(text) = value {
            options.insert(key.clone(), text.clone());
        }
    }
    cluster.options = options;
    Ok(Reply::null())
}
