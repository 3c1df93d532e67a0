//! The csvauth tables made with the published library: every login, token, service account and odd file as it answers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    clippy::print_stderr
)]

use std::path::PathBuf;

use bnna_auth::csvauth::{Key, Outcome, Table};
use serde_json::Value;

/// The directory of vectors; nothing, said loudly, where it is not there.
fn vectors() -> Option<(PathBuf, Value)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contract/csvauth");
    let Ok(expected) = std::fs::read(dir.join("expected.json")) else {
        eprintln!("SKIPPED: csvauth vectors are not at {}", dir.display());
        return None;
    };
    Some((dir, serde_json::from_slice(&expected).unwrap()))
}

fn word(outcome: &Outcome<'_>) -> &'static str {
    match outcome {
        Outcome::Ok(_) => "ok",
        Outcome::NotFound => "not_found",
        Outcome::Unauthorized => "unauthorized",
        Outcome::Locked => "locked",
    }
}

fn check_cases(table: &Table, cases: &Value) -> usize {
    let cases = cases.as_array().unwrap();
    for case in cases {
        let (name, secret) = (case["name"].as_str().unwrap(), case["secret"].as_str().unwrap());
        let outcome = table.authenticate(name, secret);
        let got = Value::from(word(&outcome));
        assert!(got == case["outcome"] || got == case["wanted"], "{case}: {got}");
        if let (Outcome::Ok(row), "ok") = (&outcome, case["outcome"].as_str().unwrap()) {
            assert_eq!(Value::from(row.id()), case["id"], "{case}");
            assert_eq!(Value::from(row.name()), case["row_name"], "{case}");
            assert_eq!(Value::from(row.roles().to_vec()), case["roles"], "{case}");
        }
        if let Some(status) = case["bearer_status"].as_u64() {
            assert_eq!(matches!(table.bearer(secret), Outcome::Ok(_)), status == 200, "{case}");
        }
    }
    cases.len()
}

#[test]
fn every_login_and_token_answers_as_in_the_library() {
    let Some((dir, expected)) = vectors() else { return };
    let text = std::fs::read(dir.join("users.tsv")).unwrap();
    let table = Table::parse(&text, Key::load(&dir.join("aes-128.key")).unwrap()).unwrap();
    assert!(check_cases(&table, &expected["cases"]) > 0);
    let wrong = Key::from_hex(expected["wrong_key_hex"].as_str().unwrap()).unwrap();
    let table = Table::parse(&text, wrong).unwrap();
    assert!(check_cases(&table, &expected["cases_with_wrong_key"]) > 0);
}

#[test]
fn an_encrypted_login_is_decrypted_and_compared() {
    let Some((dir, expected)) = vectors() else { return };
    let text = std::fs::read(dir.join("users.tsv")).unwrap();
    let table = Table::parse(&text, Key::load(&dir.join("aes-128.key")).unwrap()).unwrap();
    for case in expected["cases"].as_array().unwrap().iter().filter(|case| case["wanted"].is_string()) {
        let outcome = table.authenticate(case["name"].as_str().unwrap(), case["secret"].as_str().unwrap());
        assert_eq!(Value::from(word(&outcome)), case["wanted"], "{case}");
    }
}

#[test]
fn service_accounts_and_encrypted_logins_are_read_back() {
    let Some((dir, expected)) = vectors() else { return };
    let text = std::fs::read(dir.join("users.tsv")).unwrap();
    let table = Table::parse(&text, Key::load(&dir.join("aes-128.key")).unwrap()).unwrap();
    for service in expected["service_accounts"].as_array().unwrap() {
        let row = table.service(service["purpose"].as_str().unwrap()).unwrap();
        assert_eq!(Value::from(row.name()), service["name"]);
        assert!(matches!(table.check(row, service["given_secret"].as_str().unwrap()), Outcome::Ok(_)));
        let secret = table.recover(row).map(|secret| secret.expose().to_owned()).unwrap_or_default();
        assert_eq!(Value::from(secret), service["recoverable_secret"]);
    }
    for login in expected["recoverable_logins"].as_array().unwrap() {
        let secret = table.recover(table.login(login["name"].as_str().unwrap()).unwrap()).unwrap();
        assert_eq!(Value::from(secret.expose()), login["decrypted"]);
    }
}

#[test]
fn odd_files_load_or_are_refused_as_a_whole() {
    let Some((dir, expected)) = vectors() else { return };
    let files = expected["files"].as_array().unwrap();
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read(dir.join(file["file"].as_str().unwrap())).unwrap();
        let loaded = Table::parse(&text, Key::zero());
        assert_eq!(loaded.is_ok(), file["load"] == "accept", "{file}: {:?}", loaded.err());
    }
}

#[test]
fn rows_that_can_never_match_are_named() {
    let Some((dir, _)) = vectors() else { return };
    let text = std::fs::read(dir.join("users.tsv")).unwrap();
    let table = Table::parse(&text, Key::load(&dir.join("aes-128.key")).unwrap()).unwrap();
    let hopeless: Vec<String> = table.warnings().iter().map(ToString::to_string).collect();
    assert!(hopeless.iter().any(|warning| warning.contains("mis~AAAAAAAA")), "{hopeless:?}");
    assert!(hopeless.iter().any(|warning| warning.contains("\"noid~\"")), "{hopeless:?}");
    assert!(!hopeless.iter().any(|warning| warning.contains("ops~QSY6rqTE")), "{hopeless:?}");
}
