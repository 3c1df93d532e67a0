//! Everything that a cluster remembers: one serialisable value, changed by handlers behind one lock.
//!
//! A sub-struct per subject. All of it can be saved as JSON and loaded again, so a demo goes on where it was. No HTTP and
//! no parameter verification here.

pub mod access;
pub mod behaviour;
pub mod calendar;
pub mod ceph;
pub mod clock;
pub mod digest;
pub mod firewall;
mod fresh;
pub mod interfaces;
pub mod log;
mod mishaps;
pub mod nodes;
pub mod pools;
pub mod privileges;
pub mod sdn;
pub mod sections;
mod storing;

use serde::{Deserialize, Serialize};

use crate::api::Fault;

pub use clock::Clock;

/// One simulated cluster (or single node).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Cluster {
    /// Name of the cluster; `None` for a node that is in no cluster.
    pub name: Option<String>,
    /// What the nodes say they are.
    pub version: Version,
    /// The time that everything in this cluster sees.
    pub clock: Clock,
    /// Members by name.
    pub nodes: nodes::Nodes,
    /// Users, groups, roles, ACLs, tokens, realms.
    pub access: access::Access,
    /// Pools by id.
    pub pools: pools::Pools,
    /// Guests by VMID.
    pub guests: crate::guests::Guests,
    /// Storages and the volumes on them.
    pub storages: crate::storage::Storages,
    /// Tasks.
    pub tasks: crate::tasks::Tasks,
    /// What the simulated machines can and cannot do.
    pub behaviour: behaviour::Behaviour,
    /// Network interfaces of the nodes.
    pub interfaces: interfaces::NodeNetworks,
    /// HA, jobs, mappings, notifications, metric servers.
    pub sections: sections::Sections,
    /// Firewalls.
    pub firewall: firewall::Firewall,
    /// Software-defined networks.
    pub sdn: sdn::Sdn,
    /// Options of the whole cluster, as written in `datacenter.cfg`.
    pub options: std::collections::BTreeMap<String, String>,
    /// The log of the cluster.
    pub log: log::ClusterLog,
    /// Ceph, where it is installed.
    pub ceph: Option<ceph::Ceph>,
    /// The agents inside of virtual machines by VMID, as far as they were told something.
    pub agents: std::collections::BTreeMap<u32, crate::guests::agent::Agent>,
    /// Backup servers that storages of type `pbs` point to.
    #[serde(skip)]
    pub backup_servers: crate::backup::BackupServers,
    /// Rights worked out from the above.
    #[serde(skip)]
    pub rights: privileges::Rights,
}

/// The product's version, as `GET /version` tells it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Version {
    /// `9.1`.
    pub release: String,
    /// `9.1.6`.
    pub version: String,
    /// Short commit id of the build.
    pub repoid: String,
}

impl Version {
    /// `9.1.6` and the like; the release is the first two parts.
    #[must_use]
    pub fn new(version: &str) -> Self {
        let release = version.split('.').take(2).collect::<Vec<_>>().join(".");
        Self { release, version: version.to_owned(), repoid: "c38976409b2f3402".to_owned() }
    }

    /// Major and minor number.
    #[must_use]
    pub fn pair(&self) -> (u32, u32) {
        let mut parts = self.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            name: None,
            version: Version::new("9.1.6"),
            clock: Clock::default(),
            nodes: nodes::Nodes::default(),
            access: access::Access::default(),
            pools: pools::Pools::default(),
            guests: crate::guests::Guests::default(),
            storages: crate::storage::Storages::default(),
            tasks: crate::tasks::Tasks::default(),
            behaviour: behaviour::Behaviour::default(),
            interfaces: interfaces::NodeNetworks::default(),
            sections: sections::Sections::default(),
            firewall: firewall::Firewall::default(),
            sdn: sdn::Sdn::default(),
            options: std::collections::BTreeMap::new(),
            log: log::ClusterLog::default(),
            ceph: None,
            agents: std::collections::BTreeMap::new(),
            backup_servers: crate::backup::BackupServers::default(),
            rights: privileges::Rights::default(),
        }
    }
}

impl Cluster {
    /// Unix seconds in this cluster.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Lets everything that is due by now happen. Called before every request.
    pub fn settle(&mut self) {
        self.settle_tasks();
        self.mirror_backup_servers();
    }

    /// Takes a node down or brings it back.
    pub fn set_node_online(&mut self, name: &str, online: bool) {
        let now = self.clock.now_ms();
        if let Some(node) = self.nodes.get_mut(name) {
            node.lost_ms = (!online).then(|| node.lost_ms.unwrap_or(now));
            node.online = online;
        }
    }

    /// Whether the others still count a node in: a lost one until its silence is noticed.
    #[must_use]
    pub fn is_member(&self, node: &nodes::Node) -> bool {
        let silent = node.lost_ms.map(|lost| self.clock.now_ms() - lost);
        node.online || silent.is_some_and(|silent| silent < self.behaviour.token_timeout_ms)
    }

    /// When a node last told the others about itself, Unix milliseconds: a lost one not since.
    #[must_use]
    pub fn last_told(&self, node: &nodes::Node) -> i64 {
        let until = node.lost_ms.unwrap_or(i64::MAX).min(self.clock.now_ms());
        crate::guests::status::last_telling(node.booted * 1000, self.behaviour.telling_interval_ms, until)
    }

    /// Whether more than half of the nodes are up.
    #[must_use]
    pub fn quorate(&self) -> bool {
        let up = self.nodes.iter().filter(|node| self.is_member(node)).count();
        !self.nodes.quorum_lost && up * 2 > self.nodes.len()
    }

    /// Takes the lock of a configuration file of the cluster (`user_cfg`, `domains_cfg`), which needs quorum.
    ///
    /// # Errors
    /// 500 with the lock's words.
    pub fn cfs_lock(&self, file: &str) -> Result<(), Fault> {
        self.lock(&format!("file-{file}"))
    }

    /// Takes a lock of the cluster by its whole name.
    ///
    /// # Errors
    /// 500 with the lock's words.
    pub fn lock(&self, name: &str) -> Result<(), Fault> {
        if self.quorate() { Ok(()) } else { Err(Fault::die(format!("cfs-lock '{name}' error: no quorum!"))) }
    }

    /// Refuses a write to the cluster's configuration without quorum.
    ///
    /// # Errors
    /// 500 with the cluster file system's words.
    pub fn require_quorum(&self) -> Result<(), Fault> {
        if self.quorate() { Ok(()) } else { Err(Fault::die("cluster not ready - no quorum?")) }
    }
}
