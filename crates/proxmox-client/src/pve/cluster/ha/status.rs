//! How high availability is, and switching it off and on for the whole cluster.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::HaSid;
use crate::call::calls;
use crate::error::Result;
use crate::params::{params, words};
use crate::pve::cluster::Cluster;

words! {
    /// What becomes of the guests that are looked after while nothing looks after them.
    pub enum DisarmMode {
        /// They stay as they are, and cannot be changed.
        Freeze = "freeze",
        /// They are like any other guest.
        Ignore = "ignore",
    }
}

params! {
    /// How to switch high availability off.
    #[derive(Debug, Clone)]
    pub struct DisarmHa {
        /// What becomes of the guests.
        mode: DisarmMode = "resource-mode",
    }
}

/// A row of the present state: quorum, master, a node's agent, a guest.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct HaStatusRow {
    /// `quorum`, `master`, `lrm` or `service`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about.
    pub id: String,
    /// How it is, in words.
    pub status: Option<String>,
    /// The node.
    pub node: Option<String>,
    /// The guest.
    pub sid: Option<HaSid>,
    /// How the guest is.
    pub state: Option<String>,
    /// What is wanted of it.
    pub request_state: Option<String>,
    /// Whether a majority is there.
    pub quorate: Option<bool>,
}

calls! { Pve:
    STATUS "cluster().ha_status" = Get "/cluster/ha/status/current" () -> Vec<HaStatusRow>;
    MANAGER "cluster().ha_manager_status" = Get "/cluster/ha/status/manager_status" () -> BTreeMap<String, Value>;
    DISARM "cluster().disarm_ha" = Post "/cluster/ha/status/disarm-ha" (DisarmHa) -> (), from 9 2;
    ARM "cluster().arm_ha" = Post "/cluster/ha/status/arm-ha" () -> (), from 9 2;
}

impl Cluster<'_> {
    /// How high availability is.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ha_status(&self) -> Result<Vec<HaStatusRow>> {
        self.connection.send(&STATUS, &[], &()).await
    }

    /// The manager's own state, as it keeps it.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ha_manager_status(&self) -> Result<BTreeMap<String, Value>> {
        self.connection.send(&MANAGER, &[], &()).await
    }

    /// Switches high availability off in the whole cluster, for maintenance. PVE 9.2 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn disarm_ha(&self, mode: DisarmMode) -> Result<()> {
        self.connection.send(&DISARM, &[], &DisarmHa { mode }).await
    }

    /// Switches high availability on again. PVE 9.2 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn arm_ha(&self) -> Result<()> {
        self.connection.send(&ARM, &[], &()).await
    }
}
