//! Datastores: where backups are.

use serde::Deserialize;

use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{Switch, params};
use crate::tasks::TaskHandle;
use crate::transport::Connection;

/// The list of datastores.
#[derive(Clone, Copy)]
pub struct Datastores<'a> {
    pub(crate) connection: &'a Connection,
}

/// One datastore.
#[derive(Clone, Copy)]
pub struct Datastore<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) name: &'a str,
}

/// A row of the list of datastores.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatastoreRow {
    /// Its name.
    pub store: String,
    /// Remark.
    pub comment: Option<String>,
    /// Why it cannot be used now.
    pub maintenance: Option<String>,
    /// Whether a removable one is there (PBS 4).
    pub mount_status: Option<String>,
    /// What it lies on (PBS 4).
    pub backend_type: Option<String>,
}

/// How full a datastore is, and how fast it fills.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatastoreUsage {
    /// Its name.
    pub store: String,
    /// Size in bytes.
    pub total: Option<u64>,
    /// Bytes in use.
    pub used: Option<u64>,
    /// Bytes left.
    pub avail: Option<u64>,
    /// Share in use over time, 0 to 1; gaps where nothing was measured.
    #[serde(default)]
    pub history: Vec<Option<f64>>,
    /// When the history begins, Unix seconds.
    pub history_start: Option<u64>,
    /// Seconds between two values of the history.
    pub history_delta: Option<u64>,
    /// When it will be full, Unix seconds; 0 and -1 are never.
    pub estimated_full_date: Option<i64>,
    /// The last collection of garbage.
    pub gc_status: Option<GarbageStatus>,
    /// Why there are no figures.
    pub error: Option<String>,
}

/// The state of collecting garbage.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct GarbageStatus {
    /// The last task.
    pub upid: Option<String>,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Chunks on disk.
    pub disk_chunks: u64,
    /// Bytes as the backups count them, without sharing.
    pub index_data_bytes: u64,
    /// Indexes.
    pub index_file_count: u64,
    /// Bytes that will go when they are old enough.
    pub pending_bytes: u64,
    /// Chunks that will go.
    pub pending_chunks: u64,
    /// Bytes that went.
    pub removed_bytes: u64,
    /// Chunks that went.
    pub removed_chunks: u64,
    /// How the last one ended.
    pub last_run_state: Option<String>,
    /// When it ended, Unix seconds.
    pub last_run_endtime: Option<i64>,
    /// When the next is due, Unix seconds.
    pub next_run: Option<i64>,
    /// When it is run.
    pub schedule: Option<String>,
}

/// How full one datastore is, and what is in it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatastoreStatus {
    /// Size in bytes.
    pub total: u64,
    /// Bytes in use.
    pub used: u64,
    /// Bytes left.
    pub avail: u64,
    /// Backups by kind, when they were asked for.
    pub counts: Option<Counts>,
    /// The last collection of garbage, when it was asked for.
    pub gc_status: Option<GarbageStatus>,
}

/// What is going on in a datastore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ActiveOperations {
    /// How many read.
    pub read: i64,
    /// How many write.
    pub write: i64,
}

/// Backups by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Of virtual machines.
    pub vm: Option<Count>,
    /// Of containers.
    pub ct: Option<Count>,
    /// Of hosts.
    pub host: Option<Count>,
    /// Of other things.
    pub other: Option<Count>,
}

/// How many backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Count {
    /// Groups.
    pub groups: u64,
    /// Snapshots.
    pub snapshots: u64,
}

params! {
    /// In which detail.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct StatusDetail {
        /// With counts and garbage.
        verbose: Switch = "verbose",
    }
}

calls! { Pbs:
    LIST "datastores().list" = Get "/admin/datastore" () -> Vec<DatastoreRow>;
    USAGE "datastores().usage" = Get "/status/datastore-usage" () -> Vec<DatastoreUsage>;
    STATUS "datastore(s).status" = Get "/admin/datastore/{store}/status" (StatusDetail) -> DatastoreStatus;
    ACTIVE "datastore(s).active_operations" = Get "/admin/datastore/{store}/active-operations" () -> Option<ActiveOperations>;
}

impl Datastores<'_> {
    /// The datastores that the caller may see.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn list(&self) -> Result<Vec<DatastoreRow>> {
        self.connection.send(&LIST, &[], &()).await
    }

    /// How full they are.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn usage(&self) -> Result<Vec<DatastoreUsage>> {
        self.connection.send(&USAGE, &[], &()).await
    }
}

impl Datastore<'_> {
    pub(super) fn handle(&self, upid: Upid) -> TaskHandle {
        TaskHandle::new(self.connection.clone(), upid)
    }

    /// How full it is, and what is in it.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn status(&self) -> Result<DatastoreStatus> {
        self.connection.send(&STATUS, &[self.name], &StatusDetail { verbose: Switch::On }).await
    }

    /// What is going on in it.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn active_operations(&self) -> Result<Option<ActiveOperations>> {
        self.connection.send(&ACTIVE, &[self.name], &()).await
    }
}
