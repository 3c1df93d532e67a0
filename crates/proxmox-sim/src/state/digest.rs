//! Configuration digests: SHA-1 in hex, as Proxmox hands them out for optimistic locking.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::api::Fault;

/// SHA-1 of a text, 40 hex digits.
#[must_use]
pub fn sha1_hex(text: &str) -> String {
    hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

/// Digest of anything that serialises; equal content gives an equal digest.
#[must_use]
pub fn of<T: serde::Serialize>(value: &T) -> String {
    sha1_hex(&serde_json::to_string(value).unwrap_or_default())
}

/// Compares the digest that a client sent, if any, with the present one.
///
/// # Errors
/// 500 with the text that a lost update gets.
pub fn assert_unmodified(current: &str, sent: Option<&str>) -> Result<(), Fault> {
    match sent {
        Some(sent) if !sent.is_empty() && sent != current => {
            Err(Fault::die("detected modified configuration - file changed by other user? Try again."))
        }
        _ => Ok(()),
    }
}
