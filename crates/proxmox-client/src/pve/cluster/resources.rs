//! The overview: resources, members, recent tasks, a free VMID.

use serde::Deserialize;

use super::Cluster;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{GuestKind, PoolId, Upid, Vmid};
use crate::params::{params, words};
use crate::tasks::TaskOutcome;

words! {
    /// Which resources to list.
    pub enum ResourceKind {
        /// Guests of both kinds.
        Guests = "vm",
        /// Storages.
        Storages = "storage",
        /// Nodes.
        Nodes = "node",
        /// Zones and other parts of the software-defined network.
        Sdn = "sdn",
    }
}

/// One thing in a cluster. Which fields there are depends on its type and on the caller's rights. Figures may be ten
/// seconds old, a guest just destroyed may still be listed: for decisions ask the guest.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Resource {
    /// `qemu/100`, `node/pve`, `storage/pve/local`, `/pool/x`.
    pub id: String,
    /// `node`, `storage`, `pool`, `qemu`, `lxc`, `sdn`, `network`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The node it is on.
    pub node: Option<String>,
    /// Guests: `running`, `stopped`, `unknown`; nodes: `online`, `offline`, `unknown`; storages: `available`, `unknown`.
    pub status: Option<String>,
    /// Name of a guest.
    pub name: Option<String>,
    /// Number of a guest.
    pub vmid: Option<Vmid>,
    /// Pool of a guest, or the pool's own name.
    pub pool: Option<PoolId>,
    /// Tags of a guest, joined by semicolons.
    pub tags: Option<String>,
    /// What holds the guest's configuration.
    pub lock: Option<String>,
    /// Whether the guest is a template.
    pub template: bool,
    /// What high availability does with it.
    pub hastate: Option<String>,
    /// Seconds since it was started.
    pub uptime: Option<u64>,
    /// Share of `maxcpu` in use, 0 to 1.
    pub cpu: Option<f64>,
    /// Processors.
    pub maxcpu: Option<f64>,
    /// Memory in use, bytes.
    pub mem: Option<u64>,
    /// Memory it may use, bytes.
    pub maxmem: Option<u64>,
    /// Memory in use as the host sees it, bytes (PVE 9).
    pub memhost: Option<u64>,
    /// Disk in use, bytes; 0 for virtual machines.
    pub disk: Option<u64>,
    /// Disk size, bytes.
    pub maxdisk: Option<u64>,
    /// Bytes received since the start.
    pub netin: Option<u64>,
    /// Bytes sent since the start.
    pub netout: Option<u64>,
    /// Bytes read since the start.
    pub diskread: Option<u64>,
    /// Bytes written since the start.
    pub diskwrite: Option<u64>,
    /// Name of a storage.
    pub storage: Option<String>,
    /// Kind of a storage.
    pub plugintype: Option<String>,
    /// What a storage may hold.
    pub content: Option<String>,
    /// Whether a storage is the same on all its nodes.
    pub shared: Option<bool>,
    /// Support level of a node.
    pub level: Option<String>,
    /// Name of a zone.
    pub sdn: Option<String>,
    /// Name of a network (PVE 9).
    pub network: Option<String>,
    /// Kind of a network (PVE 9).
    pub network_type: Option<String>,
}

impl Resource {
    /// The kind of guest it is, when it is one.
    #[must_use]
    pub fn guest_kind(&self) -> Option<GuestKind> {
        self.kind.parse().ok()
    }
}

/// A row of the cluster's status: the cluster itself, or a node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MemberRow {
    /// `cluster` or `node`. A node that is in no cluster has no row for one.
    #[serde(rename = "type")]
    pub kind: String,
    /// `cluster` or `node/NAME`.
    pub id: String,
    /// Name of the cluster or node.
    pub name: String,
    /// How many nodes (cluster).
    pub nodes: Option<u32>,
    /// Whether a majority is there; without it nothing can be changed (cluster).
    pub quorate: Option<bool>,
    /// Version of the cluster's configuration (cluster).
    pub version: Option<u64>,
    /// Number of the node.
    pub nodeid: Option<u32>,
    /// Address of the node.
    pub ip: Option<String>,
    /// Whether the node is reachable.
    pub online: Option<bool>,
    /// Whether it is the node that answers.
    pub local: Option<bool>,
    /// Support level.
    pub level: Option<String>,
}

/// A recent task of any node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClusterTask {
    /// Its id.
    pub upid: Upid,
    /// The node.
    pub node: String,
    /// The kind of work.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it works on.
    #[serde(default)]
    pub id: String,
    /// The user, without a token's name.
    pub user: String,
    /// The token's name, when a token started it.
    pub tokenid: Option<String>,
    /// When it began, Unix seconds.
    pub starttime: u64,
    /// When it ended.
    pub endtime: Option<u64>,
    /// How it ended.
    pub status: Option<String>,
}

impl ClusterTask {
    /// How it ended, when it has.
    #[must_use]
    pub fn outcome(&self) -> Option<TaskOutcome> {
        self.endtime?;
        self.status.as_deref().filter(|status| *status != "RUNNING").map(TaskOutcome::of)
    }
}

params! {
    /// Which resources.
    #[derive(Debug, Clone, Default)]
    pub struct ResourceFilter {
        /// Only these.
        kind: Option<ResourceKind> = "type",
    }

    /// Which VMID to look at.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct NextId {
        /// One to test.
        vmid: Option<Vmid> = "vmid",
    }
}

calls! { Pve:
    RESOURCES "cluster().resources" = Get "/cluster/resources" (ResourceFilter) -> Vec<Resource>;
    STATUS "cluster().status" = Get "/cluster/status" () -> Vec<MemberRow>;
    NEXT_ID "cluster().next_id" = Get "/cluster/nextid" (NextId) -> Vmid;
    TASKS "cluster().tasks" = Get "/cluster/tasks" () -> Vec<ClusterTask>;
}

impl Cluster<'_> {
    /// What there is, as far as the caller may see it.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn resources(&self, kind: Option<ResourceKind>) -> Result<Vec<Resource>> {
        self.connection.send(&RESOURCES, &[], &ResourceFilter { kind }).await
    }

    /// The cluster and its nodes.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn status(&self) -> Result<Vec<MemberRow>> {
        self.connection.send(&STATUS, &[], &()).await
    }

    /// The lowest free VMID. It is **not** reserved: somebody else may be told the same.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn next_id(&self) -> Result<Vmid> {
        self.connection.send(&NEXT_ID, &[], &NextId::default()).await
    }

    /// Whether a VMID is free, this very moment.
    ///
    /// # Errors
    /// Any failure of the call but the answer that it is taken.
    pub async fn is_free(&self, vmid: Vmid) -> Result<bool> {
        match self.connection.send(&NEXT_ID, &[], &NextId { vmid: Some(vmid) }).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_existing() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Recent tasks of all nodes, running ones among them.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn tasks(&self) -> Result<Vec<ClusterTask>> {
        self.connection.send(&TASKS, &[], &()).await
    }
}
