//! Vnets: what guests are connected to.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Sdn, Staged, StagedState};
use crate::call::calls;
use crate::error::Result;
use crate::params::{Switch, params};

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

params! {
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
}

impl CreateVnet {
    /// In this zone, everything else as the server likes.
    #[must_use]
    pub fn new(vnet: &str, zone: &str) -> Self {
        Self { vnet: vnet.to_owned(), zone: zone.to_owned(), tag: None, alias: None, vlanaware: None }
    }
}

calls! { Pve:
    VNETS "cluster().sdn().vnets" = Get "/cluster/sdn/vnets" (Staged) -> Vec<Vnet>;
    VNET "cluster().sdn().vnet" = Get "/cluster/sdn/vnets/{vnet}" (Staged) -> Vnet;
    CREATE_VNET "cluster().sdn().create_vnet" = Post "/cluster/sdn/vnets" (CreateVnet) -> ();
    UPDATE_VNET "cluster().sdn().update_vnet" = Put "/cluster/sdn/vnets/{vnet}" (UpdateVnet) -> ();
    DELETE_VNET "cluster().sdn().delete_vnet" = Delete "/cluster/sdn/vnets/{vnet}" () -> ();
}

impl Sdn<'_> {
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
}
