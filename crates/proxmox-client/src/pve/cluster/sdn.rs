//! The software-defined network. Changes are only written down until [`Sdn::apply`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Cluster;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{Upid, Vmid};
use crate::params::{Repeated, Switch, TextList, params, words};
use crate::tasks::TaskHandle;
use crate::transport::Connection;

/// Zones, vnets, subnets.
#[derive(Clone, Copy)]
pub struct Sdn<'a> {
    connection: &'a Connection,
}

impl<'a> Cluster<'a> {
    /// The software-defined network.
    #[must_use]
    pub const fn sdn(&self) -> Sdn<'a> {
        Sdn { connection: self.connection }
    }
}

words! {
    /// How a zone connects its vnets.
    pub enum ZoneKind {
        /// A bridge on each node by itself.
        Simple = "simple",
        /// VLANs of a bridge.
        Vlan = "vlan",
        /// VLANs in a VLAN.
        Qinq = "qinq",
        /// VXLAN between nodes.
        Vxlan = "vxlan",
        /// VXLAN with BGP and routing.
        Evpn = "evpn",
        /// A controller that is no more.
        Faucet = "faucet",
    }

    /// What became of something since the last apply.
    pub enum StagedState {
        /// Made.
        New = "new",
        /// Changed.
        Changed = "changed",
        /// Removed.
        Deleted = "deleted",
    }
}

/// A zone.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Zone {
    /// Its name.
    pub zone: String,
    /// How it connects its vnets.
    #[serde(rename = "type")]
    pub kind: Option<ZoneKind>,
    /// The bridge it is on (vlan, qinq).
    pub bridge: Option<String>,
    /// Other nodes' addresses (vxlan).
    #[serde(default)]
    pub peers: TextList,
    /// VLAN (qinq).
    pub tag: Option<u32>,
    /// MTU.
    pub mtu: Option<u32>,
    /// The nodes that have it; empty is all.
    #[serde(default)]
    pub nodes: TextList,
    /// Who keeps its addresses.
    pub ipam: Option<String>,
    /// Who gives its addresses (`dnsmasq`).
    pub dhcp: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
    /// What became of it since the last apply.
    pub state: Option<StagedState>,
    /// What it will be.
    pub pending: Option<BTreeMap<String, Value>>,
}

/// A vnet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Vnet {
    /// Its name.
    pub vnet: String,
    /// Its zone.
    pub zone: Option<String>,
    /// VLAN or VXLAN number.
    pub tag: Option<u32>,
    /// Remark.
    pub alias: Option<String>,
    /// Whether guests may use VLANs in it.
    pub vlanaware: Option<bool>,
    /// Whether guests on it are kept from each other.
    pub isolate_ports: Option<bool>,
    /// For optimistic locking.
    pub digest: Option<String>,
    /// What became of it since the last apply.
    pub state: Option<StagedState>,
    /// What it will be.
    pub pending: Option<BTreeMap<String, Value>>,
}

/// A subnet of a vnet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Subnet {
    /// Its id, `ZONE-ADDRESS-PREFIX`.
    pub subnet: String,
    /// Its addresses.
    pub cidr: Option<String>,
    /// Its zone.
    pub zone: Option<String>,
    /// Its vnet.
    pub vnet: Option<String>,
    /// Gateway, which the nodes have.
    pub gateway: Option<String>,
    /// Whether guests reach the outside by the node's address.
    pub snat: Option<bool>,
    /// Addresses that are given out.
    pub dhcp_range: Option<Vec<Value>>,
    /// For optimistic locking.
    pub digest: Option<String>,
    /// What became of it since the last apply.
    pub state: Option<StagedState>,
    /// What it will be.
    pub pending: Option<BTreeMap<String, Value>>,
}

/// Who keeps addresses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ipam {
    /// Its name.
    pub ipam: String,
    /// `pve`, `netbox` or `phpipam`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is.
    pub url: Option<String>,
}

/// An address that is given away.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IpamAddress {
    /// The address.
    pub ip: Option<String>,
    /// The MAC address that has it.
    pub mac: Option<String>,
    /// The guest that has it.
    pub vmid: Option<Vmid>,
    /// Its host name.
    pub hostname: Option<String>,
    /// Zone.
    pub zone: Option<String>,
    /// Vnet.
    pub vnet: Option<String>,
    /// Subnet.
    pub subnet: Option<String>,
    /// Whether it is the gateway.
    #[serde(default)]
    pub gateway: bool,
}

params! {
    /// Which state.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct Staged {
        /// With what was changed since the last apply.
        pending: Switch = "pending",
    }

    /// A new zone.
    #[derive(Debug, Clone)]
    pub struct CreateZone {
        /// Its name: at most eight letters and digits, a letter first.
        zone: String = "zone",
        /// How it connects its vnets.
        kind: ZoneKind = "type",
        /// The bridge it is on (vlan, qinq).
        bridge: Option<String> = "bridge",
        /// Other nodes' addresses (vxlan).
        peers: Vec<String> = "peers",
        /// VLAN (qinq).
        tag: Option<u32> = "tag",
        /// MTU.
        mtu: Option<u32> = "mtu",
        /// The nodes that have it; empty is all.
        nodes: Vec<String> = "nodes",
        /// Who keeps its addresses.
        ipam: Option<String> = "ipam",
        /// Who gives its addresses (`dnsmasq`).
        dhcp: Option<String> = "dhcp",
        /// Its controller (evpn).
        controller: Option<String> = "controller",
        /// Its VXLAN number (evpn).
        vrf_vxlan: Option<u32> = "vrf-vxlan",
    }

    /// A change of a zone.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateZone {
        /// The bridge it is on.
        bridge: Option<String> = "bridge",
        /// Other nodes' addresses.
        peers: Vec<String> = "peers",
        /// MTU.
        mtu: Option<u32> = "mtu",
        /// The nodes that have it.
        nodes: Vec<String> = "nodes",
        /// Who keeps its addresses.
        ipam: Option<String> = "ipam",
        /// Who gives its addresses.
        dhcp: Option<String> = "dhcp",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// A new vnet.
    #[derive(Debug, Clone)]
    pub struct CreateVnet {
        /// Its name: at most eight letters and digits, a letter first.
        vnet: String = "vnet",
        /// Its zone.
        zone: String = "zone",
        /// VLAN or VXLAN number.
        tag: Option<u32> = "tag",
        /// Remark.
        alias: Option<String> = "alias",
        /// Whether guests may use VLANs in it.
        vlanaware: Option<bool> = "vlanaware",
    }

    /// A change of a vnet.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateVnet {
        /// Its zone.
        zone: Option<String> = "zone",
        /// VLAN or VXLAN number.
        tag: Option<u32> = "tag",
        /// Remark.
        alias: Option<String> = "alias",
        /// Whether guests may use VLANs in it.
        vlanaware: Option<bool> = "vlanaware",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// A new subnet.
    #[derive(Debug, Clone)]
    pub struct CreateSubnet {
        /// Its addresses (`10.0.0.0/24`).
        subnet: String = "subnet",
        /// Always `subnet`.
        kind: SubnetKind = "type",
        /// Gateway, which the nodes have.
        gateway: Option<String> = "gateway",
        /// Whether guests reach the outside by the node's address.
        snat: Switch = "snat",
        /// Addresses to give out (`start-address=…,end-address=…`).
        dhcp_range: Repeated = "dhcp-range",
    }

    /// An address of a vnet.
    #[derive(Debug, Clone)]
    pub struct VnetAddress {
        /// The zone.
        zone: String = "zone",
        /// The address.
        ip: String = "ip",
        /// The MAC address that has it.
        mac: Option<String> = "mac",
    }
}

words! {
    /// The one kind of subnet.
    pub enum SubnetKind {
        /// A subnet.
        Subnet = "subnet",
    }
}

impl CreateZone {
    /// Of this kind, everything else as the server likes.
    #[must_use]
    pub fn new(zone: &str, kind: ZoneKind) -> Self {
        Self {
            zone: zone.to_owned(),
            kind,
            bridge: None,
            peers: Vec::new(),
            tag: None,
            mtu: None,
            nodes: Vec::new(),
            ipam: None,
            dhcp: None,
            controller: None,
            vrf_vxlan: None,
        }
    }
}

impl CreateVnet {
    /// In this zone, everything else as the server likes.
    #[must_use]
    pub fn new(vnet: &str, zone: &str) -> Self {
        Self { vnet: vnet.to_owned(), zone: zone.to_owned(), tag: None, alias: None, vlanaware: None }
    }
}

impl CreateSubnet {
    /// These addresses, everything else as the server likes.
    #[must_use]
    pub fn new(subnet: &str) -> Self {
        Self {
            subnet: subnet.to_owned(),
            kind: SubnetKind::Subnet,
            gateway: None,
            snat: Switch::Off,
            dhcp_range: Repeated::default(),
        }
    }
}

calls! { Pve:
    ZONES "cluster().sdn().zones" = Get "/cluster/sdn/zones" (Staged) -> Vec<Zone>;
    ZONE "cluster().sdn().zone" = Get "/cluster/sdn/zones/{zone}" (Staged) -> Zone;
    CREATE_ZONE "cluster().sdn().create_zone" = Post "/cluster/sdn/zones" (CreateZone) -> ();
    UPDATE_ZONE "cluster().sdn().update_zone" = Put "/cluster/sdn/zones/{zone}" (UpdateZone) -> ();
    DELETE_ZONE "cluster().sdn().delete_zone" = Delete "/cluster/sdn/zones/{zone}" () -> ();
    VNETS "cluster().sdn().vnets" = Get "/cluster/sdn/vnets" (Staged) -> Vec<Vnet>;
    VNET "cluster().sdn().vnet" = Get "/cluster/sdn/vnets/{vnet}" (Staged) -> Vnet;
    CREATE_VNET "cluster().sdn().create_vnet" = Post "/cluster/sdn/vnets" (CreateVnet) -> ();
    UPDATE_VNET "cluster().sdn().update_vnet" = Put "/cluster/sdn/vnets/{vnet}" (UpdateVnet) -> ();
    DELETE_VNET "cluster().sdn().delete_vnet" = Delete "/cluster/sdn/vnets/{vnet}" () -> ();
    SUBNETS "cluster().sdn().subnets" = Get "/cluster/sdn/vnets/{vnet}/subnets" (Staged) -> Vec<Subnet>;
    CREATE_SUBNET "cluster().sdn().create_subnet" = Post "/cluster/sdn/vnets/{vnet}/subnets" (CreateSubnet) -> ();
    DELETE_SUBNET "cluster().sdn().delete_subnet" = Delete "/cluster/sdn/vnets/{vnet}/subnets/{subnet}" () -> ();
    ADD_IP "cluster().sdn().add_address" = Post "/cluster/sdn/vnets/{vnet}/ips" (VnetAddress) -> ();
    DELETE_IP "cluster().sdn().delete_address" = Delete "/cluster/sdn/vnets/{vnet}/ips" (VnetAddress) -> ();
    IPAMS "cluster().sdn().ipams" = Get "/cluster/sdn/ipams" () -> Vec<Ipam>;
    IPAM_STATUS "cluster().sdn().ipam_addresses" = Get "/cluster/sdn/ipams/{ipam}/status" () -> Vec<IpamAddress>;
    APPLY "cluster().sdn().apply" = Put "/cluster/sdn" () -> Upid;
    ROLLBACK "cluster().sdn().rollback" = Post "/cluster/sdn/rollback" () -> (), from 9 0;
}

impl Sdn<'_> {
    /// The zones, with what was changed since the last apply when asked for.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn zones(&self, pending: Switch) -> Result<Vec<Zone>> {
        self.connection.send(&ZONES, &[], &Staged { pending }).await
    }

    /// One zone.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn zone(&self, zone: &str) -> Result<Zone> {
        self.connection.send(&ZONE, &[zone], &Staged::default()).await
    }

    /// Makes a zone.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_zone(&self, params: &CreateZone) -> Result<()> {
        self.connection.send(&CREATE_ZONE, &[], params).await
    }

    /// Changes a zone.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_zone(&self, zone: &str, change: &UpdateZone) -> Result<()> {
        self.connection.send(&UPDATE_ZONE, &[zone], change).await
    }

    /// Removes a zone, which may have no vnets.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_zone(&self, zone: &str) -> Result<()> {
        self.connection.send(&DELETE_ZONE, &[zone], &()).await
    }

    /// The vnets, with what was changed since the last apply when asked for.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn vnets(&self, pending: Switch) -> Result<Vec<Vnet>> {
        self.connection.send(&VNETS, &[], &Staged { pending }).await
    }

    /// One vnet.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn vnet(&self, vnet: &str) -> Result<Vnet> {
        self.connection.send(&VNET, &[vnet], &Staged::default()).await
    }

    /// Makes a vnet.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_vnet(&self, params: &CreateVnet) -> Result<()> {
        self.connection.send(&CREATE_VNET, &[], params).await
    }

    /// Changes a vnet.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_vnet(&self, vnet: &str, change: &UpdateVnet) -> Result<()> {
        self.connection.send(&UPDATE_VNET, &[vnet], change).await
    }

    /// Removes a vnet, which may have no subnets.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_vnet(&self, vnet: &str) -> Result<()> {
        self.connection.send(&DELETE_VNET, &[vnet], &()).await
    }

    /// The subnets of a vnet, with what was changed since the last apply when asked for.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn subnets(&self, vnet: &str, pending: Switch) -> Result<Vec<Subnet>> {
        self.connection.send(&SUBNETS, &[vnet], &Staged { pending }).await
    }

    /// Makes a subnet.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_subnet(&self, vnet: &str, params: &CreateSubnet) -> Result<()> {
        self.connection.send(&CREATE_SUBNET, &[vnet], params).await
    }

    /// Removes a subnet, by its id (`ZONE-ADDRESS-PREFIX`).
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_subnet(&self, vnet: &str, subnet: &str) -> Result<()> {
        self.connection.send(&DELETE_SUBNET, &[vnet, subnet], &()).await
    }

    /// Gives an address away.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn add_address(&self, vnet: &str, address: &VnetAddress) -> Result<()> {
        self.connection.send(&ADD_IP, &[vnet], address).await
    }

    /// Takes an address back.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_address(&self, vnet: &str, address: &VnetAddress) -> Result<()> {
        self.connection.send(&DELETE_IP, &[vnet], address).await
    }

    /// Who keeps addresses.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ipams(&self) -> Result<Vec<Ipam>> {
        self.connection.send(&IPAMS, &[], &()).await
    }

    /// The addresses that are given away.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ipam_addresses(&self, ipam: &str) -> Result<Vec<IpamAddress>> {
        self.connection.send(&IPAM_STATUS, &[ipam], &()).await
    }

    /// Applies what was changed, on all nodes.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn apply(&self) -> Result<TaskHandle> {
        let upid = self.connection.send(&APPLY, &[], &()).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// Forgets what was changed. PVE 9 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn rollback(&self) -> Result<()> {
        self.connection.send(&ROLLBACK, &[], &()).await
    }
}
