//! The storages as they are defined for the cluster.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use crate::call::calls;
use crate::error::Result;
use crate::params::{TextList, params};
use crate::secret::Secret;
use crate::transport::{Connection, Fingerprint};

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

    /// A new storage. Which settings there are depends on its kind; those without a field go into `settings`.
    #[derive(Debug, Clone)]
    pub struct CreateStorage {
        /// Its name.
        storage: String = "storage",
        /// Its kind (`dir`, `nfs`, `zfspool`, `pbs`, …).
        kind: String = "type",
        /// What it may hold.
        content: Vec<String> = "content",
        /// The nodes that have it; empty is all.
        nodes: Vec<String> = "nodes",
        /// Whether it is the same on all its nodes.
        shared: Option<bool> = "shared",
        /// Directory (dir).
        path: Option<String> = "path",
        /// Server (nfs, cifs, pbs, iscsi).
        server: Option<String> = "server",
        /// What the server shares (nfs).
        export: Option<String> = "export",
        /// Datastore (pbs).
        datastore: Option<String> = "datastore",
        /// Namespace (pbs).
        namespace: Option<String> = "namespace",
        /// User or token (pbs, cifs).
        username: Option<String> = "username",
        /// Its password or secret. It cannot be read back.
        password: Option<SecretString> = "password",
        /// Fingerprint of the server's certificate (pbs).
        fingerprint: Option<Fingerprint> = "fingerprint",
        /// Key that backups are encrypted with (pbs): `autogen` or the key. A new one is answered once.
        encryption_key: Option<SecretString> = "encryption-key",
        /// Pool (rbd, zfspool).
        pool: Option<String> = "pool",
        /// Volume group (lvm, lvmthin).
        vgname: Option<String> = "vgname",
        /// Thin pool (lvmthin).
        thinpool: Option<String> = "thinpool",
        /// What is kept of backups (`keep-last=3`).
        prune_backups: Option<String> = "prune-backups",
        /// Further settings by name.
        settings: BTreeMap<String, String> = "",
    }

    /// A change of a storage.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateStorage {
        /// What it may hold.
        content: Vec<String> = "content",
        /// The nodes that have it.
        nodes: Vec<String> = "nodes",
        /// Whether it is switched off.
        disable: Option<bool> = "disable",
        /// Whether it is the same on all its nodes.
        shared: Option<bool> = "shared",
        /// Fingerprint of the server's certificate (pbs).
        fingerprint: Option<Fingerprint> = "fingerprint",
        /// Its password or secret.
        password: Option<SecretString> = "password",
        /// What is kept of backups.
        prune_backups: Option<String> = "prune-backups",
        /// Further settings by name.
        settings: BTreeMap<String, String> = "",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }
}

impl CreateStorage {
    /// Of this kind, everything else as the server likes.
    #[must_use]
    pub fn new(storage: &str, kind: &str) -> Self {
        Self {
            storage: storage.to_owned(),
            kind: kind.to_owned(),
            content: Vec::new(),
            nodes: Vec::new(),
            shared: None,
            path: None,
            server: None,
            export: None,
            datastore: None,
            namespace: None,
            username: None,
            password: None,
            fingerprint: None,
            encryption_key: None,
            pool: None,
            vgname: None,
            thinpool: None,
            prune_backups: None,
            settings: BTreeMap::new(),
        }
    }
}

/// A storage just made.
#[derive(Debug, Clone, Deserialize)]
pub struct CreatedStorage {
    /// Its name.
    pub storage: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// What was made up and is shown this once.
    #[serde(default)]
    pub config: CreatedStorageSecrets,
}

/// What was made up for a storage.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct CreatedStorageSecrets {
    /// The key that backups are encrypted with.
    pub encryption_key: Option<Secret>,
}

calls! { Pve:
    LIST "storage().list" = Get "/storage" (DefinitionFilter) -> Vec<StorageDefinition>;
    GET "storage().get" = Get "/storage/{storage}" () -> StorageDefinition;
    CREATE "storage().create" = Post "/storage" (CreateStorage) -> CreatedStorage;
    UPDATE "storage().update" = Put "/storage/{storage}" (UpdateStorage) -> CreatedStorage;
    DELETE "storage().delete" = Delete "/storage/{storage}" () -> ();
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

    /// Defines a storage. One on a server is tried at once.
    ///
    /// # Errors
    /// Any failure of the call; 500 when the server refuses.
    pub async fn create(&self, params: &CreateStorage) -> Result<CreatedStorage> {
        self.connection.send(&CREATE, &[], params).await
    }

    /// Changes a definition.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update(&self, storage: &str, change: &UpdateStorage) -> Result<CreatedStorage> {
        self.connection.send(&UPDATE, &[storage], change).await
    }

    /// Removes a definition. What is on the storage stays.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete(&self, storage: &str) -> Result<()> {
        self.connection.send(&DELETE, &[storage], &()).await
    }
}
