//! Storages: their definitions, the volumes on them and how full they are.
//!
//! State and rules only; who may do what is decided by the handlers in [`crate::api`].

pub mod definition;
pub mod job;
pub mod prune;
pub mod types;
pub mod volid;
pub mod volume;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::guests::sizes;
use crate::state::digest::sha1_hex;

pub use definition::Definition;
pub use volid::{VolumeId, VolumeName};
pub use volume::{Archive, Volume};

/// What stands for "every node" in the keys of volumes on shared storages.
const EVERYWHERE: &str = "*";

/// All storages of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Storages {
    /// The definitions that were written; `local` need not be among them.
    definitions: BTreeMap<String, Definition>,
    /// Volumes by storage, then node (or all of them), then name.
    volumes: BTreeMap<String, BTreeMap<String, BTreeMap<String, Volume>>>,
    /// Size and foreign use of storages whose figures are not the default, by storage and node.
    spaces: BTreeMap<String, BTreeMap<String, Space>>,
    /// Servers of network storages that answer.
    pub reachable_servers: Vec<String>,
    /// When definitions were written, Unix milliseconds.
    defined_at: BTreeMap<String, i64>,
}

/// How big a storage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Bytes.
    pub total: u64,
    /// Bytes taken by other things than the volumes known here.
    pub other: u64,
    /// Bytes kept for the system: neither used nor available.
    pub reserved: u64,
}

impl Default for Space {
    fn default() -> Self {
        Self { total: 270_553_174_016, other: 26_900_000_000, reserved: 172_980_000_000 }
    }
}

/// State of a storage on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Defined, switched on and allowed on the node.
    pub enabled: bool,
    /// Usable now.
    pub active: bool,
    /// Bytes; all zero when not active.
    pub total: u64,
    /// Bytes.
    pub used: u64,
    /// Bytes.
    pub available: u64,
}

impl Storages {
    /// A definition by id; `local` always exists.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Definition> {
        match self.definitions.get(id) {
            Some(definition) => Some(definition.clone()),
            None if id == "local" => Some(Definition::implied_local()),
            None => None,
        }
    }

    /// A definition by id.
    ///
    /// # Errors
    /// `storage 'x' does not exist`.
    pub fn require(&self, id: &str) -> Result<Definition, String> {
        self.get(id).ok_or_else(|| format!("storage '{id}' does not exist"))
    }

    /// A definition that a node may use now.
    ///
    /// # Errors
    /// That it does not exist, is disabled, or is not available on the node.
    pub fn require_on(&self, id: &str, node: &str) -> Result<Definition, String> {
        let definition = self.require(id)?;
        if definition.is_disabled() {
            return Err(format!("storage '{id}' is disabled"));
        }
        if !definition.allows_node(node) {
            return Err(format!("storage '{id}' is not available on node '{node}'"));
        }
        Ok(definition)
    }

    /// All definitions by id.
    #[must_use]
    pub fn all(&self) -> Vec<(String, Definition)> {
        let mut all: Vec<(String, Definition)> =
            self.definitions.iter().map(|(id, d)| (id.clone(), d.clone())).collect();
        if !self.definitions.contains_key("local") {
            all.push(("local".into(), Definition::implied_local()));
        }
        all
    }

    /// Writes a definition. Writing any of them also writes the implied `local`, then without its priority.
    pub fn define(&mut self, id: &str, definition: Definition) {
        self.definitions.insert(id.to_owned(), definition);
        self.write_local();
    }

    /// Notes when a definition was written: until the next telling the other nodes know nothing of its figures.
    pub fn note_defined(&mut self, id: &str, now_ms: i64) {
        self.defined_at.insert(id.to_owned(), now_ms);
    }

    /// When a definition was written, Unix milliseconds; 0 for old ones.
    #[must_use]
    pub fn known_since(&self, id: &str) -> i64 {
        self.defined_at.get(id).copied().unwrap_or(0)
    }

    fn write_local(&mut self) {
        let mut local = Definition::implied_local();
        local.options.remove("priority");
        self.definitions.entry("local".into()).or_insert(local);
    }

    /// Removes a definition; what is on the storage stays there.
    pub fn undefine(&mut self, id: &str) {
        if id != "local" {
            self.write_local();
        }
        self.definitions.remove(id);
    }

    /// Digest of the configuration file, which is empty until something is written.
    #[must_use]
    pub fn digest(&self) -> String {
        sha1_hex(&self.definitions.iter().map(|(id, definition)| definition.render(id)).collect::<String>())
    }

    /// Where a storage keeps a volume on disk, as messages name it.
    #[must_use]
    pub fn volume_path(&self, id: &VolumeId) -> String {
        let Some(definition) = self.get(&id.storage) else { return id.name.clone() };
        let Some(base) = definition.path(&id.storage) else {
            return match definition.kind.as_str() {
                "zfspool" => format!("/dev/zvol/{}/{}", definition.get("pool").unwrap_or_default(), id.name),
                "pbs" => id.to_string(),
                _ => format!("/dev/{}/{}", definition.get("vgname").unwrap_or_default(), id.name),
            };
        };
        match volid::parse_name(&definition.kind, &id.name) {
            Ok(name) => match name.content {
                "images" => format!("{base}/images/{}/{}", name.vmid.unwrap_or_default(), name.file),
                "iso" => format!("{base}/template/iso/{}", name.file),
                "vztmpl" => format!("{base}/template/cache/{}", name.file),
                "backup" => format!("{base}/dump/{}", name.file),
                content => format!("{base}/{content}/{}", name.file),
            },
            Err(_) => format!("{base}/images/{}", id.name),
        }
    }

    /// Reads a volume name according to the type of its storage.
    ///
    /// # Errors
    /// That the storage does not exist, or what its plugin says about the name.
    pub fn parse(&self, id: &VolumeId) -> Result<VolumeName, String> {
        volid::parse_name(&self.require(&id.storage)?.kind, &id.name)
    }

    fn place(&self, storage: &str, node: &str) -> String {
        if self.get(storage).is_some_and(|definition| definition.is_shared()) { EVERYWHERE.into() } else { node.into() }
    }

    fn on(&self, storage: &str, node: &str) -> Option<&BTreeMap<String, Volume>> {
        self.volumes.get(storage)?.get(&self.place(storage, node))
    }

    /// A volume as a node sees it.
    #[must_use]
    pub fn volume(&self, id: &VolumeId, node: &str) -> Option<&Volume> {
        self.on(&id.storage, node)?.get(&id.name)
    }

    /// A volume as a node sees it, to change it.
    pub fn volume_mut(&mut self, id: &VolumeId, node: &str) -> Option<&mut Volume> {
        let place = self.place(&id.storage, node);
        self.volumes.get_mut(&id.storage)?.get_mut(&place)?.get_mut(&id.name)
    }

    /// Puts a volume there, over an older one of that name.
    pub fn put(&mut self, id: &VolumeId, node: &str, volume: Volume) {
        let place = self.place(&id.storage, node);
        self.volumes.entry(id.storage.clone()).or_default().entry(place).or_default().insert(id.name.clone(), volume);
    }

    /// Takes a volume away.
    pub fn take(&mut self, id: &VolumeId, node: &str) -> Option<Volume> {
        let place = self.place(&id.storage, node);
        self.volumes.get_mut(&id.storage)?.get_mut(&place)?.remove(&id.name)
    }

    /// Sets what is on a storage that mirrors a server, and its space (total, used, available).
    pub fn mirror(&mut self, storage: &str, volumes: BTreeMap<String, Volume>, space: Option<(u64, u64, u64)>) {
        self.volumes.entry(storage.to_owned()).or_default().insert(EVERYWHERE.to_owned(), volumes);
        let spaces = self.spaces.entry(storage.to_owned()).or_default();
        match space {
            Some((total, other, available)) => {
                let reserved = total.saturating_sub(other).saturating_sub(available);
                spaces.insert(EVERYWHERE.to_owned(), Space { total, other, reserved });
            }
            None => {
                self.spaces.remove(storage);
            }
        }
    }

    /// All volumes of a storage as a node sees them.
    #[must_use]
    pub fn list(&self, storage: &str, node: &str) -> Vec<(VolumeId, &Volume)> {
        let Some(volumes) = self.on(storage, node) else { return Vec::new() };
        volumes.iter().map(|(name, volume)| (VolumeId::new(storage, name), volume)).collect()
    }

    /// The names a guest's volumes have on a storage, to find a free one.
    fn free_name(&self, storage: &str, node: &str, vmid: u32, prefix: &str, format: &str) -> Result<String, String> {
        let definition = self.require(storage)?;
        let taken: Vec<String> = self
            .list(storage, node)
            .iter()
            .map(|(id, _)| id.name.rsplit('/').next().unwrap_or_default().to_owned())
            .collect();
        let path_based = definition.storage_type().is_some_and(types::StorageType::is_path_based);
        for number in 0..10_000 {
            let stem = format!("-{vmid}-disk-{number}");
            let used = taken.iter().any(|name| {
                let name = if path_based {
                    name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem)
                } else {
                    name.as_str()
                };
                name.ends_with(&stem)
            });
            if !used {
                let name = format!("{prefix}{stem}");
                return Ok(if path_based { format!("{vmid}/{name}.{format}") } else { name });
            }
        }
        Err(format!("unable to allocate an image name for VM {vmid} in storage '{storage}'"))
    }

    /// Makes a new volume for a guest and returns its id.
    ///
    /// # Errors
    /// That the storage is not there, does not take it, or is full, in the words of the real one.
    pub fn allocate(&mut self, request: &NewVolume<'_>) -> Result<VolumeId, String> {
        let definition = self.require_on(request.storage, request.node)?;
        let default_format = definition
            .get("format")
            .or_else(|| definition.storage_type().and_then(|kind| kind.formats.first().copied()))
            .unwrap_or("raw")
            .to_owned();
        let format = match request.format {
            Some(format) if definition.storage_type().is_some_and(|kind| kind.formats.contains(&format)) => {
                format.to_owned()
            }
            Some(format) => return Err(format!("unsupported format '{format}'")),
            None => default_format,
        };
        let id = VolumeId::new(
            request.storage,
            self.free_name(request.storage, request.node, request.vmid, request.prefix, &format)?,
        );
        self.create(&id, request.node, request.size, request.now)?;
        if let Some(volume) = self.volume_mut(&id, request.node) {
            volume.bootable = request.bootable;
        }
        Ok(id)
    }

    /// Makes a new volume of this name.
    ///
    /// # Errors
    /// That it is too big, or that there is no space.
    pub fn create(&mut self, id: &VolumeId, node: &str, size: u64, now: i64) -> Result<(), String> {
        let name = self.parse(id)?;
        let path = self.volume_path(id);
        // ext4 takes files of up to 16 TiB.
        if name.format == "raw" && size > 16 * 1024 * 1024 * 1024 * 1024 {
            return Err(format!(
                "unable to create image: qemu-img: {path}: The image size is too large for file format 'raw'"
            ));
        }
        if self.usage(&id.storage, node).available == 0 {
            return Err(format!("unable to create image: qemu-img: {path}: No space left on device"));
        }
        let volume = Volume::image(&name, size, now);
        self.put(id, node, volume);
        Ok(())
    }

    /// How full a storage is on a node.
    #[must_use]
    pub fn usage(&self, storage: &str, node: &str) -> Usage {
        let none = Usage { enabled: false, active: false, total: 0, used: 0, available: 0 };
        let Some(definition) = self.get(storage) else { return none };
        if definition.is_disabled() || !definition.allows_node(node) {
            return none;
        }
        if !self.is_active(&definition, storage) {
            return Usage { enabled: true, ..none };
        }
        let place = self.place(storage, node);
        let space = self.spaces.get(storage).and_then(|by| by.get(&place)).copied().unwrap_or_default();
        let own: u64 = self.on(storage, node).map_or(0, |volumes| volumes.values().map(|volume| volume.used).sum());
        let used = space.other.saturating_add(own).min(space.total);
        let available = space.total.saturating_sub(used).saturating_sub(space.reserved);
        Usage { enabled: true, active: true, total: space.total, used, available }
    }

    /// Whether what a definition points to is there.
    fn is_active(&self, definition: &Definition, id: &str) -> bool {
        if self.spaces.contains_key(id) {
            return true;
        }
        match definition.kind.as_str() {
            "dir" | "btrfs" => true,
            "nfs" | "cifs" | "cephfs" | "pbs" | "iscsi" | "esxi" => definition
                .get("server")
                .or_else(|| definition.get("portal"))
                .is_some_and(|server| self.is_reachable(server)),
            // Volume groups and pools exist only when the machine is given them.
            _ => false,
        }
    }

    /// Whether a server answers.
    #[must_use]
    pub fn is_reachable(&self, server: &str) -> bool {
        self.reachable_servers.iter().any(|known| known == server)
    }

    /// Gives a storage these figures on a node; also makes it exist there.
    pub fn set_space(&mut self, storage: &str, node: &str, space: Space) {
        let place = self.place(storage, node);
        self.spaces.entry(storage.to_owned()).or_default().insert(place, space);
    }

    /// The figures set with [`Storages::set_space`].
    #[must_use]
    pub fn space(&self, storage: &str, node: &str) -> Option<Space> {
        self.spaces.get(storage)?.get(&self.place(storage, node)).copied()
    }

    /// Whether any volume is a linked clone of this one.
    #[must_use]
    pub fn has_clones(&self, id: &VolumeId, node: &str) -> bool {
        self.list(&id.storage, node)
            .iter()
            .any(|(other, _)| other.name.strip_prefix(&id.name).is_some_and(|rest| rest.starts_with('/')))
    }

    /// Removes a volume as the real server does, which is content when there is none.
    ///
    /// # Errors
    /// That it is protected or that linked clones need it.
    pub fn remove(&mut self, id: &VolumeId, node: &str) -> Result<Option<Volume>, String> {
        let name = self.parse(id)?;
        if self.volume(id, node).is_some_and(|volume| volume.protected) {
            return Err(format!("cannot remove protected volume '{}' on '{}'", id.name, id.storage));
        }
        if name.is_base && self.has_clones(id, node) {
            return Err(format!("base volume '{}' is still in use by linked clones", id.name));
        }
        Ok(self.take(id, node))
    }

    /// The line a formatting tool prints for a new image.
    #[must_use]
    pub fn formatting_line(&self, id: &VolumeId, node: &str) -> String {
        let size = self.volume(id, node).map_or(0, |volume| volume.size);
        let format = self.volume(id, node).map_or("raw", |volume| volume.format.as_str());
        let rest = match format {
            "qcow2" => format!(
                "cluster_size=65536 extended_l2=off preallocation=metadata compression_type=zlib size={size} lazy_refcounts=off refcount_bits=16"
            ),
            "vmdk" => format!("size={size} compat6=off hwversion=undefined"),
            _ => format!("size={size} preallocation=off"),
        };
        format!("Formatting '{}', fmt={format} {rest}", self.volume_path(id))
    }

    /// Every volume of every storage with the node that has it; `None` for shared ones.
    pub fn every_volume(&self) -> impl Iterator<Item = (VolumeId, Option<&str>, &Volume)> {
        self.volumes.iter().flat_map(|(storage, places)| {
            places.iter().flat_map(move |(place, volumes)| {
                let node = if place == EVERYWHERE { None } else { Some(place.as_str()) };
                volumes.iter().map(move |(name, volume)| (VolumeId::new(storage, name), node, volume))
            })
        })
    }
}

/// A wish for a new volume.
#[derive(Debug, Clone, Copy)]
pub struct NewVolume<'a> {
    /// On which storage.
    pub storage: &'a str,
    /// As seen from which node.
    pub node: &'a str,
    /// For which guest.
    pub vmid: u32,
    /// `vm`, `base` or `subvol`.
    pub prefix: &'a str,
    /// `raw`, `qcow2`, …; the storage's own when `None`.
    pub format: Option<&'a str>,
    /// Bytes.
    pub size: u64,
    /// Whether an operating system will be on it.
    pub bootable: bool,
    /// Unix seconds.
    pub now: i64,
}

/// The progress lines of copying an image.
#[must_use]
pub fn transfer_lines(bytes: u64) -> Vec<String> {
    let total = sizes::human(bytes);
    vec![
        format!("transferred 0.0 B of {total} (0.00%)"),
        format!("transferred {total} of {total} (100.00%)"),
        format!("transferred {total} of {total} (100.00%)"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(storage: &'a str, vmid: u32, format: Option<&'a str>) -> NewVolume<'a> {
        NewVolume { storage, node: "pve1", vmid, prefix: "vm", format, size: 1 << 20, bootable: false, now: 1 }
    }

    #[test]
    fn names_count_up_over_all_formats() {
        let mut storages = Storages::default();
        assert_eq!(storages.allocate(&request("local", 100, None)).unwrap().to_string(), "local:100/vm-100-disk-0.raw");
        assert_eq!(
            storages.allocate(&request("local", 100, Some("qcow2"))).unwrap().to_string(),
            "local:100/vm-100-disk-1.qcow2"
        );
    }

    #[test]
    fn the_implied_local_has_an_empty_file_behind_it() {
        let mut storages = Storages::default();
        assert_eq!(storages.digest(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert!(storages.get("local").unwrap().get("priority").is_some());
        storages.define("d1", Definition::new("dir", BTreeMap::from([("path".into(), "/srv/d1".into())])));
        assert!(storages.get("local").unwrap().get("priority").is_none(), "written out without a priority");
    }

    #[test]
    fn a_base_in_use_stays() {
        let mut storages = Storages::default();
        let base = VolumeId::new("local", "100/base-100-disk-0.qcow2");
        let clone = VolumeId::new("local", "100/base-100-disk-0.qcow2/110/vm-110-disk-0.qcow2");
        storages.create(&base, "pve1", 1, 1).unwrap();
        storages.create(&clone, "pve1", 1, 1).unwrap();
        assert!(storages.remove(&base, "pve1").unwrap_err().ends_with("is still in use by linked clones"));
        storages.remove(&clone, "pve1").unwrap();
        assert!(storages.remove(&base, "pve1").unwrap().is_some());
    }
}
