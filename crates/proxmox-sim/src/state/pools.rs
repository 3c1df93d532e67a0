//! Pools: names for sets of guests and storages that carry rights.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

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
