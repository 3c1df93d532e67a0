//! Backups of guests on a node.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Node;
use crate::call::{Param, calls};
use crate::error::Result;
use crate::ids::{PoolId, Upid, Vmid, VolumeId};
use crate::params::{Field, Kind, Params, params, words};
use crate::tasks::TaskHandle;

words! {
    /// How a guest is kept from changing meanwhile.
    pub enum VzdumpMode {
        /// It runs on; what it writes meanwhile is not in the backup.
        Snapshot = "snapshot",
        /// It is paused for the copy.
        Suspend = "suspend",
        /// It is shut down before and started afterwards.
        Stop = "stop",
    }

    /// How a backup is compressed; backup servers do it by themselves.
    pub enum Compression {
        /// Not.
        None = "0",
        /// As the server likes.
        Default = "1",
        /// gzip
        Gzip = "gzip",
        /// LZO
        Lzo = "lzo",
        /// Zstandard
        Zstd = "zstd",
    }

    /// How a backup server's client finds what has changed in containers.
    pub enum ChangeDetection {
        /// It reads everything; one archive.
        Legacy = "legacy",
        /// It reads everything; data and metadata apart.
        Data = "data",
        /// It trusts metadata.
        Metadata = "metadata",
    }
}

/// Which guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VzdumpSelection {
    /// These. Those that are not on the node are passed over.
    Guests(Vec<Vmid>),
    /// All guests of the node that the caller may back up.
    All,
    /// All guests of a pool that are on the node.
    Pool(PoolId),
}

impl Field for VzdumpSelection {
    const KIND: Kind = Kind::Text;
    fn describe(_: &'static str) -> Vec<Param> {
        let param = |name, kind| Param { name, kind, required: false, choices: &[] };
        vec![param("vmid", Kind::Text), param("all", Kind::Boolean), param("pool", Kind::Text)]
    }
    fn put(&self, _: &str, out: &mut Params) {
        match self {
            Self::Guests(guests) => guests.put("vmid", out),
            Self::All => true.put("all", out),
            Self::Pool(pool) => pool.put("pool", out),
        }
    }
}

params! {
    /// A backup of one or more guests.
    #[derive(Debug, Clone)]
    pub struct Vzdump {
        /// Which guests.
        guests: VzdumpSelection = "",
        /// Where it goes.
        storage: Option<String> = "storage",
        /// How the guest is kept from changing.
        mode: Option<VzdumpMode> = "mode",
        /// How it is compressed.
        compress: Option<Compression> = "compress",
        /// What is kept afterwards (`keep-last=3`). Needs Datastore.Allocate.
        prune_backups: Option<String> = "prune-backups",
        /// Its notes, with `{{guestname}}` and the like.
        notes_template: Option<String> = "notes-template",
        /// Whether it is protected.
        protected: Option<bool> = "protected",
        /// Whether old backups are removed as `prune_backups` or the storage says.
        remove: Option<bool> = "remove",
        /// Limit, KiB/s. Needs Sys.Modify.
        bwlimit: Option<u64> = "bwlimit",
        /// Minutes to wait for another backup on the node.
        lockwait: Option<u64> = "lockwait",
        /// Minutes to wait for the guest to shut down.
        stopwait: Option<u64> = "stopwait",
        /// Where writes go meanwhile (`enabled=1,storage=local-lvm`).
        fleecing: Option<String> = "fleecing",
        /// How a backup server's client finds what has changed.
        change_detection: Option<ChangeDetection> = "pbs-change-detection-mode",
    }

    /// Which storage.
    #[derive(Debug, Clone, Default)]
    pub struct VzdumpDefaults {
        /// Its name.
        storage: Option<String> = "storage",
    }

    /// Which backup.
    #[derive(Debug, Clone)]
    pub struct ExtractConfig {
        /// The backup.
        volume: VolumeId = "volume",
    }
}

impl Vzdump {
    /// A backup of these guests, everything else as the server likes.
    #[must_use]
    pub fn of(selection: VzdumpSelection) -> Self {
        Self {
            guests: selection,
            storage: None,
            mode: None,
            compress: None,
            prune_backups: None,
            notes_template: None,
            protected: None,
            remove: None,
            bwlimit: None,
            lockwait: None,
            stopwait: None,
            fleecing: None,
            change_detection: None,
        }
    }
}

/// What came of asking for a backup.
#[derive(Debug, Clone)]
pub enum VzdumpStarted {
    /// A task. Whether each guest may be backed up is only checked in it.
    Task(TaskHandle),
    /// Nothing: none of the guests is on the node that was asked. Find the right node.
    NothingHere,
}

/// The answer on the wire: a task, or the word `OK` for nothing.
pub(crate) struct StartedText(Option<Upid>);

impl<'de> Deserialize<'de> for StartedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "OK" => Ok(Self(None)),
            upid => upid.parse().map(|upid| Self(Some(upid))).map_err(serde::de::Error::custom),
        }
    }
}

impl fmt::Debug for StartedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

calls! { Pve:
    VZDUMP "node(n).vzdump" = Post "/nodes/{node}/vzdump" (Vzdump) -> StartedText;
    DEFAULTS "node(n).vzdump_defaults" = Get "/nodes/{node}/vzdump/defaults" (VzdumpDefaults) -> BTreeMap<String, Value>;
    EXTRACT "node(n).config_in_backup" = Get "/nodes/{node}/vzdump/extractconfig" (ExtractConfig) -> String;
}

impl Node<'_> {
    /// Backs guests up. That a task was started does not mean that the caller may back them up: judge by its outcome.
    ///
    /// # Errors
    /// Any failure of the call; 403 when the storage may not be used.
    pub async fn vzdump(&self, params: &Vzdump) -> Result<VzdumpStarted> {
        let StartedText(upid) = self.connection.send(&VZDUMP, &[self.name], params).await?;
        Ok(match upid {
            Some(upid) => VzdumpStarted::Task(TaskHandle::new(self.connection.clone(), upid)),
            None => VzdumpStarted::NothingHere,
        })
    }

    /// What holds for backups unless told otherwise.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn vzdump_defaults(&self, storage: Option<&str>) -> Result<BTreeMap<String, Value>> {
        let params = VzdumpDefaults { storage: storage.map(str::to_owned) };
        self.connection.send(&DEFAULTS, &[self.name], &params).await
    }

    /// The configuration of the guest in a backup, as text.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn config_in_backup(&self, volume: &VolumeId) -> Result<String> {
        self.connection.send(&EXTRACT, &[self.name], &ExtractConfig { volume: volume.clone() }).await
    }
}
