//! The rules of signing and verifying, one test a rule, named after it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use nebula_pki::{
    Authority, AuthorityError, CaKey, CaPool, CaRequest, Certificate, ConstraintError, Curve, HostKey, HostRequest,
    KeyError, NebulaVersion, Network, PublicKey, RequestError, ShapeError, SignError, Text, Timestamp, VerifyError,
    Version,
};

const NOW: Timestamp = Timestamp::from_unix(1_795_000_000);
const DAY: i64 = 86_400;

fn net(text: &str) -> Network {
    text.parse().unwrap()
}

fn nets(texts: &[&str]) -> Vec<Network> {
    texts.iter().map(|text| net(text)).collect()
}

fn groups(names: &[&str]) -> Vec<Text> {
    names.iter().map(|name| Text::from(*name)).collect()
}

fn ca_with(change: impl FnOnce(&mut CaRequest)) -> Authority {
    let mut request = CaRequest::new("lab", NOW, NOW.plus(365 * DAY));
    change(&mut request);
    Authority::create(&request).unwrap()
}

fn ca() -> Authority {
    ca_with(|_| {})
}

fn host(change: impl FnOnce(&mut HostRequest)) -> HostRequest {
    let mut request = HostRequest::new("web1", [net("10.42.0.7/16")]);
    change(&mut request);
    request
}

fn v2(networks: &[&str]) -> HostRequest {
    host(|h| (h.version, h.networks) = (Version::V2, nets(networks)))
}

fn refused(ca: &Authority, request: &HostRequest) -> SignError {
    ca.issue(request, NOW).unwrap_err()
}

fn pool(ca: &Authority) -> CaPool {
    let mut pool = CaPool::new();
    pool.add(ca.certificate().clone()).unwrap();
    pool
}

#[test]
fn every_version_and_curve_is_issued_read_back_and_verified() {
    for curve in [Curve::Curve25519, Curve::P256] {
        for (ca_version, host_version) in [
            (Version::V1, Version::V1),
            (Version::V2, Version::V2),
            (Version::V2, Version::V1),
            (Version::V1, Version::V2),
        ] {
            let ca = ca_with(|ca| (ca.version, ca.curve) = (ca_version, curve));
            let mut request = host(|h| h.version = host_version);
            request.groups = groups(&["web", "prod"]);
            request.unsafe_networks = nets(&["192.168.4.0/24"]);
            let issued = ca.issue(&request, NOW).unwrap();
            let read = Certificate::from_pem(issued.certificate.to_pem().as_bytes()).unwrap();
            assert_eq!(read, issued.certificate);
            assert_eq!(read.to_bytes(), issued.certificate.to_bytes());
            assert_eq!((read.version(), read.curve()), (host_version, curve));
            assert_eq!((read.groups(), read.is_ca()), (&groups(&["web", "prod"])[..], false));
            assert_eq!(read.issuer(), Some(ca.fingerprint()));
            assert_eq!(read.not_after(), ca.certificate().not_after().plus(-1), "one second before the CA ends");
            assert_eq!(pool(&ca).verify(&read, NOW).unwrap().fingerprint(), ca.fingerprint());
            let bytes = read.to_bytes();
            let again = match host_version {
                Version::V1 => Certificate::from_v1_bytes(&bytes),
                Version::V2 => Certificate::from_v2_der(&bytes),
            };
            assert_eq!(again.unwrap(), read);
        }
    }
}

#[test]
fn a_given_public_key_is_signed_as_well_as_a_new_one() {
    let (ca, key) = (ca(), HostKey::generate(Curve::Curve25519).unwrap());
    let public = PublicKey::from_pem(key.public_key().to_pem().as_bytes()).unwrap();
    let certificate = ca.sign(&host(|_| {}), &public, NOW).unwrap();
    assert_eq!(certificate.public_key(), key.public_key().as_bytes());
    pool(&ca).verify(&certificate, NOW).unwrap();
}

#[test]
fn validity_lies_inside_the_cas() {
    let (ca, end) = (ca(), NOW.plus(365 * DAY));
    let late = refused(&ca, &host(|h| h.not_after = Some(end.plus(1))));
    assert_eq!(late, ConstraintError::ExpiresAfterCa { host: end.plus(1), ca: end }.into());
    let early = refused(&ca, &host(|h| h.not_before = Some(NOW.plus(-1))));
    assert_eq!(early, ConstraintError::ValidBeforeCa { host: NOW.plus(-1), ca: NOW }.into());
    ca.issue(&host(|h| (h.not_before, h.not_after) = (Some(NOW), Some(end))), NOW).unwrap();
    let none = refused(&ca, &host(|h| (h.not_before, h.not_after) = (Some(NOW), Some(NOW))));
    assert!(matches!(none, SignError::Request(RequestError::Lifetime { .. })), "{none}");
}

#[test]
fn both_ends_of_validity_belong_to_it() {
    let ca = ca();
    let (from, to) = (NOW.plus(10), NOW.plus(20));
    let certificate =
        ca.issue(&host(|h| (h.not_before, h.not_after) = (Some(from), Some(to))), NOW).unwrap().certificate;
    let pool = pool(&ca);
    for (seconds, good) in [(9, false), (10, true), (20, true), (21, false)] {
        let verdict = pool.verify(&certificate, NOW.plus(seconds));
        assert_eq!(verdict.is_ok(), good, "{seconds}");
        if let Err(error) = verdict {
            assert_eq!(error, VerifyError::Expired { not_before: from, not_after: to, now: NOW.plus(seconds) });
        }
    }
    let late = NOW.plus(366 * DAY);
    assert!(matches!(pool.verify(&certificate, late), Err(VerifyError::CaExpired { .. })));
    assert!(matches!(ca.issue(&host(|_| {}), late), Err(SignError::CaExpired { .. })));
    assert!(matches!(ca.issue(&host(|_| {}), NOW.plus(-1)), Err(SignError::CaExpired { .. })));
}

#[test]
fn groups_are_a_subset_of_the_cas() {
    let ca = ca_with(|ca| ca.groups = groups(&["web", "db"]));
    ca.issue(&host(|h| h.groups = groups(&["db"])), NOW).unwrap();
    ca.issue(&host(|_| {}), NOW).unwrap();
    let error = refused(&ca, &host(|h| h.groups = groups(&["web", "root"])));
    let wanted = ConstraintError::Group { group: Text::from("root"), allowed: groups(&["web", "db"]) };
    assert_eq!(error, wanted.into());
    assert!(error.to_string().ends_with(r#"root (the ca allows ["web", "db"])"#), "{error}");
}

#[test]
fn networks_lie_inside_the_cas() {
    let ca = ca_with(|ca| ca.networks = nets(&["10.42.0.0/16", "10.50.3.9/24"]));
    for good in ["10.42.0.7/16", "10.42.9.9/32", "10.50.3.1/24"] {
        ca.issue(&host(|h| h.networks = nets(&[good])), NOW).unwrap();
    }
    for bad in ["10.43.0.7/16", "10.42.0.7/15", "10.50.4.1/24"] {
        let error = refused(&ca, &host(|h| h.networks = nets(&[bad])));
        assert!(matches!(error, SignError::Constraint(ConstraintError::Network { .. })), "{bad}: {error}");
        assert!(error.to_string().contains(bad) && error.to_string().contains("10.42.0.0/16"), "{error}");
    }
}

#[test]
fn unsafe_networks_lie_inside_the_cas() {
    let ca = ca_with(|ca| ca.unsafe_networks = nets(&["192.168.0.0/16"]));
    ca.issue(&host(|h| h.unsafe_networks = nets(&["192.168.7.0/24"])), NOW).unwrap();
    for bad in ["172.16.0.0/24", "0.0.0.0/0"] {
        let error = refused(&ca, &host(|h| h.unsafe_networks = nets(&[bad])));
        assert!(matches!(error, SignError::Constraint(ConstraintError::UnsafeNetwork { .. })), "{bad}: {error}");
    }
}

#[test]
fn a_network_may_not_come_twice_but_two_may_overlap() {
    let ca = ca();
    let twice = refused(&ca, &v2(&["10.42.0.7/16", "fd00::7/64", "10.42.0.7/16"]));
    assert_eq!(twice, ShapeError::Duplicate(net("10.42.0.7/16")).into());
    let twice = refused(&ca, &host(|h| h.unsafe_networks = nets(&["1.2.3.0/24", "1.2.3.0/24"])));
    assert_eq!(twice, ShapeError::Duplicate(net("1.2.3.0/24")).into());
    // As nebula-cert: another address or prefix length is another network.
    let overlapping = ca.issue(&v2(&["10.42.0.8/16", "10.42.0.7/16", "10.42.0.7/24"]), NOW).unwrap().certificate;
    assert_eq!(overlapping.networks(), nets(&["10.42.0.7/16", "10.42.0.7/24", "10.42.0.8/16"]), "sorted");
    assert!(overlapping.networks()[0].overlaps(&overlapping.networks()[1]));
    pool(&ca).verify(&overlapping, NOW).unwrap();
}

#[test]
fn version_1_holds_one_ipv4_address() {
    let ca = ca();
    for (networks, found) in [(vec![], 0), (nets(&["10.42.0.7/16", "10.43.0.7/16"]), 2)] {
        assert_eq!(refused(&ca, &host(|h| h.networks = networks)), RequestError::Networks { found }.into());
    }
    let error = refused(&ca, &host(|h| h.networks = nets(&["fd00::7/64"])));
    assert_eq!(error, ShapeError::Ipv6InV1(net("fd00::7/64")).into());
    let error = refused(&ca, &host(|h| h.unsafe_networks = nets(&["fd00::/64"])));
    assert_eq!(error, ShapeError::Ipv6InV1(net("fd00::/64")).into());
}

#[test]
fn version_2_refuses_addresses_that_mean_nothing() {
    let ca = ca();
    assert_eq!(refused(&ca, &v2(&[])), ShapeError::NoNetwork(Version::V2).into());
    assert_eq!(refused(&ca, &v2(&["0.0.0.0/8"])), ShapeError::ZeroAddress(net("0.0.0.0/8")).into());
    let dressed = "::ffff:10.0.0.1/112";
    assert_eq!(refused(&ca, &v2(&[dressed])), ShapeError::Ipv4InIpv6(net(dressed)).into());
    let mut request = v2(&["10.42.0.7/16"]);
    request.unsafe_networks = nets(&["fd01::/64"]);
    assert!(matches!(refused(&ca, &request), SignError::Shape(ShapeError::FamilyMissing { .. })));
}

#[test]
fn names_have_1_to_253_bytes_and_groups_a_name() {
    let ca = ca();
    for found in [0, 254] {
        let error = refused(&ca, &host(|h| h.name = "n".repeat(found).into()));
        assert_eq!(error, RequestError::Name { found, limit: 253 }.into());
    }
    ca.issue(&host(|h| h.name = "n".repeat(253).into()), NOW).unwrap();
    let error = refused(&ca, &host(|h| h.groups = groups(&["web", ""])));
    assert_eq!(error, RequestError::EmptyGroup { index: 1, count: 2 }.into());
    let large = host(|h| (h.version, h.groups) = (Version::V2, vec![Text::from("g".repeat(70_000))]));
    assert!(matches!(refused(&ca, &large), SignError::Request(RequestError::TooLarge { limit: 65_536, .. })));
}

#[test]
fn a_host_cannot_sign() {
    let ca = ca();
    let issued = ca.issue(&host(|_| {}), NOW).unwrap();
    let error = Authority::new(issued.certificate.clone(), CaKey::generate(Curve::Curve25519).unwrap()).unwrap_err();
    assert_eq!(error, SignError::NotCa { name: Text::from("web1") });
    assert_eq!(CaPool::new().add(issued.certificate), Err(AuthorityError::NotCa(Text::from("web1"))));
}

#[test]
fn the_key_must_be_the_cas_own() {
    let ca = ca();
    for curve in [Curve::Curve25519, Curve::P256] {
        let other = CaKey::generate(curve).unwrap();
        let error = Authority::new(ca.certificate().clone(), other).unwrap_err();
        assert!(matches!(error, SignError::KeyMismatch { .. }), "{error}");
    }
    let own = CaKey::from_pem(ca.key().to_pem().as_bytes()).unwrap();
    assert_eq!(Authority::new(ca.certificate().clone(), own).unwrap().fingerprint(), ca.fingerprint());
}

#[test]
fn curves_do_not_mix() {
    let key = HostKey::generate(Curve::P256).unwrap();
    let error = ca().sign(&host(|_| {}), key.public_key(), NOW).unwrap_err();
    assert_eq!(error, SignError::Curve { host: Curve::P256, ca: Curve::Curve25519 });
}

#[test]
fn a_blocked_certificate_is_refused_in_both_forms_of_its_signature() {
    for curve in [Curve::Curve25519, Curve::P256] {
        let ca = ca_with(|ca| ca.curve = curve);
        let certificate = ca.issue(&host(|_| {}), NOW).unwrap().certificate;
        let mut by_fingerprint = pool(&ca);
        by_fingerprint.block(certificate.fingerprint());
        assert_eq!(by_fingerprint.verify(&certificate, NOW), Err(VerifyError::Blocked(certificate.fingerprint())));
        let Some(other) = certificate.alternate_fingerprint() else {
            assert_eq!(curve, Curve::Curve25519);
            continue;
        };
        let mut by_other = pool(&ca);
        by_other.block(other);
        assert_eq!(by_other.verify(&certificate, NOW), Err(VerifyError::Blocked(other)));
        let mut older = CaPool::of_nebula(NebulaVersion::new(1, 10, 2));
        older.add(ca.certificate().clone()).unwrap();
        older.block(other);
        older.verify(&certificate, NOW).unwrap();
    }
}

#[test]
fn a_certificate_of_an_unknown_ca_is_refused() {
    let (ours, theirs) = (ca(), ca());
    let certificate = theirs.issue(&host(|_| {}), NOW).unwrap().certificate;
    let error = pool(&ours).verify(&certificate, NOW).unwrap_err();
    assert_eq!(error, VerifyError::UnknownIssuer { issuer: theirs.fingerprint().to_string(), known: 1 });
    let error = pool(&ours).verify(ours.certificate(), NOW).unwrap_err();
    assert_eq!(error, VerifyError::NoIssuer(Text::from("lab")));
}

#[test]
fn any_flipped_bit_of_a_certificate_is_noticed() {
    for version in [Version::V1, Version::V2] {
        let ca = ca_with(|ca| ca.version = version);
        let certificate = ca.issue(&host(|h| h.version = version), NOW).unwrap().certificate;
        let (pool, bytes) = (pool(&ca), certificate.to_bytes());
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let read = match version {
                Version::V1 => Certificate::from_v1_bytes(&changed),
                Version::V2 => Certificate::from_v2_der(&changed),
            };
            if let Ok(read) = read {
                // An encoding that reads as the very same certificate may pass; anything else must not.
                let passes = pool.verify(&read, NOW).is_ok();
                assert!(!passes || read.fingerprint() == certificate.fingerprint(), "bit {bit} of {version:?}");
            }
        }
    }
}

#[test]
fn public_keys_are_points_that_a_handshake_can_use() {
    assert!(matches!(PublicKey::new(Curve::Curve25519, &[0; 32]), Err(KeyError::NotOnCurve(_))));
    assert!(matches!(PublicKey::new(Curve::Curve25519, &[1; 31]), Err(KeyError::Format(_))));
    assert!(matches!(PublicKey::new(Curve::P256, &[4; 65]), Err(KeyError::NotOnCurve(_))));
    let ca_key = CaKey::generate(Curve::Curve25519).unwrap();
    assert!(matches!(PublicKey::from_pem(ca_key.public_key_pem().as_bytes()), Err(KeyError::Format(_))));
}

#[test]
fn equal_input_gives_equal_bytes() {
    for curve in [Curve::Curve25519, Curve::P256] {
        let ca = ca_with(|ca| ca.curve = curve);
        let key = HostKey::generate(curve).unwrap();
        let sign = || ca.sign(&host(|_| {}), key.public_key(), NOW).unwrap().to_pem();
        assert_eq!(sign(), sign());
    }
}
