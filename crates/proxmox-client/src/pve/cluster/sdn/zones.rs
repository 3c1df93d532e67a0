//! Zones: how vnets are connected between nodes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Sdn, Staged, StagedState};
use crate::call::calls;
use crate::error::Result;
use crate::params::{Switch, TextList, params, words};
use crate::pve::nodes::Node;

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

/// How a zone is on one node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NodeZone {
    /// Its name.
    pub zone: String,
    /// `available`, `pending` or `error`.
    pub status: String,
}

params! {
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

calls! { Pve:
    ZONES "cluster().sdn().zones" = Get "/cluster/sdn/zones" (Staged) -> Vec<Zone>;
    ZONE "cluster().sdn().zone" = Get "/cluster/sdn/zones/{zone}" (Staged) -> Zone;
    CREATE_ZONE "cluster().sdn().create_zone" = Post "/cluster/sdn/zones" (CreateZone) -> ();
    UPDATE_ZONE "cluster().sdn().update_zone" = Put "/cluster/sdn/zones/{zone}" (UpdateZone) -> ();
    DELETE_ZONE "cluster().sdn().delete_zone" = Delete "/cluster/sdn/zones/{zone}" () -> ();
    ON_NODE "node(n).sdn_zones" = Get "/nodes/{node}/sdn/zones" () -> Vec<NodeZone>;
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
}

impl Node<'_> {
    /// How the zones that the caller may see are on this node.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn sdn_zones(&self) -> Result<Vec<NodeZone>> {
        self.connection.send(&ON_NODE, &[self.name], &()).await
    }
}
