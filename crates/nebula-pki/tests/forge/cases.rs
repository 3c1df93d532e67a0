//! The cases: each a file of certificates and a file of CAs, and why it is there.

#![allow(unreachable_pub)]

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

pub fn cases(now: i64) -> Vec<Case> {
    let lab = Lab::new(now);
    let mut cases = Vec::new();
    let mut add = |name: &'static str, why: &'static str, (crt, ca): (Vec<u8>, Vec<u8>)| {
        cases.push(Case { name, why, crt, ca });
    };
    rules(&lab, &mut add);
    shapes(&lab, &mut add);
    encodings(&lab, &mut add);
    files(&lab, &mut add);
    curves(&lab, &mut add);
    version2(&lab, &mut add);
    encodings2(&lab, &mut add);
    cases
}

type Add<'a> = &'a mut dyn FnMut(&'static str, &'static str, (Vec<u8>, Vec<u8>));

fn rules(lab: &Lab, add: Add<'_>) {
    let now = lab.now;
    add("v1-ok", "an ordinary host", lab.v1(|_| {}));
    add("v1-expired", "ended an hour ago", lab.v1(|h| h.not_after = now - 3600));
    add("v1-not-yet", "begins in half an hour", lab.v1(|h| h.not_before = now + 1800));
    add("v1-outlives-ca", "ends after its CA", lab.v1(|h| h.not_after = now + 2 * YEAR));
    add("v1-until-ca", "ends with its CA", lab.v1(|h| h.not_after = now + YEAR));
    add("v1-before-ca", "begins before its CA", lab.v1(|h| h.not_before = now - 2 * YEAR));
    add("v1-since-ca", "begins with its CA", lab.v1(|h| h.not_before = now - YEAR));
    add("v1-backwards", "ends before it begins", lab.v1(|h| (h.not_before, h.not_after) = (now + 60, now - 60)));
    add("v1-unknown-issuer", "signed by a CA that is not in the file", lab.v1(|h| h.issuer = vec![7; 32]));
    add("v1-no-issuer", "names no issuer", lab.v1(|h| h.issuer = vec![]));
    add(
        "v1-issuer-31",
        "an issuer of 31 bytes",
        lab.v1(|h| {
            h.issuer.pop();
        }),
    );
    add("v1-issuer-33", "an issuer of 33 bytes", lab.v1(|h| h.issuer.push(0)));
    add("v1-ca-as-host", "a CA presented as a host", (lab.ca_pem.clone(), lab.ca_pem.clone()));
    add("v1-leaf-is-ca", "a leaf with the CA flag and an issuer", lab.v1(|h| h.is_ca = true));
    add("v1-foreign-key", "signed by another key", (pem1(&lab.host.signed(&Key::ed(2))), lab.ca_pem.clone()));
    let mut broken = lab.ca_key.sign(&lab.host.details());
    broken[5] ^= 1;
    add(
        "v1-broken",
        "one bit of the signature flipped",
        (pem1(&certificate(&lab.host.details(), &broken)), lab.ca_pem.clone()),
    );
    for (name, signature) in
        [("v1-sig-none", vec![]), ("v1-sig-short", broken[..63].to_vec()), ("v1-sig-zero", vec![0; 64])]
    {
        add(
            name,
            "no signature to speak of",
            (pem1(&certificate(&lab.host.details(), &signature)), lab.ca_pem.clone()),
        );
    }
    let mut malleable = lab.ca_key.sign(&lab.host.details());
    malleable[63] |= 0xe0;
    add(
        "v1-sig-noncanonical",
        "an s beyond the order",
        (pem1(&certificate(&lab.host.details(), &malleable)), lab.ca_pem.clone()),
    );
    let groups = |ca: &mut V1| ca.groups = vec![b"web".to_vec(), b"prod".to_vec(), b"db".to_vec()];
    add("v1-groups-inside", "groups a subset", lab.limited(groups, |_| {}));
    add("v1-groups-none", "no groups under a CA with groups", lab.limited(groups, |h| h.groups.clear()));
    add("v1-groups-outside", "a group the CA lacks", lab.limited(groups, |h| h.groups.push(b"root".to_vec())));
    add("v1-groups-case", "a group that differs in case", lab.limited(groups, |h| h.groups = vec![b"Web".to_vec()]));
    let nets = |ca: &mut V1| ca.ips = vec![ip(10, 42, 0, 0), mask(16), ip(10, 50, 3, 9), mask(24)];
    add("v1-net-inside", "inside the CA's network", lab.limited(nets, |_| {}));
    add(
        "v1-net-second",
        "inside the CA's second network",
        lab.limited(nets, |h| h.ips = vec![ip(10, 50, 3, 1), mask(24)]),
    );
    add("v1-net-narrower", "a longer prefix", lab.limited(nets, |h| h.ips[1] = mask(30)));
    add("v1-net-wider", "a shorter prefix than the CA's", lab.limited(nets, |h| h.ips[1] = mask(15)));
    add("v1-net-outside", "outside the CA's networks", lab.limited(nets, |h| h.ips[0] = ip(10, 43, 0, 7)));
    add(
        "v1-net-second-pair-outside",
        "the second pair outside",
        lab.limited(nets, |h| h.ips.extend([ip(9, 9, 9, 9), mask(24)])),
    );
    let subnets = |ca: &mut V1| ca.subnets = vec![ip(192, 168, 0, 0), mask(16)];
    add(
        "v1-unsafe-inside",
        "an unsafe network inside",
        lab.limited(subnets, |h| h.subnets = vec![ip(192, 168, 7, 0), mask(24)]),
    );
    add(
        "v1-unsafe-outside",
        "an unsafe network outside",
        lab.limited(subnets, |h| h.subnets = vec![ip(172, 16, 0, 0), mask(24)]),
    );
    add("v1-unsafe-all", "0.0.0.0/0 under a limit", lab.limited(subnets, |h| h.subnets = vec![0, 0]));
    add("v1-unsafe-free", "0.0.0.0/0 without a limit", lab.v1(|h| h.subnets = vec![0, 0]));
    add("v1-ca-expired", "the CA ended", lab.limited(|ca| ca.not_after = now - 60, |_| {}));
    add("v1-ca-not-yet", "the CA has not begun", lab.limited(|ca| ca.not_before = now + 600, |_| {}));
    for (name, why, time) in [
        ("v1-end-max", "ends with the greatest number", i64::MAX),
        ("v1-end-year-9999", "ends in the last year that can be printed", 253_402_300_799),
        ("v1-end-year-10000", "ends a second later", 253_402_300_800),
        ("v1-end-go-wrap", "ends where Go's clock wraps", i64::MAX - 62_135_596_800 + 1),
        ("v1-end-go-last", "ends at the last second of Go's clock", i64::MAX - 62_135_596_800),
    ] {
        add(name, why, lab.limited(|ca| ca.not_after = time, |h| h.not_after = time));
    }
    add(
        "v1-begin-min",
        "begins with the least number",
        lab.limited(|ca| ca.not_before = i64::MIN, |h| h.not_before = i64::MIN),
    );
    add(
        "v1-begin-zero",
        "begins in 1970, which is left out",
        lab.limited(|ca| ca.not_before = 0, |h| h.not_before = 0),
    );
    add(
        "v1-begin-year-minus",
        "begins before the year 0",
        lab.limited(|ca| ca.not_before = -62_167_219_201, |h| h.not_before = -62_167_219_201),
    );
}

fn shapes(lab: &Lab, add: Add<'_>) {
    add("v1-name-empty", "no name", lab.v1(|h| h.name = vec![]));
    add("v1-name-not-utf8", "a name that is not UTF-8", lab.v1(|h| h.name = vec![0xff, 0xfe]));
    add(
        "v1-name-escapes",
        "a name with what JSON escapes",
        lab.v1(|h| h.name = "<a&b>\"\\\u{2028}\u{1}\t\u{7f}é".into()),
    );
    add("v1-name-long", "a name of 5000 bytes", lab.v1(|h| h.name = vec![b'n'; 5000]));
    add("v1-group-empty", "an empty group", lab.v1(|h| h.groups.push(vec![])));
    add("v1-group-twice", "a group twice", lab.v1(|h| h.groups.push(b"web".to_vec())));
    add("v1-group-not-utf8", "a group that is not UTF-8", lab.v1(|h| h.groups.push(vec![0xc3])));
    add(
        "v1-groups-many",
        "3000 groups",
        lab.v1(|h| h.groups = (0..3000).map(|n| format!("g{n}").into_bytes()).collect()),
    );
    for (name, length) in [("v1-key-0", 0), ("v1-key-1", 1), ("v1-key-31", 31), ("v1-key-33", 33), ("v1-key-64", 64)] {
        add(name, "a public key of another length", lab.v1(|h| h.key = vec![5; length]));
    }
    add("v1-ip-none", "no address", lab.v1(|h| h.ips.clear()));
    add("v1-ip-zero", "the address 0.0.0.0", lab.v1(|h| h.ips[0] = 0));
    add("v1-ip-two", "two addresses", lab.v1(|h| h.ips.extend([ip(10, 43, 0, 1), mask(24)])));
    add("v1-ip-same-twice", "the same address twice", lab.v1(|h| h.ips.extend([ip(10, 42, 0, 7), mask(16)])));
    add("v1-ip-overlap", "two addresses in one network", lab.v1(|h| h.ips.extend([ip(10, 42, 0, 8), mask(16)])));
    add(
        "v1-ip-odd",
        "an address without a mask",
        lab.v1(|h| {
            h.ips.pop();
        }),
    );
    add("v1-subnet-odd", "a subnet without a mask", lab.v1(|h| h.subnets = vec![ip(1, 2, 3, 0)]));
    add(
        "v1-subnet-twice",
        "a subnet twice",
        lab.v1(|h| h.subnets = vec![ip(1, 2, 3, 0), mask(24), ip(1, 2, 3, 0), mask(24)]),
    );
    add("v1-mask-0", "a mask of no ones", lab.v1(|h| h.ips[1] = 0));
    add("v1-mask-32", "a mask of all ones", lab.v1(|h| h.ips[1] = mask(32)));
    add("v1-mask-holed", "a mask with holes", lab.v1(|h| h.ips[1] = 0xff00_ff00));
    add("v1-subnet-holed", "a subnet's mask with holes", lab.v1(|h| h.subnets = vec![ip(10, 9, 0, 0), 0xffff_00ff]));
    let holed = |ca: &mut V1| ca.ips = vec![ip(10, 42, 0, 0), 0xffff_00ff];
    add(
        "v1-ca-mask-holed",
        "a CA whose mask has holes",
        lab.limited(holed, |h| h.ips = vec![ip(10, 42, 7, 0), mask(32)]),
    );
    add("v1-ca-mask-holed-out", "outside of it", lab.limited(holed, |h| h.ips = vec![ip(10, 42, 7, 3), mask(32)]));
    add("v1-ca-zero-network", "a CA limited to 0.0.0.0/0", lab.limited(|ca| ca.ips = vec![0, 0], |_| {}));
    add("v1-ca-zero-host", "a CA limited to 0.0.0.0/8", lab.limited(|ca| ca.ips = vec![0, mask(8)], |_| {}));
    add(
        "v1-ca-short-key",
        "a CA whose key has 31 bytes",
        lab.limited(
            |ca| {
                ca.key.pop();
            },
            |_| {},
        ),
    );
    add("v1-ca-long-key", "a CA whose key has 33 bytes", lab.limited(|ca| ca.key.push(1), |_| {}));
    add("v1-ca-with-issuer", "a CA that names an issuer", lab.limited(|ca| ca.issuer = vec![3; 32], |_| {}));
    add("v1-ca-flag-missing", "a CA without the flag", lab.limited(|ca| ca.is_ca = false, |_| {}));
    let foreign = pem1(&certificate(&lab.ca.details(), &Key::ed(2).sign(&lab.ca.details())));
    add("v1-ca-not-self-signed", "a CA signed by another key", (lab.v1(|_| {}).0, foreign));
    add("v1-ca-nameless", "a CA without a name", lab.limited(|ca| ca.name = vec![], |_| {}));
}

fn encodings(lab: &Lab, add: Add<'_>) {
    let host = &lab.host;
    let canonical = host.details();
    let unpacked: Vec<u8> = host
        .fields()
        .into_iter()
        .enumerate()
        .filter(|(_, (absent, _))| !absent)
        .flat_map(
            |(n, (_, field))| {
                if n == 1 { host.ips.iter().flat_map(|v| number(2, u64::from(*v))).collect() } else { field }
            },
        )
        .collect();
    add("v1-unpacked", "unpacked addresses, signed canonically", lab.odd(&unpacked, &canonical));
    add("v1-unpacked-signed", "unpacked addresses, signed as they are", lab.odd(&unpacked, &unpacked));
    let mut unknown = canonical.clone();
    unknown.extend(bytes(50, b"later"));
    add("v1-unknown-field", "an unknown field, signed canonically", lab.odd(&unknown, &canonical));
    add("v1-unknown-field-signed", "an unknown field, signed with it", lab.odd(&unknown, &unknown));
    let mut reversed: Vec<_> = host.fields().into_iter().filter(|(absent, _)| !absent).map(|(_, f)| f).collect();
    reversed.reverse();
    add("v1-reversed", "fields in descending order (groups too)", lab.odd(&reversed.concat(), &canonical));
    let mut defaults = canonical.clone();
    defaults.extend(number(8, 0));
    defaults.extend(number(100, 0));
    add("v1-defaults", "defaults written out", lab.odd(&defaults, &canonical));
    let mut twice = bytes(1, b"other");
    twice.extend(&canonical);
    add("v1-name-twice", "two names, the last counts", lab.odd(&twice, &canonical));
    let mut wrong_type = number(1, 7);
    wrong_type.extend(&canonical);
    add("v1-name-as-number", "a name of another wire type is unknown", lab.odd(&wrong_type, &canonical));
    let split = canonical.len() / 2;
    let fields: Vec<_> = host.fields().into_iter().filter(|(absent, _)| !absent).map(|(_, f)| f).collect();
    let merged =
        [bytes(1, &fields[..3].concat()), bytes(1, &fields[3..].concat()), bytes(2, &lab.ca_key.sign(&canonical))]
            .concat();
    add("v1-details-twice", "the details in two parts, which merge", (pem1(&merged), lab.ca_pem.clone()));
    let none = bytes(2, &lab.ca_key.sign(b""));
    add("v1-details-none", "no details", (pem1(&none), lab.ca_pem.clone()));
    add("v1-details-empty", "empty details", (pem1(&certificate(b"", &lab.ca_key.sign(b""))), lab.ca_pem.clone()));
    add("v1-truncated", "cut in the middle", (pem1(&host.signed(&lab.ca_key)[..split]), lab.ca_pem.clone()));
    let whole = host.signed(&lab.ca_key);
    for (name, why, tail) in [
        ("v1-trailing-zero", "a zero byte after it", vec![0]),
        ("v1-trailing-field", "an unknown field after it", bytes(9, b"x")),
        ("v1-trailing-group", "an unknown group after it", vec![0x3b, 0x08, 0x05, 0x3c]),
        ("v1-trailing-group-open", "a group that never ends", vec![0x3b, 0x08, 0x05]),
        ("v1-trailing-group-end", "a group that never began", vec![0x3c]),
        ("v1-trailing-reserved", "a reserved wire type", vec![0x3e]),
        ("v1-trailing-fixed", "fixed-size fields", vec![0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x3d, 1, 2, 3, 4]),
        ("v1-trailing-varint", "a varint of eleven bytes", [vec![0x38], vec![0xff; 10], vec![1]].concat()),
        ("v1-trailing-field-max", "the greatest field number", [varint(((1 << 29) - 1) << 3), vec![1]].concat()),
        ("v1-trailing-field-over", "a field number beyond", [varint((1 << 29) << 3), vec![1]].concat()),
        ("v1-signature-twice", "two signatures, the last counts", bytes(2, &lab.ca_key.sign(&canonical))),
        ("v1-signature-emptied", "a second, empty signature", bytes(2, b"")),
    ] {
        add(name, why, (pem1(&[whole.clone(), tail].concat()), lab.ca_pem.clone()));
    }
    let mut long_tag = canonical.clone();
    long_tag.extend([0xc0, 0x80, 0x00, 0x00]);
    add("v1-long-varints", "a tag in more bytes than it needs", lab.odd(&long_tag, &canonical));
    let mut wide = canonical.clone();
    wide.extend(
        [varint(2 << 3), varint(1 << 40 | u64::from(ip(10, 9, 9, 9))), varint(2 << 3), varint(u64::from(mask(24)))]
            .concat(),
    );
    let mut narrow = host.clone();
    narrow.ips.extend([ip(10, 9, 9, 9), mask(24)]);
    add("v1-wide-number", "a number of more than 32 bits is cut", lab.odd(&wide, &narrow.details()));
    let mut flag = canonical.clone();
    flag.extend(number(8, 2));
    let mut flagged = host.clone();
    flagged.is_ca = true;
    add("v1-flag-two", "a flag of two is true", lab.odd(&flag, &flagged.details()));
    add("v1-empty", "a block without contents", (pem1(b""), lab.ca_pem.clone()));
    add("v1-as-v2", "version 1 under the banner of version 2", (pem2(&whole), lab.ca_pem.clone()));
    let v2 = lab.host2.signed(&lab.ca_key);
    add("v2-as-v1", "version 2 under the banner of version 1", (pem1(&v2), lab.ca2_pem.clone()));
}

fn files(lab: &Lab, add: Add<'_>) {
    let (good, ca) = lab.v1(|_| {});
    let (bad, _) = lab.v1(|h| h.not_after = lab.now - 5);
    let crt = |crt: Vec<u8>| (crt, ca.clone());
    add("pem-crlf", "CRLF line ends", crt(replace(&good, "\n", "\r\n")));
    add("pem-lead", "text before the block", crt(text(&[b"# web1\n\n", &good])));
    add("pem-tail", "text after the block", crt(text(&[&good, b"# end\n"])));
    add("pem-blank-tail", "a blank line after the block", crt(text(&[&good, b"\n"])));
    add("pem-no-newline", "no newline at the end", crt(good.trim_ascii_end().to_vec()));
    add("pem-indented", "an indented banner", crt(text(&[b" ", &good])));
    add(
        "pem-header",
        "a header without a blank line",
        crt(replace(&good, "CERTIFICATE-----\nC", "CERTIFICATE-----\nOwner: me\nC")),
    );
    add(
        "pem-header-blank",
        "a header and a blank line",
        crt(replace(&good, "CERTIFICATE-----\nC", "CERTIFICATE-----\nOwner: me\n\nC")),
    );
    add("pem-spaces", "spaces in the base64", crt(replace(&good, "A", "A \t")));
    add("pem-lower", "a banner in lower case", crt(replace(&good, "NEBULA", "nebula")));
    add("pem-end-differs", "another banner at the end", crt(replace(&good, "END NEBULA", "END OTHER")));
    add(
        "pem-end-text",
        "text after the end banner",
        crt(replace(&good, "-----\n", "-----\n").trim_ascii_end().iter().copied().chain(*b" x\n").collect()),
    );
    add("pem-begin-twice", "a banner that begins twice", crt(text(&[b"-----BEGIN NEBULA CERTIFICATE-----\n", &good])));
    add("pem-begin-stray", "a banner that never ends before it", crt(text(&[b"-----BEGIN OTHER-----\nabcd\n", &good])));
    add("pem-end-stray", "an end banner before it", crt(text(&[b"-----END NEBULA CERTIFICATE-----\n", &good])));
    add("pem-other-first", "another kind of block first", crt(text(&[&pem("OTHER", b"abc"), &good])));
    add("pem-key", "a private key in its place", crt(pem("NEBULA X25519 PRIVATE KEY", &[1; 32])));
    add("pem-empty", "an empty file", crt(vec![]));
    add("pem-blank", "a blank file", crt(b"\n\n".to_vec()));
    add("pem-garbage", "no PEM at all", crt(b"not a certificate".to_vec()));
    add("pem-nul", "a NUL byte before the block", crt(text(&[b"\0\n", &good])));
    add("pem-bad-base64", "a character that is not base64", crt(replace(&good, "AA", "A!")));
    add("pem-no-padding", "the padding cut off", crt(replace(&good, "=\n", "\n")));
    add("pem-one-line", "all base64 on one line", {
        let body: Vec<_> = std::str::from_utf8(&good).unwrap().lines().collect();
        crt(format!("{}\n{}\n{}\n", body[0], body[1..body.len() - 1].concat(), body[body.len() - 1]).into_bytes())
    });
    add("pem-two-good", "two good certificates", crt(text(&[&good, &good])));
    add("pem-good-bad", "a good one, then an expired one", crt(text(&[&good, &bad])));
    add("pem-bad-good", "an expired one, then a good one", crt(text(&[&bad, &good])));
    add(
        "pem-good-broken",
        "a good one, then a broken block",
        crt(text(&[&good, b"-----BEGIN NEBULA CERTIFICATE-----\n"])),
    );
    let (host2, ca2) = lab.v2(|_| {});
    let both = text(&[&ca, &ca2]);
    add("pem-v1-v2", "a host's file with both versions", (text(&[&good, &host2]), both.clone()));
    add("bundle-v1-v2", "CAs of both versions, a version 1 host", (good.clone(), both));
    add("bundle-v2-v1", "CAs of both versions, the other order", (good.clone(), text(&[&ca2, &ca])));
    let other = pem1(&V1 { key: Key::ed(8).public(), name: b"old".to_vec(), ..lab.ca.clone() }.signed(&Key::ed(8)));
    add("bundle-two", "two CAs", (good.clone(), text(&[&other, b"\n# the new one\n", &ca, b"\n"])));
    add("bundle-same-twice", "the same CA twice", (good.clone(), text(&[&ca, &ca])));
    let expired = V1 { not_after: lab.now - 60, key: Key::ed(8).public(), ..lab.ca.clone() }.signed(&Key::ed(8));
    add("bundle-expired", "an expired CA beside the good one", (good.clone(), text(&[&ca, &pem1(&expired)])));
    add("bundle-host", "a host's certificate among the CAs", (good.clone(), text(&[&ca, &good])));
    add("bundle-tail", "text after the last CA", (good.clone(), text(&[&ca, b"# end\n"])));
    add(
        "bundle-key",
        "a key among the CAs",
        (good.clone(), text(&[&ca, &pem("NEBULA ED25519 PRIVATE KEY", &[1; 64])])),
    );
    add("bundle-indented", "an indented banner", (good.clone(), text(&[b"  ", &ca])));
    add(
        "bundle-stray-begin",
        "a banner that never ends before the CA",
        (good.clone(), text(&[b"-----BEGIN OTHER-----\nabcd\n", &ca])),
    );
    add("bundle-stray-end", "an end banner before the CA", (good.clone(), text(&[b"-----END OTHER-----\n", &ca])));
    add("bundle-truncated", "a CA that is cut", (good.clone(), ca[..ca.len() - 40].to_vec()));
    add("bundle-good-truncated", "a CA, then one that is cut", (good.clone(), text(&[&ca, &ca[..ca.len() - 40]])));
    add(
        "bundle-only-expired-other",
        "only an expired CA, of another key",
        (good.clone(), pem1(&V1 { not_after: lab.now - 60, ..lab.ca.clone() }.signed(&lab.ca_key))),
    );
    let wide = V1 { groups: (0..9000).map(|n| format!("group{n}").into_bytes()).collect(), ..lab.ca.clone() };
    add(
        "bundle-wide",
        "a CA of more than 64 KiB beside the good one",
        (good.clone(), text(&[&ca, &pem1(&wide.signed(&lab.ca_key))])),
    );
    add(
        "bundle-long-lead",
        "100 KiB of text before the CA",
        (good.clone(), text(&[&b"# comment\n".repeat(10_000), &ca])),
    );
    add("bundle-empty", "no CA", (good.clone(), vec![]));
    add("bundle-blank", "a blank file of CAs", (good, b" \n".to_vec()));
    // The contents are padded so that the base64 ends in one character with unused bits.
    let mut odd = lab.host.clone();
    while odd.signed(&lab.ca_key).len() % 3 != 1 {
        odd.name.push(b'x');
    }
    let odd = String::from_utf8(pem1(&odd.signed(&lab.ca_key))).unwrap();
    let at = odd.find("==").unwrap() - 1;
    let next = char::from(odd.as_bytes()[at] + 1);
    add(
        "pem-unused-bits",
        "base64 whose unused bits are set",
        crt(format!("{}{next}{}", &odd[..at], &odd[at + 1..]).into_bytes()),
    );
}

fn curves(lab: &Lab, add: Add<'_>) {
    let (host, key) = (&lab.p_host, &lab.p_key);
    let details = host.details();
    let p = |crt: Vec<u8>| (pem1(&crt), lab.p_ca_pem.clone());
    add("p256-ok", "an ordinary P-256 host", p(host.signed(key)));
    add("p256-high-s", "the other form of its signature", p(certificate(&details, &key.sign_high(&details))));
    let mut broken = key.sign(&details);
    let last = broken.len() - 1;
    broken[last] ^= 1;
    add("p256-broken", "one bit of the signature flipped", p(certificate(&details, &broken)));
    add("p256-raw-signature", "a signature that is not ASN.1", p(certificate(&details, &[7; 64])));
    let mut long = key.sign(&details);
    long.push(0);
    add("p256-trailing", "a byte after the signature", p(certificate(&details, &long)));
    let mut ber = key.sign(&details);
    ber.splice(1..2, [0x81, (last - 1) as u8]);
    add("p256-ber", "a signature with a long length", p(certificate(&details, &ber)));
    let zero = [0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00];
    add("p256-zero", "a signature of zeros", p(certificate(&details, &zero)));
    add("p256-host-under-ed", "a P-256 host under a 25519 CA", {
        let mixed = V1 { issuer: lab.host.issuer.clone(), ..host.clone() };
        (pem1(&mixed.signed(&lab.ca_key)), lab.ca_pem.clone())
    });
    add("ed-host-under-p256", "a 25519 host under a P-256 CA", {
        let mixed = V1 { issuer: host.issuer.clone(), ..lab.host.clone() };
        (pem1(&mixed.signed(key)), lab.p_ca_pem.clone())
    });
    let ca = |change: &dyn Fn(&mut V1)| {
        let mut ca = lab.p_ca.clone();
        change(&mut ca);
        let ca_bytes = ca.signed(key);
        let host = V1 { issuer: sha256(&ca_bytes), ..host.clone() };
        (pem1(&host.signed(key)), pem1(&ca_bytes))
    };
    add("p256-ca-compressed", "a CA with a compressed point", ca(&|ca| ca.key = key.compressed()));
    add("p256-ca-off-curve", "a CA whose point is not on the curve", ca(&|ca| ca.key[64] ^= 1));
    add("p256-ca-flag-of-25519", "a P-256 CA that says 25519", ca(&|ca| ca.curve = 0));
    add(
        "p256-host-short-key",
        "a P-256 host with a key of 32 bytes",
        p(V1 { key: vec![4; 32], ..host.clone() }.signed(key)),
    );
    add("curve-unknown", "a curve that nobody knows", lab.v1(|h| h.curve = 7));
    add("curve-unknown-ca", "a CA of that curve", lab.limited(|ca| ca.curve = 7, |h| h.curve = 7));
    add("curve-negative", "a curve of a negative number", lab.v1(|h| h.curve = u64::MAX));
    let ca2 = V2 { key: key.public(), curve: 1, ..lab.ca2.clone() };
    let host2 = V2 { key: host.key.clone(), curve: 1, issuer: Some(ca2.fingerprint(key)), ..lab.host2.clone() };
    add("v2-p256-ok", "an ordinary version 2 P-256 host", (pem2(&host2.signed(key)), pem2(&ca2.signed(key))));
    let high = key.sign_high(&host2.message(&host2.details()));
    let high = tlv(0x30, &[host2.details(), host2.tail(&high)].concat());
    add("v2-p256-high-s", "the other form of its signature", (pem2(&high), pem2(&ca2.signed(key))));
    let high_ca = key.sign_high(&ca2.message(&ca2.details()));
    let high_ca = tlv(0x30, &[ca2.details(), ca2.tail(&high_ca)].concat());
    add("v2-p256-ca-high-s", "the CA's signature in its other form", (pem2(&host2.signed(key)), pem2(&high_ca)));
}

fn version2(lab: &Lab, add: Add<'_>) {
    let now = lab.now;
    add("v2-ok", "an ordinary host", lab.v2(|_| {}));
    add("v2-ipv6", "an IPv6 host", lab.v2(|h| h.networks = vec![net6("fd00:42::7", 64)]));
    add("v2-both", "both families", lab.v2(|h| h.networks.push(net6("fd00:42::7", 64))));
    add(
        "v2-unsorted",
        "networks out of order",
        lab.v2(|h| h.networks = vec![net6("fd00:42::7", 64), net4(10, 42, 0, 7, 16)]),
    );
    add("v2-same-twice", "a network twice", lab.v2(|h| h.networks.push(net4(10, 42, 0, 7, 16))));
    add("v2-overlap", "two addresses in one network", lab.v2(|h| h.networks.push(net4(10, 42, 0, 8, 16))));
    add("v2-same-address", "one address in two networks", lab.v2(|h| h.networks.push(net4(10, 42, 0, 7, 24))));
    add("v2-4in6", "an IPv4 address dressed as IPv6", lab.v2(|h| h.networks = vec![net6("::ffff:10.42.0.7", 112)]));
    add("v2-zero", "the address 0.0.0.0", lab.v2(|h| h.networks = vec![net4(0, 0, 0, 0, 8)]));
    add("v2-zero6", "the address ::", lab.v2(|h| h.networks = vec![net6("::", 8)]));
    add("v2-none", "no network", lab.v2(|h| h.networks.clear()));
    add("v2-unsafe", "an unsafe network", lab.v2(|h| h.unsafe_networks = vec![net4(192, 168, 0, 0, 24)]));
    add(
        "v2-unsafe-6-on-4",
        "an IPv6 unsafe network on an IPv4 host",
        lab.v2(|h| h.unsafe_networks = vec![net6("fd01::", 64)]),
    );
    add(
        "v2-unsafe-4-on-6",
        "an IPv4 unsafe network on an IPv6 host",
        lab.v2(|h| {
            h.networks = vec![net6("fd00:42::7", 64)];
            h.unsafe_networks = vec![net4(192, 168, 0, 0, 24)];
        }),
    );
    add(
        "v2-unsafe-4in6",
        "an unsafe network dressed as IPv6",
        lab.v2(|h| {
            h.networks = vec![net6("fd00:42::7", 64)];
            h.unsafe_networks = vec![net6("::ffff:1.2.3.0", 120)];
        }),
    );
    add(
        "v2-unsafe-twice",
        "an unsafe network twice",
        lab.v2(|h| h.unsafe_networks = vec![net4(1, 2, 3, 0, 24), net4(1, 2, 3, 0, 24)]),
    );
    add("v2-unsafe-zero", "0.0.0.0/0 as an unsafe network", lab.v2(|h| h.unsafe_networks = vec![net4(0, 0, 0, 0, 0)]));
    add("v2-prefix-33", "a prefix of 33 bits", lab.v2(|h| h.networks = vec![net4(10, 42, 0, 7, 33)]));
    add("v2-prefix-129", "a prefix of 129 bits", lab.v2(|h| h.networks = vec![net6("fd00::1", 129)]));
    add("v2-prefix-0", "a prefix of no bits", lab.v2(|h| h.networks = vec![net4(10, 42, 0, 7, 0)]));
    add("v2-network-1", "a network of one byte", lab.v2(|h| h.networks = vec![vec![16]]));
    add("v2-network-6", "a network of six bytes", lab.v2(|h| h.networks = vec![vec![10, 1, 1, 1, 1, 16]]));
    add("v2-network-18", "a network of eighteen bytes", lab.v2(|h| h.networks = vec![vec![1; 18]]));
    add("v2-network-empty", "a network of no bytes", lab.v2(|h| h.networks = vec![vec![]]));
    add(
        "v2-unsafe-prefix-33",
        "an unsafe prefix of 33 bits",
        lab.v2(|h| h.unsafe_networks = vec![net4(10, 0, 0, 0, 33)]),
    );
    add("v2-name-empty", "no name", lab.v2(|h| h.name = vec![]));
    add("v2-name-253", "the longest name", lab.v2(|h| h.name = vec![b'n'; 253]));
    add("v2-name-254", "a name too long", lab.v2(|h| h.name = vec![b'n'; 254]));
    add("v2-name-not-utf8", "a name that is not UTF-8", lab.v2(|h| h.name = vec![b'a', 0xff, 0xe2, 0x82, b'z']));
    add("v2-group-empty", "an empty group", lab.v2(|h| h.groups.push(vec![])));
    add("v2-group-not-utf8", "a group that is not UTF-8", lab.v2(|h| h.groups.push(vec![0xff])));
    add("v2-group-twice", "a group twice", lab.v2(|h| h.groups.push(b"web".to_vec())));
    add("v2-groups-none", "no groups", lab.v2(|h| h.groups.clear()));
    add("v2-flag-01", "a CA flag of 1", lab.v2(|h| h.ca = Some(1)));
    add("v2-flag-00", "a CA flag of 0", lab.v2(|h| h.ca = Some(0)));
    add(
        "v2-key-31",
        "a public key of 31 bytes",
        lab.v2(|h| {
            h.key.pop();
        }),
    );
    add("v2-key-1", "a public key of one byte", lab.v2(|h| h.key = vec![1]));
    add("v2-key-none", "a public key of no bytes", lab.v2(|h| h.key = vec![]));
    add("v2-issuer-none", "no issuer", lab.v2(|h| h.issuer = None));
    add("v2-issuer-empty", "an empty issuer", lab.v2(|h| h.issuer = Some(vec![])));
    add("v2-issuer-31", "an issuer of 31 bytes", lab.v2(|h| h.issuer = Some(vec![1; 31])));
    add("v2-unknown-issuer", "a CA that is not in the file", lab.v2(|h| h.issuer = Some(vec![1; 32])));
    add("v2-expired", "ended an hour ago", lab.v2(|h| h.not_after = now - 3600));
    add("v2-not-yet", "begins in half an hour", lab.v2(|h| h.not_before = now + 1800));
    add("v2-outlives-ca", "ends after its CA", lab.v2(|h| h.not_after = now + 2 * YEAR));
    add("v2-before-ca", "begins before its CA", lab.v2(|h| h.not_before = now - 2 * YEAR));
    add(
        "v2-end-max",
        "ends with the greatest number",
        lab.limited2(|ca| ca.not_after = i64::MAX, |h| h.not_after = i64::MAX),
    );
    add(
        "v2-end-year-10000",
        "ends beyond what can be printed",
        lab.limited2(|ca| ca.not_after = 253_402_300_800, |h| h.not_after = 253_402_300_800),
    );
    add("v2-begin-negative", "begins before 1970", lab.limited2(|ca| ca.not_before = -5, |h| h.not_before = -1));
    let groups = |ca: &mut V2| ca.groups = vec![b"web".to_vec()];
    add("v2-group-inside", "a group the CA has", lab.limited2(groups, |_| {}));
    add("v2-group-outside", "a group the CA lacks", lab.limited2(groups, |h| h.groups.push(b"db".to_vec())));
    add(
        "v2-group-lossy",
        "a group that only looks like the CA's",
        lab.limited2(|ca| ca.groups = vec![vec![0xff]], |h| h.groups = vec![vec![0xfe]]),
    );
    let nets = |ca: &mut V2| ca.networks = vec![net4(10, 42, 0, 0, 16), net6("fd00:42::", 48)];
    add("v2-net-inside", "inside both limits", lab.limited2(nets, |h| h.networks.push(net6("fd00:42::7", 64))));
    add("v2-net-outside", "IPv6 outside", lab.limited2(nets, |h| h.networks.push(net6("fd00:43::7", 64))));
    add(
        "v2-net-wider",
        "a shorter prefix than the CA's",
        lab.limited2(nets, |h| h.networks = vec![net6("fd00:42::7", 47)]),
    );
    add(
        "v2-net-family",
        "IPv6 under a CA with IPv4 only",
        lab.limited2(|ca| ca.networks = vec![net4(10, 0, 0, 0, 8)], |h| h.networks = vec![net6("fd00::1", 64)]),
    );
    let routes = |ca: &mut V2| ca.unsafe_networks = vec![net4(192, 168, 0, 0, 16)];
    add(
        "v2-unsafe-inside",
        "an unsafe network inside",
        lab.limited2(routes, |h| h.unsafe_networks = vec![net4(192, 168, 4, 0, 24)]),
    );
    add(
        "v2-unsafe-outside",
        "an unsafe network outside",
        lab.limited2(routes, |h| h.unsafe_networks = vec![net4(172, 16, 0, 0, 24)]),
    );
    add(
        "v2-ca-unsafe-only",
        "a CA with an unsafe network and no network",
        lab.limited2(|ca| ca.unsafe_networks = vec![net6("fd01::", 32)], |_| {}),
    );
    add("v2-ca-zero", "a CA limited to 0.0.0.0/0", lab.limited2(|ca| ca.networks = vec![net4(0, 0, 0, 0, 0)], |_| {}));
    add("v2-ca-expired", "the CA ended", lab.limited2(|ca| ca.not_after = now - 60, |_| {}));
    add("v2-ca-as-host", "a CA presented as a host", (lab.ca2_pem.clone(), lab.ca2_pem.clone()));
    add("v2-foreign-key", "signed by another key", (pem2(&lab.host2.signed(&Key::ed(2))), lab.ca2_pem.clone()));
    add("v1-under-v2", "a version 1 host under a version 2 CA", {
        let host = V1 { issuer: lab.ca2.fingerprint(&lab.ca_key), ..lab.host.clone() };
        (pem1(&host.signed(&lab.ca_key)), lab.ca2_pem.clone())
    });
    add("v2-under-v1", "a version 2 host under a version 1 CA", {
        let host = V2 { issuer: Some(lab.host.issuer.clone()), ..lab.host2.clone() };
        (pem2(&host.signed(&lab.ca_key)), lab.ca_pem.clone())
    });
}

fn encodings2(lab: &Lab, add: Add<'_>) {
    let host = &lab.host2;
    let fields = host.fields();
    let good = host.signed(&lab.ca_key);
    let signature = lab.ca_key.sign(&host.message(&host.details()));
    let whole = |parts: Vec<Vec<u8>>| (pem2(&tlv(0x30, &parts.concat())), lab.ca2_pem.clone());
    add(
        "v2-der-trailing",
        "a byte after the certificate",
        (pem2(&[good.clone(), vec![0]].concat()), lab.ca2_pem.clone()),
    );
    add(
        "v2-der-trailing-inside",
        "an element after the signature",
        whole(vec![host.details(), host.tail(&signature), tlv(0x84, b"x")]),
    );
    add("v2-der-truncated", "cut in the middle", (pem2(&good[..good.len() / 2]), lab.ca2_pem.clone()));
    add(
        "v2-der-curve-zero",
        "the curve 25519 written out",
        whole(vec![host.details(), tlv(0x81, &[0]), host.tail(&signature)]),
    );
    add(
        "v2-der-curve-two-bytes",
        "a curve of two bytes",
        whole(vec![host.details(), tlv(0x81, &[0, 0]), host.tail(&signature)]),
    );
    add("v2-der-curve-two", "a curve that nobody knows", {
        let host = V2 { curve: 2, ..host.clone() };
        (pem2(&host.signed(&lab.ca_key)), lab.ca2_pem.clone())
    });
    add("v2-der-no-key", "no public key", whole(vec![host.details(), tlv(0x83, &signature)]));
    add("v2-der-no-signature", "no signature", whole(vec![host.details(), tlv(0x82, &host.key)]));
    add("v2-der-empty-signature", "an empty signature", whole(vec![host.details(), host.tail(b"")]));
    add(
        "v2-der-order",
        "signature before key",
        whole(vec![host.details(), tlv(0x83, &signature), tlv(0x82, &host.key)]),
    );
    add("v2-der-set", "a SET in place of the SEQUENCE", (pem2(&tlv(0x31, &good[2..])), lab.ca2_pem.clone()));
    add("v2-der-nothing", "an empty SEQUENCE", (pem2(&tlv(0x30, b"")), lab.ca2_pem.clone()));
    let long = |bytes: &[u8]| {
        let mut long = vec![0x30, 0x84, 0, 0, (bytes.len() >> 8) as u8, bytes.len() as u8];
        long.extend(bytes);
        long
    };
    let contents = [host.details(), host.tail(&signature)].concat();
    add("v2-der-long-length", "a length in more bytes than it needs", (pem2(&long(&contents)), lab.ca2_pem.clone()));
    add(
        "v2-der-indefinite",
        "an indefinite length",
        (pem2(&[vec![0x30, 0x80], contents, vec![0, 0]].concat()), lab.ca2_pem.clone()),
    );
    let with = |index: usize, field: Vec<u8>| {
        let mut fields = fields.clone();
        fields[index] = field;
        tlv(0xa0, &fields.concat())
    };
    add(
        "v2-details-trailing",
        "an element after the issuer",
        lab.odd2(&tlv(0xa0, &[fields.concat(), tlv(0x88, b"x")].concat())),
    );
    add(
        "v2-details-integer-long",
        "an integer with a zero before it",
        lab.odd2(&with(5, tlv(0x85, &[&[0, 0], &(lab.now as u32 - 60).to_be_bytes()[..]].concat()))),
    );
    add("v2-details-integer-9", "an integer of nine bytes", lab.odd2(&with(6, tlv(0x86, &[1; 9]))));
    add("v2-details-integer-empty", "an integer of no bytes", lab.odd2(&with(5, tlv(0x85, b""))));
    add("v2-details-networks-empty", "a list of networks without networks", lab.odd2(&with(1, tlv(0xa1, b""))));
    add("v2-details-groups-empty", "a list of groups without groups", lab.odd2(&with(3, tlv(0xa3, b""))));
    add("v2-details-unsafe-empty", "a list of unsafe networks without any", lab.odd2(&with(2, tlv(0xa2, b""))));
    add(
        "v2-details-group-printable",
        "a group of another string type",
        lab.odd2(&with(3, tlv(0xa3, &tlv(0x13, b"web")))),
    );
    add("v2-details-flag-two-bytes", "a CA flag of two bytes", lab.odd2(&with(4, tlv(0x84, &[0xff, 0xff]))));
    add("v2-details-flag-empty", "a CA flag of no bytes", lab.odd2(&with(4, tlv(0x84, b""))));
    add("v2-details-name-missing", "no name element", lab.odd2(&with(0, vec![])));
    add("v2-details-end-missing", "no end of validity", lab.odd2(&with(6, vec![])));
    add(
        "v2-details-order",
        "groups before networks",
        lab.odd2(&tlv(
            0xa0,
            &[&fields[0], &fields[3], &fields[1], &fields[5], &fields[6], &fields[7]].map(Vec::as_slice).concat(),
        )),
    );
    add("v2-large", "just within the largest size", lab.v2(|h| h.groups = vec![vec![b'g'; 65_000]]));
    add("v2-too-large", "beyond the largest size", lab.v2(|h| h.groups = vec![vec![b'g'; 66_000]]));
}
