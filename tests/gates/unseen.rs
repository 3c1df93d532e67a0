//! A tenant cannot learn that others exist: "not there" and "not yours" are answered alike, by the same amount of work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bnna_tests::Answer;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::calls::{reads, routes};
use crate::furnished::Furnished;

/// An answer without what differs between any two: times, ids of requests, and the name that was asked for.
fn told(answer: &Answer, name: &str) -> (u16, Vec<(String, String)>, Value) {
    let mut body: Value = serde_json::from_str(&answer.text.replace(name, "<name>")).unwrap_or_default();
    if let Some(members) = body.as_object_mut() {
        members.remove("timings");
    }
    let own = ["date", "x-request-id", "content-length"];
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, body)
}

/// A path with what is there and not the caller's, and with what is not there.
struct Pair {
    method: String,
    path: String,
    theirs: String,
    absent: String,
    body: Option<Value>,
}

/// Every route with a parameter, and lists by filter.
fn pairs(furnished: &Furnished, their_token: Uuid) -> Vec<Pair> {
    let nobody = Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0001).to_string();
    let mut pairs = Vec::new();
    for route in routes() {
        let (theirs, absent) = match route.path.as_str() {
            path if path.contains("/tokens/{id}") => (their_token.to_string(), nobody.clone()),
            path if path.contains("{id}") => (furnished.operation.to_string(), nobody.clone()),
            path if path.contains("{vmid}") => (furnished.free.to_string(), "999999998".to_owned()),
            path if path.contains("{host}") => ("pve-a".to_owned(), "pve-z".to_owned()),
            path if path.contains("{slug}") => ("globex".to_owned(), "nobody".to_owned()),
            _ => continue,
        };
        let body = (!reads(&route)).then(|| json!({}));
        let method = route.method.as_str().to_owned();
        let add = |path: String| Pair {
            method: method.clone(),
            path,
            theirs: theirs.clone(),
            absent: absent.clone(),
            body: body.clone(),
        };
        let path = route.path.replace("{key}", "colour");
        if path.contains("{slug}") && path.contains("{id}") {
            // A thing of another account on the own account's path, and on the other account's.
            pairs.push(add(path.replace("{slug}", "acme").replace("{id}", "{}")));
            let (theirs, absent) = ("globex".to_owned(), "nobody".to_owned());
            let path = path.replace("{slug}", "{}").replace("{id}", &their_token.to_string());
            pairs.push(Pair { theirs, absent, ..add(path) });
        } else {
            let parameter =
                ["{slug}", "{id}", "{vmid}", "{host}"].into_iter().find(|name| path.contains(name)).unwrap();
            pairs.push(add(path.replace(parameter, "{}")));
        }
    }
    for list in ["/api/instances", "/api/tasks", "/api/platform/operations", "/api/platform/audit"] {
        pairs.push(Pair {
            method: "GET".to_owned(),
            path: format!("{list}?account={{}}"),
            theirs: "globex".to_owned(),
            absent: "nobody".to_owned(),
            body: None,
        });
    }
    pairs
}

/// How many reads the store has done, once it has stopped counting.
async fn quiet(furnished: &Furnished) -> u64 {
    let mut seen = furnished.store().statistics().reads;
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(4)).await;
        let now = furnished.store().statistics().reads;
        if now == seen {
            return now;
        }
        seen = now;
    }
}

#[tokio::test]
async fn not_there_and_not_yours_look_alike() {
    let furnished = Furnished::start().await;
    let (acme, _) = furnished.tenant("acme").await;
    let (_, their_token) = furnished.tenant("globex").await;
    let asked = Arc::new(AtomicUsize::new(0));
    for host in ["pve-a", "pve-b"] {
        let asked = Arc::clone(&asked);
        furnished.house.sim(host).watch(Some(Arc::new(move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            None
        })));
    }
    // The token's use is noted once a minute; not while it is counted.
    furnished.call(Some(&acme), "GET", "/api/accounts/acme/tokens", None).await.is(200);
    let pairs = pairs(&furnished, their_token);
    assert!(pairs.len() > 30, "{}", pairs.len());
    for pair in pairs {
        let mut seen = Vec::new();
        for name in [&pair.theirs, &pair.absent] {
            let path = pair.path.replace("{}", name);
            let mut reads = u64::MAX;
            let mut answer = None;
            // bnpd reads now and then for itself: the least of several is what the call costs.
            for _ in 0..4 {
                let before = quiet(&furnished).await;
                let got = furnished.call(Some(&acme), &pair.method, &path, pair.body.as_ref()).await;
                reads = reads.min(quiet(&furnished).await - before);
                answer = Some(told(&got, name));
            }
            seen.push((answer, reads));
        }
        assert_eq!(seen[0], seen[1], "{} {}", pair.method, pair.path);
        let status = seen[0].0.as_ref().unwrap().0;
        assert!((400..500).contains(&status), "{} {}: {status}", pair.method, pair.path);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "no cluster was asked for any of it");
}

#[tokio::test]
async fn tokens_that_never_were_have_ended_and_were_revoked_look_alike() {
    let furnished = Furnished::start().await;
    let never = format!("Bearer bn_{}", "a".repeat(44));
    let expired = furnished.odd_tenant(|row| row.expires_at = bnna_store::now()).await;
    let revoked = furnished.odd_tenant(|row| row.revoked_at = Some(bnna_store::now())).await;
    for path in ["/api/accounts/acme/tokens", "/api/accounts/nobody/tokens", "/api/platform/token/inspect"] {
        let mut answers = Vec::new();
        for token in [&never, &expired, &revoked] {
            let answer = furnished.call(Some(token), "GET", path, None).await;
            answers.push(told(&answer, "<none>"));
        }
        assert_eq!(answers[0].0, 401, "{path}");
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{path}: {answers:?}");
    }
}
