//! One volume on a storage: an image, an ISO, a template, a backup archive.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::guests::GuestKind;

use super::volid::VolumeName;

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// `images`, `iso`, `vztmpl`, `backup`, `snippets`, `import`. Whether an image is one of a container is decided by
    /// who owns it.
    pub content: String,
    /// `raw`, `qcow2`, `tar.zst`, …
    pub format: String,
    /// Bytes.
    pub size: u64,
    /// Bytes taken on the storage.
    pub used: u64,
    /// Unix seconds.
    pub ctime: i64,
    /// The guest it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmid: Option<u32>,
    /// The volume it is a linked clone of, as the storage writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Notes of a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// A backup that may not be removed.
    #[serde(default)]
    pub protected: bool,
    /// Whether an operating system is on it, so that a guest that starts from it reacts to a shutdown request. Empty
    /// images have none.
    #[serde(default)]
    pub bootable: bool,
    /// Task that verified a backup on its server, and the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<(String, String)>,
    /// What is in a backup archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
}

/// What is in a backup archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Of which kind of guest it is.
    pub kind: GuestKind,
    /// Its configuration at that time, as a file.
    pub config: String,
    /// The volumes in it, by option: size in bytes and whether an operating system is on it.
    pub volumes: BTreeMap<String, (u64, bool)>,
}

impl Volume {
    /// A new, empty image.
    #[must_use]
    pub fn image(name: &VolumeName, size: u64, now: i64) -> Self {
        let used = match name.format.as_str() {
            "qcow2" => 262_144 + size / 1024,
            _ => 4096,
        };
        Self {
            content: "images".into(),
            format: name.format.clone(),
            size,
            used,
            ctime: now,
            vmid: name.vmid,
            parent: None,
            notes: None,
            protected: false,
            bootable: false,
            verification: None,
            archive: None,
        }
    }

    /// A file of this size: an ISO, a template.
    #[must_use]
    pub fn file(content: &str, name: &str, size: u64, now: i64) -> Self {
        Self {
            content: content.to_owned(),
            format: file_format(content, name),
            size,
            used: size.next_multiple_of(4096),
            ctime: now,
            vmid: None,
            parent: None,
            notes: None,
            protected: false,
            bootable: content == "iso",
            verification: None,
            archive: None,
        }
    }

    /// A row of a content list.
    #[must_use]
    pub fn to_json(&self, volid: &str, owner: Option<GuestKind>) -> Value {
        let mut row = Map::new();
        row.insert("volid".into(), json!(volid));
        row.insert("format".into(), json!(self.format));
        row.insert("size".into(), json!(self.size));
        row.insert("ctime".into(), json!(self.ctime));
        if let Some(vmid) = self.vmid {
            row.insert("vmid".into(), json!(vmid));
        }
        match self.content.as_str() {
            "images" => {
                let content = if owner == Some(GuestKind::Lxc) { "rootdir" } else { "images" };
                row.insert("content".into(), json!(content));
                row.insert("used".into(), json!(self.used));
                row.insert("parent".into(), json!(self.parent));
            }
            content => {
                row.insert("content".into(), json!(content));
                if let Some(archive) = &self.archive {
                    row.insert("subtype".into(), json!(archive.kind.api()));
                }
                if let Some(notes) = self.notes.as_deref().filter(|notes| !notes.is_empty()) {
                    row.insert("notes".into(), json!(notes));
                }
                if self.protected {
                    row.insert("protected".into(), json!(1));
                }
                if let Some((upid, state)) = &self.verification {
                    row.insert("verification".into(), json!({ "upid": upid, "state": state }));
                }
            }
        }
        Value::Object(row)
    }
}

fn file_format(content: &str, name: &str) -> String {
    match content {
        "iso" => "iso".into(),
        "snippets" => "snippet".into(),
        "vztmpl" => match name.rsplit_once(".tar") {
            Some((_, ".gz")) => "tgz",
            Some((_, ".xz")) => "txz",
            Some((_, ".zst")) => "tzst",
            Some((_, ".bz2")) => "tbz2",
            Some((_, "")) => "tar",
            _ => "tgz",
        }
        .into(),
        "backup" => backup_format(name),
        _ => name.rsplit_once('.').map_or_else(|| "raw".to_owned(), |(_, extension)| extension.to_owned()),
    }
}

/// `tar.zst` of `vzdump-lxc-100-….tar.zst`.
#[must_use]
pub fn backup_format(name: &str) -> String {
    for kind in [".tar", ".vma"] {
        if let Some(at) = name.rfind(kind)
            && let Some(format) = name.get(at + 1..)
        {
            return format.to_owned();
        }
    }
    "tgz".into()
}
