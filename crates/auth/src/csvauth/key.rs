//! The 16-byte key of a csvauth table: it encrypts `aes-128-gcm` rows and gives every token its id.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use zeroize::Zeroizing;

/// Largest key file that is read; a real one is 33 bytes.
const MAX_KEY_FILE: u64 = 4096;

/// Bytes of the HMAC that become a token's id: eight base64url characters.
const ID_BYTES: usize = 6;

/// The key of a table. Prints as `[redacted]`.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 16]>);

/// Why a key could not be had. Never holds the key's content.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the csvauth key file {file}: {reason}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The text is not 32 hex digits.
    #[error("a csvauth key is 32 hex digits (16 bytes)")]
    Malformed,
    /// The file's text is not 32 hex digits.
    #[error("the csvauth key file {file} must hold 32 hex digits and a newline")]
    MalformedFile {
        /// The file.
        file: PathBuf,
    },
}

impl Key {
    /// The key a table has when none is configured: sixteen zero bytes, as in the library.
    #[must_use]
    pub fn zero() -> Self {
        Self(Zeroizing::new([0; 16]))
    }

    /// Parses 32 hex digits, surrounding white space ignored.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for anything else.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let mut key = Zeroizing::new([0; 16]);
        hex::decode_to_slice(text.trim(), key.as_mut()).map_err(|_| KeyError::Malformed)?;
        Ok(Self(key))
    }

    /// Reads a key file: 32 hex digits and a newline.
    ///
    /// # Errors
    /// The file cannot be read or holds something else; the error names the file.
    pub fn load(file: &Path) -> Result<Self, KeyError> {
        let unreadable = |reason| KeyError::Unreadable { file: file.to_owned(), reason };
        let malformed = || KeyError::MalformedFile { file: file.to_owned() };
        if fs::metadata(file).map_err(unreadable)?.len() > MAX_KEY_FILE {
            return Err(malformed());
        }
        let text = Zeroizing::new(fs::read(file).map_err(unreadable)?);
        let text = std::str::from_utf8(&text).map_err(|_| malformed())?;
        Self::from_hex(text).map_err(|_| malformed())
    }

    /// The id of a token: base64url of the first six bytes of HMAC-SHA256 of its secret under this key.
    #[must_use]
    pub fn token_id(&self, secret: &[u8]) -> String {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_ref()), secret);
        URL_SAFE_NO_PAD.encode(tag.as_ref().get(..ID_BYTES).unwrap_or_default())
    }

    pub(super) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
