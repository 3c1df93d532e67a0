//! How a guest is.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::ids::Vmid;
use crate::params::words;

words! {
    /// Whether a guest runs.
    pub enum GuestState {
        /// It runs (a paused one, too).
        Running = "running",
        /// It does not.
        Stopped = "stopped",
        /// Nobody knows.
        Unknown = "unknown",
    }
}

/// A row of a node's list of guests of one kind.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GuestRow {
    /// Its number.
    pub vmid: Vmid,
    /// Whether it runs.
    pub status: GuestState,
    /// Its name.
    pub name: Option<String>,
    /// What holds its configuration.
    pub lock: Option<String>,
    /// Its tags, joined by semicolons.
    pub tags: Option<String>,
    /// Whether it is a template.
    #[serde(default)]
    pub template: bool,
    /// Seconds since it was started.
    pub uptime: Option<u64>,
    /// Share of `cpus` in use, 0 to 1.
    pub cpu: Option<f64>,
    /// Processors.
    pub cpus: Option<f64>,
    /// Memory in use, bytes.
    pub mem: Option<u64>,
    /// Memory it may use, bytes.
    pub maxmem: Option<u64>,
    /// Disk in use, bytes; 0 for virtual machines.
    pub disk: Option<u64>,
    /// Disk size, bytes.
    pub maxdisk: Option<u64>,
    /// Bytes received since the start.
    pub netin: Option<u64>,
    /// Bytes sent since the start.
    pub netout: Option<u64>,
    /// Process on the node.
    pub pid: Option<u64>,
}

/// What high availability does with a guest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct HaState {
    /// Whether it looks after the guest.
    pub managed: bool,
    /// The state asked for.
    pub state: Option<String>,
}

/// How one guest is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GuestStatus {
    /// Its number.
    pub vmid: Vmid,
    /// Whether it runs.
    pub status: GuestState,
    /// What the emulator says (`running`, `paused`, `prelaunch`, …); virtual machines only.
    pub qmpstatus: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// What holds its configuration.
    pub lock: Option<String>,
    /// Its tags, joined by semicolons.
    pub tags: Option<String>,
    /// Whether it is a template.
    #[serde(default)]
    pub template: bool,
    /// What high availability does with it.
    #[serde(default)]
    pub ha: HaState,
    /// Whether the guest agent is switched on.
    #[serde(default)]
    pub agent: bool,
    /// Seconds since it was started.
    #[serde(default)]
    pub uptime: u64,
    /// Share of `cpus` in use, 0 to 1.
    pub cpu: Option<f64>,
    /// Processors.
    pub cpus: Option<f64>,
    /// Memory in use, bytes.
    pub mem: Option<u64>,
    /// Memory it may use, bytes.
    pub maxmem: Option<u64>,
    /// Disk in use, bytes; 0 for virtual machines.
    pub disk: Option<u64>,
    /// Disk size, bytes.
    pub maxdisk: Option<u64>,
    /// Bytes received since the start.
    pub netin: Option<u64>,
    /// Bytes sent since the start.
    pub netout: Option<u64>,
    /// Bytes read since the start.
    pub diskread: Option<u64>,
    /// Bytes written since the start.
    pub diskwrite: Option<u64>,
    /// What there is beside.
    #[serde(flatten)]
    pub further: BTreeMap<String, Value>,
}

impl GuestStatus {
    /// Whether it runs (paused included).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status == GuestState::Running
    }

    /// Whether it is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.qmpstatus.as_deref() == Some("paused")
    }
}
