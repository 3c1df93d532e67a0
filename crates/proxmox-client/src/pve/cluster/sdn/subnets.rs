//! Subnets: the addresses of a vnet.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Sdn, Staged, StagedState};
use crate::call::calls;
use crate::error::Result;
use crate::params::{Repeated, Switch, constants, params};

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

constants! {
    /// There is one kind of subnet.
    pub struct SubnetType: Text = "subnet";
}

params! {
    /// A new subnet.
    #[derive(Debug, Clone)]
    pub struct CreateSubnet {
        /// Its addresses (`10.0.0.0/24`).
        subnet: String = "subnet",
        /// Always `subnet`.
        kind: SubnetType = "type",
        /// Gateway, which the nodes have.
        gateway: Option<String> = "gateway",
        /// Whether guests reach the outside by the node's address.
        snat: Switch = "snat",
        /// Addresses to give out (`start-address=…,end-address=…`).
        dhcp_range: Repeated = "dhcp-range",
    }

    /// A change of a subnet. What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateSubnet {
        /// Gateway, which the nodes have.
        gateway: Option<String> = "gateway",
        /// Whether guests reach the outside by the node's address.
        snat: Option<bool> = "snat",
        /// Addresses to give out (`start-address=…,end-address=…`).
        dhcp_range: Repeated = "dhcp-range",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }
}

impl CreateSubnet {
    /// These addresses, everything else as the server likes.
    #[must_use]
    pub fn new(subnet: &str) -> Self {
        Self {
            subnet: subnet.to_owned(),
            kind: SubnetType,
            gateway: None,
            snat: Switch::Off,
            dhcp_range: Repeated::default(),
        }
    }
}

calls! { Pve:
    SUBNETS "cluster().sdn().subnets" = Get "/cluster/sdn/vnets/{vnet}/subnets" (Staged) -> Vec<Subnet>;
    SUBNET "cluster().sdn().subnet" = Get "/cluster/sdn/vnets/{vnet}/subnets/{subnet}" (Staged) -> Subnet;
    CREATE_SUBNET "cluster().sdn().create_subnet" = Post "/cluster/sdn/vnets/{vnet}/subnets" (CreateSubnet) -> ();
    UPDATE_SUBNET "cluster().sdn().update_subnet" = Put "/cluster/sdn/vnets/{vnet}/subnets/{subnet}" (UpdateSubnet) -> ();
    DELETE_SUBNET "cluster().sdn().delete_subnet" = Delete "/cluster/sdn/vnets/{vnet}/subnets/{subnet}" () -> ();
}

impl Sdn<'_> {
    /// The subnets of a vnet, with what was changed since the last apply when asked for.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn subnets(&self, vnet: &str, pending: Switch) -> Result<Vec<Subnet>> {
        self.connection.send(&SUBNETS, &[vnet], &Staged { pending }).await
    }

    /// One subnet, by its id (`ZONE-ADDRESS-PREFIX`).
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn subnet(&self, vnet: &str, subnet: &str) -> Result<Subnet> {
        self.connection.send(&SUBNET, &[vnet, subnet], &Staged::default()).await
    }

    /// Makes a subnet.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_subnet(&self, vnet: &str, params: &CreateSubnet) -> Result<()> {
        self.connection.send(&CREATE_SUBNET, &[vnet], params).await
    }

    /// Changes a subnet, by its id (`ZONE-ADDRESS-PREFIX`).
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when the digest does not fit.
    pub async fn update_subnet(&self, vnet: &str, subnet: &str, change: &UpdateSubnet) -> Result<()> {
        self.connection.send(&UPDATE_SUBNET, &[vnet, subnet], change).await
    }

    /// Removes a subnet, by its id (`ZONE-ADDRESS-PREFIX`).
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_subnet(&self, vnet: &str, subnet: &str) -> Result<()> {
        self.connection.send(&DELETE_SUBNET, &[vnet, subnet], &()).await
    }
}
