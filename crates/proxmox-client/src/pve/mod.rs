//! Proxmox VE, one file a resource.

pub mod access;
pub mod cluster;
pub mod firewall;
pub mod guests;
pub mod lxc;
pub mod nodes;
pub mod pools;
pub mod qemu;
pub mod storage;

use serde_json::Value;

use crate::call::{Method, Product, calls};
use crate::error::Result;
use crate::ids::{Upid, Vmid};
use crate::params::Params;
use crate::tasks::TaskHandle;
use crate::transport::{Builder, Connected, Connection, HostState};
use crate::version::Release;

calls! { Pve:
    VERSION "version" = Get "/version" () -> Release;
}

/// A Proxmox VE cluster (or single node). Cheap to clone; all clones share connections and budgets.
#[derive(Clone)]
pub struct Pve {
    pub(crate) connection: Connection,
}

impl From<Connected> for Pve {
    fn from(connected: Connected) -> Self {
        Self { connection: connected.0 }
    }
}

impl Pve {
    /// Begins to describe a client.
    pub fn builder() -> Builder<Self> {
        Builder::new(Product::Pve)
    }

    /// The same client, sending `X-Request-Id: id` with every call so that logs can be joined.
    #[must_use]
    pub fn with_request_id(&self, id: &str) -> Self {
        Self { connection: self.connection.with_request_id(id) }
    }

    /// The same client for a dry run: reads are sent, everything else ends with
    /// [`NeverSent::Rehearsed`](crate::error::NeverSent::Rehearsed), which names the call that would have been made.
    #[must_use]
    pub fn rehearsing(&self) -> Self {
        Self { connection: self.connection.rehearsing() }
    }

    /// The addresses, and which is asked first.
    #[must_use]
    pub fn hosts(&self) -> Vec<HostState> {
        self.connection.hosts()
    }

    /// What the server is.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn version(&self) -> Result<Release> {
        self.connection.send(&VERSION, &[], &()).await
    }

    /// Users, groups, roles, tokens, ACL.
    #[must_use]
    pub const fn access(&self) -> access::Access<'_> {
        access::Access { connection: &self.connection }
    }

    /// Pools.
    #[must_use]
    pub const fn pools(&self) -> pools::Pools<'_> {
        pools::Pools { connection: &self.connection }
    }

    /// What concerns the whole cluster.
    #[must_use]
    pub const fn cluster(&self) -> cluster::Cluster<'_> {
        cluster::Cluster { connection: &self.connection }
    }

    /// The list of nodes.
    #[must_use]
    pub const fn nodes(&self) -> nodes::Nodes<'_> {
        nodes::Nodes { connection: &self.connection }
    }

    /// One node.
    #[must_use]
    pub const fn node<'a>(&'a self, name: &'a str) -> nodes::Node<'a> {
        nodes::Node { connection: &self.connection, name }
    }

    /// One virtual machine, on the node that has it.
    #[must_use]
    pub fn qemu<'a>(&'a self, node: &'a str, vmid: Vmid) -> qemu::Qemu<'a> {
        qemu::Qemu { connection: &self.connection, node, vmid: vmid.to_string() }
    }

    /// One container, on the node that has it.
    #[must_use]
    pub fn lxc<'a>(&'a self, node: &'a str, vmid: Vmid) -> lxc::Lxc<'a> {
        lxc::Lxc { connection: &self.connection, node, vmid: vmid.to_string() }
    }

    /// The storages as they are defined.
    #[must_use]
    pub const fn storage(&self) -> storage::StorageDefinitions<'_> {
        storage::StorageDefinitions { connection: &self.connection }
    }

    /// A task, by its id.
    #[must_use]
    pub fn task(&self, upid: Upid) -> TaskHandle {
        TaskHandle::new(self.connection.clone(), upid)
    }

    /// Any call: a path template, the values for its `{parameters}` in order, and parameters. The answer is its `data`.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn call(&self, method: Method, template: &str, path: &[&str], params: &Params) -> Result<Value> {
        self.connection.raw(method, template, path, params).await
    }
}

impl std::fmt::Debug for Pve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pve").field(&self.hosts()).finish()
    }
}
