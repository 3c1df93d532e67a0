//! The demo's simulated clusters and backup server: from a seed at the first start, from their kept state afterwards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proxmox_sim::pbs::{Pbs, PbsBuilder, PbsSim};
use proxmox_sim::{Cluster, Sim, SimBuilder, SimError};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::DemoError;

/// The clusters, by what the API calls them.
const CLUSTERS: [&str; 2] = ["pve-a", "pve-b"];
/// The storage that new accounts get space on.
const STORAGE: &str = "local";

/// The ports of the last start, so that a second one has the same addresses where they are free.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Ports {
    nodes: BTreeMap<String, BTreeMap<String, u16>>,
    backup: u16,
}

/// A simulated cluster.
pub struct Simulated {
    /// What the API calls it.
    pub host: &'static str,
    /// The simulator.
    pub sim: Sim,
    /// Whether it was filled from a seed just now.
    pub(super) fresh: bool,
}

impl Simulated {
    /// Where its nodes listen.
    pub fn addresses(&self) -> Vec<String> {
        self.sim.addresses().values().map(ToString::to_string).collect()
    }

    /// The fingerprints of its nodes' certificates.
    pub fn fingerprints(&self) -> Vec<String> {
        self.sim.addresses().keys().filter_map(|node| self.sim.fingerprint(node)).collect()
    }

    /// The tokens of its users with their secrets, but for bnpd's own and the one that sets the demo up.
    pub fn tokens(&self) -> Vec<(String, String)> {
        self.sim.with_state(|cluster| {
            let users = cluster.access.users.iter();
            let tokens = users.flat_map(|(user, details)| {
                details.tokens.iter().map(move |(name, token)| (format!("{user}!{name}"), token.secret.0.clone()))
            });
            tokens.filter(|(id, _)| id != super::grant::TOKEN && id != "root@pam!demo").collect()
        })
    }

    /// The names of its pools and groups, none of which a new account can have.
    pub(super) fn pools(&self) -> Vec<String> {
        self.sim
            .with_state(|cluster| cluster.pools.keys().cloned().chain(cluster.access.groups.keys().cloned()).collect())
    }

    /// The storage that new accounts get space on.
    pub(super) fn default_storage(&self) -> Option<String> {
        Some(STORAGE.to_owned())
    }

    /// Root's token, with which the demo sets the cluster up.
    pub(super) fn root(&self) -> Option<(String, SecretString)> {
        self.sim.root_token().map(|token| (token.id.clone(), SecretString::from(token.secret.clone())))
    }
}

/// All simulators.
pub struct Estate {
    clusters: Vec<Simulated>,
    backup: PbsSim,
}

impl Estate {
    /// Starts them.
    pub(super) async fn start(directory: &Path, seed: Option<&Path>) -> Result<Self, DemoError> {
        let ports = read_ports(directory);
        let mut clusters = Vec::new();
        for host in CLUSTERS {
            let kept = directory.join(format!("{host}.json"));
            let fresh = !kept.exists();
            let known = ports.nodes.get(host).cloned().unwrap_or_default();
            let cluster =
                if fresh { seeded(host, seed)? } else { Cluster::load(&kept).map_err(|error| failed(&error))? };
            clusters.push(Simulated { host, sim: start(&cluster, &known).await?, fresh });
        }
        let backup = start_backup(&directory.join("pbs.json"), ports.backup).await?;
        let estate = Self { clusters, backup };
        estate.keep(directory)?;
        Ok(estate)
    }

    /// The clusters.
    pub fn clusters(&self) -> &[Simulated] {
        &self.clusters
    }

    /// The backup server.
    pub fn backup(&self) -> &PbsSim {
        &self.backup
    }

    /// Writes down what the clusters hold and where they listen.
    fn keep(&self, directory: &Path) -> Result<(), DemoError> {
        let mut ports = Ports { backup: self.backup.address().port(), ..Ports::default() };
        for cluster in &self.clusters {
            cluster.sim.save(&directory.join(format!("{}.json", cluster.host))).map_err(|error| failed(&error))?;
            let nodes = cluster.sim.addresses().iter().map(|(node, address)| (node.clone(), address.port())).collect();
            ports.nodes.insert(cluster.host.to_owned(), nodes);
        }
        self.backup.save(&directory.join("pbs.json")).map_err(|error| failed(&error))?;
        let path = ports_file(directory);
        let text = serde_json::to_string_pretty(&ports).map_err(|error| DemoError::Simulator(error.to_string()))?;
        std::fs::write(&path, text).map_err(|source| DemoError::File { path, source })
    }

    /// Stops them; what they hold is written into the directory, if one is given.
    pub(super) async fn shutdown(self, keep: Option<&Path>) -> Result<(), DemoError> {
        let kept = keep.map_or(Ok(()), |directory| self.keep(directory));
        for cluster in self.clusters {
            cluster.sim.shutdown().await;
        }
        self.backup.shutdown().await;
        kept
    }
}

fn ports_file(directory: &Path) -> PathBuf {
    directory.join("ports.json")
}

fn read_ports(directory: &Path) -> Ports {
    let text = std::fs::read_to_string(ports_file(directory)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn failed(error: &SimError) -> DemoError {
    DemoError::Simulator(error.to_string())
}

/// A cluster filled from a seed: the given one for the first, the ones of `fixtures/` otherwise.
fn seeded(host: &str, seed: Option<&Path>) -> Result<Cluster, DemoError> {
    let loaded = match seed.filter(|_| Some(&host) == CLUSTERS.first()) {
        Some(directory) => proxmox_sim::seed::load(directory),
        None if Some(&host) == CLUSTERS.first() => proxmox_sim::seed::demo_cluster(),
        None => proxmox_sim::seed::demo_single(),
    };
    loaded.map_err(|error| DemoError::Simulator(error.to_string()))
}

/// Starts a cluster on the ports it had, or on others where one of them is taken.
async fn start(cluster: &Cluster, known: &BTreeMap<String, u16>) -> Result<Sim, DemoError> {
    let nodes: Vec<String> = cluster.nodes.iter().map(|node| node.name.clone()).collect();
    let build = |ports: &BTreeMap<String, u16>| {
        let mut builder = SimBuilder::from_state(cluster.clone()).root_token("demo", None);
        for node in &nodes {
            builder = builder.node_on(node, ports.get(node).copied().unwrap_or(0));
        }
        builder
    };
    match build(known).start().await {
        Err(SimError::Listen { .. }) => build(&BTreeMap::new()).start().await.map_err(|error| failed(&error)),
        started => started.map_err(|error| failed(&error)),
    }
}

async fn start_backup(kept: &Path, port: u16) -> Result<PbsSim, DemoError> {
    let build = || -> Result<PbsBuilder, DemoError> {
        if kept.exists() {
            let pbs = Pbs::load(kept).map_err(|error| failed(&error))?;
            return Ok(PbsBuilder::from_state(pbs));
        }
        Ok(PbsBuilder::new("pbs").datastore("backups").root_token("demo", None))
    };
    match build()?.port(port).start().await {
        Err(SimError::Listen { .. }) => build()?.port(0).start().await.map_err(|error| failed(&error)),
        started => started.map_err(|error| failed(&error)),
    }
}
