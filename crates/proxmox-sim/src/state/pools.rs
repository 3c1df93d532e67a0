//! Pools: names for sets of guests and storages that carry rights.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Cluster;

/// All pools by id (`a/b/c` for nested ones).
pub type Pools = BTreeMap<String, Pool>;

/// One pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pool {
    /// Free text.
    pub comment: String,
    /// Member guests; a guest need not exist.
    pub vms: BTreeSet<u32>,
    /// Member storages; a storage need not exist.
    pub storages: BTreeSet<String>,
}

impl Cluster {
    /// A guest as a member of a pool is shown, as in the cluster's list of resources; `None` if there is no such guest.
    #[must_use]
    pub fn pool_guest(&self, _vmid: u32) -> Option<Value> {
        None
    }

    /// A storage as a member of a pool is shown, seen from a node; `None` if there is no such storage.
    #[must_use]
    pub fn pool_storage(&self, _id: &str, _node: &str) -> Option<Value> {
        None
    }
}
