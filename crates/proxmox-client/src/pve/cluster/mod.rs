//! `/cluster`: what concerns all nodes.

pub mod backups;
pub mod ceph;
pub mod ha;
pub mod options;
pub mod replication;
pub mod resources;
pub mod sdn;

pub use resources::{ClusterTask, MemberRow, Resource, ResourceKind};

use crate::transport::Connection;

/// What concerns the whole cluster.
#[derive(Clone, Copy)]
pub struct Cluster<'a> {
    pub(crate) connection: &'a Connection,
}
