//! Bad input to every route that changes something: a clear refusal each, nothing done, and everybody else is still served.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::calls::{Call, call, reads, routes};
use crate::dry_run::{Asked, rows};
use crate::furnished::Furnished;

/// A request as bytes: head lines beyond the usual ones, and a body.
struct Bad {
    what: &'static str,
    path: String,
    head: String,
    body: Vec<u8>,
    expect: &'static [u16],
}

/// Statuses of a request that is refused for what it is.
const REFUSED: &[u16] = &[400];
/// The same where the path may also lead nowhere.
const LOST: &[u16] = &[400, 404];

fn bad(what: &'static str, call: &Call) -> Bad {
    let body = call.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
    Bad { what, path: call.path.clone(), head: String::new(), body, expect: REFUSED }
}

fn odd_bodies(call: &Call, fields: &[String]) -> Vec<Bad> {
    let Some(good) = &call.body else { return Vec::new() };
    let with = |what, body: Vec<u8>| Bad { body, ..bad(what, call) };
    let mut extended = good.clone();
    extended["zz_unknown"] = json!(1);
    let mut found = vec![
        with("an unknown field", extended.to_string().into_bytes()),
        with("a list", b"[]".to_vec()),
        with("a text", b"\"x\"".to_vec()),
        with("a number", b"7".to_vec()),
        with("nothing that is JSON", b"{".to_vec()),
        with("two values", b"{}{}".to_vec()),
        with("a key twice", b"{\"zz\":1,\"zz\":1}".to_vec()),
        with("a key twice further in", b"{\"value\":{\"a\":1,\"a\":2},\"slug\":\"x\"}".to_vec()),
        with("too deep a nesting", [vec![b'['; 100_000], vec![b']'; 100_000]].concat()),
        with(
            "too deep a nesting in a field",
            format!("{{\"value\":{}1{}}}", "[".repeat(200), "]".repeat(200)).into_bytes(),
        ),
        with("bytes that are no UTF-8", vec![b'{', b'"', 0xff, 0xfe, b'"', b':', b'1', b'}']),
        Bad {
            expect: &[413],
            ..with("too long a body", format!("{{\"slug\":\"{}\"}}", "a".repeat(2 << 20)).into_bytes())
        },
        Bad { expect: &[415], head: "Content-Type: text/plain\r\n".to_owned(), ..bad("another type", call) },
    ];
    // `value` of a setting is any JSON.
    for field in fields.iter().filter(|field| *field != "value") {
        let mut wrong = good.clone();
        wrong[field] = json!([{"a": []}]);
        found.push(with("a field of the wrong type", wrong.to_string().into_bytes()));
    }
    found
}

fn odd_requests(call: &Call) -> Vec<Bad> {
    let with_head = |what, head: &str| Bad { head: head.to_owned(), ..bad(what, call) };
    let joint = if call.path.contains('?') { '&' } else { '?' };
    let with_query = |what, query: &str| Bad { path: format!("{}{joint}{query}", call.path), ..bad(what, call) };
    vec![
        with_query("an unknown parameter", "zz_unknown=1"),
        with_query("a parameter twice", "dry_run=1&dry_run=0"),
        with_query("a broken escape", "dry_run=%zz"),
        with_query("a parameter that is no UTF-8", "dry_run=%ff"),
        with_query("a parameter of another kind", "dry_run=perhaps"),
        with_head("two keys", "Idempotency-Key: a\r\nIdempotency-Key: b\r\n"),
        with_head("too long a key", &format!("Idempotency-Key: {}\r\n", "k".repeat(300))),
        Bad { expect: &[401], ..with_head("two credentials", "Authorization: Bearer x\r\n") },
        Bad { expect: &[400, 431], ..with_head("too long a header", &format!("X-Long: {}\r\n", "x".repeat(1 << 20))) },
        Bad { expect: &[400, 431], ..with_head("too many headers", &"X-Many: x\r\n".repeat(500)) },
        with_head("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        with_head(
            "a length and chunks",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        ),
    ]
}

/// Path tricks in each place of a parameter, and beside.
fn odd_paths(template: &str, call: &Call) -> Vec<Bad> {
    let (path, query) = call.path.split_once('?').map_or((call.path.as_str(), ""), |(path, query)| (path, query));
    let asked = |path: String| if query.is_empty() { path } else { format!("{path}?{query}") };
    let lost = |what, path: String| Bad { path: asked(path), expect: LOST, ..bad(what, call) };
    let mut found = vec![
        lost("a doubled slash", path.replacen("/api/", "/api//", 1)),
        lost("a slash at the end", format!("{path}/")),
        lost("a way up", path.replacen("/api/", "/api/../api/", 1)),
        lost("an encoded way up", path.replacen("/api/", "/api/%2e%2e/api/", 1)),
    ];
    for (at, part) in template.split('/').enumerate() {
        if !part.starts_with('{') {
            continue;
        }
        for (what, trick) in [
            ("dots", ".."),
            ("encoded dots", "%2e%2e"),
            ("an encoded slash", "a%2fb"),
            ("an encoded backslash", "a%5cb"),
            ("a zero", "a%00"),
            ("no UTF-8", "%ff"),
            ("half an escape", "a%4"),
        ] {
            let parts: Vec<&str> =
                path.split('/').enumerate().map(|(place, part)| if place == at { trick } else { part }).collect();
            found.push(lost(what, parts.join("/")));
        }
    }
    found
}

/// Sends it as it is; the status, or nothing where the connection was closed instead.
async fn send(furnished: &Furnished, method: &str, bad: &Bad) -> (Option<u16>, String) {
    let address = furnished.house.base().strip_prefix("http://").unwrap();
    let mut head = format!("{method} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", bad.path);
    head.push_str(&format!("Authorization: {}\r\n", furnished.operator()));
    head.push_str(&bad.head);
    if !bad.body.is_empty() && !bad.head.contains("Content-Length") {
        head.push_str(&format!("Content-Length: {}\r\n", bad.body.len()));
    }
    if !bad.body.is_empty() && !bad.head.contains("Content-Type") {
        head.push_str("Content-Type: application/json\r\n");
    }
    head.push_str("\r\n");
    let exchanged = async {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        // A server that refuses early may close before it has read everything: the answer counts.
        let _ = stream.write_all(&[head.as_bytes(), &bad.body].concat()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let answer =
        tokio::time::timeout(std::time::Duration::from_secs(60), exchanged).await.expect("an answer or an end");
    (answer.split(' ').nth(1).and_then(|status| status.parse().ok()), answer)
}

/// The names of the fields of a route's body, from its description.
fn fields(document: &Value, method: &str, path: &str) -> Vec<String> {
    let body = &document["paths"][path][method.to_ascii_lowercase()]["requestBody"]["content"]["application/json"];
    let Some(name) = body["schema"]["$ref"].as_str().and_then(|name| name.rsplit('/').next()) else {
        return Vec::new();
    };
    let properties = document["components"]["schemas"][name]["properties"].as_object();
    properties.map(|all| all.keys().cloned().collect()).unwrap_or_default()
}

#[tokio::test]
async fn bad_input_to_any_route_is_refused_and_nothing_is_done() {
    let furnished = Furnished::forgiving().await;
    let (_, token) = furnished.tenant("acme").await;
    let document = bnna_api_platform::document();
    let asked = Asked::watch(&furnished);
    let before = rows(&furnished.store()).await;
    let mut tried = 0;
    for route in routes().iter().filter(|route| !reads(route)) {
        let (method, call) = (route.method.as_str(), call(route, &furnished, "acme", token));
        let fields = fields(&document, method, &route.path);
        let all =
            odd_bodies(&call, &fields).into_iter().chain(odd_requests(&call)).chain(odd_paths(&route.path, &call));
        for bad in all {
            let (status, answer) = send(&furnished, method, &bad).await;
            let closed_instead = status.is_none() && bad.expect.iter().any(|status| matches!(status, 413 | 431));
            let as_expected = closed_instead || status.is_some_and(|status| bad.expect.contains(&status));
            let start: String = answer.chars().take(600).collect();
            assert!(as_expected, "{method} {}: {}: {start}", bad.path, bad.what);
            assert!(!answer.contains("panicked"), "{start}");
            tried += 1;
        }
    }
    assert!(tried > 400, "{tried}");
    assert_eq!(asked.changes(), Vec::<String>::new(), "a cluster was changed");
    // A refusal of a use case is in the audit trail; nothing else is anywhere.
    let own = |rows: &str| rows.lines().filter(|row| !row.starts_with("audit: ")).collect::<Vec<_>>().join("\n");
    assert_eq!(own(&rows(&furnished.store()).await), own(&before), "the store was changed");
    furnished.house.get("/api/platform/accounts").await.is(200);
}
