//! Making certificates: CAs, and hosts signed by them.
//!
//! Issuing is as strict as the strictest Nebula, so that whatever is issued is accepted by every one that knows its
//! version and curve.

use crate::certificate::{Certificate, Curve, Details, Fingerprint, MAX_V1_BYTES, MAX_V2_BYTES, Version};
use crate::error::{ConstraintError, ShapeError};
use crate::keys::{CaKey, HostKey, KeyError, PublicKey};
use crate::nebula::NebulaVersion;
use crate::network::Network;
use crate::text::{Text, Timestamp};
use crate::v2::MAX_NAME_BYTES;
use crate::verify::Wanted;
use crate::{v1, v2};

/// Why a certificate is not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// What is asked for is no certificate.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// It would have contents that no certificate may have.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// It would exceed a limit of the CA.
    #[error("refusing to sign, root certificate constraints violated: {0}")]
    Constraint(#[from] ConstraintError),
    /// The signing certificate is not a CA, or not signed with its own key.
    #[error("{name}: certificate is not a self-signed CA")]
    NotCa {
        /// Its name.
        name: Text,
    },
    /// The private key is not that of the CA certificate.
    #[error(
        "refusing to sign, root certificate does not match private key: the certificate has {certificate}, the key is of {key}"
    )]
    KeyMismatch {
        /// Public key of the certificate, in hexadecimal.
        certificate: String,
        /// Public key that belongs to the private key, in hexadecimal.
        key: String,
    },
    /// The CA is expired or not yet valid.
    #[error("ca certificate is expired: valid {not_before} to {not_after}, now {now}")]
    CaExpired {
        /// Start of the CA's validity.
        not_before: Timestamp,
        /// End of it.
        not_after: Timestamp,
        /// When it should sign.
        now: Timestamp,
    },
    /// The public key is on another curve than the CA.
    #[error("curve of the public key, {host}, does not match ca, {ca}")]
    Curve {
        /// The host's.
        host: Curve,
        /// The CA's.
        ca: Curve,
    },
    /// The key cannot be made or used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// What is wrong with a request, whichever CA should sign it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No name, or one longer than a DNS name.
    #[error("the name has {found} bytes, allowed are 1 to {limit}")]
    Name {
        /// Its length.
        found: usize,
        /// The longest.
        limit: usize,
    },
    /// A group without a name.
    #[error("group {index} of {count} is empty")]
    EmptyGroup {
        /// Which one, from 0.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// Version 1 holds one address.
    #[error("v1 certificates can only have a single ipv4 address, not {found}")]
    Networks {
        /// How many were asked for.
        found: usize,
    },
    /// It would end before it begins.
    #[error("the certificate would end at {not_after}, not after its start at {not_before}")]
    Lifetime {
        /// Start.
        not_before: Timestamp,
        /// End.
        not_after: Timestamp,
    },
    /// More than a certificate may hold.
    #[error("the certificate would have {size} bytes, allowed are {limit}")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The largest.
        limit: usize,
    },
}

/// What a new CA shall be.
#[derive(Debug, Clone)]
pub struct CaRequest {
    /// Version of the CA's own certificate; it may sign hosts of either version.
    pub version: Version,
    /// Curve of the CA's key and of every host it signs.
    pub curve: Curve,
    /// Name of the CA.
    pub name: Text,
    /// Networks that its hosts are limited to; none is no limit.
    pub networks: Vec<Network>,
    /// Unsafe networks that its hosts are limited to; none is no limit.
    pub unsafe_networks: Vec<Network>,
    /// Groups that its hosts are limited to; none is no limit.
    pub groups: Vec<Text>,
    /// First second of its validity.
    pub not_before: Timestamp,
    /// Last second of its validity.
    pub not_after: Timestamp,
}

impl CaRequest {
    /// A version 1 CA on curve 25519 without limits: what every Nebula reads.
    #[must_use]
    pub fn new(name: impl Into<Text>, not_before: Timestamp, not_after: Timestamp) -> Self {
        Self {
            version: Version::V1,
            curve: Curve::Curve25519,
            name: name.into(),
            networks: Vec::new(),
            unsafe_networks: Vec::new(),
            groups: Vec::new(),
            not_before,
            not_after,
        }
    }
}

/// What a new host certificate shall be.
#[derive(Debug, Clone)]
pub struct HostRequest {
    /// Version of the certificate.
    pub version: Version,
    /// Name of the host.
    pub name: Text,
    /// Its addresses, each with its network; exactly one (IPv4) in version 1. Hosts can only talk when their networks
    /// overlap, so give the overlay's prefix length, not /32.
    pub networks: Vec<Network>,
    /// Networks outside the overlay that it may route for.
    pub unsafe_networks: Vec<Network>,
    /// Its groups, by which firewall rules name it.
    pub groups: Vec<Text>,
    /// First second of its validity; `None`: now, or when the CA begins.
    pub not_before: Option<Timestamp>,
    /// Last second of its validity; `None`: one second before the CA ends.
    pub not_after: Option<Timestamp>,
}

impl HostRequest {
    /// A version 1 host without groups, valid from now until just before its CA ends.
    #[must_use]
    pub fn new(name: impl Into<Text>, networks: impl IntoIterator<Item = Network>) -> Self {
        Self {
            version: Version::V1,
            name: name.into(),
            networks: networks.into_iter().collect(),
            unsafe_networks: Vec::new(),
            groups: Vec::new(),
            not_before: None,
            not_after: None,
        }
    }
}

/// A host certificate with the private key that was made for it.
#[derive(Debug)]
pub struct IssuedHost {
    /// The certificate.
    pub certificate: Certificate,
    /// The private key, which only the host should keep.
    pub key: HostKey,
}

/// A CA that can sign: its certificate together with its key.
#[derive(Debug)]
pub struct Authority {
    certificate: Certificate,
    fingerprint: Fingerprint,
    key: CaKey,
}

impl Authority {
    /// A certificate and its key, as read from `ca.crt` and `ca.key`.
    ///
    /// # Errors
    /// [`SignError::NotCa`] for a host's certificate, [`SignError::KeyMismatch`] when the key is another's.
    pub fn new(certificate: Certificate, key: CaKey) -> Result<Self, SignError> {
        if !certificate.is_ca() || !certificate.is_signed_by(certificate.public_key()) {
            return Err(SignError::NotCa { name: certificate.name().clone() });
        }
        if certificate.curve() != key.curve() || certificate.public_key() != key.public_key() {
            let (certificate, key) = (hex::encode(certificate.public_key()), hex::encode(key.public_key()));
            return Err(SignError::KeyMismatch { certificate, key });
        }
        Ok(Self { fingerprint: certificate.fingerprint(), certificate, key })
    }

    /// A new CA with a new key.
    ///
    /// # Errors
    /// When the request is no certificate, or there is no randomness for a key.
    pub fn create(request: &CaRequest) -> Result<Self, SignError> {
        Self::create_with_key(request, CaKey::generate(request.curve)?)
    }

    /// A new CA with a given key, on that key's curve.
    ///
    /// # Errors
    /// When the request is no certificate.
    pub fn create_with_key(request: &CaRequest, key: CaKey) -> Result<Self, SignError> {
        let details = Details {
            name: request.name.clone(),
            networks: request.networks.clone(),
            unsafe_networks: request.unsafe_networks.clone(),
            groups: request.groups.clone(),
            is_ca: true,
            not_before: request.not_before,
            not_after: request.not_after,
            issuer: Vec::new(),
        };
        let certificate = seal(request.version, details, key.curve(), key.public_key(), &key)?;
        Ok(Self { fingerprint: certificate.fingerprint(), certificate, key })
    }

    /// The CA's certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The CA's key, for writing it to a file.
    #[must_use]
    pub fn key(&self) -> &CaKey {
        &self.key
    }

    /// The fingerprint that its hosts name as their issuer.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Signs a certificate for a host that keeps its private key to itself.
    ///
    /// # Errors
    /// The rule that the request breaks, with both values.
    pub fn sign(&self, request: &HostRequest, key: &PublicKey, now: Timestamp) -> Result<Certificate, SignError> {
        let ca = &self.certificate;
        if ca.is_expired(now) {
            return Err(SignError::CaExpired { not_before: ca.not_before(), not_after: ca.not_after(), now });
        }
        if key.curve() != ca.curve() {
            return Err(SignError::Curve { host: key.curve(), ca: ca.curve() });
        }
        if request.version == Version::V1 && request.networks.len() != 1 {
            return Err(RequestError::Networks { found: request.networks.len() }.into());
        }
        let details = Details {
            name: request.name.clone(),
            networks: request.networks.clone(),
            unsafe_networks: request.unsafe_networks.clone(),
            groups: request.groups.clone(),
            is_ca: false,
            not_before: request.not_before.unwrap_or(now),
            not_after: request.not_after.unwrap_or(ca.not_after().plus(-1)),
            issuer: self.fingerprint.as_bytes().to_vec(),
        };
        let wanted = Wanted {
            not_before: details.not_before,
            not_after: details.not_after,
            groups: &details.groups,
            networks: &details.networks,
            unsafe_networks: &details.unsafe_networks,
        };
        wanted.within(ca, NebulaVersion::NEWEST)?;
        seal(request.version, details, ca.curve(), key.as_bytes().to_vec(), &self.key)
    }

    /// Makes a key pair for a host and signs it.
    ///
    /// # Errors
    /// As [`Authority::sign`].
    pub fn issue(&self, request: &HostRequest, now: Timestamp) -> Result<IssuedHost, SignError> {
        let key = HostKey::generate(self.certificate.curve())?;
        let certificate = self.sign(request, key.public_key(), now)?;
        Ok(IssuedHost { certificate, key })
    }
}

fn seal(
    version: Version,
    mut details: Details,
    curve: Curve,
    public_key: Vec<u8>,
    key: &CaKey,
) -> Result<Certificate, SignError> {
    check(&details)?;
    // Version 1 lists keep their order, as the signature is over it; what is twice in one is refused all the same.
    let mut sorted = details.clone();
    sorted.networks.sort_by(Network::wire_order);
    sorted.unsafe_networks.sort_by(Network::wire_order);
    v2::no_duplicate(&sorted.networks)?;
    v2::no_duplicate(&sorted.unsafe_networks)?;
    let mut raw_details = Vec::new();
    if version == Version::V2 {
        details = sorted;
        raw_details = v2::encode_details(&details);
    }
    let mut certificate = Certificate { version, details, curve, public_key, signature: Vec::new(), raw_details };
    certificate.check_shape()?;
    certificate.signature = key.sign(&certificate.signed_bytes(NebulaVersion::NEWEST));
    let (size, limit) = match version {
        Version::V1 => (v1::encode(&certificate, NebulaVersion::NEWEST).len(), MAX_V1_BYTES),
        Version::V2 => (v2::encode(&certificate).len(), MAX_V2_BYTES),
    };
    if size > limit {
        return Err(RequestError::TooLarge { size, limit }.into());
    }
    Ok(certificate)
}

fn check(details: &Details) -> Result<(), SignError> {
    let found = details.name.as_bytes().len();
    if found == 0 || found > MAX_NAME_BYTES {
        return Err(RequestError::Name { found, limit: MAX_NAME_BYTES }.into());
    }
    if let Some(index) = details.groups.iter().position(Text::is_empty) {
        return Err(RequestError::EmptyGroup { index, count: details.groups.len() }.into());
    }
    for text in details.groups.iter().chain([&details.name]) {
        if std::str::from_utf8(text.as_bytes()).is_err() {
            return Err(ShapeError::Invalid { what: "name or group (not UTF-8)", found: text.to_string() }.into());
        }
    }
    let holed = details.networks.iter().chain(&details.unsafe_networks).find(|network| network.prefix_len().is_none());
    if let Some(network) = holed {
        return Err(ShapeError::Invalid { what: "network (mask with holes)", found: network.to_string() }.into());
    }
    let (not_before, not_after) = (details.not_before, details.not_after);
    if not_after <= not_before {
        return Err(RequestError::Lifetime { not_before, not_after }.into());
    }
    Ok(())
}
