//! Backups by schedule.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Cluster;
use crate::call::{Param, calls};
use crate::error::Result;
use crate::ids::{PoolId, Vmid};
use crate::params::{Field, Kind, Params, Switch, TextList, params};
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

/// Which guests a job backs up. One of these, never two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobSelection {
    /// These.
    Guests(Vec<Vmid>),
    /// All but these.
    AllBut(Vec<Vmid>),
    /// Those of a pool.
    Pool(PoolId),
}

impl Field for JobSelection {
    const KIND: Kind = Kind::Text;
    fn describe(_: &'static str) -> Vec<Param> {
        let param = |name, kind| Param { name, kind, required: false, choices: &[] };
        vec![
            param("vmid", Kind::Text),
            param("all", Kind::Boolean),
            param("exclude", Kind::Text),
            param("pool", Kind::Text),
        ]
    }
    fn put(&self, _: &str, out: &mut Params) {
        match self {
            Self::Guests(guests) => guests.put("vmid", out),
            Self::AllBut(exclude) => {
                true.put("all", out);
                exclude.put("exclude", out);
            }
            Self::Pool(pool) => pool.put("pool", out),
        }
    }
}

params! {
    /// A new backup by schedule.
    #[derive(Debug, Clone)]
    pub struct CreateBackupJob {
        /// Its id; made up unless set.
        id: Option<String> = "id",
        /// When (a calendar event, `sun 02:00`).
        schedule: Option<String> = "schedule",
        /// Where backups go.
        storage: Option<String> = "storage",
        /// Which guests.
        guests: JobSelection = "",
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
        guests: Option<JobSelection> = "",
        /// Guests on which node.
        node: Option<String> = "node",
        /// Whether it runs.
        enabled: Option<bool> = "enabled",
        /// How.
        mode: Option<VzdumpMode> = "mode",
        /// How it is compressed.
        compress: Option<Compression> = "compress",
        /// What is kept.
        prune_backups: Option<String> = "prune-backups",
        /// Notes of the backups, with `{{guestname}}` and the like.
        notes_template: Option<String> = "notes-template",
        /// Remark.
        comment: Option<String> = "comment",
        /// Whether it runs late when its time was missed.
        repeat_missed: Option<bool> = "repeat-missed",
        /// Settings to remove.
        delete: Vec<String> = "delete",
    }
}

impl CreateBackupJob {
    /// Backs up these guests to a storage at a time (a calendar event), everything else as the server likes.
    #[must_use]
    pub fn new(guests: JobSelection, storage: &str, schedule: &str) -> Self {
        Self {
            id: None,
            schedule: Some(schedule.to_owned()),
            storage: Some(storage.to_owned()),
            guests,
            node: None,
            enabled: None,
            mode: None,
            compress: None,
            prune_backups: None,
            notes_template: None,
            comment: None,
            repeat_missed: Switch::Off,
        }
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

/// A node of the tree of what a job backs up: the tree itself, a guest, or a volume of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CoveredVolume {
    /// The guest's number or the volume's name; not at the top.
    pub id: Option<String>,
    /// The guest's or volume's name.
    pub name: Option<String>,
    /// `qemu`, `lxc` (guests).
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Whether the volume is in the backup (volumes).
    pub included: Option<bool>,
    /// Why, or why not (volumes).
    pub reason: Option<String>,
    /// What is below it.
    #[serde(default)]
    pub children: Vec<CoveredVolume>,
}

calls! { Pve:
    BACKUPS "cluster().backup_jobs" = Get "/cluster/backup" () -> Vec<BackupJob>;
    BACKUP "cluster().backup_job" = Get "/cluster/backup/{id}" () -> BackupJob;
    CREATE_BACKUP "cluster().create_backup_job" = Post "/cluster/backup" (CreateBackupJob) -> ();
    UPDATE_BACKUP "cluster().update_backup_job" = Put "/cluster/backup/{id}" (UpdateBackupJob) -> ();
    DELETE_BACKUP "cluster().delete_backup_job" = Delete "/cluster/backup/{id}" () -> ();
    VOLUMES "cluster().backup_job_volumes" = Get "/cluster/backup/{id}/included_volumes" () -> CoveredVolume;
    UNCOVERED "cluster().guests_without_backup" = Get "/cluster/backup-info/not-backed-up" () -> Vec<UncoveredGuest>;
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

    /// Which volumes a job backs up, and why not the others.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn backup_job_volumes(&self, id: &str) -> Result<CoveredVolume> {
        self.connection.send(&VOLUMES, &[id], &()).await
    }

    /// The guests that no job backs up.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn guests_without_backup(&self) -> Result<Vec<UncoveredGuest>> {
        self.connection.send(&UNCOVERED, &[], &()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::ParamSet;

    #[test]
    fn a_job_selects_in_one_way() {
        let sent = |guests| {
            let mut out = Params::new();
            CreateBackupJob::new(guests, "local", "daily").put(&mut out);
            out.encode()
        };
        assert_eq!(sent(JobSelection::AllBut(vec![Vmid::MIN])), "schedule=daily&storage=local&all=1&exclude=100");
        assert_eq!(sent(JobSelection::Pool("a/b".parse().unwrap())), "schedule=daily&storage=local&pool=a%2Fb");
        assert_eq!(sent(JobSelection::Guests(vec![Vmid::MIN])), "schedule=daily&storage=local&vmid=100");
    }
}
