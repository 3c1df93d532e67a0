//! The certificate itself, whichever version it has: its fields, its bytes, its fingerprint, its signature.
//!
//! Values of [`Certificate`] come from parsing or from signing, never from setting fields, so that what is read from one
//! is what its signature covers. Whether to trust it is [`crate::CaPool`]'s business.

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};

use crate::error::{FormatError, ParseError, ShapeError};
use crate::nebula::NebulaVersion;
use crate::network::Network;
use crate::pem::{self, Label};
use crate::text::{Text, Timestamp};
use crate::{signature, v1, v2};

/// The largest version 1 certificate that is read. Nebula has no limit of its own there; this is far above any real one.
pub(crate) const MAX_V1_BYTES: usize = 1024 * 1024;
/// The largest version 2 certificate, Nebula's own limit.
pub(crate) const MAX_V2_BYTES: usize = 65_536;
/// How many certificates one file or bundle may hold.
pub const MAX_CERTIFICATES: usize = 4096;

/// Version of the certificate format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Protocol buffers, IPv4 only, read by every Nebula.
    V1,
    /// DER, IPv4 and IPv6, read from Nebula 1.10 on.
    V2,
}

/// The curve of a certificate's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Curve {
    /// CAs sign with Ed25519, hosts agree by X25519.
    Curve25519,
    /// CAs sign with ECDSA over P-256, hosts agree by ECDH. From Nebula 1.7 on.
    P256,
    /// A number that no Nebula knows; nothing verifies under it.
    Unknown(i32),
}

impl Curve {
    pub(crate) const fn from_wire(number: i32) -> Self {
        match number {
            0 => Self::Curve25519,
            1 => Self::P256,
            other => Self::Unknown(other),
        }
    }

    pub(crate) const fn to_wire(self) -> i32 {
        match self {
            Self::Curve25519 => 0,
            Self::P256 => 1,
            Self::Unknown(other) => other,
        }
    }

    /// Bytes of a public key on this curve: 32, or 65 for an uncompressed point.
    pub(crate) const fn public_key_len(self) -> usize {
        match self {
            Self::Curve25519 | Self::Unknown(_) => 32,
            Self::P256 => 65,
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Curve25519 => f.pad("CURVE25519"),
            Self::P256 => f.pad("P256"),
            Self::Unknown(number) => write!(f, "{number}"),
        }
    }
}

/// SHA-256 of a certificate, by which hosts name their CA and block lists name hosts. Shown in lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        let mut context = ring::digest::Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        Self::from_digest(context.finish().as_ref())
    }

    fn from_digest(bytes: &[u8]) -> Self {
        let mut array = [0; 32];
        for (to, from) in array.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self(array)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let wrong = FormatError::Length { what: "a fingerprint in hexadecimal", expected: 64, found: text.len() };
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| wrong)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a certificate says, apart from keys and signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) name: Text,
    pub(crate) networks: Vec<Network>,
    pub(crate) unsafe_networks: Vec<Network>,
    pub(crate) groups: Vec<Text>,
    pub(crate) is_ca: bool,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// As on the wire: empty on a CA, else the fingerprint of the CA (hostile bytes may have any length).
    pub(crate) issuer: Vec<u8>,
}

/// A Nebula certificate of either version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub(crate) version: Version,
    pub(crate) details: Details,
    pub(crate) curve: Curve,
    pub(crate) public_key: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    /// Version 2: the details as they came, which is what is signed. Empty for version 1, which is encoded anew.
    pub(crate) raw_details: Vec<u8>,
}

impl Certificate {
    /// Reads the one certificate of a PEM text, by the rules of the newest Nebula.
    ///
    /// Text before and after the block is ignored, as Nebula ignores it.
    ///
    /// # Errors
    /// [`ParseError`] when there is no certificate, or it is malformed, or has contents no certificate may have.
    pub fn from_pem(text: &[u8]) -> Result<Self, ParseError> {
        Self::first_from_pem_as(text, NebulaVersion::NEWEST)
    }

    /// Reads every certificate of a PEM text: a host's file with both versions, or a bundle of CAs.
    ///
    /// ```
    /// # use nebula_pki::Certificate;
    /// assert!(Certificate::all_from_pem(b"no certificate at all").is_err());
    /// ```
    ///
    /// # Errors
    /// As [`Certificate::from_pem`], for any of them; also for text after the last that is not blank.
    pub fn all_from_pem(text: &[u8]) -> Result<Vec<Self>, ParseError> {
        Self::all_from_pem_as(text, NebulaVersion::NEWEST)
    }

    /// The same by the rules of a certain Nebula, which may not know version 2.
    ///
    /// # Errors
    /// As [`Certificate::all_from_pem`].
    pub fn all_from_pem_as(text: &[u8], nebula: NebulaVersion) -> Result<Vec<Self>, ParseError> {
        let mut all = Vec::new();
        let mut rest = text;
        loop {
            if all.len() == MAX_CERTIFICATES {
                let size = MAX_CERTIFICATES + 1;
                return Err(
                    FormatError::TooLarge { what: "a list of certificates", size, limit: MAX_CERTIFICATES }.into()
                );
            }
            let (certificate, after) = Self::first_of(rest, nebula)?;
            all.push(certificate);
            rest = after;
            if pem::is_blank(rest) {
                return Ok(all);
            }
        }
    }

    /// Reads the first certificate of a PEM text by the rules of a certain Nebula, whatever follows it.
    ///
    /// # Errors
    /// As [`Certificate::from_pem`].
    pub fn first_from_pem_as(text: &[u8], nebula: NebulaVersion) -> Result<Self, ParseError> {
        Self::first_of(text, nebula).map(|(certificate, _)| certificate)
    }

    pub(crate) fn first_of(text: &[u8], nebula: NebulaVersion) -> Result<(Self, &[u8]), ParseError> {
        let (block, rest) = pem::decode(text)?;
        let certificate = match block.label {
            Some(Label::Certificate) => v1::decode(&block.contents, nebula)?,
            Some(Label::CertificateV2) if nebula.knows_v2() => v2::decode(&block.contents)?,
            found => return Err(FormatError::Label { expected: "a nebula certificate", found }.into()),
        };
        Ok((certificate, rest))
    }

    /// Reads the bytes of a version 1 certificate (the contents of its PEM block, without PEM).
    ///
    /// # Errors
    /// As [`Certificate::from_pem`].
    pub fn from_v1_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        v1::decode(bytes, NebulaVersion::NEWEST)
    }

    /// Reads the DER of a version 2 certificate.
    ///
    /// # Errors
    /// As [`Certificate::from_pem`].
    pub fn from_v2_der(bytes: &[u8]) -> Result<Self, ParseError> {
        v2::decode(bytes)
    }

    /// The certificate's bytes: canonical protobuf (version 1) or DER (version 2).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self.version {
            Version::V1 => v1::encode(self, NebulaVersion::NEWEST),
            Version::V2 => v2::encode(self),
        }
    }

    /// The certificate as PEM, as `nebula-cert` writes it.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let label = match self.version {
            Version::V1 => Label::Certificate,
            Version::V2 => Label::CertificateV2,
        };
        pem::encode(label, &self.to_bytes()).to_string()
    }

    /// SHA-256 over the canonical version 1 bytes, or over details, curve, public key and signature of version 2.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint_as(NebulaVersion::NEWEST)
    }

    /// The fingerprint that a certain Nebula computes: before 1.7 the curve was not part of it.
    #[must_use]
    pub fn fingerprint_as(&self, nebula: NebulaVersion) -> Fingerprint {
        self.fingerprint_with(&self.signature, nebula)
    }

    /// The fingerprint that the certificate had if its signature were written in ECDSA's other form: whoever has a
    /// P-256 certificate can make that one too. `None` on other curves.
    #[must_use]
    pub fn alternate_fingerprint(&self) -> Option<Fingerprint> {
        let other = (self.curve == Curve::P256).then(|| signature::other_form(&self.signature)).flatten()?;
        Some(self.fingerprint_with(&other, NebulaVersion::NEWEST))
    }

    fn fingerprint_with(&self, signature: &[u8], nebula: NebulaVersion) -> Fingerprint {
        match self.version {
            Version::V1 => {
                let bytes = v1::encode_parts(&v1::encode_details(self, nebula), signature);
                Fingerprint::from_digest(digest(&SHA256, &bytes).as_ref())
            }
            Version::V2 => {
                let curve = [self.curve.to_wire() as u8];
                Fingerprint::of(&[&self.raw_details, &curve, &self.public_key, signature])
            }
        }
    }

    /// The bytes that the signature covers.
    pub(crate) fn signed_bytes(&self, nebula: NebulaVersion) -> Vec<u8> {
        match self.version {
            Version::V1 => v1::encode_details(self, nebula),
            Version::V2 => v2::signed_bytes(&self.raw_details, self.curve, &self.public_key),
        }
    }

    /// Whether this was signed with the private key that belongs to `public_key`.
    #[must_use]
    pub fn is_signed_by(&self, public_key: &[u8]) -> bool {
        self.is_signed_by_as(public_key, NebulaVersion::NEWEST)
    }

    pub(crate) fn is_signed_by_as(&self, public_key: &[u8], nebula: NebulaVersion) -> bool {
        signature::verify(self.curve_as(nebula), public_key, &self.signed_bytes(nebula), &self.signature)
    }

    /// The curve as a certain Nebula sees it.
    pub(crate) fn curve_as(&self, nebula: NebulaVersion) -> Curve {
        if nebula.knows_p256() { self.curve } else { Curve::Curve25519 }
    }

    /// Whether `now` lies outside the certificate's time; both ends belong to it.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        let (before, after) = (self.details.not_before.on_go_scale(), self.details.not_after.on_go_scale());
        before > now.on_go_scale() || after < now.on_go_scale()
    }

    /// The format's version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The name, usually the host's.
    #[must_use]
    pub fn name(&self) -> &Text {
        &self.details.name
    }

    /// A host's addresses with their networks; on a CA the networks that its hosts are limited to (none: no limit).
    #[must_use]
    pub fn networks(&self) -> &[Network] {
        &self.details.networks
    }

    /// Networks outside the overlay that a host may route for; on a CA the limit of that.
    #[must_use]
    pub fn unsafe_networks(&self) -> &[Network] {
        &self.details.unsafe_networks
    }

    /// A host's groups; on a CA the groups that its hosts are limited to (none: no limit).
    #[must_use]
    pub fn groups(&self) -> &[Text] {
        &self.details.groups
    }

    /// Whether it is a CA's.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.details.is_ca
    }

    /// First second of its validity.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.details.not_before
    }

    /// Last second of its validity.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.details.not_after
    }

    /// The fingerprint of the CA that signed it; `None` on a CA (and on hostile bytes that are no fingerprint).
    #[must_use]
    pub fn issuer(&self) -> Option<Fingerprint> {
        (self.details.issuer.len() == 32).then(|| Fingerprint::from_digest(&self.details.issuer))
    }

    /// The curve of its keys.
    #[must_use]
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The public key: Ed25519 or ECDSA of a CA, X25519 or ECDH of a host.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// What Nebula checks of a certificate's contents since 1.10.
    pub(crate) fn check_shape(&self) -> Result<(), ShapeError> {
        if self.public_key.is_empty() {
            return Err(ShapeError::PublicKey { found: 0, expected: self.curve.public_key_len() });
        }
        if !self.details.is_ca && self.details.networks.is_empty() {
            return Err(ShapeError::NoNetwork(self.version));
        }
        match self.version {
            Version::V1 => v1::check_shape(&self.details),
            Version::V2 => v2::check_shape(&self.details),
        }
    }
}
