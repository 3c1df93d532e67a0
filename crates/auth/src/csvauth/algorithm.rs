//! How a row keeps its secret, parsed from the columns `algo`, `salt` and `derived`, and how a given secret is compared.
//!
//! Comparisons are constant-time over hashes of equal length. The work of one comparison is bounded: rows that cost more
//! load, with a warning, and never match.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use ring::{aead, digest, pbkdf2};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::key::Key;

/// Most PBKDF2 rounds that are computed for one comparison: seconds of one processor, far above any sensible table.
const MAX_ROUNDS: u32 = 5_000_000;

/// Highest bcrypt cost that is computed for one comparison (each step doubles the work; 12 is the library's default).
const MAX_BCRYPT_COST: u32 = 16;

/// A bcrypt hash is 60 bytes; the library ignores what follows.
const BCRYPT_BYTES: usize = 60;

/// Base64 with the URL alphabet and no padding; bits left over in the last character are ignored, as in the library.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_encode_padding(false),
);

/// What a row keeps of its secret.
#[derive(Clone)]
pub(super) enum Algorithm {
    Plain { secret: Zeroizing<Vec<u8>> },
    Aes128Gcm { nonce: [u8; 12], odd_nonce: bool, sealed: Vec<u8> },
    Pbkdf2 { hash: pbkdf2::Algorithm, rounds: u64, size: usize, salt: Vec<u8>, derived: Vec<u8> },
    Bcrypt { hash: Vec<u8> },
}

/// What came of comparing a given secret with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Match,
    Mismatch,
    /// The row's own secret cannot be decrypted under this key.
    Locked,
}

impl Algorithm {
    /// Parses the three columns. The error says what is wrong, without the salt or the derived value.
    pub(super) fn parse(algo: &str, salt: &[u8], derived: &[u8]) -> Result<Self, String> {
        let words = algo.replace(',', " ");
        let mut words = words.split(' ');
        let name = words.next().unwrap_or_default();
        let parameters: Vec<&str> = words.collect();
        if matches!(name, "plain" | "aes-128-gcm" | "bcrypt") && !parameters.is_empty() {
            return Err(format!("{name} takes no parameters"));
        }
        match name {
            "plain" => Ok(Self::Plain { secret: Zeroizing::new(derived.to_vec()) }),
            "aes-128-gcm" => {
                let given = decode(salt, "salt")?;
                let mut nonce = [0; 12];
                for (to, from) in nonce.iter_mut().zip(&given) {
                    *to = *from;
                }
                Ok(Self::Aes128Gcm { nonce, odd_nonce: given.len() != 12, sealed: decode(derived, "derived value")? })
            }
            "pbkdf2" => Self::pbkdf2(&parameters, decode(salt, "salt")?, decode(derived, "derived value")?),
            "bcrypt" => Ok(Self::Bcrypt { hash: derived.get(..BCRYPT_BYTES).unwrap_or(derived).to_vec() }),
            _ => Err(format!("unknown algorithm {name:?}")),
        }
    }

    fn pbkdf2(parameters: &[&str], salt: Vec<u8>, derived: Vec<u8>) -> Result<Self, String> {
        let [rounds, size, hash, ..] = parameters else {
            return Err("pbkdf2 wants three parameters: iterations, bytes and hash".into());
        };
        let rounds = rounds.parse::<i64>().ok().and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
        let rounds = rounds.ok_or("pbkdf2 iterations must be a positive number")?;
        let size = size.parse::<usize>().ok().filter(|n| (8..=32).contains(n));
        let size = size.ok_or("pbkdf2 bytes must be 8 to 32")?;
        let hash = match *hash {
            "SHA-256" => pbkdf2::PBKDF2_HMAC_SHA256,
            "SHA-1" => pbkdf2::PBKDF2_HMAC_SHA1,
            _ => return Err("pbkdf2 hash must be SHA-256 or SHA-1".into()),
        };
        Ok(Self::Pbkdf2 { hash, rounds, size, salt, derived })
    }

    /// Compares a given secret with the row's.
    pub(super) fn verify(&self, key: &Key, given: &[u8]) -> Verdict {
        let matches = match self {
            Self::Plain { secret } => !secret.is_empty() && same_secret(secret, given),
            Self::Aes128Gcm { .. } => match self.recover(key).filter(|secret| !secret.is_empty()) {
                Some(secret) => same_secret(&secret, given),
                None => return Verdict::Locked,
            },
            Self::Pbkdf2 { hash, rounds, size, salt, derived } => match bounded_rounds(*rounds) {
                Some(rounds) => {
                    let mut computed = Zeroizing::new(vec![0; *size]);
                    pbkdf2::derive(*hash, rounds, salt, given, &mut computed);
                    computed.ct_eq(derived).into()
                }
                None => false,
            },
            Self::Bcrypt { hash } => {
                bcrypt_cost(hash).is_some_and(|cost| cost <= MAX_BCRYPT_COST)
                    && std::str::from_utf8(hash).is_ok_and(|hash| bcrypt::verify(given, hash).unwrap_or(false))
            }
        };
        if matches { Verdict::Match } else { Verdict::Mismatch }
    }

    /// The secret itself where the algorithm keeps it: `plain`, and `aes-128-gcm` under the right key.
    pub(super) fn recover(&self, key: &Key) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Plain { secret } => Some(secret.clone()),
            Self::Aes128Gcm { nonce, sealed, .. } => {
                let opening = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, key.bytes()).ok()?);
                let nonce = aead::Nonce::assume_unique_for_key(*nonce);
                let mut buffer = Zeroizing::new(sealed.clone());
                let length = opening.open_in_place(nonce, aead::Aad::empty(), &mut buffer).ok()?.len();
                buffer.truncate(length);
                Some(buffer)
            }
            Self::Pbkdf2 { .. } | Self::Bcrypt { .. } => None,
        }
    }

    /// Why no secret can ever match this row, if that can be told.
    pub(super) fn hopeless(&self, key: &Key) -> Option<&'static str> {
        match self {
            Self::Plain { secret } => secret.is_empty().then_some("its secret is empty"),
            Self::Aes128Gcm { odd_nonce, .. } => match self.recover(key) {
                Some(secret) if secret.is_empty() => Some("its secret is empty"),
                Some(_) => None,
                None if *odd_nonce => Some("its salt is not a nonce of 12 bytes"),
                None => Some("it cannot be decrypted with this key"),
            },
            Self::Pbkdf2 { rounds, size, derived, .. } => {
                if derived.len() != *size {
                    Some("its derived value has another size than its parameters say")
                } else {
                    bounded_rounds(*rounds).is_none().then_some("it asks for more pbkdf2 iterations than are computed")
                }
            }
            Self::Bcrypt { hash } => match bcrypt_cost(hash) {
                None => Some("its derived value is not a bcrypt hash"),
                Some(cost) => (cost > MAX_BCRYPT_COST).then_some("it asks for a higher bcrypt cost than is computed"),
            },
        }
    }

    /// Whether a comparison costs enough to be kept off the threads that serve requests.
    pub(super) fn is_costly(&self) -> bool {
        match self {
            Self::Plain { .. } | Self::Aes128Gcm { .. } => false,
            Self::Pbkdf2 { rounds, .. } => *rounds > 2_000,
            Self::Bcrypt { .. } => true,
        }
    }
}

/// Compares digests, so that neither content nor length of the secret shows in the time taken.
fn same_secret(known: &[u8], given: &[u8]) -> bool {
    let (known, given) = (digest::digest(&digest::SHA256, known), digest::digest(&digest::SHA256, given));
    known.as_ref().ct_eq(given.as_ref()).into()
}

fn bounded_rounds(rounds: u64) -> Option<NonZeroU32> {
    u32::try_from(rounds).ok().filter(|rounds| *rounds <= MAX_ROUNDS).and_then(NonZeroU32::new)
}

/// The cost in a bcrypt hash; nothing if it is not one of the accepted versions and shape.
fn bcrypt_cost(hash: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(hash).ok()?;
    let parts: bcrypt::HashParts = text.parse().ok()?;
    ["$2a$", "$2b$", "$2y$"].iter().any(|version| text.starts_with(version)).then(|| parts.get_cost())
}

/// Decodes a base64 column. Line ends inside a quoted column are skipped, as the library's decoder does.
fn decode(column: &[u8], what: &str) -> Result<Vec<u8>, String> {
    let text: Vec<u8> = column.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    BASE64.decode(text).map_err(|_| format!("its {what} is not base64 with the URL alphabet and no padding"))
}
