//! Ceph as the whole cluster sees it: its state, its parts, its flags. Without Ceph every call is refused with 500.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Cluster;
use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{params, words};
use crate::tasks::TaskHandle;

words! {
    /// How much to tell.
    pub enum MetadataScope {
        /// All of it.
        All = "all",
        /// Versions.
        Versions = "versions",
    }
}

/// A flag of Ceph.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CephFlag {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// Whether it is set.
    #[serde(default)]
    pub value: bool,
}

params! {
    /// How much to tell.
    #[derive(Debug, Clone, Default)]
    pub struct CephScope {
        /// All of it, or versions.
        scope: Option<MetadataScope> = "scope",
    }

    /// Whether a flag is set.
    #[derive(Debug, Clone, Copy)]
    pub struct SetFlag {
        /// Whether it is.
        value: bool = "value",
    }

    /// Which flags to set or clear. What is not named stays.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct SetFlags {
        /// Disks are not marked out.
        noout: Option<bool> = "noout",
        /// Disks are not marked in.
        noin: Option<bool> = "noin",
        /// Disks are not marked down.
        nodown: Option<bool> = "nodown",
        /// Disks are not marked up.
        noup: Option<bool> = "noup",
        /// Data is not balanced.
        norebalance: Option<bool> = "norebalance",
        /// Data is not recovered.
        norecover: Option<bool> = "norecover",
        /// Data is not filled in.
        nobackfill: Option<bool> = "nobackfill",
        /// Data is not scrubbed.
        noscrub: Option<bool> = "noscrub",
        /// Data is not scrubbed deeply.
        nodeep_scrub: Option<bool> = "nodeep-scrub",
        /// Nothing is read or written.
        pause: Option<bool> = "pause",
    }
}

calls! { Pve:
    CEPH_STATUS "cluster().ceph_status" = Get "/cluster/ceph/status" () -> BTreeMap<String, Value>;
    CEPH_METADATA "cluster().ceph_metadata" = Get "/cluster/ceph/metadata" (CephScope) -> BTreeMap<String, Value>;
    CEPH_FLAGS "cluster().ceph_flags" = Get "/cluster/ceph/flags" () -> Vec<CephFlag>;
    CEPH_FLAG "cluster().ceph_flag" = Get "/cluster/ceph/flags/{flag}" () -> bool;
    CEPH_SET_FLAGS "cluster().set_ceph_flags" = Put "/cluster/ceph/flags" (SetFlags) -> Upid;
    CEPH_SET_FLAG "cluster().set_ceph_flag" = Put "/cluster/ceph/flags/{flag}" (SetFlag) -> ();
}

impl Cluster<'_> {
    /// Ceph's own account of how it is.
    ///
    /// # Errors
    /// Any failure of the call; 500 when there is no Ceph.
    pub async fn ceph_status(&self) -> Result<BTreeMap<String, Value>> {
        self.connection.send(&CEPH_STATUS, &[], &()).await
    }

    /// What parts Ceph has.
    ///
    /// # Errors
    /// Any failure of the call; 500 when there is no Ceph.
    pub async fn ceph_metadata(&self, scope: Option<MetadataScope>) -> Result<BTreeMap<String, Value>> {
        self.connection.send(&CEPH_METADATA, &[], &CephScope { scope }).await
    }

    /// Ceph's flags.
    ///
    /// # Errors
    /// Any failure of the call; 500 when there is no Ceph.
    pub async fn ceph_flags(&self) -> Result<Vec<CephFlag>> {
        self.connection.send(&CEPH_FLAGS, &[], &()).await
    }

    /// Whether one of Ceph's flags is set.
    ///
    /// # Errors
    /// Any failure of the call; 500 when there is no Ceph.
    pub async fn ceph_flag(&self, flag: &str) -> Result<bool> {
        self.connection.send(&CEPH_FLAG, &[flag], &()).await
    }

    /// Sets and clears flags of Ceph.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_ceph_flags(&self, flags: &SetFlags) -> Result<TaskHandle> {
        let upid = self.connection.send(&CEPH_SET_FLAGS, &[], flags).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// Sets or clears one flag of Ceph.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_ceph_flag(&self, flag: &str, value: bool) -> Result<()> {
        self.connection.send(&CEPH_SET_FLAG, &[flag], &SetFlag { value }).await
    }
}
