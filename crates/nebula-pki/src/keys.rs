//! Private and public keys, and their PEM.
//!
//! A CA signs with a [`CaKey`], a host has a [`HostKey`]; Nebula never uses one for the other, so they are two types.
//! Private keys are wiped when dropped, print as `[redacted]` and appear in no error.

use std::fmt;

use ed25519_dalek::SigningKey as Ed25519Key;
use p256::SecretKey as P256Key;
use p256::ecdsa::SigningKey as EcdsaKey;
use p256::ecdsa::signature::Signer as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use ring::rand::{SecureRandom as _, SystemRandom};
use x25519_dalek::StaticSecret;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::certificate::Curve;
use crate::error::FormatError;
use crate::pem::{self, Label};

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not a PEM block of the right kind and length.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// It is under a passphrase; read it with [`CaKey::from_encrypted_pem`].
    #[error("private key must be decrypted")]
    Encrypted,
    /// The passphrase is wrong or the file was changed; the two cannot be told apart.
    #[error("invalid passphrase or corrupt private key")]
    Passphrase,
    /// Key derivation would cost more than the limits allow, or its parameters make no sense.
    #[error("argon2 {what} is {found}, allowed is {allowed}")]
    Derivation {
        /// Which parameter.
        what: &'static str,
        /// Its value.
        found: u64,
        /// What is allowed.
        allowed: String,
    },
    /// Not a key on its curve: a scalar or point out of range, a point of low order, two halves that do not belong together.
    #[error("not a key on curve {0}")]
    NotOnCurve(Curve),
    /// The curve is none that Nebula knows.
    #[error("invalid curve: {0}")]
    Curve(Curve),
    /// The machine has no randomness to give.
    #[error("the machine gave no randomness")]
    Random,
}

pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, KeyError> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new().fill(bytes.as_mut_slice()).map_err(|_| KeyError::Random)?;
    Ok(bytes)
}

/// A random scalar of P-256; one draw in 2^32 is out of range and drawn again.
fn random_p256() -> Result<P256Key, KeyError> {
    for _ in 0..8 {
        if let Ok(key) = P256Key::from_slice(random::<32>()?.as_slice()) {
            return Ok(key);
        }
    }
    Err(KeyError::Random)
}

fn exactly<const N: usize>(bytes: &[u8], what: &'static str) -> Result<Zeroizing<[u8; N]>, FormatError> {
    let wrong = FormatError::Length { what, expected: N, found: bytes.len() };
    <[u8; N]>::try_from(bytes).map(Zeroizing::new).map_err(|_| wrong)
}

/// The key with which a CA signs.
pub struct CaKey(CaSecret);

enum CaSecret {
    Ed25519(Box<Ed25519Key>),
    P256(Box<EcdsaKey>),
}

impl CaKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::Curve`] for an unknown curve, [`KeyError::Random`] when the machine gives no randomness.
    pub fn generate(curve: Curve) -> Result<Self, KeyError> {
        match curve {
            Curve::Curve25519 => Ok(Self(CaSecret::Ed25519(Box::new(Ed25519Key::from_bytes(&*random::<32>()?))))),
            Curve::P256 => Ok(Self(CaSecret::P256(Box::new(EcdsaKey::from(random_p256()?))))),
            Curve::Unknown(_) => Err(KeyError::Curve(curve)),
        }
    }

    /// Reads the key of `ca.key`.
    ///
    /// # Errors
    /// [`KeyError::Encrypted`] for a key under a passphrase; else the format or the key is wrong.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let (block, _) = pem::decode(text)?;
        match block.label {
            Some(Label::Ed25519PrivateKey) => Self::from_bytes(Curve::Curve25519, &block.contents),
            Some(Label::EcdsaP256PrivateKey) => Self::from_bytes(Curve::P256, &block.contents),
            Some(Label::Ed25519EncryptedPrivateKey | Label::EcdsaP256EncryptedPrivateKey) => Err(KeyError::Encrypted),
            found => Err(FormatError::Label { expected: "a CA's private key", found }.into()),
        }
    }

    pub(crate) fn from_bytes(curve: Curve, bytes: &[u8]) -> Result<Self, KeyError> {
        match curve {
            Curve::Curve25519 => {
                let pair = exactly::<64>(bytes, "an Ed25519 private key")?;
                let key = Ed25519Key::from_keypair_bytes(&pair).map_err(|_| KeyError::NotOnCurve(curve))?;
                Ok(Self(CaSecret::Ed25519(Box::new(key))))
            }
            Curve::P256 => {
                let scalar = exactly::<32>(bytes, "an ECDSA P256 private key")?;
                let key = EcdsaKey::from_slice(scalar.as_slice()).map_err(|_| KeyError::NotOnCurve(curve))?;
                Ok(Self(CaSecret::P256(Box::new(key))))
            }
            Curve::Unknown(_) => Err(KeyError::Curve(curve)),
        }
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        match &self.0 {
            CaSecret::Ed25519(key) => Zeroizing::new(Zeroizing::new(key.to_keypair_bytes()).to_vec()),
            CaSecret::P256(key) => {
                let mut scalar = key.to_bytes();
                let bytes = Zeroizing::new(scalar.to_vec());
                zeroize::Zeroize::zeroize(scalar.as_mut_slice());
                bytes
            }
        }
    }

    /// The key as `nebula-cert ca` writes it, unprotected.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        let label = match self.0 {
            CaSecret::Ed25519(_) => Label::Ed25519PrivateKey,
            CaSecret::P256(_) => Label::EcdsaP256PrivateKey,
        };
        pem::encode(label, &self.to_bytes())
    }

    /// The curve.
    #[must_use]
    pub fn curve(&self) -> Curve {
        match self.0 {
            CaSecret::Ed25519(_) => Curve::Curve25519,
            CaSecret::P256(_) => Curve::P256,
        }
    }

    /// The public key as a CA certificate holds it.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        match &self.0 {
            CaSecret::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            CaSecret::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
        }
    }

    /// The public key as PEM (`NEBULA ED25519 PUBLIC KEY`, `NEBULA ECDSA P256 PUBLIC KEY`).
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        let label = match self.0 {
            CaSecret::Ed25519(_) => Label::Ed25519PublicKey,
            CaSecret::P256(_) => Label::EcdsaP256PublicKey,
        };
        pem::encode(label, &self.public_key()).to_string()
    }

    /// ECDSA signatures are deterministic (RFC 6979) and in their low form, as Nebula makes them since 1.10.3.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            CaSecret::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            CaSecret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.normalize_s().to_der().as_bytes().to_vec()
            }
        }
    }
}

/// Every type that holds a private key wipes it when dropped; this does not compile otherwise.
impl ZeroizeOnDrop for CaKey {}
impl ZeroizeOnDrop for HostKey {}
const _: () = {
    const fn wiped<T: ZeroizeOnDrop>() {}
    wiped::<Ed25519Key>();
    wiped::<EcdsaKey>();
    wiped::<P256Key>();
    wiped::<StaticSecret>();
    wiped::<Zeroizing<[u8; 32]>>();
};

impl fmt::Debug for CaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaKey({}, [redacted])", self.curve())
    }
}

/// The key with which a host proves who it is.
pub struct HostKey {
    curve: Curve,
    secret: Zeroizing<[u8; 32]>,
    public: PublicKey,
}

impl HostKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::Curve`] for an unknown curve, [`KeyError::Random`] when the machine gives no randomness.
    pub fn generate(curve: Curve) -> Result<Self, KeyError> {
        match curve {
            Curve::Curve25519 => Self::from_bytes(curve, random::<32>()?.as_slice()),
            Curve::P256 => Self::from_bytes(curve, Zeroizing::new(random_p256()?.to_bytes()).as_slice()),
            Curve::Unknown(_) => Err(KeyError::Curve(curve)),
        }
    }

    /// Reads the key of `host.key`.
    ///
    /// # Errors
    /// When the format or the key is wrong.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let (block, _) = pem::decode(text)?;
        match block.label {
            Some(Label::X25519PrivateKey) => Self::from_bytes(Curve::Curve25519, &block.contents),
            Some(Label::P256PrivateKey) => Self::from_bytes(Curve::P256, &block.contents),
            found => Err(FormatError::Label { expected: "a host's private key", found }.into()),
        }
    }

    fn from_bytes(curve: Curve, bytes: &[u8]) -> Result<Self, KeyError> {
        let secret = exactly::<32>(bytes, "a host's private key")?;
        let public = match curve {
            Curve::Curve25519 => x25519_dalek::PublicKey::from(&StaticSecret::from(*secret)).to_bytes().to_vec(),
            Curve::P256 => {
                let key = P256Key::from_slice(secret.as_slice()).map_err(|_| KeyError::NotOnCurve(curve))?;
                key.public_key().to_sec1_point(false).as_bytes().to_vec()
            }
            Curve::Unknown(_) => return Err(KeyError::Curve(curve)),
        };
        Ok(Self { curve, secret, public: PublicKey { curve, bytes: public } })
    }

    /// The key as `nebula-cert keygen` writes it.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        let label = if self.curve == Curve::P256 { Label::P256PrivateKey } else { Label::X25519PrivateKey };
        pem::encode(label, self.secret.as_slice())
    }

    /// The public key, which is what a CA signs.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostKey({}, [redacted])", self.curve)
    }
}

/// A host's public key, checked to be a usable one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    curve: Curve,
    bytes: Vec<u8>,
}

impl PublicKey {
    /// From its bytes: 32 of X25519, or 65 of an uncompressed point on P-256.
    ///
    /// # Errors
    /// [`FormatError::Length`] for another length; [`KeyError::NotOnCurve`] for a point that is not on the curve, and for
    /// one of low order, with which no handshake could succeed.
    pub fn new(curve: Curve, bytes: &[u8]) -> Result<Self, KeyError> {
        match curve {
            Curve::Curve25519 => {
                let key = x25519_dalek::PublicKey::from(*exactly::<32>(bytes, "an X25519 public key")?);
                if !StaticSecret::from([0x42; 32]).diffie_hellman(&key).was_contributory() {
                    return Err(KeyError::NotOnCurve(curve));
                }
            }
            Curve::P256 => {
                let point = exactly::<65>(bytes, "a P256 public key")?;
                p256::PublicKey::from_sec1_bytes(point.as_slice()).map_err(|_| KeyError::NotOnCurve(curve))?;
            }
            Curve::Unknown(_) => return Err(KeyError::Curve(curve)),
        }
        Ok(Self { curve, bytes: bytes.to_vec() })
    }

    /// Reads what `nebula-cert keygen -out-pub` writes. A CA's public key is refused.
    ///
    /// # Errors
    /// As [`PublicKey::new`], and when there is no such PEM block.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let (block, _) = pem::decode(text)?;
        match block.label {
            Some(Label::X25519PublicKey) => Self::new(Curve::Curve25519, &block.contents),
            Some(Label::P256PublicKey) => Self::new(Curve::P256, &block.contents),
            found => Err(FormatError::Label { expected: "a host's public key", found }.into()),
        }
    }

    /// The key as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let label = if self.curve == Curve::P256 { Label::P256PublicKey } else { Label::X25519PublicKey };
        pem::encode(label, &self.bytes).to_string()
    }

    /// The curve.
    #[must_use]
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The bytes as a certificate holds them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}
