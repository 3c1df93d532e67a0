//! Sealing of secrets at rest: AES-256-GCM under a random data key, which is itself sealed by the master key of a file.
//!
//! The sealed data key lives in the store; rotating the master key re-seals that one value. What is sealed is bound to its
//! purpose and row, so that a ciphertext moved to another row does not open. Opening fails with one error, whatever is wrong.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

/// First byte of everything sealed: the version of the layout, which is `version ‖ nonce ‖ ciphertext ‖ tag`.
const VERSION: u8 = 1;

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// Largest secret that is sealed, in bytes.
const MAX_PLAINTEXT: usize = 1 << 20;

/// What a data key is bound to when sealed by a master key.
const DATA_KEY_BINDING: Binding<'static> = Binding { purpose: "data-key", row: "" };

/// Why a secret or a key cannot be had. Names files, never content.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key file cannot be read or written.
    #[error("cannot use the key file {file}: {reason}")]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// Others than the owner can open the key file.
    #[error("the key file {file} has mode {mode:04o}; it must be 0600")]
    KeyFileMode {
        /// The file.
        file: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The key file holds something else than a key.
    #[error("the key file {file} must hold 64 hex digits and a newline")]
    KeyFileMalformed {
        /// The file.
        file: PathBuf,
    },
    /// The key file is not the one the store was sealed under.
    #[error("the key file {file} is not the one this store is sealed under")]
    WrongKeyFile {
        /// The file.
        file: PathBuf,
    },
    /// The secret cannot be opened: wrong key, wrong row, or damaged.
    #[error("a sealed secret cannot be opened")]
    Unopenable,
    /// The secret is too long to be sealed.
    #[error("a secret to be sealed has at most {MAX_PLAINTEXT} bytes")]
    TooLong,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandom,
}

/// What a sealed secret belongs to: it opens for nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// What kind of secret it is, as `cluster-token`.
    pub purpose: &'a str,
    /// Which row it is of, as the cluster's id.
    pub row: &'a str,
}

impl Binding<'_> {
    /// Unambiguous for any pair of texts: the length of the first stands before it.
    fn bytes(self) -> Vec<u8> {
        let mut bytes = b"bnna-seal".to_vec();
        bytes.extend_from_slice(&(self.purpose.len() as u64).to_be_bytes());
        bytes.extend_from_slice(self.purpose.as_bytes());
        bytes.extend_from_slice(self.row.as_bytes());
        bytes
    }
}

/// 32 bytes that encrypt. Prints as `[redacted]`.
#[derive(Clone)]
struct CipherKey(Zeroizing<[u8; KEY_BYTES]>);

impl CipherKey {
    fn random() -> Result<Self, SealError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        SystemRandom::new().fill(key.as_mut()).map_err(|_| SealError::NoRandom)?;
        Ok(Self(key))
    }

    fn cipher(&self) -> Result<LessSafeKey, SealError> {
        UnboundKey::new(&AES_256_GCM, self.0.as_ref()).map(LessSafeKey::new).map_err(|_| SealError::Unopenable)
    }

    fn seal(&self, binding: Binding<'_>, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        if plaintext.len() > MAX_PLAINTEXT {
            return Err(SealError::TooLong);
        }
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::NoRandom)?;
        let mut body = Zeroizing::new(plaintext.to_vec());
        let tag = self
            .cipher()?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(binding.bytes()), &mut body)
            .map_err(|_| SealError::TooLong)?;
        Ok([&[VERSION], nonce.as_slice(), &body, tag.as_ref()].concat())
    }

    fn open(&self, binding: Binding<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let rest = sealed.strip_prefix(&[VERSION]).ok_or(SealError::Unopenable)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Unopenable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Unopenable)?;
        let mut body = Zeroizing::new(body.to_vec());
        let opened = self.cipher()?.open_in_place(nonce, Aad::from(binding.bytes()), &mut body);
        let length = opened.map_err(|_| SealError::Unopenable)?.len();
        body.truncate(length);
        Ok(body)
    }
}

impl fmt::Debug for CipherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The key of the key file, which seals the data key and nothing else.
#[derive(Debug, Clone)]
pub struct MasterKey {
    key: CipherKey,
    file: PathBuf,
}

impl MasterKey {
    /// Makes a new key file, mode 0600, with a random key. Never replaces a file.
    ///
    /// # Errors
    /// The file exists or cannot be written, or there is no randomness.
    pub fn create(file: &Path) -> Result<Self, SealError> {
        let failed = |reason| SealError::KeyFile { file: file.to_owned(), reason };
        let key = CipherKey::random()?;
        let mut text = Zeroizing::new(hex::encode(key.0.as_ref()));
        text.push('\n');
        let mut created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
        created.write_all(text.as_bytes()).and_then(|()| created.sync_all()).map_err(failed)?;
        // The name must survive a crash as well: what is sealed under a lost key is lost.
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
        Ok(Self { key, file: file.to_owned() })
    }

    /// Reads a key file: 64 hex digits and a newline, closed to group and others.
    ///
    /// # Errors
    /// The file cannot be read, is open to others, or holds something else. The error names it, never its content.
    pub fn load(file: &Path) -> Result<Self, SealError> {
        let failed = |reason| SealError::KeyFile { file: file.to_owned(), reason };
        let malformed = || SealError::KeyFileMalformed { file: file.to_owned() };
        let opened = File::open(file).map_err(failed)?;
        let metadata = opened.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
        }
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(SealError::KeyFileMode { file: file.to_owned(), mode });
        }
        let mut text = Zeroizing::new(Vec::new());
        opened.take(256).read_to_end(&mut text).map_err(failed)?;
        let digits = text.strip_suffix(b"\n").unwrap_or(&text);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(digits, key.as_mut()).map_err(|_| malformed())?;
        Ok(Self { key: CipherKey(key), file: file.to_owned() })
    }

    /// The file the key is from.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// A public name of the key, to compare and to log: the first eight hex digits of a hash of it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let labelled = Zeroizing::new([b"bnna-master-key-fingerprint".as_slice(), self.key.0.as_ref()].concat());
        hex::encode(digest::digest(&digest::SHA256, &labelled).as_ref().get(..4).unwrap_or_default())
    }
}

/// The master keys in use: one, and during a rotation the one before.
#[derive(Debug, Clone)]
pub struct MasterKeys {
    /// The key that seals.
    pub current: MasterKey,
    /// The key that still opens.
    pub previous: Option<MasterKey>,
}

/// Which master key opened the data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedBy {
    /// The current one.
    Current,
    /// The previous one: store the data key re-sealed, by [`Sealer::sealed_data_key`].
    Previous,
}

/// Seals and opens secrets under a data key.
#[derive(Debug, Clone)]
pub struct Sealer {
    data_key: CipherKey,
}

impl Sealer {
    /// A sealer with a new random data key: for a store that has none yet. Keep [`sealed_data_key`](Self::sealed_data_key).
    ///
    /// # Errors
    /// [`SealError::NoRandom`].
    pub fn generate() -> Result<Self, SealError> {
        CipherKey::random().map(|data_key| Self { data_key })
    }

    /// The sealer of a store, from its sealed data key.
    ///
    /// # Errors
    /// [`SealError::WrongKeyFile`] naming the current key's file when no master key opens it.
    pub fn unlock(sealed_data_key: &[u8], masters: &MasterKeys) -> Result<(Self, OpenedBy), SealError> {
        let wrong = || SealError::WrongKeyFile { file: masters.current.file.clone() };
        let by_current = masters.current.key.open(DATA_KEY_BINDING, sealed_data_key);
        let (opened, by) = match (by_current, &masters.previous) {
            (Ok(opened), _) => (opened, OpenedBy::Current),
            (Err(_), Some(previous)) => {
                (previous.key.open(DATA_KEY_BINDING, sealed_data_key).map_err(|_| wrong())?, OpenedBy::Previous)
            }
            (Err(_), None) => return Err(wrong()),
        };
        let mut data_key = Zeroizing::new([0; KEY_BYTES]);
        if opened.len() != KEY_BYTES {
            return Err(wrong());
        }
        data_key.copy_from_slice(&opened);
        Ok((Self { data_key: CipherKey(data_key) }, by))
    }

    /// The data key sealed by a master key, to be stored: at first, and when the master key is rotated.
    ///
    /// # Errors
    /// [`SealError::NoRandom`].
    pub fn sealed_data_key(&self, master: &MasterKey) -> Result<Vec<u8>, SealError> {
        master.key.seal(DATA_KEY_BINDING, self.data_key.0.as_ref())
    }

    /// Seals a secret for one row.
    ///
    /// # Errors
    /// The secret is longer than 1 MiB, or there is no randomness.
    pub fn seal(&self, binding: Binding<'_>, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        self.data_key.seal(binding, secret)
    }

    /// Opens what was sealed for that row.
    ///
    /// # Errors
    /// [`SealError::Unopenable`], whatever the reason.
    pub fn open(&self, binding: Binding<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.data_key.open(binding, sealed)
    }
}
