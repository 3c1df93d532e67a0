//! Software-defined networks: what is configured, and what the nodes run. Changes are staged until they are applied.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::digest;

/// Objects of one kind by id.
pub type Objects = BTreeMap<String, Map<String, Value>>;

/// All objects by kind: `zone`, `vnet`, `subnet`, `controller`, `ipam`, `dns`.
pub type Configuration = BTreeMap<String, Objects>;

/// The networks of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Sdn {
    /// As configured.
    pub staged: Configuration,
    /// As applied last.
    pub running: Configuration,
    /// Addresses handed out, by vnet: address → MAC.
    pub addresses: BTreeMap<String, BTreeMap<String, String>>,
    /// Token of whoever holds the lock on the configuration.
    pub lock: Option<String>,
}

impl Default for Sdn {
    fn default() -> Self {
        let builtin = Map::from_iter([("type".to_owned(), json!("pve"))]);
        let ipams = BTreeMap::from([("pve".to_owned(), builtin)]);
        let all = BTreeMap::from([("ipam".to_owned(), ipams)]);
        Self { staged: all.clone(), running: all, addresses: BTreeMap::new(), lock: None }
    }
}

impl Sdn {
    /// An object as configured.
    #[must_use]
    pub fn get(&self, kind: &str, id: &str) -> Option<&Map<String, Value>> {
        self.staged.get(kind)?.get(id)
    }

    /// All objects of a kind as configured.
    pub fn all(&self, kind: &str) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
        self.staged.get(kind).into_iter().flatten()
    }

    /// All objects of a kind as running.
    pub fn all_running(&self, kind: &str) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
        self.running.get(kind).into_iter().flatten()
    }

    /// Writes an object.
    pub fn put(&mut self, kind: &str, id: &str, object: Map<String, Value>) {
        self.staged.entry(kind.to_owned()).or_default().insert(id.to_owned(), object);
    }

    /// Removes an object.
    pub fn remove(&mut self, kind: &str, id: &str) -> bool {
        self.staged.get_mut(kind).is_some_and(|all| all.remove(id).is_some())
    }

    /// Digest of the configuration of a kind. The ipam that is always there is in no file.
    #[must_use]
    pub fn digest(&self, kind: &str) -> String {
        let all: BTreeMap<_, _> = self.all(kind).filter(|(id, _)| kind != "ipam" || *id != "pve").collect();
        if all.is_empty() { digest::sha1_hex("") } else { digest::of(&all) }
    }

    /// Ids of a kind, configured or running.
    #[must_use]
    pub fn ids(&self, kind: &str) -> Vec<String> {
        let mut ids: Vec<String> = self.all(kind).chain(self.all_running(kind)).map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// An object with what would change if it was applied now: `state` and `pending` beside the running values.
    #[must_use]
    pub fn pending(&self, kind: &str, id: &str) -> Option<Map<String, Value>> {
        let configured = self.get(kind, id);
        let running = self.running.get(kind).and_then(|all| all.get(id));
        let mut row = running.cloned().unwrap_or_default();
        let mut changes = Map::new();
        let mut state = None;
        match (running, configured) {
            (None, None) => return None,
            (Some(_), None) => state = Some("deleted"),
            (running, Some(configured)) => {
                let fixed = |key: &str| key == "type" || key == "vnet";
                for (key, value) in configured {
                    if fixed(key) {
                        row.insert(key.clone(), value.clone());
                    } else if running.and_then(|running| running.get(key)) != Some(value) {
                        changes.insert(key.clone(), value.clone());
                    }
                }
                for key in running.into_iter().flat_map(Map::keys) {
                    if !configured.contains_key(key) {
                        changes.insert(key.clone(), json!("deleted"));
                    }
                }
                if running.is_none() {
                    state = Some("new");
                } else if !changes.is_empty() {
                    state = Some("changed");
                }
            }
        }
        if let Some(state) = state {
            row.insert("state".to_owned(), state.into());
            row.insert("pending".to_owned(), changes.into());
        }
        Some(row)
    }

    /// The zone that a bridge of a guest belongs to, for permissions: that of a vnet, or the pseudo-zone of ordinary bridges.
    #[must_use]
    pub fn zone_of_bridge(&self, bridge: &str) -> String {
        let vnet = self.get("vnet", bridge).or_else(|| self.running.get("vnet")?.get(bridge));
        let zone = vnet.and_then(|vnet| vnet.get("zone")).and_then(Value::as_str);
        zone.unwrap_or("localnetwork").to_owned()
    }

    /// Makes the configuration what runs.
    pub fn apply(&mut self) {
        self.running.clone_from(&self.staged);
    }

    /// Makes what runs the configuration.
    pub fn rollback(&mut self) {
        self.staged.clone_from(&self.running);
    }
}
