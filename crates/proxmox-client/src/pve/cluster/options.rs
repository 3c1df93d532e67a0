//! Settings of the whole cluster.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Cluster;
use crate::call::calls;
use crate::error::Result;
use crate::params::params;

params! {
    /// A change of the cluster's settings. Property strings as text.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateOptions {
        /// Remark.
        description: Option<String> = "description",
        /// Prefix of MAC addresses that are made up.
        mac_prefix: Option<String> = "mac_prefix",
        /// Range of VMIDs to propose (`lower=100,upper=1000000`).
        next_id: Option<String> = "next-id",
        /// How migrations go (`type=secure,network=10.0.0.0/24`).
        migration: Option<String> = "migration",
        /// What happens when a node is shut down (`shutdown_policy=migrate`).
        ha: Option<String> = "ha",
        /// Tags that only administrators may set.
        registered_tags: Option<String> = "registered-tags",
        /// Which tags users may set.
        user_tag_access: Option<String> = "user-tag-access",
        /// Limits of data rates.
        bwlimit: Option<String> = "bwlimit",
        /// Proxy for the outside.
        http_proxy: Option<String> = "http_proxy",
        /// Most workers of actions on many guests.
        max_workers: Option<u32> = "max_workers",
        /// Settings to remove.
        delete: Vec<String> = "delete",
    }
}

calls! { Pve:
    GET "cluster().options" = Get "/cluster/options" () -> BTreeMap<String, Value>;
    UPDATE "cluster().update_options" = Put "/cluster/options" (UpdateOptions) -> ();
}

impl Cluster<'_> {
    /// The cluster's settings by name.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn options(&self) -> Result<BTreeMap<String, Value>> {
        self.connection.send(&GET, &[], &()).await
    }

    /// Changes the cluster's settings.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_options(&self, change: &UpdateOptions) -> Result<()> {
        self.connection.send(&UPDATE, &[], change).await
    }
}
