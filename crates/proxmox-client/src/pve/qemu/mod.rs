//! Virtual machines.

pub(crate) mod agent;
pub(crate) mod cloud_init;
pub(crate) mod create;
pub(crate) mod migrate;
pub(crate) mod power;
pub(crate) mod snapshots;

pub use agent::{
    AgentAddress, AgentInterface, AgentResult, AgentTimezone, AgentUser, AgentVcpu, Exec, ExecPid, ExecStarted,
    ExecStatus, FileContent, FreezeState, ReadFile, SetUserPassword, WriteFile,
};
pub use cloud_init::{CloudInitFile, CloudInitRow, DumpCloudInit};
pub use migrate::{LocalDisk, MakeTemplate, MigrateQemu, MigrationQuery, MigrationReport, MoveDisk, ResizeQemu};
pub use snapshots::CreateQemuSnapshot;

pub use create::{CloneQemu, CreateQemu, DestroyQemu, DiskFormat, RestoreQemu};
pub use power::{StartQemu, StopQemu, SuspendQemu};

use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{Switch, params};
use crate::pve::guests::{Config, ConfigChange, GuestRow, GuestStatus, PendingRow, QemuOptions};
use crate::pve::nodes::Node;
use crate::tasks::TaskHandle;
use crate::transport::Connection;

/// One virtual machine, on the node that has it.
pub struct Qemu<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) node: &'a str,
    pub(crate) vmid: String,
}

params! {
    /// Which guests, in which detail.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct ListQemu {
        /// With the state that the emulator reports.
        full: Switch = "full",
    }

    /// Which state of the configuration.
    #[derive(Debug, Clone, Default)]
    pub struct ReadConfig {
        /// What holds now, without what is to hold after the next start.
        current: Switch = "current",
        /// As it was in this snapshot.
        snapshot: Option<String> = "snapshot",
    }
}

calls! { Pve:
    LIST "node(n).qemu_list" = Get "/nodes/{node}/qemu" (ListQemu) -> Vec<GuestRow>;
    STATUS "qemu(n, id).status" = Get "/nodes/{node}/qemu/{vmid}/status/current" () -> GuestStatus;
    CONFIG "qemu(n, id).config" = Get "/nodes/{node}/qemu/{vmid}/config" (ReadConfig) -> Config<QemuOptions>;
    PENDING "qemu(n, id).pending" = Get "/nodes/{node}/qemu/{vmid}/pending" () -> Vec<PendingRow>;
    CHANGE "qemu(n, id).change" = Put "/nodes/{node}/qemu/{vmid}/config" (ConfigChange<QemuOptions>) -> ();
    CHANGE_LATER "qemu(n, id).change_in_task" = Post "/nodes/{node}/qemu/{vmid}/config" (ConfigChange<QemuOptions>) -> Option<Upid>;
}

impl Node<'_> {
    /// The node's virtual machines that the caller may see.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn qemu_list(&self) -> Result<Vec<GuestRow>> {
        self.connection.send(&LIST, &[self.name], &ListQemu::default()).await
    }
}

impl Qemu<'_> {
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
    pub async fn config(&self) -> Result<Config<QemuOptions>> {
        self.read_config(&ReadConfig::default()).await
    }

    /// Its configuration in another state.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn read_config(&self, which: &ReadConfig) -> Result<Config<QemuOptions>> {
        self.connection.send(&CONFIG, &self.args(), which).await
    }

    /// Each option with what it will be after the next start.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn pending(&self) -> Result<Vec<PendingRow>> {
        self.connection.send(&PENDING, &self.args(), &()).await
    }

    /// Changes its configuration at once. Not for what allocates disks: see [`Self::change_in_task`].
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when somebody else was faster.
    pub async fn change(&self, change: &ConfigChange<QemuOptions>) -> Result<()> {
        self.connection.send(&CHANGE, &self.args(), change).await
    }

    /// Changes its configuration in a task, which may allocate disks. No task when it was done at once.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when somebody else was faster.
    pub async fn change_in_task(&self, change: &ConfigChange<QemuOptions>) -> Result<Option<TaskHandle>> {
        let upid = self.connection.send(&CHANGE_LATER, &self.args(), change).await?;
        Ok(upid.map(|upid| self.handle(upid)))
    }
}
