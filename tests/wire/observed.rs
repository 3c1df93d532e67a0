//! What operators and machines see of bnpd: metrics, health, and one request's id from the client to the calls it costs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bnna_tests::House;
use bnna_tests::bnpd_process::How;
use bnna_tests::ground::{A, B, Ground};
use proxmox_sim::{Moment, Sim};
use reqwest::Method;
use serde_json::{Value, json};

/// Names with their kind, labels and meaning, as they stand in what `/metrics` says.
fn names(text: &str) -> String {
    let mut helps = BTreeMap::new();
    let mut kinds = BTreeMap::new();
    let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            helps.insert(name.to_owned(), help.to_owned());
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            kinds.insert(name.to_owned(), kind.to_owned());
        } else if let Some((sample, _)) = line.rsplit_once(' ') {
            let (name, given) = sample.split_once('{').unwrap_or((sample, ""));
            let of = kinds.keys().filter(|known| name.starts_with(known.as_str())).max_by_key(|known| known.len());
            let of = of.unwrap_or_else(|| panic!("{name} has no TYPE"));
            let given = given.trim_end_matches('}').split("\",").filter_map(|pair| pair.split_once("=\""));
            labels
                .entry(of.clone())
                .or_default()
                .extend(given.map(|(label, _)| label.to_owned()).filter(|label| label != "le"));
        }
    }
    let line = |(name, kind): (&String, &String)| {
        let labels = labels.get(name).into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(",");
        format!("{name} {kind} {{{labels}}}\n    {}\n", helps.get(name).map_or("(no help)", String::as_str))
    };
    kinds.iter().map(line).collect()
}

#[tokio::test]
async fn the_names_of_metrics_change_only_on_purpose() {
    let house = House::start().await;
    house.get("/api/instances").await.is(200);
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.is(201);
    house.request(Method::GET, "/api/instances", Some("Bearer nonsense"), None).await.is(401);
    house.get("/nowhere").await.is(404);
    let text = house.get("/metrics").await.is(200).text;
    let found = names(&text);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/metrics.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &found).unwrap();
    }
    assert_eq!(
        found,
        std::fs::read_to_string(&file).unwrap(),
        "UPDATE_GOLDEN=1 cargo test -p bnna-tests --test wire observed"
    );
    for wanted in [
        r#"bnna_http_requests_total{method="GET",route="/api/instances",status="200"}"#,
        r#"bnna_http_requests_total{method="GET",route="none",status="404"}"#,
        r#"bnna_http_requests_total{method="POST",route="/api/platform/accounts",status="201"}"#,
        r#"call="GET /cluster/resources",outcome="ok"}"#,
        r#"bnna_operations{state="done"}"#,
        r#"bnna_health_check{check="store_readable"} 1"#,
        r#"bnna_cluster_answers{cluster="pve-a"} 1"#,
        "bnna_failed_credentials_total ",
        "bnna_refused_addresses_total ",
    ] {
        assert!(text.contains(wanted), "no {wanted} in\n{text}");
    }
    assert!(!text.contains("acme"), "a name of an account is a label");
    assert!(!text.contains("nowhere"), "a path that somebody sent is a label");
}

#[tokio::test]
async fn metrics_are_for_operators() {
    let house = House::start().await;
    house.request(Method::GET, "/metrics", None, None).await.fails(401, "unauthorized");
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.is(201);
    let tenant = house.post("/api/platform/accounts/acme/impersonate", json!({})).await.is(201);
    let tenant = format!("Bearer {}", tenant.result()["token"].as_str().unwrap());
    house.request(Method::GET, "/metrics", Some(&tenant), None).await.fails(403, "forbidden");
    let answer = house.get("/metrics").await.is(200);
    assert!(answer.text.contains("# TYPE bnna_http_requests_total counter"), "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
}

#[tokio::test]
async fn health_says_that_the_store_is_gone_and_that_bnpd_ends() {
    let house = House::start().await;
    let platform = house.demo().daemon().platform().clone();
    let ask = async |path: &str| {
        let answer = house.request(Method::GET, path, None, None).await;
        (answer.status, answer.text)
    };
    for path in ["/health", "/livez", "/readyz"] {
        assert_eq!(ask(path).await, (200, "ok".to_owned()), "{path}");
    }
    platform.store().clone().close().await;
    let mut ready = ask("/readyz").await;
    for _ in 0..200 {
        if ready.0 != 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        ready = ask("/readyz").await;
    }
    assert_eq!(ready, (503, "not ready".to_owned()), "and nothing of what is wrong");
    assert_eq!(ask("/health").await, (503, "the store cannot be read".to_owned()));
    assert_eq!(ask("/livez").await, (200, "ok".to_owned()));
    let metrics = house.get("/metrics").await.is(200);
    assert!(metrics.text.contains("bnna_health_check{check=\"store_readable\"} 0"), "{}", metrics.text);

    let house = House::start().await;
    house.demo().daemon().platform().is_ending();
    let ask = async |path: &str| house.request(Method::GET, path, None, None).await.status;
    assert_eq!((ask("/readyz").await, ask("/health").await, ask("/livez").await), (503, 503, 200));
    house.get("/api/platform/accounts").await.is(200);
}

/// What calls were seen: path and request id.
type Ids = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// The ids of the requests that calls to a cluster were made for.
fn ids(sim: &Sim) -> Ids {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    sim.watch(Some(Arc::new(move |call| {
        if call.moment == Moment::Arrived {
            let id = call.request_id.map(str::to_owned);
            kept.lock().unwrap().push((format!("{} {}", call.method, call.path), id));
        }
        None
    })));
    seen
}

#[tokio::test]
async fn one_id_goes_from_the_client_to_the_calls_and_through_the_log() {
    let ground = Ground::new(env!("CARGO_BIN_EXE_bnpd-under-test")).await;
    let seen = [ids(ground.sim(A)), ids(ground.sim(B))];
    let bnpd = ground.start_with(&How::default().with("BNNA_LOG__FILTER", "info,proxmox_client=debug")).await;
    for calls in &seen {
        calls.lock().unwrap().clear();
    }
    for (method, path, body, id) in [
        (Method::GET, "/api/instances", None, "read-1"),
        (Method::POST, "/api/platform/accounts", Some(json!({"slug": "acme"})), "write-2"),
    ] {
        let answer = bnpd.request(method, path, body).header("x-request-id", id).send().await.unwrap();
        assert!(answer.status().is_success());
        assert_eq!(answer.headers()["x-request-id"], id);
        for calls in &seen {
            let calls = std::mem::take(&mut *calls.lock().unwrap());
            assert!(!calls.is_empty());
            assert!(calls.iter().all(|(_, carried)| carried.as_deref() == Some(id)), "{calls:?}");
        }
        // The answer's line is the last of a request.
        let line = |message: &'static str| {
            bnpd.log
                .wait(0, move |line| line.contains(&format!("\"{message}\"")) && line.contains(&format!("\"{id}\"")))
        };
        let answered: Value = serde_json::from_str(&line("answered").await.unwrap()).unwrap();
        assert_eq!((&answered["span"]["name"], &answered["span"]["request_id"]), (&json!("request"), &json!(id)));
        let call: Value = serde_json::from_str(&line("proxmox call").await.unwrap()).unwrap();
        assert_eq!(call["request_id"], id, "{call}");
    }
    let own = bnpd.get("/api/version").await.is(200);
    assert!(!own.headers["x-request-id"].is_empty(), "a client without an id gets one");
}
