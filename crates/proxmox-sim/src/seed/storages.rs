//! Storage definitions and the volumes on them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::answers::{Answers, field, flag, number, text};
use crate::guests::{GuestConfig, GuestKind, sizes};
use crate::state::Cluster;
use crate::storage::{Archive, Definition, Space, Volume, VolumeId};

/// Keys of a row that are not options of the definition.
const NOT_OPTIONS: &[&str] = &["storage", "type", "digest"];

pub(super) fn fill(cluster: &mut Cluster, answers: &Answers) {
    for row in answers.rows("/storage") {
        let options: BTreeMap<String, String> = row
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| !NOT_OPTIONS.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), text(value)))
            .collect();
        cluster.storages.define(&field(row, "storage"), Definition::new(&field(row, "type"), options));
    }
    let nodes: Vec<String> = cluster.nodes.iter().map(|node| node.name.clone()).collect();
    let ids: Vec<String> = cluster.storages.all().into_iter().map(|(id, _)| id).collect();
    for node in &nodes {
        for id in &ids {
            for row in answers.rows(&format!("/nodes/{node}/storage/{id}/content")) {
                let volid = field(row, "volid");
                let Some((storage, name)) = volid.split_once(':') else { continue };
                let size = number(row, "size").and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
                let volume = Volume {
                    // What is a container's is told from its owner.
                    content: field(row, "content").replace("rootdir", "images"),
                    format: field(row, "format"),
                    size,
                    used: number(row, "used").and_then(|n| u64::try_from(n).ok()).unwrap_or(size),
                    ctime: number(row, "ctime").unwrap_or_default(),
                    vmid: number(row, "vmid").and_then(|n| u32::try_from(n).ok()),
                    parent: Some(field(row, "parent")).filter(|parent| !parent.is_empty()),
                    notes: row.get("notes").map(text),
                    protected: flag(row, "protected", false),
                    bootable: field(row, "content") == "iso",
                    verification: None,
                    archive: archive(answers, &nodes, row),
                };
                cluster.storages.put(&VolumeId::new(storage, name), node, volume);
                reach(cluster, id);
            }
        }
        for row in answers.rows(&format!("/nodes/{node}/storage")).filter(|row| flag(row, "active", false)) {
            space(cluster, node, row);
        }
    }
}

/// What is in a backup: the guest as it was recorded is the nearest thing to what it was then.
fn archive(answers: &Answers, nodes: &[String], row: &Value) -> Option<Archive> {
    let kind = GuestKind::from_api(&field(row, "subtype"))?;
    let vmid = field(row, "vmid");
    let path = |node: &String| format!("/nodes/{node}/{}/{vmid}/config", kind.api());
    let recorded = nodes.iter().find_map(|node| answers.get(&path(node))?.as_object());
    let (mut config, mut volumes) = (GuestConfig::default(), BTreeMap::new());
    for (key, value) in recorded.into_iter().flatten().filter(|(key, value)| *key != "digest" && !value.is_array()) {
        let told = text(value);
        let size = told.split(',').find_map(|part| sizes::parse(part.strip_prefix("size=")?));
        if let Some(size) = size {
            volumes.insert(key.clone(), (size, true));
        }
        config.set(key, told);
    }
    Some(Archive { kind, config: config.render(), volumes })
}

/// A node that shows what is on a storage reaches its server.
fn reach(cluster: &mut Cluster, id: &str) {
    let definition = cluster.storages.get(id);
    let server = definition.as_ref().and_then(|found| found.get("server").or_else(|| found.get("portal")));
    if let Some(server) = server
        && !cluster.storages.is_reachable(server)
    {
        cluster.storages.reachable_servers.push(server.to_owned());
    }
}

/// How full a storage is, of which the volumes account for a part.
fn space(cluster: &mut Cluster, node: &str, row: &Value) {
    let id = field(row, "storage");
    reach(cluster, &id);
    let bytes = |key: &str| number(row, key).and_then(|bytes| u64::try_from(bytes).ok());
    let (Some(total), Some(used)) = (bytes("total"), bytes("used")) else { return };
    let own: u64 = cluster.storages.list(&id, node).iter().map(|(_, volume)| volume.used).sum();
    let available = bytes("avail").unwrap_or_else(|| total.saturating_sub(used));
    let reserved = total.saturating_sub(used).saturating_sub(available);
    cluster.storages.set_space(&id, node, Space { total, other: used.saturating_sub(own), reserved });
}
