//! A cluster as an installation leaves it, and as the recorded conversations begin.

use proxmox_client::ids::{Upid, UpidTask};

use crate::storage::{Volume, VolumeId};

use super::{Clock, Cluster};

/// The one thing on the storage of a fresh node: a template to make containers of.
const TEMPLATE: &str = "alpine-lab_3.21_amd64.tar.gz";
/// Its size in bytes.
const TEMPLATE_SIZE: u64 = 1_032_836;
/// The hosts file of every machine in the network of the recordings, whoever is up.
const HOSTS: &str =
    "127.0.0.1 localhost\n10.99.0.1 pve1.lab.local pve1\n10.99.0.2 pve2.lab.local pve2\n10.99.0.99 pve9\n";
/// How long ago the nodes of a fresh cluster found each other, seconds.
const FORMED: i64 = 150;

impl Cluster {
    /// Nodes just installed: `root@pam` with the password `labroot123`, one storage with one template for
    /// containers, one bridge, nothing else. Several nodes are one cluster.
    #[must_use]
    pub fn fresh(nodes: &[&str]) -> Self {
        Self::fresh_at(nodes, Clock::default())
    }

    /// The same with another clock.
    #[must_use]
    pub fn fresh_at(nodes: &[&str], clock: Clock) -> Self {
        let mut cluster = Self { clock, ..Self::default() };
        let now = cluster.now();
        for node in nodes {
            cluster.nodes.add(node, now);
            if let Some(node) = cluster.nodes.get_mut(node) {
                node.facts.insert("hosts".to_owned(), HOSTS.into());
            }
            let id = VolumeId { storage: "local".to_owned(), name: format!("vztmpl/{TEMPLATE}") };
            cluster.storages.put(&id, node, Volume::file("vztmpl", TEMPLATE, TEMPLATE_SIZE, now));
        }
        if nodes.len() > 1 {
            cluster.form("labcluster", now);
        }
        cluster.behaviour = super::behaviour::Behaviour::recording_lab();
        cluster.access.set_password("root@pam", "labroot123");
        cluster
    }
    /// Makes the nodes a cluster, some time ago: the first made it, the others joined one after the other. Their tasks tell.
    fn form(&mut self, name: &str, now: i64) {
        self.name = Some(name.to_owned());
        let nodes: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        for (number, node) in nodes.into_iter().enumerate() {
            let began = now - FORMED + i64::try_from(number).unwrap_or(0) * 10;
            let (kind, id) = if number == 0 { ("clustercreate", name) } else { ("clusterjoin", "") };
            let task = UpidTask {
                pid: self.tasks.next_pid(&node),
                node,
                pstart: 0,
                task_number: None,
                start_time: u64::try_from(began).unwrap_or(0),
                kind: kind.to_owned(),
                id: id.to_owned(),
                user: "root@pam".to_owned(),
            };
            if let Ok(upid) = Upid::for_pve(&task) {
                self.tasks.restore(upid, vec!["TASK OK".to_owned()], began + 4, "OK".to_owned());
            }
        }
    }
}
