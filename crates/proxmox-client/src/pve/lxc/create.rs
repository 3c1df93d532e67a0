//! Making and destroying containers.

use secrecy::SecretString;

use super::Lxc;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{PoolId, Upid, Vmid, VolumeId};
use crate::params::{Switch, params};
use crate::pve::guests::LxcOptions;
use crate::pve::nodes::Node;
use crate::tasks::TaskHandle;

params! {
    /// A new container.
    #[derive(Debug, Clone)]
    pub struct CreateLxc {
        /// Its number.
        vmid: Vmid = "vmid",
        /// The template it is made from.
        ostemplate: VolumeId = "ostemplate",
        /// What it is like.
        options: LxcOptions = "",
        /// The pool to put it in.
        pool: Option<PoolId> = "pool",
        /// Where its root goes when `rootfs` names no storage.
        storage: Option<String> = "storage",
        /// Root's password in it.
        password: Option<SecretString> = "password",
        /// Root's public keys in it, one a line.
        ssh_public_keys: Option<String> = "ssh-public-keys",
        /// Limit, KiB/s.
        bwlimit: Option<f64> = "bwlimit",
        /// Whether to start it when it is made.
        start: Switch = "start",
    }

    /// A container from a backup.
    #[derive(Debug, Clone)]
    pub struct RestoreLxc {
        /// Its number.
        vmid: Vmid = "vmid",
        /// The backup.
        archive: VolumeId = "ostemplate",
        /// Always on.
        restore: Switch = "restore",
        /// What shall be different from the backup.
        options: LxcOptions = "",
        /// The pool to put it in.
        pool: Option<PoolId> = "pool",
        /// Where its volumes go.
        storage: Option<String> = "storage",
        /// Whether a stopped guest of that number is replaced.
        force: Switch = "force",
        /// Whether it gets new MAC addresses.
        unique: Switch = "unique",
        /// Whether what cannot be unpacked is passed over.
        ignore_unpack_errors: Switch = "ignore-unpack-errors",
        /// Limit, KiB/s.
        bwlimit: Option<f64> = "bwlimit",
        /// Whether to start it when it is restored.
        start: Switch = "start",
    }

    /// A copy of a container.
    #[derive(Debug, Clone)]
    pub struct CloneLxc {
        /// The copy's number.
        newid: Vmid = "newid",
        /// The copy's host name.
        hostname: Option<String> = "hostname",
        /// The copy's remark.
        description: Option<String> = "description",
        /// Whether volumes are copied. Of a template, they are only linked unless this is set.
        full: Option<bool> = "full",
        /// The node to put it on; volumes have to be on shared storage.
        target: Option<String> = "target",
        /// Where full copies go.
        storage: Option<String> = "storage",
        /// The pool to put it in.
        pool: Option<PoolId> = "pool",
        /// The snapshot to copy.
        snapname: Option<String> = "snapname",
        /// Limit, KiB/s.
        bwlimit: Option<f64> = "bwlimit",
    }

    /// How to destroy.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct DestroyLxc {
        /// Whether it is stopped first if it runs.
        force: Switch = "force",
        /// Whether to remove it from backup jobs, replication and high availability too.
        purge: Switch = "purge",
        /// Whether volumes of its number that it does not name are removed too.
        destroy_unreferenced_disks: Switch = "destroy-unreferenced-disks",
    }
}

impl CreateLxc {
    /// One of this number, from this template, with these options.
    #[must_use]
    pub const fn new(vmid: Vmid, ostemplate: VolumeId, options: LxcOptions) -> Self {
        Self {
            vmid,
            ostemplate,
            options,
            pool: None,
            storage: None,
            password: None,
            ssh_public_keys: None,
            bwlimit: None,
            start: Switch::Off,
        }
    }
}

impl RestoreLxc {
    /// One of this number, from this backup, as it was.
    #[must_use]
    pub fn new(vmid: Vmid, archive: VolumeId) -> Self {
        Self {
            vmid,
            archive,
            restore: Switch::On,
            options: LxcOptions::default(),
            pool: None,
            storage: None,
            force: Switch::Off,
            unique: Switch::Off,
            ignore_unpack_errors: Switch::Off,
            bwlimit: None,
            start: Switch::Off,
        }
    }
}

impl CloneLxc {
    /// One of this number, everything else as the server likes.
    #[must_use]
    pub const fn new(newid: Vmid) -> Self {
        Self {
            newid,
            hostname: None,
            description: None,
            full: None,
            target: None,
            storage: None,
            pool: None,
            snapname: None,
            bwlimit: None,
        }
    }
}

calls! { Pve:
    CREATE "node(n).create_lxc" = Post "/nodes/{node}/lxc" (CreateLxc) -> Upid;
    RESTORE "node(n).restore_lxc" = Post "/nodes/{node}/lxc" (RestoreLxc) -> Upid;
    CLONE "lxc(n, id).clone_to" = Post "/nodes/{node}/lxc/{vmid}/clone" (CloneLxc) -> Upid;
    DESTROY "lxc(n, id).destroy" = Delete "/nodes/{node}/lxc/{vmid}" (DestroyLxc) -> Upid;
}

impl Node<'_> {
    /// Makes a container from a template.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when the number is taken.
    pub async fn create_lxc(&self, params: &CreateLxc) -> Result<TaskHandle> {
        let upid = self.connection.send(&CREATE, &[self.name], params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// Makes a container from a backup.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn restore_lxc(&self, params: &RestoreLxc) -> Result<TaskHandle> {
        let upid = self.connection.send(&RESTORE, &[self.name], params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }
}

impl Lxc<'_> {
    /// Makes a copy.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn clone_to(&self, params: &CloneLxc) -> Result<TaskHandle> {
        let upid = self.connection.send(&CLONE, &self.args(), params).await?;
        Ok(self.handle(upid))
    }

    /// Destroys it with its volumes.
    ///
    /// # Errors
    /// Any failure of the call; 500 when it runs (without `force`) or is protected.
    pub async fn destroy(&self, params: DestroyLxc) -> Result<TaskHandle> {
        let upid = self.connection.send(&DESTROY, &self.args(), &params).await?;
        Ok(self.handle(upid))
    }
}
