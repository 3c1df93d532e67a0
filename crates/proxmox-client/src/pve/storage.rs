//! The storages as they are defined for the cluster.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::call::calls;
use crate::error::Result;
use crate::params::{TextList, params};
use crate::transport::Connection;

/// The storages as they are defined.
#[derive(Clone, Copy)]
pub struct StorageDefinitions<'a> {
    pub(crate) connection: &'a Connection,
}

/// The definition of a storage.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StorageDefinition {
    /// Its name.
    pub storage: String,
    /// Its kind (`dir`, `nfs`, `zfspool`, `pbs`, …).
    #[serde(rename = "type")]
    pub kind: String,
    /// What it may hold.
    #[serde(default)]
    pub content: TextList,
    /// The nodes that have it; empty is all.
    #[serde(default)]
    pub nodes: TextList,
    /// Whether it is switched off.
    #[serde(default)]
    pub disable: bool,
    /// Whether it is the same on all its nodes.
    #[serde(default)]
    pub shared: bool,
    /// For optimistic locking.
    pub digest: Option<String>,
    /// The settings of its kind.
    #[serde(flatten)]
    pub settings: BTreeMap<String, Value>,
}

params! {
    /// Which definitions.
    #[derive(Debug, Clone, Default)]
    pub struct DefinitionFilter {
        /// Only this kind.
        kind: Option<String> = "type",
    }
}

calls! { Pve:
    LIST "storage().list" = Get "/storage" (DefinitionFilter) -> Vec<StorageDefinition>;
    GET "storage().get" = Get "/storage/{storage}" () -> StorageDefinition;
}

impl StorageDefinitions<'_> {
    /// The definitions that the caller may see.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn list(&self, kind: Option<&str>) -> Result<Vec<StorageDefinition>> {
        self.connection.send(&LIST, &[], &DefinitionFilter { kind: kind.map(str::to_owned) }).await
    }

    /// One definition.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_missing`] when there is no such storage.
    pub async fn get(&self, storage: &str) -> Result<StorageDefinition> {
        self.connection.send(&GET, &[storage], &()).await
    }
}
