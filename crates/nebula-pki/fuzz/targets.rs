//! What hostile bytes are fed to. Each takes any bytes, must not panic and must hold its invariant.
//!
//! Used twice: by the cargo-fuzz programs of `fuzz_targets/`, and by `tests/fuzz_corpus.rs`, which CI runs for a bounded
//! time.

use nebula_pki::{
    CaKey, CaPool, Certificate, DerivationLimits, HostKey, NebulaVersion, PublicKey, Timestamp, TrustBundle, pem,
    print_json, verify_files,
};

/// The releases whose readers differ.
const READERS: [NebulaVersion; 4] =
    [NebulaVersion::new(1, 6, 1), NebulaVersion::new(1, 9, 5), NebulaVersion::new(1, 10, 3), NebulaVersion::NEWEST];

/// What takes any bytes.
pub type Target = fn(&[u8]);

/// A name, and what is fed.
pub const TARGETS: [(&str, Target); 5] =
    [("pem", pem), ("v1", v1), ("v2", v2), ("encrypted_key", encrypted_key), ("bundle", bundle)];

/// PEM: what is read can be written and read again, and keys of every kind are refused or kept.
pub fn pem(data: &[u8]) {
    let mut rest = data;
    for _ in 0..64 {
        let Ok((block, after)) = pem::decode(rest) else { break };
        assert!(after.len() < rest.len(), "reading moves on");
        if let Some(label) = block.label {
            let written = pem::encode(label, &block.contents);
            let (again, left) = pem::decode(written.as_bytes()).expect("what is written is read");
            assert!(again.label == Some(label) && again.contents == block.contents && left.is_empty());
        }
        rest = after;
    }
    if let Ok(key) = CaKey::from_pem(data) {
        assert_eq!(CaKey::from_pem(key.to_pem().as_bytes()).expect("own file").public_key(), key.public_key());
    }
    if let Ok(key) = HostKey::from_pem(data) {
        let again = HostKey::from_pem(key.to_pem().as_bytes()).expect("own file");
        assert_eq!(again.public_key(), key.public_key());
    }
    if let Ok(key) = PublicKey::from_pem(data) {
        assert_eq!(PublicKey::from_pem(key.to_pem().as_bytes()).as_ref(), Ok(&key));
    }
}

/// Version 1: what is read is written canonically, which reads as the same.
pub fn v1(data: &[u8]) {
    if let Ok(certificate) = Certificate::from_v1_bytes(data) {
        let canonical = certificate.to_bytes();
        let again = Certificate::from_v1_bytes(&canonical).expect("the canonical form is read");
        assert_eq!(again.to_bytes(), canonical);
        assert_eq!(again.fingerprint(), certificate.fingerprint());
        judge(&certificate);
    }
}

/// Version 2: what is read is written in a form that reads as the same.
pub fn v2(data: &[u8]) {
    if let Ok(certificate) = Certificate::from_v2_der(data) {
        let again = Certificate::from_v2_der(&certificate.to_bytes()).expect("what is written is read");
        assert_eq!(again, certificate);
        assert_eq!(again.fingerprint(), certificate.fingerprint());
        judge(&certificate);
    }
}

fn judge(certificate: &Certificate) {
    let now = Timestamp::from_unix(1_795_230_073);
    assert!(CaPool::new().verify(certificate, now).is_err(), "an empty pool trusts nobody");
    let _ = certificate.alternate_fingerprint();
    if let Some(json) = certificate.to_json() {
        serde_json::from_str::<serde_json::Value>(&json).expect("what is printed is JSON");
    }
    let mut pool = CaPool::new();
    if pool.add(certificate.clone()).is_ok() {
        assert!(certificate.is_ca());
    }
}

/// Encrypted keys, under limits that keep each derivation short.
pub fn encrypted_key(data: &[u8]) {
    let limits = DerivationLimits { memory_kib: 256, memory_passes: 512 };
    for label in [pem::Label::Ed25519EncryptedPrivateKey, pem::Label::EcdsaP256EncryptedPrivateKey] {
        let text = pem::encode(label, data);
        if let Ok(key) = CaKey::from_encrypted_pem(text.as_bytes(), b"passphrase", limits) {
            assert_eq!(CaKey::from_pem(key.to_pem().as_bytes()).expect("own file").curve(), key.curve());
        }
    }
    let _ = CaKey::from_encrypted_pem(data, b"passphrase", limits);
}

/// Bundles and files of certificates, by the rules of every reader.
pub fn bundle(data: &[u8]) {
    let now = Timestamp::from_unix(1_795_230_073);
    for nebula in READERS {
        if let Ok(all) = Certificate::all_from_pem_as(data, nebula) {
            assert!(!all.is_empty());
            let _ = print_json(&all, nebula);
        }
        let _ = verify_files(data, data, now, nebula);
    }
    if let Ok(bundle) = TrustBundle::from_pem(data) {
        let text = bundle.to_pem();
        assert_eq!(TrustBundle::from_pem(text.as_bytes()).expect("own file").to_pem(), text);
        let hosts: Vec<_> = bundle.authorities().cloned().collect();
        let _ = bundle.plan(&hosts, now, &nebula_pki::LifePolicy::default());
    }
}
