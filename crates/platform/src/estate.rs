//! What workflows act on: the store, the clusters, and the key that seals secrets. Cheap to clone.

use std::sync::Arc;
use std::time::Duration;

use bnna_auth::seal::Sealer;
use bnna_store::Store;

use crate::clusters::Clusters;

/// The store, the clusters, and how long to wait for things.
#[derive(Debug, Clone)]
pub struct Estate {
    /// Tenancy.
    pub store: Store,
    /// Guests and rights.
    pub clusters: Arc<Clusters>,
    /// Seals and opens the secrets of clusters.
    pub sealer: Sealer,
    /// How long an operation waits for one Proxmox task.
    pub task_deadline: Duration,
}
