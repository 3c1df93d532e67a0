//! The guests that are looked after.

use serde::Deserialize;

use super::HaSid;
use crate::call::calls;
use crate::error::Result;
use crate::params::{params, words};
use crate::pve::cluster::Cluster;

words! {
    /// What is wanted of a guest.
    pub enum HaRequest {
        /// It runs.
        Started = "started",
        /// It does not run, but stays where it can.
        Stopped = "stopped",
        /// The same as started.
        Enabled = "enabled",
        /// It does not run and is not moved.
        Disabled = "disabled",
        /// Nothing is done.
        Ignored = "ignored",
    }
}

/// A guest that is looked after.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HaResource {
    /// Which guest.
    pub sid: HaSid,
    /// What is wanted of it.
    pub state: Option<HaRequest>,
    /// How often it is restarted where it is.
    pub max_restart: Option<u32>,
    /// How often it is moved then.
    pub max_relocate: Option<u32>,
    /// Whether it goes back to a better node (PVE 9).
    pub failback: Option<bool>,
    /// Its group (before PVE 9).
    pub group: Option<String>,
    /// Remark.
    pub comment: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
}

params! {
    /// A guest to look after.
    #[derive(Debug, Clone)]
    pub struct CreateHaResource {
        /// Which.
        sid: HaSid = "sid",
        /// What is wanted of it.
        state: Option<HaRequest> = "state",
        /// How often it is restarted where it is.
        max_restart: Option<u32> = "max_restart",
        /// How often it is moved then.
        max_relocate: Option<u32> = "max_relocate",
        /// Its group (before PVE 9).
        group: Option<String> = "group",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// A change of how a guest is looked after.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateHaResource {
        /// What is wanted of it.
        state: Option<HaRequest> = "state",
        /// How often it is restarted where it is.
        max_restart: Option<u32> = "max_restart",
        /// How often it is moved then.
        max_relocate: Option<u32> = "max_relocate",
        /// Its group (before PVE 9).
        group: Option<String> = "group",
        /// Remark.
        comment: Option<String> = "comment",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// Where to.
    #[derive(Debug, Clone)]
    pub struct HaTarget {
        /// The node.
        node: String = "node",
    }
}

impl CreateHaResource {
    /// This guest, everything else as the server likes.
    #[must_use]
    pub const fn new(sid: HaSid) -> Self {
        Self { sid, state: None, max_restart: None, max_relocate: None, group: None, comment: None }
    }
}

calls! { Pve:
    RESOURCES "cluster().ha_resources" = Get "/cluster/ha/resources" () -> Vec<HaResource>;
    RESOURCE "cluster().ha_resource" = Get "/cluster/ha/resources/{sid}" () -> HaResource;
    CREATE "cluster().create_ha_resource" = Post "/cluster/ha/resources" (CreateHaResource) -> ();
    UPDATE "cluster().update_ha_resource" = Put "/cluster/ha/resources/{sid}" (UpdateHaResource) -> ();
    DELETE "cluster().delete_ha_resource" = Delete "/cluster/ha/resources/{sid}" () -> ();
    MIGRATE "cluster().migrate_ha_resource" = Post "/cluster/ha/resources/{sid}/migrate" (HaTarget) -> ();
    RELOCATE "cluster().relocate_ha_resource" = Post "/cluster/ha/resources/{sid}/relocate" (HaTarget) -> ();
}

impl Cluster<'_> {
    /// The guests that are looked after.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ha_resources(&self) -> Result<Vec<HaResource>> {
        self.connection.send(&RESOURCES, &[], &()).await
    }

    /// How one guest is looked after.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ha_resource(&self, sid: HaSid) -> Result<HaResource> {
        self.connection.send(&RESOURCE, &[&sid.to_string()], &()).await
    }

    /// Looks after a guest from now on.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_ha_resource(&self, params: &CreateHaResource) -> Result<()> {
        self.connection.send(&CREATE, &[], params).await
    }

    /// Changes how a guest is looked after.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_ha_resource(&self, sid: HaSid, change: &UpdateHaResource) -> Result<()> {
        self.connection.send(&UPDATE, &[&sid.to_string()], change).await
    }

    /// Looks after a guest no longer.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_ha_resource(&self, sid: HaSid) -> Result<()> {
        self.connection.send(&DELETE, &[&sid.to_string()], &()).await
    }

    /// Asks for a guest to be moved while it runs. The work is a later task of the node's agent.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn migrate_ha_resource(&self, sid: HaSid, node: &str) -> Result<()> {
        self.connection.send(&MIGRATE, &[&sid.to_string()], &HaTarget { node: node.to_owned() }).await
    }

    /// Asks for a guest to be stopped here and started there.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn relocate_ha_resource(&self, sid: HaSid, node: &str) -> Result<()> {
        self.connection.send(&RELOCATE, &[&sid.to_string()], &HaTarget { node: node.to_owned() }).await
    }
}
