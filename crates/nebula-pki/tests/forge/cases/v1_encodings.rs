//! Version 1: odd protocol buffers, and PEM files of every make.

use super::*;

pub(super) fn encodings(lab: &Lab, add: Add<'_>) {
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

pub(super) fn files(lab: &Lab, add: Add<'_>) {
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
    add("bundle-vt", "a vertical tab after the CA", (good.clone(), text(&[&ca, b"\x0b\n"])));
    add("pem-vt", "a vertical tab after the certificate", crt(text(&[&good, b"\x0b\n"])));
    add("bundle-nbsp", "a no-break space after the CA", (good.clone(), text(&[&ca, b"\xc2\xa0\n"])));
    add("pem-nbsp", "a no-break space after the certificate", crt(text(&[&good, b"\xc2\xa0\n"])));
    add("bundle-nel", "a next-line character after the CA", (good.clone(), text(&[&ca, b"\xc2\x85"])));
    add("pem-nel", "a next-line character after the certificate", crt(text(&[&good, b"\xc2\x85"])));
    add("bundle-half", "half a character after the CA", (good.clone(), text(&[&ca, b"\xc2"])));
    add("pem-half", "half a character after the certificate", crt(text(&[&good, b"\xc2"])));
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
