//! Certificates and keys, ours and those of every real `nebula-cert` that is here: what one makes the other takes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod peer;

use std::path::Path;

use nebula_pki::{
    Authority, CaKey, CaPool, CaRequest, Certificate, Curve, Derivation, DerivationLimits, HostKey, HostRequest,
    NebulaVersion, PublicKey, Text, Timestamp, Version, print_json, verify_files,
};
use peer::{Peer, peers};

const P256_SINCE: NebulaVersion = NebulaVersion::new(1, 7, 0);
const V2_SINCE: NebulaVersion = NebulaVersion::new(1, 10, 0);
const HOUR: i64 = 3600;

/// Every pair of versions (CA's, host's) and curve that this Nebula knows.
fn kinds(nebula: NebulaVersion) -> Vec<(Version, Version, Curve)> {
    let mut kinds = Vec::new();
    for curve in [Curve::Curve25519, Curve::P256] {
        for ca in [Version::V1, Version::V2] {
            for host in [Version::V1, Version::V2] {
                let v2 = ca == Version::V2 || host == Version::V2;
                if (nebula >= P256_SINCE || curve == Curve::Curve25519) && (nebula >= V2_SINCE || !v2) {
                    kinds.push((ca, host, curve));
                }
            }
        }
    }
    kinds
}

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).unwrap();
}

fn read(directory: &Path, name: &str) -> Vec<u8> {
    std::fs::read(directory.join(name)).unwrap()
}

fn flag(version: Version) -> &'static str {
    if version == Version::V1 { "1" } else { "2" }
}

fn our_ca(version: Version, curve: Curve, now: Timestamp) -> Authority {
    let mut request = CaRequest::new("lab & <sons>", now.plus(-HOUR), now.plus(100 * HOUR));
    (request.version, request.curve) = (version, curve);
    request.groups = vec!["web".into(), "db".into()];
    request.networks = vec!["10.0.0.0/8".parse().unwrap()];
    if version == Version::V2 {
        request.networks.push("fd00::/16".parse().unwrap());
    }
    Authority::create(&request).unwrap()
}

fn our_host(version: Version) -> HostRequest {
    let mut request = HostRequest::new("web1", ["10.42.0.7/16".parse().unwrap()]);
    request.version = version;
    request.groups = vec![Text::from("web")];
    request.unsafe_networks = vec!["192.168.4.0/24".parse().unwrap()];
    request
}

#[test]
fn nebula_cert_accepts_prints_and_continues_what_is_made_here() {
    for peer in peers() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let now = Timestamp::now();
        for (n, (ca_version, host_version, curve)) in kinds(peer.version).into_iter().enumerate() {
            let ca = our_ca(ca_version, curve, now);
            let mut request = our_host(host_version);
            if (ca_version, host_version) == (Version::V2, Version::V2) {
                request.networks.push("fd00::7/64".parse().unwrap());
            }
            let issued = ca.issue(&request, now).unwrap();
            write(at, "ca.crt", &ca.certificate().to_pem());
            write(at, "ca.key", &ca.key().to_pem());
            write(at, "host.crt", &issued.certificate.to_pem());
            peer.cert_ok(at, &["verify", "-ca", "ca.crt", "-crt", "host.crt"]);
            for (file, certificate) in [("ca.crt", ca.certificate()), ("host.crt", &issued.certificate)] {
                let printed = peer.cert_ok(at, &["print", "-json", "-path", file]);
                let ours = print_json(std::slice::from_ref(certificate), peer.version).unwrap();
                assert_eq!(ours, printed, "byte for byte");
                agree_by_field(&ours, &printed);
            }
            // Their hand goes on with our CA and our public key.
            let key = HostKey::generate(curve).unwrap();
            write(at, "host.pub", &key.public_key().to_pem());
            let out = format!("theirs{n}.crt");
            let mut sign = vec![
                "sign",
                "-name",
                "db1",
                "-ip",
                "10.42.0.8/16",
                "-groups",
                "db",
                "-in-pub",
                "host.pub",
                "-out-crt",
                &out,
            ];
            if peer.version >= V2_SINCE {
                sign.extend(["-version", flag(host_version)]);
            }
            peer.cert_ok(at, &sign);
            let theirs = Certificate::from_pem(&read(at, &out)).unwrap();
            assert_eq!(theirs.public_key(), key.public_key().as_bytes());
            let mut pool = CaPool::new();
            pool.add(ca.certificate().clone()).unwrap();
            pool.verify(&theirs, Timestamp::now()).unwrap();
        }
    }
}

fn agree_by_field(ours: &str, theirs: &str) {
    let (ours, theirs): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(ours).unwrap(), serde_json::from_str(theirs).unwrap());
    let first = |value: &serde_json::Value| value.get(0).unwrap_or(value).as_object().unwrap().clone();
    let (ours, theirs) = (first(&ours), first(&theirs));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (field, value) in &theirs {
        assert_eq!(&ours[field], value, "{field}");
    }
}

#[test]
fn nebula_cert_refuses_what_is_refused_here_and_both_say_why() {
    for peer in peers() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let now = Timestamp::now();
        let past = now.plus(-50 * HOUR);
        let mut request = CaRequest::new("lab", past, now.plus(HOUR));
        let ca = Authority::create(&request).unwrap();
        let other = Authority::create(&request).unwrap();
        request.not_after = now.plus(-HOUR);
        let ended = Authority::create(&request).unwrap();
        let mut short = our_host(Version::V1);
        short.not_after = Some(past.plus(HOUR));
        let mut early = our_host(Version::V1);
        early.not_before = Some(now.plus(HOUR / 2));
        let cases = [
            ("expired", ca.issue(&short, past).unwrap().certificate, "certificate is expired", &ca),
            ("not yet valid", ca.issue(&early, past).unwrap().certificate, "certificate is expired", &ca),
            ("unknown CA", other.issue(&our_host(Version::V1), now).unwrap().certificate, "could not find ca", &ca),
            ("CA", ca.certificate().clone(), "no issuer in certificate", &ca),
            (
                "CA ended",
                ended.issue(&our_host(Version::V1), past).unwrap().certificate,
                "certificate is expired",
                &ended,
            ),
        ];
        for (what, certificate, words, ca) in cases {
            write(at, "ca.crt", &ca.certificate().to_pem());
            write(at, "host.crt", &certificate.to_pem());
            let theirs = peer.cert(at, &["verify", "-ca", "ca.crt", "-crt", "host.crt"]);
            assert!(!theirs.status.success(), "{} accepts: {what}", peer.version);
            let ours = verify_files(&read(at, "ca.crt"), &read(at, "host.crt"), now, peer.version).unwrap_err();
            for said in [String::from_utf8_lossy(&theirs.stderr).into_owned(), ours.to_string()] {
                assert!(said.contains(words), "{} {what}: {said}", peer.version);
            }
        }
    }
}

#[test]
fn what_nebula_cert_makes_is_read_verified_and_written_back_unchanged() {
    for peer in peers() {
        for (ca_version, host_version, curve) in kinds(peer.version) {
            let directory = tempfile::tempdir().unwrap();
            let at = directory.path();
            let curve_flag = if curve == Curve::P256 { "P256" } else { "25519" };
            let mut make = vec!["ca", "-name", "theirs", "-groups", "web,db", "-ips", "10.0.0.0/8"];
            let mut keygen = vec!["keygen", "-out-key", "host.key", "-out-pub", "host.pub"];
            let mut sign = vec![
                "sign",
                "-name",
                "h1",
                "-ip",
                "10.42.0.1/16",
                "-groups",
                "web",
                "-subnets",
                "192.168.4.0/24",
                "-in-pub",
                "host.pub",
                "-out-crt",
                "host.crt",
            ];
            if peer.version >= P256_SINCE {
                make.extend(["-curve", curve_flag]);
                keygen.extend(["-curve", curve_flag]);
            }
            if peer.version >= V2_SINCE {
                make.extend(["-version", flag(ca_version)]);
                sign.extend(["-version", flag(host_version)]);
            }
            peer.cert_ok(at, &make);
            peer.cert_ok(at, &keygen);
            peer.cert_ok(at, &sign);
            let now = Timestamp::now();
            assert_eq!(verify_files(&read(at, "ca.crt"), &read(at, "host.crt"), now, peer.version), Ok(1));
            for file in ["ca.crt", "host.crt"] {
                let text = read(at, file);
                let certificate = Certificate::from_pem(&text).unwrap();
                assert_eq!(certificate.to_pem().as_bytes(), text, "{} {file}", peer.version);
                let printed = peer.cert_ok(at, &["print", "-json", "-path", file]);
                assert_eq!(print_json(&[certificate], peer.version).unwrap(), printed);
            }
            let ca_key = CaKey::from_pem(&read(at, "ca.key")).unwrap();
            assert_eq!(ca_key.to_pem().as_bytes(), read(at, "ca.key"));
            let host_key = HostKey::from_pem(&read(at, "host.key")).unwrap();
            assert_eq!(host_key.to_pem().as_bytes(), read(at, "host.key"));
            let public = PublicKey::from_pem(&read(at, "host.pub")).unwrap();
            assert_eq!((public.to_pem().as_bytes(), &public), (&read(at, "host.pub")[..], host_key.public_key()));
            // We go on with their CA.
            let ca = Authority::new(Certificate::from_pem(&read(at, "ca.crt")).unwrap(), ca_key).unwrap();
            let ours = ca.sign(&our_host_without_routes(host_version), &public, now).unwrap();
            write(at, "ours.crt", &ours.to_pem());
            peer.cert_ok(at, &["verify", "-ca", "ca.crt", "-crt", "ours.crt"]);
        }
    }
}

fn our_host_without_routes(version: Version) -> HostRequest {
    let mut request = our_host(version);
    request.unsafe_networks.clear();
    request
}

/// A Nebula that takes the passphrase of a CA key from the environment.
fn takes_passphrase(peer: &Peer) -> bool {
    peer.version >= V2_SINCE
}

#[test]
fn encrypted_ca_keys_open_on_both_sides() {
    for peer in peers().into_iter().filter(takes_passphrase) {
        for (curve, curve_flag) in [(Curve::Curve25519, "25519"), (Curve::P256, "P256")] {
            let directory = tempfile::tempdir().unwrap();
            let at = directory.path();
            let argon = ["-argon-memory", "1024", "-argon-iterations", "3", "-argon-parallelism", "2"];
            let make = ["ca", "-name", "theirs", "-version", "1", "-curve", curve_flag, "-encrypt"];
            peer.cert_ok_with_passphrase(at, &[&make[..], &argon[..]].concat(), "geheim");
            let open = |passphrase: &[u8]| {
                CaKey::from_encrypted_pem(&read(at, "ca.key"), passphrase, DerivationLimits::default())
            };
            assert!(open(b"falsch").is_err());
            let ca =
                Authority::new(Certificate::from_pem(&read(at, "ca.crt")).unwrap(), open(b"geheim").unwrap()).unwrap();
            assert_eq!(ca.certificate().curve(), curve);
            let derivation = Derivation { memory_kib: 512, iterations: 2, parallelism: 3 };
            write(at, "ours.key", &ca.key().to_encrypted_pem(b"anders", derivation).unwrap());
            let sign = [
                "sign",
                "-ca-key",
                "ours.key",
                "-name",
                "h1",
                "-ip",
                "10.42.0.1/16",
                "-out-crt",
                "h1.crt",
                "-out-key",
                "h1.key",
            ];
            peer.cert_ok_with_passphrase(at, &sign, "anders");
            assert_eq!(verify_files(&read(at, "ca.crt"), &read(at, "h1.crt"), Timestamp::now(), peer.version), Ok(1));
        }
    }
}

#[test]
fn a_trust_bundle_carries_hosts_of_both_cas() {
    for peer in peers() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let now = Timestamp::now();
        let (old, new) = (our_ca(Version::V1, Curve::Curve25519, now), our_ca(Version::V1, Curve::Curve25519, now));
        let mut bundle = nebula_pki::TrustBundle::from_pem(old.certificate().to_pem().as_bytes()).unwrap();
        bundle.add(new.certificate().clone()).unwrap();
        write(at, "ca.crt", &bundle.to_pem());
        for ca in [&old, &new] {
            let host = ca.issue(&our_host(Version::V1), now).unwrap();
            write(at, "host.crt", &host.certificate.to_pem());
            peer.cert_ok(at, &["verify", "-ca", "ca.crt", "-crt", "host.crt"]);
        }
    }
}
