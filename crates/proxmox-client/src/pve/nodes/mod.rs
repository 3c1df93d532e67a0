//! `/nodes`: what belongs to one node.

pub mod certificates;
pub mod status;
pub mod storage;
pub mod tasks;

pub use certificates::Certificate;
pub use status::{NodeRow, NodeStatus};
pub use storage::StorageState;
pub use tasks::{TaskFilter, TaskRow};

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
