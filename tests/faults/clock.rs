//! A clock that steps, forward and back, while bnpd works and over a restart.

use std::sync::Arc;

use bnna_tests::checker::check;
use bnna_tests::ground::{A, Ground};
use reqwest::Method;
use serde_json::json;

use crate::BNPD;

const DAY: i64 = 86_400_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_steps_back_and_forth_stops_nothing() {
    let ground = Ground::new(BNPD).await;
    let bnpd = Arc::new(ground.start().await);
    let mut number = 0;
    for step in [DAY, -DAY, 0, 3_600_000, -3_600_000] {
        number += 1;
        bnpd.order("hold 4").await;
        let from = bnpd.said.len();
        let body = json!({ "slug": format!("acme{number}"), "clusters": [A] });
        let asked = tokio::spawn({
            let bnpd = Arc::clone(&bnpd);
            async move { bnpd.ask(Method::POST, "/api/platform/accounts", Some(body)).await }
        });
        assert!(bnpd.said.wait(from, |line| line.starts_with("held ")).await.is_some());
        bnpd.order(&format!("clock {step}")).await;
        bnpd.order("go").await;
        asked.await.unwrap().unwrap().is(201);
        bnpd.get(&format!("/api/platform/accounts/acme{number}")).await.is(200);
        assert_eq!(bnpd.get("/health").await.text, "ok");
    }
    let odd = check(&ground, &bnpd, |_| false).await;
    assert!(odd.is_empty(), "{odd:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_in_the_future_is_finished_after_a_restart_in_the_present() {
    let ground = Ground::new(BNPD).await;
    let bnpd = Arc::new(ground.start().await);
    bnpd.order(&format!("clock {DAY}")).await;
    bnpd.order("hold 5").await;
    let asked = tokio::spawn({
        let bnpd = Arc::clone(&bnpd);
        async move { bnpd.ask(Method::POST, "/api/platform/accounts", Some(json!({ "slug": "acme" }))).await }
    });
    assert!(bnpd.said.wait(0, |line| line.starts_with("held ")).await.is_some());
    bnpd.kill();
    assert!(asked.await.unwrap().is_none());
    ground.went_unanswered();
    // Its lease ends tomorrow; its process is gone today.
    let next = ground.start().await;
    next.quiet().await;
    next.get("/api/platform/accounts/acme").await.is(200);
    let odd = check(&ground, &next, |_| false).await;
    assert!(odd.is_empty(), "{odd:?}");
}
