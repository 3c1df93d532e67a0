//! Bad input of every kind: a clear error each, and bnpd goes on serving.

use bnna_tests::House;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn bad_bodies_are_refused_with_what_is_wrong() {
    let house = House::start().await;
    let path = "/api/platform/accounts";
    house.post(path, json!({"slug": "acme", "colour": "red"})).await.fails(400, "unknown_field");
    house.post(path, json!({"slug": 7})).await.fails(400, "invalid_slug");
    house.post(path, json!({})).await.fails(400, "invalid_slug");
    for slug in ["A", "-a", "a--b", "platform", "../x", &"a".repeat(40)] {
        let refused = house.post(path, json!({"slug": slug})).await.fails(400, "invalid_slug");
        assert!(refused.error().len() < 400, "{}", refused.text);
    }
    house.post(path, json!({"slug": "acme", "email": "nobody"})).await.fails(400, "invalid_email");
    house.post(path, json!({"slug": "acme", "clusters": ["pve-x"]})).await.fails(404, "not_found");
    for (body, status) in [
        ("{", 400),
        ("[]", 400),
        ("\"x\"", 400),
        ("{\"slug\":\"acme\",\"slug\":\"acme\"}", 400),
        (&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), 400),
        (&format!("{{\"slug\":\"{}\"}}", "a".repeat(2 << 20)), 413),
    ] {
        let request = house.http().post(format!("{}{path}", house.base())).bearer_auth(house.operator());
        let answer = house.send(request.header("content-type", "application/json").body(body.to_owned())).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.body["error"].is_string(), "{}", answer.text);
    }
    let request = house.http().post(format!("{}{path}", house.base())).bearer_auth(house.operator());
    let answer =
        house.send(request.header("content-type", "application/json").body(vec![b'{', b'"', 0xff, 0xfe, b'"'])).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    house.get("/api/platform/accounts?limit=0").await.fails(400, "invalid_limit");
    house.get("/api/platform/accounts?cursor=nonsense%21").await.fails(400, "invalid_cursor");
    house.get("/api/platform/accounts?cursor=%ff%00").await.is(400);
    house.get("/api/platform/accounts?colour=red").await.fails(400, "unknown_field");
    house.get(path).await.is(200);
}

#[tokio::test]
async fn path_tricks_lead_nowhere() {
    let house = House::start().await;
    for path in [
        "/api/platform/accounts/..%2f..%2fhealth",
        "/api/platform/accounts/%2e%2e/clusters",
        "/api//platform/accounts",
        "/api/platform/accounts/acme%00",
        "/api/platform/accounts/%ff",
        "/api/platform/accounts/../clusters",
        "/api/nowhere",
    ] {
        let answer = raw(&house, path).await;
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(status == 400 || status == 404, "{path}: {answer}");
    }
    let wrong = house.request(reqwest::Method::PATCH, "/api/platform/accounts", None, None).await;
    assert_eq!(wrong.status, 405);
    assert!(wrong.headers.contains_key("allow"));
    house.get("/health").await.is(200);
}

/// A request with the path exactly as written.
async fn raw(house: &House, path: &str) -> String {
    let address = house.base().strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let token = house.operator();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
