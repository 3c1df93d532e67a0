//! Snapshots of virtual machines.

use super::Qemu;
use crate::params::{Switch, params};
use crate::pve::guests::snapshots::snapshot_calls;

params! {
    /// A new snapshot of a virtual machine.
    #[derive(Debug, Clone)]
    pub struct CreateQemuSnapshot {
        /// Its name.
        snapname: SnapshotName = "snapname",
        /// Remark.
        description: Option<String> = "description",
        /// Whether memory is in it, so that going back finds the machine running.
        vmstate: Switch = "vmstate",
    }
}

snapshot_calls!(Qemu "qemu" QemuOptions);

/// Making one differs by kind.
pub(crate) mod create {
    use super::{CreateQemuSnapshot, Upid, calls};

    calls! { Pve:
        CREATE "qemu(n, id).snapshot" = Post "/nodes/{node}/qemu/{vmid}/snapshot" (CreateQemuSnapshot) -> Upid;
    }
}

impl Qemu<'_> {
    /// Makes a snapshot.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when the name is taken.
    pub async fn snapshot(&self, params: &CreateQemuSnapshot) -> Result<TaskHandle> {
        let upid = self.connection.send(&create::CREATE, &self.args(), params).await?;
        Ok(self.handle(upid))
    }
}
