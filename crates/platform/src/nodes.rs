//! The nodes of all clusters, with what has been given to their guests, so that overcommitment shows.

use std::collections::BTreeMap;

use proxmox_client::pve::cluster::Resource;

use crate::Platform;
use crate::clusters::Cluster;
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
    pub async fn nodes(&self) -> Result<Vec<NodeView>, Error> {
        let (resources, versions) = tokio::try_join!(self.resources(), self.node_versions())?;
        Ok(views(&self.host, &resources, &versions))
    }
}

/// The nodes among a cluster's resources.
pub(crate) fn views(host: &str, resources: &[Resource], versions: &BTreeMap<String, String>) -> Vec<NodeView> {
    let mut nodes: Vec<NodeView> = resources
        .iter()
        .filter(|row| row.kind == "node")
        .filter_map(|row| {
            let name = row.node.clone()?;
            let guests = || {
                resources.iter().filter(|guest| {
                    guest.vmid.is_some() && !guest.template && guest.node.as_deref() == Some(name.as_str())
                })
            };
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
                guests: guests().count() as u64,
                allocated_cores: guests().filter_map(|guest| guest.maxcpu).sum(),
                allocated_mem: guests().filter_map(|guest| guest.maxmem).sum(),
                name,
            })
        })
        .collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes
}
