//! Network devices of a node. Changes are only written down until [`Node::apply_network`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Node;
use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{params, words};
use crate::tasks::TaskHandle;

words! {
    /// What a network device is.
    pub enum InterfaceKind {
        /// A bridge.
        Bridge = "bridge",
        /// Several as one.
        Bond = "bond",
        /// A card.
        Ethernet = "eth",
        /// A second name.
        Alias = "alias",
        /// A VLAN.
        Vlan = "vlan",
        /// Open vSwitch bridge.
        OvsBridge = "OVSBridge",
        /// Open vSwitch bond.
        OvsBond = "OVSBond",
        /// Open vSwitch port.
        OvsPort = "OVSPort",
        /// Open vSwitch internal port.
        OvsIntPort = "OVSIntPort",
        /// A vnet.
        Vnet = "vnet",
    }

    /// Which devices to list.
    pub enum InterfaceFilterKind {
        /// Bridges of any make.
        AnyBridge = "any_bridge",
        /// The same, without vnets.
        AnyLocalBridge = "any_local_bridge",
        /// Bridges.
        Bridge = "bridge",
        /// Bonds.
        Bond = "bond",
        /// Cards.
        Ethernet = "eth",
        /// VLANs.
        Vlan = "vlan",
    }
}

/// A network device.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Interface {
    /// Its name; not when one is asked for by name.
    pub iface: Option<String>,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is up.
    #[serde(default)]
    pub active: Option<bool>,
    /// Whether it starts with the node.
    #[serde(default)]
    pub autostart: Option<bool>,
    /// `static`, `dhcp`, `manual`.
    pub method: Option<String>,
    /// The same for IPv6.
    pub method6: Option<String>,
    /// Address.
    pub address: Option<String>,
    /// Network mask.
    pub netmask: Option<String>,
    /// Address with prefix length.
    pub cidr: Option<String>,
    /// IPv6 address with prefix length.
    pub cidr6: Option<String>,
    /// Gateway.
    pub gateway: Option<String>,
    /// IPv6 gateway.
    pub gateway6: Option<String>,
    /// Devices of a bridge.
    pub bridge_ports: Option<String>,
    /// Whether a bridge knows VLANs.
    pub bridge_vlan_aware: Option<bool>,
    /// Devices of a bond.
    pub slaves: Option<String>,
    /// How a bond works.
    pub bond_mode: Option<String>,
    /// Remark.
    pub comments: Option<String>,
    /// What there is beside.
    #[serde(flatten)]
    pub further: BTreeMap<String, Value>,
}

params! {
    /// Which devices.
    #[derive(Debug, Clone, Default)]
    pub struct InterfaceFilter {
        /// Only these.
        kind: Option<InterfaceFilterKind> = "type",
    }

    /// A new network device.
    #[derive(Debug, Clone)]
    pub struct CreateInterface {
        /// Its name.
        iface: String = "iface",
        /// What it is.
        kind: InterfaceKind = "type",
        /// Address with prefix length.
        cidr: Option<String> = "cidr",
        /// IPv6 address with prefix length.
        cidr6: Option<String> = "cidr6",
        /// Gateway.
        gateway: Option<String> = "gateway",
        /// IPv6 gateway.
        gateway6: Option<String> = "gateway6",
        /// Whether it starts with the node.
        autostart: Option<bool> = "autostart",
        /// Devices of a bridge.
        bridge_ports: Option<String> = "bridge_ports",
        /// Whether a bridge knows VLANs.
        bridge_vlan_aware: Option<bool> = "bridge_vlan_aware",
        /// Devices of a bond.
        slaves: Option<String> = "slaves",
        /// MTU.
        mtu: Option<u32> = "mtu",
        /// Remark.
        comments: Option<String> = "comments",
    }

    /// A network device as it shall be. Give its addresses again: without them it has none afterwards.
    #[derive(Debug, Clone)]
    pub struct UpdateInterface {
        /// What it is.
        kind: InterfaceKind = "type",
        /// Address with prefix length.
        cidr: Option<String> = "cidr",
        /// IPv6 address with prefix length.
        cidr6: Option<String> = "cidr6",
        /// Gateway.
        gateway: Option<String> = "gateway",
        /// IPv6 gateway.
        gateway6: Option<String> = "gateway6",
        /// Whether it starts with the node.
        autostart: Option<bool> = "autostart",
        /// Devices of a bridge.
        bridge_ports: Option<String> = "bridge_ports",
        /// Whether a bridge knows VLANs.
        bridge_vlan_aware: Option<bool> = "bridge_vlan_aware",
        /// Devices of a bond.
        slaves: Option<String> = "slaves",
        /// MTU.
        mtu: Option<u32> = "mtu",
        /// Remark.
        comments: Option<String> = "comments",
        /// Settings to remove.
        delete: Vec<String> = "delete",
    }
}

impl CreateInterface {
    /// Of this kind, everything else as the server likes.
    #[must_use]
    pub fn new(iface: &str, kind: InterfaceKind) -> Self {
        Self {
            iface: iface.to_owned(),
            kind,
            cidr: None,
            cidr6: None,
            gateway: None,
            gateway6: None,
            autostart: None,
            bridge_ports: None,
            bridge_vlan_aware: None,
            slaves: None,
            mtu: None,
            comments: None,
        }
    }
}

calls! { Pve:
    LIST "node(n).interfaces" = Get "/nodes/{node}/network" (InterfaceFilter) -> Vec<Interface>;
    GET "node(n).interface" = Get "/nodes/{node}/network/{iface}" () -> Interface;
    CREATE "node(n).create_interface" = Post "/nodes/{node}/network" (CreateInterface) -> ();
    UPDATE "node(n).update_interface" = Put "/nodes/{node}/network/{iface}" (UpdateInterface) -> ();
    DELETE "node(n).delete_interface" = Delete "/nodes/{node}/network/{iface}" () -> ();
    APPLY "node(n).apply_network" = Put "/nodes/{node}/network" () -> Upid;
    REVERT "node(n).revert_network" = Delete "/nodes/{node}/network" () -> ();
}

impl Node<'_> {
    /// The network devices, with changes that are not applied yet.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn interfaces(&self, kind: Option<InterfaceFilterKind>) -> Result<Vec<Interface>> {
        self.connection.send(&LIST, &[self.name], &InterfaceFilter { kind }).await
    }

    /// One network device.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn interface(&self, iface: &str) -> Result<Interface> {
        self.connection.send(&GET, &[self.name, iface], &()).await
    }

    /// Makes a network device.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_interface(&self, params: &CreateInterface) -> Result<()> {
        self.connection.send(&CREATE, &[self.name], params).await
    }

    /// Changes a network device.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_interface(&self, iface: &str, change: &UpdateInterface) -> Result<()> {
        self.connection.send(&UPDATE, &[self.name, iface], change).await
    }

    /// Removes a network device.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_interface(&self, iface: &str) -> Result<()> {
        self.connection.send(&DELETE, &[self.name, iface], &()).await
    }

    /// Applies what was changed.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn apply_network(&self) -> Result<TaskHandle> {
        let upid = self.connection.send(&APPLY, &[self.name], &()).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// Forgets what was changed.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn revert_network(&self) -> Result<()> {
        self.connection.send(&REVERT, &[self.name], &()).await
    }
}
