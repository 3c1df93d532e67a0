//! Groups of users.

use serde::Deserialize;

use super::Access;
use crate::call::calls;
use crate::error::Result;
use crate::params::{TextList, params};

/// A row of the list of groups.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GroupRow {
    /// Its id.
    pub groupid: String,
    /// Remark.
    pub comment: Option<String>,
    /// Its members.
    #[serde(default)]
    pub users: TextList,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GroupDetails {
    /// Remark.
    pub comment: Option<String>,
    /// Its members.
    #[serde(default)]
    pub members: TextList,
}

params! {
    /// A new group.
    #[derive(Debug, Clone)]
    pub struct CreateGroup {
        /// Its id.
        groupid: String = "groupid",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// A change of a group. Members are set at the users.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateGroup {
        /// Remark.
        comment: Option<String> = "comment",
    }
}

calls! { Pve:
    LIST "access().groups" = Get "/access/groups" () -> Vec<GroupRow>;
    GET "access().group" = Get "/access/groups/{groupid}" () -> GroupDetails;
    CREATE "access().create_group" = Post "/access/groups" (CreateGroup) -> ();
    UPDATE "access().update_group" = Put "/access/groups/{groupid}" (UpdateGroup) -> ();
    DELETE "access().delete_group" = Delete "/access/groups/{groupid}" () -> ();
}

impl Access<'_> {
    /// The groups that the caller may see.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn groups(&self) -> Result<Vec<GroupRow>> {
        self.connection.send(&LIST, &[], &()).await
    }

    /// One group.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_missing`] when there is no such group.
    pub async fn group(&self, group: &str) -> Result<GroupDetails> {
        self.connection.send(&GET, &[group], &()).await
    }

    /// Makes a group.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when there is one.
    pub async fn create_group(&self, group: &str, comment: Option<&str>) -> Result<()> {
        let params = CreateGroup { groupid: group.to_owned(), comment: comment.map(str::to_owned) };
        self.connection.send(&CREATE, &[], &params).await
    }

    /// Changes a group.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_group(&self, group: &str, change: &UpdateGroup) -> Result<()> {
        self.connection.send(&UPDATE, &[group], change).await
    }

    /// Removes a group and its ACL entries.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_group(&self, group: &str) -> Result<()> {
        self.connection.send(&DELETE, &[group], &()).await
    }
}
