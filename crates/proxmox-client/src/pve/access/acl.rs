//! The ACL, and what follows from it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Access;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{AclPath, AuthId, InvalidId};
use crate::params::{Switch, params, words};
use crate::permissions::{AclEntry, AclSubject};

words! {
    /// Whom an entry names.
    pub enum AclKind {
        /// A user.
        User = "user",
        /// A group.
        Group = "group",
        /// A token.
        Token = "token",
    }
}

/// A row of the ACL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct AclRow {
    /// Where.
    pub path: AclPath,
    /// Which kind of subject.
    #[serde(rename = "type")]
    pub kind: AclKind,
    /// The user, group or token.
    pub ugid: String,
    /// The role.
    pub roleid: String,
    /// Whether it holds below the path too.
    #[serde(default)]
    pub propagate: bool,
}

impl AclRow {
    /// The row as an entry of the permission maths.
    ///
    /// # Errors
    /// When the user or token is not a valid id.
    pub fn to_entry(&self) -> Result<AclEntry, InvalidId> {
        let subject = match self.kind {
            AclKind::Group => AclSubject::Group(self.ugid.clone()),
            _ => self.ugid.parse::<AuthId>()?.into(),
        };
        Ok(AclEntry { path: self.path.clone(), subject, role: self.roleid.clone(), propagate: self.propagate })
    }
}

params! {
    /// A change of the ACL: the same roles for all subjects named, given or taken.
    #[derive(Debug, Clone)]
    pub struct AclChange {
        /// Where.
        path: AclPath = "path",
        /// Which roles.
        roles: Vec<String> = "roles",
        /// For which users.
        users: Vec<String> = "users",
        /// For which groups.
        groups: Vec<String> = "groups",
        /// For which tokens.
        tokens: Vec<String> = "tokens",
        /// Whether below the path too.
        propagate: Option<bool> = "propagate",
        /// Whether to take instead of give.
        delete: Switch = "delete",
    }

    /// Whose permissions, and where.
    #[derive(Debug, Clone, Default)]
    pub struct PermissionQuery {
        /// One path; without it all that matter.
        path: Option<AclPath> = "path",
        /// Another subject than the caller. Needs Sys.Audit on `/access` unless it is the caller's own token.
        userid: Option<AuthId> = "userid",
    }
}

impl AclChange {
    fn of(entry: &AclEntry, delete: Switch) -> Self {
        let mut change = Self {
            path: entry.path.clone(),
            roles: vec![entry.role.clone()],
            users: Vec::new(),
            groups: Vec::new(),
            tokens: Vec::new(),
            propagate: Some(entry.propagate),
            delete,
        };
        match &entry.subject {
            AclSubject::User(user) => change.users.push(user.to_string()),
            AclSubject::Group(group) => change.groups.push(group.clone()),
            AclSubject::Token(token) => change.tokens.push(token.to_string()),
        }
        change
    }
}

calls! { Pve:
    LIST "access().acl" = Get "/access/acl" () -> Vec<AclRow>;
    CHANGE "access().change_acl" = Put "/access/acl" (AclChange) -> ();
    PERMISSIONS "access().permissions" = Get "/access/permissions" (PermissionQuery) -> BTreeMap<String, BTreeMap<String, bool>>;
}

impl Access<'_> {
    /// The ACL, as far as the caller may see it.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn acl(&self) -> Result<Vec<AclRow>> {
        self.connection.send(&LIST, &[], &()).await
    }

    /// Gives a role; giving it again changes nothing but the propagation.
    ///
    /// # Errors
    /// Any failure of the call; 400 for a path the server does not know, 500 when subject or role does not exist.
    pub async fn grant(&self, entry: &AclEntry) -> Result<()> {
        self.change_acl(&AclChange::of(entry, Switch::Off)).await
    }

    /// Takes a role. Taking one that is not given is no error.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn revoke(&self, entry: &AclEntry) -> Result<()> {
        self.change_acl(&AclChange::of(entry, Switch::On)).await
    }

    /// Gives or takes roles of several subjects at once.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn change_acl(&self, change: &AclChange) -> Result<()> {
        self.connection.send(&CHANGE, &[], change).await
    }

    /// What a subject may do: by path, the privileges, each with whether it holds below the path too.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn permissions(&self, query: &PermissionQuery) -> Result<BTreeMap<String, BTreeMap<String, bool>>> {
        self.connection.send(&PERMISSIONS, &[], query).await
    }
}
