//! The recorded verdicts of `fixtures/nebula`, for machines without any real `nebula-cert`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::path::Path;

use nebula_pki::{Certificate, Timestamp, verify_files};

#[test]
fn recorded_verdicts_and_fingerprints_of_every_release_are_agreed_with() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/nebula");
    let read = |name: &str| std::fs::read(directory.join(name)).unwrap();
    let verdicts: serde_json::Value = serde_json::from_slice(&read("verdicts.json")).unwrap();
    let now = Timestamp::from_unix(verdicts["now"].as_i64().unwrap());
    let mut judged = 0;
    for (name, case) in verdicts["cases"].as_object().unwrap() {
        let (crt, ca) = (read(case["crt"].as_str().unwrap()), read(case["ca"].as_str().unwrap()));
        for (version, verdict) in case["verdict"].as_object().unwrap() {
            let nebula = version.parse().unwrap();
            let accepted = verify_files(&ca, &crt, now, nebula).is_ok();
            assert_eq!(accepted, verdict["accept"].as_bool().unwrap(), "{version} {name}");
            if let Some(fingerprint) = case["fingerprint"][version].as_str() {
                let first = Certificate::first_from_pem_as(&crt, nebula).unwrap();
                assert_eq!(first.fingerprint_as(nebula).to_string(), fingerprint, "{version} {name}");
            }
            judged += 1;
        }
    }
    assert!(judged > 700, "only {judged} verdicts");
}
