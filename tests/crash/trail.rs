//! Requests that bnpd was killed in before they became operations, or that never become one: the audit trail says that they were
//! interrupted, and a repeat does not do them again.

use std::sync::Arc;

use bnna_tests::bnpd_process::Bnpd;
use bnna_tests::checker::check;
use bnna_tests::ground::{A, Ground, guest};
use proxmox_sim::{FaultKind, Moment, Seen};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::BNPD;

async fn interrupted(bnpd: &Bnpd) -> Vec<Value> {
    let found = bnpd.get("/api/platform/audit?outcome=interrupted").await.is(200);
    found.result().as_array().unwrap().clone()
}

async fn start_of(bnpd: &Bnpd, vmid: u32, key: &str) -> reqwest::Result<Response> {
    let path = format!("/api/instances/{vmid}/start?cluster={A}");
    bnpd.request(Method::POST, &path, Some(json!({}))).header("idempotency-key", key).send().await
}

/// Kills bnpd at a moment of a power order.
async fn killed_at(ground: &Ground, moment: Moment, vmid: u32, key: &str) {
    let bnpd = Arc::new(ground.start().await);
    let dying = Arc::clone(&bnpd);
    ground.a.watch(Some(Arc::new(move |seen: &Seen<'_>| {
        (seen.method == "POST" && seen.path.contains("/status/") && seen.moment == moment).then(|| {
            dying.kill();
            FaultKind::ResetBeforeRead
        })
    })));
    assert!(start_of(&bnpd, vmid, key).await.is_err(), "it was answered after all");
    ground.went_unanswered();
    ground.a.watch(None);
    bnpd.gone().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_order_that_was_cut_off_is_interrupted_and_not_given_again() {
    let ground = Ground::new(BNPD).await;
    ground.a.with_state(|cluster| [100, 102, 104].map(|vmid| guest(cluster, vmid, "a1", None, false)));
    for (vmid, moment) in [(100, Moment::Arrived), (102, Moment::Read), (104, Moment::Done)] {
        killed_at(&ground, moment, vmid, &format!("k-{vmid}")).await;
    }
    let bnpd = ground.start().await;
    let entries = interrupted(&bnpd).await;
    assert_eq!(entries.len(), 3, "{entries:?}");
    for (entry, vmid) in entries.iter().zip(["104", "102", "100"]) {
        assert_eq!((entry["action"].as_str(), entry["target"].as_str()), (Some("instances.start"), Some(vmid)));
        assert!(entry["error"].as_str().is_some_and(|error| error.contains("look")) && !entry["outcome_at"].is_null());
    }
    for vmid in [100, 102, 104] {
        let again = start_of(&bnpd, vmid, &format!("k-{vmid}")).await.unwrap();
        assert_eq!(again.status(), 409, "whether it was done has to be looked at");
        let told: Value = serde_json::from_str(&again.text().await.unwrap()).unwrap();
        assert_eq!((told["code"].as_str(), told["details"]["outcome"].is_null()), (Some("cut_off"), true), "{told}");
    }
    let odd = check(&ground, &bnpd, |_| false).await;
    assert!(odd.is_empty(), "{odd:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_living_process_is_at_is_not_interrupted() {
    let ground = Ground::new(BNPD).await;
    ground.a.with_state(|cluster| guest(cluster, 100, "a1", None, false));
    let one = ground.start().await;
    let (reached, go) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let told = Arc::clone(&reached);
    ground.a.watch(Some(Arc::new(move |seen: &Seen<'_>| {
        (seen.method == "POST" && seen.path.contains("/status/") && seen.moment == Moment::Arrived).then(|| {
            told.notify_one();
            FaultKind::Latency(std::time::Duration::from_secs(2))
        })
    })));
    let (started, ()) = tokio::join!(
        async {
            let answer = start_of(&one, 100, "k").await.unwrap();
            go.notify_one();
            answer
        },
        async {
            reached.notified().await;
            // Another one starts meanwhile, and finds an entry without an outcome.
            let two = ground.start().await;
            assert!(interrupted(&two).await.is_empty());
            go.notified().await;
        }
    );
    assert_eq!(started.status(), 202);
    let odd = check(&ground, &one, |_| false).await;
    assert!(odd.is_empty(), "{odd:?}");
}
