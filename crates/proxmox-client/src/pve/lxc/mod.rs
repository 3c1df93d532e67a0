//! Containers.

pub(crate) mod create;
pub(crate) mod migrate;
pub(crate) mod power;
pub(crate) mod snapshots;

pub use migrate::{LxcAddress, LxcInterface, LxcMigrationReport, MigrateLxc, MoveVolume, ResizeLxc};

pub use create::{CloneLxc, CreateLxc, DestroyLxc, RestoreLxc};
pub use power::{StartLxc, StopLxc};

use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::pve::guests::{Config, ConfigChange, GuestRow, GuestStatus, LxcOptions, PendingRow};
use crate::pve::nodes::Node;
use crate::pve::qemu::ReadConfig;
use crate::tasks::TaskHandle;
use crate::transport::Connection;

/// One container, on the node that has it.
pub struct Lxc<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) node: &'a str,
    pub(crate) vmid: String,
}

calls! { Pve:
    LIST "node(n).lxc_list" = Get "/nodes/{node}/lxc" () -> Vec<GuestRow>;
    STATUS "lxc(n, id).status" = Get "/nodes/{node}/lxc/{vmid}/status/current" () -> GuestStatus;
    CONFIG "lxc(n, id).config" = Get "/nodes/{node}/lxc/{vmid}/config" (ReadConfig) -> Config<LxcOptions>;
    PENDING "lxc(n, id).pending" = Get "/nodes/{node}/lxc/{vmid}/pending" () -> Vec<PendingRow>;
    CHANGE "lxc(n, id).change" = Put "/nodes/{node}/lxc/{vmid}/config" (ConfigChange<LxcOptions>) -> ();
}

impl Node<'_> {
    /// The node's containers that the caller may see.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn lxc_list(&self) -> Result<Vec<GuestRow>> {
        self.connection.send(&LIST, &[self.name], &()).await
    }
}

impl Lxc<'_> {
    pub(crate) fn args(&self) -> [&str; 2] {
        [self.node, &self.vmid]
    }

    pub(crate) fn handle(&self, upid: Upid) -> TaskHandle {
        TaskHandle::new(self.connection.clone(), upid)
    }

    /// How it is.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_missing`] when it is not on this node.
    pub async fn status(&self) -> Result<GuestStatus> {
        self.connection.send(&STATUS, &self.args(), &()).await
    }

    /// Its configuration, with what is to hold after the next start merged in.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_missing`] when it is not on this node.
    pub async fn config(&self) -> Result<Config<LxcOptions>> {
        self.read_config(&ReadConfig::default()).await
    }

    /// Its configuration in another state.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn read_config(&self, which: &ReadConfig) -> Result<Config<LxcOptions>> {
        self.connection.send(&CONFIG, &self.args(), which).await
    }

    /// Each option with what it will be after the next start.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn pending(&self) -> Result<Vec<PendingRow>> {
        self.connection.send(&PENDING, &self.args(), &()).await
    }

    /// Changes its configuration.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when somebody else was faster.
    pub async fn change(&self, change: &ConfigChange<LxcOptions>) -> Result<()> {
        self.connection.send(&CHANGE, &self.args(), change).await
    }
}
