//! What virtual machines and containers have in common: rows, options, property strings, how a change is written.

mod config;
mod devices;
mod options;
pub(crate) mod snapshots;
mod status;

pub use config::{Config, ConfigChange, PendingRow};
pub use devices::{
    Agent, Boot, CloudInitNet, Disk, Features, LxcNet, Memory, MountPoint, NicModel, QemuNet, SshKeys, Startup, Tags,
    Usb, Vga,
};
pub use options::{LxcOptions, Options, QemuOptions};
pub use snapshots::{CreateSnapshot, DeleteSnapshot, DescribeSnapshot, Rollback, SnapshotName, SnapshotRow};
pub use status::{GuestRow, GuestState, GuestStatus};

use std::time::Duration;

use crate::params::{Switch, params};

params! {
    /// How to shut down.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct Shutdown {
        /// Seconds to wait for the guest; 60 unless set (virtual machines: 180).
        timeout: Option<u64> = "timeout",
        /// Whether to turn it off when it has not shut down by then.
        force_stop: Switch = "forceStop",
    }

    /// How to restart.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct Reboot {
        /// Seconds to wait for the guest to shut down.
        timeout: Option<u64> = "timeout",
    }
}

impl Shutdown {
    /// Waits so long, then does nothing more: the task fails.
    #[must_use]
    pub const fn within(timeout: Duration) -> Self {
        Self { timeout: Some(timeout.as_secs()), force_stop: Switch::Off }
    }

    /// Waits so long, then turns it off.
    #[must_use]
    pub const fn or_stop_after(timeout: Duration) -> Self {
        Self { timeout: Some(timeout.as_secs()), force_stop: Switch::On }
    }
}
