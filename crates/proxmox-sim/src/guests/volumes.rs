//! The volumes of guests: finding them in configurations, making what a configuration asks for, letting them go.

use crate::state::Cluster;
use crate::storage::{NewVolume, VolumeId};

use super::drive::{Drive, Mount, Source};
use super::{GuestConfig, GuestKind, Section, options, sizes};

/// For whom volumes are made.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// What it is.
    pub kind: GuestKind,
    /// Its number.
    pub vmid: u32,
    /// The node it is on.
    pub node: &'a str,
    /// Unix seconds.
    pub now: i64,
    /// Where volumes go for which no storage is named.
    pub storage: Option<&'a str>,
}

/// The keys of a section that name volumes, in the order in which the real server goes through them: drives by name, mount points
/// with the root first.
#[must_use]
pub fn keys(kind: GuestKind, section: &Section) -> Vec<String> {
    let mut keys: Vec<String> = section.keys().filter(|key| options::is_volume(kind, key)).cloned().collect();
    if kind == GuestKind::Lxc {
        keys.sort_by_key(
            |key| if key == "rootfs" { (0, 0) } else { (1, options::numbered(key).map_or(0, |(_, n)| n)) },
        );
    }
    keys
}

/// The volume that a value names, if it names an existing one.
#[must_use]
pub fn volume_of(kind: GuestKind, value: &str) -> Option<VolumeId> {
    match kind {
        GuestKind::Qemu => Drive::parse(value).volume(),
        GuestKind::Lxc => match Mount::parse(value).source() {
            Source::Volume(id) => Some(id),
            _ => None,
        },
    }
}

/// Every volume that a section names, `unusedN` included; CD images are not the guest's own and left out.
#[must_use]
pub fn owned(kind: GuestKind, section: &Section) -> Vec<(String, VolumeId)> {
    section
        .iter()
        .filter_map(|(key, value)| {
            if key.starts_with("unused") {
                return VolumeId::parse(value).map(|id| (key.clone(), id));
            }
            if !options::is_volume(kind, key) {
                return None;
            }
            if kind == GuestKind::Qemu && Drive::parse(value).is_cdrom() {
                return None;
            }
            volume_of(kind, value).map(|id| (key.clone(), id))
        })
        .collect()
}

/// Whether a guest has an operating system that answers requests: one is on a volume it starts from.
#[must_use]
pub fn is_bootable(cluster: &Cluster, vmid: u32) -> bool {
    let Some(guest) = cluster.guests.get(vmid) else { return false };
    guest.kind == GuestKind::Lxc
        || owned(guest.kind, &guest.config.current)
            .iter()
            .any(|(_, id)| cluster.storages.volume(id, &guest.node).is_some_and(|volume| volume.bootable))
}

/// Makes what these drives or mount points ask for and returns what is to be stored. On an error everything made is removed again.
///
/// # Errors
/// What the worker ends with.
pub fn realize(
    cluster: &mut Cluster,
    owner: &Owner<'_>,
    wanted: &Section,
    log: &mut Vec<String>,
) -> Result<Section, String> {
    let mut made: Vec<VolumeId> = Vec::new();
    let mut out = Section::new();
    for key in keys(owner.kind, wanted) {
        let Some(value) = wanted.get(&key) else { continue };
        let result = match owner.kind {
            GuestKind::Qemu => realize_drive(cluster, owner, &key, value, &mut made, log),
            GuestKind::Lxc => realize_mount(cluster, owner, value, &mut made, log),
        };
        match result {
            Ok(value) => {
                out.insert(key, value);
            }
            Err(text) => {
                for id in made {
                    cluster.storages.take(&id, owner.node);
                }
                return Err(text);
            }
        }
    }
    Ok(out)
}

fn realize_drive(
    cluster: &mut Cluster,
    owner: &Owner<'_>,
    key: &str,
    value: &str,
    made: &mut Vec<VolumeId>,
    log: &mut Vec<String>,
) -> Result<String, String> {
    let mut drive = Drive::parse(value);
    match drive.source() {
        Source::Empty | Source::HostCdrom | Source::Path(_) => drive.remove("size"),
        Source::CloudInit { storage } => {
            let format = drive.get("format").map(str::to_owned);
            let id = cloudinit_volume(cluster, owner, &storage, format.as_deref())?;
            log.push(format!("{key}: successfully created disk '{id},media=cdrom'"));
            made.push(id.clone());
            drive.set_file(id.to_string());
            drive.set("media", "cdrom");
            drive.remove("format");
        }
        Source::New { storage, gib } => {
            let storage = storage
                .or_else(|| owner.storage.map(str::to_owned))
                .ok_or("no storage ID specified (and no default storage)")?;
            let (size, bootable) = match key {
                "tpmstate0" => (4 << 20, false),
                "efidisk0" => (efi_bytes(cluster, &drive)?, false),
                _ => match drive.get("import-from").and_then(VolumeId::parse) {
                    Some(source) => {
                        let source_volume = cluster
                            .storages
                            .volume(&source, owner.node)
                            .ok_or_else(|| format!("volume '{source}' does not exist"))?;
                        (source_volume.size, true)
                    }
                    None => (sizes::vm_disk_bytes(&gib).ok_or("unable to parse size")?, false),
                },
            };
            let format = drive.get("format").map(str::to_owned);
            let raw = if key == "tpmstate0" { Some("raw") } else { format.as_deref() };
            let id = cluster.storages.allocate(&NewVolume {
                storage: &storage,
                node: owner.node,
                vmid: owner.vmid,
                prefix: "vm",
                format: raw,
                size,
                bootable,
                now: owner.now,
            })?;
            made.push(id.clone());
            log.push(cluster.storages.formatting_line(&id, owner.node));
            drive.set_file(id.to_string());
            drive.set("size", sizes::format(size));
            drive.remove("format");
            drive.remove("import-from");
            log.push(format!("{key}: successfully created disk '{}'", drive.print()));
        }
        Source::Volume(id) => {
            let size = cluster
                .storages
                .volume(&id, owner.node)
                .map(|volume| if volume.content == "iso" { volume.size.next_multiple_of(512) } else { volume.size })
                .ok_or_else(|| format!("volume '{id}' does not exist"))?;
            drive.set("size", sizes::format(size));
        }
    }
    Ok(drive.print())
}

fn cloudinit_volume(
    cluster: &mut Cluster,
    owner: &Owner<'_>,
    storage: &str,
    format: Option<&str>,
) -> Result<VolumeId, String> {
    let definition = cluster.storages.require_on(storage, owner.node)?;
    let path_based = definition.storage_type().is_some_and(crate::storage::types::StorageType::is_path_based);
    let name = if path_based {
        format!("{0}/vm-{0}-cloudinit.{1}", owner.vmid, format.unwrap_or("qcow2"))
    } else {
        format!("vm-{}-cloudinit", owner.vmid)
    };
    let id = VolumeId::new(storage, name);
    cluster.storages.create(&id, owner.node, 4 << 20, owner.now)?;
    Ok(id)
}

fn efi_bytes(cluster: &Cluster, drive: &Drive) -> Result<u64, String> {
    if !cluster.behaviour.efi_firmware {
        return Err("EFI base image '/usr/share/pve-edk2-firmware//OVMF_CODE_4M.secboot.fd' not found".into());
    }
    Ok(if drive.get("efitype") == Some("4m") { 528 * 1024 } else { 128 * 1024 })
}

fn realize_mount(
    cluster: &mut Cluster,
    owner: &Owner<'_>,
    value: &str,
    made: &mut Vec<VolumeId>,
    log: &mut Vec<String>,
) -> Result<String, String> {
    let mut mount = Mount::parse(value);
    match mount.source() {
        Source::New { storage, gib } => {
            let storage = storage.or_else(|| owner.storage.map(str::to_owned)).unwrap_or_else(|| "local".into());
            let size = sizes::ct_volume_bytes(&gib).ok_or("unable to parse size")?;
            let kind = cluster.storages.require_on(&storage, owner.node)?.kind;
            let subvolume = size == 0 || matches!(kind.as_str(), "zfspool" | "btrfs");
            let id = cluster.storages.allocate(&NewVolume {
                storage: &storage,
                node: owner.node,
                vmid: owner.vmid,
                prefix: if subvolume { "subvol" } else { "vm" },
                format: Some(if subvolume { "subvol" } else { "raw" }),
                size,
                bootable: true,
                now: owner.now,
            })?;
            made.push(id.clone());
            if !subvolume {
                log.push(cluster.storages.formatting_line(&id, owner.node));
            }
            mount.set_volume(id.to_string());
            mount.set("size", sizes::format(size));
        }
        Source::Volume(id) => {
            let volume =
                cluster.storages.volume(&id, owner.node).ok_or_else(|| format!("volume '{id}' does not exist"))?;
            mount.set("size", sizes::format(volume.size));
        }
        _ => {}
    }
    Ok(mount.print())
}

/// Notes a volume that is no longer used under the next free `unusedN`, unless the configuration still names it.
pub fn keep_as_unused(kind: GuestKind, config: &mut GuestConfig, vmid: u32, value: &str) {
    if kind == GuestKind::Qemu && Drive::parse(value).is_cdrom() {
        return;
    }
    let Some(id) = volume_of(kind, value) else { return };
    if id.name.contains("cloudinit") || !belongs_to(&id, vmid) {
        return;
    }
    let text = id.to_string();
    let named = config.current.iter().any(|(key, value)| {
        (options::is_volume(kind, key) || key.starts_with("unused"))
            && volume_of(kind, value).is_some_and(|other| other == id)
    });
    if !named && let Some(key) = config.free_unused() {
        config.set(&key, text);
    }
}

/// Whether a volume's name says that it belongs to this guest.
#[must_use]
pub fn belongs_to(id: &VolumeId, vmid: u32) -> bool {
    let file = id.name.rsplit('/').next().unwrap_or_default();
    ["vm-", "base-", "subvol-", "basevol-"].iter().any(|prefix| {
        file.strip_prefix(prefix).is_some_and(|rest| rest.split('-').next() == Some(vmid.to_string().as_str()))
    })
}

/// Drops `unusedN` entries whose volume is in use again.
pub fn forget_used(kind: GuestKind, config: &mut GuestConfig) {
    let used: Vec<VolumeId> = config
        .current
        .iter()
        .filter(|(key, _)| options::is_volume(kind, key))
        .filter_map(|(_, value)| volume_of(kind, value))
        .collect();
    config.current.retain(|key, value| {
        !(key.starts_with("unused") && VolumeId::parse(value).is_some_and(|id| used.contains(&id)))
    });
}
