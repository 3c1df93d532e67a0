//! The storages as a node sees them.

use serde::Deserialize;

use super::Node;
use crate::call::calls;
use crate::error::Result;
use crate::params::{Switch, TextList, params};

/// A storage on a node.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StorageState {
    /// Its name.
    pub storage: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it may hold.
    #[serde(default)]
    pub content: TextList,
    /// Whether it can be used now.
    #[serde(default)]
    pub active: bool,
    /// Whether it is switched on.
    #[serde(default)]
    pub enabled: bool,
    /// Whether it is the same on all its nodes.
    #[serde(default)]
    pub shared: bool,
    /// Size in bytes.
    pub total: Option<u64>,
    /// Bytes in use.
    pub used: Option<u64>,
    /// Bytes left.
    pub avail: Option<u64>,
    /// Share in use, 0 to 1.
    pub used_fraction: Option<f64>,
}

params! {
    /// Which storages.
    #[derive(Debug, Clone, Default)]
    pub struct StorageFilter {
        /// Only those that may hold this.
        content: Vec<String> = "content",
        /// Only those switched on.
        enabled: Switch = "enabled",
        /// Only this one.
        storage: Option<String> = "storage",
        /// Only those that this other node has too.
        target: Option<String> = "target",
    }
}

calls! { Pve:
    LIST "node(n).storages" = Get "/nodes/{node}/storage" (StorageFilter) -> Vec<StorageState>;
}

impl Node<'_> {
    /// The node's storages. One that does not answer delays this by many seconds.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn storages(&self, filter: &StorageFilter) -> Result<Vec<StorageState>> {
        self.connection.send(&LIST, &[self.name], filter).await
    }
}
