//! What is in a datastore: namespaces, groups of backups, snapshots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A datastore.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Datastore {
    /// Settings as the API shows them, `path` included, `name` not.
    pub settings: Map<String, Value>,
    /// Groups by namespace; the root namespace is the empty name and always there.
    pub namespaces: BTreeMap<String, Namespace>,
    /// What the last garbage collection found.
    pub gc: GarbageCollection,
    /// What another owner of the same directory does, and what a running backup does.
    pub active: (u32, u32),
}

/// The groups of one namespace by `type/id`.
pub type Namespace = BTreeMap<String, Group>;

/// All backups of one thing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Group {
    /// User or token that owns it: the one who made the first backup.
    pub owner: String,
    /// Free text.
    pub notes: String,
    /// By Unix time.
    pub snapshots: BTreeMap<i64, Snapshot>,
}

/// One backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// Files in the order of the manifest.
    pub files: Vec<BackupFile>,
    /// First line of the notes is what listings show.
    pub comment: String,
    /// Cannot be removed.
    pub protected: bool,
    /// Task that verified it last, and the outcome (`ok`, `failed`).
    pub verification: Option<(String, String)>,
    /// When that was, Unix seconds.
    pub verified: i64,
    /// Something of it is broken on disk: only verifying finds out.
    pub damaged: bool,
    /// Fingerprint of the key it was encrypted with.
    pub fingerprint: Option<String>,
    /// The guest's configuration at the time: the content of its `.conf.blob`.
    pub config: String,
    /// The guest's volumes in it, by option: size in bytes, and whether an operating system is on it.
    pub volumes: BTreeMap<String, (u64, bool)>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// `root.pxar.didx`.
    pub name: String,
    /// Bytes; files beside the manifest (the client's log) have none.
    pub size: Option<u64>,
}

/// Figures of a garbage collection.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GarbageCollection {
    /// The task, if there was one.
    pub upid: Option<String>,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Chunks on disk.
    pub disk_chunks: u64,
    /// Bytes that the indexes reference.
    pub index_bytes: u64,
    /// Index files.
    pub index_files: u64,
    /// Bytes removed.
    pub removed_bytes: u64,
    /// Chunks removed.
    pub removed_chunks: u64,
    /// When it ran, Unix seconds.
    #[serde(default)]
    pub ran: i64,
    /// What nothing references any more and is too young to be removed.
    #[serde(default)]
    pub pending: Vec<Pending>,
}

/// Chunks that nothing references any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// When they were last known to be used, Unix seconds.
    pub used: i64,
    /// Bytes on disk.
    pub bytes: u64,
    /// How many.
    pub chunks: u64,
}

impl GarbageCollection {
    /// Bytes and chunks that wait to be removed.
    #[must_use]
    pub fn waiting(&self) -> (u64, u64) {
        self.pending.iter().fold((0, 0), |(bytes, chunks), part| (bytes + part.bytes, chunks + part.chunks))
    }
}

impl Datastore {
    /// An empty one at a path.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self {
            settings: Map::from_iter([("path".to_owned(), Value::from(path))]),
            namespaces: BTreeMap::from([(String::new(), Namespace::new())]),
            gc: GarbageCollection::default(),
            active: (0, 0),
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &str {
        self.settings.get("path").and_then(Value::as_str).unwrap_or_default()
    }

    /// Logical bytes of all backups.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.namespaces.values().flat_map(BTreeMap::values).map(Group::bytes).sum()
    }

    /// A group.
    #[must_use]
    pub fn group(&self, ns: &str, group: &str) -> Option<&Group> {
        self.namespaces.get(ns)?.get(group)
    }

    /// A group, to change it.
    pub fn group_mut(&mut self, ns: &str, group: &str) -> Option<&mut Group> {
        self.namespaces.get_mut(ns)?.get_mut(group)
    }

    /// Adds a backup; its group is made if this is the first one. For filling a server before a demonstration or a test.
    pub fn add_snapshot(&mut self, ns: &str, group: &str, owner: &str, time: i64, snapshot: Snapshot) {
        let group = self.namespaces.entry(ns.to_owned()).or_default().entry(group.to_owned()).or_default();
        if group.owner.is_empty() {
            owner.clone_into(&mut group.owner);
        }
        group.snapshots.insert(time, snapshot);
    }

    /// The namespace itself (when it exists) and those below it down to `depth` levels, sorted.
    #[must_use]
    pub fn namespaces_below(&self, parent: &str, depth: usize) -> Vec<String> {
        let level = |ns: &str| ns.split('/').filter(|part| !part.is_empty()).count();
        let prefix = format!("{parent}/");
        let below = |ns: &str| parent.is_empty() || ns == parent || ns.starts_with(&prefix);
        let top = level(parent);
        self.namespaces.keys().filter(|ns| below(ns) && level(ns) <= top.saturating_add(depth)).cloned().collect()
    }

    /// Where a group lies on disk.
    #[must_use]
    pub fn group_path(&self, ns: &str, group: &str) -> String {
        let mut path = self.path().to_owned();
        for part in ns.split('/').filter(|part| !part.is_empty()) {
            path.push_str("/ns/");
            path.push_str(part);
        }
        format!("{path}/{group}")
    }
}

impl Group {
    /// Logical bytes of its backups.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.snapshots.values().map(Snapshot::size).sum()
    }
}

impl Snapshot {
    /// A backup of a container with this configuration and this many bytes of files.
    #[must_use]
    pub fn container(config: &str, bytes: u64) -> Self {
        Self::with_files("pct.conf.blob", config, &[("root.pxar.didx", bytes), ("catalog.pcat1.didx", 496)])
    }

    /// A backup of a virtual machine with this configuration and these disks (`drive-scsi0`, bytes).
    #[must_use]
    pub fn virtual_machine(config: &str, disks: &[(&str, u64)]) -> Self {
        let images: Vec<(String, u64)> = disks.iter().map(|(name, size)| (format!("{name}.img.fidx"), *size)).collect();
        let images: Vec<(&str, u64)> = images.iter().map(|(name, size)| (name.as_str(), *size)).collect();
        Self::with_files("qemu-server.conf.blob", config, &images)
    }

    fn with_files(blob: &str, config: &str, archives: &[(&str, u64)]) -> Self {
        let file = |name: &str, size: Option<u64>| BackupFile { name: name.to_owned(), size };
        let length = u64::try_from(config.len()).unwrap_or(0);
        let mut files = vec![file(blob, Some(length))];
        files.extend(archives.iter().map(|(name, size)| file(name, Some(*size))));
        files.push(file("index.json.blob", Some(436)));
        files.push(file("client.log.blob", None));
        Self { files, config: config.to_owned(), ..Self::default() }
    }

    /// Logical bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        let verified = if self.verification.is_some() { 93 } else { 0 };
        let bytes: u64 = self.files.iter().filter_map(|file| file.size).sum();
        bytes.saturating_add(verified)
    }

    /// The index files in it.
    pub fn indexes(&self) -> impl Iterator<Item = &BackupFile> {
        self.files.iter().filter(|file| file.name.ends_with(".didx") || file.name.ends_with(".fidx"))
    }
}
