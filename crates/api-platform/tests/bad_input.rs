//! Whatever a client sends, the answer is a clear error that names what is wrong, and the façade goes on.
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

use support::start;

#[tokio::test]
async fn bodies_that_are_not_the_documented_json_are_refused_by_name() {
    let served = start().await;
    let deep = format!(r#"{{"slug":"acme","email":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
    let cases: &[(&[u8], &str)] = &[
        (b"", "invalid_slug"),
        (b"{}", "invalid_slug"),
        (br#"{"slug":"acme","colour":"red"}"#, "unknown_field"),
        (br#"{"Slug":"acme"}"#, "invalid_slug"),
        (br#"{"slug":7}"#, "invalid_slug"),
        (br#"{"slug":null}"#, "invalid_slug"),
        (br#"{"slug":""}"#, "invalid_slug"),
        (br#"{"slug":"Acme"}"#, "invalid_slug"),
        (br#"{"slug":"a--b"}"#, "invalid_slug"),
        (br#"{"slug":"../etc"}"#, "invalid_slug"),
        (br#"{"slug":"platform"}"#, "invalid_slug"),
        (br#"{"slug":"acme\u0000"}"#, "invalid_slug"),
        (br#"{"slug":"acme","email":"nobody"}"#, "invalid_email"),
        (br#"{"slug":"acme","email":["a@b"]}"#, "invalid_email"),
        (br#"{"slug":"acme","display_name":" "}"#, "invalid_display_name"),
        (br#"{"slug":"acme","clusters":"pve-a"}"#, "invalid_clusters"),
        (br#"{"slug":"acme","clusters":["https://pve-a"]}"#, "invalid_clusters"),
        (br#"{"slug":"acme","slug":"bee"}"#, "bad_request"),
        (br#"["acme"]"#, "bad_request"),
        (br#"{"slug":"acme""#, "bad_request"),
        (b"{\"slug\":\"\xff\xfe\"}", "bad_request"),
        (b"slug=acme", "bad_request"),
        (deep.as_bytes(), "bad_request"),
    ];
    for (body, code) in cases {
        let got = served.send("POST", "/api/platform/accounts", &[("Authorization", &served.admin)], body).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(got.refusal(), (400, (*code).to_owned()), "{shown}");
    }
    let long = format!(r#"{{"slug":"acme","display_name":"{}"}}"#, "x".repeat(1 << 20));
    let got = served.ops("POST", "/api/platform/accounts", &long).await;
    assert_eq!(got.refusal(), (413, "payload_too_large".to_owned()));
    assert_eq!(served.ops("GET", "/api/platform/accounts", "").await.result(), serde_json::json!([]));
}

#[tokio::test]
async fn other_bodies_are_as_strict() {
    let served = start().await;
    served.account("acme").await;
    for (method, path, body, code) in [
        ("POST", "/api/platform/accounts/acme/suspend", r#"{"stop":"yes"}"#, "invalid_stop"),
        ("POST", "/api/platform/accounts/acme/enable", r#"{"stop":true}"#, "unknown_field"),
        ("POST", "/api/platform/accounts/acme/repair", r#"{"dry_run":true}"#, "unknown_field"),
        ("PUT", "/api/platform/accounts/acme/acls", r#"{"dry_run":1}"#, "invalid_dry_run"),
        ("POST", "/api/platform/accounts/acme/adopt", r#"{"cluster":"A B"}"#, "invalid_cluster"),
        ("POST", "/api/instances/1104209/start", r#"{"timeout":5}"#, "unknown_field"),
        ("POST", "/api/instances/1104209/shutdown", r#"{"timeout":0}"#, "invalid_timeout"),
        ("POST", "/api/instances/1104209/shutdown", r#"{"timeout":-5}"#, "invalid_timeout"),
        ("POST", "/api/instances/1104209/shutdown", r#"{"force_stop":"yes"}"#, "invalid_force_stop"),
        ("POST", "/api/instances/1104209/reboot", r#"{"force_stop":true}"#, "unknown_field"),
        ("POST", "/api/instances/1104209/adopt", "{}", "invalid_account_slug"),
        ("PUT", "/api/platform/clusters/pve-a", r#"{"token_id":"a@pve!b"}"#, "invalid_secret"),
        ("PUT", "/api/platform/clusters/pve-a", r#"{"secret":"s"}"#, "invalid_token_id"),
        ("PUT", "/api/platform/clusters/pve-a", r#"{"fingerprints":["AA"],"ca":"x"}"#, "invalid_ca"),
        ("PUT", "/api/platform/clusters/pve-a", r#"{"addresses":["http://x"]}"#, "invalid_addresses"),
        ("PUT", "/api/platform/clusters/pve-a", r#"{"host":"pve-b"}"#, "unknown_field"),
        ("PUT", "/api/platform/clusters/pve-a/operator-token", r#"{"secret":"s"}"#, "invalid_token_id"),
    ] {
        let got = served.ops(method, path, body).await;
        assert_eq!(got.refusal(), (400, code.to_owned()), "{method} {path} {body}");
    }
}

#[tokio::test]
async fn parameters_of_path_and_query_are_named_when_they_are_wrong() {
    let served = start().await;
    for (path, code) in [
        ("/api/platform/accounts/Acme", "invalid_slug"),
        ("/api/platform/accounts/a--b/settings", "invalid_slug"),
        ("/api/platform/operations/seven", "invalid_id"),
        ("/api/instances/99/domains", "invalid_vmid"),
        ("/api/instances/one/domains", "invalid_vmid"),
        ("/api/instances/99999999999/domains", "invalid_vmid"),
        ("/api/instances/-1/domains", "invalid_vmid"),
        ("/api/platform/accounts?colour=red", "unknown_field"),
        ("/api/platform/accounts?status=happy", "invalid_status"),
        ("/api/platform/accounts?adopted=maybe", "invalid_adopted"),
        ("/api/platform/accounts?limit=0", "invalid_limit"),
        ("/api/platform/accounts?limit=1001", "invalid_limit"),
        ("/api/platform/accounts?cursor=***", "invalid_cursor"),
        ("/api/platform/accounts?cluster=a&cluster=b", "bad_request"),
        ("/api/platform/accounts?cluster=%ff", "bad_request"),
        ("/api/platform/accounts/acme/gc?adopted=keep", "invalid_adopted"),
        ("/api/platform/accounts/acme/gc?force=please", "invalid_force"),
        ("/api/instances?type=jail", "invalid_type"),
        ("/api/instances?managed=2", "invalid_managed"),
        ("/api/platform/clusters?host=a", "unknown_field"),
        ("/api/tasks?upid=UPID:nonsense", "invalid_upid"),
        ("/api/tasks?upid=0190a000-0000-7000-8000-000000000000&limit=1", "bad_request"),
        ("/api/tasks?vmid=7", "invalid_vmid"),
        ("/api/tasks?cursor=bm9uc2Vuc2U", "invalid_cursor"),
        ("/api/platform/operations?cursor=bm9uc2Vuc2U", "invalid_cursor"),
        ("/api/platform/audit?cursor=bm9uc2Vuc2U", "invalid_cursor"),
        ("/api/platform/audit?from=yesterday", "invalid_from"),
        ("/api/platform/audit?operation_id=7", "invalid_operation_id"),
        ("/api/platform/accounts/%2e%2e", "bad_request"),
        ("/api/platform/accounts/acme%2Fgc", "bad_request"),
        ("/api//platform/accounts", "bad_request"),
    ] {
        let got = served.ops("GET", path, "").await;
        assert_eq!(got.refusal(), (400, code.to_owned()), "{path}");
    }
    let got = served.ops("PUT", "/api/platform/clusters/PVE%20A", "{}").await;
    assert_eq!(got.refusal(), (400, "invalid_host".to_owned()));
    assert_eq!(served.ops("GET", "/api/platform/audit?from=2026-01-01T00:00:00Z&limit=5", "").await.status, 200);
}
