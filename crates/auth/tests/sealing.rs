//! Key files, sealing and rotation, on real files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use bnna_auth::seal::{Binding, MasterKey, MasterKeys, OpenedBy, SealError, Sealer};

const TOKEN: Binding<'static> = Binding { purpose: "cluster-token", row: "pve1" };

#[test]
fn a_key_file_is_made_once_for_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("master.key");
    let made = MasterKey::create(&file).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!((text.len(), text.ends_with('\n')), (65, true));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(MasterKey::load(&file).unwrap().fingerprint(), made.fingerprint());
    assert!(matches!(MasterKey::create(&file), Err(SealError::KeyFile { .. })));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert!(!format!("{made:?}").contains(text.trim()));
}

#[test]
fn a_key_file_open_to_others_or_malformed_is_refused_by_name_not_content() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("master.key");
    MasterKey::create(&file).unwrap();
    for mode in [0o640, 0o604, 0o644, 0o660] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let error = MasterKey::load(&file).unwrap_err();
        assert!(matches!(error, SealError::KeyFileMode { .. }), "{error}");
        assert!(error.to_string().contains("master.key"), "{error}");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    for text in ["", "beef\n", &"zz".repeat(32), &"ab".repeat(33), &format!("{}\n\n", "ab".repeat(32))] {
        fs::write(&file, text).unwrap();
        let error = MasterKey::load(&file).unwrap_err();
        assert!(matches!(error, SealError::KeyFileMalformed { .. }), "{error}");
        assert!(text.is_empty() || !error.to_string().contains(text.trim()), "{error}");
    }
    assert!(matches!(MasterKey::load(&dir.path().join("none")), Err(SealError::KeyFile { .. })));
    assert!(matches!(MasterKey::load(dir.path()), Err(SealError::KeyFile { .. })));
}

#[test]
fn a_sealed_secret_opens_for_its_row_only() {
    let sealer = Sealer::generate().unwrap();
    let sealed = sealer.seal(TOKEN, b"secret").unwrap();
    assert_eq!(&*sealer.open(TOKEN, &sealed).unwrap(), b"secret");
    assert_ne!(sealer.seal(TOKEN, b"secret").unwrap(), sealed, "every sealing has its own nonce");
    for binding in [
        Binding { row: "pve2", ..TOKEN },
        Binding { purpose: "cluster", row: "-tokenpve1" },
        Binding { purpose: "", row: "" },
    ] {
        assert!(matches!(sealer.open(binding, &sealed), Err(SealError::Unopenable)), "{binding:?}");
    }
    assert!(matches!(Sealer::generate().unwrap().open(TOKEN, &sealed), Err(SealError::Unopenable)));
}

#[test]
fn every_damage_is_one_error() {
    let sealer = Sealer::generate().unwrap();
    let sealed = sealer.seal(TOKEN, b"secret").unwrap();
    for at in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[at] ^= 1;
        assert!(matches!(sealer.open(TOKEN, &damaged), Err(SealError::Unopenable)), "byte {at}");
        assert!(matches!(sealer.open(TOKEN, &sealed[..at]), Err(SealError::Unopenable)), "cut at {at}");
    }
    assert!(matches!(sealer.seal(TOKEN, &vec![0; (1 << 20) + 1]), Err(SealError::TooLong)));
}

#[test]
fn rotation_reseals_the_data_key_and_accepts_both_keys_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let old = MasterKey::create(&dir.path().join("old.key")).unwrap();
    let new = MasterKey::create(&dir.path().join("new.key")).unwrap();
    let only = |key: &MasterKey| MasterKeys { current: key.clone(), previous: None };
    let both = MasterKeys { current: new.clone(), previous: Some(old.clone()) };

    let sealer = Sealer::generate().unwrap();
    let secret = sealer.seal(TOKEN, b"secret").unwrap();
    let under_old = sealer.sealed_data_key(&old).unwrap();

    let error = Sealer::unlock(&under_old, &only(&new)).unwrap_err();
    assert!(matches!(error, SealError::WrongKeyFile { .. }) && error.to_string().contains("new.key"), "{error}");

    let (unlocked, by) = Sealer::unlock(&under_old, &both).unwrap();
    assert_eq!(by, OpenedBy::Previous);
    let under_new = unlocked.sealed_data_key(&new).unwrap();

    let (unlocked, by) = Sealer::unlock(&under_new, &only(&new)).unwrap();
    assert_eq!(by, OpenedBy::Current);
    assert_eq!(&*unlocked.open(TOKEN, &secret).unwrap(), b"secret");
    assert!(Sealer::unlock(&under_new, &only(&old)).is_err());
}
