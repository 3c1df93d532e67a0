//! Volume ids and what the name of a volume says on each type of storage.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `STORAGE:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VolumeId {
    /// The storage.
    pub storage: String,
    /// The name on it, `100/vm-100-disk-0.raw`.
    pub name: String,
}

impl VolumeId {
    /// Puts an id together.
    pub fn new(storage: impl Into<String>, name: impl Into<String>) -> Self {
        Self { storage: storage.into(), name: name.into() }
    }

    /// Takes a text apart; `None` when it has not the form of a volume id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (storage, name) = text.split_once(':')?;
        if name.is_empty() || name.contains(char::is_whitespace) || !is_storage_id(storage) {
            return None;
        }
        Some(Self::new(storage, name))
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.storage, self.name)
    }
}

fn is_storage_id(text: &str) -> bool {
    text.len() >= 2
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// What a volume's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeName {
    /// `images`, `rootdir`, `iso`, `vztmpl`, `backup`, `snippets`, `import`.
    pub content: &'static str,
    /// The guest it belongs to.
    pub vmid: Option<u32>,
    /// The file or volume, without the directory.
    pub file: String,
    /// The volume it is a linked clone of.
    pub base: Option<String>,
    /// Whether it is the base of linked clones itself.
    pub is_base: bool,
    /// `raw`, `qcow2`, `vmdk`, `subvol`.
    pub format: String,
}

/// Reads a name on a storage of this type.
///
/// # Errors
/// The text that the real storage plugin dies with.
pub fn parse_name(storage_type: &str, name: &str) -> Result<VolumeName, String> {
    match storage_type {
        "lvm" | "lvmthin" | "rbd" | "zfs" | "iscsi" | "iscsidirect" => block_name(storage_type, name),
        "zfspool" => zfs_name(name),
        "pbs" => pbs_name(name),
        _ => directory_name(name),
    }
}

fn plain(content: &'static str, file: &str, vmid: Option<u32>) -> VolumeName {
    VolumeName { content, vmid, file: file.to_owned(), base: None, is_base: false, format: "raw".into() }
}

fn directory_name(name: &str) -> Result<VolumeName, String> {
    let bad = || format!("unable to parse directory volume name '{name}'");
    let (head, tail) = name.split_once('/').ok_or_else(bad)?;
    if tail.is_empty() {
        return Err(bad());
    }
    if let Ok(vmid) = head.parse::<u32>() {
        let parts: Vec<&str> = tail.split('/').collect();
        return match parts.as_slice() {
            [file] => image(file, vmid, None),
            [base, owner, file] => match owner.parse() {
                Ok(owner) => image(file, owner, Some(format!("{head}/{base}"))),
                Err(_) => Err(bad()),
            },
            _ => Err(bad()),
        };
    }
    if tail.contains('/') {
        return Err(bad());
    }
    match head {
        "iso" if has_extension(tail, &[".iso", ".img"]) => Ok(plain("iso", tail, None)),
        "vztmpl" if has_extension(tail, &[".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tgz", ".tar"]) => {
            Ok(plain("vztmpl", tail, None))
        }
        "backup" if is_backup_file(tail) => Ok(plain("backup", tail, backup_owner(tail))),
        "snippets" => Ok(plain("snippets", tail, None)),
        "import" if has_extension(tail, &[".ova", ".ovf", ".qcow2", ".raw", ".vmdk"]) => {
            Ok(plain("import", tail, None))
        }
        "rootdir" => tail.parse().map(|vmid| plain("rootdir", tail, Some(vmid))).map_err(|_| bad()),
        _ => Err(bad()),
    }
}

fn image(file: &str, vmid: u32, base: Option<String>) -> Result<VolumeName, String> {
    let (stem, format) = file.rsplit_once('.').unwrap_or((file, ""));
    let known =
        ["vm-", "base-", "subvol-"].iter().any(|prefix| stem.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()));
    if !known || !["raw", "qcow2", "vmdk", "subvol"].contains(&format) {
        return Err(format!("unable to parse volume filename '{file}'"));
    }
    Ok(VolumeName {
        content: "images",
        vmid: Some(vmid),
        file: file.to_owned(),
        base,
        is_base: stem.starts_with("base-"),
        format: format.to_owned(),
    })
}

fn owned(prefixes: &[&str], name: &str) -> Option<u32> {
    let rest = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix))?;
    let (vmid, rest) = rest.split_once('-')?;
    if rest.is_empty() { None } else { vmid.parse().ok() }
}

fn block_name(storage_type: &str, name: &str) -> Result<VolumeName, String> {
    let (base, file) = match name.split_once('/') {
        Some((base, file)) => (Some(base.to_owned()), file),
        None => (None, name),
    };
    let vmid = owned(&["vm-", "base-", "snap_vm-"], file).ok_or_else(|| {
        format!("unable to parse {} volume name '{name}'", if storage_type == "lvmthin" { "lvm" } else { storage_type })
    })?;
    Ok(VolumeName {
        content: "images",
        vmid: Some(vmid),
        file: file.to_owned(),
        base,
        is_base: file.starts_with("base-"),
        format: "raw".into(),
    })
}

fn zfs_name(name: &str) -> Result<VolumeName, String> {
    let (base, file) = match name.split_once('/') {
        Some((base, file)) => (Some(base.to_owned()), file),
        None => (None, name),
    };
    let vmid = owned(&["vm-", "base-", "subvol-", "basevol-"], file)
        .ok_or_else(|| format!("unable to parse zfs volume name '{name}'"))?;
    let subvolume = file.starts_with("subvol-") || file.starts_with("basevol-");
    Ok(VolumeName {
        content: if subvolume { "rootdir" } else { "images" },
        vmid: Some(vmid),
        file: file.to_owned(),
        base,
        is_base: file.starts_with("base"),
        format: if subvolume { "subvol" } else { "raw" }.into(),
    })
}

fn pbs_name(name: &str) -> Result<VolumeName, String> {
    let bad = || format!("unable to parse PBS volume name '{name}'");
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        ["backup", kind @ ("vm" | "ct" | "host"), id, time] if !time.is_empty() => Ok(VolumeName {
            content: "backup",
            vmid: id.parse().ok(),
            file: name.to_owned(),
            base: None,
            is_base: false,
            format: format!("pbs-{kind}"),
        }),
        _ => Err(bad()),
    }
}

/// Whether a name ends with one of these, in any case.
#[must_use]
pub fn has_extension(name: &str, extensions: &[&str]) -> bool {
    let lower = name.to_ascii_lowercase();
    extensions.iter().any(|extension| lower.len() > extension.len() && lower.ends_with(extension))
}

/// Whether a file name is that of a backup archive.
#[must_use]
pub fn is_backup_file(name: &str) -> bool {
    has_extension(
        name,
        &[
            ".tgz", ".tar", ".tar.gz", ".tar.lzo", ".tar.zst", ".tar.bz2", ".vma", ".vma.gz", ".vma.lzo", ".vma.zst",
            ".vma.bz2",
        ],
    )
}

/// The guest that a backup archive is of.
#[must_use]
pub fn backup_owner(file: &str) -> Option<u32> {
    let rest = file.strip_prefix("vzdump-")?;
    let rest = ["lxc-", "qemu-", "openvz-"].iter().find_map(|kind| rest.strip_prefix(kind))?;
    rest.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_a_directory() {
        let linked = parse_name("dir", "100/base-100-disk-0.qcow2/110/vm-110-disk-0.qcow2").unwrap();
        assert_eq!((linked.vmid, linked.base.as_deref()), (Some(110), Some("100/base-100-disk-0.qcow2")));
        assert_eq!(parse_name("dir", "x").unwrap_err(), "unable to parse directory volume name 'x'");
        assert_eq!(parse_name("dir", "100/other.raw").unwrap_err(), "unable to parse volume filename 'other.raw'");
        assert_eq!(parse_name("dir", "backup/vzdump-lxc-200-2026_11_21-01_59_34.tar.gz").unwrap().vmid, Some(200));
        assert_eq!(parse_name("dir", "backup/none.tar").unwrap().vmid, None);
        assert!(parse_name("dir", "backup/x").is_err());
    }

    #[test]
    fn names_elsewhere() {
        assert_eq!(parse_name("lvmthin", "vm-100-disk-0").unwrap().vmid, Some(100));
        assert_eq!(parse_name("zfspool", "subvol-101-disk-0").unwrap().format, "subvol");
        assert_eq!(parse_name("pbs", "backup/ct/101/2026-01-31T12:00:00Z").unwrap().format, "pbs-ct");
    }
}
