//! P-256, and curves that do not go together.

use super::*;

pub(super) fn curves(lab: &Lab, add: Add<'_>) {
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
