//! A cluster as an installation leaves it, and as the recorded conversations begin.

use super::Cluster;

impl Cluster {
    /// Nodes just installed: `root@pam` with the password `labroot123`, one storage, one bridge, nothing else. Several nodes are one cluster.
    #[must_use]
    pub fn fresh(nodes: &[&str]) -> Self {
        let mut cluster = Self::default();
        if nodes.len() > 1 {
            cluster.name = Some("lab".to_owned());
        }
        let now = cluster.now();
        for node in nodes {
            cluster.nodes.add(node, now);
        }
        cluster.access.set_password("root@pam", "labroot123");
        cluster
    }
}
