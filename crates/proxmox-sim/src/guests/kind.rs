//! The two kinds of guests and how the real server words each of them.

use serde::{Deserialize, Serialize};

/// A virtual machine or a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    /// A QEMU virtual machine.
    Qemu,
    /// An LXC container.
    Lxc,
}

impl GuestKind {
    /// The name in paths and resource ids: `qemu` or `lxc`.
    #[must_use]
    pub const fn api(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
        }
    }

    /// Reads what [`GuestKind::api`] wrote.
    #[must_use]
    pub fn from_api(text: &str) -> Option<Self> {
        match text {
            "qemu" => Some(Self::Qemu),
            "lxc" => Some(Self::Lxc),
            _ => None,
        }
    }

    /// The directory of its configurations on the cluster file system.
    #[must_use]
    pub const fn directory(self) -> &'static str {
        match self {
            Self::Qemu => "qemu-server",
            Self::Lxc => "lxc",
        }
    }

    /// How messages call it: `VM` or `CT`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Qemu => "VM",
            Self::Lxc => "CT",
        }
    }

    /// The beginning of its task types: `qm` or `vz`.
    #[must_use]
    pub const fn task_prefix(self) -> &'static str {
        match self {
            Self::Qemu => "qm",
            Self::Lxc => "vz",
        }
    }

    /// `Configuration file 'nodes/NODE/DIR/VMID.conf' does not exist`.
    #[must_use]
    pub fn no_config(self, node: &str, vmid: u32) -> String {
        format!("Configuration file 'nodes/{node}/{}/{vmid}.conf' does not exist", self.directory())
    }
}
