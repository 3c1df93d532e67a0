//! `Idempotency-Key`: a repeated call gets the first one's answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bnna_tests::bnpd_process::Bnpd;
use bnna_tests::ground::Ground;
use bnna_tests::{Answer, House};
use proxmox_sim::{FaultKind, FaultRule, Moment};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::calls::{call, reads, routes};
use crate::furnished::Furnished;

async fn keyed(house: &House, who: &str, method: &str, path: &str, key: &str, body: Option<&Value>) -> Answer {
    let request = house.http().request(method.parse().unwrap(), format!("{}{path}", house.base()));
    let request = request.header("authorization", who).header("idempotency-key", key);
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string()),
        None => request,
    };
    house.send(request).await
}

fn replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
}

async fn operations_of(house: &House, account: &str) -> usize {
    house.get(&format!("/api/platform/operations?account={account}")).await.is(200).result().as_array().unwrap().len()
}

#[tokio::test]
async fn the_same_call_with_the_same_key_is_done_once_also_at_once_and_after_a_restart() {
    let mut house = House::start().await;
    let who = format!("Bearer {}", house.operator());
    let (path, body) = ("/api/platform/accounts", json!({"slug": "acme"}));
    house.sim("pve-b").inject(FaultRule::always(FaultKind::Latency(Duration::from_millis(100))));
    let (first, second) = tokio::join!(
        keyed(&house, &who, "POST", path, "k-1", Some(&body)),
        keyed(&house, &who, "POST", path, "k-1", Some(&body)),
    );
    house.sim("pve-b").clear_faults();
    let (first, second) = (first.is(201), second.is(201));
    assert_eq!(first.text, second.text);
    assert!(replayed(&first) != replayed(&second), "one did it, the other was told");
    assert_eq!(operations_of(&house, "acme").await, 1);
    let again = keyed(&house, &who, "POST", path, "k-1", Some(&body)).await.is(201);
    assert_eq!((again.text.as_str(), replayed(&again)), (first.text.as_str(), true));

    let other = keyed(&house, &who, "POST", path, "k-1", Some(&json!({"slug": "other"}))).await;
    other.fails(409, "key_reused");
    // That it is no dry run goes without saying.
    let said = keyed(&house, &who, "POST", &format!("{path}?dry_run=0"), "k-1", Some(&body)).await.is(201);
    assert_eq!((said.text.as_str(), replayed(&said)), (first.text.as_str(), true));

    house.restart().await;
    let again = keyed(&house, &who, "POST", path, "k-1", Some(&body)).await.is(201);
    assert_eq!((again.text.as_str(), replayed(&again)), (first.text.as_str(), true));
    assert_eq!(operations_of(&house, "acme").await, 1);
    keyed(&house, &who, "POST", path, "k-2", Some(&body)).await.fails(409, "exists");
}

#[tokio::test]
async fn a_call_that_goes_on_gets_its_operation_and_its_place_again() {
    let house = House::start().await;
    let who = format!("Bearer {}", house.operator());
    house.sim("pve-b").inject(FaultRule::always(FaultKind::Latency(Duration::from_millis(300))));
    let ask = || async {
        let request = house.http().post(format!("{}/api/platform/accounts", house.base()));
        let request = request.header("authorization", &who).header("idempotency-key", "k").header("prefer", "wait=0");
        house.send(request.header("content-type", "application/json").body(r#"{"slug":"acme"}"#)).await
    };
    let (first, again) = (ask().await.is(202), ask().await.is(202));
    assert_eq!(first.result()["operation_id"], again.result()["operation_id"]);
    assert_eq!(first.headers["location"], again.headers["location"]);
    assert!(replayed(&again) && !replayed(&first));
}

#[tokio::test]
async fn keys_belong_to_their_caller_and_refusals_are_not_kept() {
    let furnished = Furnished::start().await;
    let house = &furnished.house;
    let (operator, root) = (furnished.operator(), furnished.root());
    let (path, body) = ("/api/platform/accounts", json!({"slug": "newco"}));
    keyed(house, &operator, "POST", path, "shared", Some(&body)).await.is(201);
    let theirs = keyed(house, &root, "POST", path, "shared", Some(&body)).await.fails(409, "exists");
    assert!(!replayed(&theirs));

    // Nothing was done: once the reason is gone the same key does it.
    let adopt = "/api/platform/accounts/found/adopt";
    keyed(house, &operator, "POST", adopt, "a", Some(&json!({}))).await.fails(404, "not_found");
    house.root("pve-b").pools().create(&"found".parse().unwrap(), None).await.unwrap();
    keyed(house, &operator, "POST", adopt, "a", Some(&json!({}))).await.is(201);
    // A failure that was taken back is no answer either.
    let third = json!({"slug": "third"});
    house.sim("pve-b").inject(FaultRule::always(FaultKind::Status(500, "no room".into())).on("POST", "/access/groups"));
    let failed = keyed(house, &operator, "POST", path, "t", Some(&third)).await;
    assert_eq!(failed.status, 502, "{}", failed.text);
    house.sim("pve-b").clear_faults();
    keyed(house, &operator, "POST", path, "t", Some(&third)).await.is(201);
    // A dry run uses no key up.
    let dry =
        keyed(house, &operator, "POST", &format!("{path}?dry_run=1"), "d", Some(&json!({"slug": "fourth"}))).await;
    assert_eq!(dry.is(200).result()["dry_run"], true);
    keyed(house, &operator, "POST", path, "d", Some(&json!({"slug": "fourth"}))).await.is(201);
}

#[tokio::test]
async fn malformed_keys_are_refused_before_anything_is_done() {
    let house = House::start().await;
    let who = format!("Bearer {}", house.operator());
    let body = json!({"slug": "acme"});
    for key in [&"x".repeat(256), "a b", "", "\"\""] {
        let refused = keyed(&house, &who, "POST", "/api/platform/accounts", key, Some(&body)).await;
        refused.fails(400, "invalid_idempotency_key");
    }
    let request = house.http().post(format!("{}/api/platform/accounts", house.base())).header("authorization", &who);
    let request = request.header("idempotency-key", "a").header("idempotency-key", "b");
    house
        .send(request.header("content-type", "application/json").body(body.to_string()))
        .await
        .fails(400, "bad_request");
    house.get("/api/platform/accounts/acme").await.fails(404, "not_found");
}

#[tokio::test]
async fn a_secret_in_an_answer_is_given_again_and_lies_nowhere_in_clear() {
    let house = House::start().await;
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.is(201);
    let who = format!("Bearer {}", house.operator());
    let path = "/api/platform/accounts/acme/impersonate";
    let first = keyed(&house, &who, "POST", path, "k", Some(&json!({}))).await.is(201);
    let again = keyed(&house, &who, "POST", path, "k", Some(&json!({}))).await.is(201);
    assert_eq!((again.text.as_str(), replayed(&again)), (first.text.as_str(), true));
    assert_eq!(again.headers["cache-control"], "no-store");
    let token = first.result()["token"].as_str().unwrap();
    let tokens = house.get("/api/accounts/acme/tokens").await.is(200);
    assert_eq!(tokens.result().as_array().unwrap().len(), 1, "one token was made");
    let mut files = 0;
    for entry in std::fs::read_dir(house.directory().join("house/store")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "{}", path.display());
            files += 1;
        }
    }
    assert!(files > 0, "no store was looked at");
}

#[tokio::test]
async fn a_repeat_after_a_kill_finds_what_the_first_became_and_starts_nothing() {
    let ground = Ground::new(env!("CARGO_BIN_EXE_bnpd-under-test")).await;
    let bnpd = ground.start().await;
    let ask = |bnpd: &Bnpd, slug: &str, key: &str| {
        let request = bnpd.request(reqwest::Method::POST, "/api/platform/accounts", Some(json!({"slug": slug})));
        request.header("idempotency-key", key).send()
    };
    let answered = ask(&bnpd, "early", "k-early").await.unwrap();
    assert_eq!(answered.status(), 201);
    let answered = answered.text().await.unwrap();

    // Killed while the second cluster is at it: the first call is never answered.
    let (begun, seen) = (Arc::new(Notify::new()), Notify::new());
    let told = Arc::clone(&begun);
    ground.b.watch(Some(Arc::new(move |seen| {
        let at_it = seen.moment == Moment::Arrived && seen.method == "POST" && seen.path == "/pools";
        at_it.then(|| {
            told.notify_one();
            FaultKind::Latency(Duration::from_secs(1))
        })
    })));
    let lost = async {
        let answer = ask(&bnpd, "acme", "k").await;
        seen.notify_one();
        answer
    };
    let (lost, ()) = tokio::join!(lost, async {
        begun.notified().await;
        bnpd.kill();
        seen.notified().await;
    });
    assert!(lost.is_err(), "it was answered after all");
    bnpd.gone().await;
    ground.b.watch(None);

    let bnpd = ground.start().await;
    let again = ask(&bnpd, "early", "k-early").await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.text().await.unwrap(), answered, "what was answered is answered so for ever");
    let told = ask(&bnpd, "acme", "k").await.unwrap().text().await.unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    let id = told["result"]["operation_id"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned();
    bnpd.quiet().await;
    let told = ask(&bnpd, "acme", "k").await.unwrap().text().await.unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["result"]["operation_id"], id.as_str());
    let all = bnpd.get("/api/platform/operations?account=acme").await.is(200);
    assert_eq!(all.result().as_array().unwrap().len(), 1, "{}", all.text);
    assert_eq!(all.result()[0]["state"], "done");
}

/// How a power order can come to nothing that anybody knows of.
fn unknown_outcomes() -> Vec<FaultKind> {
    vec![
        FaultKind::ResetBeforeRead,
        FaultKind::ResetAfterRead,
        FaultKind::ResetAfterDone,
        FaultKind::TruncatedBody,
        FaultKind::WrongContentType,
        FaultKind::Html,
        FaultKind::Status(596, "Connection timed out".to_owned()),
    ]
}

#[tokio::test]
async fn a_power_order_that_may_have_been_given_is_not_given_again_by_a_repeat() {
    let furnished = Furnished::start().await;
    let (house, operator) = (&furnished.house, furnished.operator());
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    let sim = house.sim("pve-a");
    sim.watch(Some(Arc::new(move |seen| {
        let order = seen.moment == Moment::Arrived && seen.method == "POST" && seen.path.contains("/status/");
        if order {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        None
    })));
    let given = || orders.swap(0, Ordering::SeqCst);
    for verb in ["start", "stop", "shutdown", "reboot"] {
        let vmid = if verb == "start" { furnished.free } else { furnished.running };
        let path = format!("/api/instances/{vmid}/{verb}?cluster=pve-a");
        let ask = async |key: &str| keyed(house, &operator, "POST", &path, key, Some(&json!({}))).await;
        let as_before = sim.with_state(|state| state.clone());
        for (number, fault) in unknown_outcomes().into_iter().enumerate() {
            let (case, key) = (format!("{verb} with {fault:?}"), format!("{verb}-{number}"));
            sim.with_state(|state| *state = as_before.clone());
            sim.inject(FaultRule::once(fault).on("POST", "/nodes/"));
            let first = ask(&key).await;
            sim.clear_faults();
            assert!(first.status >= 500 && given() == 1, "{case}: {}", first.text);
            assert_eq!(first.body["details"]["perhaps_done"], true, "{case}: {}", first.text);
            let again = ask(&key).await;
            assert_eq!((again.status, again.text.as_str()), (first.status, first.text.as_str()), "{case}");
            assert!(replayed(&again) && given() == 0, "{case}: the repeat has given the order again");
        }
        // What certainly did nothing is done by a repeat: the cluster refused, or something else failed before the order.
        let refusal = FaultKind::Status(500, "no".to_owned());
        for (method, path, sent) in [("POST", "/nodes/", 1), ("GET", "/cluster/resources", 0)] {
            sim.with_state(|state| *state = as_before.clone());
            sim.inject(FaultRule::always(refusal.clone()).on(method, path));
            let key = format!("{verb} {path}").replace(' ', "-");
            let refused = ask(&key).await;
            sim.clear_faults();
            assert!(refused.status >= 500 && given() == sent, "{key}: {}", refused.text);
            let again = ask(&key).await.is(202);
            assert!(!replayed(&again) && given() == 1, "{key}");
        }
        sim.with_state(|state| *state = as_before);
    }
}

/// Every route that changes something keeps its answer, and its description says so.
#[tokio::test]
async fn every_route_takes_a_key() {
    let document = bnna_api_platform::document();
    for route in routes().iter().filter(|route| !reads(route)) {
        let method = route.method.as_str().to_ascii_lowercase();
        let parameters = document["paths"][&route.path][&method]["parameters"].as_array().unwrap();
        for (name, place) in [("Idempotency-Key", "header"), ("dry_run", "query")] {
            let named = parameters.iter().any(|parameter| parameter["name"] == name && parameter["in"] == place);
            assert!(named, "{method} {}: {name} is not described", route.path);
        }
    }
    let furnished = Furnished::start().await;
    let (_, token) = furnished.tenant("acme").await;
    let operator = furnished.operator();
    for route in routes().iter().filter(|route| !reads(route)) {
        // What ends things comes on things of its own.
        let slug = match (route.method.as_str(), route.path.as_str()) {
            ("DELETE", "/api/platform/accounts/{slug}") => "globex",
            (_, "/api/platform/accounts/{slug}/disable" | "/api/platform/accounts/{slug}/suspend") => "slow",
            _ => "acme",
        };
        let call = call(route, &furnished, slug, token);
        let (method, body) = (route.method.as_str(), call.body.as_ref());
        let first = keyed(&furnished.house, &operator, method, &call.path, "every", body).await;
        let again = keyed(&furnished.house, &operator, method, &call.path, "every", body).await;
        if (200..300).contains(&first.status) {
            assert!(replayed(&again) && again.text == first.text, "{method} {}: {}", call.path, again.text);
        } else {
            // Another call before it has ended what it was about.
            assert!(matches!(first.status, 404 | 409), "{method} {}: {}", call.path, first.text);
            assert!(!replayed(&again), "{method} {}", call.path);
        }
    }
}
