//! Storage definitions and the volumes on them.

use std::collections::BTreeMap;

use super::answers::{Answers, field, flag, number, text};
use crate::state::Cluster;
use crate::storage::{Definition, Volume, VolumeId};

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
                    content: field(row, "content"),
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
                    archive: None,
                };
                cluster.storages.put(&VolumeId::new(storage, name), node, volume);
            }
        }
    }
}
