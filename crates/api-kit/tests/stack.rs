//! The stack, through a real socket: who gets in, what comes out, and what happens when something breaks.
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

use std::sync::atomic::Ordering;
use std::time::Duration;

use bnna_api_kit::{Options, ServerOptions};
use bnna_auth::limits::FailureLimit;
use support::{ADMIN, VIEWER, options, start, start_with, tenant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

#[tokio::test]
async fn an_answer_has_a_result_and_timings_that_end_with_the_total() {
    let served = start().await;
    let got = served.get("/api/things", ADMIN).await;
    assert_eq!((got.status, got.header("content-type")), (200, Some("application/json")));
    let body = got.json();
    assert_eq!(body["result"], serde_json::json!(["a", "b", "c"]));
    let names: Vec<&str> = body["timings"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["auth", "pve:pve1", "total"]);
    assert!(body["timings"].as_array().unwrap().iter().all(|timing| timing["ms"].is_number()));
    assert_eq!(body.as_object().unwrap().len(), 2, "no warnings and no cursor where there are none: {body}");
}

#[tokio::test]
async fn a_list_has_warnings_and_a_cursor_beside_its_result() {
    let served = start().await;
    let body = served.get("/api/things?cluster=pve2&limit=2", ADMIN).await.json();
    assert_eq!(body["warnings"], serde_json::json!([{ "cluster": "pve2", "message": "does not answer" }]));
    let cursor = body["next_cursor"].as_str().unwrap();
    let body = served.get(&format!("/api/things?cursor={cursor}"), ADMIN).await.json();
    assert_eq!(body["result"], serde_json::json!(["c"]));
    assert!(body.get("next_cursor").is_none());
}

#[tokio::test]
async fn every_kind_of_caller_gets_what_its_access_says() {
    let served = start().await;
    let (acme, slow, dead) = (tenant('a'), tenant('s'), tenant('d'));
    for (method, path, credential, status, code) in [
        ("GET", "/api/things", ADMIN, 200, ""),
        ("GET", "/api/things", VIEWER, 200, ""),
        ("HEAD", "/api/things", VIEWER, 200, ""),
        ("GET", "/api/things", &acme, 403, "forbidden"),
        ("POST", "/api/things", VIEWER, 403, "forbidden"),
        ("POST", "/api/things", &acme, 403, "forbidden"),
        ("GET", "/api/credentials/export", ADMIN, 200, ""),
        ("GET", "/api/credentials/export", VIEWER, 403, "forbidden"),
        ("GET", "/api/whoami", ADMIN, 200, ""),
        ("GET", "/api/whoami", &acme, 200, ""),
        ("GET", "/api/whoami", &slow, 200, ""),
        ("GET", "/api/whoami", &dead, 403, "account_disabled"),
        ("GET", "/api/accounts/acme/things", &acme, 200, ""),
        ("GET", "/api/accounts/acme/things", ADMIN, 200, ""),
        ("GET", "/api/accounts/acme/things", VIEWER, 200, ""),
        ("GET", "/api/accounts/other/things", &acme, 403, "wrong_account"),
        ("GET", "/api/accounts/dead/things", &acme, 403, "wrong_account"),
        ("GET", "/api/accounts/slow/things", &slow, 200, ""),
        ("GET", "/api/accounts/dead/things", &dead, 403, "account_disabled"),
        ("GET", "/api/accounts/dead/things", ADMIN, 200, ""),
        ("POST", "/api/accounts/acme/things", &acme, 200, ""),
        ("POST", "/api/accounts/acme/things", ADMIN, 200, ""),
        ("POST", "/api/accounts/acme/things", VIEWER, 403, "forbidden"),
        ("POST", "/api/accounts/slow/things", &slow, 403, "account_suspended"),
        ("POST", "/api/accounts/slow/things", ADMIN, 403, "account_suspended"),
        ("POST", "/api/accounts/dead/things", ADMIN, 403, "account_disabled"),
        ("GET", "/api/things", "Bearer upstream-token", 502, "upstream"),
    ] {
        let got = served.send(method, path, &[("Authorization", credential)], b"").await;
        assert_eq!(got.status, status, "{method} {path} {credential}: {got:?}");
        if !code.is_empty() {
            assert_eq!(got.code(), code, "{method} {path} {credential}");
        }
    }
}

#[tokio::test]
async fn without_a_valid_credential_it_is_401_with_the_scheme() {
    let served = start().await;
    let none = served.send("GET", "/api/things", &[], b"").await;
    let wrong = served.get("/api/things", "Bearer wrong").await;
    let short = served.get("/api/things", "Bearer bn_short").await;
    let basic = served.get("/api/things", "Basic YTpi").await;
    let twice = served.send("GET", "/api/things", &[("Authorization", ADMIN), ("Authorization", ADMIN)], b"").await;
    for got in [none, wrong, short, basic, twice] {
        assert_eq!(
            (got.status, got.code().as_str(), got.header("www-authenticate")),
            (401, "unauthorized", Some("Bearer"))
        );
    }
    assert_eq!(served.get("/api/things", "Bearer пароль").await.status, 200, "a token may have any letters");
}

#[tokio::test]
async fn an_address_that_fails_too_often_is_refused_before_any_work() {
    let served = start().await;
    for _ in 0..5 {
        assert_eq!(served.get("/api/things", "Bearer wrong").await.status, 401);
    }
    let asked = served.known.asked.load(Ordering::SeqCst);
    let got = served.get("/api/things", ADMIN).await;
    assert_eq!((got.status, got.code().as_str()), (429, "too_many_failures"));
    assert!((1..=60).contains(&got.header("retry-after").unwrap().parse::<u64>().unwrap()));
    assert_eq!(served.known.asked.load(Ordering::SeqCst), asked);
    assert_eq!(served.send("GET", "/health", &[], b"").await.status, 200, "public routes stay open");
}

#[tokio::test]
async fn successes_and_missing_credentials_do_not_count_as_failures() {
    let served = start().await;
    for _ in 0..12 {
        assert_eq!(served.send("GET", "/api/things", &[], b"").await.status, 401);
        assert_eq!(served.get("/api/things", ADMIN).await.status, 200);
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_in_the_envelope() {
    let served = start().await;
    for path in ["/", "/api", "/api/nothing", "/api/things/", "/api/accounts/acme"] {
        let got = served.get(path, ADMIN).await;
        assert_eq!((got.status, got.code().as_str()), (404, "not_found"), "{path}");
    }
    for (method, path, allow) in [
        ("DELETE", "/api/things", "GET, HEAD, POST"),
        ("OPTIONS", "/api/things", "GET, HEAD, POST"),
        ("PATCH", "/api/things/1", "GET, HEAD"),
        ("GET", "/api/slow", "POST"),
        ("BREW", "/api/slow", "POST"),
    ] {
        let got = served.send(method, path, &[("Authorization", ADMIN)], b"").await;
        assert_eq!((got.status, got.code().as_str()), (405, "method_not_allowed"), "{method} {path}");
        assert_eq!(got.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn a_request_id_is_taken_if_sane_and_made_otherwise() {
    let served = start().await;
    let served = &served;
    let with = |id: &'static str| async move { served.send("GET", "/health", &[("X-Request-Id", id)], b"").await };
    assert_eq!(with("cli-7f.3:a_b").await.header("x-request-id"), Some("cli-7f.3:a_b"));
    for odd in ["", "a b", "a/b", "x\u{e9}y"] {
        let got = with(odd).await;
        let id: uuid::Uuid = got.header("x-request-id").unwrap().parse().unwrap();
        assert_eq!(id.get_version_num(), 7, "{odd:?}");
    }
    let got = served.send("GET", "/api/whoami", &[("Authorization", ADMIN), ("X-Request-Id", "mine")], b"").await;
    assert_eq!(got.json()["result"]["request_id"], "mine");
    assert!(served.get("/api/nothing", ADMIN).await.header("x-request-id").is_some(), "errors have one as well");
}

#[tokio::test]
async fn a_panic_is_500_without_its_text_and_the_next_request_is_served() {
    let served = start().await;
    for method in ["GET", "POST"] {
        let got = served.send(method, "/api/panic", &[], b"").await;
        assert_eq!((got.status, got.code().as_str()), (500, "internal"));
        assert!(!String::from_utf8_lossy(&got.body).contains("secret"));
        assert!(got.header("x-request-id").is_some());
    }
    assert_eq!(served.get("/api/things", ADMIN).await.status, 200);
}

#[tokio::test]
async fn a_tag_answers_304_until_the_result_changes() {
    let served = start().await;
    let got = served.get("/api/things", ADMIN).await;
    let tag = got.header("etag").unwrap().to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let conditional = |path: &'static str, known: String| {
        let served = &served;
        async move { served.send("GET", path, &[("Authorization", ADMIN), ("If-None-Match", &known)], b"").await }
    };
    let strong = tag.trim_start_matches("W/").to_owned();
    for known in [tag.clone(), format!("\"other\", {tag}"), "*".to_owned(), strong] {
        let got = conditional("/api/things", known).await;
        assert_eq!((got.status, got.body.len(), got.header("etag")), (304, 0, Some(tag.as_str())));
    }
    assert_eq!(conditional("/api/things?limit=1", tag.clone()).await.status, 200);
    assert_eq!(conditional("/api/things?cluster=pve2", tag.clone()).await.status, 200, "a missing part is a change");
    assert_eq!(conditional("/api/things", "W/\"other\"".to_owned()).await.status, 200);
    assert_eq!(served.send("HEAD", "/api/things", &[("Authorization", ADMIN)], b"").await.header("etag"), Some(&*tag));
    assert!(served.get("/api/nothing", ADMIN).await.header("etag").is_none());
}

#[tokio::test]
async fn an_answer_with_a_secret_is_not_stored_and_has_no_tag() {
    let served = start().await;
    let got = served.get("/api/credentials/export", ADMIN).await;
    assert_eq!((got.header("cache-control"), got.header("etag")), (Some("no-store"), None));
}

#[tokio::test]
async fn a_preference_to_wait_reaches_the_handler() {
    let served = start().await;
    for (prefer, wait) in [("wait=3", "3"), ("respond-async, wait=0", "0"), ("wait=9999", "60"), ("nonsense", "10")] {
        let got = served.send("GET", "/api/whoami", &[("Authorization", ADMIN), ("Prefer", prefer)], b"").await;
        assert_eq!(got.json()["result"]["wait"], wait, "{prefer}");
    }
}

#[tokio::test]
async fn errors_carry_their_details() {
    let served = start().await;
    let got = served.get("/api/broken", ADMIN).await;
    assert_eq!((got.status, got.code().as_str(), &got.json()["details"]["system"]), (502, "upstream", &"pve1".into()));
    let got = served.post("/api/things", ADMIN, b"{\"name\":\"taken\"}").await;
    assert_eq!((got.status, got.code().as_str()), (409, "exists"));
}

#[tokio::test]
async fn a_read_that_takes_too_long_is_504() {
    let options = Options { deadline: Duration::from_millis(50), ..support::options() };
    let served = start_with(options, ServerOptions::default(), None).await;
    let got = served.send("GET", "/api/forever", &[], b"").await;
    assert_eq!((got.status, got.code().as_str()), (504, "timeout"));
}

#[tokio::test]
async fn a_write_goes_on_to_its_end_when_the_client_has_gone() {
    let served = start().await;
    let mut client = TcpStream::connect(served.address).await.unwrap();
    client.write_all(b"POST /api/slow HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, served.shop.begun.notified()).await.unwrap();
    drop(client);
    served.shop.may_end.notify_one();
    tokio::time::timeout(limit, served.shop.ended.notified()).await.unwrap();
}

#[tokio::test]
async fn shutdown_waits_for_what_runs_and_takes_nothing_new() {
    let mut served = start().await;
    let mut client = TcpStream::connect(served.address).await.unwrap();
    client.write_all(b"POST /api/slow HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, served.shop.begun.notified()).await.unwrap();
    served.shutdown.cancel();
    let refused = async {
        while TcpStream::connect(served.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(limit, refused).await.unwrap();
    assert!(!served.server.is_finished());
    served.shop.may_end.notify_one();
    let answer = support::exchange(client, b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    tokio::time::timeout(limit, &mut served.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn shutdown_ends_at_its_deadline_whatever_runs() {
    let options = ServerOptions { shutdown_deadline: Duration::from_millis(50), ..ServerOptions::default() };
    let mut served = start_with(support::options(), options, None).await;
    let mut client = TcpStream::connect(served.address).await.unwrap();
    client.write_all(b"POST /api/slow HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, served.shop.begun.notified()).await.unwrap();
    served.shutdown.cancel();
    tokio::time::timeout(limit, &mut served.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_request_loses_its_connection_and_its_slot() {
    let options =
        ServerOptions { connections: 1, header_timeout: Duration::from_millis(300), ..ServerOptions::default() };
    let served = start_with(support::options(), options, None).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(b"GET /health HT").await.unwrap();
    let got = served.send("GET", "/health", &[], b"").await;
    assert_eq!(got.body, b"ok", "served once the slow client's time is over");
}

#[tokio::test]
async fn a_flood_of_failures_is_refused_as_such_and_locks_nobody_good_out() {
    let failures = FailureLimit { failures: 1000, overall: 3, ..FailureLimit::default() };
    let served = start_with(Options { failures, ..options() }, ServerOptions::default(), None).await;
    for _ in 0..3 {
        assert_eq!(served.get("/api/things", "Bearer wrong").await.status, 401);
    }
    let root = "PVEAPIToken=root@pam!x=0d1ab2b6-5c0c-4b39-9f3e-6a2f4f1f5f00";
    for wrong in ["Bearer wrong", "Bearer bn_short", "Basic YTpi", root] {
        let got = served.get("/api/things", wrong).await;
        assert_eq!((got.status, got.code().as_str()), (429, "too_many_failures"), "{wrong}");
        assert!((1..=60).contains(&got.header("retry-after").unwrap().parse::<u64>().unwrap()));
    }
    assert_eq!(served.get("/api/things", ADMIN).await.status, 200);
    assert_eq!(served.get("/api/accounts/acme/things", &tenant('a')).await.status, 200);
    assert_eq!(served.send("GET", "/api/things", &[], b"").await.status, 401);
}
