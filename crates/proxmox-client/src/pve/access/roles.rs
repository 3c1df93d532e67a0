//! Roles: named sets of privileges.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Access;
use crate::call::calls;
use crate::error::Result;
use crate::params::{Switch, TextList, params};

/// A row of the list of roles.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoleRow {
    /// Its id.
    pub roleid: String,
    /// What it grants.
    #[serde(default)]
    pub privs: TextList,
    /// Whether it came with the product and cannot be changed.
    #[serde(default)]
    pub special: bool,
}

params! {
    /// A new role. Ids may not begin with `PVE`.
    #[derive(Debug, Clone)]
    pub struct CreateRole {
        /// Its id.
        roleid: String = "roleid",
        /// What it grants.
        privs: Vec<String> = "privs",
    }

    /// A change of a role.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateRole {
        /// What it grants: instead of what it did, or beside it with `append`. Empty text is nothing.
        privs: Option<String> = "privs",
        /// Whether `privs` are added.
        append: Switch = "append",
    }
}

calls! { Pve:
    LIST "access().roles" = Get "/access/roles" () -> Vec<RoleRow>;
    GET "access().role" = Get "/access/roles/{roleid}" () -> BTreeMap<String, bool>;
    CREATE "access().create_role" = Post "/access/roles" (CreateRole) -> ();
    UPDATE "access().update_role" = Put "/access/roles/{roleid}" (UpdateRole) -> ();
    DELETE "access().delete_role" = Delete "/access/roles/{roleid}" () -> ();
}

impl Access<'_> {
    /// All roles.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn roles(&self) -> Result<Vec<RoleRow>> {
        self.connection.send(&LIST, &[], &()).await
    }

    /// The privileges of one role.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_missing`] when there is no such role.
    pub async fn role(&self, role: &str) -> Result<Vec<String>> {
        let privileges = self.connection.send(&GET, &[role], &()).await?;
        Ok(privileges.into_iter().filter(|(_, granted)| *granted).map(|(name, _)| name).collect())
    }

    /// Makes a role.
    ///
    /// # Errors
    /// Any failure of the call; 400 when a privilege does not exist in the server's version.
    pub async fn create_role(&self, role: &str, privileges: &[&str]) -> Result<()> {
        let privs = privileges.iter().map(|&name| name.to_owned()).collect();
        self.connection.send(&CREATE, &[], &CreateRole { roleid: role.to_owned(), privs }).await
    }

    /// Sets what a role grants.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_role(&self, role: &str, privileges: &[&str]) -> Result<()> {
        let change = UpdateRole { privs: Some(privileges.join(",")), append: Switch::Off };
        self.connection.send(&UPDATE, &[role], &change).await
    }

    /// Removes a role; its ACL entries go with it.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_role(&self, role: &str) -> Result<()> {
        self.connection.send(&DELETE, &[role], &()).await
    }
}
