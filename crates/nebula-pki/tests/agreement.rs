//! Judgements of this crate against the real `nebula-cert`, over every forged case and every version that is here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stderr, reason = "says what was compared and what was skipped")]

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
        let (mut accepted, mut same_words, mut crashed) = (0, 0, 0);
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
            if let Some(words) = ours.as_ref().err().and_then(|error| error.nebula_message(nebula)) {
                let theirs = String::from_utf8_lossy(&verified.stderr);
                // A crash (over keys of an odd length) says something else.
                if theirs.contains("panic:") {
                    crashed += 1;
                } else if theirs.contains(&words) {
                    same_words += 1;
                } else {
                    disagreements.push(format!("{nebula} {} message: ours {words}, theirs {theirs}", case.name));
                }
            }
            accepted += usize::from(ours.is_ok());
            let printed = peer.cert(directory.path(), &["print", "-json", "-path", "host.crt"]);
            let theirs = String::from_utf8_lossy(&printed.stdout).into_owned();
            let theirs = (printed.status.success() && !theirs.trim().is_empty()).then_some(theirs);
            let ours = Certificate::all_from_pem_as(&case.crt, nebula);
            let ours = ours.ok().and_then(|certificates| print_json(&certificates, nebula));
            if ours != theirs {
                disagreements.push(format!("{nebula} {} print:\n  ours   {ours:?}\n  theirs {theirs:?}", case.name));
            }
        }
        let all = cases.len();
        eprintln!(
            "nebula-cert {nebula}: {all} cases, {accepted} accepted, {same_words} refused in the same words, {crashed} crashes"
        );
        assert!(accepted > 30 && same_words > 100, "the cases do not tell versions apart");
    }
    assert!(disagreements.is_empty(), "{} disagreements:\n{}", disagreements.len(), disagreements.join("\n"));
}

/// Writes `fixtures/nebula/`: the forged cases of everyday size with what every real `nebula-cert` here says of them.
/// Run by hand, with all three peers present: `cargo test -p nebula-pki --test agreement -- --ignored record`.
#[test]
#[ignore = "rewrites fixtures/nebula from the real nebula-cert"]
fn record_fixtures() {
    let target = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/nebula");
    let _ = std::fs::remove_dir_all(&target);
    std::fs::create_dir_all(&target).unwrap();
    let peers = peer::peers();
    assert_eq!(peers.len(), 3, "recording wants all three peers");
    let now = Timestamp::now();
    let mut authorities = std::collections::BTreeMap::new();
    let mut cases = serde_json::Map::new();
    for case in forge::cases::cases(now.as_unix()) {
        if case.crt.len() > 2048 || case.ca.len() > 2048 {
            continue;
        }
        let count = authorities.len();
        let ca = authorities.entry(case.ca.clone()).or_insert_with(|| format!("ca-{count:02}.crt")).clone();
        let crt = format!("{}.crt", case.name);
        std::fs::write(target.join(&ca), &case.ca).unwrap();
        std::fs::write(target.join(&crt), &case.crt).unwrap();
        let (mut verdict, mut fingerprint) = (serde_json::Map::new(), serde_json::Map::new());
        for peer in &peers {
            let version = peer.version.to_string();
            let verified = peer.cert(&target, &["verify", "-ca", &ca, "-crt", &crt]);
            let stderr = String::from_utf8_lossy(&verified.stderr).trim().to_owned();
            // From 1.10 on the whole certificate stands before the words.
            let message = stderr.lines().last().unwrap_or_default().trim_start_matches("}: ").to_owned();
            let message = if stderr.contains("panic:") { "panic".to_owned() } else { message };
            verdict
                .insert(version.clone(), serde_json::json!({"accept": verified.status.success(), "message": message}));
            let printed = peer.cert(&target, &["print", "-json", "-path", &crt]);
            let first = serde_json::Deserializer::from_slice(&printed.stdout).into_iter::<serde_json::Value>().next();
            let first = first.and_then(Result::ok).filter(|_| printed.status.success());
            let first = first.map(|value| value.get(0).cloned().unwrap_or(value));
            fingerprint.insert(version, first.map_or(serde_json::Value::Null, |value| value["fingerprint"].clone()));
        }
        let entry = serde_json::json!({
            "crt": crt, "ca": ca, "why": case.why, "verdict": verdict, "fingerprint": fingerprint,
        });
        cases.insert(case.name.to_owned(), entry);
    }
    let verdicts = serde_json::json!({"now": now.as_unix(), "cases": cases});
    std::fs::write(target.join("verdicts.json"), serde_json::to_string_pretty(&verdicts).unwrap() + "\n").unwrap();
}
