//! Proxmox Backup Server, one file a resource.

pub mod access;
pub mod datastores;
pub mod definitions;
pub mod groups;
pub mod namespaces;
pub mod node;
pub mod snapshots;
pub mod upkeep;

use serde_json::Value;

use crate::call::{Method, Product, calls};
use crate::error::Result;
use crate::ids::Upid;
use crate::params::Params;
use crate::tasks::TaskHandle;
use crate::transport::{Builder, Connected, Connection, HostState};
use crate::version::Release;

calls! { Pbs:
    VERSION "version" = Get "/version" () -> Release;
}

/// A Proxmox Backup Server. Cheap to clone; all clones share connections and budgets.
#[derive(Clone)]
pub struct Pbs {
    pub(crate) connection: Connection,
}

impl From<Connected> for Pbs {
    fn from(connected: Connected) -> Self {
        Self { connection: connected.0 }
    }
}

impl Pbs {
    /// Begins to describe a client.
    pub fn builder() -> Builder<Self> {
        Builder::new(Product::Pbs)
    }

    /// The same client, sending `X-Request-Id: id` with every call so that logs can be joined.
    #[must_use]
    pub fn with_request_id(&self, id: &str) -> Self {
        Self { connection: self.connection.with_request_id(id) }
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

    /// Users, tokens, ACL.
    #[must_use]
    pub const fn access(&self) -> access::Access<'_> {
        access::Access { connection: &self.connection }
    }

    /// The list of datastores.
    #[must_use]
    pub const fn datastores(&self) -> datastores::Datastores<'_> {
        datastores::Datastores { connection: &self.connection }
    }

    /// One datastore.
    #[must_use]
    pub const fn datastore<'a>(&'a self, name: &'a str) -> datastores::Datastore<'a> {
        datastores::Datastore { connection: &self.connection, name }
    }

    /// The server's node.
    #[must_use]
    pub const fn node(&self) -> node::Node<'_> {
        node::Node { connection: &self.connection }
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

impl std::fmt::Debug for Pbs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pbs").field(&self.hosts()).finish()
    }
}
