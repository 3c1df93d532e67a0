//! Turning guests into templates.

use crate::state::Cluster;
use crate::storage::VolumeId;
use crate::tasks::End;

use super::drive::{Drive, Mount};
use super::{GuestKind, OnGuest, Section, options, volumes};

/// Makes a template of a guest: its images become bases, and it never starts again.
///
/// # Errors
/// What the worker ends with.
pub fn convert(cluster: &mut Cluster, on: OnGuest, node: &str, only: Option<&str>, at_ms: i64) -> Result<End, String> {
    cluster.require_writable(on.kind, node, on.vmid)?;
    cluster.touch_guest(on.vmid, at_ms);
    let guest = cluster.guests.require(on.kind, node, on.vmid)?;
    let current = guest.config.current.clone();
    let mut changed = Section::new();
    for (key, value) in &current {
        if !options::is_volume(on.kind, key) || only.is_some_and(|only| only != key) {
            continue;
        }
        let Some(id) = volumes::volume_of(on.kind, value) else { continue };
        if let Some(base) = rename_to_base(cluster, &id, node, on.vmid) {
            let text = match on.kind {
                GuestKind::Qemu => {
                    let mut drive = Drive::parse(value);
                    drive.set_file(base.to_string());
                    drive.print()
                }
                GuestKind::Lxc => {
                    let mut mount = Mount::parse(value);
                    mount.set_volume(base.to_string());
                    mount.print()
                }
            };
            changed.insert(key.clone(), text);
        }
    }
    if let Some(guest) = cluster.guests.get_mut(on.vmid) {
        guest.config.current.extend(changed);
        guest.config.set("template", "1");
    }
    Ok(End::Ok)
}

/// Renames an image that belongs to the guest to a base image.
fn rename_to_base(cluster: &mut Cluster, id: &VolumeId, node: &str, vmid: u32) -> Option<VolumeId> {
    if !volumes::belongs_to(id, vmid) {
        return None;
    }
    let (directory, file) =
        id.name.rsplit_once('/').map_or(("", id.name.as_str()), |(directory, file)| (directory, file));
    let file = match (file.strip_prefix("vm-"), file.strip_prefix("subvol-")) {
        (Some(rest), _) => format!("base-{rest}"),
        (_, Some(rest)) => format!("basevol-{rest}"),
        _ => return None,
    };
    let name = if directory.is_empty() { file } else { format!("{directory}/{file}") };
    let base = VolumeId::new(&id.storage, name);
    let volume = cluster.storages.take(id, node)?;
    cluster.storages.put(&base, node, volume);
    Some(base)
}
