//! What can be wrong with bytes and certificates. Each variant names the rule and carries both values.
//!
//! No error of this crate holds a private key, a passphrase, or bytes read from a file of keys.

use crate::certificate::{Curve, Fingerprint, Version};
use crate::network::Network;
use crate::pem::Label;
use crate::text::{Text, Timestamp};

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// No PEM block in the input.
    #[error("input did not contain a valid PEM encoded block")]
    NoPemBlock,
    /// A PEM block of another kind.
    #[error("expected a PEM block with {expected}, found {}", describe(*found))]
    Label {
        /// What the caller needs.
        expected: &'static str,
        /// What is there; `None` for a banner that Nebula does not know.
        found: Option<Label>,
    },
    /// More bytes than are read.
    #[error("{what} has {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// How many bytes (or items) there are.
        size: usize,
        /// How many are taken.
        limit: usize,
    },
    /// A key, address or digest of another length than its kind has.
    #[error("{what} has {found} bytes, not {expected}")]
    Length {
        /// What it is.
        what: &'static str,
        /// The length of its kind.
        expected: usize,
        /// The length that was found.
        found: usize,
    },
    /// Not a protocol buffer of the expected message.
    #[error("malformed version 1 encoding: {0}")]
    Protobuf(&'static str),
    /// Not the expected DER.
    #[error("bad wire format: malformed version 2 encoding in {0}")]
    Der(&'static str),
}

fn describe(label: Option<Label>) -> &'static str {
    label.map_or("an unknown banner", Label::banner)
}

/// A certificate whose encoding is sound but whose contents no certificate may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// The public key is missing.
    #[error("invalid public key: it has {found} bytes, expected {expected}")]
    PublicKey {
        /// Bytes found.
        found: usize,
        /// Bytes expected at least.
        expected: usize,
    },
    /// A host without an address.
    #[error("a host certificate must contain at least 1 network, this ({0:?}) contains 0")]
    NoNetwork(Version),
    /// A prefix length that its address cannot have, or an address of no known length.
    #[error("invalid {what}: {found}")]
    Invalid {
        /// Which list.
        what: &'static str,
        /// The value.
        found: String,
    },
    /// `0.0.0.0` or `::` as an address.
    #[error("certificates must not use the zero address as a network: {0}")]
    ZeroAddress(Network),
    /// IPv6 in version 1.
    #[error("version 1 certificates hold IPv4 only, not {0}")]
    Ipv6InV1(Network),
    /// An IPv4 address dressed as IPv6.
    #[error("4in6 networks are not allowed: {0}")]
    Ipv4InIpv6(Network),
    /// An unsafe network of a family in which the host has no address.
    #[error("the unsafe network {unsafe_network} requires an address of its family, the host has {networks:?}")]
    FamilyMissing {
        /// The unsafe network.
        unsafe_network: Network,
        /// The host's networks.
        networks: Vec<Network>,
    },
    /// The same network twice in one list.
    #[error("duplicate network detected: {0}")]
    Duplicate(Network),
}

/// Bytes that do not become a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The encoding is not sound.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The contents are not allowed.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// A limit that a CA certificate sets and a host certificate exceeds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// The host would outlive its CA.
    #[error("certificate expires after signing certificate: {host} is later than {ca}")]
    ExpiresAfterCa {
        /// End of the host certificate.
        host: Timestamp,
        /// End of the CA certificate.
        ca: Timestamp,
    },
    /// The host would be valid before its CA.
    #[error("certificate is valid before the signing certificate: {host} is earlier than {ca}")]
    ValidBeforeCa {
        /// Start of the host certificate.
        host: Timestamp,
        /// Start of the CA certificate.
        ca: Timestamp,
    },
    /// A group that the CA does not list.
    #[error("certificate contained a group not present on the signing ca: {group} (the ca allows {allowed:?})")]
    Group {
        /// The group.
        group: Text,
        /// The CA's groups.
        allowed: Vec<Text>,
    },
    /// An address outside the CA's networks.
    #[error(
        "certificate contained a network assignment outside the limitations of the signing ca: {network} (the ca allows {allowed:?})"
    )]
    Network {
        /// The host's network.
        network: Network,
        /// The CA's networks.
        allowed: Vec<Network>,
    },
    /// A route outside the CA's unsafe networks.
    #[error(
        "certificate contained an unsafe network assignment outside the limitations of the signing ca: {network} (the ca allows {allowed:?})"
    )]
    UnsafeNetwork {
        /// The host's unsafe network.
        network: Network,
        /// The CA's unsafe networks.
        allowed: Vec<Network>,
    },
}

/// Why a certificate is refused by a pool of CAs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is on the block list.
    #[error("certificate is in the block list: {0}")]
    Blocked(Fingerprint),
    /// It names no issuer, as a CA does.
    #[error("no issuer in certificate {0}")]
    NoIssuer(Text),
    /// Its issuer is not in the pool.
    #[error("could not find ca for the certificate: its issuer {issuer} is not one of the {known} known")]
    UnknownIssuer {
        /// The issuer it names, in hexadecimal.
        issuer: String,
        /// How many CAs the pool holds.
        known: usize,
    },
    /// Its curve is not its CA's.
    #[error("certificate curve {host} does not match its ca's {ca}")]
    Curve {
        /// The certificate's.
        host: Curve,
        /// The CA's.
        ca: Curve,
    },
    /// The CA is expired or not yet valid.
    #[error("root certificate is expired: valid {not_before} to {not_after}, now {now}")]
    CaExpired {
        /// Start of the CA's validity.
        not_before: Timestamp,
        /// End of it.
        not_after: Timestamp,
        /// When it was judged.
        now: Timestamp,
    },
    /// The certificate is expired or not yet valid.
    #[error("certificate is expired: valid {not_before} to {not_after}, now {now}")]
    Expired {
        /// Start of its validity.
        not_before: Timestamp,
        /// End of it.
        not_after: Timestamp,
        /// When it was judged.
        now: Timestamp,
    },
    /// The signature was not made by that CA over these details.
    #[error("certificate signature did not match: {fingerprint} is not signed by {ca}")]
    Signature {
        /// The certificate.
        fingerprint: Fingerprint,
        /// The CA it names.
        ca: Fingerprint,
    },
    /// A limit of the CA is exceeded.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
}

/// Why a certificate does not become a CA of a pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// It could not be read.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It is a host's.
    #[error("{0}: certificate is not a CA")]
    NotCa(Text),
    /// Its signature was not made with its own key.
    #[error("{0}: certificate is not self-signed")]
    NotSelfSigned(Text),
    /// It is expired or not yet valid.
    #[error("{name}: certificate is expired: valid {not_before} to {not_after}, now {now}")]
    Expired {
        /// Its name.
        name: Text,
        /// Start of its validity.
        not_before: Timestamp,
        /// End of it.
        not_after: Timestamp,
        /// When it was judged.
        now: Timestamp,
    },
}
