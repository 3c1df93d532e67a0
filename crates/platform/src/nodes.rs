//! The nodes of all clusters, with what has been given to their guests, so that overcommitment shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Platform;
use crate::clusters::{Cluster, Contents, Figures};
use crate::error::Error;
use crate::views::{Listing, NodeView};

impl Platform {
    /// All nodes, by cluster and name.
    ///
    /// # Errors
    /// No cluster answered.
    pub async fn nodes(&self) -> Result<Listing<NodeView>, Error> {
        let answers = self.estate().clusters.ask(|cluster| async move { cluster.nodes().await }).await.some()?;
        let items = answers.got.into_iter().flat_map(|(_, nodes)| nodes).collect();
        Ok(Listing { items, warnings: answers.missing, next: None })
    }
}

impl Cluster {
    /// The nodes of this cluster.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn nodes(self: &Arc<Self>) -> Result<Vec<NodeView>, Error> {
        let (contents, versions) = tokio::try_join!(self.contents(), self.versions())?;
        Ok(views(&self.host, &contents, &versions))
    }
}

/// What the guests of a node were given.
#[derive(Default)]
struct Given {
    guests: u64,
    cores: f64,
    mem: u64,
}

impl Given {
    fn add(&mut self, figures: &Figures) {
        self.guests += 1;
        self.cores += figures.maxcpu.unwrap_or_default();
        self.mem = self.mem.saturating_add(figures.maxmem.unwrap_or_default());
    }
}

/// The nodes that a cluster lists.
fn views(host: &str, contents: &Contents, versions: &BTreeMap<String, String>) -> Vec<NodeView> {
    let mut given: BTreeMap<&str, Given> = BTreeMap::new();
    for guest in contents.guests.iter().filter(|guest| !guest.template) {
        given.entry(&guest.node).or_default().add(&guest.figures);
    }
    let mut nodes: Vec<NodeView> = contents
        .rest
        .iter()
        .filter(|row| row.kind == "node")
        .filter_map(|row| {
            let name = row.node.clone()?;
            let given = given.remove(name.as_str()).unwrap_or_default();
            Some(NodeView {
                cluster: host.to_owned(),
                status: row.status.clone().unwrap_or_else(|| "unknown".to_owned()),
                cpu: row.cpu,
                maxcpu: row.maxcpu,
                mem: row.mem,
                maxmem: row.maxmem,
                disk: row.disk,
                maxdisk: row.maxdisk,
                uptime: row.uptime,
                version: versions.get(&name).cloned(),
                guests: given.guests,
                allocated_cores: given.cores,
                allocated_mem: given.mem,
                name,
            })
        })
        .collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes
}
