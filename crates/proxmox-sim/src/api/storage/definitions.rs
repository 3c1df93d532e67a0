//! `/storage`: the cluster's storage configuration.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated, split_list};
use crate::state::Cluster;
use crate::state::digest::assert_unmodified;
use crate::storage::{Definition, types};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/storage", list),
    ("POST", "/storage", create),
    ("GET", "/storage/{storage}", read),
    ("PUT", "/storage/{storage}", update),
    ("DELETE", "/storage/{storage}", delete),
];

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let digest = cluster.storages.digest();
    let rows: Vec<Value> = cluster
        .storages
        .all()
        .into_iter()
        .filter(|(_, definition)| call.text("type").is_none_or(|kind| definition.kind == kind))
        .filter(|(id, _)| {
            let path = format!("/storage/{id}");
            cluster.has(&call.caller, &path, "Datastore.Audit")
                || cluster.has(&call.caller, &path, "Datastore.AllocateSpace")
        })
        .map(|(id, definition)| Value::Object(definition.to_json(&id, &digest)))
        .collect();
    Ok(Reply::data(rows))
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("storage");
    let definition = cluster.storages.require(id).map_err(Fault::die)?;
    Ok(Reply::data(Value::Object(definition.to_json(id, &cluster.storages.digest()))))
}

/// What the call says about options.
fn options(call: &Call) -> BTreeMap<String, String> {
    call.params
        .keys()
        .filter(|name| !matches!(name.as_str(), "storage" | "type" | "digest" | "delete"))
        .filter_map(|name| Some((name.clone(), call.text(name)?.to_owned())))
        .collect()
}

fn writable(cluster: &Cluster) -> Result<(), Fault> {
    if cluster.quorate() { Ok(()) } else { Err(Fault::die("cfs-lock 'file-storage_cfg' error: no quorum!")) }
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("storage").to_owned();
    let kind = call.required("type").to_owned();
    let mut options = options(call);
    let about = types::find(&kind).ok_or_else(|| Fault::die(format!("unknown storage type '{kind}'")))?;
    about.check_new(&options).map_err(Fault::die)?;
    let prefix = "create storage failed: ";
    writable(cluster).map_err(|fault| fault.prefixed(prefix))?;
    if let Some(content) = options.get("content").cloned() {
        let kept = about.content_of(&content).map_err(Fault::die)?;
        options.insert("content".into(), kept.join(","));
    }
    let exists = cluster
        .storages
        .all()
        .iter()
        .any(|(known, definition)| *known == id && (known != "local" || definition.get("priority").is_none()));
    if exists {
        return Err(Fault::die(format!("{prefix}storage ID '{id}' already defined")));
    }
    if kind == "pbs"
        && let Some(secret) = options.remove("encryption-key").filter(|key| key != "autogen")
    {
        options.insert("encryption-key".into(), secret);
    }
    let definition = Definition::new(&kind, options);
    if !definition.is_disabled() && definition.allows_node(&call.entry) {
        activate(cluster, &id, &definition).map_err(|text| Fault::die(format!("{prefix}{text}")))?;
    }
    let now = cluster.clock.now_ms();
    cluster.storages.define(&id, definition);
    cluster.storages.note_defined(&id, now);
    Ok(Reply::data(json!({ "storage": id, "type": kind })))
}

/// What activating a new storage meets.
fn activate(cluster: &mut Cluster, id: &str, definition: &Definition) -> Result<(), String> {
    match definition.kind.as_str() {
        "dir" | "btrfs" => {
            let path = definition.get("path").unwrap_or_default();
            let mount_point = match definition.get("is_mountpoint") {
                Some("yes" | "1" | "on" | "true") => Some(path),
                Some(other) if other.starts_with('/') => Some(other),
                _ => None,
            };
            match mount_point {
                Some(point) => Err(format!(
                    "unable to activate storage '{id}' - directory is expected to be a mount point but is not mounted: '{point}'"
                )),
                None => Ok(()),
            }
        }
        "nfs" | "cifs" | "cephfs" if !cluster.storages.is_reachable(definition.get("server").unwrap_or_default()) => {
            Err(format!("storage '{id}' is not online"))
        }
        "zfspool" if cluster.storages.space(id, "").is_none() => {
            let pool = definition.get("pool").unwrap_or_default();
            Err(format!("could not activate storage '{id}', zfs error: cannot import '{pool}': no such pool available"))
        }
        "pbs" => cluster.check_backup_storage(definition).map_err(|text| format!("{id}: {text}")),
        _ => Ok(()),
    }
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("storage").to_owned();
    let mut options = options(call);
    let prefix = "update storage failed: ";
    let failed = |text: String| Fault::die(format!("{prefix}{text}"));
    writable(cluster).map_err(|fault| fault.prefixed(prefix))?;
    let mut definition = cluster.storages.require(&id).map_err(failed)?;
    assert_unmodified(&cluster.storages.digest(), call.text("digest")).map_err(|fault| fault.prefixed(prefix))?;
    let Some(about) = definition.storage_type() else {
        return Err(failed(format!("unknown storage type '{}'", definition.kind)));
    };
    about.check_change(&options).map_err(failed)?;
    if let Some(content) = options.get("content").cloned() {
        let kept = about.content_of(&content).map_err(failed)?;
        options.insert("content".into(), kept.join(","));
    }
    for option in split_list(call.text("delete").unwrap_or_default()) {
        about.check_delete(option).map_err(failed)?;
        if options.contains_key(option) {
            return Err(failed(format!("cannot set and delete property '{option}' at the same time!")));
        }
        definition.options.remove(option);
    }
    definition.options.extend(options);
    definition.options.remove("priority");
    if definition.get("content").is_none() {
        definition.options.insert("content".into(), about.default_content.join(","));
    }
    let kind = definition.kind.clone();
    cluster.storages.define(&id, definition);
    Ok(Reply::data(json!({ "storage": id, "type": kind })))
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let id = call.required("storage");
    let prefix = "delete storage failed: ";
    writable(cluster).map_err(|fault| fault.prefixed(prefix))?;
    cluster.storages.require(id).map_err(|text| Fault::die(format!("{prefix}{text}")))?;
    cluster.storages.undefine(id);
    Ok(Reply::null())
}
