//! Names for hardware and directories that nodes have.

use serde_json::{Value, json};

use crate::api::sections::{row, take, unmodified};
use crate::api::{Call, Fault, Handler, Outcome, Reply, index_reply};
use crate::state::Cluster;
use crate::state::sections::Entry;

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/cluster/mapping", |_, _| Ok(index_reply("name", &["dir", "pci", "usb"]))),
        ("GET", "/cluster/mapping/dir", |cluster, call| list(cluster, call, "dir")),
        ("POST", "/cluster/mapping/dir", |cluster, call| create(cluster, call, "dir")),
        ("GET", "/cluster/mapping/dir/{id}", |cluster, call| get(cluster, call, "dir")),
        ("PUT", "/cluster/mapping/dir/{id}", |cluster, call| update(cluster, call, "dir")),
        ("DELETE", "/cluster/mapping/dir/{id}", |cluster, call| delete(cluster, call, "dir")),
        ("GET", "/cluster/mapping/pci", |cluster, call| list(cluster, call, "pci")),
        ("POST", "/cluster/mapping/pci", |cluster, call| create(cluster, call, "pci")),
        ("GET", "/cluster/mapping/pci/{id}", |cluster, call| get(cluster, call, "pci")),
        ("PUT", "/cluster/mapping/pci/{id}", |cluster, call| update(cluster, call, "pci")),
        ("DELETE", "/cluster/mapping/pci/{id}", |cluster, call| delete(cluster, call, "pci")),
        ("GET", "/cluster/mapping/usb", |cluster, call| list(cluster, call, "usb")),
        ("POST", "/cluster/mapping/usb", |cluster, call| create(cluster, call, "usb")),
        ("GET", "/cluster/mapping/usb/{id}", |cluster, call| get(cluster, call, "usb")),
        ("PUT", "/cluster/mapping/usb/{id}", |cluster, call| update(cluster, call, "usb")),
        ("DELETE", "/cluster/mapping/usb/{id}", |cluster, call| delete(cluster, call, "usb")),
    ]
}

/// The kind of section, and how messages call it.
fn kind(of: &str) -> (&'static str, &'static str) {
    match of {
        "dir" => ("mapping-dir", "directory"),
        "pci" => ("mapping-pci", "pci"),
        _ => ("mapping-usb", "usb"),
    }
}

/// `path` of `node=pve1,path=/srv`.
fn part<'m>(map: &'m str, key: &str) -> Option<&'m str> {
    map.split(',').find_map(|part| part.strip_prefix(key)?.strip_prefix('='))
}

fn maps(entry: &Entry) -> impl Iterator<Item = &str> {
    entry.get("map").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// What is wrong with a mapping on a node. No simulated node has devices to map.
fn checks(of: &str, entry: &Entry, node: &str) -> Vec<Value> {
    let own: Vec<&str> = maps(entry).filter(|map| part(map, "node") == Some(node)).collect();
    if own.is_empty() {
        return vec![json!({ "severity": "warning", "message": format!("No mapping for node {node}.") })];
    }
    let problem = |map: &str| match of {
        "pci" => {
            Some(format!("Invalid configuration: pci device '{}' not found\n", part(map, "path").unwrap_or_default()))
        }
        "usb" => {
            Some(format!("Invalid configuration: USB device '{}' not found\n", part(map, "id").unwrap_or_default()))
        }
        _ => None,
    };
    own.into_iter().filter_map(problem).map(|message| json!({ "severity": "error", "message": message })).collect()
}

fn list(cluster: &mut Cluster, call: &Call, of: &str) -> Outcome {
    const SEE: &[&str] = &["Mapping.Audit", "Mapping.Use", "Mapping.Modify"];
    let (kind, _) = kind(of);
    let seen = |id: &str| cluster.check_any(&call.caller, &format!("/mapping/{of}/{id}"), SEE).is_ok();
    let rows: Vec<Value> = cluster
        .sections
        .all(kind)
        .filter(|(id, _)| seen(id))
        .map(|(id, entry)| {
            let mut row = row(cluster, kind, Some("id"), id, entry);
            row.insert("type".to_owned(), of.into());
            if let Some(node) = call.text("check-node") {
                row.insert("checks".to_owned(), checks(of, entry, node).into());
            }
            row.into()
        })
        .collect();
    Ok(Reply::data(rows))
}

fn get(cluster: &mut Cluster, call: &Call, of: &str) -> Outcome {
    let (kind, _) = kind(of);
    let id = call.required("id");
    let entry = cluster.sections.get(kind, id).ok_or_else(|| Fault::die(format!("mapping '{id}' not found")))?;
    let mut row = row(cluster, kind, None, id, entry);
    row.insert("type".to_owned(), of.into());
    Ok(Reply::data(row))
}

/// Directories that every node has.
fn directory_exists(path: &str) -> bool {
    const TOP: &[&str] = &[
        "bin", "boot", "dev", "etc", "home", "lib", "media", "mnt", "opt", "proc", "root", "run", "sbin", "srv", "sys",
        "tmp", "usr", "var",
    ];
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => true,
        [one] => TOP.contains(one),
        ["mnt", "pve", _] | ["var", "lib" | "log" | "tmp" | "cache"] | ["var", "lib", "vz"] => true,
        _ => false,
    }
}

fn check_maps(of: &str, entry: &Entry) -> Result<(), Fault> {
    if of != "dir" {
        return Ok(());
    }
    match maps(entry).filter_map(|map| part(map, "path")).find(|path| !directory_exists(path)) {
        Some(missing) => Err(Fault::die(format!("Path {missing} does not exist"))),
        None => Ok(()),
    }
}

fn create(cluster: &mut Cluster, call: &Call, of: &str) -> Outcome {
    let (kind, name) = kind(of);
    let id = call.required("id");
    let mut entry = Entry::new();
    take(call, &mut entry, &["id"], &["mdev", "live-migration-capable"]);
    check_maps(of, &entry)?;
    if cluster.sections.get(kind, id).is_some() {
        return Err(Fault::die(format!("create {name} mapping failed: {of} ID '{id}' already defined")));
    }
    cluster.require_quorum()?;
    cluster.sections.put(kind, id, entry);
    Ok(Reply::null())
}

fn update(cluster: &mut Cluster, call: &Call, of: &str) -> Outcome {
    let (kind, name) = kind(of);
    let id = call.required("id");
    let prefix = format!("update {name} mapping failed: ");
    unmodified(cluster, call, kind).map_err(|fault| fault.prefixed(&prefix))?;
    let Some(mut entry) = cluster.sections.get(kind, id).cloned() else {
        return Err(Fault::die(format!("{prefix}{of} ID '{id}' does not exist")));
    };
    if !call.params.contains_key("map") {
        return Err(Fault::die(format!("{prefix}missing value for required option 'map'")));
    }
    for key in call.list("delete").unwrap_or_default() {
        entry.remove(&key);
    }
    take(call, &mut entry, &["id"], &["mdev", "live-migration-capable"]);
    check_maps(of, &entry)?;
    cluster.require_quorum()?;
    cluster.sections.put(kind, id, entry);
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call, of: &str) -> Outcome {
    cluster.require_quorum()?;
    cluster.sections.remove(kind(of).0, call.required("id"));
    Ok(Reply::null())
}
