//! `?dry_run=1`: says what would be done, and does nothing.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use bnna_store::Store;
use bnna_tests::Answer;
use proxmox_sim::Moment;
use serde_json::{Value, json};

use crate::calls::{call, reads, routes};
use crate::furnished::Furnished;

/// Every row of every table.
pub async fn rows(store: &Store) -> String {
    let dumped = store.read(|sql| {
        let mut text = String::new();
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1";
        for table in sql.query(tables, &[])? {
            let table: String = table.get("name")?;
            for row in sql.query(&format!("SELECT * FROM {table}"), &[])? {
                let _ = writeln!(text, "{table}: {row:?}");
            }
        }
        Ok(text)
    });
    dumped.await.unwrap()
}

/// What the clusters are asked, in order: cluster, method, path.
#[derive(Clone, Default)]
pub struct Asked(Arc<Mutex<Vec<(String, String, String)>>>);

impl Asked {
    pub fn watch(furnished: &Furnished) -> Self {
        let asked = Self::default();
        for host in ["pve-a", "pve-b"] {
            let log = Arc::clone(&asked.0);
            furnished.house.sim(host).watch(Some(Arc::new(move |seen| {
                if seen.moment == Moment::Arrived {
                    log.lock().unwrap().push((host.to_owned(), seen.method.to_owned(), seen.path.to_owned()));
                }
                None
            })));
        }
        asked
    }

    /// What was asked since the last time.
    fn take(&self) -> Vec<(String, String, String)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// The same without reads.
    pub fn changes(&self) -> Vec<String> {
        let all = self.take().into_iter().filter(|(_, method, _)| method != "GET");
        all.map(|(host, method, path)| plain(&format!("{host} {method} {path}"))).collect()
    }
}

/// Without the time in the names of tokens.
fn plain(line: &str) -> String {
    match line.split_once("/bnpd-") {
        Some((begin, _)) => format!("{begin}/bnpd-<time>"),
        None => line.to_owned(),
    }
}

fn would(dry: &Answer) -> Vec<String> {
    let calls = dry.result()["would"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().replace("%40", "@").replace("%21", "!");
    calls
        .iter()
        .map(|call| plain(&format!("{} {} {}", text(&call["system"]), text(&call["method"]), text(&call["path"]))))
        .collect()
}

#[tokio::test]
async fn a_dry_run_of_any_route_changes_nothing_anywhere() {
    let furnished = Furnished::start().await;
    let (_, token) = furnished.tenant("acme").await;
    let operator = furnished.operator();
    let asked = Asked::watch(&furnished);
    let before = rows(&furnished.store()).await;
    assert!(before.contains("accounts: ") && before.contains("audit: "), "the dump shows nothing");
    let mut changing = 0;
    for route in routes().iter().filter(|route| !reads(route)) {
        let call = call(route, &furnished, "acme", token);
        let name = format!("{} {}", route.method, call.path);
        asked.take();
        let dry = furnished.call(Some(&operator), route.method.as_str(), &call.dry(), call.body.as_ref()).await;
        let dry = dry.is(200);
        let result = dry.result();
        assert_eq!(result["dry_run"], true, "{name}: {}", dry.text);
        assert!((200..300).contains(&result["status"].as_u64().unwrap()), "{name}: {}", dry.text);
        let listed = ["would", "acl", "records", "deletes"].map(|list| result[list].as_array().unwrap().len());
        // The rights are as they shall be and nothing is missing: those two have nothing to do.
        let content = ["/acls", "/repair", "/enable"].iter().any(|idle| route.path.ends_with(idle));
        assert!(content || listed.iter().sum::<usize>() > 0, "{name} says nothing: {}", dry.text);
        assert!(!dry.text.contains("bn_"), "{name} shows a token");
        assert_eq!(asked.changes(), Vec::<String>::new(), "{name} changed a cluster");
        assert_eq!(rows(&furnished.store()).await, before, "{name} changed the store");
        changing += 1;
    }
    assert!(changing > 20);
}

#[tokio::test]
async fn a_dry_run_names_the_calls_that_are_then_made() {
    let furnished = Furnished::start().await;
    let (house, operator) = (&furnished.house, furnished.operator());
    house.make_user("pve-a", "ann@pve", &["acme"]).await;
    let account = |rest: &str| format!("/api/platform/accounts/acme{rest}");
    let on_a = |vmid: u64, rest: &str| format!("/api/instances/{vmid}{rest}cluster=pve-a");
    let workflows = [
        ("POST", "/api/platform/accounts".to_owned(), json!({"slug": "newco"}), 8),
        ("POST", "/api/platform/accounts/loose/adopt".to_owned(), json!({}), 0),
        ("POST", account("/suspend"), json!({"stop": true}), 4),
        ("POST", account("/disable"), json!({}), 3),
        ("POST", account("/enable"), json!({}), 4),
        ("PUT", account("/acls"), json!({}), 0),
        ("POST", account("/repair"), json!({}), 0),
        ("POST", account("/impersonate"), json!({}), 0),
        ("POST", account("/canary"), json!({}), 6),
        ("POST", "/api/platform/canary".to_owned(), json!({}), 24),
        ("POST", on_a(furnished.free, "/adopt?"), json!({"account_slug": "acme"}), 1),
        ("POST", on_a(furnished.free, "/start?"), json!({}), 1),
        ("DELETE", on_a(furnished.running, "?force=true&"), Value::Null, 2),
        ("PUT", "/api/platform/clusters/pve-a".to_owned(), json!({"name": "first"}), 0),
        ("PUT", "/api/platform/clusters/pve-a/operator-token".to_owned(), json!({}), 3),
        ("DELETE", account("?adopted=delete&force=true"), Value::Null, 7),
    ];
    let asked = Asked::watch(&furnished);
    for (method, path, body, at_least) in workflows {
        let body = (!body.is_null()).then_some(body);
        let joint = if path.contains('?') { '&' } else { '?' };
        let dry_path = format!("{path}{joint}dry_run=true");
        // Guests take a moment to come and go; a moment later the same is said as is done.
        let dry = furnished.call(Some(&operator), method, &dry_path, body.as_ref()).await.is(200);
        asked.take();
        let real = furnished.call(Some(&operator), method, &path, body.as_ref()).await;
        assert_eq!(json!(real.status), dry.result()["status"], "{method} {path}: {}", real.text);
        let (said, done) = (would(&dry), asked.changes());
        assert_eq!(said, done, "{method} {path}");
        assert!(done.len() >= at_least, "{method} {path}: {done:?}");
        if real.status == 202 {
            settled(&furnished, real.result()["upid"].as_str().unwrap()).await;
        }
    }
}

async fn settled(furnished: &Furnished, upid: &str) {
    let path = format!("/api/tasks?upid={}", upid.replace(':', "%3A").replace('@', "%40").replace('!', "%21"));
    for _ in 0..600 {
        if furnished.house.get(&path).await.is(200).result()["status"] == "stopped" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{upid} does not end");
}

#[tokio::test]
async fn what_is_deleted_and_which_rights_change_is_told() {
    let furnished = Furnished::start().await;
    let dry = furnished.house.delete("/api/platform/accounts/acme?adopted=delete&dry_run=1").await.is(200);
    let deletes: Vec<String> = dry.result()["deletes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gone| format!("{} {} {}", gone["system"], gone["kind"], gone["name"]).replace('"', ""))
        .collect();
    let guest = furnished.guest;
    for gone in [
        format!("pve-a guest {guest}"),
        "pve-a pool acme".to_owned(),
        "pve-b group acme".to_owned(),
        "bnna account acme".to_owned(),
        "bnna setting colour".to_owned(),
        format!("bnna instance {guest} on pve-a"),
    ] {
        assert!(deletes.contains(&gone), "{gone} is not among {deletes:?}");
    }
    let dry = furnished.house.post("/api/platform/accounts/acme/suspend?dry_run=1", json!({})).await.is(200);
    let acl = dry.result()["acl"].as_array().unwrap();
    let has = |change: &str, role: &str| acl.iter().any(|entry| entry["change"] == change && entry["role"] == role);
    assert!(has("add", "PVEAuditor") && has("remove", "PVEVMAdmin"), "{}", dry.text);
    assert_eq!(dry.result()["records"], json!([{"kind": "account", "name": "acme", "change": "change"}]));
}

#[tokio::test]
async fn a_dry_run_is_refused_as_the_call_would_be() {
    let furnished = Furnished::start().await;
    let house = &furnished.house;
    let dry = |path: &str| format!("{path}{}dry_run=1", if path.contains('?') { '&' } else { '?' });
    let accounts = "/api/platform/accounts";
    for (method, path, body, status, code) in [
        ("POST", accounts, json!({"slug": "acme"}), 409, "exists"),
        ("POST", accounts, json!({"slug": "loose"}), 409, "exists"),
        ("POST", accounts, json!({"slug": "A"}), 400, "invalid_slug"),
        ("POST", accounts, json!({"slug": "newco", "colour": 1}), 400, "unknown_field"),
        ("POST", "/api/platform/accounts/nobody/suspend", json!({}), 404, "not_found"),
        ("POST", "/api/platform/accounts/nowhere/adopt", json!({}), 404, "not_found"),
        ("POST", "/api/instances/999999998/start", json!({}), 404, "not_found"),
        ("PUT", "/api/platform/accounts/acme/settings/default_node", json!({"value": 7}), 400, "invalid_value"),
    ] {
        let refused = furnished.call(Some(&furnished.operator()), method, &dry(path), Some(&body)).await;
        refused.fails(status, code);
    }
    let running = format!("/api/instances/{}?cluster=pve-a", furnished.running);
    house.delete(&dry(&running)).await.fails(409, "running");
    // What a workflow meets in the middle, and takes back, is told too.
    house.sim("pve-b").inject(proxmox_sim::FaultRule::always(proxmox_sim::FaultKind::Html).on("GET", "/access/acl"));
    let failed = house.post(&dry(accounts), json!({"slug": "newco"})).await;
    assert_eq!(failed.status, 502, "{}", failed.text);
    assert!(failed.body["details"]["operation_id"].is_null(), "an operation that nobody can find: {}", failed.text);
    house.sim("pve-b").clear_faults();
    // A misspelt one is not the real thing.
    for query in ["dryrun=1", "dry-run=1", "Dry_run=1", "dry_run=1&x=1"] {
        house.delete(&format!("/api/platform/accounts/acme/settings/colour?{query}")).await.fails(400, "unknown_field");
    }
    house.delete("/api/platform/accounts/acme/settings/colour?dry_run=maybe").await.fails(400, "invalid_dry_run");
    house.delete("/api/platform/accounts/acme/settings/colour?dry_run=0").await.is(200);
}
