//! Starting, stopping and what lies between. Every verb is a task.

use super::Qemu;
use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{Switch, params};
use crate::pve::guests::{Reboot, Shutdown};
use crate::tasks::TaskHandle;

params! {
    /// How to start.
    #[derive(Debug, Clone, Default)]
    pub struct StartQemu {
        /// Seconds to wait for the emulator.
        timeout: Option<u64> = "timeout",
        /// Machine type, for this start.
        machine: Option<String> = "machine",
    }

    /// How to stop.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct StopQemu {
        /// Seconds to wait.
        timeout: Option<u64> = "timeout",
        /// Whether a shutdown that still waits is ended.
        overrule_shutdown: Switch = "overrule-shutdown",
    }

    /// How to suspend.
    #[derive(Debug, Clone, Default)]
    pub struct SuspendQemu {
        /// Whether memory is written to disk and the machine turned off.
        todisk: Switch = "todisk",
        /// Where memory is written.
        statestorage: Option<String> = "statestorage",
    }
}

calls! { Pve:
    START "qemu(n, id).start" = Post "/nodes/{node}/qemu/{vmid}/status/start" (StartQemu) -> Upid;
    STOP "qemu(n, id).stop" = Post "/nodes/{node}/qemu/{vmid}/status/stop" (StopQemu) -> Upid;
    SHUTDOWN "qemu(n, id).shutdown" = Post "/nodes/{node}/qemu/{vmid}/status/shutdown" (Shutdown) -> Upid;
    REBOOT "qemu(n, id).reboot" = Post "/nodes/{node}/qemu/{vmid}/status/reboot" (Reboot) -> Upid;
    RESET "qemu(n, id).reset" = Post "/nodes/{node}/qemu/{vmid}/status/reset" () -> Upid;
    SUSPEND "qemu(n, id).suspend" = Post "/nodes/{node}/qemu/{vmid}/status/suspend" (SuspendQemu) -> Upid;
    RESUME "qemu(n, id).resume" = Post "/nodes/{node}/qemu/{vmid}/status/resume" () -> Upid;
}

impl Qemu<'_> {
    /// Starts it. One that runs makes the task fail, not the call.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn start(&self, params: &StartQemu) -> Result<TaskHandle> {
        self.connection.send(&START, &self.args(), params).await.map(|upid| self.handle(upid))
    }

    /// Turns it off. One that is off is success.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn stop(&self, params: StopQemu) -> Result<TaskHandle> {
        self.connection.send(&STOP, &self.args(), &params).await.map(|upid| self.handle(upid))
    }

    /// Asks it to shut down.
    ///
    /// # Errors
    /// Any failure of the call.
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

    /// Presses its reset button.
    ///
    /// # Errors
    /// Any failure of the call; 500 when it does not run.
    pub async fn reset(&self) -> Result<TaskHandle> {
        self.connection.send(&RESET, &self.args(), &()).await.map(|upid| self.handle(upid))
    }

    /// Pauses it, or writes its memory to disk.
    ///
    /// # Errors
    /// Any failure of the call; 500 when it does not run.
    pub async fn suspend(&self, params: &SuspendQemu) -> Result<TaskHandle> {
        self.connection.send(&SUSPEND, &self.args(), params).await.map(|upid| self.handle(upid))
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    /// Any failure of the call; 500 when it does not run.
    pub async fn resume(&self) -> Result<TaskHandle> {
        self.connection.send(&RESUME, &self.args(), &()).await.map(|upid| self.handle(upid))
    }
}
