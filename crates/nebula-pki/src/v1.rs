//! Version 1: a protocol buffer whose signature covers the canonical encoding of its details.
//!
//! A verifier decodes and encodes again before it checks, so an odd encoding passes if the signature fits the canonical
//! one, and an even one fails if its signature was made over the odd.

use crate::certificate::{Certificate, Curve, Details, MAX_V1_BYTES, Version};
use crate::error::{FormatError, ParseError, ShapeError};
use crate::nebula::NebulaVersion;
use crate::network::Network;
use crate::text::{Text, Timestamp};
use crate::wire::protobuf::{Reader, Value, Writer};

/// The fields of `RawNebulaCertificateDetails` as they stand on the wire.
#[derive(Default)]
struct RawDetails {
    name: Vec<u8>,
    ips: Vec<u32>,
    subnets: Vec<u32>,
    groups: Vec<Text>,
    not_before: i64,
    not_after: i64,
    public_key: Vec<u8>,
    is_ca: bool,
    issuer: Vec<u8>,
    curve: i32,
}

pub(crate) fn decode(bytes: &[u8], nebula: NebulaVersion) -> Result<Certificate, ParseError> {
    if bytes.len() > MAX_V1_BYTES {
        let size = bytes.len();
        return Err(FormatError::TooLarge { what: "a version 1 certificate", size, limit: MAX_V1_BYTES }.into());
    }
    let mut raw: Option<RawDetails> = None;
    let mut signature = Vec::new();
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.field()? {
        match field {
            // A message that comes twice is merged, as protocol buffers have it.
            (1, Value::Bytes(details)) => raw.get_or_insert_default().merge(details)?,
            (2, Value::Bytes(value)) => signature = value.to_vec(),
            _ => {}
        }
    }
    let raw = raw.ok_or(FormatError::Protobuf("the details are missing"))?;
    let networks = pairs(&raw.ips, "the addresses are not in pairs")?;
    let unsafe_networks = pairs(&raw.subnets, "the subnets are not in pairs")?;
    if !nebula.checks_shape() && raw.public_key.len() < 32 {
        return Err(ShapeError::PublicKey { found: raw.public_key.len(), expected: 32 }.into());
    }
    let certificate = Certificate {
        version: Version::V1,
        details: Details {
            name: Text::from(raw.name.as_slice()),
            networks,
            unsafe_networks,
            groups: raw.groups,
            is_ca: raw.is_ca,
            not_before: Timestamp::from_unix(raw.not_before),
            not_after: Timestamp::from_unix(raw.not_after),
            issuer: raw.issuer,
        },
        curve: Curve::from_wire(raw.curve),
        public_key: raw.public_key,
        signature,
        raw_details: Vec::new(),
    };
    if nebula.checks_shape() {
        certificate.check_shape()?;
    }
    Ok(certificate)
}

impl RawDetails {
    fn merge(&mut self, message: &[u8]) -> Result<(), FormatError> {
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field {
                (1, Value::Bytes(name)) => self.name = utf8(name)?.to_vec(),
                (2, value) => extend(&mut self.ips, value)?,
                (3, value) => extend(&mut self.subnets, value)?,
                (4, Value::Bytes(group)) => self.groups.push(Text::from(utf8(group)?)),
                (5, Value::Varint(seconds)) => self.not_before = seconds.cast_signed(),
                (6, Value::Varint(seconds)) => self.not_after = seconds.cast_signed(),
                (7, Value::Bytes(key)) => self.public_key = key.to_vec(),
                (8, Value::Varint(flag)) => self.is_ca = flag != 0,
                (9, Value::Bytes(issuer)) => self.issuer = issuer.to_vec(),
                (100, Value::Varint(number)) => self.curve = (number as u32).cast_signed(),
                _ => {}
            }
        }
        Ok(())
    }
}

fn utf8(bytes: &[u8]) -> Result<&[u8], FormatError> {
    std::str::from_utf8(bytes).map_err(|_| FormatError::Protobuf("a name or group is not UTF-8"))?;
    Ok(bytes)
}

fn extend(numbers: &mut Vec<u32>, value: Value<'_>) -> Result<(), FormatError> {
    match value {
        Value::Varint(number) => numbers.push(number as u32),
        Value::Bytes(packed) => numbers.extend(Reader::packed(packed)?.into_iter().map(|number| number as u32)),
        Value::Other => {}
    }
    Ok(())
}

fn pairs(numbers: &[u32], odd: &'static str) -> Result<Vec<Network>, FormatError> {
    let (pairs, rest) = numbers.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(FormatError::Protobuf(odd));
    }
    Ok(pairs.iter().map(|[address, mask]| Network::from_v1(*address, *mask)).collect())
}

/// The details in canonical form, as this Nebula would write them: what is signed.
pub(crate) fn encode_details(certificate: &Certificate, nebula: NebulaVersion) -> Vec<u8> {
    let details = &certificate.details;
    let mut out = Writer::with_capacity(192);
    let numbers = |networks: &[Network]| -> Vec<u32> {
        networks
            .iter()
            .filter_map(|network| network.to_v1(nebula))
            .flat_map(|(address, mask)| [address, mask])
            .collect()
    };
    out.bytes(1, details.name.as_bytes());
    out.packed(2, numbers(&details.networks).into_iter());
    out.packed(3, numbers(&details.unsafe_networks).into_iter());
    for group in &details.groups {
        out.message(4, group.as_bytes());
    }
    out.number(5, details.not_before.as_unix().cast_unsigned());
    out.number(6, details.not_after.as_unix().cast_unsigned());
    out.bytes(7, &certificate.public_key);
    out.number(8, u64::from(details.is_ca));
    out.bytes(9, &details.issuer);
    if nebula.knows_p256() {
        out.number(100, i64::from(certificate.curve.to_wire()).cast_unsigned());
    }
    out.finish()
}

pub(crate) fn encode_parts(details: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut out = Writer::with_capacity(details.len() + signature.len() + 8);
    out.message(1, details);
    out.bytes(2, signature);
    out.finish()
}

pub(crate) fn encode(certificate: &Certificate, nebula: NebulaVersion) -> Vec<u8> {
    encode_parts(&encode_details(certificate, nebula), &certificate.signature)
}

/// The rules of version 1 alone. Duplicates and several networks pass: old certificates have them, and only the first
/// network counts.
pub(crate) fn check_shape(details: &Details) -> Result<(), ShapeError> {
    for network in &details.networks {
        if network.address().is_ipv6() {
            return Err(ShapeError::Ipv6InV1(*network));
        }
        if network.address().is_unspecified() {
            return Err(ShapeError::ZeroAddress(*network));
        }
    }
    match details.unsafe_networks.iter().find(|network| network.address().is_ipv6()) {
        Some(network) => Err(ShapeError::Ipv6InV1(*network)),
        None => Ok(()),
    }
}
