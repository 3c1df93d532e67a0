//! Snapshots: a tree of sections in the configuration, and what storages have to be able to do for them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::state::Cluster;
use crate::tasks::{Context, End, Plan};

use super::{Guest, GuestJob, GuestKind, OnGuest, Section, power, volumes};

/// Keys that live in snapshots only, or that a snapshot does not take.
const NOT_TAKEN: &[&str] = &["lock", "parent", "snaptime", "snapstate", "vmstate", "description", "template"];

/// What is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotAction {
    /// Take one.
    Take {
        /// What it is for.
        description: String,
        /// With the memory of a running VM.
        with_memory: bool,
    },
    /// Remove it.
    Delete {
        /// From the configuration even if the storage fails.
        force: bool,
    },
    /// Go back to it.
    Rollback {
        /// And start the guest.
        start: bool,
    },
}

/// Work on a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SnapshotJob {
    /// Whose.
    pub on: OnGuest,
    /// Its name.
    pub name: String,
    /// What is done.
    pub action: SnapshotAction,
}

impl SnapshotJob {
    /// What the worker checks first. The guest is locked while it works.
    ///
    /// # Errors
    /// What it ends with.
    pub fn begin(self, cluster: &mut Cluster, node: &str) -> Result<Plan, String> {
        let OnGuest { kind, vmid } = self.on;
        let guest = cluster.guests.require(kind, node, vmid)?;
        let missing = || format!("snapshot '{}' does not exist", self.name);
        let lock = match &self.action {
            SnapshotAction::Take { .. } => {
                if guest.config.is_template() {
                    return Err("you can't take a snapshot if it's a template".into());
                }
                guest.check_lock()?;
                if guest.config.snapshots.contains_key(&self.name) {
                    return Err(format!("snapshot name '{}' already used", self.name));
                }
                if !can_snapshot(cluster, guest) {
                    return Err("snapshot feature is not available".into());
                }
                "snapshot"
            }
            SnapshotAction::Delete { .. } => {
                let snapshot = guest.config.snapshots.get(&self.name).ok_or_else(missing)?;
                if !snapshot.contains_key("snapstate") {
                    guest.check_lock()?;
                }
                "snapshot-delete"
            }
            SnapshotAction::Rollback { .. } => {
                let snapshot = guest.config.snapshots.get(&self.name).ok_or_else(missing)?;
                if snapshot.contains_key("snapstate") {
                    return Err(format!("unable to rollback to incomplete snapshot (snapstate = {})", self.name));
                }
                guest.check_lock()?;
                guest.check_protection(&format!("can't rollback {} {vmid}", kind.label()))?;
                "rollback"
            }
        };
        cluster.require_writable(kind, node, vmid)?;
        let volumes: Vec<String> = cluster
            .guests
            .get(vmid)
            .map(|guest| {
                volumes::owned(kind, &guest.config.current)
                    .into_iter()
                    .filter(|(key, _)| !key.starts_with("unused"))
                    .map(|(key, id)| {
                        if kind == GuestKind::Qemu {
                            format!("'drive-{key}' ({id})")
                        } else {
                            format!("'{key}' ({id})")
                        }
                    })
                    .collect()
            })
            .unwrap_or_default();
        if let Some(guest) = cluster.guests.get_mut(vmid) {
            guest.config.set("lock", lock);
        }
        let taking = matches!(self.action, SnapshotAction::Take { .. });
        let mut plan = Plan::new(250, GuestJob::Snapshot(self));
        if taking {
            plan.log = volumes.into_iter().map(|volume| format!("snapshotting {volume}")).collect();
        }
        Ok(plan)
    }

    pub(super) fn finish(
        self,
        cluster: &mut Cluster,
        context: &Context,
        _log: &mut Vec<String>,
    ) -> Result<End, String> {
        let OnGuest { kind, vmid } = self.on;
        super::job::unlock(cluster, self.on);
        cluster.touch_guest(vmid, context.at_ms);
        let guest = cluster.guests.require_mut(kind, &context.node, vmid)?;
        match self.action {
            SnapshotAction::Take { description, with_memory } => {
                let mut section: Section = guest
                    .config
                    .current
                    .iter()
                    .filter(|(key, _)| !NOT_TAKEN.contains(&key.as_str()) && !key.starts_with("unused"))
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                section.insert("snaptime".into(), context.now().to_string());
                if !description.is_empty() {
                    section.insert("description".into(), description);
                }
                if let Some(parent) = guest.config.get("parent") {
                    section.insert("parent".into(), parent.to_owned());
                }
                if with_memory && guest.is_running() {
                    section.insert("vmstate".into(), format!("vm-{vmid}-state-{}", self.name));
                }
                guest.config.snapshots.insert(self.name.clone(), section);
                guest.config.set("parent", self.name);
            }
            SnapshotAction::Delete { .. } => delete(guest, &self.name),
            SnapshotAction::Rollback { start } => return self.rollback(cluster, context, start),
        }
        Ok(End::Ok)
    }

    fn rollback(&self, cluster: &mut Cluster, context: &Context, start: bool) -> Result<End, String> {
        let on = self.on;
        let node = context.node.as_str();
        power::switch_off(cluster, on, node, context.at_ms);
        let guest = cluster.guests.require_mut(on.kind, node, on.vmid)?;
        let snapshot = guest
            .config
            .snapshots
            .get(&self.name)
            .cloned()
            .ok_or_else(|| format!("snapshot '{}' does not exist", self.name))?;
        let with_memory = snapshot.contains_key("vmstate");
        let description = guest.config.remove("description");
        let old = std::mem::take(&mut guest.config.current);
        guest.config.current = snapshot.into_iter().filter(|(key, _)| !NOT_TAKEN.contains(&key.as_str())).collect();
        if let Some(description) = description {
            guest.config.set("description", description);
        }
        guest.config.set("parent", &self.name);
        if on.kind == GuestKind::Qemu {
            guest.config.set("vmgenid", uuid::Uuid::new_v4().to_string());
        }
        for (key, value) in old {
            if super::options::is_volume(on.kind, &key) || key.starts_with("unused") {
                volumes::keep_as_unused(on.kind, &mut guest.config, on.vmid, &value);
            }
        }
        volumes::forget_used(on.kind, &mut guest.config);
        if start || with_memory {
            power::switch_on(cluster, on, node, context.at_ms)?;
        }
        Ok(End::Ok)
    }
}

/// Removes a snapshot from the tree: its children become its parent's.
fn delete(guest: &mut Guest, name: &str) {
    let Some(removed) = guest.config.snapshots.remove(name) else { return };
    let parent = removed.get("parent").cloned();
    let sections = guest.config.snapshots.values_mut().chain(std::iter::once(&mut guest.config.current));
    for section in sections {
        if section.get("parent").is_some_and(|text| text == name) {
            match &parent {
                Some(parent) => {
                    section.insert("parent".into(), parent.clone());
                }
                None => {
                    section.remove("parent");
                }
            }
        }
    }
}

/// Whether all volumes of a guest are where snapshots can be taken.
#[must_use]
pub fn can_snapshot(cluster: &Cluster, guest: &Guest) -> bool {
    volumes::owned(guest.kind, &guest.config.current).iter().filter(|(key, _)| !key.starts_with("unused")).all(
        |(_, id)| {
            let Some(definition) = cluster.storages.get(&id.storage) else { return false };
            match definition.kind.as_str() {
                "zfspool" | "lvmthin" | "rbd" | "zfs" | "btrfs" => true,
                "dir" | "nfs" | "cifs" => cluster
                    .storages
                    .volume(id, &guest.node)
                    .is_some_and(|volume| volume.format == "qcow2" && guest.kind == GuestKind::Qemu),
                _ => false,
            }
        },
    )
}

/// Whether all volumes of a guest can be cloned without copying: bases on a storage that knows them, or file systems that can.
#[must_use]
pub fn can_clone(cluster: &Cluster, guest: &Guest) -> bool {
    volumes::owned(guest.kind, &guest.config.current)
        .iter()
        .filter(|(key, _)| !key.starts_with("unused"))
        .all(|(_, id)| super::clone::linked_clone_possible(cluster, id, &guest.node, guest.kind))
}

/// The list of a guest's snapshots, with the present as the last.
#[must_use]
pub fn list_json(guest: &Guest) -> Vec<Value> {
    let mut rows: Vec<Value> = guest
        .config
        .snapshots
        .iter()
        .map(|(name, section)| {
            let mut row = Map::new();
            row.insert("name".into(), json!(name));
            row.insert(
                "snaptime".into(),
                json!(section.get("snaptime").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0)),
            );
            row.insert("description".into(), json!(shown_description(guest.kind, section.get("description"))));
            if guest.kind == GuestKind::Qemu {
                row.insert("vmstate".into(), json!(u8::from(section.contains_key("vmstate"))));
            }
            if let Some(parent) = section.get("parent") {
                row.insert("parent".into(), json!(parent));
            }
            if let Some(state) = section.get("snapstate") {
                row.insert("snapstate".into(), json!(state));
            }
            Value::Object(row)
        })
        .collect();
    let mut current = json!({
        "name": "current",
        "digest": guest.config.digest(),
        "running": u8::from(guest.is_running()),
        "description": "You are here!",
    });
    if let (Some(parent), Some(row)) = (guest.config.get("parent"), current.as_object_mut()) {
        row.insert("parent".into(), json!(parent));
    }
    rows.push(current);
    rows
}

fn shown_description(kind: GuestKind, text: Option<&String>) -> String {
    let text = text.cloned().unwrap_or_default();
    if kind == GuestKind::Lxc && !text.is_empty() && !text.ends_with('\n') { text + "\n" } else { text }
}
