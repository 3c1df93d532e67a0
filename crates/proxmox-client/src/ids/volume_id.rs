//! The name of a volume on a storage.

use std::fmt;
use std::str::FromStr;

use super::{InvalidId, serde_as_text};

/// A volume: `STORAGE:NAME`, where the name may contain anything but line breaks, blanks and slashes included
/// (`local:iso/my disc.iso`, `pbs:backup/vm/100/2026-01-31T12:00:00Z`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeId {
    text: String,
    colon: usize,
}

impl VolumeId {
    /// The volume `name` of `storage`.
    ///
    /// # Errors
    /// When either part is not valid.
    pub fn new(storage: &str, name: &str) -> Result<Self, InvalidId> {
        format!("{storage}:{name}").parse()
    }

    /// The storage it lies on.
    #[must_use]
    pub fn storage(&self) -> &str {
        self.text.get(..self.colon).unwrap_or_default()
    }

    /// The name on the storage.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for VolumeId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bad = |reason| Err(InvalidId::new("volume id", text, reason));
        let Some((storage, name)) = text.split_once(':') else { return bad("has no storage (STORAGE:NAME)") };
        let first = storage.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        if !first || !super::is_safe_id(storage) {
            return bad("the storage must begin with a letter and be letters, digits, '.', '-' and '_'");
        }
        if name.is_empty() || name.chars().any(char::is_control) {
            return bad("the name is empty or has control characters");
        }
        Ok(Self { text: text.to_owned(), colon: storage.len() })
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

serde_as_text!(VolumeId);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn storage_ends_at_the_first_colon() {
        let volume: VolumeId = "pbs:backup/vm/100/2026-01-31T12:00:00Z".parse().unwrap();
        assert_eq!((volume.storage(), volume.name()), ("pbs", "backup/vm/100/2026-01-31T12:00:00Z"));
        assert_eq!("local:iso/my disc ä.iso".parse::<VolumeId>().unwrap().name(), "iso/my disc ä.iso");
        for text in ["", "local", ":x", "local:", "1ocal:x", "lo cal:x", "local:a\nb", "/dev/sda"] {
            assert!(text.parse::<VolumeId>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trip(storage in "[a-z][a-z0-9._-]{0,8}", name in "[ -~äöü]{1,20}") {
            let volume = VolumeId::new(&storage, &name).unwrap();
            prop_assert_eq!(volume.storage(), &storage);
            prop_assert_eq!(volume.name(), &name);
            prop_assert_eq!(volume.to_string().parse::<VolumeId>().unwrap(), volume);
        }
    }
}
