//! Firewalls: rules in order, options, aliases and sets of addresses of the cluster, of nodes, guests and virtual networks; security groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::digest;

/// All firewalls of a cluster.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Firewall {
    /// That of the whole cluster.
    pub cluster: Level,
    /// By node.
    pub nodes: BTreeMap<String, Level>,
    /// By VMID; a guest need not exist.
    pub guests: BTreeMap<u32, Level>,
    /// By virtual network.
    pub vnets: BTreeMap<String, Level>,
    /// Security groups by name; they belong to the cluster's.
    pub groups: BTreeMap<String, Group>,
}

/// One firewall.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Level {
    /// Settings as the API shows them.
    pub options: Map<String, Value>,
    /// Rules, first one first.
    pub rules: Vec<Rule>,
    /// Names for addresses, by lower-case name.
    pub aliases: BTreeMap<String, Alias>,
    /// Sets of addresses by name.
    pub ipsets: BTreeMap<String, IpSet>,
}

/// A rule: its settings as the API takes them.
pub type Rule = BTreeMap<String, String>;

/// A name for an address or network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// As it was written.
    pub name: String,
    /// Address or network.
    pub cidr: String,
    /// Free text.
    pub comment: Option<String>,
}

/// A set of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpSet {
    /// Free text.
    pub comment: Option<String>,
    /// Members in the order that they were added: address, comment, whether it is excluded.
    pub entries: Vec<(String, Option<String>, bool)>,
}

/// A security group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Free text.
    pub comment: Option<String>,
    /// Rules, first one first.
    pub rules: Vec<Rule>,
}

/// Which firewall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The cluster's.
    Cluster,
    /// A node's.
    Node(String),
    /// A guest's.
    Guest(u32),
    /// A virtual network's.
    Vnet(String),
}

impl Firewall {
    /// A firewall; one that was never touched is empty.
    #[must_use]
    pub fn level(&self, scope: &Scope) -> Level {
        let found = match scope {
            Scope::Cluster => Some(&self.cluster),
            Scope::Node(node) => self.nodes.get(node),
            Scope::Guest(vmid) => self.guests.get(vmid),
            Scope::Vnet(vnet) => self.vnets.get(vnet),
        };
        found.cloned().unwrap_or_default()
    }

    /// A firewall, to change it.
    pub fn level_mut(&mut self, scope: &Scope) -> &mut Level {
        match scope {
            Scope::Cluster => &mut self.cluster,
            Scope::Node(node) => self.nodes.entry(node.clone()).or_default(),
            Scope::Guest(vmid) => self.guests.entry(*vmid).or_default(),
            Scope::Vnet(vnet) => self.vnets.entry(vnet.clone()).or_default(),
        }
    }

    /// Digest of a firewall's file; groups are in the cluster's.
    #[must_use]
    pub fn digest(&self, scope: &Scope) -> String {
        let level = self.level(scope);
        let groups = if *scope == Scope::Cluster { self.groups.clone() } else { BTreeMap::new() };
        if level == Level::default() && groups.is_empty() {
            return digest::sha1_hex("");
        }
        digest::of(&json!([level, groups]))
    }

    /// The rules of a firewall, or of a security group.
    pub fn rules_mut(&mut self, scope: &Scope, group: Option<&str>) -> Option<&mut Vec<Rule>> {
        match group {
            Some(group) => self.groups.get_mut(group).map(|group| &mut group.rules),
            None => Some(&mut self.level_mut(scope).rules),
        }
    }
}
