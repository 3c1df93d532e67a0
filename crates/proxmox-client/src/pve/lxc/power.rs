//! Starting, stopping and what lies between. Every verb is a task.

use super::Lxc;
use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{Switch, params};
use crate::pve::guests::{Reboot, Shutdown};
use crate::tasks::TaskHandle;

params! {
    /// How to start.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct StartLxc {
        /// Whether the start is logged in detail.
        debug: Switch = "debug",
    }

    /// How to stop.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct StopLxc {
        /// Whether a shutdown that still waits is ended.
        overrule_shutdown: Switch = "overrule-shutdown",
    }
}

calls! { Pve:
    START "lxc(n, id).start" = Post "/nodes/{node}/lxc/{vmid}/status/start" (StartLxc) -> Upid;
    STOP "lxc(n, id).stop" = Post "/nodes/{node}/lxc/{vmid}/status/stop" (StopLxc) -> Upid;
    SHUTDOWN "lxc(n, id).shutdown" = Post "/nodes/{node}/lxc/{vmid}/status/shutdown" (Shutdown) -> Upid;
    REBOOT "lxc(n, id).reboot" = Post "/nodes/{node}/lxc/{vmid}/status/reboot" (Reboot) -> Upid;
    SUSPEND "lxc(n, id).suspend" = Post "/nodes/{node}/lxc/{vmid}/status/suspend" () -> Upid;
    RESUME "lxc(n, id).resume" = Post "/nodes/{node}/lxc/{vmid}/status/resume" () -> Upid;
}

impl Lxc<'_> {
    /// Starts it.
    ///
    /// # Errors
    /// Any failure of the call; 500 when it runs.
    pub async fn start(&self, params: StartLxc) -> Result<TaskHandle> {
        self.connection.send(&START, &self.args(), &params).await.map(|upid| self.handle(upid))
    }

    /// Turns it off.
    ///
    /// # Errors
    /// Any failure of the call; 500 when it does not run.
    pub async fn stop(&self, params: StopLxc) -> Result<TaskHandle> {
        self.connection.send(&STOP, &self.args(), &params).await.map(|upid| self.handle(upid))
    }

    /// Asks it to shut down.
    ///
    /// # Errors
    /// Any failure of the call; 500 when it does not run.
    pub async fn shutdown(&self, params: Shutdown) -> Result<TaskHandle> {
        self.connection.send(&SHUTDOWN, &self.args(), &params).await.map(|upid| self.handle(upid))
    }

    /// Shuts it down and starts it, with what was pending.
    ///
    /// # Errors
    /// Any failure of the call; 500 when it does not run.
    pub async fn reboot(&self, params: Reboot) -> Result<TaskHandle> {
        self.connection.send(&REBOOT, &self.args(), &params).await.map(|upid| self.handle(upid))
    }

    /// Freezes its processes to disk (experimental in Proxmox).
    ///
    /// # Errors
    /// Any failure of the call; 500 when it does not run.
    pub async fn suspend(&self) -> Result<TaskHandle> {
        self.connection.send(&SUSPEND, &self.args(), &()).await.map(|upid| self.handle(upid))
    }

    /// Goes on after [`Self::suspend`].
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn resume(&self) -> Result<TaskHandle> {
        self.connection.send(&RESUME, &self.args(), &()).await.map(|upid| self.handle(upid))
    }
}
