//! Version 1: what a CA limits, and what a certificate may hold.

use super::*;

pub(super) fn rules(lab: &Lab, add: Add<'_>) {
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

pub(super) fn shapes(lab: &Lab, add: Add<'_>) {
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
