//! The cases: each a file of certificates and a file of CAs, and why it is there.

#![allow(unreachable_pub)]

mod curves;
mod v1_encodings;
mod v1_rules;
mod v2_cases;

use super::*;

pub struct Case {
    pub name: &'static str,
    pub why: &'static str,
    pub crt: Vec<u8>,
    pub ca: Vec<u8>,
}

const YEAR: i64 = 86_400 * 365;

/// The CAs and hosts that the cases vary.
struct Lab {
    ca_key: Key,
    ca: V1,
    ca_pem: Vec<u8>,
    host: V1,
    ca2: V2,
    ca2_pem: Vec<u8>,
    host2: V2,
    p_key: Key,
    p_ca: V1,
    p_ca_pem: Vec<u8>,
    p_host: V1,
    now: i64,
}

impl Lab {
    fn new(now: i64) -> Self {
        let ca_key = Key::ed(1);
        let ca = V1 {
            name: b"lab".to_vec(),
            ips: vec![],
            subnets: vec![],
            groups: vec![],
            not_before: now - YEAR,
            not_after: now + YEAR,
            key: ca_key.public(),
            is_ca: true,
            issuer: vec![],
            curve: ED,
        };
        let ca_bytes = ca.signed(&ca_key);
        let host = V1 {
            name: b"web1".to_vec(),
            ips: vec![ip(10, 42, 0, 7), mask(16)],
            subnets: vec![],
            groups: vec![b"web".to_vec(), b"prod".to_vec()],
            not_before: now - 3600,
            not_after: now + 3600,
            key: vec![9; 32],
            is_ca: false,
            issuer: sha256(&ca_bytes),
            curve: ED,
        };
        let ca2 = V2 {
            name: b"lab2".to_vec(),
            networks: vec![],
            unsafe_networks: vec![],
            groups: vec![],
            ca: Some(0xff),
            not_before: now - YEAR,
            not_after: now + YEAR,
            key: ca_key.public(),
            issuer: None,
            curve: 0,
        };
        let host2 = V2 {
            name: b"web2".to_vec(),
            networks: vec![net4(10, 42, 0, 7, 16)],
            unsafe_networks: vec![],
            groups: vec![b"web".to_vec()],
            ca: None,
            not_before: now - 3600,
            not_after: now + 3600,
            key: vec![9; 32],
            issuer: Some(ca2.fingerprint(&ca_key)),
            curve: 0,
        };
        let p_key = Key::p256(3);
        let p_ca = V1 { key: p_key.public(), curve: P256, ..ca.clone() };
        let p_bytes = p_ca.signed(&p_key);
        let p_host = V1 { key: Key::p256(4).public(), curve: P256, issuer: sha256(&p_bytes), ..host.clone() };
        Self {
            ca_pem: pem1(&ca_bytes),
            ca2_pem: pem2(&ca2.signed(&ca_key)),
            p_ca_pem: pem1(&p_bytes),
            ca_key,
            ca,
            host,
            ca2,
            host2,
            p_key,
            p_ca,
            p_host,
            now,
        }
    }

    fn v1(&self, change: impl FnOnce(&mut V1)) -> (Vec<u8>, Vec<u8>) {
        let mut host = self.host.clone();
        change(&mut host);
        (pem1(&host.signed(&self.ca_key)), self.ca_pem.clone())
    }

    /// A host under a CA with limits.
    fn limited(&self, limit: impl FnOnce(&mut V1), change: impl FnOnce(&mut V1)) -> (Vec<u8>, Vec<u8>) {
        let (mut ca, mut host) = (self.ca.clone(), self.host.clone());
        limit(&mut ca);
        let ca_bytes = ca.signed(&self.ca_key);
        host.issuer = sha256(&ca_bytes);
        change(&mut host);
        (pem1(&host.signed(&self.ca_key)), pem1(&ca_bytes))
    }

    fn v2(&self, change: impl FnOnce(&mut V2)) -> (Vec<u8>, Vec<u8>) {
        let mut host = self.host2.clone();
        change(&mut host);
        (pem2(&host.signed(&self.ca_key)), self.ca2_pem.clone())
    }

    fn limited2(&self, limit: impl FnOnce(&mut V2), change: impl FnOnce(&mut V2)) -> (Vec<u8>, Vec<u8>) {
        let (mut ca, mut host) = (self.ca2.clone(), self.host2.clone());
        limit(&mut ca);
        host.issuer = Some(ca.fingerprint(&self.ca_key));
        change(&mut host);
        (pem2(&host.signed(&self.ca_key)), pem2(&ca.signed(&self.ca_key)))
    }

    /// A host whose details are encoded oddly; signed over the odd or over the canonical form.
    fn odd(&self, details: &[u8], signed: &[u8]) -> (Vec<u8>, Vec<u8>) {
        (pem1(&certificate(details, &self.ca_key.sign(signed))), self.ca_pem.clone())
    }

    fn odd2(&self, details: &[u8]) -> (Vec<u8>, Vec<u8>) {
        (pem2(&self.host2.signed_over(details, &self.ca_key)), self.ca2_pem.clone())
    }
}

fn text(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn replace(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8(text.to_vec()).unwrap().replace(from, to).into_bytes()
}

/// An ordinary case, randomly changed: behind the PEM, in the PEM, or in the details before they are signed, so that the
/// signature is good and everything after it is reached.
pub fn mutated(now: i64, random: &mut bnna_mutation::Random, from: &[Case]) -> (Vec<u8>, Vec<u8>) {
    let lab = Lab::new(now);
    match random.below(4) {
        0 => {
            let details = mutate::nudge(random, &lab.host2.details());
            lab.odd2(&details)
        }
        1 => {
            let details = mutate::nudge(random, &lab.host.details());
            lab.odd(&details, &details)
        }
        2 => {
            let case = &from[random.below(from.len())];
            (bnna_mutation::mutate(random, std::slice::from_ref(&case.crt), &mutate::PIECES), case.ca.clone())
        }
        _ => {
            let case = &from[random.below(from.len())];
            let Ok((block, _)) = nebula_pki::pem::decode(&case.crt) else { return (case.crt.clone(), case.ca.clone()) };
            let contents = mutate::nudge(random, &block.contents);
            let banner = block.label.map_or("NEBULA CERTIFICATE", nebula_pki::pem::Label::banner);
            (pem(banner, &contents), case.ca.clone())
        }
    }
}

pub fn cases(now: i64) -> Vec<Case> {
    let lab = Lab::new(now);
    let mut cases = Vec::new();
    let mut add = |name: &'static str, why: &'static str, (crt, ca): (Vec<u8>, Vec<u8>)| {
        cases.push(Case { name, why, crt, ca });
    };
    v1_rules::rules(&lab, &mut add);
    v1_rules::shapes(&lab, &mut add);
    v1_encodings::encodings(&lab, &mut add);
    v1_encodings::files(&lab, &mut add);
    curves::curves(&lab, &mut add);
    v2_cases::version2(&lab, &mut add);
    v2_cases::encodings2(&lab, &mut add);
    cases
}

type Add<'a> = &'a mut dyn FnMut(&'static str, &'static str, (Vec<u8>, Vec<u8>));
