//! Making and destroying virtual machines.

use super::Qemu;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{PoolId, Upid, Vmid, VolumeId};
use crate::params::{Switch, params};
use crate::pve::guests::QemuOptions;
use crate::pve::nodes::Node;
use crate::tasks::TaskHandle;

params! {
    /// A new virtual machine.
    #[derive(Debug, Clone)]
    pub struct CreateQemu {
        /// Its number.
        vmid: Vmid = "vmid",
        /// What it is like.
        options: QemuOptions = "",
        /// The pool to put it in.
        pool: Option<PoolId> = "pool",
        /// Where disks go that name no storage.
        storage: Option<String> = "storage",
        /// Whether to start it when it is made.
        start: Switch = "start",
    }

    /// A virtual machine from a backup.
    #[derive(Debug, Clone)]
    pub struct RestoreQemu {
        /// Its number.
        vmid: Vmid = "vmid",
        /// The backup.
        archive: VolumeId = "archive",
        /// What shall be different from the backup.
        options: QemuOptions = "",
        /// The pool to put it in.
        pool: Option<PoolId> = "pool",
        /// Where its disks go.
        storage: Option<String> = "storage",
        /// Whether a stopped guest of that number is replaced.
        force: Switch = "force",
        /// Whether it gets new MAC addresses.
        unique: Switch = "unique",
        /// Whether it starts while it is being restored.
        live_restore: Switch = "live-restore",
        /// Limit, KiB/s.
        bwlimit: Option<u64> = "bwlimit",
        /// Whether to start it when it is restored.
        start: Switch = "start",
    }

    /// A copy of a virtual machine.
    #[derive(Debug, Clone)]
    pub struct CloneQemu {
        /// The copy's number.
        newid: Vmid = "newid",
        /// The copy's name.
        name: Option<String> = "name",
        /// The copy's remark.
        description: Option<String> = "description",
        /// Whether disks are copied. Of a template, they are only linked unless this is set.
        full: Option<bool> = "full",
        /// The node to put it on; disks have to be on shared storage.
        target: Option<String> = "target",
        /// Where full copies of disks go.
        storage: Option<String> = "storage",
        /// Format of full copies.
        format: Option<DiskFormat> = "format",
        /// The pool to put it in.
        pool: Option<PoolId> = "pool",
        /// The snapshot to copy.
        snapname: Option<String> = "snapname",
        /// Limit, KiB/s.
        bwlimit: Option<u64> = "bwlimit",
    }

    /// How to destroy.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct DestroyQemu {
        /// Whether to remove it from backup jobs, replication and high availability too.
        purge: Switch = "purge",
        /// Whether volumes of its number that it does not name are removed too.
        destroy_unreferenced_disks: Switch = "destroy-unreferenced-disks",
    }
}

crate::params::words! {
    /// Format of a disk on file storage.
    pub enum DiskFormat {
        /// The blocks, one after the other.
        Raw = "raw",
        /// QEMU's, with snapshots.
        Qcow2 = "qcow2",
        /// VMware's.
        Vmdk = "vmdk",
    }
}

impl CreateQemu {
    /// One of this number, with these options.
    #[must_use]
    pub const fn new(vmid: Vmid, options: QemuOptions) -> Self {
        Self { vmid, options, pool: None, storage: None, start: Switch::Off }
    }
}

impl RestoreQemu {
    /// One of this number, from this backup, as it was.
    #[must_use]
    pub fn new(vmid: Vmid, archive: VolumeId) -> Self {
        Self {
            vmid,
            archive,
            options: QemuOptions::default(),
            pool: None,
            storage: None,
            force: Switch::Off,
            unique: Switch::Off,
            live_restore: Switch::Off,
            bwlimit: None,
            start: Switch::Off,
        }
    }
}

impl CloneQemu {
    /// One of this number, everything else as the server likes.
    #[must_use]
    pub const fn new(newid: Vmid) -> Self {
        Self {
            newid,
            name: None,
            description: None,
            full: None,
            target: None,
            storage: None,
            format: None,
            pool: None,
            snapname: None,
            bwlimit: None,
        }
    }
}

calls! { Pve:
    CREATE "node(n).create_qemu" = Post "/nodes/{node}/qemu" (CreateQemu) -> Upid;
    RESTORE "node(n).restore_qemu" = Post "/nodes/{node}/qemu" (RestoreQemu) -> Upid;
    CLONE "qemu(n, id).clone_to" = Post "/nodes/{node}/qemu/{vmid}/clone" (CloneQemu) -> Upid;
    DESTROY "qemu(n, id).destroy" = Delete "/nodes/{node}/qemu/{vmid}" (DestroyQemu) -> Upid;
}

impl Node<'_> {
    /// Makes a virtual machine. Its disks are allocated in the task.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when the number is taken.
    pub async fn create_qemu(&self, params: &CreateQemu) -> Result<TaskHandle> {
        let upid = self.connection.send(&CREATE, &[self.name], params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// Makes a virtual machine from a backup.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn restore_qemu(&self, params: &RestoreQemu) -> Result<TaskHandle> {
        let upid = self.connection.send(&RESTORE, &[self.name], params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }
}

impl Qemu<'_> {
    /// Makes a copy.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn clone_to(&self, params: &CloneQemu) -> Result<TaskHandle> {
        let upid = self.connection.send(&CLONE, &self.args(), params).await?;
        Ok(self.handle(upid))
    }

    /// Destroys it with its disks. It has to be stopped.
    ///
    /// # Errors
    /// Any failure of the call; 500 when it runs or is protected.
    pub async fn destroy(&self, params: DestroyQemu) -> Result<TaskHandle> {
        let upid = self.connection.send(&DESTROY, &self.args(), &params).await?;
        Ok(self.handle(upid))
    }
}
