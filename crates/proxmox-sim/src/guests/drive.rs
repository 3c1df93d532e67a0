//! Drives of VMs and mount points of containers: a volume (or a wish for one) and its options.

use super::property::Property;
use crate::storage::volid::VolumeId;

/// What the volume part of a drive or mount point says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An empty CD drive.
    Empty,
    /// The host's CD drive.
    HostCdrom,
    /// A new volume of this many GiB (text, as given) on a storage, or on the default storage.
    New {
        /// The storage, if named.
        storage: Option<String>,
        /// GiB, possibly with a fraction.
        gib: String,
    },
    /// A cloud-init drive to be made on a storage.
    CloudInit {
        /// The storage.
        storage: String,
    },
    /// An existing volume.
    Volume(VolumeId),
    /// A path on the host.
    Path(String),
}

impl Source {
    /// Reads the volume part.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.is_empty() || text == "none" {
            return Self::Empty;
        }
        if text == "cdrom" {
            return Self::HostCdrom;
        }
        if let Some(gib) = size_in_gib(text) {
            return Self::New { storage: None, gib: gib.to_owned() };
        }
        match VolumeId::parse(text) {
            Some(id) if id.name == "cloudinit" => Self::CloudInit { storage: id.storage },
            Some(id) => match size_in_gib(&id.name) {
                Some(gib) => Self::New { gib: gib.to_owned(), storage: Some(id.storage) },
                None => Self::Volume(id),
            },
            None => Self::Path(text.to_owned()),
        }
    }
}

/// A plain number, possibly with a fraction.
fn size_in_gib(text: &str) -> Option<&str> {
    let mut parts = text.splitn(2, '.');
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let whole = parts.next()?;
    let ok = digits(whole) && parts.next().is_none_or(digits);
    if ok { Some(text) } else { None }
}

/// A drive of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drive {
    options: Property,
}

impl Drive {
    /// Reads a drive option.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut options = Property::parse(text, "file");
        if matches!(options.get("file"), Some("none" | "cdrom")) && options.get("media").is_none() {
            options.set("media", "cdrom");
        }
        Self { options }
    }

    /// The stored form.
    #[must_use]
    pub fn print(&self) -> String {
        self.options.print("file", &[])
    }

    /// The volume part as text.
    #[must_use]
    pub fn file(&self) -> &str {
        self.options.get("file").unwrap_or_default()
    }

    /// What the volume part says.
    #[must_use]
    pub fn source(&self) -> Source {
        Source::parse(self.file())
    }

    /// Replaces the volume.
    pub fn set_file(&mut self, file: impl Into<String>) {
        self.options.set("file", file);
    }

    /// An option.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.options.get(key)
    }

    /// Sets an option.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.options.set(key, value);
    }

    /// Removes an option.
    pub fn remove(&mut self, key: &str) {
        self.options.remove(key);
    }

    /// Whether it is a CD drive. A cloud-init drive is none for those who ask about rights.
    #[must_use]
    pub fn is_cdrom(&self) -> bool {
        self.get("media") == Some("cdrom") && !self.is_cloudinit()
    }

    /// Whether it holds cloud-init data.
    #[must_use]
    pub fn is_cloudinit(&self) -> bool {
        match self.source() {
            Source::CloudInit { .. } => true,
            Source::Volume(id) => id.name.contains("cloudinit"),
            _ => false,
        }
    }

    /// The volume, if there is one.
    #[must_use]
    pub fn volume(&self) -> Option<VolumeId> {
        match self.source() {
            Source::Volume(id) => Some(id),
            _ => None,
        }
    }

    /// Its size in bytes as noted in the configuration.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.get("size").and_then(super::sizes::parse).unwrap_or(0)
    }
}

/// A mount point (or the root) of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    options: Property,
}

impl Mount {
    /// Reads a mount point option.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self { options: Property::parse(text, "volume") }
    }

    /// The stored form.
    #[must_use]
    pub fn print(&self) -> String {
        self.options.print("volume", &["mp"])
    }

    /// The volume part as text.
    #[must_use]
    pub fn volume_text(&self) -> &str {
        self.options.get("volume").unwrap_or_default()
    }

    /// What the volume part says.
    #[must_use]
    pub fn source(&self) -> Source {
        Source::parse(self.volume_text())
    }

    /// Replaces the volume.
    pub fn set_volume(&mut self, volume: impl Into<String>) {
        self.options.set("volume", volume);
    }

    /// An option.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.options.get(key)
    }

    /// Sets an option.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.options.set(key, value);
    }

    /// Its size in bytes as noted in the configuration.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.get("size").and_then(super::sizes::parse).unwrap_or(0)
    }

    /// `volume`, `bind` or `device`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.source() {
            Source::Path(path) if path.starts_with("/dev/") => "device",
            Source::Path(path) if path.starts_with('/') => "bind",
            _ => "volume",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_wish_and_a_name_is_a_volume() {
        assert_eq!(Source::parse("local:0.05"), Source::New { storage: Some("local".into()), gib: "0.05".into() });
        assert!(matches!(Source::parse("local:x"), Source::Volume(_)));
        assert!(matches!(Source::parse("local:-1"), Source::Volume(_)));
        assert!(matches!(Source::parse("/dev/sdz"), Source::Path(_)));
        assert_eq!(Source::parse("local:cloudinit"), Source::CloudInit { storage: "local".into() });
    }

    #[test]
    fn none_is_a_cd_drive() {
        assert_eq!(Drive::parse("none").print(), "none,media=cdrom");
    }
}
