//! What is in a datastore: namespaces, groups, snapshots, and what can be done with them.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::datastores::{Datastore, GarbageStatus};
use crate::call::calls;
use crate::error::Result;
use crate::ids::{AuthId, InvalidId, Upid, is_safe_id, serde_as_text};
use crate::params::{Field, Kind, ParamSet, Params, Switch, params, words};
use crate::tasks::TaskHandle;
use crate::transport::Download;

/// A namespace: parts joined by slashes, at most seven. The root is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Namespace(String);

impl Namespace {
    /// The root.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Whether it is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The namespace it is in, and its name there; `None` for the root.
    #[must_use]
    pub fn split(&self) -> Option<(Self, &str)> {
        match self.0.rsplit_once('/') {
            Some((parent, name)) => Some((Self(parent.to_owned()), name)),
            None => (!self.is_root()).then(|| (Self::root(), self.0.as_str())),
        }
    }
}

impl FromStr for Namespace {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() {
            return Ok(Self::root());
        }
        if text.len() > 256 || text.split('/').count() > 7 {
            return Err(InvalidId::new("namespace", text, "is longer than 256 bytes or deeper than 7 levels"));
        }
        if !text.split('/').all(|part| is_safe_id(part) && !part.starts_with(['.', '-'])) {
            return Err(InvalidId::new("namespace", text, "each level must be letters, digits, '.', '-' and '_'"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Namespace);

/// The root is not written.
impl Field for Namespace {
    const KIND: Kind = Kind::Text;
    const REQUIRED: bool = false;
    fn put(&self, name: &str, out: &mut Params) {
        if !self.is_root() {
            out.push(name, self.0.as_str());
        }
    }
}

words! {
    /// What was backed up.
    pub enum BackupType {
        /// A virtual machine.
        Vm = "vm",
        /// A container.
        Ct = "ct",
        /// A host.
        Host = "host",
    }

    /// What verifying found.
    pub enum VerifyState {
        /// All is there.
        Ok = "ok",
        /// Something is broken or missing.
        Failed = "failed",
    }
}

params! {
    /// A group of backups: all of one guest or host.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct GroupId {
        /// Its namespace.
        ns: Namespace = "ns",
        /// What was backed up.
        backup_type: BackupType = "backup-type",
        /// Its number or name.
        backup_id: String = "backup-id",
    }

    /// One backup.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SnapshotId {
        /// Its namespace.
        ns: Namespace = "ns",
        /// What was backed up.
        backup_type: BackupType = "backup-type",
        /// Its number or name.
        backup_id: String = "backup-id",
        /// When, Unix seconds.
        backup_time: i64 = "backup-time",
    }

    /// Which namespaces.
    #[derive(Debug, Clone, Default)]
    pub struct NamespaceFilter {
        /// Those below this one.
        parent: Namespace = "parent",
        /// How deep below it.
        max_depth: Option<u8> = "max-depth",
    }

    /// A new namespace.
    #[derive(Debug, Clone)]
    pub struct CreateNamespace {
        /// Its name in its parent.
        name: String = "name",
        /// The namespace it is made in.
        parent: Namespace = "parent",
    }

    /// A namespace to remove.
    #[derive(Debug, Clone)]
    pub struct DeleteNamespace {
        /// Which.
        ns: String = "ns",
        /// Whether the groups in it are removed too.
        delete_groups: Switch = "delete-groups",
    }

    /// Which groups.
    #[derive(Debug, Clone, Default)]
    pub struct GroupFilter {
        /// Those of this namespace.
        ns: Namespace = "ns",
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
        /// Its namespace.
        ns: Namespace = "ns",
        /// What was backed up.
        backup_type: BackupType = "backup-type",
        /// Its number or name.
        backup_id: String = "backup-id",
        /// When, Unix seconds.
        backup_time: i64 = "backup-time",
        /// The text.
        notes: String = "notes",
    }

    /// Protection of a backup.
    #[derive(Debug, Clone)]
    pub struct SetProtected {
        /// Its namespace.
        ns: Namespace = "ns",
        /// What was backed up.
        backup_type: BackupType = "backup-type",
        /// Its number or name.
        backup_id: String = "backup-id",
        /// When, Unix seconds.
        backup_time: i64 = "backup-time",
        /// Whether it is kept by pruning and cannot be removed.
        protected: bool = "protected",
    }

    /// A new owner of a group.
    #[derive(Debug, Clone)]
    pub struct ChangeOwner {
        /// Its namespace.
        ns: Namespace = "ns",
        /// What was backed up.
        backup_type: BackupType = "backup-type",
        /// Its number or name.
        backup_id: String = "backup-id",
        /// Who shall own it.
        new_owner: AuthId = "new-owner",
    }

    /// How to prune a group. Without any number everything is kept.
    #[derive(Debug, Clone)]
    pub struct PruneGroup {
        /// Its namespace.
        ns: Namespace = "ns",
        /// What was backed up.
        backup_type: BackupType = "backup-type",
        /// Its number or name.
        backup_id: String = "backup-id",
        /// How many of the latest to keep.
        keep_last: Option<u64> = "keep-last",
        /// One an hour, for so many hours.
        keep_hourly: Option<u64> = "keep-hourly",
        /// One a day, for so many days.
        keep_daily: Option<u64> = "keep-daily",
        /// One a week, for so many weeks.
        keep_weekly: Option<u64> = "keep-weekly",
        /// One a month, for so many months.
        keep_monthly: Option<u64> = "keep-monthly",
        /// One a year, for so many years.
        keep_yearly: Option<u64> = "keep-yearly",
        /// Whether only to say what would go.
        dry_run: Switch = "dry-run",
    }

    /// How to prune a whole datastore or namespace. Without any number everything is kept.
    #[derive(Debug, Clone, Default)]
    pub struct PruneDatastore {
        /// The namespace.
        ns: Namespace = "ns",
        /// How many levels below it too.
        max_depth: Option<u8> = "max-depth",
        /// How many of the latest to keep.
        keep_last: Option<u64> = "keep-last",
        /// One an hour, for so many hours.
        keep_hourly: Option<u64> = "keep-hourly",
        /// One a day, for so many days.
        keep_daily: Option<u64> = "keep-daily",
        /// One a week, for so many weeks.
        keep_weekly: Option<u64> = "keep-weekly",
        /// One a month, for so many months.
        keep_monthly: Option<u64> = "keep-monthly",
        /// One a year, for so many years.
        keep_yearly: Option<u64> = "keep-yearly",
        /// Whether only to say what would go.
        dry_run: Switch = "dry-run",
    }

    /// A file of a backup to read.
    #[derive(Debug, Clone)]
    pub struct DownloadFile {
        /// Its namespace.
        ns: Namespace = "ns",
        /// What was backed up.
        backup_type: BackupType = "backup-type",
        /// Its number or name.
        backup_id: String = "backup-id",
        /// When, Unix seconds.
        backup_time: i64 = "backup-time",
        /// The file's name.
        file_name: String = "file-name",
    }

    /// What to verify: everything, a namespace, a group or one backup.
    #[derive(Debug, Clone, Default)]
    pub struct Verify {
        /// The namespace.
        ns: Namespace = "ns",
        /// How many levels below it too.
        max_depth: Option<u8> = "max-depth",
        /// What was backed up.
        backup_type: Option<BackupType> = "backup-type",
        /// Its number or name.
        backup_id: Option<String> = "backup-id",
        /// When, Unix seconds.
        backup_time: Option<i64> = "backup-time",
        /// Whether those verified before are passed over; they are unless this is off.
        ignore_verified: Option<bool> = "ignore-verified",
        /// Days after which they are not.
        outdated_after: Option<u64> = "outdated-after",
    }
}

/// A namespace as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamespaceRow {
    /// Which.
    pub ns: Namespace,
    /// Remark.
    pub comment: Option<String>,
}

/// A group as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GroupRow {
    /// What was backed up.
    pub backup_type: BackupType,
    /// Its number or name.
    pub backup_id: String,
    /// How many backups.
    pub backup_count: u64,
    /// When the latest was made, Unix seconds.
    pub last_backup: i64,
    /// Files of the latest.
    #[serde(default)]
    pub files: Vec<String>,
    /// Who made it, and may use it: a user or token.
    pub owner: Option<String>,
    /// Remark.
    pub comment: Option<String>,
}

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

/// What pruning does with a backup.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PruneRow {
    /// What was backed up.
    pub backup_type: BackupType,
    /// Its number or name.
    pub backup_id: String,
    /// When, Unix seconds.
    pub backup_time: i64,
    /// Whether it stays.
    pub keep: bool,
    /// Whether that is because it is protected.
    #[serde(default)]
    pub protected: bool,
}

calls! { Pbs:
    NAMESPACES "datastore(s).namespaces" = Get "/admin/datastore/{store}/namespace" (NamespaceFilter) -> Vec<NamespaceRow>;
    CREATE_NAMESPACE "datastore(s).create_namespace" = Post "/admin/datastore/{store}/namespace" (CreateNamespace) -> Option<Namespace>;
    DELETE_NAMESPACE "datastore(s).delete_namespace" = Delete "/admin/datastore/{store}/namespace" (DeleteNamespace) -> ();
    GROUPS "datastore(s).groups" = Get "/admin/datastore/{store}/groups" (GroupFilter) -> Vec<GroupRow>;
    DELETE_GROUP "datastore(s).delete_group" = Delete "/admin/datastore/{store}/groups" (GroupId) -> ();
    GROUP_NOTES "datastore(s).group_notes" = Get "/admin/datastore/{store}/group-notes" (GroupId) -> String;
    CHANGE_OWNER "datastore(s).change_owner" = Post "/admin/datastore/{store}/change-owner" (ChangeOwner) -> ();
    SNAPSHOTS "datastore(s).snapshots" = Get "/admin/datastore/{store}/snapshots" (SnapshotFilter) -> Vec<SnapshotRow>;
    DELETE_SNAPSHOT "datastore(s).delete_snapshot" = Delete "/admin/datastore/{store}/snapshots" (SnapshotId) -> ();
    FILES "datastore(s).files" = Get "/admin/datastore/{store}/files" (SnapshotId) -> Vec<BackupFile>;
    NOTES "datastore(s).notes" = Get "/admin/datastore/{store}/notes" (SnapshotId) -> String;
    SET_NOTES "datastore(s).set_notes" = Put "/admin/datastore/{store}/notes" (SetNotes) -> ();
    PROTECTED "datastore(s).is_protected" = Get "/admin/datastore/{store}/protected" (SnapshotId) -> bool;
    SET_PROTECTED "datastore(s).set_protected" = Put "/admin/datastore/{store}/protected" (SetProtected) -> ();
    PRUNE_GROUP "datastore(s).prune_group" = Post "/admin/datastore/{store}/prune" (PruneGroup) -> Vec<PruneRow>;
    PRUNE "datastore(s).prune" = Post "/admin/datastore/{store}/prune-datastore" (PruneDatastore) -> Upid;
    GC "datastore(s).collect_garbage" = Post "/admin/datastore/{store}/gc" () -> Upid;
    GC_STATUS "datastore(s).garbage" = Get "/admin/datastore/{store}/gc" () -> GarbageStatus;
    DOWNLOAD "datastore(s).download" = Get "/admin/datastore/{store}/download" (DownloadFile) -> serde_json::Value;
    VERIFY "datastore(s).verify" = Post "/admin/datastore/{store}/verify" (Verify) -> Upid;
}

impl Datastore<'_> {
    fn handle(&self, upid: Upid) -> TaskHandle {
        TaskHandle::new(self.connection.clone(), upid)
    }

    /// The namespaces that the caller may see.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn namespaces(&self, filter: &NamespaceFilter) -> Result<Vec<NamespaceRow>> {
        self.connection.send(&NAMESPACES, &[self.name], filter).await
    }

    /// Makes a namespace; its parent has to exist.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_namespace(&self, namespace: &Namespace) -> Result<()> {
        let Some((parent, name)) = namespace.split() else { return Ok(()) };
        let params = CreateNamespace { name: name.to_owned(), parent };
        self.connection.send(&CREATE_NAMESPACE, &[self.name], &params).await.map(drop)
    }

    /// Removes a namespace, with the groups in it if told so.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_namespace(&self, namespace: &Namespace, delete_groups: Switch) -> Result<()> {
        let params = DeleteNamespace { ns: namespace.to_string(), delete_groups };
        self.connection.send(&DELETE_NAMESPACE, &[self.name], &params).await
    }

    /// The groups of a namespace that the caller may see: its own, or all with Datastore.Audit.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn groups(&self, namespace: &Namespace) -> Result<Vec<GroupRow>> {
        self.connection.send(&GROUPS, &[self.name], &GroupFilter { ns: namespace.clone() }).await
    }

    /// Removes a group with all backups in it but protected ones.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_group(&self, group: &GroupId) -> Result<()> {
        self.connection.send(&DELETE_GROUP, &[self.name], group).await
    }

    /// The notes of a group.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn group_notes(&self, group: &GroupId) -> Result<String> {
        self.connection.send(&GROUP_NOTES, &[self.name], group).await
    }

    /// Gives a group to somebody else.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn change_owner(&self, change: &ChangeOwner) -> Result<()> {
        self.connection.send(&CHANGE_OWNER, &[self.name], change).await
    }

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
    pub async fn set_notes(&self, change: &SetNotes) -> Result<()> {
        self.connection.send(&SET_NOTES, &[self.name], change).await
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
    pub async fn set_protected(&self, change: &SetProtected) -> Result<()> {
        self.connection.send(&SET_PROTECTED, &[self.name], change).await
    }

    /// Prunes one group at once, and says what became of each backup.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn prune_group(&self, params: &PruneGroup) -> Result<Vec<PruneRow>> {
        self.connection.send(&PRUNE_GROUP, &[self.name], params).await
    }

    /// Prunes everything.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn prune(&self, params: &PruneDatastore) -> Result<TaskHandle> {
        self.connection.send(&PRUNE, &[self.name], params).await.map(|upid| self.handle(upid))
    }

    /// Collects garbage: space of removed backups returns, not before a day has passed.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn collect_garbage(&self) -> Result<TaskHandle> {
        self.connection.send(&GC, &[self.name], &()).await.map(|upid| self.handle(upid))
    }

    /// The state of collecting garbage.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn garbage(&self) -> Result<GarbageStatus> {
        self.connection.send(&GC_STATUS, &[self.name], &()).await
    }

    /// Reads a file of a backup as it is stored, streaming.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn download(&self, params: &DownloadFile) -> Result<Download> {
        let mut out = Params::new();
        params.put(&mut out);
        self.connection.download(&DOWNLOAD.call, &[self.name], &out).await
    }

    /// Verifies backups. One that fails makes the task fail.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn verify(&self, params: &Verify) -> Result<TaskHandle> {
        self.connection.send(&VERIFY, &[self.name], params).await.map(|upid| self.handle(upid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_bounded() {
        let ns: Namespace = "a/b".parse().unwrap();
        assert_eq!(ns.split(), Some(("a".parse().unwrap(), "b")));
        assert_eq!("a".parse::<Namespace>().unwrap().split(), Some((Namespace::root(), "a")));
        assert_eq!(Namespace::root().split(), None);
        for bad in ["/", "a/", "a//b", "a b", "../x", "1/2/3/4/5/6/7/8"] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad}");
        }
    }
}
