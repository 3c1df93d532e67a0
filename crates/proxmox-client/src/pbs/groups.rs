//! Groups: all backups of one guest or host. Who made the first owns them all.

use serde::Deserialize;

use super::datastores::Datastore;
use super::namespaces::Namespace;
use crate::call::calls;
use crate::error::Result;
use crate::ids::AuthId;
use crate::params::{nested, params, words};

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

    /// Which groups.
    #[derive(Debug, Clone, Default)]
    pub struct GroupFilter {
        /// Those of this namespace.
        ns: Namespace = "ns",
    }

    /// Notes of a group.
    #[derive(Debug, Clone)]
    pub struct SetGroupNotes {
        /// Which.
        group: GroupId = "",
        /// The text.
        notes: String = "notes",
    }

    /// A new owner of a group.
    #[derive(Debug, Clone)]
    pub struct ChangeOwner {
        /// Which.
        group: GroupId = "",
        /// Who shall own it.
        new_owner: AuthId = "new-owner",
    }
}

nested!(GroupId);

impl GroupId {
    /// The group of a guest or host (`vm`, `100`) in a namespace.
    #[must_use]
    pub fn new(ns: Namespace, backup_type: BackupType, backup_id: &str) -> Self {
        Self { ns, backup_type, backup_id: backup_id.to_owned() }
    }
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

/// What became of a group that was removed (PBS 4; nothing is told before).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct RemovedGroup {
    /// Groups that are gone: it, or none when backups in it are protected.
    pub removed_groups: u64,
    /// Backups that are gone.
    pub removed_snapshots: u64,
    /// Backups that are left because they are protected.
    pub protected_snapshots: u64,
}

calls! { Pbs:
    GROUPS "datastore(s).groups" = Get "/admin/datastore/{store}/groups" (GroupFilter) -> Vec<GroupRow>;
    DELETE_GROUP "datastore(s).delete_group" = Delete "/admin/datastore/{store}/groups" (GroupId) -> Option<RemovedGroup>;
    GROUP_NOTES "datastore(s).group_notes" = Get "/admin/datastore/{store}/group-notes" (GroupId) -> String;
    SET_GROUP_NOTES "datastore(s).set_group_notes" = Put "/admin/datastore/{store}/group-notes" (SetGroupNotes) -> ();
    CHANGE_OWNER "datastore(s).change_owner" = Post "/admin/datastore/{store}/change-owner" (ChangeOwner) -> ();
}

impl Datastore<'_> {
    /// The groups of a namespace that the caller may see: its own, or all with Datastore.Audit.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn groups(&self, namespace: &Namespace) -> Result<Vec<GroupRow>> {
        self.connection.send(&GROUPS, &[self.name], &GroupFilter { ns: namespace.clone() }).await
    }

    /// Removes a group with all backups in it but protected ones. What was removed is told by PBS 4 only.
    ///
    /// # Errors
    /// Any failure of the call; 400 when backups in it are protected (the others are gone then).
    pub async fn delete_group(&self, group: &GroupId) -> Result<Option<RemovedGroup>> {
        self.connection.send(&DELETE_GROUP, &[self.name], group).await
    }

    /// The notes of a group.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn group_notes(&self, group: &GroupId) -> Result<String> {
        self.connection.send(&GROUP_NOTES, &[self.name], group).await
    }

    /// Sets the notes of a group.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_group_notes(&self, group: &GroupId, notes: &str) -> Result<()> {
        let change = SetGroupNotes { group: group.clone(), notes: notes.to_owned() };
        self.connection.send(&SET_GROUP_NOTES, &[self.name], &change).await
    }

    /// Gives a group to somebody else.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn change_owner(&self, group: &GroupId, new_owner: &AuthId) -> Result<()> {
        let change = ChangeOwner { group: group.clone(), new_owner: new_owner.clone() };
        self.connection.send(&CHANGE_OWNER, &[self.name], &change).await
    }
}
