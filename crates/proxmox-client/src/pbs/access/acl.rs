//! The ACL, the roles in it, and what follows from it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Access;
use crate::call::{Param, calls};
use crate::error::Result;
use crate::ids::{AclPath, AuthId, InvalidId};
use crate::params::{Field, Kind, Params, Switch, params, words};
use crate::permissions::{AclEntry, AclSubject};

words! {
    /// Whom an entry names.
    pub enum PbsSubjectKind {
        /// A user or token.
        User = "user",
        /// A group.
        Group = "group",
    }

    /// The roles of a backup server; there are no others.
    pub enum PbsRole {
        /// Everything.
        Admin = "Admin",
        /// Seeing everything.
        Audit = "Audit",
        /// Nothing, whatever else is given.
        NoAccess = "NoAccess",
        /// Everything on datastores but making them.
        DatastoreAdmin = "DatastoreAdmin",
        /// Reading and verifying backups.
        DatastoreReader = "DatastoreReader",
        /// Making and reading own backups.
        DatastoreBackup = "DatastoreBackup",
        /// The same, and pruning own backups.
        DatastorePowerUser = "DatastorePowerUser",
        /// Seeing datastores.
        DatastoreAudit = "DatastoreAudit",
        /// Seeing remotes.
        RemoteAudit = "RemoteAudit",
        /// Changing remotes.
        RemoteAdmin = "RemoteAdmin",
        /// Pulling from remotes.
        RemoteSyncOperator = "RemoteSyncOperator",
        /// Pushing to remotes.
        RemoteSyncPushOperator = "RemoteSyncPushOperator",
        /// Pushing to remotes and pruning there.
        RemoteDatastorePowerUser = "RemoteDatastorePowerUser",
        /// Everything on datastores of remotes.
        RemoteDatastoreAdmin = "RemoteDatastoreAdmin",
        /// Seeing tapes.
        TapeAudit = "TapeAudit",
        /// Changing tapes.
        TapeAdmin = "TapeAdmin",
        /// Writing tapes.
        TapeOperator = "TapeOperator",
        /// Reading tapes.
        TapeReader = "TapeReader",
    }
}

/// A row of the ACL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct PbsAclRow {
    /// Where.
    pub path: AclPath,
    /// Which kind of subject.
    pub ugid_type: PbsSubjectKind,
    /// The user, token or group.
    pub ugid: String,
    /// The role.
    pub roleid: PbsRole,
    /// Whether it holds below the path too.
    #[serde(default)]
    pub propagate: bool,
}

impl PbsAclRow {
    /// The row as an entry of the permission maths.
    ///
    /// # Errors
    /// When the user or token is not a valid id.
    pub fn to_entry(&self) -> Result<AclEntry, InvalidId> {
        let subject = match self.ugid_type {
            PbsSubjectKind::Group => AclSubject::Group(self.ugid.clone()),
            _ => self.ugid.parse::<AuthId>()?.into(),
        };
        Ok(AclEntry { path: self.path.clone(), subject, role: self.roleid.to_string(), propagate: self.propagate })
    }
}

/// A role and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PbsRoleRow {
    /// Which.
    pub roleid: PbsRole,
    /// What it grants.
    #[serde(default)]
    pub privs: Vec<String>,
    /// Remark.
    pub comment: Option<String>,
}

/// Whom an entry is for: exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(pub AclSubject);

impl Field for Subject {
    const KIND: Kind = Kind::Text;
    fn describe(_: &'static str) -> Vec<Param> {
        ["auth-id", "group"].map(|name| Param { name, kind: Kind::Text, required: false, choices: &[] }).into()
    }
    fn put(&self, _: &str, out: &mut Params) {
        match &self.0 {
            AclSubject::Group(group) => group.put("group", out),
            other => out.push("auth-id", other.to_string()),
        }
    }
}

params! {
    /// A change of the ACL: one role for one subject.
    #[derive(Debug, Clone)]
    pub struct ChangePbsAcl {
        /// Where.
        path: AclPath = "path",
        /// Which role.
        role: PbsRole = "role",
        /// For whom.
        subject: Subject = "",
        /// Whether below the path too.
        propagate: Option<bool> = "propagate",
        /// Whether to take instead of give.
        delete: Switch = "delete",
    }

    /// Which part of the ACL.
    #[derive(Debug, Clone, Default)]
    pub struct ListPbsAcl {
        /// A path.
        path: Option<AclPath> = "path",
        /// Whether only entries on exactly that path.
        exact: Switch = "exact",
    }

    /// Whose permissions, and where.
    #[derive(Debug, Clone, Default)]
    pub struct PbsPermissionQuery {
        /// One path; without it all that matter.
        path: Option<AclPath> = "path",
        /// Another subject than the caller.
        auth_id: Option<AuthId> = "auth-id",
    }
}

calls! { Pbs:
    ACL "access().acl" = Get "/access/acl" (ListPbsAcl) -> Vec<PbsAclRow>;
    CHANGE_ACL "access().change_acl" = Put "/access/acl" (ChangePbsAcl) -> ();
    PERMISSIONS "access().permissions" = Get "/access/permissions" (PbsPermissionQuery) -> BTreeMap<String, BTreeMap<String, bool>>;
    ROLES "access().roles" = Get "/access/roles" () -> Vec<PbsRoleRow>;
}

impl Access<'_> {
    /// The ACL, as far as the caller may see it.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn acl(&self) -> Result<Vec<PbsAclRow>> {
        self.connection.send(&ACL, &[], &ListPbsAcl::default()).await
    }

    /// Gives a role. It takes effect within five seconds.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn grant(&self, entry: &AclEntry) -> Result<()> {
        self.change_acl(entry, Switch::Off).await
    }

    /// Takes a role.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn revoke(&self, entry: &AclEntry) -> Result<()> {
        self.change_acl(entry, Switch::On).await
    }

    async fn change_acl(&self, entry: &AclEntry, delete: Switch) -> Result<()> {
        let change = ChangePbsAcl {
            path: entry.path.clone(),
            role: PbsRole::from(entry.role.as_str()),
            subject: Subject(entry.subject.clone()),
            propagate: Some(entry.propagate),
            delete,
        };
        self.connection.send(&CHANGE_ACL, &[], &change).await
    }

    /// What a subject may do: by path, the privileges, each with whether it holds below the path too.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn permissions(&self, query: &PbsPermissionQuery) -> Result<BTreeMap<String, BTreeMap<String, bool>>> {
        self.connection.send(&PERMISSIONS, &[], query).await
    }

    /// The roles of the server's version, with what each grants.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn roles(&self) -> Result<Vec<PbsRoleRow>> {
        self.connection.send(&ROLES, &[], &()).await
    }
}
