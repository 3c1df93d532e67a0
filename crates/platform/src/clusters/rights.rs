//! Groups, users and ACL entries of a cluster.

use bnna_core::AclEntry;
use proxmox_client::permissions::{AclEntry as PveEntry, AclSubject};
use proxmox_client::pve::access::users::{UpdateUser, UserFilter};
use proxmox_client::{AclPath, UserId};

use super::Cluster;
use super::rehearsal::Edit;
use crate::error::Error;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its comment.
    pub comment: String,
    /// Its users, `name@realm`.
    pub users: Vec<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `name@realm`.
    pub userid: String,
    /// Whether it may log in.
    pub enabled: bool,
}

impl Cluster {
    /// All groups.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn groups(&self) -> Result<Vec<Group>, Error> {
        let rows = self.on(self.pve.access().groups()).await?;
        let mut groups = rows
            .into_iter()
            .map(|row| Group {
                name: row.groupid,
                comment: row.comment.unwrap_or_default(),
                users: {
                    let mut users: Vec<String> = row.users.iter().map(ToString::to_string).collect();
                    users.sort();
                    users
                },
            })
            .collect();
        self.edits().iter().for_each(|edit| edit.groups(&mut groups));
        Ok(groups)
    }

    /// Makes a group.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn create_group(&self, name: &str, comment: &str) -> Result<(), Error> {
        let edit = Edit::MakeGroup { group: name.to_owned(), comment: comment.to_owned() };
        self.change(edit, self.pve.access().create_group(name, Some(comment)), || ()).await
    }

    /// Deletes a group, and with it what it holds.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn delete_group(&self, name: &str) -> Result<(), Error> {
        self.change(Edit::DeleteGroup(name.to_owned()), self.pve.access().delete_group(name), || ()).await
    }

    /// A user, if there is one.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn user(&self, userid: &str) -> Result<Option<User>, Error> {
        let id: UserId = self.parse(userid)?;
        let found = self.on(self.pve.access().users(UserFilter::default())).await?;
        let mut user = found
            .into_iter()
            .find(|row| row.userid == id)
            .map(|row| User { userid: userid.to_owned(), enabled: row.is_enabled() });
        if let Some(user) = &mut user {
            self.edits().iter().for_each(|edit| edit.user(user));
        }
        Ok(user)
    }

    /// Switches a user on or off.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn set_user_enabled(&self, userid: &str, enabled: bool) -> Result<(), Error> {
        let id: UserId = self.parse(userid)?;
        let change = UpdateUser { enable: Some(enabled), ..UpdateUser::default() };
        let edit = Edit::SwitchUser { userid: userid.to_owned(), enabled };
        self.change(edit, self.pve.access().update_user(&id, &change), || ()).await
    }

    /// Whether bnpd's own token is of this user.
    pub fn is_own_user(&self, userid: &str) -> bool {
        self.settings.token_id.split_once('!').is_some_and(|(own, _)| own == userid)
    }

    /// All ACL entries, of groups, users and tokens alike.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn acl(&self) -> Result<Vec<AclEntry>, Error> {
        let rows = self.on(self.pve.access().acl()).await?;
        let mut acl = rows
            .into_iter()
            .map(|row| AclEntry {
                path: row.path.to_string(),
                role: row.roleid,
                // A group and a user never share a name: a user's has an `@`, a token's also a `!`.
                ugid: row.ugid,
                propagate: row.propagate,
            })
            .collect();
        self.edits().iter().for_each(|edit| edit.acl(&mut acl));
        Ok(acl)
    }

    /// Writes an entry of a group.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn put_acl(&self, entry: &AclEntry) -> Result<(), Error> {
        let written = self.group_entry(entry)?;
        self.change(Edit::Grant(entry.clone()), self.pve.access().grant(&written), || ()).await
    }

    /// Takes an entry of a group away.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn remove_acl(&self, entry: &AclEntry) -> Result<(), Error> {
        let written = self.group_entry(entry)?;
        self.change(Edit::Revoke(entry.clone()), self.pve.access().revoke(&written), || ()).await
    }

    fn group_entry(&self, entry: &AclEntry) -> Result<PveEntry, Error> {
        Ok(PveEntry {
            path: self.parse::<AclPath>(&entry.path)?,
            subject: AclSubject::Group(entry.ugid.clone()),
            role: entry.role.clone(),
            propagate: entry.propagate,
        })
    }

    /// Reads a name that came from the cluster, or from our own records of it.
    pub(super) fn parse<T: std::str::FromStr<Err = proxmox_client::InvalidId>>(&self, text: &str) -> Result<T, Error> {
        text.parse().map_err(|error| self.refused(format!("{text:?}: {error}")))
    }
}
