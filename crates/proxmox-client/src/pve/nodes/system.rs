//! The system of a node: names, time, services, disks, packages.

use serde::Deserialize;
use serde_json::Value;

use super::Node;
use crate::call::calls;
use crate::error::Result;
use crate::params::{Switch, params, words};

/// Name servers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dns {
    /// Domain to search.
    pub search: Option<String>,
    /// First.
    pub dns1: Option<String>,
    /// Second.
    pub dns2: Option<String>,
    /// Third.
    pub dns3: Option<String>,
}

/// The clock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NodeTime {
    /// Unix seconds.
    pub time: i64,
    /// The same, as if local time were UTC.
    pub localtime: i64,
    /// Time zone.
    pub timezone: String,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Service {
    /// Its id.
    #[serde(alias = "id")]
    pub service: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// What it is.
    pub desc: Option<String>,
    /// `running` or otherwise.
    pub state: String,
    /// systemd's word.
    pub active_state: Option<String>,
    /// Whether it starts with the node.
    pub unit_state: Option<String>,
}

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
    DNS "node(n).dns" = Get "/nodes/{node}/dns" () -> Dns;
    TIME "node(n).time" = Get "/nodes/{node}/time" () -> NodeTime;
    SERVICES "node(n).services" = Get "/nodes/{node}/services" () -> Vec<Service>;
    SERVICE "node(n).service" = Get "/nodes/{node}/services/{service}/state" () -> Service;
    DISKS "node(n).disks" = Get "/nodes/{node}/disks/list" (DiskFilter) -> Vec<PhysicalDisk>;
    SMART "node(n).disk_health" = Get "/nodes/{node}/disks/smart" (SmartQuery) -> Smart;
    UPDATES "node(n).updates" = Get "/nodes/{node}/apt/update" () -> Vec<Package>;
    VERSIONS "node(n).package_versions" = Get "/nodes/{node}/apt/versions" () -> Vec<Package>;
}

impl Node<'_> {
    /// The node's name servers.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn dns(&self) -> Result<Dns> {
        self.connection.send(&DNS, &[self.name], &()).await
    }

    /// The node's clock.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn time(&self) -> Result<NodeTime> {
        self.connection.send(&TIME, &[self.name], &()).await
    }

    /// The node's services.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn services(&self) -> Result<Vec<Service>> {
        self.connection.send(&SERVICES, &[self.name], &()).await
    }

    /// One service of the node.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn service(&self, service: &str) -> Result<Service> {
        self.connection.send(&SERVICE, &[self.name, service], &()).await
    }

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
}
