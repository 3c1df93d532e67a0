//! Groups of rules (security groups), and the ready-made sets of ports that rules name (macros).

use serde::Deserialize;

use super::rules::{self, Rules};
use crate::call::calls;
use crate::error::Result;
use crate::params::params;
use crate::pve::cluster::Cluster;

/// A group of rules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GroupRow {
    /// Its name.
    pub group: String,
    /// Remark.
    pub comment: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
}

params! {
    /// A new group of rules.
    #[derive(Debug, Clone)]
    pub struct CreateGroup {
        /// Its name.
        group: String = "group",
        /// Remark.
        comment: Option<String> = "comment",
    }
}

/// A ready-made set of ports.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MacroRow {
    /// What rules call it (`SSH`).
    #[serde(rename = "macro")]
    pub name: String,
    /// What it is for.
    pub descr: String,
}

calls! { Pve:
    GROUPS "cluster().firewall_groups" = Get "/cluster/firewall/groups" () -> Vec<GroupRow>;
    CREATE_GROUP "cluster().create_firewall_group" = Post "/cluster/firewall/groups" (CreateGroup) -> ();
    DELETE_GROUP "cluster().delete_firewall_group" = Delete "/cluster/firewall/groups/{group}" () -> ();
    MACROS "cluster().firewall_macros" = Get "/cluster/firewall/macros" () -> Vec<MacroRow>;
}

impl<'a> Cluster<'a> {
    /// The rules of a group.
    #[must_use]
    pub fn firewall_group(&self, group: &str) -> Rules<'a> {
        Rules::new(self.connection, &rules::group::RULES, &[group])
    }

    /// The groups of rules.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn firewall_groups(&self) -> Result<Vec<GroupRow>> {
        self.connection.send(&GROUPS, &[], &()).await
    }

    /// Makes a group of rules.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_firewall_group(&self, group: &str, comment: Option<&str>) -> Result<()> {
        let params = CreateGroup { group: group.to_owned(), comment: comment.map(str::to_owned) };
        self.connection.send(&CREATE_GROUP, &[], &params).await
    }

    /// Removes a group of rules, which has to be empty.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_firewall_group(&self, group: &str) -> Result<()> {
        self.connection.send(&DELETE_GROUP, &[group], &()).await
    }

    /// The ready-made sets of ports that rules may name.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn firewall_macros(&self) -> Result<Vec<MacroRow>> {
        self.connection.send(&MACROS, &[], &()).await
    }
}
