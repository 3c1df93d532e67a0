//! Certificates as `nebula-cert print -json` prints them: the same field names, order, nulls and escapes.

use std::fmt::Write as _;

use crate::certificate::{Certificate, Version};
use crate::nebula::NebulaVersion;
use crate::network::Network;

impl Certificate {
    /// The certificate as one JSON object, without a newline, as the newest Nebula prints it.
    ///
    /// ```
    /// # use nebula_pki::{Authority, CaRequest, Timestamp};
    /// # let now = Timestamp::from_unix(1_795_230_073);
    /// # let ca = Authority::create(&CaRequest::new("lab", now, now.plus(60)))?;
    /// let json = ca.certificate().to_json().unwrap_or_default();
    /// assert!(json.starts_with(r#"{"details":{"curve":"CURVE25519","groups":[],"isCa":true,"issuer":"","name":"lab","#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// `None` when a time of it cannot be expressed (outside the years 0 to 9999); Nebula prints nothing then.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        self.to_json_as(NebulaVersion::NEWEST)
    }

    /// The same as a certain Nebula prints it.
    #[must_use]
    pub fn to_json_as(&self, nebula: NebulaVersion) -> Option<String> {
        let details = &self.details;
        let v2 = self.version == Version::V2;
        let with_prefixes = nebula.keeps_prefixes_only();
        let list = |networks: &[Network]| {
            strings(networks.iter().map(|network| quote(network.to_print(nebula).as_bytes())), v2)
        };
        let groups = strings(details.groups.iter().map(|group| quote(group.as_bytes())), v2);
        let curve = format!("\"{}\"", self.curve);
        let public_key = format!("\"{}\"", hex::encode(&self.public_key));

        let mut inner = Object::default();
        if !v2 && nebula.knows_p256() {
            inner.field("curve", &curve);
        }
        inner.field("groups", &groups);
        if !with_prefixes {
            inner.field("ips", &list(&details.networks));
        }
        inner.field("isCa", if details.is_ca { "true" } else { "false" });
        inner.field("issuer", &format!("\"{}\"", hex::encode(&details.issuer)));
        inner.field("name", &quote(details.name.as_bytes()));
        if with_prefixes {
            inner.field("networks", &list(&details.networks));
        }
        inner.field("notAfter", &format!("\"{}\"", details.not_after.to_rfc3339()?));
        inner.field("notBefore", &format!("\"{}\"", details.not_before.to_rfc3339()?));
        if !v2 {
            inner.field("publicKey", &public_key);
        }
        let unsafe_name = if with_prefixes { "unsafeNetworks" } else { "subnets" };
        inner.field(unsafe_name, &list(&details.unsafe_networks));

        let mut outer = Object::default();
        if v2 {
            outer.field("curve", &curve);
        }
        outer.field("details", &inner.finish());
        outer.field("fingerprint", &format!("\"{}\"", self.fingerprint_as(nebula)));
        if v2 {
            outer.field("publicKey", &public_key);
        }
        outer.field("signature", &format!("\"{}\"", hex::encode(&self.signature)));
        if with_prefixes {
            outer.field("version", if v2 { "2" } else { "1" });
        }
        Some(outer.finish())
    }
}

/// Several certificates as `nebula-cert print -json` prints a file: an array from 1.10 on, before that an object a line.
///
/// `None` when one of them cannot be printed.
#[must_use]
pub fn print_json(certificates: &[Certificate], nebula: NebulaVersion) -> Option<String> {
    let objects: Option<Vec<_>> = certificates.iter().map(|certificate| certificate.to_json_as(nebula)).collect();
    let objects = objects?;
    Some(if nebula.keeps_prefixes_only() { format!("[{}]\n", objects.join(",")) } else { objects.join("\n") + "\n" })
}

#[derive(Default)]
struct Object(String);

impl Object {
    fn field(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(value);
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A list of JSON strings; version 2 has `null` for an empty one.
fn strings(items: impl Iterator<Item = String>, null_when_empty: bool) -> String {
    let items: Vec<_> = items.collect();
    if items.is_empty() && null_when_empty { "null".to_owned() } else { format!("[{}]", items.join(",")) }
}

/// A JSON string as Go writes it: HTML's special characters, control characters and line separators escaped, bytes that
/// are not UTF-8 each replaced.
fn quote(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    let _ = write!(out, "\\u{:04x}", u32::from(character));
                }
                other => out.push(other),
            }
        }
        for _ in chunk.invalid() {
            out.push_str("\\ufffd");
        }
    }
    out.push('"');
    out
}
