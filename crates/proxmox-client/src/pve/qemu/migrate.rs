//! Moving a virtual machine to another node, and its disks to other storages.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{DiskFormat, Qemu};
use crate::call::calls;
use crate::error::Result;
use crate::ids::{Upid, VolumeId};
use crate::params::{Switch, params};
use crate::tasks::TaskHandle;

params! {
    /// How to migrate.
    #[derive(Debug, Clone)]
    pub struct MigrateQemu {
        /// The node to go to.
        target: String = "target",
        /// Whether it goes on running. Without this a running one makes the task fail.
        online: Switch = "online",
        /// Whether disks on storages of this node are copied.
        with_local_disks: Switch = "with-local-disks",
        /// Where they go.
        targetstorage: Option<String> = "targetstorage",
        /// Limit, KiB/s.
        bwlimit: Option<u64> = "bwlimit",
        /// Network to use.
        migration_network: Option<String> = "migration_network",
    }

    /// Which node to look at.
    #[derive(Debug, Clone, Default)]
    pub struct MigrationQuery {
        /// The node.
        target: Option<String> = "target",
    }

    /// How to grow a disk.
    #[derive(Debug, Clone)]
    pub struct ResizeQemu {
        /// Which (`scsi0`).
        disk: String = "disk",
        /// To what (`40G`), or by how much (`+8G`). Disks cannot shrink.
        size: String = "size",
        /// The state of the configuration it is based on.
        digest: Option<String> = "digest",
    }

    /// How to move a disk.
    #[derive(Debug, Clone)]
    pub struct MoveDisk {
        /// Which (`scsi0`).
        disk: String = "disk",
        /// Where to.
        storage: Option<String> = "storage",
        /// Format there.
        format: Option<DiskFormat> = "format",
        /// Whether the old volume is removed; else it becomes `unused[n]`.
        delete: Switch = "delete",
        /// Limit, KiB/s.
        bwlimit: Option<u64> = "bwlimit",
        /// The state of the configuration it is based on.
        digest: Option<String> = "digest",
    }

    /// What becomes a template.
    #[derive(Debug, Clone, Default)]
    pub struct MakeTemplate {
        /// One disk instead of the machine.
        disk: Option<String> = "disk",
    }
}

impl MigrateQemu {
    /// To this node, everything else as the server likes.
    #[must_use]
    pub fn to(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            online: Switch::Off,
            with_local_disks: Switch::Off,
            targetstorage: None,
            bwlimit: None,
            migration_network: None,
        }
    }
}

/// A disk that would have to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LocalDisk {
    /// The volume.
    pub volid: VolumeId,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Whether it is a CD image.
    #[serde(default)]
    pub cdrom: bool,
    /// Whether it is not attached.
    #[serde(default)]
    pub is_unused: bool,
}

/// Whether and where a virtual machine can go.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct MigrationReport {
    /// Whether it runs.
    #[serde(default)]
    pub running: bool,
    /// Nodes it can go to.
    #[serde(default)]
    pub allowed_nodes: Vec<String>,
    /// Nodes it cannot go to, and what they lack.
    #[serde(default)]
    pub not_allowed_nodes: BTreeMap<String, Value>,
    /// Disks that would have to be copied.
    #[serde(default)]
    pub local_disks: Vec<LocalDisk>,
    /// Devices of this node.
    #[serde(default)]
    pub local_resources: Vec<String>,
    /// What there is beside.
    #[serde(flatten)]
    pub further: BTreeMap<String, Value>,
}

calls! { Pve:
    REPORT "qemu(n, id).migration_report" = Get "/nodes/{node}/qemu/{vmid}/migrate" (MigrationQuery) -> MigrationReport;
    MIGRATE "qemu(n, id).migrate" = Post "/nodes/{node}/qemu/{vmid}/migrate" (MigrateQemu) -> Upid;
    RESIZE "qemu(n, id).resize" = Put "/nodes/{node}/qemu/{vmid}/resize" (ResizeQemu) -> Option<Upid>;
    MOVE_DISK "qemu(n, id).move_disk" = Post "/nodes/{node}/qemu/{vmid}/move_disk" (MoveDisk) -> Upid;
    TEMPLATE "qemu(n, id).make_template" = Post "/nodes/{node}/qemu/{vmid}/template" (MakeTemplate) -> Option<Upid>;
}

impl Qemu<'_> {
    /// Whether and where it can go.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn migration_report(&self, target: Option<&str>) -> Result<MigrationReport> {
        let query = MigrationQuery { target: target.map(str::to_owned) };
        self.connection.send(&REPORT, &self.args(), &query).await
    }

    /// Moves it to another node. The task runs on the node it leaves.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn migrate(&self, params: &MigrateQemu) -> Result<TaskHandle> {
        self.connection.send(&MIGRATE, &self.args(), params).await.map(|upid| self.handle(upid))
    }

    /// Grows a disk. No task when it was done at once.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn resize(&self, params: &ResizeQemu) -> Result<Option<TaskHandle>> {
        let upid = self.connection.send(&RESIZE, &self.args(), params).await?;
        Ok(upid.map(|upid| self.handle(upid)))
    }

    /// Moves a disk to another storage.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn move_disk(&self, params: &MoveDisk) -> Result<TaskHandle> {
        self.connection.send(&MOVE_DISK, &self.args(), params).await.map(|upid| self.handle(upid))
    }

    /// Makes it a template, for good. No task when it was done at once.
    ///
    /// # Errors
    /// Any failure of the call; 500 when it has snapshots.
    pub async fn make_template(&self) -> Result<Option<TaskHandle>> {
        let upid = self.connection.send(&TEMPLATE, &self.args(), &MakeTemplate::default()).await?;
        Ok(upid.map(|upid| self.handle(upid)))
    }
}
