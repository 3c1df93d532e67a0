//! Ceph, as a node sees it. Without it every call is refused with 500.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Node;
use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{Switch, params, words};
use crate::tasks::{LogLine, TaskHandle};

/// A pool.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CephPool {
    /// Its name.
    pub pool_name: String,
    /// Its number.
    pub pool: Option<i64>,
    /// Copies.
    pub size: Option<u32>,
    /// Copies below which nothing is written.
    pub min_size: Option<u32>,
    /// Placement groups.
    pub pg_num: Option<u32>,
    /// Whether their number follows the data.
    pub pg_autoscale_mode: Option<String>,
    /// Rule of placement.
    pub crush_rule_name: Option<String>,
    /// Bytes in use.
    pub bytes_used: Option<u64>,
    /// Share in use, 0 to 1.
    pub percent_used: Option<f64>,
    /// `replicated` or `erasure`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// A monitor or manager.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CephDaemon {
    /// Its name.
    pub name: String,
    /// Its address.
    pub addr: Option<String>,
    /// Its node.
    pub host: Option<String>,
    /// How it is.
    pub state: Option<String>,
    /// Whether it is in the quorum.
    pub quorum: Option<bool>,
    /// Its version, in short.
    pub ceph_version_short: Option<String>,
}

/// A rule of placement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CephRule {
    /// Its name.
    pub name: String,
}

/// A pool in detail.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CephPoolStatus {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Copies.
    pub size: Option<u32>,
    /// Copies below which nothing is written.
    pub min_size: Option<u32>,
    /// Placement groups.
    pub pg_num: Option<u32>,
    /// Whether their number follows the data.
    pub pg_autoscale_mode: Option<Autoscale>,
    /// Rule of placement.
    pub crush_rule: Option<String>,
    /// What it is for.
    pub application: Option<String>,
    /// What there is beside.
    #[serde(flatten)]
    pub further: BTreeMap<String, Value>,
}

/// A setting in Ceph's own database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CephSetting {
    /// Whom it is for (`global`, `osd`, …).
    pub section: String,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// `basic`, `advanced`, `dev`.
    pub level: Option<String>,
    /// For which hosts or classes of disks.
    pub mask: Option<String>,
    /// Whether it takes effect without a restart.
    #[serde(default)]
    pub can_update_at_runtime: bool,
}

/// Whether something can be done without data becoming unavailable.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CephSafety {
    /// Whether it can.
    pub safe: bool,
    /// Why not.
    pub status: Option<String>,
}

params! {
    /// A change of a pool. What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateCephPool {
        /// Copies.
        size: Option<u32> = "size",
        /// Copies below which nothing is written.
        min_size: Option<u32> = "min_size",
        /// Placement groups.
        pg_num: Option<u32> = "pg_num",
        /// Whether their number follows the data.
        pg_autoscale_mode: Option<Autoscale> = "pg_autoscale_mode",
        /// Rule of placement.
        crush_rule: Option<String> = "crush_rule",
        /// What it is for.
        application: Option<CephApplication> = "application",
    }

    /// In which detail.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct CephPoolDetail {
        /// With statistics.
        verbose: Switch = "verbose",
    }

    /// Which lines of Ceph's log.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct CephLogQuery {
        /// How many lines to skip.
        start: Option<u64> = "start",
        /// How many lines at most; 50 unless set.
        limit: Option<u64> = "limit",
    }

    /// What is to be done with which part.
    #[derive(Debug, Clone)]
    pub struct CephSafetyQuery {
        /// What.
        action: CephAction = "action",
        /// Of which kind.
        service: CephService = "service",
        /// Its id.
        id: String = "id",
    }

    /// A new pool.
    #[derive(Debug, Clone)]
    pub struct CreateCephPool {
        /// Its name.
        name: String = "name",
        /// Copies.
        size: Option<u32> = "size",
        /// Copies below which nothing is written.
        min_size: Option<u32> = "min_size",
        /// Placement groups.
        pg_num: Option<u32> = "pg_num",
        /// Whether their number follows the data.
        pg_autoscale_mode: Option<Autoscale> = "pg_autoscale_mode",
        /// Rule of placement.
        crush_rule: Option<String> = "crush_rule",
        /// What it is for.
        application: Option<CephApplication> = "application",
        /// Whether storages are defined on it.
        add_storages: Switch = "add_storages",
    }

    /// How to remove a pool.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct DeleteCephPool {
        /// Whether even when it is used.
        force: Switch = "force",
        /// Whether storages on it go too.
        remove_storages: Switch = "remove_storages",
    }
}

words! {
    /// What is to be done with a part of Ceph.
    pub enum CephAction {
        /// Stop it.
        Stop = "stop",
        /// Destroy it.
        Destroy = "destroy",
    }

    /// Parts of Ceph.
    pub enum CephService {
        /// A disk's.
        Osd = "osd",
        /// A monitor.
        Monitor = "mon",
        /// A metadata server.
        MetadataServer = "mds",
    }

    /// Whether the number of placement groups follows the data.
    pub enum Autoscale {
        /// It does.
        On = "on",
        /// It does not.
        Off = "off",
        /// It is only warned of.
        Warn = "warn",
    }

    /// What a pool is for.
    pub enum CephApplication {
        /// Block devices.
        Rbd = "rbd",
        /// File systems.
        CephFs = "cephfs",
        /// Objects.
        Rgw = "rgw",
    }
}

calls! { Pve:
    STATUS "node(n).ceph_status" = Get "/nodes/{node}/ceph/status" () -> BTreeMap<String, Value>;
    OSDS "node(n).ceph_osds" = Get "/nodes/{node}/ceph/osd" () -> BTreeMap<String, Value>;
    POOLS "node(n).ceph_pools" = Get "/nodes/{node}/ceph/pool" () -> Vec<CephPool>;
    CREATE_POOL "node(n).create_ceph_pool" = Post "/nodes/{node}/ceph/pool" (CreateCephPool) -> Upid;
    DELETE_POOL "node(n).delete_ceph_pool" = Delete "/nodes/{node}/ceph/pool/{name}" (DeleteCephPool) -> Upid;
    POOL "node(n).ceph_pool" = Get "/nodes/{node}/ceph/pool/{name}/status" (CephPoolDetail) -> CephPoolStatus;
    UPDATE_POOL "node(n).update_ceph_pool" = Put "/nodes/{node}/ceph/pool/{name}" (UpdateCephPool) -> Upid;
    OSD "node(n).ceph_osd" = Get "/nodes/{node}/ceph/osd/{osdid}/metadata" () -> BTreeMap<String, Value>;
    SETTINGS "node(n).ceph_settings" = Get "/nodes/{node}/ceph/cfg/db" () -> Vec<CephSetting>;
    CONFIG "node(n).ceph_config" = Get "/nodes/{node}/ceph/cfg/raw" () -> String;
    CRUSH "node(n).ceph_crush" = Get "/nodes/{node}/ceph/crush" () -> String;
    LOG "node(n).ceph_log" = Get "/nodes/{node}/ceph/log" (CephLogQuery) -> Vec<LogLine>;
    SAFETY "node(n).ceph_safety" = Get "/nodes/{node}/ceph/cmd-safety" (CephSafetyQuery) -> CephSafety;
    MONITORS "node(n).ceph_monitors" = Get "/nodes/{node}/ceph/mon" () -> Vec<CephDaemon>;
    MANAGERS "node(n).ceph_managers" = Get "/nodes/{node}/ceph/mgr" () -> Vec<CephDaemon>;
    METADATA_SERVERS "node(n).ceph_metadata_servers" = Get "/nodes/{node}/ceph/mds" () -> Vec<CephDaemon>;
    FILE_SYSTEMS "node(n).ceph_file_systems" = Get "/nodes/{node}/ceph/fs" () -> Vec<BTreeMap<String, Value>>;
    RULES "node(n).ceph_rules" = Get "/nodes/{node}/ceph/rules" () -> Vec<CephRule>;
}

impl Node<'_> {
    /// Ceph's own account of how it is.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_status(&self) -> Result<BTreeMap<String, Value>> {
        self.connection.send(&STATUS, &[self.name], &()).await
    }

    /// The tree of disks (`root`) and `flags`.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_osds(&self) -> Result<BTreeMap<String, Value>> {
        self.connection.send(&OSDS, &[self.name], &()).await
    }

    /// The pools.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_pools(&self) -> Result<Vec<CephPool>> {
        self.connection.send(&POOLS, &[self.name], &()).await
    }

    /// Makes a pool.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_ceph_pool(&self, params: &CreateCephPool) -> Result<TaskHandle> {
        let upid = self.connection.send(&CREATE_POOL, &[self.name], params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// Removes a pool with its data.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_ceph_pool(&self, pool: &str, params: DeleteCephPool) -> Result<TaskHandle> {
        let upid = self.connection.send(&DELETE_POOL, &[self.name, pool], &params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// One pool.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_pool(&self, pool: &str) -> Result<CephPoolStatus> {
        self.connection.send(&POOL, &[self.name, pool], &CephPoolDetail { verbose: Switch::On }).await
    }

    /// Changes a pool.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_ceph_pool(&self, pool: &str, change: &UpdateCephPool) -> Result<TaskHandle> {
        let upid = self.connection.send(&UPDATE_POOL, &[self.name, pool], change).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// What one OSD says of itself (`osd`) and of its disks (`devices`).
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_osd(&self, osd: u32) -> Result<BTreeMap<String, Value>> {
        self.connection.send(&OSD, &[self.name, &osd.to_string()], &()).await
    }

    /// The settings in Ceph's own database.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_settings(&self) -> Result<Vec<CephSetting>> {
        self.connection.send(&SETTINGS, &[self.name], &()).await
    }

    /// Ceph's configuration file, as text.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_config(&self) -> Result<String> {
        self.connection.send(&CONFIG, &[self.name], &()).await
    }

    /// The map of where data is placed, as text.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_crush(&self) -> Result<String> {
        self.connection.send(&CRUSH, &[self.name], &()).await
    }

    /// Ceph's log.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_log(&self, query: CephLogQuery) -> Result<Vec<LogLine>> {
        self.connection.send(&LOG, &[self.name], &query).await
    }

    /// Whether a part can be stopped or destroyed without data becoming unavailable.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_safety(&self, query: &CephSafetyQuery) -> Result<CephSafety> {
        self.connection.send(&SAFETY, &[self.name], query).await
    }

    /// The monitors.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_monitors(&self) -> Result<Vec<CephDaemon>> {
        self.connection.send(&MONITORS, &[self.name], &()).await
    }

    /// The managers.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_managers(&self) -> Result<Vec<CephDaemon>> {
        self.connection.send(&MANAGERS, &[self.name], &()).await
    }

    /// The metadata servers.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_metadata_servers(&self) -> Result<Vec<CephDaemon>> {
        self.connection.send(&METADATA_SERVERS, &[self.name], &()).await
    }

    /// The file systems.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_file_systems(&self) -> Result<Vec<BTreeMap<String, Value>>> {
        self.connection.send(&FILE_SYSTEMS, &[self.name], &()).await
    }

    /// The rules of placement.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ceph_rules(&self) -> Result<Vec<CephRule>> {
        self.connection.send(&RULES, &[self.name], &()).await
    }
}
