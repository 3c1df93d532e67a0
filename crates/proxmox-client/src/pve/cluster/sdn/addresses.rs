//! Addresses that are given away, and who keeps the list (IPAM).

use serde::Deserialize;

use super::Sdn;
use crate::call::calls;
use crate::error::Result;
use crate::ids::Vmid;
use crate::params::params;

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

    /// A change of who has an address.
    #[derive(Debug, Clone)]
    pub struct UpdateVnetAddress {
        /// The zone.
        zone: String = "zone",
        /// The address.
        ip: String = "ip",
        /// The MAC address that has it.
        mac: Option<String> = "mac",
        /// The guest that has it.
        vmid: Option<Vmid> = "vmid",
    }
}

calls! { Pve:
    ADD_IP "cluster().sdn().add_address" = Post "/cluster/sdn/vnets/{vnet}/ips" (VnetAddress) -> ();
    UPDATE_IP "cluster().sdn().update_address" = Put "/cluster/sdn/vnets/{vnet}/ips" (UpdateVnetAddress) -> ();
    DELETE_IP "cluster().sdn().delete_address" = Delete "/cluster/sdn/vnets/{vnet}/ips" (VnetAddress) -> ();
    IPAMS "cluster().sdn().ipams" = Get "/cluster/sdn/ipams" () -> Vec<Ipam>;
    IPAM_STATUS "cluster().sdn().ipam_addresses" = Get "/cluster/sdn/ipams/{ipam}/status" () -> Vec<IpamAddress>;
}

impl Sdn<'_> {
    /// Gives an address away.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn add_address(&self, vnet: &str, address: &VnetAddress) -> Result<()> {
        self.connection.send(&ADD_IP, &[vnet], address).await
    }

    /// Changes who has an address.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_address(&self, vnet: &str, address: &UpdateVnetAddress) -> Result<()> {
        self.connection.send(&UPDATE_IP, &[vnet], address).await
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
}
