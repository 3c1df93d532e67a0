//! Everything odd a client can send is answered with a clear error in the envelope, never with a 5xx, and the façade goes on.
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

use support::{ADMIN, start};

#[tokio::test]
async fn bodies_that_are_not_the_documented_json_are_refused_by_name() {
    let served = start().await;
    let deep = format!("{{\"name\":\"x\",\"extra\":{}1{}}}", "[".repeat(70), "]".repeat(70));
    let very_deep = format!("{{\"name\":\"x\",\"extra\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    let cases: &[(&[u8], &str)] = &[
        (b"{\"name\":\"x\",\"colour\":\"red\"}", "unknown_field"),
        (b"{\"name\":\"x\",\"quota\":{\"cores\":1,\"ram\":2}}", "unknown_field"),
        (b"{\"name\":5}", "invalid_name"),
        (b"{\"name\":null}", "invalid_name"),
        (b"{\"name\":\"x\",\"quota\":{\"cores\":\"two\"}}", "invalid_cores"),
        (b"{\"name\":\"x\",\"quota\":{\"cores\":-1}}", "invalid_cores"),
        (b"{\"name\":\"x\",\"quota\":{\"cores\":99999999999}}", "invalid_cores"),
        (b"{\"name\":\"x\",\"quota\":{}}", "invalid_cores"),
        (b"{\"name\":\"x\",\"quota\":7}", "invalid_quota"),
        (b"{\"name\":\"x\",\"providerId\":7}", "invalid_provider_id"),
        (b"{}", "invalid_name"),
        (b"", "invalid_name"),
        (b"[]", "bad_request"),
        (b"\"x\"", "bad_request"),
        (b"null", "bad_request"),
        (b"{\"name\":\"x\",\"name\":\"y\"}", "bad_request"),
        (b"{\"name\":\"x\",\"extra\":{\"a\":1,\"a\":2}}", "bad_request"),
        (b"{\"name\":\"x\"", "bad_request"),
        (b"{\"name\":\"x\"} trailing", "bad_request"),
        (b"{\"name\":\"x\",}", "bad_request"),
        (b"{\"name\":\"\xff\xfe\"}", "bad_request"),
        (b"{\"name\":\"\\ud800\"}", "bad_request"),
        (b"{\"name\":\"x\",\"extra\":1e999}", "bad_request"),
        (b"{\"name\":NaN}", "bad_request"),
        (b"\xef\xbb\xbf{\"name\":\"x\"}", "bad_request"),
        (deep.as_bytes(), "bad_request"),
        (very_deep.as_bytes(), "bad_request"),
    ];
    for (body, code) in cases {
        let got = served.post("/api/things", ADMIN, body).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        assert_eq!((got.status, got.code().as_str()), (400, *code), "{shown}: {}", got.json());
    }
    assert_eq!(served.post("/api/things", ADMIN, b"{\"name\":\"x\",\"quota\":{\"cores\":2}}").await.status, 201);
}

#[tokio::test]
async fn an_error_names_the_field_and_its_path() {
    let served = start().await;
    let got = served.post("/api/things", ADMIN, b"{\"name\":\"x\",\"quota\":{\"cores\":1,\"ram\":2}}").await.json();
    assert_eq!(got["details"]["field"], "quota.ram");
    let got = served.post("/api/things", ADMIN, b"{\"name\":\"x\",\"quota\":{\"cores\":\"two\"}}").await.json();
    assert_eq!(got["details"]["field"], "quota.cores");
    let got = served.post("/api/things", ADMIN, b"{\"quota\":{\"cores\":1}}").await.json();
    assert_eq!((&got["details"]["field"], &got["error"]), (&"name".into(), &"name is required".into()));
}

#[tokio::test]
async fn a_body_of_another_type_is_415_and_no_type_is_json() {
    let served = start().await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        let headers = [("Authorization", ADMIN), ("Content-Type", content_type)];
        let got = served.send("POST", "/api/things", &headers, b"{\"name\":\"x\"}").await;
        assert_eq!((got.status, got.code().as_str()), (415, "unsupported_media_type"), "{content_type}");
    }
    for content_type in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
        let headers = [("Authorization", ADMIN), ("Content-Type", content_type)];
        let got = served.send("POST", "/api/things", &headers, b"{\"name\":\"x\"}").await;
        assert_eq!(got.status, 201, "{content_type}");
    }
    assert_eq!(served.send("POST", "/api/things", &[("Authorization", ADMIN)], b"{\"name\":\"x\"}").await.status, 201);
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_413_whether_announced_or_not() {
    let served = start().await;
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(1 << 20));
    let got = served.post("/api/things", ADMIN, long.as_bytes()).await;
    assert_eq!((got.status, got.code().as_str()), (413, "payload_too_large"));

    let mut chunked = format!(
        "POST /api/things HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: {ADMIN}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for part in long.as_bytes().chunks(64 * 1024) {
        chunked.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let got = served.raw(&chunked).await;
    assert_eq!((got.status, got.code().as_str()), (413, "payload_too_large"));

    let fits = format!("{{\"name\":\"{}\"}}", "x".repeat((1 << 20) - 11));
    assert_eq!(fits.len(), 1 << 20);
    assert_eq!(served.post("/api/things", ADMIN, fits.as_bytes()).await.status, 201);
}

#[tokio::test]
async fn queries_are_as_strict_as_bodies() {
    let served = start().await;
    for (query, code) in [
        ("colour=red", "unknown_field"),
        ("running=maybe", "invalid_running"),
        ("limit=0", "invalid_limit"),
        ("limit=1001", "invalid_limit"),
        ("limit=many", "invalid_limit"),
        ("limit=-1", "invalid_limit"),
        ("cursor=***", "invalid_cursor"),
        ("limit=1&limit=2", "bad_request"),
        ("cluster=a&cluster=b", "bad_request"),
        ("cluster=%ff", "bad_request"),
        ("cluster=%zz", "bad_request"),
        ("cluster=%", "bad_request"),
        ("cluster=%00", "bad_request"),
    ] {
        let got = served.get(&format!("/api/things?{query}"), ADMIN).await;
        assert_eq!((got.status, got.code().as_str()), (400, code), "{query}: {}", got.json());
    }
    for (query, said) in [
        ("limit=many", "limit: must be a whole number"),
        ("limit=", "limit: must be a whole number"),
        ("limit=99999999999", "limit: is too large a number"),
        ("running=maybe", "running: must be true or false"),
    ] {
        let got = served.get(&format!("/api/things?{query}"), ADMIN).await;
        assert_eq!(got.json()["error"], said, "{query}");
    }
    assert_eq!(served.get("/api/things/1?limit=1", ADMIN).await.code(), "unknown_field");
    assert_eq!(served.get("/api/things?running=true&limit=1000", ADMIN).await.status, 200);
}

#[tokio::test]
async fn path_tricks_are_refused_and_bad_parameters_named() {
    let served = start().await;
    for path in [
        "//api/things",
        "/api//things",
        "/api/../things",
        "/api/./things",
        "/api/%2e%2e/things",
        "/api/things/%2f",
        "/api/things/a%2Fb",
        "/api/things/%00",
        "/api/things/%ff",
        "/api/things/%zz",
        "/api/accounts/%2e%2e/things",
    ] {
        let got = served.get(path, ADMIN).await;
        assert_eq!((got.status, got.code().as_str()), (400, "bad_request"), "{path}");
    }
    for path in ["/api/things/one", "/api/things/-1", "/api/things/99999999999", "/api/things/1.5", "/api/things/%20"] {
        let got = served.get(path, ADMIN).await;
        assert_eq!((got.status, got.code().as_str()), (400, "invalid_number"), "{path}: {}", got.json());
    }
}

#[tokio::test]
async fn bytes_that_are_not_http_get_an_answer_or_a_closed_connection_and_the_next_client_is_served() {
    let served = start().await;
    let many_headers: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    for request in [
        "NONSENSE\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET /health HTTP/1.1\r\nHost: t\r\n{many_headers}\r\n"),
        "GET /health HTTP/1.1\r\nHost: t\r\nContent-Length: nine\r\n\r\n".to_owned(),
    ] {
        let got = served.raw(request.as_bytes()).await;
        assert!((400..500).contains(&got.status), "{request:?}: {got:?}");
    }
    assert_eq!(served.send("GET", "/health", &[], b"").await.body, b"ok");
}
