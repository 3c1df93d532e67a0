//! Nodes and how they are.

use serde::Deserialize;
use serde_json::Value;

use super::{Node, Nodes};
use crate::call::calls;
use crate::error::Result;
use crate::params::{params, words};
use crate::transport::Fingerprint;

/// A row of the list of nodes. Figures only with Sys.Audit on the node.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NodeRow {
    /// Its name.
    pub node: String,
    /// `online`, `offline` or `unknown`.
    pub status: String,
    /// Share of `maxcpu` in use, 0 to 1.
    pub cpu: Option<f64>,
    /// Processors.
    pub maxcpu: Option<f64>,
    /// Memory in use, bytes.
    pub mem: Option<u64>,
    /// Memory, bytes.
    pub maxmem: Option<u64>,
    /// Root disk in use, bytes.
    pub disk: Option<u64>,
    /// Root disk, bytes.
    pub maxdisk: Option<u64>,
    /// Seconds since it was started.
    pub uptime: Option<u64>,
    /// Support level.
    pub level: Option<String>,
    /// SHA-256 of its certificate.
    pub ssl_fingerprint: Option<Fingerprint>,
}

impl NodeRow {
    /// Whether the cluster reaches it.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.status == "online"
    }
}

/// Memory or a file system: bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// In all.
    pub total: u64,
    /// In use.
    pub used: u64,
    /// Not in use.
    pub free: u64,
    /// What can be had (file systems; memory since PVE 8.4).
    #[serde(alias = "avail")]
    pub available: Option<u64>,
}

/// A node's processors.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct CpuInfo {
    /// The model's name.
    pub model: String,
    /// Logical processors.
    pub cpus: u32,
    /// Cores.
    pub cores: u32,
    /// Sockets.
    pub sockets: u32,
    /// Clock in MHz.
    pub mhz: Option<f64>,
}

/// How a node is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NodeStatus {
    /// Version of the manager (`pve-manager/9.1.6/…`).
    pub pveversion: String,
    /// Kernel, in words.
    pub kversion: Option<String>,
    /// Seconds since it was started.
    pub uptime: u64,
    /// Share of the processors in use, 0 to 1.
    pub cpu: f64,
    /// Share of time spent waiting for disks, 0 to 1.
    #[serde(default)]
    pub wait: f64,
    /// Load over 1, 5 and 15 minutes.
    #[serde(default)]
    pub loadavg: Vec<f64>,
    /// Memory.
    #[serde(default)]
    pub memory: Usage,
    /// Swap.
    #[serde(default)]
    pub swap: Usage,
    /// Root file system.
    #[serde(default)]
    pub rootfs: Usage,
    /// Processors.
    #[serde(default)]
    pub cpuinfo: CpuInfo,
    /// What there is beside.
    #[serde(flatten)]
    pub further: std::collections::BTreeMap<String, Value>,
}

words! {
    /// What to do with a whole node.
    pub enum NodeCommand {
        /// Restart it.
        Reboot = "reboot",
        /// Turn it off.
        Shutdown = "shutdown",
    }
}

params! {
    /// What to do with a node.
    #[derive(Debug, Clone)]
    pub struct CommandNode {
        /// What.
        command: NodeCommand = "command",
    }
}

calls! { Pve:
    LIST "nodes().list" = Get "/nodes" () -> Vec<NodeRow>;
    STATUS "node(n).status" = Get "/nodes/{node}/status" () -> NodeStatus;
    COMMAND "node(n).command" = Post "/nodes/{node}/status" (CommandNode) -> ();
}

impl Nodes<'_> {
    /// All nodes of the cluster.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn list(&self) -> Result<Vec<NodeRow>> {
        self.connection.send(&LIST, &[], &()).await
    }
}

impl Node<'_> {
    /// How the node is.
    ///
    /// # Errors
    /// Any failure of the call; a node that is down is [`crate::error::MaybeSent::Relay`].
    pub async fn status(&self) -> Result<NodeStatus> {
        self.connection.send(&STATUS, &[self.name], &()).await
    }

    /// Restarts the node or turns it off. The connection may drop before the answer.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn command(&self, command: NodeCommand) -> Result<()> {
        self.connection.send(&COMMAND, &[self.name], &CommandNode { command }).await
    }
}
