//! Moving a container to another node, its volumes to other storages; and its addresses.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Lxc;
use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{Switch, params};
use crate::pve::qemu::MigrationQuery;
use crate::tasks::TaskHandle;

params! {
    /// How to migrate. A running container cannot go on running meanwhile.
    #[derive(Debug, Clone)]
    pub struct MigrateLxc {
        /// The node to go to.
        target: String = "target",
        /// Whether a running one is shut down here and started there.
        restart: Switch = "restart",
        /// Seconds to wait for its shutdown.
        timeout: Option<u64> = "timeout",
        /// Where its volumes go.
        target_storage: Option<String> = "target-storage",
        /// Limit, KiB/s.
        bwlimit: Option<f64> = "bwlimit",
    }

    /// How to grow a volume.
    #[derive(Debug, Clone)]
    pub struct ResizeLxc {
        /// Which (`rootfs`, `mp0`).
        disk: String = "disk",
        /// To what (`40G`), or by how much (`+8G`). Volumes cannot shrink.
        size: String = "size",
        /// The state of the configuration it is based on.
        digest: Option<String> = "digest",
    }

    /// How to move a volume.
    #[derive(Debug, Clone)]
    pub struct MoveVolume {
        /// Which (`rootfs`, `mp0`).
        volume: String = "volume",
        /// Where to.
        storage: Option<String> = "storage",
        /// Whether the old volume is removed; else it becomes `unused[n]`.
        delete: Switch = "delete",
        /// Limit, KiB/s.
        bwlimit: Option<f64> = "bwlimit",
        /// The state of the configuration it is based on.
        digest: Option<String> = "digest",
    }
}

impl MigrateLxc {
    /// To this node, everything else as the server likes.
    #[must_use]
    pub fn to(target: &str) -> Self {
        Self { target: target.to_owned(), restart: Switch::Off, timeout: None, target_storage: None, bwlimit: None }
    }
}

/// An address of a network device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LxcAddress {
    /// The address.
    pub ip_address: Option<String>,
    /// `inet` or `inet6`.
    pub ip_address_type: Option<String>,
    /// Its prefix length.
    pub prefix: Option<u8>,
}

/// A network device as the container sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LxcInterface {
    /// Its name.
    pub name: String,
    /// Its MAC address.
    #[serde(rename = "hwaddr")]
    pub hardware_address: Option<String>,
    /// An IPv4 address with prefix length (before PVE 9).
    pub inet: Option<String>,
    /// An IPv6 address with prefix length (before PVE 9).
    pub inet6: Option<String>,
    /// Its addresses (PVE 9).
    #[serde(default)]
    pub ip_addresses: Vec<LxcAddress>,
}

/// Whether and where a container can go.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LxcMigrationReport {
    /// Whether it runs: it is then stopped for the move.
    #[serde(default)]
    pub running: bool,
    /// Nodes it can go to.
    #[serde(default)]
    pub allowed_nodes: Vec<String>,
    /// Nodes it cannot go to, and what they lack.
    #[serde(default)]
    pub not_allowed_nodes: BTreeMap<String, Value>,
    /// Guests that high availability moves with it.
    #[serde(default)]
    pub dependent_ha_resources: Vec<String>,
}

calls! { Pve:
    REPORT "lxc(n, id).migration_report" = Get "/nodes/{node}/lxc/{vmid}/migrate" (MigrationQuery) -> LxcMigrationReport, from 9 0;
    MIGRATE "lxc(n, id).migrate" = Post "/nodes/{node}/lxc/{vmid}/migrate" (MigrateLxc) -> Upid;
    RESIZE "lxc(n, id).resize" = Put "/nodes/{node}/lxc/{vmid}/resize" (ResizeLxc) -> Option<Upid>;
    MOVE_VOLUME "lxc(n, id).move_volume" = Post "/nodes/{node}/lxc/{vmid}/move_volume" (MoveVolume) -> Upid;
    TEMPLATE "lxc(n, id).make_template" = Post "/nodes/{node}/lxc/{vmid}/template" () -> Option<Upid>;
    INTERFACES "lxc(n, id).interfaces" = Get "/nodes/{node}/lxc/{vmid}/interfaces" () -> Option<Vec<LxcInterface>>;
}

impl Lxc<'_> {
    /// Whether and where it can go. PVE 9 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn migration_report(&self, target: Option<&str>) -> Result<LxcMigrationReport> {
        let query = MigrationQuery { target: target.map(str::to_owned) };
        self.connection.send(&REPORT, &self.args(), &query).await
    }

    /// Moves it to another node. The task runs on the node it leaves.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn migrate(&self, params: &MigrateLxc) -> Result<TaskHandle> {
        self.connection.send(&MIGRATE, &self.args(), params).await.map(|upid| self.handle(upid))
    }

    /// Grows a volume. No task when it was done at once.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn resize(&self, params: &ResizeLxc) -> Result<Option<TaskHandle>> {
        let upid = self.connection.send(&RESIZE, &self.args(), params).await?;
        Ok(upid.map(|upid| self.handle(upid)))
    }

    /// Moves a volume to another storage.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn move_volume(&self, params: &MoveVolume) -> Result<TaskHandle> {
        self.connection.send(&MOVE_VOLUME, &self.args(), params).await.map(|upid| self.handle(upid))
    }

    /// Makes it a template, for good. No task when it was done at once.
    ///
    /// # Errors
    /// Any failure of the call; 500 when it has snapshots.
    pub async fn make_template(&self) -> Result<Option<TaskHandle>> {
        let upid = self.connection.send(&TEMPLATE, &self.args(), &()).await?;
        Ok(upid.map(|upid| self.handle(upid)))
    }

    /// Its network devices and addresses; none when it does not run.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn interfaces(&self) -> Result<Vec<LxcInterface>> {
        self.connection.send(&INTERFACES, &self.args(), &()).await.map(Option::unwrap_or_default)
    }
}
