//! No secret comes out: with everything logged that can be, every kind of secret is sent, made, refused and rotated, and looked for in
//! what bnpd logged, answered, wrote down and keeps.

use std::collections::BTreeMap;
use std::path::Path;

use bnna_tests::bnpd_process::{Bnpd, How};
use bnna_tests::ground::{A, B, Ground, SECRET, USER};
use reqwest::Method;
use serde_json::{Value, json};

use crate::BNPD;

/// Secrets that only this suite has, each easily found.
const GIVEN: &str = "5ec2e711-0000-4000-8000-617e0a5ec2e7";
const WRONG: &str = "c5ec2e7wrongc5ec2e7wrongc5ec2e7wrong";
const PASSWORD: &str = "pa55w0rd-that-nobody-may-see";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_logs_answers_audit_or_store() {
    let ground = Ground::new(BNPD).await;
    let bnpd = ground.start_with(&How::default().with("BNNA_LOG__FILTER", "trace")).await;
    let mut secrets: BTreeMap<String, String> = BTreeMap::new();
    let mut keep = |name: &str, secret: &str| drop(secrets.insert(name.to_owned(), secret.to_owned()));
    keep("the operator's token", ground.token());
    keep("the clusters' first token", SECRET);
    keep("a token given", GIVEN);
    keep("a wrong token", WRONG);
    keep("a password", PASSWORD);
    for file in ["master.key", "aes-128.key"] {
        keep(file, std::fs::read_to_string(ground.etc().join(file)).unwrap().trim());
    }
    let mut answers = Vec::new();
    everything(&ground, &bnpd, &mut answers).await;

    let shown_once = ["/impersonate"];
    let mut texts = Vec::new();
    for (path, text) in answers {
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        match body["result"]["token"].as_str().filter(|_| shown_once.iter().any(|ending| path.ends_with(ending))) {
            Some(token) => keep(&format!("the token of {path}"), token),
            None => texts.push((path, text)),
        }
    }
    for (host, sim) in ground.sims() {
        let tokens = sim.with_state(|cluster| cluster.access.users[USER].tokens.clone());
        for (name, token) in tokens {
            keep(&format!("token {name} on {host}"), &token.secret.0);
        }
    }
    assert!(secrets.len() >= 10, "{:?}", secrets.keys());
    let log = bnpd.log.all().join("\n");
    assert!(log.contains("TRACE") && log.len() > 10_000, "nothing is logged");
    let store = kept(&ground.store());
    for (name, secret) in &secrets {
        assert!(secret.len() >= 12, "{name} is no secret to look for");
        for form in forms(secret) {
            assert!(!log.contains(&form), "{name} is in the log: {}", around(&log, &form));
            for (path, text) in &texts {
                assert!(!text.contains(&form), "{name} is in the answer to {path}: {text}");
            }
            for (file, bytes) in &store {
                let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
                assert!(!found, "{name} is in clear in {file}");
            }
        }
    }
}

/// Does everything that has to do with secrets, well and badly.
async fn everything(ground: &Ground, bnpd: &Bnpd, answers: &mut Vec<(String, String)>) {
    let cluster = format!("/api/platform/clusters/{A}");
    let tokens = format!("{cluster}/operator-token");
    ground.a.with_state(|cluster| {
        let given = proxmox_sim::state::access::Secret(GIVEN.to_owned());
        let token = proxmox_sim::state::access::Token { secret: given, ..Default::default() };
        cluster.access.users.get_mut(USER).unwrap().tokens.insert("given".to_owned(), token);
    });
    let requests: Vec<(Method, &str, Value)> = vec![
        (Method::POST, "/api/platform/accounts", json!({ "slug": "acme" })),
        (Method::POST, "/api/platform/accounts/acme/impersonate", json!({ "label": "laptop" })),
        (Method::PUT, "/api/platform/accounts/acme/settings/colour", json!({ "value": "blue" })),
        (Method::PUT, &cluster, json!({ "token_id": format!("{USER}!given"), "secret": WRONG })),
        (Method::PUT, &cluster, json!({ "token_id": 7, "secret": WRONG })),
        (Method::PUT, &cluster, json!({ "secret": WRONG })),
        (Method::PUT, &cluster, json!({ "token_id": "no token", "secret": WRONG })),
        (Method::PUT, &cluster, json!({ "secret": { "nested": WRONG } })),
        (Method::PUT, &cluster, json!({ "secret": PASSWORD, "pasword": PASSWORD })),
        (Method::PUT, &tokens, json!({ "token_id": format!("{USER}!other"), "secret": WRONG })),
        (Method::PUT, &tokens, json!({ "token_id": format!("{USER}!given"), "secret": GIVEN })),
        (Method::GET, "/api/platform/clusters", Value::Null),
        (Method::GET, "/api/platform/token/inspect", Value::Null),
        (Method::GET, "/api/platform/operations", Value::Null),
    ];
    for (method, path, body) in requests {
        let answer = bnpd.ask(method, path, Some(body).filter(|body| !body.is_null())).await.unwrap();
        answers.push((path.to_owned(), answer.text));
    }
    let rotated =
        bnpd.ask(Method::PUT, &format!("/api/platform/clusters/{B}/operator-token"), Some(json!({}))).await.unwrap();
    answers.push(("rotation".to_owned(), rotated.is(200).text));
    for broken in [
        format!("{{\"token_id\":\"{USER}!given\",\"secret\":\"{WRONG}\""),
        format!("{{\"secret\":\"{WRONG}\",\"secret\":\"{PASSWORD}\"}}"),
        format!("\"{PASSWORD}\""),
    ] {
        let request = bnpd.request(Method::PUT, &cluster, None).header("content-type", "application/json").body(broken);
        answers.push(("a broken body".to_owned(), request.send().await.unwrap().text().await.unwrap()));
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/api/platform/accounts", bnpd.address());
    for credential in [
        format!("Bearer {WRONG}"),
        format!("Basic {}", PASSWORD),
        format!("PVEAPIToken={USER}!given={GIVEN}"),
        format!("PVEAPIToken={USER}!given={WRONG}"),
        format!("Bearer {WRONG}\u{e9}"),
        WRONG.to_owned(),
    ] {
        let request = http.get(&url).header("authorization", credential.as_bytes());
        answers.push(("a credential".to_owned(), request.send().await.unwrap().text().await.unwrap()));
    }
    let query = http.get(format!("{url}?token={WRONG}")).header("x-request-id", "asked");
    let answer = query.send().await.unwrap().text().await.unwrap();
    answers.push(("a query".to_owned(), answer));
    let audit = bnpd.get("/api/platform/audit?limit=1000").await.is(200);
    answers.push(("the audit trail".to_owned(), audit.text));
}

/// A secret as it may be written.
fn forms(secret: &str) -> Vec<String> {
    let reversed = secret.to_uppercase();
    if reversed == secret { vec![secret.to_owned()] } else { vec![secret.to_owned(), reversed] }
}

/// What is around a find, without the find.
fn around(text: &str, secret: &str) -> String {
    let line = text.lines().find(|line| line.contains(secret)).unwrap_or_default();
    line.replace(secret, "<SECRET>").chars().take(1500).collect()
}

/// Every file below a directory.
fn kept(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(kept(&path));
        } else {
            files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    assert!(!files.is_empty());
    files
}
