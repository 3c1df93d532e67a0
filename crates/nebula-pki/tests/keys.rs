//! Keys: their files, their protection, and that nothing shows them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use nebula_pki::{CaKey, Curve, Derivation, DerivationLimits, HostKey, KeyError, pem};

const CHEAP: Derivation = Derivation { memory_kib: 64, iterations: 2, parallelism: 2 };
const CURVES: [Curve; 2] = [Curve::Curve25519, Curve::P256];

#[test]
fn keys_survive_their_files() {
    for curve in CURVES {
        let key = CaKey::generate(curve).unwrap();
        let read = CaKey::from_pem(key.to_pem().as_bytes()).unwrap();
        assert_eq!((read.public_key(), read.curve()), (key.public_key(), curve));
        assert_eq!(*read.to_pem(), *key.to_pem());
        let key = HostKey::generate(curve).unwrap();
        let read = HostKey::from_pem(key.to_pem().as_bytes()).unwrap();
        assert_eq!(read.public_key(), key.public_key());
    }
}

#[test]
fn encrypted_keys_open_with_their_passphrase_only() {
    for curve in CURVES {
        let key = CaKey::generate(curve).unwrap();
        let sealed = key.to_encrypted_pem(b"correct horse", CHEAP).unwrap();
        assert!(sealed.contains("ENCRYPTED PRIVATE KEY"));
        assert_eq!(CaKey::from_pem(sealed.as_bytes()).unwrap_err(), KeyError::Encrypted);
        let open =
            |text: &[u8], passphrase: &[u8]| CaKey::from_encrypted_pem(text, passphrase, DerivationLimits::default());
        assert_eq!(open(sealed.as_bytes(), b"correct horse").unwrap().public_key(), key.public_key());
        assert_eq!(open(sealed.as_bytes(), b"battery staple").unwrap_err(), KeyError::Passphrase);
        let other_salt = key.to_encrypted_pem(b"correct horse", CHEAP).unwrap();
        assert_ne!(*sealed, *other_salt, "salt and nonce are new each time");
    }
}

#[test]
fn any_changed_byte_of_an_encrypted_key_is_noticed() {
    let key = CaKey::generate(Curve::Curve25519).unwrap();
    let sealed = key.to_encrypted_pem(b"p", CHEAP).unwrap();
    let (block, _) = pem::decode(sealed.as_bytes()).unwrap();
    let limits = DerivationLimits { memory_kib: 4096, memory_passes: 16_384 };
    for at in 0..block.contents.len() {
        let mut changed = block.contents.to_vec();
        changed[at] ^= 0x01;
        let text = pem::encode(block.label.unwrap(), &changed);
        let opened = CaKey::from_encrypted_pem(text.as_bytes(), b"p", limits);
        assert!(opened.is_err(), "byte {at}");
    }
}

#[test]
fn a_file_cannot_ask_for_more_than_the_limits() {
    let key = CaKey::generate(Curve::P256).unwrap();
    let sealed = key.to_encrypted_pem(b"p", Derivation { memory_kib: 4096, iterations: 8, parallelism: 1 }).unwrap();
    let open = |memory_kib, memory_passes| {
        CaKey::from_encrypted_pem(sealed.as_bytes(), b"p", DerivationLimits { memory_kib, memory_passes })
    };
    assert!(open(4096, 32_768).is_ok());
    let memory = open(4095, u64::MAX).unwrap_err();
    assert_eq!(memory.to_string(), "argon2 memory in KiB is 4096, allowed is at most 4095");
    let work = open(4096, 32_767).unwrap_err();
    assert_eq!(work.to_string(), "argon2 memory times passes is 32768, allowed is at most 32767");
}

#[test]
fn keys_show_in_no_debug_output_and_no_error() {
    for curve in CURVES {
        let (ca, host) = (CaKey::generate(curve).unwrap(), HostKey::generate(curve).unwrap());
        for (shown, file) in [(format!("{ca:?}"), ca.to_pem()), (format!("{host:?}"), host.to_pem())] {
            assert!(shown.contains("[redacted]"), "{shown}");
            let secret = file.lines().nth(1).unwrap();
            assert!(!shown.contains(secret));
            let (block, _) = pem::decode(file.as_bytes()).unwrap();
            let block = format!("{block:?}");
            assert!(block.contains("[redacted]") && !block.contains(secret), "{block}");
            // A key cut short, and one under the banner of the other kind: the errors name lengths and banners only.
            let cut = file.replacen(&secret[..8], "", 1);
            let swapped = file.replace("PRIVATE KEY", "PUBLIC KEY");
            for text in [cut, swapped] {
                for error in
                    [CaKey::from_pem(text.as_bytes()).unwrap_err(), HostKey::from_pem(text.as_bytes()).unwrap_err()]
                {
                    let said = format!("{error} {error:?}");
                    assert!(!said.contains(&secret[8..20]), "{said}");
                }
            }
        }
    }
}

#[test]
fn halves_that_do_not_belong_together_are_no_key() {
    let one = CaKey::generate(Curve::Curve25519).unwrap();
    let (block, _) = pem::decode(one.to_pem().as_bytes()).map(|(block, rest)| (block, rest.len())).unwrap();
    let mut mixed = block.contents.to_vec();
    mixed[32..].copy_from_slice(&CaKey::generate(Curve::Curve25519).unwrap().public_key());
    let text = pem::encode(pem::Label::Ed25519PrivateKey, &mixed);
    assert_eq!(CaKey::from_pem(text.as_bytes()).unwrap_err(), KeyError::NotOnCurve(Curve::Curve25519));
    let zero = pem::encode(pem::Label::EcdsaP256PrivateKey, &[0; 32]);
    assert_eq!(CaKey::from_pem(zero.as_bytes()).unwrap_err(), KeyError::NotOnCurve(Curve::P256));
}
