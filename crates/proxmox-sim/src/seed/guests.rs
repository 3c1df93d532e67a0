//! Guests with their configurations, what is pending, snapshots, and whether they run.

use serde_json::Value;

use super::answers::{Answers, field, number, text};
use crate::guests::{GuestConfig, GuestKind, Runtime, Section};
use crate::state::Cluster;

pub(super) fn fill(cluster: &mut Cluster, answers: &Answers) {
    let nodes: Vec<String> = cluster.nodes.iter().map(|node| node.name.clone()).collect();
    let now_ms = cluster.clock.now_ms();
    for node in &nodes {
        for (kind, word) in [(GuestKind::Qemu, "qemu"), (GuestKind::Lxc, "lxc")] {
            for row in answers.rows(&format!("/nodes/{node}/{word}")) {
                let Some(vmid) = number(row, "vmid").and_then(|vmid| u32::try_from(vmid).ok()) else { continue };
                let base = format!("/nodes/{node}/{word}/{vmid}");
                let mut config = config(answers, &base);
                if let Some(lock) = row.get("lock").map(text) {
                    config.set("lock", lock);
                }
                // Told long enough ago that every node knows of it.
                cluster.add_guest(vmid, kind, node, config, now_ms - 3_600_000);
                let uptime = number(row, "uptime").unwrap_or_default();
                let paused = answers
                    .get(&format!("{base}/status/current"))
                    .is_some_and(|status| field(status, "qmpstatus") == "paused");
                let runs = field(row, "status") == "running";
                if let Some(guest) = cluster.guests.get_mut(vmid).filter(|_| runs) {
                    let pid = number(row, "pid").and_then(|pid| u32::try_from(pid).ok()).unwrap_or(1000);
                    guest.runtime = Some(Runtime { pid, since_ms: now_ms - uptime * 1000, paused });
                }
            }
        }
    }
}

fn config(answers: &Answers, base: &str) -> GuestConfig {
    let mut config = GuestConfig::default();
    let pending: Vec<&Value> = answers.rows(&format!("{base}/pending")).collect();
    if pending.is_empty() {
        for (key, value) in answers.get(&format!("{base}/config")).and_then(Value::as_object).into_iter().flatten() {
            if key != "digest" && !value.is_array() && !value.is_object() {
                config.set(key, text(value));
            }
        }
    }
    for row in pending {
        let key = field(row, "key");
        if key == "digest" {
            continue;
        }
        if let Some(value) = row.get("value").filter(|value| !value.is_array()) {
            config.set(&key, text(value));
        }
        if let Some(value) = row.get("pending") {
            config.pending.insert(key.clone(), text(value));
        }
        if let Some(delete) = number(row, "delete") {
            config.pending_delete.insert(key, delete == 2);
        }
    }
    for row in answers.rows(&format!("{base}/snapshot")) {
        let name = field(row, "name");
        let parent = Some(field(row, "parent")).filter(|parent| !parent.is_empty());
        if name == "current" {
            if let Some(parent) = parent {
                config.set("parent", parent);
            }
            continue;
        }
        let recorded = answers.get(&format!("{base}/snapshot/{name}/config")).and_then(Value::as_object);
        let mut section: Section = match recorded {
            Some(recorded) => recorded
                .iter()
                .filter(|(key, _)| *key != "digest")
                .map(|(key, value)| (key.clone(), text(value)))
                .collect(),
            // Only that there is one was recorded: it is taken to be as the guest is now.
            None => config
                .current
                .iter()
                .filter(|(key, _)| *key != "parent" && *key != "lock")
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        };
        for key in ["snaptime", "description"] {
            if let Some(value) = row.get(key) {
                section.insert(key.to_owned(), text(value));
            }
        }
        if let Some(parent) = parent {
            section.insert("parent".to_owned(), parent);
        }
        config.snapshots.insert(name, section);
    }
    config
}
