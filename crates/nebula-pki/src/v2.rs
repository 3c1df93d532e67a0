//! Version 2: DER whose signature covers the details as they stand on the wire, the curve and the public key.

use std::net::IpAddr;

use crate::certificate::{Certificate, Curve, Details, MAX_V2_BYTES, Version};
use crate::error::{FormatError, ParseError, ShapeError};
use crate::network::Network;
use crate::text::{Text, Timestamp};
use crate::wire::der::{self, OCTET_STRING, Reader, SEQUENCE, UTF8_STRING, constructed, field};

/// The longest name: that of a DNS name.
pub(crate) const MAX_NAME_BYTES: usize = 253;

const CERT_DETAILS: u8 = constructed(0);
const CERT_CURVE: u8 = field(1);
const CERT_PUBLIC_KEY: u8 = field(2);
const CERT_SIGNATURE: u8 = field(3);

const NAME: u8 = field(0);
const NETWORKS: u8 = constructed(1);
const UNSAFE_NETWORKS: u8 = constructed(2);
const GROUPS: u8 = constructed(3);
const IS_CA: u8 = field(4);
const NOT_BEFORE: u8 = field(5);
const NOT_AFTER: u8 = field(6);
const ISSUER: u8 = field(7);

pub(crate) fn decode(bytes: &[u8]) -> Result<Certificate, ParseError> {
    if bytes.len() > MAX_V2_BYTES {
        let size = bytes.len();
        return Err(FormatError::TooLarge { what: "a version 2 certificate", size, limit: MAX_V2_BYTES }.into());
    }
    let mut reader = Reader::new(Reader::new(bytes).element(SEQUENCE, "the certificate")?);
    let (raw_details, contents) = reader.whole(CERT_DETAILS, "the details")?;
    let curve = reader.optional_byte(CERT_CURVE, "the curve")?.unwrap_or(0);
    let public_key = reader.optional(CERT_PUBLIC_KEY, "the public key")?.unwrap_or_default();
    if public_key.is_empty() {
        return Err(FormatError::Der("the public key").into());
    }
    let signature = reader.element(CERT_SIGNATURE, "the signature")?;
    if signature.is_empty() {
        return Err(FormatError::Der("the signature").into());
    }
    let mut details = decode_details(contents)?;
    let certificate = Certificate {
        version: Version::V2,
        curve: Curve::from_wire(i32::from(curve)),
        public_key: public_key.to_vec(),
        signature: signature.to_vec(),
        raw_details: raw_details.to_vec(),
        details: {
            details.networks.sort_by(Network::wire_order);
            details.unsafe_networks.sort_by(Network::wire_order);
            details
        },
    };
    certificate.check_shape()?;
    Ok(certificate)
}

fn decode_details(contents: &[u8]) -> Result<Details, ParseError> {
    let mut reader = Reader::new(contents);
    let name = reader.element(NAME, "the name")?;
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(FormatError::Der("the length of the name").into());
    }
    let networks = decode_networks(reader.optional(NETWORKS, "the networks")?, "network")?;
    let unsafe_networks = decode_networks(reader.optional(UNSAFE_NETWORKS, "the unsafe networks")?, "unsafe network")?;
    let mut groups = Vec::new();
    let mut list = Reader::new(reader.optional(GROUPS, "the groups")?.unwrap_or_default());
    while !list.is_empty() {
        let group = list.element(UTF8_STRING, "a group")?;
        if group.is_empty() {
            return Err(FormatError::Der("an empty group").into());
        }
        groups.push(Text::from(group));
    }
    let is_ca = reader.optional_byte(IS_CA, "the CA flag")?.is_some_and(|flag| flag != 0);
    let not_before = Timestamp::from_unix(reader.integer(NOT_BEFORE, "the start of validity")?);
    let not_after = Timestamp::from_unix(reader.integer(NOT_AFTER, "the end of validity")?);
    let issuer = reader.optional(ISSUER, "the issuer")?.unwrap_or_default().to_vec();
    Ok(Details {
        name: Text::from(name),
        networks: networks?,
        unsafe_networks: unsafe_networks?,
        groups,
        is_ca,
        not_before,
        not_after,
        issuer,
    })
}

/// The networks of a list. An encoding that is none is an error at once; a prefix length that its address cannot have
/// is one only after everything else was read, as in Nebula.
fn decode_networks(list: Option<&[u8]>, what: &'static str) -> Result<Result<Vec<Network>, ShapeError>, FormatError> {
    let mut reader = Reader::new(list.unwrap_or_default());
    let mut networks = Vec::new();
    let mut invalid = None;
    while !reader.is_empty() {
        let bytes = reader.element(OCTET_STRING, what)?;
        let Some((&prefix_len, address)) = bytes.split_last() else { return Err(FormatError::Der(what)) };
        let address = match *address {
            [] => None,
            [a, b, c, d] => Some(IpAddr::from([a, b, c, d])),
            _ => match <[u8; 16]>::try_from(address) {
                Ok(octets) => Some(IpAddr::from(octets)),
                Err(_) => return Err(FormatError::Der(what)),
            },
        };
        match address.and_then(|address| Network::new(address, prefix_len)) {
            Some(network) => networks.push(network),
            None => {
                let found =
                    address.map_or_else(|| "no address".to_owned(), |address| format!("{address}/{prefix_len}"));
                invalid.get_or_insert(ShapeError::Invalid { what, found });
            }
        }
    }
    Ok(invalid.map_or(Ok(networks), Err))
}

/// The details with tag and length; lists must be sorted already.
pub(crate) fn encode_details(details: &Details) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    der::write(&mut out, NAME, details.name.as_bytes());
    encode_networks(&mut out, NETWORKS, &details.networks);
    encode_networks(&mut out, UNSAFE_NETWORKS, &details.unsafe_networks);
    if !details.groups.is_empty() {
        let mut list = Vec::new();
        for group in &details.groups {
            der::write(&mut list, UTF8_STRING, group.as_bytes());
        }
        der::write(&mut out, GROUPS, &list);
    }
    if details.is_ca {
        der::write(&mut out, IS_CA, &[0xff]);
    }
    der::write_integer(&mut out, NOT_BEFORE, details.not_before.as_unix());
    der::write_integer(&mut out, NOT_AFTER, details.not_after.as_unix());
    if !details.issuer.is_empty() {
        der::write(&mut out, ISSUER, &details.issuer);
    }
    let mut whole = Vec::with_capacity(out.len() + 4);
    der::write(&mut whole, CERT_DETAILS, &out);
    whole
}

fn encode_networks(out: &mut Vec<u8>, tag: u8, networks: &[Network]) {
    if networks.is_empty() {
        return;
    }
    let mut list = Vec::new();
    for network in networks {
        let mut bytes = match network.address() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        bytes.push(network.prefix_len().unwrap_or(0));
        der::write(&mut list, OCTET_STRING, &bytes);
    }
    der::write(out, tag, &list);
}

/// What is signed: the details as they stand, one byte of curve (always here), the public key.
pub(crate) fn signed_bytes(raw_details: &[u8], curve: Curve, public_key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw_details.len() + 1 + public_key.len());
    bytes.extend_from_slice(raw_details);
    bytes.push(curve.to_wire() as u8);
    bytes.extend_from_slice(public_key);
    bytes
}

pub(crate) fn encode(certificate: &Certificate) -> Vec<u8> {
    let mut contents = Vec::with_capacity(certificate.raw_details.len() + 192);
    contents.extend_from_slice(&certificate.raw_details);
    if certificate.curve != Curve::Curve25519 {
        der::write(&mut contents, CERT_CURVE, &[certificate.curve.to_wire() as u8]);
    }
    der::write(&mut contents, CERT_PUBLIC_KEY, &certificate.public_key);
    der::write(&mut contents, CERT_SIGNATURE, &certificate.signature);
    let mut out = Vec::with_capacity(contents.len() + 4);
    der::write(&mut out, SEQUENCE, &contents);
    out
}

/// The rules of version 2 alone; lists must be sorted already.
pub(crate) fn check_shape(details: &Details) -> Result<(), ShapeError> {
    for network in &details.networks {
        if network.address().is_unspecified() {
            return Err(ShapeError::ZeroAddress(*network));
        }
        if matches!(network.address(), IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
            return Err(ShapeError::Ipv4InIpv6(*network));
        }
    }
    no_duplicate(&details.networks)?;
    for network in &details.unsafe_networks {
        let covered = details.networks.iter().any(|own| own.address().is_ipv4() == network.address().is_ipv4());
        if !details.is_ca && !covered {
            let networks = details.networks.clone();
            return Err(ShapeError::FamilyMissing { unsafe_network: *network, networks });
        }
    }
    no_duplicate(&details.unsafe_networks)
}

pub(crate) fn no_duplicate(sorted: &[Network]) -> Result<(), ShapeError> {
    let mut previous = None;
    for network in sorted {
        if previous.replace(network) == Some(network) {
            return Err(ShapeError::Duplicate(*network));
        }
    }
    Ok(())
}
