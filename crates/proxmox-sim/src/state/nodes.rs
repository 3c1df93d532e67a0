//! The nodes of a cluster.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::wire::tls::Identity;

/// All nodes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Nodes {
    members: BTreeMap<String, Node>,
    /// Set by a fault: the cluster behaves as without quorum although nodes are up.
    pub quorum_lost: bool,
    /// What signs the nodes' certificates.
    pub authority: Identity,
}

/// One node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Node {
    /// Host name, which is the node's id.
    pub name: String,
    /// Position in the cluster, from 1.
    pub id: u32,
    /// Address in the cluster network.
    pub ip: String,
    /// Powered and reachable.
    pub online: bool,
    /// When its daemons were started, Unix milliseconds; `None` for when it booted.
    #[serde(default)]
    pub served_ms: Option<i64>,
    /// When it went down, Unix milliseconds.
    #[serde(default)]
    pub lost_ms: Option<i64>,
    /// SHA-256 of the node's certificate, colon-separated upper-case hex; set at start.
    pub fingerprint: String,
    /// Unix seconds of the last boot.
    pub booted: i64,
    /// Processors.
    #[serde(default = "default_cpus")]
    pub cpus: u64,
    /// Memory, bytes.
    #[serde(default = "default_memory")]
    pub memory: u64,
    /// Bridges on it.
    #[serde(default = "default_bridges")]
    pub bridges: Vec<String>,
    /// Files and settings that are shown as they are: `hosts`, `dns`, `network`, `subscription`, …
    #[serde(default)]
    pub facts: BTreeMap<String, serde_json::Value>,
    /// Certificate and key.
    #[serde(default)]
    pub identity: Identity,
    /// A certificate that was uploaded, which the API shows instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Identity>,
}

impl Node {
    /// The certificate that the API shows.
    #[must_use]
    pub fn shown(&self) -> &Identity {
        self.custom.as_ref().unwrap_or(&self.identity)
    }
}

fn default_cpus() -> u64 {
    2
}

fn default_memory() -> u64 {
    25_276_502_016
}

fn default_bridges() -> Vec<String> {
    vec!["vmbr0".to_owned()]
}

impl Nodes {
    /// Adds a node that is up; keeps an existing one.
    pub fn add(&mut self, name: &str, now: i64) {
        let id = u32::try_from(self.members.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.members.entry(name.to_owned()).or_insert_with(|| Node {
            name: name.to_owned(),
            id,
            ip: format!("10.99.0.{id}"),
            online: true,
            lost_ms: None,
            served_ms: None,
            fingerprint: String::new(),
            booted: now,
            cpus: default_cpus(),
            memory: default_memory(),
            bridges: default_bridges(),
            facts: BTreeMap::new(),
            identity: Identity::default(),
            custom: None,
        });
    }

    /// By name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.members.get(name)
    }

    /// By name, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.members.get_mut(name)
    }

    /// In order of name.
    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.members.values()
    }

    /// In order of name, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.members.values_mut()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
