//! A clock that steps, forward and back, while bnpd works and over a restart. The system's own clock is nobody's to set in a test: the
//! program under test has a clock of its own, which is wrong when it is told to be, by the one function that all times come from.

use std::sync::Arc;

use bnna_tests::checker::check;
use bnna_tests::ground::{A, Ground};
use reqwest::Method;
use serde_json::json;

use crate::{BNPD, health, metric};

const DAY: i64 = 86_400_000;

/// What `/health` says of a clock that is off by so many milliseconds.
fn stepped_by(millis: i64) -> String {
    format!("degraded: the system's clock has stepped by {} s; times may be wrong\n", millis / 1000)
}

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
        // Told while the clock is not what it was, and no longer.
        let told = if step == 0 { "ok".to_owned() } else { stepped_by(step) };
        health(&bnpd, |text| text == told).await;
        metric(&bnpd, "bnna_health_check{check=\"clock\"}", u8::from(step == 0)).await;
    }
    bnpd.order("clock 0").await;
    health(&bnpd, |text| text == "ok").await;
    metric(&bnpd, "bnna_clock_steps_total", 6).await;
    assert!(bnpd.log.all().iter().any(|line| line.contains("the system's clock has stepped")));
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
