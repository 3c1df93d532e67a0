//! Groups of nodes that guests run on: before PVE 9, which has [`super::rules`] instead.

use serde::Deserialize;

use crate::call::calls;
use crate::error::Result;
use crate::params::{Switch, TextList, params};
use crate::pve::cluster::Cluster;

/// A group of nodes (before PVE 9).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HaGroup {
    /// Its name.
    pub group: String,
    /// Its nodes, with priorities (`a:2,b:1`).
    #[serde(default)]
    pub nodes: TextList,
    /// Whether guests run nowhere else.
    #[serde(default)]
    pub restricted: bool,
    /// Whether guests stay where they were moved.
    #[serde(default)]
    pub nofailback: bool,
    /// Remark.
    pub comment: Option<String>,
}

params! {
    /// A new group (before PVE 9).
    #[derive(Debug, Clone)]
    pub struct CreateHaGroup {
        /// Its name.
        group: String = "group",
        /// Its nodes, with priorities (`a:2,b:1`).
        nodes: String = "nodes",
        /// Whether guests run nowhere else.
        restricted: Switch = "restricted",
        /// Whether guests stay where they were moved.
        nofailback: Switch = "nofailback",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// A change of a group (before PVE 9). What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateHaGroup {
        /// Its nodes, with priorities (`a:2,b:1`).
        nodes: Option<String> = "nodes",
        /// Whether guests run nowhere else.
        restricted: Option<bool> = "restricted",
        /// Whether guests stay where they were moved.
        nofailback: Option<bool> = "nofailback",
        /// Remark.
        comment: Option<String> = "comment",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }
}

calls! { Pve:
    GROUPS "cluster().ha_groups" = Get "/cluster/ha/groups" () -> Vec<HaGroup>, before 9 0;
    GROUP "cluster().ha_group" = Get "/cluster/ha/groups/{group}" () -> HaGroup, before 9 0;
    CREATE_GROUP "cluster().create_ha_group" = Post "/cluster/ha/groups" (CreateHaGroup) -> (), before 9 0;
    UPDATE_GROUP "cluster().update_ha_group" = Put "/cluster/ha/groups/{group}" (UpdateHaGroup) -> (), before 9 0;
    DELETE_GROUP "cluster().delete_ha_group" = Delete "/cluster/ha/groups/{group}" () -> (), before 9 0;
}

impl Cluster<'_> {
    /// Groups of nodes. Before PVE 9, which has rules instead.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on PVE 9.
    pub async fn ha_groups(&self) -> Result<Vec<HaGroup>> {
        self.connection.send(&GROUPS, &[], &()).await
    }

    /// One group of nodes. Before PVE 9, which has rules instead.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on PVE 9.
    pub async fn ha_group(&self, group: &str) -> Result<HaGroup> {
        self.connection.send(&GROUP, &[group], &()).await
    }

    /// Makes a group of nodes. Before PVE 9, which has rules instead.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on PVE 9.
    pub async fn create_ha_group(&self, params: &CreateHaGroup) -> Result<()> {
        self.connection.send(&CREATE_GROUP, &[], params).await
    }

    /// Changes a group of nodes. Before PVE 9, which has rules instead.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on PVE 9.
    pub async fn update_ha_group(&self, group: &str, change: &UpdateHaGroup) -> Result<()> {
        self.connection.send(&UPDATE_GROUP, &[group], change).await
    }

    /// Removes a group of nodes. Before PVE 9, which has rules instead.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on PVE 9.
    pub async fn delete_ha_group(&self, group: &str) -> Result<()> {
        self.connection.send(&DELETE_GROUP, &[group], &()).await
    }
}
