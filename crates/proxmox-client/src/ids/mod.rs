//! The names Proxmox gives to things, as types with one constructor each: a value that exists is well formed.
//!
//! Every type here parses from text and prints back to the same text, and (de)serialises as a string (a VMID as a
//! number). Nothing here knows about HTTP; [`path_segment`] is the one exception, because every identifier has to be
//! written into a URL the same way.

mod acl_path;
mod auth_id;
mod pool_id;
mod upid;
mod vmid;
mod volume_id;

pub use acl_path::AclPath;
pub use auth_id::{AuthId, TokenId, UserId};
pub use pool_id::PoolId;
pub use upid::{Upid, UpidTask};
pub use vmid::{GuestKind, Vmid};
pub use volume_id::VolumeId;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A text that is not the identifier it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {what}: {reason}")]
pub struct InvalidId {
    /// What was expected, in the field's words ("VMID", "user id", …).
    pub what: &'static str,
    /// The text that was refused, cut to 200 characters.
    pub text: String,
    /// The rule that it breaks.
    pub reason: &'static str,
}

impl InvalidId {
    pub(crate) fn new(what: &'static str, text: &str, reason: &'static str) -> Self {
        Self { what, text: text.chars().take(200).collect(), reason }
    }
}

/// Everything but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes `text` so that it is one segment of a URL path: slashes, colons, blanks, backslashes and
/// non-ASCII characters included.
#[must_use]
pub fn path_segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Letters, digits, `.`, `-`, `_`: what Proxmox calls a safe id, of any length but zero.
pub(crate) fn is_safe_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// `Serialize` and `Deserialize` as the text of `Display` and `FromStr`.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;

#[cfg(test)]
mod tests {
    use super::path_segment;

    #[test]
    fn one_segment_stays_one_segment() {
        assert_eq!(path_segment("local:iso/a b.iso"), "local%3Aiso%2Fa%20b.iso");
        assert_eq!(path_segment("ä\\x3a%"), "%C3%A4%5Cx3a%25");
        assert_eq!(path_segment("a-b_c.d~e"), "a-b_c.d~e");
    }
}
