//! What the cluster does by itself: backups and replication by schedule.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Cluster;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{PoolId, Vmid};
use crate::params::{Switch, TextList, params};
use crate::pve::nodes::{Compression, VzdumpMode};

/// A backup by schedule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BackupJob {
    /// Its id.
    pub id: String,
    /// Whether it runs; it does when this is missing.
    pub enabled: Option<bool>,
    /// When (a calendar event).
    pub schedule: Option<String>,
    /// When it runs next, Unix seconds.
    pub next_run: Option<u64>,
    /// Where backups go.
    pub storage: Option<String>,
    /// Which guests.
    #[serde(default)]
    pub vmid: TextList,
    /// Whether all of them.
    #[serde(default)]
    pub all: bool,
    /// Which not.
    #[serde(default)]
    pub exclude: TextList,
    /// Guests of which pool.
    pub pool: Option<PoolId>,
    /// Guests on which node.
    pub node: Option<String>,
    /// How.
    pub mode: Option<VzdumpMode>,
    /// How it is compressed.
    pub compress: Option<String>,
    /// What is kept: text or an object.
    pub prune_backups: Option<Value>,
    /// Remark.
    pub comment: Option<String>,
    /// Whether it runs late when its time was missed.
    pub repeat_missed: Option<bool>,
    /// What there is beside.
    #[serde(flatten)]
    pub further: BTreeMap<String, Value>,
}

params! {
    /// A new backup by schedule.
    #[derive(Debug, Clone, Default)]
    pub struct CreateBackupJob {
        /// Its id; made up unless set.
        id: Option<String> = "id",
        /// When (a calendar event, `sun 02:00`).
        schedule: Option<String> = "schedule",
        /// Where backups go.
        storage: Option<String> = "storage",
        /// Which guests. One of this, `all` and `pool`.
        vmid: Vec<Vmid> = "vmid",
        /// Whether all of them.
        all: Switch = "all",
        /// Which not.
        exclude: Vec<Vmid> = "exclude",
        /// Guests of which pool.
        pool: Option<PoolId> = "pool",
        /// Guests on which node.
        node: Option<String> = "node",
        /// Whether it runs.
        enabled: Option<bool> = "enabled",
        /// How.
        mode: Option<VzdumpMode> = "mode",
        /// How it is compressed.
        compress: Option<Compression> = "compress",
        /// What is kept (`keep-last=3,keep-daily=7`).
        prune_backups: Option<String> = "prune-backups",
        /// Notes of the backups, with `{{guestname}}` and the like.
        notes_template: Option<String> = "notes-template",
        /// Remark.
        comment: Option<String> = "comment",
        /// Whether it runs late when its time was missed.
        repeat_missed: Switch = "repeat-missed",
    }

    /// A change of a backup by schedule.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateBackupJob {
        /// When (a calendar event).
        schedule: Option<String> = "schedule",
        /// Where backups go.
        storage: Option<String> = "storage",
        /// Which guests.
        vmid: Vec<Vmid> = "vmid",
        /// Guests of which pool.
        pool: Option<PoolId> = "pool",
        /// Whether it runs.
        enabled: Option<bool> = "enabled",
        /// How.
        mode: Option<VzdumpMode> = "mode",
        /// What is kept.
        prune_backups: Option<String> = "prune-backups",
        /// Remark.
        comment: Option<String> = "comment",
        /// Settings to remove.
        delete: Vec<String> = "delete",
    }
}

/// A guest that no job backs up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UncoveredGuest {
    /// Its number.
    pub vmid: Vmid,
    /// Its name.
    pub name: Option<String>,
    /// `qemu` or `lxc`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A replication by schedule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ReplicationJob {
    /// Its id, `VMID-NUMBER`.
    pub id: String,
    /// The guest.
    pub guest: Option<Vmid>,
    /// The node it goes to.
    pub target: Option<String>,
    /// The node it comes from.
    pub source: Option<String>,
    /// When (a calendar event).
    pub schedule: Option<String>,
    /// Whether it is switched off.
    #[serde(default)]
    pub disable: bool,
    /// Limit, MB/s.
    pub rate: Option<f64>,
    /// Remark.
    pub comment: Option<String>,
    /// Whether it is about to be removed.
    pub remove_job: Option<String>,
}

calls! { Pve:
    BACKUPS "cluster().backup_jobs" = Get "/cluster/backup" () -> Vec<BackupJob>;
    BACKUP "cluster().backup_job" = Get "/cluster/backup/{id}" () -> BackupJob;
    CREATE_BACKUP "cluster().create_backup_job" = Post "/cluster/backup" (CreateBackupJob) -> ();
    UPDATE_BACKUP "cluster().update_backup_job" = Put "/cluster/backup/{id}" (UpdateBackupJob) -> ();
    DELETE_BACKUP "cluster().delete_backup_job" = Delete "/cluster/backup/{id}" () -> ();
    UNCOVERED "cluster().guests_without_backup" = Get "/cluster/backup-info/not-backed-up" () -> Vec<UncoveredGuest>;
    REPLICATIONS "cluster().replication_jobs" = Get "/cluster/replication" () -> Vec<ReplicationJob>;
    REPLICATION "cluster().replication_job" = Get "/cluster/replication/{id}" () -> ReplicationJob;
}

impl Cluster<'_> {
    /// The backups by schedule.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn backup_jobs(&self) -> Result<Vec<BackupJob>> {
        self.connection.send(&BACKUPS, &[], &()).await
    }

    /// One backup by schedule.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn backup_job(&self, id: &str) -> Result<BackupJob> {
        self.connection.send(&BACKUP, &[id], &()).await
    }

    /// Makes a backup by schedule.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_backup_job(&self, params: &CreateBackupJob) -> Result<()> {
        self.connection.send(&CREATE_BACKUP, &[], params).await
    }

    /// Changes a backup by schedule.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_backup_job(&self, id: &str, change: &UpdateBackupJob) -> Result<()> {
        self.connection.send(&UPDATE_BACKUP, &[id], change).await
    }

    /// Removes a backup by schedule.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_backup_job(&self, id: &str) -> Result<()> {
        self.connection.send(&DELETE_BACKUP, &[id], &()).await
    }

    /// The guests that no job backs up.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn guests_without_backup(&self) -> Result<Vec<UncoveredGuest>> {
        self.connection.send(&UNCOVERED, &[], &()).await
    }

    /// The replications by schedule.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn replication_jobs(&self) -> Result<Vec<ReplicationJob>> {
        self.connection.send(&REPLICATIONS, &[], &()).await
    }

    /// One replication by schedule.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn replication_job(&self, id: &str) -> Result<ReplicationJob> {
        self.connection.send(&REPLICATION, &[id], &()).await
    }
}
