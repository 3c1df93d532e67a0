//! CA keys under a passphrase: Argon2id derives a key, AES-256-GCM seals (Nebula 1.7 and later).
//!
//! The file says itself how much memory and how many passes its derivation takes, so a hostile one could ask for
//! everything: [`DerivationLimits`] bounds that before any memory is taken.

use argon2::{Algorithm, Argon2, Params, Version};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::certificate::Curve;
use crate::error::FormatError;
use crate::keys::{CaKey, KeyError, random};
use crate::pem::{self, Label};
use crate::wire::protobuf::{Reader, Value, Writer};

const ALGORITHM: &[u8] = b"AES-256-GCM";
const ARGON2_VERSION: u64 = 0x13;
const NONCE_BYTES: usize = 12;
const SALT_BYTES: usize = 32;
const MIN_SALT_BYTES: usize = 16;
const MAX_SALT_BYTES: usize = 1024;

/// What deriving the key from the passphrase costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Derivation {
    /// Memory in KiB; at least eight times the lanes.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u8,
}

impl Default for Derivation {
    /// What `nebula-cert ca -encrypt` uses: 2 GiB, one pass, four lanes.
    fn default() -> Self {
        Self { memory_kib: 2 * 1024 * 1024, iterations: 1, parallelism: 4 }
    }
}

/// How costly a derivation may be that a file asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DerivationLimits {
    /// Most memory, in KiB.
    pub memory_kib: u32,
    /// Most work: memory in KiB times passes.
    pub memory_passes: u64,
}

impl Default for DerivationLimits {
    /// Nebula's own default of 2 GiB in one pass, or the same work in less memory.
    fn default() -> Self {
        Self { memory_kib: 2 * 1024 * 1024, memory_passes: 4 * 1024 * 1024 }
    }
}

struct Sealed {
    derivation: Derivation,
    salt: Vec<u8>,
    /// Nonce, ciphertext, tag.
    blob: Vec<u8>,
}

impl CaKey {
    /// The key under a passphrase, as `nebula-cert ca -encrypt` writes it.
    ///
    /// Deriving takes the memory and time that `derivation` says, on this thread.
    ///
    /// # Errors
    /// [`KeyError::Derivation`] when the parameters make no sense, [`KeyError::Random`] without randomness.
    pub fn to_encrypted_pem(&self, passphrase: &[u8], derivation: Derivation) -> Result<Zeroizing<String>, KeyError> {
        let salt = random::<SALT_BYTES>()?;
        let nonce = random::<NONCE_BYTES>()?;
        let key = derive(passphrase, salt.as_slice(), derivation)?;
        let mut sealed = self.to_bytes();
        // Room for the tag, so that sealing in place does not leave a copy of the key behind.
        sealed.reserve_exact(AES_256_GCM.tag_len());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut *sealed)
            .map_err(|_| KeyError::Passphrase)?;
        let mut blob = nonce.to_vec();
        blob.extend_from_slice(&sealed);
        let label = match self.curve() {
            Curve::P256 => Label::EcdsaP256EncryptedPrivateKey,
            _ => Label::Ed25519EncryptedPrivateKey,
        };
        Ok(pem::encode(label, &encode(&Sealed { derivation, salt: salt.to_vec(), blob })))
    }

    /// Reads a key under a passphrase.
    ///
    /// # Errors
    /// [`KeyError::Passphrase`] when it does not open, [`KeyError::Derivation`] when opening would exceed `limits`,
    /// [`KeyError::Format`] when it is no such file.
    pub fn from_encrypted_pem(text: &[u8], passphrase: &[u8], limits: DerivationLimits) -> Result<Self, KeyError> {
        let (block, _) = pem::decode(text)?;
        let curve = match block.label {
            Some(Label::Ed25519EncryptedPrivateKey) => Curve::Curve25519,
            Some(Label::EcdsaP256EncryptedPrivateKey) => Curve::P256,
            found => return Err(FormatError::Label { expected: "an encrypted CA key", found }.into()),
        };
        let sealed = decode(&block.contents)?;
        within(sealed.derivation, limits)?;
        let Some((nonce, ciphertext)) = sealed.blob.split_first_chunk::<NONCE_BYTES>() else {
            let found = sealed.blob.len();
            return Err(FormatError::Length { what: "a sealed key", expected: NONCE_BYTES, found }.into());
        };
        let key = derive(passphrase, &sealed.salt, sealed.derivation)?;
        let mut opened = Zeroizing::new(ciphertext.to_vec());
        let plain = key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut opened)
            .map_err(|_| KeyError::Passphrase)?;
        Self::from_bytes(curve, plain)
    }
}

fn within(derivation: Derivation, limits: DerivationLimits) -> Result<(), KeyError> {
    let memory = u64::from(derivation.memory_kib);
    if derivation.memory_kib > limits.memory_kib {
        return Err(KeyError::Derivation {
            what: "memory in KiB",
            found: memory,
            allowed: format!("at most {}", limits.memory_kib),
        });
    }
    let passes = memory.saturating_mul(u64::from(derivation.iterations));
    if passes > limits.memory_passes {
        return Err(KeyError::Derivation {
            what: "memory times passes",
            found: passes,
            allowed: format!("at most {}", limits.memory_passes),
        });
    }
    Ok(())
}

fn derive(passphrase: &[u8], salt: &[u8], derivation: Derivation) -> Result<LessSafeKey, KeyError> {
    let Derivation { memory_kib, iterations, parallelism } = derivation;
    let impossible = || KeyError::Derivation {
        what: "memory in KiB",
        found: u64::from(memory_kib),
        allowed: "at least 8 per lane, with one pass and one lane or more".to_owned(),
    };
    let params = Params::new(memory_kib, iterations, u32::from(parallelism), Some(32)).map_err(|_| impossible())?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, key.as_mut_slice())
        .map_err(|_| impossible())?;
    UnboundKey::new(&AES_256_GCM, key.as_slice()).map(LessSafeKey::new).map_err(|_| KeyError::Random)
}

fn encode(sealed: &Sealed) -> Vec<u8> {
    let mut argon2 = Writer::default();
    argon2.number(1, ARGON2_VERSION);
    argon2.number(2, u64::from(sealed.derivation.memory_kib));
    // Parallelism is field 4 and iterations field 3, unlike the order in which Nebula names them.
    argon2.number(3, u64::from(sealed.derivation.iterations));
    argon2.number(4, u64::from(sealed.derivation.parallelism));
    argon2.bytes(5, &sealed.salt);
    let mut metadata = Writer::default();
    metadata.bytes(1, ALGORITHM);
    metadata.message(2, &argon2.finish());
    let mut out = Writer::default();
    out.message(1, &metadata.finish());
    out.bytes(2, &sealed.blob);
    out.finish()
}

/// The three messages of the file, merged as protocol buffers have it when one comes twice.
#[derive(Default)]
struct Raw {
    algorithm: Vec<u8>,
    argon2: Option<RawArgon2>,
    blob: Vec<u8>,
}

#[derive(Default)]
struct RawArgon2 {
    version: u64,
    memory: u64,
    iterations: u64,
    parallelism: u64,
    salt: Vec<u8>,
}

fn decode(contents: &[u8]) -> Result<Sealed, KeyError> {
    let mut raw = Raw::default();
    let mut outer = Reader::new(contents);
    while let Some(field) = outer.field()? {
        match field {
            (1, Value::Bytes(metadata)) => raw.merge_metadata(metadata)?,
            (2, Value::Bytes(blob)) => raw.blob = blob.to_vec(),
            _ => {}
        }
    }
    if raw.algorithm != ALGORITHM {
        return Err(FormatError::Protobuf("the encryption algorithm is not AES-256-GCM").into());
    }
    let argon2 = raw.argon2.ok_or(FormatError::Protobuf("the argon2 parameters are missing"))?;
    let number = |what, found, limit: u64| {
        let allowed = || format!("1 to {limit}");
        if found == 0 || found > limit {
            Err(KeyError::Derivation { what, found, allowed: allowed() })
        } else {
            Ok(found)
        }
    };
    if argon2.version != ARGON2_VERSION {
        return Err(KeyError::Derivation {
            what: "version",
            found: argon2.version,
            allowed: ARGON2_VERSION.to_string(),
        });
    }
    let salt = argon2.salt.len();
    if !(MIN_SALT_BYTES..=MAX_SALT_BYTES).contains(&salt) {
        let allowed = format!("{MIN_SALT_BYTES} to {MAX_SALT_BYTES}");
        return Err(KeyError::Derivation { what: "salt in bytes", found: salt as u64, allowed });
    }
    let memory = number("memory in KiB", argon2.memory, u32::MAX.into())?;
    let iterations = number("iterations", argon2.iterations, u32::MAX.into())?;
    let parallelism = number("parallelism", argon2.parallelism, u8::MAX.into())?;
    Ok(Sealed {
        derivation: Derivation {
            memory_kib: memory as u32,
            iterations: iterations as u32,
            parallelism: parallelism as u8,
        },
        salt: argon2.salt,
        blob: raw.blob,
    })
}

impl Raw {
    fn merge_metadata(&mut self, message: &[u8]) -> Result<(), FormatError> {
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field {
                (1, Value::Bytes(algorithm)) => self.algorithm = algorithm.to_vec(),
                (2, Value::Bytes(argon2)) => self.argon2.get_or_insert_default().merge(argon2)?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl RawArgon2 {
    fn merge(&mut self, message: &[u8]) -> Result<(), FormatError> {
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field {
                // 32-bit numbers: what is above is cut off, as Nebula's parser does.
                (1, Value::Varint(value)) => self.version = value & 0xffff_ffff,
                (2, Value::Varint(value)) => self.memory = value & 0xffff_ffff,
                (3, Value::Varint(value)) => self.iterations = value & 0xffff_ffff,
                (4, Value::Varint(value)) => self.parallelism = value & 0xffff_ffff,
                (5, Value::Bytes(salt)) => self.salt = salt.to_vec(),
                _ => {}
            }
        }
        Ok(())
    }
}
