//! What is on a storage.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncRead;

use super::{Node, StorageState};
use crate::call::calls;
use crate::error::Result;
use crate::ids::{Upid, Vmid, VolumeId};
use crate::params::{ParamSet, Params, Switch, params, words};
use crate::tasks::TaskHandle;
use crate::transport::{Connection, Download, FileBody};

/// One storage, as a node sees it.
#[derive(Clone, Copy)]
pub struct NodeStorage<'a> {
    pub(super) connection: &'a Connection,
    node: &'a str,
    storage: &'a str,
}

impl<'a> Node<'a> {
    /// One storage of the node.
    #[must_use]
    pub const fn storage(&self, storage: &'a str) -> NodeStorage<'a> {
        NodeStorage { connection: self.connection, node: self.name, storage }
    }
}

words! {
    /// What may be uploaded.
    pub enum UploadContent {
        /// A CD image.
        Iso = "iso",
        /// A template of containers.
        Template = "vztmpl",
        /// A disk or appliance to import.
        Import = "import",
    }

    /// How a checksum is made.
    pub enum ChecksumAlgorithm {
        /// MD5
        Md5 = "md5",
        /// SHA-1
        Sha1 = "sha1",
        /// SHA-224
        Sha224 = "sha224",
        /// SHA-256
        Sha256 = "sha256",
        /// SHA-384
        Sha384 = "sha384",
        /// SHA-512
        Sha512 = "sha512",
    }

    /// Format of a volume.
    pub enum VolumeFormat {
        /// The blocks, one after the other.
        Raw = "raw",
        /// QEMU's, with snapshots.
        Qcow2 = "qcow2",
        /// A directory.
        Subvolume = "subvol",
        /// VMware's.
        Vmdk = "vmdk",
    }

    /// Backups of which guests.
    pub enum BackupKind {
        /// Virtual machines.
        Qemu = "qemu",
        /// Containers.
        Lxc = "lxc",
    }
}

/// Stands for the file in the list of parameters: it is a part of the body of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FilePart;

impl crate::params::Field for FilePart {
    const KIND: crate::params::Kind = crate::params::Kind::Text;
    fn put(&self, _: &str, _: &mut Params) {}
}

impl UploadFile {
    /// A file of this kind, without a checksum.
    #[must_use]
    pub const fn new(content: UploadContent) -> Self {
        Self { content, checksum_algorithm: None, checksum: None, file: FilePart }
    }
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Volume {
    /// Its id.
    pub volid: VolumeId,
    /// What it is: `images`, `rootdir`, `backup`, `iso`, `vztmpl`, `snippets`, `import`.
    pub content: Option<String>,
    /// Its format.
    pub format: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Bytes in use.
    pub used: Option<u64>,
    /// When it was made, Unix seconds.
    pub ctime: Option<u64>,
    /// The guest it belongs to. Old names on the storage may hold numbers that no guest can have.
    pub vmid: Option<u64>,
    /// What it is a copy of.
    pub parent: Option<String>,
    /// Notes (backups).
    pub notes: Option<String>,
    /// Whether it is protected (backups).
    #[serde(default)]
    pub protected: bool,
    /// `qemu` or `lxc` (backups).
    pub subtype: Option<String>,
    /// What verifying found (on a backup server).
    pub verification: Option<Value>,
    /// The key it is encrypted with (on a backup server).
    pub encrypted: Option<String>,
}

/// One volume in detail.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VolumeDetails {
    /// Where it is on the node.
    pub path: Option<String>,
    /// Its format.
    pub format: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Bytes in use.
    pub used: Option<u64>,
    /// Notes (backups).
    pub notes: Option<String>,
    /// Whether it is protected (backups).
    #[serde(default)]
    pub protected: bool,
}

/// What pruning would do with a backup.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PruneMark {
    /// The backup.
    pub volid: VolumeId,
    /// `keep`, `remove`, `protected` or `renamed`.
    pub mark: String,
    /// When it was made, Unix seconds.
    pub ctime: Option<u64>,
    /// The guest.
    pub vmid: Option<Vmid>,
    /// `qemu`, `lxc` or unknown.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

params! {
    /// Which volumes.
    #[derive(Debug, Clone, Default)]
    pub struct ContentFilter {
        /// Only these.
        content: Option<String> = "content",
        /// Only those of this guest.
        vmid: Option<Vmid> = "vmid",
    }

    /// A volume to make.
    #[derive(Debug, Clone)]
    pub struct AllocateVolume {
        /// The guest it belongs to.
        vmid: Vmid = "vmid",
        /// Its name.
        filename: String = "filename",
        /// Its size, with unit (`32G`).
        size: String = "size",
        /// Its format.
        format: Option<VolumeFormat> = "format",
    }

    /// A change of a volume.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateVolume {
        /// Notes.
        notes: Option<String> = "notes",
        /// Whether it is protected.
        protected: Option<bool> = "protected",
    }

    /// How to remove a volume.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct RemoveVolume {
        /// Seconds to wait for the work before a task is given.
        delay: Option<u64> = "delay",
    }

    /// What to prune.
    #[derive(Debug, Clone, Default)]
    pub struct PruneBackups {
        /// What is kept (`keep-last=3`); as the storage says unless set.
        prune_backups: Option<String> = "prune-backups",
        /// Only backups of this kind of guest.
        kind: Option<BackupKind> = "type",
        /// Only backups of this guest.
        vmid: Option<Vmid> = "vmid",
    }

    /// A file to upload.
    #[derive(Debug, Clone)]
    pub struct UploadFile {
        /// What it is.
        content: UploadContent = "content",
        /// How the checksum is made.
        checksum_algorithm: Option<ChecksumAlgorithm> = "checksum-algorithm",
        /// The checksum it has to have.
        checksum: Option<String> = "checksum",
        /// The file itself, which follows the other parts.
        file: FilePart = "filename",
    }

    /// A file for the node to fetch.
    #[derive(Debug, Clone)]
    pub struct DownloadUrl {
        /// From where.
        url: String = "url",
        /// What it is.
        content: UploadContent = "content",
        /// Its name on the storage.
        filename: String = "filename",
        /// How the checksum is made.
        checksum_algorithm: Option<ChecksumAlgorithm> = "checksum-algorithm",
        /// The checksum it has to have.
        checksum: Option<String> = "checksum",
        /// How it is packed.
        compression: Option<String> = "compression",
        /// Whether the certificate of the other side is looked at; it is unless this is off.
        verify_certificates: Option<bool> = "verify-certificates",
    }

    /// A directory in a backup on a backup server.
    #[derive(Debug, Clone)]
    pub struct ListBackup {
        /// The backup.
        volume: VolumeId = "volume",
        /// The directory's path, in base64; `/` is the top.
        filepath: String = "filepath",
    }

    /// A file in a backup on a backup server.
    #[derive(Debug, Clone)]
    pub struct RestoreFile {
        /// The backup.
        volume: VolumeId = "volume",
        /// The file's path, in base64.
        filepath: String = "filepath",
        /// Whether a directory comes as a tar archive instead of a zip.
        tar: Switch = "tar",
    }
}

calls! { Pve:
    STATUS "node(n).storage(s).status" = Get "/nodes/{node}/storage/{storage}/status" () -> StorageFigures;
    LIST "node(n).storage(s).content" = Get "/nodes/{node}/storage/{storage}/content" (ContentFilter) -> Vec<Volume>;
    GET "node(n).storage(s).volume" = Get "/nodes/{node}/storage/{storage}/content/{volume}" () -> VolumeDetails;
    ALLOCATE "node(n).storage(s).allocate" = Post "/nodes/{node}/storage/{storage}/content" (AllocateVolume) -> VolumeId;
    UPDATE "node(n).storage(s).update_volume" = Put "/nodes/{node}/storage/{storage}/content/{volume}" (UpdateVolume) -> ();
    REMOVE "node(n).storage(s).remove_volume" = Delete "/nodes/{node}/storage/{storage}/content/{volume}" (RemoveVolume) -> Option<Upid>;
    PRUNE_DRY "node(n).storage(s).prune_preview" = Get "/nodes/{node}/storage/{storage}/prunebackups" (PruneBackups) -> Vec<PruneMark>;
    PRUNE "node(n).storage(s).prune" = Delete "/nodes/{node}/storage/{storage}/prunebackups" (PruneBackups) -> Upid;
    UPLOAD "node(n).storage(s).upload" = Post "/nodes/{node}/storage/{storage}/upload" (UploadFile) -> Upid;
    DOWNLOAD_URL "node(n).storage(s).download_url" = Post "/nodes/{node}/storage/{storage}/download-url" (DownloadUrl) -> Upid;
    LIST_BACKUP "node(n).storage(s).list_backup" = Get "/nodes/{node}/storage/{storage}/file-restore/list" (ListBackup) -> Vec<BackedUpFile>;
    RESTORE_FILE "node(n).storage(s).restore_file" = Get "/nodes/{node}/storage/{storage}/file-restore/download" (RestoreFile) -> Value;
}

/// A file in a backup on a backup server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BackedUpFile {
    /// Its path, in base64: what reading it is asked with.
    pub filepath: String,
    /// Its name.
    pub text: String,
    /// `f` file, `d` directory, `l` link, `v` archive, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether there is nothing below it.
    #[serde(default)]
    pub leaf: bool,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// When it was changed, Unix seconds.
    pub mtime: Option<i64>,
}

/// How full a storage is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StorageFigures {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it may hold.
    #[serde(default)]
    pub content: crate::params::TextList,
    /// Whether it can be used now.
    #[serde(default)]
    pub active: bool,
    /// Whether it is switched on.
    #[serde(default)]
    pub enabled: bool,
    /// Whether it is the same on all its nodes.
    #[serde(default)]
    pub shared: bool,
    /// Size in bytes.
    pub total: Option<u64>,
    /// Bytes in use.
    pub used: Option<u64>,
    /// Bytes left.
    pub avail: Option<u64>,
}

impl From<StorageState> for StorageFigures {
    fn from(state: StorageState) -> Self {
        let StorageState { kind, content, active, enabled, shared, total, used, avail, .. } = state;
        Self { kind, content, active, enabled, shared, total, used, avail }
    }
}

impl NodeStorage<'_> {
    pub(super) fn args(&self) -> [&str; 2] {
        [self.node, self.storage]
    }

    fn volume_args<'v>(&'v self, volume: &'v VolumeId) -> [&'v str; 3] {
        [self.node, self.storage, volume.as_str()]
    }

    fn handle(&self, upid: Upid) -> TaskHandle {
        TaskHandle::new(self.connection.clone(), upid)
    }

    /// How full it is.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn status(&self) -> Result<StorageFigures> {
        self.connection.send(&STATUS, &self.args(), &()).await
    }

    /// The volumes that the caller may see; others are left out without a word.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn content(&self, filter: &ContentFilter) -> Result<Vec<Volume>> {
        self.connection.send(&LIST, &self.args(), filter).await
    }

    /// One volume.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn volume(&self, volume: &VolumeId) -> Result<VolumeDetails> {
        self.connection.send(&GET, &self.volume_args(volume), &()).await
    }

    /// Makes a volume.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn allocate(&self, params: &AllocateVolume) -> Result<VolumeId> {
        self.connection.send(&ALLOCATE, &self.args(), params).await
    }

    /// Changes a backup's notes or protection.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_volume(&self, volume: &VolumeId, change: &UpdateVolume) -> Result<()> {
        self.connection.send(&UPDATE, &self.volume_args(volume), change).await
    }

    /// Removes a volume. No task when it was done at once. A protected backup makes the task fail.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn remove_volume(&self, volume: &VolumeId) -> Result<Option<TaskHandle>> {
        let upid = self.connection.send(&REMOVE, &self.volume_args(volume), &RemoveVolume::default()).await?;
        Ok(upid.map(|upid| self.handle(upid)))
    }

    /// What pruning would do.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn prune_preview(&self, params: &PruneBackups) -> Result<Vec<PruneMark>> {
        self.connection.send(&PRUNE_DRY, &self.args(), params).await
    }

    /// Prunes backups.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn prune(&self, params: &PruneBackups) -> Result<TaskHandle> {
        self.connection.send(&PRUNE, &self.args(), params).await.map(|upid| self.handle(upid))
    }

    /// Sends a file of exactly `size` bytes, streaming. A file of that name is replaced. The call is made once, to the
    /// preferred address, and has to end within `deadline`.
    ///
    /// # Errors
    /// Any failure of the call. After [`crate::Error::MaybeSent`] look whether the file is there.
    pub async fn upload<R>(
        &self,
        file_name: &str,
        size: u64,
        content: R,
        params: &UploadFile,
        deadline: Duration,
    ) -> Result<TaskHandle>
    where
        R: AsyncRead + Send + 'static,
    {
        let mut fields = Params::new();
        params.put(&mut fields);
        let file = FileBody { name: file_name.to_owned(), size, content, deadline };
        let upid = self.connection.upload(&UPLOAD.call, &self.args(), &fields, file).await?;
        Ok(self.handle(upid))
    }

    /// Has the node fetch a file.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn download_url(&self, params: &DownloadUrl) -> Result<TaskHandle> {
        self.connection.send(&DOWNLOAD_URL, &self.args(), params).await.map(|upid| self.handle(upid))
    }

    /// What is in a directory of a backup on a backup server.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn list_backup(&self, directory: &ListBackup) -> Result<Vec<BackedUpFile>> {
        self.connection.send(&LIST_BACKUP, &self.args(), directory).await
    }

    /// Reads a file out of a backup on a backup server, streaming.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn restore_file(&self, params: &RestoreFile) -> Result<Download> {
        let mut out = Params::new();
        params.put(&mut out);
        self.connection.download(&RESTORE_FILE.call, &self.args(), &out).await
    }
}
