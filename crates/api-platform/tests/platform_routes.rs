//! What the routes answer where no cluster is needed to answer: the façade's own part, through a real socket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    dead_code,
    unreachable_pub
)]

mod support;

use serde_json::{Value, json};
use support::{PATIENCE, start};

#[tokio::test]
async fn health_is_the_plain_text_ok() {
    let served = start().await;
    let got = served.send("GET", "/health", &[], b"").await;
    assert_eq!((got.status, got.body.as_slice()), (200, b"ok".as_slice()));
    assert!(got.header("content-type").unwrap().starts_with("text/plain"));
}

#[tokio::test]
async fn the_version_has_both_documented_shapes() {
    let served = start().await;
    let got = served.send("GET", "/api/version", &[], b"").await;
    let (body, version) = (got.json(), env!("CARGO_PKG_VERSION"));
    assert_eq!((got.status, &body["server"], &body["version"]), (200, &"bnna".into(), &version.into()));
    assert_eq!(body["result"], json!({ "server": "bnna", "version": version }));
    assert!(body["timings"].is_array());
}

#[tokio::test]
async fn the_description_and_its_page_are_served() {
    let served = start().await;
    let document = served.send("GET", "/api/openapi.json", &[], b"").await;
    assert_eq!((document.status, document.json()), (200, bnna_api_platform::document()));
    let page = served.send("GET", "/api/docs", &[], b"").await;
    assert_eq!(page.status, 200);
    assert!(String::from_utf8(page.body).unwrap().contains("/api/platform/accounts/{slug}/impersonate"));
}

#[tokio::test]
async fn without_clusters_lists_are_empty_and_an_account_cannot_be_created() {
    let served = start().await;
    for list in [
        "/api/platform/accounts",
        "/api/platform/clusters",
        "/api/nodes",
        "/api/instances",
        "/api/tasks",
        "/api/platform/ssh-keys",
        "/api/platform/audit",
        "/api/platform/operations",
    ] {
        let got = served.ops("GET", list, "").await;
        assert_eq!(got.result(), json!([]), "{list}");
        assert!(got.json().get("warnings").is_none() && got.json().get("next_cursor").is_none(), "{list}");
    }
    let inventory = served.ops("GET", "/api/platform/inventory", "").await.result();
    assert_eq!((&inventory["clusters"], &inventory["instances"]), (&json!([]), &json!(0)));

    let got = served.ops("POST", "/api/platform/accounts", r#"{"slug":"acme","email":"ops@acme.com"}"#).await;
    assert_eq!(got.refusal(), (409, "state".to_owned()));
    let got = served.ops("POST", "/api/platform/accounts", r#"{"slug":"acme","clusters":["pve-z"]}"#).await;
    assert_eq!(got.refusal(), (404, "not_found".to_owned()));
    assert_eq!(served.ops("GET", "/api/platform/accounts/acme", "").await.refusal().0, 404);
}

#[tokio::test]
async fn things_that_are_not_there_are_404() {
    let served = start().await;
    let id = "0190a000-0000-7000-8000-000000000000";
    let upid = "UPID:pve1:00001234:0000ABCD:65A0F0B0:qmstart:100:root@pam:";
    for (method, path, body) in [
        ("GET", "/api/platform/accounts/acme".to_owned(), ""),
        ("POST", "/api/platform/accounts/acme/suspend".to_owned(), ""),
        ("DELETE", "/api/platform/accounts/acme".to_owned(), ""),
        ("GET", "/api/accounts/acme/tokens".to_owned(), ""),
        ("POST", "/api/platform/accounts/acme/adopt".to_owned(), "{}"),
        ("GET", format!("/api/platform/operations/{id}"), ""),
        ("POST", format!("/api/platform/operations/{id}/cancel"), ""),
        ("GET", format!("/api/tasks?upid={id}"), ""),
        ("GET", format!("/api/tasks?upid={upid}"), ""),
        ("GET", "/api/tasks?account=acme".to_owned(), ""),
        ("POST", "/api/instances/1104209/start".to_owned(), ""),
        ("DELETE", "/api/instances/1104209?force=true".to_owned(), ""),
        ("GET", "/api/instances/1104209/domains?cluster=pve-z".to_owned(), ""),
        ("PUT", "/api/platform/clusters/pve-z:8006/operator-token".to_owned(), ""),
    ] {
        let got = served.ops(method, &path, body).await;
        assert_eq!(got.refusal(), (404, "not_found".to_owned()), "{method} {path}");
    }
}

#[tokio::test]
async fn accounts_are_listed_in_pages_and_by_their_fields() {
    let served = start().await;
    for slug in ["acme", "bee", "cat", "dog", "emu"] {
        served.account(slug).await;
    }
    let suspended = served.ops("POST", "/api/platform/accounts/cat/suspend", "").await;
    assert_eq!(suspended.result()["status"], "suspended");

    let slugs = |result: Value| -> Vec<String> {
        result.as_array().unwrap().iter().map(|row| row["slug"].as_str().unwrap().to_owned()).collect()
    };
    let (mut seen, mut path) = (Vec::new(), "/api/platform/accounts?limit=2".to_owned());
    for page in 0.. {
        assert!(page < 3, "{seen:?}");
        let got = served.ops("GET", &path, "").await;
        seen.extend(slugs(got.result()));
        let Some(next) = got.json()["next_cursor"].as_str().map(str::to_owned) else { break };
        path = format!("/api/platform/accounts?limit=2&cursor={next}");
    }
    assert_eq!(seen, ["acme", "bee", "cat", "dog", "emu"]);
    for (filter, expected) in [
        ("status=suspended", vec!["cat"]),
        ("status=active&limit=1", vec!["acme"]),
        ("adopted=1", vec![]),
        ("cluster=pve-a", vec![]),
    ] {
        let got = served.ops("GET", &format!("/api/platform/accounts?{filter}"), "").await;
        assert_eq!(slugs(got.result()), expected, "{filter}");
    }
}

#[tokio::test]
async fn what_did_not_change_is_304() {
    let served = start().await;
    served.account("acme").await;
    let path = "/api/platform/accounts/acme";
    let tag = served.ops("GET", path, "").await.header("etag").unwrap().to_owned();
    let again = [("Authorization", served.admin.as_str()), ("If-None-Match", tag.as_str())];
    assert_eq!(served.send("GET", path, &again, b"").await.status, 304);
    served.ops("POST", "/api/platform/accounts/acme/disable", "").await.result();
    assert_eq!(served.send("GET", path, &again, b"").await.status, 200);
}

#[tokio::test]
async fn settings_are_new_then_changed_then_gone() {
    let served = start().await;
    served.account("acme").await;
    let (all, one) = ("/api/platform/accounts/acme/settings", "/api/platform/accounts/acme/settings/quota.cores");
    assert_eq!(served.ops("GET", all, "").await.result(), json!({}));
    for (body, status) in [(r#"{"value":8}"#, 201), (r#"{"value":16}"#, 200), (r#"{"value":null}"#, 200)] {
        let got = served.ops("PUT", one, body).await;
        assert_eq!(got.status, status, "{body}");
        assert_eq!(got.result()["value"], serde_json::from_str::<Value>(body).unwrap()["value"]);
    }
    let kept = served.ops("GET", all, "").await.result();
    assert_eq!((&kept["quota.cores"]["value"], &kept["quota.cores"]["updated_by"]), (&Value::Null, &"ops".into()));
    for (key, body, code) in [
        ("quota.cores", r#"{"value":"many"}"#, "invalid_value"),
        ("quota.cores", "{}", "invalid_value"),
        ("quota.cores", r#"{"value":1,"unit":"x"}"#, "unknown_field"),
        ("Quota", r#"{"value":1}"#, "invalid_key"),
    ] {
        let got = served.ops("PUT", &format!("{all}/{key}"), body).await;
        assert_eq!(got.refusal(), (400, code.to_owned()), "{key} {body}");
    }
    let long = json!({ "value": "x".repeat(9000) }).to_string();
    assert_eq!(served.ops("PUT", &format!("{all}/note"), &long).await.refusal().1, "invalid_value");

    let gone = served.ops("DELETE", one, "").await;
    assert_eq!(gone.result(), json!({ "account_slug": "acme", "key": "quota.cores" }));
    assert_eq!(served.ops("DELETE", one, "").await.refusal(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn a_token_is_shown_once_and_ends_when_it_is_revoked() {
    let served = start().await;
    served.account("acme").await;
    let body = r#"{"label":"ci","expires_in":120}"#;
    let got = served.ops("POST", "/api/platform/accounts/acme/impersonate", body).await;
    assert_eq!((got.status, got.header("cache-control")), (201, Some("no-store")));
    let issued = got.result();
    let token = issued["token"].as_str().unwrap();
    assert!(token.starts_with("bn_") && token.len() == 47, "{issued}");
    assert_eq!((&issued["label"], &issued["sub"], &issued["role_id"]), (&"ci".into(), &"ops".into(), &"".into()));

    let tenant = format!("Bearer {token}");
    let listed = served.call(&tenant, "GET", "/api/accounts/acme/tokens", "").await.result();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &issued["token_id"]));
    assert!(!listed.to_string().contains(token) && listed[0].get("token").is_none());

    let one = format!("/api/accounts/acme/tokens/{}", issued["token_id"].as_str().unwrap());
    let revoked = served.call(&tenant, "DELETE", &one, "").await;
    assert_eq!(revoked.result(), json!({ "account_slug": "acme", "id": issued["token_id"] }));
    assert_eq!(served.call(&tenant, "GET", "/api/accounts/acme/tokens", "").await.refusal().0, 401);
    assert_eq!(served.ops("DELETE", &one, "").await.refusal(), (404, "not_found".to_owned()));
    for (body, code) in [
        (r#"{"expires_in":59}"#, "invalid_expires_in"),
        (r#"{"expires_in":86401}"#, "invalid_expires_in"),
        (r#"{"label":""}"#, "invalid_label"),
    ] {
        let got = served.ops("POST", "/api/platform/accounts/acme/impersonate", body).await;
        assert_eq!(got.refusal(), (400, code.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn suspended_tenants_read_and_disabled_ones_do_nothing() {
    let served = start().await;
    served.account("acme").await;
    let tenant = served.tenant("acme").await;
    let tokens = "/api/accounts/acme/tokens";
    let one = format!("{tokens}/0190a000-0000-7000-8000-000000000000");

    let first = served.ops("POST", "/api/platform/accounts/acme/suspend", r#"{"stop":false}"#).await.result();
    assert_eq!((&first["status"], &first["changed"]), (&"suspended".into(), &true.into()));
    let again = served.ops("POST", "/api/platform/accounts/acme/suspend", "").await.result();
    assert_eq!((&again["status"], &again["changed"]), (&"suspended".into(), &false.into()));
    assert_eq!(served.call(&tenant, "GET", tokens, "").await.status, 200);
    for who in [&tenant, &served.admin] {
        assert_eq!(served.call(who, "DELETE", &one, "").await.refusal(), (403, "account_suspended".to_owned()));
    }

    served.ops("POST", "/api/platform/accounts/acme/disable", "").await.result();
    assert_eq!(served.call(&tenant, "GET", tokens, "").await.refusal(), (403, "account_disabled".to_owned()));
    let refused = served.ops("POST", "/api/platform/accounts/acme/suspend", "").await;
    assert_eq!(refused.refusal(), (409, "state".to_owned()));
    let refused = served.ops("POST", "/api/platform/accounts/acme/impersonate", "").await;
    assert_eq!(refused.refusal(), (409, "state".to_owned()));

    assert_eq!(served.ops("POST", "/api/platform/accounts/acme/enable", "").await.result()["status"], "active");
    assert_eq!(served.call(&tenant, "GET", tokens, "").await.status, 200);
}

#[tokio::test]
async fn a_deletion_does_what_the_dry_run_said_and_is_an_operation_with_an_audit_entry() {
    let served = start().await;
    served.account("acme").await;
    served.tenant("acme").await;
    served.ops("PUT", "/api/platform/accounts/acme/settings/note", r#"{"value":{"a":[1]}}"#).await.result();
    let dry = served.ops("GET", "/api/platform/accounts/acme/gc?adopted=detach", "").await.result();
    assert_eq!((&dry["dry_run"], &dry["blocked"]), (&true.into(), &false.into()));

    let headers = [("Authorization", served.admin.as_str()), ("X-Request-Id", "delete-1"), ("Prefer", "wait=60")];
    let done = served.send("DELETE", "/api/platform/accounts/acme?force=1", &headers, b"").await;
    assert_eq!(done.header("x-request-id"), Some("delete-1"));
    let done = done.result();
    let items = |report: &Value| -> Vec<(Value, Value)> {
        let items = report["items"].as_array().unwrap().iter();
        items.map(|item| (item["kind"].clone(), item["id"].clone())).collect()
    };
    assert_eq!((items(&done), &done["dry_run"]), (items(&dry), &false.into()));
    assert!(items(&dry).len() >= 2, "{dry}");
    assert_eq!(served.ops("GET", "/api/platform/accounts/acme", "").await.status, 404);

    let listed = served.ops("GET", "/api/platform/operations?account=acme&finished=true", "").await.result();
    assert_eq!((&listed[0]["kind"], &listed[0]["state"]), (&"accounts.delete".into(), &"done".into()));
    let id = listed[0]["operation_id"].as_str().unwrap();
    let shown = served.ops("GET", &format!("/api/platform/operations/{id}"), "").await.result();
    assert!(!shown["steps"].as_array().unwrap().is_empty(), "{shown}");
    let task = served.ops("GET", &format!("/api/tasks?upid={id}"), "").await.result();
    assert_eq!(
        (&task["status"], &task["ok"], &task["type"]),
        (&"stopped".into(), &true.into(), &"accounts.delete".into())
    );
    let over = served.ops("POST", &format!("/api/platform/operations/{id}/cancel"), "").await;
    assert_eq!(over.refusal(), (409, "state".to_owned()));

    let audit = served.ops("GET", "/api/platform/audit?request_id=delete-1", "").await.result();
    assert_eq!(audit.as_array().unwrap().len(), 1, "{audit}");
    assert_eq!((&audit[0]["action"], &audit[0]["target"]), (&"accounts.delete".into(), &"acme".into()));
    assert_eq!((&audit[0]["actor"], &audit[0]["outcome"]), (&"ops".into(), &"ok".into()));
    assert_eq!((&audit[0]["operation_id"], &audit[0]["remote_addr"]), (&id.into(), &"127.0.0.1".into()));
}

#[tokio::test]
async fn the_audit_trail_is_paged_newest_first_and_holds_no_secret() {
    let served = start().await;
    served.account("acme").await;
    let mut secrets = Vec::new();
    for _ in 0..3 {
        secrets.push(served.tenant("acme").await.trim_start_matches("Bearer ").to_owned());
    }
    served.ops("PUT", "/api/platform/accounts/acme/settings/note", r#"{"value":"hush-hush"}"#).await.result();
    let cluster = r#"{"token_id":"bnna@pve!bnpd","secret":"hush-hush","addresses":["127.0.0.1:1"]}"#;
    let got = served.ops("PUT", "/api/platform/clusters/pve-a", cluster).await;
    assert_eq!(got.refusal(), (502, "upstream".to_owned()));
    let got = served.ops("PUT", "/api/platform/clusters/pve-a", r#"{"name":"A"}"#).await;
    assert_eq!(got.refusal(), (400, "invalid_token_id".to_owned()));

    let (mut seen, mut path) = (Vec::new(), "/api/platform/audit?limit=2".to_owned());
    loop {
        let got = served.ops("GET", &path, "").await;
        seen.extend(got.result().as_array().unwrap().clone());
        let Some(next) = got.json()["next_cursor"].as_str().map(str::to_owned) else { break };
        path = format!("/api/platform/audit?limit=2&cursor={next}");
    }
    let actions: Vec<&str> = seen.iter().map(|row| row["action"].as_str().unwrap()).collect();
    let impersonations = ["accounts.impersonate"; 3];
    assert_eq!(actions[..3], ["clusters.put", "clusters.put", "accounts.settings.put"], "{actions:?}");
    assert_eq!(actions[3..], impersonations);
    let outcomes: Vec<&str> = seen.iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["invalid_token_id", "upstream", "ok", "ok", "ok", "ok"]);
    let text = serde_json::to_string(&seen).unwrap();
    assert!(!text.contains("hush-hush") && secrets.iter().all(|secret| !text.contains(secret)));
    let filtered = served.ops("GET", "/api/platform/audit?action=clusters.put&outcome=upstream", "").await.result();
    assert_eq!(filtered.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn timings_name_the_cluster_that_was_asked() {
    let served = start().await;
    let cluster = r#"{"token_id":"bnna@pve!bnpd","secret":"s","addresses":["127.0.0.1:1"]}"#;
    let got = served.ops("PUT", "/api/platform/clusters/pve-a", cluster).await;
    assert_eq!(got.refusal(), (502, "upstream".to_owned()));
    let timings = got.json()["timings"].as_array().unwrap().clone();
    let names: Vec<&str> = timings.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"auth") && names.contains(&"pve:127.0.0.1:1"), "{names:?}");
    assert_eq!(names.last(), Some(&"total"));
    assert!(timings.iter().all(|entry| entry["ms"].is_number()));
}

#[tokio::test]
async fn a_call_that_does_not_wait_gets_the_operation_to_ask_for() {
    let served = start().await;
    served.account("acme").await;
    let headers = [("Authorization", served.admin.as_str()), ("Prefer", "wait=0")];
    let got = served.send("POST", "/api/platform/accounts/acme/repair", &headers, b"").await;
    // Work without a cluster may be over before anybody can ask; then it is done, and says so.
    let listed = served.ops("GET", "/api/platform/operations?kind=accounts.repair", "").await.result();
    let id = listed[0]["operation_id"].as_str().unwrap();
    match got.status {
        202 => {
            assert_eq!(got.result(), json!({ "operation_id": id }));
            assert_eq!(got.header("location"), Some(format!("/api/platform/operations/{id}").as_str()));
        }
        _ => assert_eq!(got.result(), json!({ "actions": [] })),
    }
    let ended = async {
        loop {
            let shown = served.ops("GET", &format!("/api/platform/operations/{id}"), "").await.result();
            if shown["state"] == "done" {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
}
