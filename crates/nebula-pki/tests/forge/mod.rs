//! Certificates that no honest tool would make. Everything is encoded by hand here, so that the crate under test has no
//! part in what it is tested with.
#![allow(dead_code, unreachable_pub)]

pub mod cases;
pub mod mutate;

use base64::Engine as _;
use ed25519_dalek::Signer as _;
use ring::digest::{SHA256, digest};

pub const ED: u64 = 0;
pub const P256: u64 = 1;

/// A signing key, the same for the same seed.
pub enum Key {
    Ed(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

impl Key {
    pub fn ed(seed: u8) -> Self {
        Self::Ed(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
    }

    pub fn p256(seed: u8) -> Self {
        Self::P256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    pub fn public(&self) -> Vec<u8> {
        match self {
            Self::Ed(key) => key.verifying_key().to_bytes().to_vec(),
            Self::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
        }
    }

    pub fn compressed(&self) -> Vec<u8> {
        match self {
            Self::Ed(_) => panic!("no compressed form"),
            Self::P256(key) => key.verifying_key().to_sec1_point(true).as_bytes().to_vec(),
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed(key) => key.sign(message).to_bytes().to_vec(),
            Self::P256(key) => low_s(key, message).to_der().as_bytes().to_vec(),
        }
    }

    pub fn sign_high(&self, message: &[u8]) -> Vec<u8> {
        let Self::P256(key) = self else { panic!("no high form") };
        let (r, s) = low_s(key, message).split_scalars();
        p256::ecdsa::Signature::from_scalars(*r, -*s).unwrap().to_der().as_bytes().to_vec()
    }
}

fn low_s(key: &p256::ecdsa::SigningKey, message: &[u8]) -> p256::ecdsa::Signature {
    let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(key, message);
    signature.normalize_s()
}

pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

pub fn pem(banner: &str, contents: &[u8]) -> Vec<u8> {
    let text = base64::engine::general_purpose::STANDARD.encode(contents);
    let mut out = format!("-----BEGIN {banner}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(std::str::from_utf8(line).unwrap());
        out.push('\n');
    }
    out.push_str(&format!("-----END {banner}-----\n"));
    out.into_bytes()
}

pub fn pem1(contents: &[u8]) -> Vec<u8> {
    pem("NEBULA CERTIFICATE", contents)
}

pub fn pem2(contents: &[u8]) -> Vec<u8> {
    pem("NEBULA CERTIFICATE V2", contents)
}

// --- protocol buffers

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

pub fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

pub fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

pub fn packed(field: u64, values: &[u32]) -> Vec<u8> {
    bytes(field, &values.iter().flat_map(|value| varint(u64::from(*value))).collect::<Vec<_>>())
}

pub fn ip(a: u8, b: u8, c: u8, d: u8) -> u32 {
    u32::from_be_bytes([a, b, c, d])
}

pub fn mask(ones: u32) -> u32 {
    u32::MAX.checked_shl(32 - ones).unwrap_or(0)
}

#[derive(Clone)]
pub struct V1 {
    pub name: Vec<u8>,
    pub ips: Vec<u32>,
    pub subnets: Vec<u32>,
    pub groups: Vec<Vec<u8>>,
    pub not_before: i64,
    pub not_after: i64,
    pub key: Vec<u8>,
    pub is_ca: bool,
    pub issuer: Vec<u8>,
    pub curve: u64,
}

impl V1 {
    /// The canonical encoding.
    pub fn details(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (absent, field) in self.fields() {
            if !absent {
                out.extend(field);
            }
        }
        out
    }

    /// The fields in ascending order, each with whether it has its default.
    pub fn fields(&self) -> Vec<(bool, Vec<u8>)> {
        let mut fields = vec![
            (self.name.is_empty(), bytes(1, &self.name)),
            (self.ips.is_empty(), packed(2, &self.ips)),
            (self.subnets.is_empty(), packed(3, &self.subnets)),
        ];
        fields.extend(self.groups.iter().map(|group| (false, bytes(4, group))));
        fields.extend([
            (self.not_before == 0, number(5, self.not_before as u64)),
            (self.not_after == 0, number(6, self.not_after as u64)),
            (self.key.is_empty(), bytes(7, &self.key)),
            (!self.is_ca, number(8, 1)),
            (self.issuer.is_empty(), bytes(9, &self.issuer)),
            (self.curve == 0, number(100, self.curve)),
        ]);
        fields
    }

    pub fn signed(&self, key: &Key) -> Vec<u8> {
        certificate(&self.details(), &key.sign(&self.details()))
    }
}

pub fn certificate(details: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut out = bytes(1, details);
    if !signature.is_empty() {
        out.extend(bytes(2, signature));
    }
    out
}

// --- DER

pub fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = contents.len();
    match length {
        0..128 => out.push(length as u8),
        128..256 => out.extend([0x81, length as u8]),
        256..65536 => out.extend([0x82, (length >> 8) as u8, length as u8]),
        _ => out.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(contents);
    out
}

pub fn integer(tag: u8, value: i64) -> Vec<u8> {
    let mut raw = value.to_be_bytes().to_vec();
    while raw.len() > 1 && ((raw[0] == 0 && raw[1] < 0x80) || (raw[0] == 0xff && raw[1] >= 0x80)) {
        raw.remove(0);
    }
    tlv(tag, &raw)
}

#[derive(Clone)]
pub struct V2 {
    pub name: Vec<u8>,
    pub networks: Vec<Vec<u8>>,
    pub unsafe_networks: Vec<Vec<u8>>,
    pub groups: Vec<Vec<u8>>,
    pub ca: Option<u8>,
    pub not_before: i64,
    pub not_after: i64,
    pub key: Vec<u8>,
    pub issuer: Option<Vec<u8>>,
    pub curve: u8,
}

impl V2 {
    pub fn details(&self) -> Vec<u8> {
        tlv(0xa0, &self.fields().concat())
    }

    pub fn fields(&self) -> Vec<Vec<u8>> {
        let list = |tag, element, items: &[Vec<u8>]| {
            if items.is_empty() {
                return Vec::new();
            }
            tlv(tag, &items.iter().flat_map(|item| tlv(element, item)).collect::<Vec<_>>())
        };
        vec![
            tlv(0x80, &self.name),
            list(0xa1, 0x04, &self.networks),
            list(0xa2, 0x04, &self.unsafe_networks),
            list(0xa3, 0x0c, &self.groups),
            self.ca.map(|flag| tlv(0x84, &[flag])).unwrap_or_default(),
            integer(0x85, self.not_before),
            integer(0x86, self.not_after),
            self.issuer.as_ref().map(|issuer| tlv(0x87, issuer)).unwrap_or_default(),
        ]
    }

    pub fn tail(&self, signature: &[u8]) -> Vec<u8> {
        let curve = if self.curve == 0 { Vec::new() } else { tlv(0x81, &[self.curve]) };
        [curve, tlv(0x82, &self.key), tlv(0x83, signature)].concat()
    }

    pub fn message(&self, details: &[u8]) -> Vec<u8> {
        [details, &[self.curve], &self.key].concat()
    }

    pub fn signed(&self, key: &Key) -> Vec<u8> {
        self.signed_over(&self.details(), key)
    }

    /// With details encoded otherwise than [`V2::details`] does.
    pub fn signed_over(&self, details: &[u8], key: &Key) -> Vec<u8> {
        let signature = key.sign(&self.message(details));
        tlv(0x30, &[details.to_vec(), self.tail(&signature)].concat())
    }

    pub fn fingerprint(&self, key: &Key) -> Vec<u8> {
        let message = self.message(&self.details());
        sha256(&[message.clone(), key.sign(&message)].concat())
    }
}

pub fn net4(a: u8, b: u8, c: u8, d: u8, ones: u8) -> Vec<u8> {
    vec![a, b, c, d, ones]
}

pub fn net6(text: &str, ones: u8) -> Vec<u8> {
    let address: std::net::Ipv6Addr = text.parse().unwrap();
    [address.octets().to_vec(), vec![ones]].concat()
}
