//! What Nebula itself says when it refuses, release by release.
//!
//! This crate's own errors say more (both values); these are for comparing with the real thing and for people who search
//! for the words that Nebula printed.

use crate::certificate::Version;
use crate::error::{AuthorityError, ConstraintError, FormatError, ParseError, ShapeError, VerifyError};
use crate::nebula::NebulaVersion;
use crate::verify::FileError;

impl FileError {
    /// The rule in the words of a certain Nebula, without the certificate that 1.10 and later print before it; `None`
    /// where Nebula's words come from a library of its own or name internals.
    ///
    /// ```
    /// # use nebula_pki::{NebulaVersion, Timestamp, verify_files};
    /// let refused = verify_files(b"", b"", Timestamp::now(), NebulaVersion::new(1, 6, 1)).unwrap_err();
    /// let words = refused.nebula_message(NebulaVersion::new(1, 6, 1));
    /// assert_eq!(words.as_deref(), Some("input did not contain a valid PEM encoded block"));
    /// ```
    #[must_use]
    pub fn nebula_message(&self, nebula: NebulaVersion) -> Option<String> {
        match self {
            Self::Authority(AuthorityError::Parse(error)) | Self::Certificate(error) => parse(error, nebula),
            Self::Authority(AuthorityError::NotCa(name)) => Some(format!("{name}: certificate is not a CA")),
            Self::Authority(AuthorityError::NotSelfSigned(name)) => {
                Some(format!("{name}: certificate is not self-signed"))
            }
            Self::Authority(AuthorityError::Expired { name, .. }) => Some(format!("{name}: certificate is expired")),
            Self::Refused(refused) => refused.first().map(|(_, error)| verify(error, nebula)),
        }
    }
}

fn parse(error: &ParseError, nebula: NebulaVersion) -> Option<String> {
    let words = match error {
        ParseError::Format(FormatError::NoPemBlock) => "input did not contain a valid PEM encoded block",
        ParseError::Format(FormatError::Label { .. }) if nebula.knows_v2() => {
            "bytes did not contain a proper certificate banner"
        }
        ParseError::Format(FormatError::Label { .. }) => "bytes did not contain a proper nebula certificate banner",
        ParseError::Format(FormatError::Der(_)) => "bad wire format",
        ParseError::Format(_) => return None,
        ParseError::Shape(error) => return shape(error, nebula),
    };
    Some(words.to_owned())
}

fn shape(error: &ShapeError, nebula: NebulaVersion) -> Option<String> {
    Some(match error {
        ShapeError::PublicKey { .. } if nebula.checks_shape() => "invalid public key".to_owned(),
        // Some releases begin it with a capital, some do not.
        ShapeError::PublicKey { found, .. } => format!("ublic key was fewer than 32 bytes; {found}"),
        ShapeError::NoNetwork(Version::V1) => "non-CA certificates must contain exactly one network".to_owned(),
        ShapeError::NoNetwork(Version::V2) => "non-CA certificate must contain at least 1 network".to_owned(),
        ShapeError::Invalid { what, .. } => format!("invalid {what}: invalid Prefix"),
        ShapeError::ZeroAddress(network) => {
            format!("non-CA certificates must not use the zero address as a network: {}", network.to_print(nebula))
        }
        ShapeError::Ipv6InV1(network) => format!("certificate may not contain IPv6 networks: {network}"),
        ShapeError::Ipv4InIpv6(network) => format!("4in6 networks are not allowed: {network}"),
        ShapeError::FamilyMissing { unsafe_network, .. } => {
            let family = if unsafe_network.address().is_ipv4() { "IPv4" } else { "IPv6" };
            format!("{family} unsafe networks require an {family} address assignment: {unsafe_network}")
        }
        ShapeError::Duplicate(network) => format!("duplicate network detected: {network}"),
    })
}

fn verify(error: &VerifyError, nebula: NebulaVersion) -> String {
    let words = match error {
        VerifyError::Blocked(_) if nebula.knows_v2() => "certificate is in the block list",
        VerifyError::Blocked(_) => "certificate has been blocked",
        VerifyError::NoIssuer(_) => "no issuer in certificate",
        VerifyError::UnknownIssuer { .. } => "could not find ca for the certificate",
        VerifyError::Curve { .. } => "certificate curve does not match",
        VerifyError::CaExpired { .. } => "root certificate is expired",
        VerifyError::Expired { .. } => "certificate is expired",
        VerifyError::Signature { .. } => "certificate signature did not match",
        VerifyError::Constraint(error) => return constraint(error, nebula),
    };
    words.to_owned()
}

fn constraint(error: &ConstraintError, nebula: NebulaVersion) -> String {
    let outside = |what, network: &crate::Network| {
        let network = network.to_print(nebula);
        format!("certificate contained {what} assignment outside the limitations of the signing ca: {network}")
    };
    let newer = nebula.knows_v2();
    match error {
        ConstraintError::ExpiresAfterCa { .. } => "certificate expires after signing certificate".to_owned(),
        ConstraintError::ValidBeforeCa { .. } => "certificate is valid before the signing certificate".to_owned(),
        ConstraintError::Group { group, .. } => {
            format!("certificate contained a group not present on the signing ca: {group}")
        }
        ConstraintError::Network { network, .. } => outside(if newer { "a network" } else { "an ip" }, network),
        ConstraintError::UnsafeNetwork { network, .. } => {
            outside(if newer { "an unsafe network" } else { "a subnet" }, network)
        }
    }
}
