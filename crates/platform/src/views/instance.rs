//! Guests: VMs and containers.

use bnna_core::{GuestKind, Hostnames};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A guest on a cluster, joined with what bnna knows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceView {
    /// Its number, unique in its cluster.
    pub vmid: u32,
    /// Its cluster's host.
    pub cluster: String,
    /// Its node; null where only bnna's record is left.
    pub node: Option<String>,
    /// lxc or qemu.
    #[serde(rename = "type")]
    pub kind: Option<GuestKind>,
    /// Its name.
    pub name: Option<String>,
    /// running, stopped, …; `missing` where only bnna's record is left.
    pub status: String,
    /// Whether it is a template.
    pub template: bool,
    /// The account it belongs to.
    pub account_slug: Option<String>,
    /// The bunch, that is the pool, it is in.
    pub bunch: Option<String>,
    /// Whether it belongs to an account.
    pub managed: bool,
    /// Found on the cluster rather than made here.
    pub adopted: bool,
    /// Its address, where its number follows the address plan.
    pub ip: Option<String>,
    /// Its direct names, where it has an address and its cluster a base domain.
    pub hostnames: Option<Hostnames>,
    /// CPUs it may use.
    pub cores: Option<f64>,
    /// Memory it may use, bytes.
    pub maxmem: Option<u64>,
    /// Its root disk, bytes.
    pub maxdisk: Option<u64>,
    /// CPU use, 0..1 of `cores`.
    pub cpu: Option<f64>,
    /// Memory in use, bytes.
    pub mem: Option<u64>,
    /// Disk in use, bytes; 0 for VMs.
    pub disk: Option<u64>,
    /// Bytes received since it was started.
    pub netin: Option<u64>,
    /// Bytes sent since it was started.
    pub netout: Option<u64>,
    /// Seconds since it was started.
    pub uptime: Option<u64>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The lock it carries.
    pub lock: Option<String>,
}

/// What can be asked of a guest's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PowerAction {
    /// Switch on.
    Start,
    /// Switch off hard.
    Stop,
    /// Ask the guest to end.
    Shutdown,
    /// Ask the guest to end, then switch on.
    Reboot,
}

impl PowerAction {
    /// The word in Proxmox's path and ours.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Shutdown => "shutdown",
            Self::Reboot => "reboot",
        }
    }
}

/// The answer to a power action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PowerAnswer {
    /// The guest.
    pub vmid: u32,
    /// What was asked.
    pub action: PowerAction,
    /// The task that does it, to be polled at `/api/tasks`; absent where nothing had to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upid: Option<String>,
    /// The guest's cluster.
    pub cluster: String,
    /// The guest's node.
    pub node: String,
    /// False where it was in that state already.
    pub changed: bool,
}

/// The answer to a guest's destruction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceRemoved {
    /// The guest.
    pub vmid: u32,
    /// Its cluster.
    pub cluster: String,
    /// The task that destroyed it; absent where only a record was left.
    pub upid: Option<String>,
    /// What is gone: guest, record.
    pub removed: Vec<String>,
}

/// A name that leads to a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DomainView {
    /// The name.
    pub domain: String,
    /// direct, cname or apex.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it leads.
    pub target: String,
    /// Made here.
    pub managed: bool,
    /// The DNS provider it was made at.
    pub provider_id: Option<String>,
}
