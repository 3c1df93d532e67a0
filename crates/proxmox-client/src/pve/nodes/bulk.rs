//! Actions on many guests of a node at once. One task; what became of each guest stands only in its log.

use super::Node;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{Upid, Vmid};
use crate::params::{Switch, params};
use crate::tasks::TaskHandle;

params! {
    /// What to start.
    #[derive(Debug, Clone, Default)]
    pub struct StartAll {
        /// Only these guests.
        vms: Vec<Vmid> = "vms",
        /// Whether also those that do not start with the node.
        force: Switch = "force",
    }

    /// What to stop.
    #[derive(Debug, Clone, Default)]
    pub struct StopAll {
        /// Only these guests.
        vms: Vec<Vmid> = "vms",
        /// Seconds to wait for each.
        timeout: Option<u64> = "timeout",
        /// Whether those that do not shut down are turned off; they are unless this is off.
        force_stop: Option<bool> = "force-stop",
    }

    /// What to suspend.
    #[derive(Debug, Clone, Default)]
    pub struct SuspendAll {
        /// Only these machines.
        vms: Vec<Vmid> = "vms",
    }

    /// What to move.
    #[derive(Debug, Clone)]
    pub struct MigrateAll {
        /// The node to go to.
        target: String = "target",
        /// Only these guests.
        vms: Vec<Vmid> = "vms",
        /// Whether disks on storages of this node are copied.
        with_local_disks: Switch = "with-local-disks",
        /// How many at once.
        maxworkers: Option<u32> = "maxworkers",
    }
}

calls! { Pve:
    START "node(n).start_all" = Post "/nodes/{node}/startall" (StartAll) -> Upid;
    STOP "node(n).stop_all" = Post "/nodes/{node}/stopall" (StopAll) -> Upid;
    SUSPEND "node(n).suspend_all" = Post "/nodes/{node}/suspendall" (SuspendAll) -> Upid;
    MIGRATE "node(n).migrate_all" = Post "/nodes/{node}/migrateall" (MigrateAll) -> Upid;
}

impl Node<'_> {
    /// Starts guests.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn start_all(&self, params: &StartAll) -> Result<TaskHandle> {
        let upid = self.connection.send(&START, &[self.name], params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// Stops guests.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn stop_all(&self, params: &StopAll) -> Result<TaskHandle> {
        let upid = self.connection.send(&STOP, &[self.name], params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// Suspends machines to disk.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn suspend_all(&self, params: &SuspendAll) -> Result<TaskHandle> {
        let upid = self.connection.send(&SUSPEND, &[self.name], params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// Moves guests to another node.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn migrate_all(&self, params: &MigrateAll) -> Result<TaskHandle> {
        let upid = self.connection.send(&MIGRATE, &[self.name], params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }
}
