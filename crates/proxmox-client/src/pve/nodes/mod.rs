//! `/nodes`: what belongs to one node.

pub mod appliances;
pub mod bulk;
pub mod ceph;
pub mod certificates;
pub mod content;
pub mod disks;
pub mod history;
pub mod network;
pub mod packages;
pub mod status;
pub mod storage;
pub mod system;
pub mod tasks;
pub mod vzdump;

pub use certificates::Certificate;
pub use content::NodeStorage;
pub use status::{NodeRow, NodeStatus};
pub use storage::StorageState;
pub use tasks::{TaskFilter, TaskRow};
pub use vzdump::{Compression, Vzdump, VzdumpMode, VzdumpSelection, VzdumpStarted};

use crate::transport::Connection;

/// The list of nodes.
#[derive(Clone, Copy)]
pub struct Nodes<'a> {
    pub(crate) connection: &'a Connection,
}

/// One node.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) name: &'a str,
}

impl Node<'_> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name
    }
}
