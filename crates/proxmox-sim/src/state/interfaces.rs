//! Network interfaces of nodes: what runs, and what was written beside it to be applied later.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Settings of one interface as the API shows them.
pub type Interface = Map<String, Value>;

/// Interfaces in the order of the file, by name.
pub type Interfaces = Vec<(String, Interface)>;

/// The networks of all nodes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeNetworks(BTreeMap<String, NodeNetwork>);

/// The network of a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeNetwork {
    /// What runs.
    pub running: Interfaces,
    /// What would be applied; `None` when nothing was changed.
    pub staged: Option<Interfaces>,
}

impl NodeNetwork {
    /// One bridge without ports that has the node's address.
    #[must_use]
    pub fn fresh(address: &str) -> Self {
        let bridge = json!({
            "type": "bridge", "method": "static", "method6": "manual", "address": address, "netmask": "24",
            "cidr": format!("{address}/24"), "autostart": 1, "bridge_ports": "", "bridge_stp": "off", "bridge_fd": "0",
            "families": ["inet"],
        });
        let bridge = bridge.as_object().cloned().unwrap_or_default();
        Self { running: vec![("vmbr0".to_owned(), bridge)], staged: None }
    }

    /// What is configured: the staged interfaces if there are any, otherwise the running ones.
    #[must_use]
    pub fn configured(&self) -> &Interfaces {
        self.staged.as_ref().unwrap_or(&self.running)
    }
}

impl NodeNetworks {
    /// The network of a node; made fresh, with this address, when it was never touched.
    pub fn of(&mut self, node: &str, address: &str) -> &mut NodeNetwork {
        self.0.entry(node.to_owned()).or_insert_with(|| NodeNetwork::fresh(address))
    }
}
