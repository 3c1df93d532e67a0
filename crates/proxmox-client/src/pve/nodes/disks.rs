//! Disks of a node, and what is made of them: volume groups, pools, directories.

use serde::Deserialize;
use serde_json::Value;

use super::Node;
use crate::call::calls;
use crate::error::Result;
use crate::params::{Switch, params, words};

/// A disk of the node.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PhysicalDisk {
    /// Its device.
    pub devpath: String,
    /// Its name by id.
    pub by_id_link: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// `ssd`, `hdd`, `nvme`, `usb`, `unknown`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What it is used for.
    pub used: Option<String>,
    /// Maker.
    pub vendor: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// What it says of its health.
    pub health: Option<String>,
    /// Percent left of its life, or `N/A`.
    pub wearout: Option<Value>,
    /// Turns a minute, or words for none.
    pub rpm: Option<Value>,
    /// Whether it has a partition table.
    #[serde(default)]
    pub gpt: bool,
    /// Number of Ceph's OSD on it, -1 for none.
    pub osdid: Option<i64>,
}

/// What a disk says of itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Smart {
    /// In a word.
    pub health: String,
    /// `ata` or `text`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// One by one (ATA).
    #[serde(default)]
    pub attributes: Vec<Value>,
    /// In words.
    pub text: Option<String>,
    /// Percent left of its life.
    pub wearout: Option<Value>,
}

/// LVM: the tree of volume groups and the disks they are on. The top has no name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct VolumeGroups {
    /// The volume group's name, or the disk's device.
    pub name: String,
    /// Size in bytes.
    pub size: Option<u64>,
    /// Bytes left.
    pub free: Option<u64>,
    /// Logical volumes (volume groups).
    pub lvcount: Option<u64>,
    /// What is below it.
    pub children: Vec<VolumeGroups>,
}

/// A thin pool of LVM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ThinPool {
    /// Its name.
    pub lv: String,
    /// Its volume group.
    pub vg: String,
    /// Its size in bytes.
    pub lv_size: u64,
    /// Bytes in use.
    pub used: u64,
    /// Size of its metadata in bytes.
    pub metadata_size: u64,
    /// Bytes of its metadata in use.
    pub metadata_used: u64,
}

/// A pool of ZFS.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Zpool {
    /// Its name.
    pub name: String,
    /// `ONLINE`, `DEGRADED`, …
    pub health: String,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes in use.
    pub alloc: u64,
    /// Bytes left.
    pub free: u64,
    /// Percent that is fragmented.
    pub frag: Option<u64>,
    /// How often the same data is stored once only.
    pub dedup: Option<f64>,
}

/// A pool of ZFS in detail, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ZpoolDetails {
    /// Its name, or the device of a part.
    pub name: String,
    /// `ONLINE`, `DEGRADED`, …; none of parts that only group others.
    pub state: Option<String>,
    /// What is wrong.
    pub status: Option<String>,
    /// What to do about it.
    pub action: Option<String>,
    /// How the last scrub or resilver went.
    pub scan: Option<String>,
    /// Known errors of data, in words (the pool).
    pub errors: Option<String>,
    /// Errors of reading (parts).
    pub read: Option<u64>,
    /// Errors of writing (parts).
    pub write: Option<u64>,
    /// Errors of checksums (parts).
    pub cksum: Option<u64>,
    /// Its parts.
    #[serde(default)]
    pub children: Vec<ZpoolDetails>,
}

/// A directory on a disk that a storage can use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DiskDirectory {
    /// Where it is mounted.
    pub path: String,
    /// The device.
    pub device: String,
    /// The file system.
    #[serde(rename = "type")]
    pub kind: String,
    /// How it is mounted.
    pub options: String,
    /// The unit that mounts it.
    pub unitfile: Option<String>,
}

words! {
    /// Which disks.
    pub enum DiskUse {
        /// Those that are not used.
        Unused = "unused",
        /// Those that can hold journals.
        Journal = "journal_disks",
    }
}

params! {
    /// Which disks.
    #[derive(Debug, Clone, Default)]
    pub struct DiskFilter {
        /// Only these.
        kind: Option<DiskUse> = "type",
        /// Whether their health is not asked for.
        skipsmart: Switch = "skipsmart",
        /// Whether partitions are listed too.
        include_partitions: Switch = "include-partitions",
    }

    /// Which disk.
    #[derive(Debug, Clone)]
    pub struct SmartQuery {
        /// Its device.
        disk: String = "disk",
        /// Whether only in a word.
        healthonly: Switch = "healthonly",
    }
}

calls! { Pve:
    DISKS "node(n).disks" = Get "/nodes/{node}/disks/list" (DiskFilter) -> Vec<PhysicalDisk>;
    SMART "node(n).disk_health" = Get "/nodes/{node}/disks/smart" (SmartQuery) -> Smart;
    LVM "node(n).volume_groups" = Get "/nodes/{node}/disks/lvm" () -> VolumeGroups;
    THIN "node(n).thin_pools" = Get "/nodes/{node}/disks/lvmthin" () -> Vec<ThinPool>;
    ZFS "node(n).zpools" = Get "/nodes/{node}/disks/zfs" () -> Vec<Zpool>;
    ZPOOL "node(n).zpool" = Get "/nodes/{node}/disks/zfs/{name}" () -> ZpoolDetails;
    DIRECTORIES "node(n).disk_directories" = Get "/nodes/{node}/disks/directory" () -> Vec<DiskDirectory>;
}

impl Node<'_> {
    /// The node's disks.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn disks(&self, filter: &DiskFilter) -> Result<Vec<PhysicalDisk>> {
        self.connection.send(&DISKS, &[self.name], filter).await
    }

    /// What a disk says of itself.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn disk_health(&self, disk: &str) -> Result<Smart> {
        let query = SmartQuery { disk: disk.to_owned(), healthonly: Switch::Off };
        self.connection.send(&SMART, &[self.name], &query).await
    }

    /// LVM's volume groups, each with the disks it is on.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn volume_groups(&self) -> Result<Vec<VolumeGroups>> {
        self.connection.send(&LVM, &[self.name], &()).await.map(|top| top.children)
    }

    /// LVM's thin pools.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn thin_pools(&self) -> Result<Vec<ThinPool>> {
        self.connection.send(&THIN, &[self.name], &()).await
    }

    /// ZFS's pools.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn zpools(&self) -> Result<Vec<Zpool>> {
        self.connection.send(&ZFS, &[self.name], &()).await
    }

    /// One pool of ZFS with its parts.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn zpool(&self, name: &str) -> Result<ZpoolDetails> {
        self.connection.send(&ZPOOL, &[self.name, name], &()).await
    }

    /// Directories on disks that were made for storages.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn disk_directories(&self) -> Result<Vec<DiskDirectory>> {
        self.connection.send(&DIRECTORIES, &[self.name], &()).await
    }
}
