//! A hyper-converged Ceph on the nodes of a cluster: what its calls show and change. No data is stored in it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::state::Cluster;
use crate::storage::{Definition, Space};
use crate::tasks::{Context, End};

/// Size of each OSD, bytes.
pub const OSD_SIZE: u64 = 1 << 40;

/// Ceph on some nodes: each runs a monitor, a manager and one OSD; the first has the active manager and the metadata server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ceph {
    /// Its id.
    pub fsid: String,
    /// `19.2.3`.
    pub version: String,
    /// Nodes that take part.
    pub nodes: Vec<String>,
    /// Flags that are set: `noout`, …
    pub flags: BTreeSet<String>,
    /// Pools.
    pub pools: Vec<CephPool>,
    /// The number of the next pool.
    next_pool: u32,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CephPool {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Replicas.
    pub size: u32,
    /// Replicas without which it stands still.
    pub min_size: u32,
    /// Placement groups.
    pub placement_groups: u32,
    /// `on`, `off` or `warn`.
    pub autoscale: String,
    /// Name of the rule by which data is placed.
    pub rule: String,
    /// `rbd`, `cephfs`, `rgw`, `mgr`.
    pub application: String,
}

impl CephPool {
    /// A pool as it is made without further parameters.
    #[must_use]
    pub fn new(name: &str, application: &str) -> Self {
        Self {
            number: 0,
            name: name.to_owned(),
            size: 3,
            min_size: 2,
            placement_groups: 128,
            autoscale: "warn".to_owned(),
            rule: "replicated_rule".to_owned(),
            application: application.to_owned(),
        }
    }
}

impl Ceph {
    /// Ceph on these nodes, with the pool that managers make for themselves.
    #[must_use]
    pub fn on(nodes: &[String]) -> Self {
        let mut ceph = Self {
            fsid: uuid::Uuid::new_v4().to_string(),
            version: "19.2.3".to_owned(),
            nodes: nodes.to_vec(),
            flags: BTreeSet::new(),
            pools: Vec::new(),
            next_pool: 1,
        };
        ceph.add(CephPool { placement_groups: 1, autoscale: "on".to_owned(), ..CephPool::new(".mgr", "mgr") });
        ceph
    }

    /// A pool by name.
    #[must_use]
    pub fn pool(&self, name: &str) -> Option<&CephPool> {
        self.pools.iter().find(|pool| pool.name == name)
    }

    fn add(&mut self, mut pool: CephPool) {
        pool.number = self.next_pool;
        self.next_pool += 1;
        self.pools.push(pool);
    }
}

/// Work on Ceph that takes time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CephJob {
    /// Make a pool, and a storage on it.
    Create {
        /// The pool.
        pool: CephPool,
        /// Also define a storage of the same name.
        storage: bool,
    },
    /// Remove a pool, and the storages on it.
    Destroy {
        /// Its name.
        pool: String,
        /// Also remove the storages on it.
        storages: bool,
    },
    /// Change a pool of the same name.
    Change(CephPool),
    /// Set and clear flags.
    Flags(Vec<(String, bool)>),
}

impl CephJob {
    /// Does it.
    ///
    /// # Errors
    /// What the task ends with.
    pub fn finish(self, cluster: &mut Cluster, _: &Context, log: &mut Vec<String>) -> Result<End, String> {
        let Some(ceph) = &mut cluster.ceph else { return Err("binary not installed: /usr/bin/ceph-mon".to_owned()) };
        match self {
            Self::Create { pool, storage } => {
                let (name, size) = (pool.name.clone(), u64::from(pool.size.max(1)));
                if ceph.pool(&name).is_some() {
                    return Err(format!("pool '{name}' already exists"));
                }
                log.push(format!("pool {name}: applying application = {}", pool.application));
                ceph.add(pool);
                let (nodes, total) = (ceph.nodes.clone(), OSD_SIZE.saturating_mul(ceph.nodes.len() as u64) / size);
                if storage {
                    let options = [("pool", name.as_str()), ("content", "images,rootdir"), ("krbd", "0")];
                    let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
                    cluster.storages.define(&name, Definition::new("rbd", options.into()));
                    for node in &nodes {
                        cluster.storages.set_space(&name, node, Space { total, other: 0, reserved: 0 });
                    }
                }
            }
            Self::Destroy { pool, storages } => {
                if ceph.pool(&pool).is_none() {
                    return Err(format!("unable to find pool '{pool}'"));
                }
                ceph.pools.retain(|found| found.name != pool);
                if storages {
                    for (id, definition) in cluster.storages.all() {
                        if definition.kind == "rbd" && definition.get("pool") == Some(&pool) {
                            cluster.storages.undefine(&id);
                        }
                    }
                }
            }
            Self::Change(pool) => match ceph.pools.iter_mut().find(|found| found.name == pool.name) {
                Some(found) => *found = CephPool { number: found.number, ..pool },
                None => return Err(format!("unable to find pool '{}'", pool.name)),
            },
            Self::Flags(flags) => {
                for (flag, on) in flags {
                    log.push(format!("{} {flag}", if on { "set" } else { "unset" }));
                    if on {
                        ceph.flags.insert(flag);
                    } else {
                        ceph.flags.remove(&flag);
                    }
                }
            }
        }
        Ok(End::Ok)
    }
}
