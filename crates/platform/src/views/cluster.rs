//! Clusters, nodes, storages.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// bnpd's own token on a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatorTokenView {
    /// Its id, `user@realm!name`.
    pub id: String,
    /// When it was last changed here.
    #[serde(with = "time::serde::rfc3339::option")]
    pub rotated_at: Option<OffsetDateTime>,
    /// Whether the cluster accepts it; null while the cluster does not answer.
    pub ok: Option<bool>,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClusterView {
    /// What it is addressed by.
    pub host: String,
    /// What people call it.
    pub name: String,
    /// The address asked first.
    pub url: String,
    /// The trusted fingerprints of its nodes' certificates, colon-separated upper-case SHA-256.
    pub fingerprints: Vec<String>,
    /// Proxmox's version.
    pub version: Option<String>,
    /// Whether it has a quorum; a single node has.
    pub quorate: Option<bool>,
    /// The names of its nodes.
    pub nodes: Vec<String>,
    /// Whether it answered.
    pub reachable: bool,
    /// bnpd's token there.
    pub operator_token: OperatorTokenView,
    /// Base domain of the guests' direct names.
    pub base_domain: Option<String>,
    /// Where tenants' networks are taken from.
    pub supernets: Vec<String>,
    /// Node for new guests.
    pub default_node: Option<String>,
    /// Storage that new accounts get space on.
    pub default_storage: Option<String>,
}

/// The answer to a rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotatedToken {
    /// The cluster.
    pub host: String,
    /// The token in use now.
    pub operator_token: OperatorTokenView,
    /// The token that was deleted, if one was.
    pub deleted: Option<String>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// Its cluster's host.
    pub cluster: String,
    /// online, offline or unknown.
    pub status: String,
    /// CPU use, 0..1 of `maxcpu`.
    pub cpu: Option<f64>,
    /// Logical CPUs.
    pub maxcpu: Option<f64>,
    /// Memory in use, bytes.
    pub mem: Option<u64>,
    /// Memory, bytes.
    pub maxmem: Option<u64>,
    /// Root file system in use, bytes.
    pub disk: Option<u64>,
    /// Root file system, bytes.
    pub maxdisk: Option<u64>,
    /// Seconds since it was started.
    pub uptime: Option<u64>,
    /// Proxmox's version on it.
    pub version: Option<String>,
    /// How many guests it has, templates not counted.
    pub guests: u64,
    /// CPUs given to those guests, running or not.
    pub allocated_cores: f64,
    /// Memory given to those guests, bytes, running or not.
    pub allocated_mem: u64,
}

/// A storage as one cluster sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StorageView {
    /// Its cluster's host.
    pub cluster: String,
    /// Its name.
    pub storage: String,
    /// Its type: dir, zfspool, rbd …
    #[serde(rename = "type")]
    pub kind: String,
    /// What it may hold.
    pub content: Vec<String>,
    /// Whether all its nodes see the same content.
    pub shared: bool,
    /// The nodes that have it.
    pub nodes: Vec<String>,
    /// Whether it is available on every one of them.
    pub active: bool,
    /// Bytes, of the shared store or summed over nodes.
    pub total: u64,
    /// Bytes in use.
    pub used: u64,
    /// Bytes left.
    pub avail: u64,
}

/// A guest in no account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnmanagedGuest {
    /// Its cluster's host.
    pub cluster: String,
    /// Its number.
    pub vmid: u32,
    /// Its name.
    pub name: Option<String>,
    /// The pool it is in, if any.
    pub pool: Option<String>,
}

/// Everything the platform looks after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlatformInventory {
    /// Its clusters.
    pub clusters: Vec<ClusterView>,
    /// Their nodes.
    pub nodes: Vec<NodeView>,
    /// Their storages.
    pub storages: Vec<StorageView>,
    /// The accounts.
    pub accounts: Vec<super::AccountView>,
    /// How many guests there are.
    pub instances: u64,
    /// Guests in no account.
    pub unmanaged: Vec<UnmanagedGuest>,
    /// Clusters that did not answer.
    pub warnings: Vec<super::Warning>,
}
