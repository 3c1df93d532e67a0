//! Version 2: rules and odd DER.

use super::*;

pub(super) fn version2(lab: &Lab, add: Add<'_>) {
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

pub(super) fn encodings2(lab: &Lab, add: Add<'_>) {
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
