//! Judgements of this crate against the real `nebula-cert`, over every forged case and every version that is here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stderr, reason = "says what was compared and what was skipped")]

mod forge;
mod peer;

use std::path::Path;

use nebula_pki::{Certificate, Timestamp, print_json, verify_files};

/// What came of comparing one case with one peer.
#[derive(Default)]
struct Tally {
    accepted: usize,
    printed: usize,
    same_words: usize,
    crashed: usize,
    disagreements: Vec<String>,
}

impl Tally {
    fn compare(&mut self, peer: &peer::Peer, at: &Path, (crt, ca): (&[u8], &[u8]), name: &str) {
        let nebula = peer.version;
        std::fs::write(at.join("ca.crt"), ca).unwrap();
        std::fs::write(at.join("host.crt"), crt).unwrap();
        let before = verify_files(ca, crt, Timestamp::now(), nebula);
        let verified = peer.cert(at, &["verify", "-ca", "ca.crt", "-crt", "host.crt"]);
        let theirs = String::from_utf8_lossy(&verified.stderr);
        let ours = verify_files(ca, crt, Timestamp::now(), nebula);
        if ours.is_ok() != before.is_ok() {
            // It ended (or began) in this very second; nobody can say what they saw.
            return;
        }
        self.accepted += usize::from(ours.is_ok());
        if ours.is_ok() != verified.status.success() {
            let first = theirs.lines().next().unwrap_or_default();
            self.disagreements.push(format!("{nebula} {name}: ours {ours:?}, theirs {} {first}", verified.status));
        }
        if let Some(words) = ours.as_ref().err().and_then(|error| error.nebula_message(nebula)) {
            // A crash (over keys of an odd length) says something else.
            if theirs.contains("panic:") {
                self.crashed += 1;
            } else if theirs.contains(&words) {
                self.same_words += 1;
            } else {
                self.disagreements.push(format!("{nebula} {name} message: ours {words}, theirs {theirs}"));
            }
        }
        let printed = peer.cert(at, &["print", "-json", "-path", "host.crt"]);
        let theirs = String::from_utf8_lossy(&printed.stdout).into_owned();
        let theirs = (printed.status.success() && !theirs.trim().is_empty()).then_some(theirs);
        let ours = Certificate::all_from_pem_as(crt, nebula);
        let ours = ours.ok().and_then(|certificates| print_json(&certificates, nebula));
        self.printed += usize::from(ours.is_some());
        if ours != theirs {
            self.disagreements.push(format!("{nebula} {name} print:\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }

    fn report(&self, peer: &peer::Peer, all: usize) {
        let Self { accepted, printed, same_words, crashed, .. } = self;
        eprintln!(
            "nebula-cert {}: {all} cases, {accepted} accepted, {printed} printed, {same_words} refused in the same words, \
             {crashed} crashes",
            peer.version
        );
        let count = self.disagreements.len();
        assert!(count == 0, "{count} disagreements:\n{}", self.disagreements.join("\n"));
    }
}

#[test]
fn every_forged_case_is_judged_as_nebula_cert_judges_it() {
    let directory = tempfile::tempdir().unwrap();
    let now = Timestamp::now();
    let cases = forge::cases::cases(now.as_unix());
    for peer in peer::peers() {
        let mut tally = Tally::default();
        for case in &cases {
            tally.compare(&peer, directory.path(), (&case.crt, &case.ca), case.name);
        }
        tally.report(&peer, cases.len());
        assert!(tally.accepted > 30 && tally.same_words > 100, "the cases do not tell versions apart");
    }
}

/// `NEBULA_MUTATIONS` tries more than CI does, `NEBULA_FUZZ_SEED` others.
#[test]
fn randomly_changed_cases_are_judged_as_nebula_cert_judges_them() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let rounds = number("NEBULA_MUTATIONS").unwrap_or(150) as usize;
    let directory = tempfile::tempdir().unwrap();
    let now = Timestamp::now();
    let mut cases = forge::cases::cases(now.as_unix());
    cases.retain(|case| case.crt.len() < 4096 && case.ca.len() < 4096);
    let mut random = bnna_mutation::Random::new(number("NEBULA_FUZZ_SEED").unwrap_or(20_261_121));
    let changed: Vec<_> = (0..rounds).map(|_| forge::cases::mutated(now.as_unix(), &mut random, &cases)).collect();
    for peer in peer::peers() {
        let mut tally = Tally::default();
        for (round, (crt, ca)) in changed.iter().enumerate() {
            tally.compare(&peer, directory.path(), (crt, ca), &format!("round {round} {}", hex::encode(crt)));
        }
        tally.report(&peer, rounds);
        assert!(tally.printed > 0, "nothing got past the readers");
    }
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
