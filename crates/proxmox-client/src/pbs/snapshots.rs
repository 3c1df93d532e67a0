//! Snapshots: single backups, their files, notes and protection.

use serde::Deserialize;

use super::datastores::Datastore;
use super::groups::{BackupType, GroupId};
use super::namespaces::Namespace;
use crate::call::calls;
use crate::error::Result;
use crate::params::{ParamSet, Params, nested, params, words};
use crate::transport::Download;

words! {
    /// What verifying found.
    pub enum VerifyState {
        /// All is there.
        Ok = "ok",
        /// Something is broken or missing.
        Failed = "failed",
    }
}

params! {
    /// One backup.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SnapshotId {
        /// What it is a backup of.
        group: GroupId = "",
        /// When, Unix seconds.
        time: i64 = "backup-time",
    }

    /// Which backups.
    #[derive(Debug, Clone, Default)]
    pub struct SnapshotFilter {
        /// Those of this namespace.
        ns: Namespace = "ns",
        /// Only of this kind.
        backup_type: Option<BackupType> = "backup-type",
        /// Only of this guest or host.
        backup_id: Option<String> = "backup-id",
    }

    /// Notes of a backup.
    #[derive(Debug, Clone)]
    pub struct SetNotes {
        /// Which.
        snapshot: SnapshotId = "",
        /// The text.
        notes: String = "notes",
    }

    /// Protection of a backup.
    #[derive(Debug, Clone)]
    pub struct SetProtected {
        /// Which.
        snapshot: SnapshotId = "",
        /// Whether it is kept by pruning and cannot be removed.
        protected: bool = "protected",
    }

    /// A file of a backup to read.
    #[derive(Debug, Clone)]
    pub struct DownloadFile {
        /// Which backup.
        snapshot: SnapshotId = "",
        /// The file's name.
        file_name: String = "file-name",
    }
}

nested!(SnapshotId);

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BackupFile {
    /// Its name.
    pub filename: String,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// `none`, `encrypt` or `sign-only`.
    pub crypt_mode: Option<String>,
}

/// The last verification of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Verification {
    /// What it found.
    pub state: VerifyState,
    /// Its task.
    pub upid: Option<String>,
}

/// A backup as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SnapshotRow {
    /// What was backed up.
    pub backup_type: BackupType,
    /// Its number or name.
    pub backup_id: String,
    /// When, Unix seconds.
    pub backup_time: i64,
    /// Its files.
    #[serde(default)]
    pub files: Vec<BackupFile>,
    /// Its size in bytes, without sharing.
    pub size: Option<u64>,
    /// Who made it: a user or token.
    pub owner: Option<String>,
    /// Whether it is kept by pruning and cannot be removed.
    #[serde(default)]
    pub protected: bool,
    /// The first line of its notes.
    pub comment: Option<String>,
    /// The key it is encrypted with.
    pub fingerprint: Option<String>,
    /// The last verification.
    pub verification: Option<Verification>,
}

impl SnapshotRow {
    /// Its id, in the namespace that was listed.
    #[must_use]
    pub fn id(&self, ns: &Namespace) -> SnapshotId {
        let group = GroupId::new(ns.clone(), self.backup_type.clone(), &self.backup_id);
        SnapshotId { group, time: self.backup_time }
    }
}

calls! { Pbs:
    SNAPSHOTS "datastore(s).snapshots" = Get "/admin/datastore/{store}/snapshots" (SnapshotFilter) -> Vec<SnapshotRow>;
    DELETE_SNAPSHOT "datastore(s).delete_snapshot" = Delete "/admin/datastore/{store}/snapshots" (SnapshotId) -> ();
    FILES "datastore(s).files" = Get "/admin/datastore/{store}/files" (SnapshotId) -> Vec<BackupFile>;
    NOTES "datastore(s).notes" = Get "/admin/datastore/{store}/notes" (SnapshotId) -> String;
    SET_NOTES "datastore(s).set_notes" = Put "/admin/datastore/{store}/notes" (SetNotes) -> ();
    PROTECTED "datastore(s).is_protected" = Get "/admin/datastore/{store}/protected" (SnapshotId) -> bool;
    SET_PROTECTED "datastore(s).set_protected" = Put "/admin/datastore/{store}/protected" (SetProtected) -> ();
    DOWNLOAD "datastore(s).download" = Get "/admin/datastore/{store}/download" (DownloadFile) -> serde_json::Value;
}

impl Datastore<'_> {
    /// The backups that the caller may see.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn snapshots(&self, filter: &SnapshotFilter) -> Result<Vec<SnapshotRow>> {
        self.connection.send(&SNAPSHOTS, &[self.name], filter).await
    }

    /// Removes a backup. Its space returns after garbage was collected.
    ///
    /// # Errors
    /// Any failure of the call; 400 for a protected one.
    pub async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        self.connection.send(&DELETE_SNAPSHOT, &[self.name], snapshot).await
    }

    /// The files of a backup.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn files(&self, snapshot: &SnapshotId) -> Result<Vec<BackupFile>> {
        self.connection.send(&FILES, &[self.name], snapshot).await
    }

    /// The notes of a backup.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn notes(&self, snapshot: &SnapshotId) -> Result<String> {
        self.connection.send(&NOTES, &[self.name], snapshot).await
    }

    /// Sets the notes of a backup.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_notes(&self, snapshot: &SnapshotId, notes: &str) -> Result<()> {
        let change = SetNotes { snapshot: snapshot.clone(), notes: notes.to_owned() };
        self.connection.send(&SET_NOTES, &[self.name], &change).await
    }

    /// Whether a backup is protected.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn is_protected(&self, snapshot: &SnapshotId) -> Result<bool> {
        self.connection.send(&PROTECTED, &[self.name], snapshot).await
    }

    /// Protects a backup, or no longer.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_protected(&self, snapshot: &SnapshotId, protected: bool) -> Result<()> {
        let change = SetProtected { snapshot: snapshot.clone(), protected };
        self.connection.send(&SET_PROTECTED, &[self.name], &change).await
    }

    /// Reads a file of a backup as it is stored, streaming.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn download(&self, snapshot: &SnapshotId, file_name: &str) -> Result<Download> {
        let mut out = Params::new();
        DownloadFile { snapshot: snapshot.clone(), file_name: file_name.to_owned() }.put(&mut out);
        self.connection.download(&DOWNLOAD.call, &[self.name], &out).await
    }
}
