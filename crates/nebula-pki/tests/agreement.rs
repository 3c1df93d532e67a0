//! Judgements of this crate against the real `nebula-cert`, over every forged case and every version that is here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod forge;
mod peer;

use nebula_pki::{Certificate, Timestamp, print_json, verify_files};

#[test]
fn every_forged_case_is_judged_as_nebula_cert_judges_it() {
    let directory = tempfile::tempdir().unwrap();
    let now = Timestamp::now();
    let cases = forge::cases::cases(now.as_unix());
    let mut disagreements = Vec::new();
    for peer in peer::peers() {
        let nebula = peer.version;
        for case in &cases {
            std::fs::write(directory.path().join("ca.crt"), &case.ca).unwrap();
            std::fs::write(directory.path().join("host.crt"), &case.crt).unwrap();
            let verified = peer.cert(directory.path(), &["verify", "-ca", "ca.crt", "-crt", "host.crt"]);
            let ours = verify_files(&case.ca, &case.crt, now, nebula);
            if ours.is_ok() != verified.status.success() {
                let theirs = String::from_utf8_lossy(&verified.stderr).lines().next().unwrap_or_default().to_owned();
                disagreements
                    .push(format!("{nebula} {}: ours {ours:?}, theirs {} {theirs}", case.name, verified.status));
            }
            let printed = peer.cert(directory.path(), &["print", "-json", "-path", "host.crt"]);
            let theirs = String::from_utf8_lossy(&printed.stdout).into_owned();
            let theirs = (printed.status.success() && !theirs.trim().is_empty()).then_some(theirs);
            let ours = Certificate::all_from_pem_as(&case.crt, nebula);
            let ours = ours.ok().and_then(|certificates| print_json(&certificates, nebula));
            if ours != theirs {
                disagreements.push(format!("{nebula} {} print:\n  ours   {ours:?}\n  theirs {theirs:?}", case.name));
            }
        }
        eprintln!("nebula-cert {nebula}: {} cases compared", cases.len());
    }
    assert!(disagreements.is_empty(), "{} disagreements:\n{}", disagreements.len(), disagreements.join("\n"));
}
