//! A cluster as an installation leaves it, and as the recorded conversations begin.

use crate::storage::{Volume, VolumeId};

use super::Cluster;

/// The one thing on the storage of a fresh node: a template to make containers of.
const TEMPLATE: &str = "alpine-lab_3.21_amd64.tar.gz";
/// Its size in bytes.
const TEMPLATE_SIZE: u64 = 1_032_836;

impl Cluster {
    /// Nodes just installed: `root@pam` with the password `labroot123`, one storage with one template for
    /// containers, one bridge, nothing else. Several nodes are one cluster.
    #[must_use]
    pub fn fresh(nodes: &[&str]) -> Self {
        let mut cluster = Self::default();
        if nodes.len() > 1 {
            cluster.name = Some("labcluster".to_owned());
        }
        let now = cluster.now();
        for node in nodes {
            cluster.nodes.add(node, now);
            let id = VolumeId { storage: "local".to_owned(), name: format!("vztmpl/{TEMPLATE}") };
            cluster.storages.put(&id, node, Volume::file("vztmpl", TEMPLATE, TEMPLATE_SIZE, now));
        }
        cluster.behaviour = super::behaviour::Behaviour::recording_lab();
        cluster.access.set_password("root@pam", "labroot123");
        cluster
    }
}
