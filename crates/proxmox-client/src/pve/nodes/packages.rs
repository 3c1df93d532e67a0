//! Packages of a node: what is installed, what there is newer, where it comes from.

use serde::Deserialize;
use serde_json::Value;

use super::Node;
use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{Switch, params};
use crate::tasks::TaskHandle;

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Package {
    /// Its name.
    pub package: String,
    /// What it is.
    pub title: Option<String>,
    /// The version there is, or is to be had.
    pub version: Option<String>,
    /// The version that is installed.
    pub old_version: Option<String>,
    /// Where it is from.
    pub origin: Option<String>,
    /// How urgent.
    pub priority: Option<String>,
    /// Section.
    pub section: Option<String>,
    /// How it is installed.
    pub current_state: Option<String>,
}

/// Where packages come from: all files of repositories of a node.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Repositories {
    /// The files, each with its repositories, as the server writes them.
    #[serde(default)]
    pub files: Vec<Value>,
    /// Files that could not be read, and why.
    #[serde(default)]
    pub errors: Vec<Value>,
    /// Remarks on single repositories (a test one, one without a subscription).
    #[serde(default)]
    pub infos: Vec<Value>,
    /// The ones that Proxmox offers.
    #[serde(default)]
    pub standard_repos: Vec<StandardRepository>,
    /// For optimistic locking.
    pub digest: Option<String>,
}

/// A repository that Proxmox offers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StandardRepository {
    /// Its id (`enterprise`, `no-subscription`, …).
    pub handle: String,
    /// Its name.
    pub name: String,
    /// Whether it is in use; nothing when it is not configured.
    pub status: Option<bool>,
}

params! {
    /// How to look for newer packages.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct RefreshPackages {
        /// Whether mail is sent about what is found.
        notify: Switch = "notify",
        /// Whether the task's log is short.
        quiet: Switch = "quiet",
    }

    /// Which package.
    #[derive(Debug, Clone)]
    pub struct ChangelogQuery {
        /// Its name.
        name: String = "name",
        /// Which version; the newest unless set.
        version: Option<String> = "version",
    }
}

calls! { Pve:
    UPDATES "node(n).updates" = Get "/nodes/{node}/apt/update" () -> Vec<Package>;
    VERSIONS "node(n).package_versions" = Get "/nodes/{node}/apt/versions" () -> Vec<Package>;
    REFRESH "node(n).refresh_packages" = Post "/nodes/{node}/apt/update" (RefreshPackages) -> Upid;
    REPOSITORIES "node(n).repositories" = Get "/nodes/{node}/apt/repositories" () -> Repositories;
    CHANGELOG "node(n).changelog" = Get "/nodes/{node}/apt/changelog" (ChangelogQuery) -> String;
}

impl Node<'_> {
    /// Packages that there are newer versions of.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn updates(&self) -> Result<Vec<Package>> {
        self.connection.send(&UPDATES, &[self.name], &()).await
    }

    /// Versions of the packages that matter.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn package_versions(&self) -> Result<Vec<Package>> {
        self.connection.send(&VERSIONS, &[self.name], &()).await
    }

    /// Looks for newer packages.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn refresh_packages(&self, params: RefreshPackages) -> Result<TaskHandle> {
        let upid = self.connection.send(&REFRESH, &[self.name], &params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// Where packages come from.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn repositories(&self) -> Result<Repositories> {
        self.connection.send(&REPOSITORIES, &[self.name], &()).await
    }

    /// What changed in a package, as text.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn changelog(&self, package: &str) -> Result<String> {
        let query = ChangelogQuery { name: package.to_owned(), version: None };
        self.connection.send(&CHANGELOG, &[self.name], &query).await
    }
}
