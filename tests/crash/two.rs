//! Two bnpd processes on one store do not run one operation twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bnna_store::{Options, Store};
use bnna_tests::bnpd_process::Bnpd;
use bnna_tests::checker::check;
use bnna_tests::ground::{A, Ground};
use reqwest::Method;
use serde_json::json;

use crate::BNPD;

/// The log of all operations, a line each, in the order in which it was written.
async fn steps(ground: &Ground) -> Vec<String> {
    let store = Store::open(Options::new(bnpd::compose::store_file(&ground.store()))).await.unwrap();
    let query = "SELECT operation_id || ' ' || step || ' ' || phase || ' ' || state || ' ' || fence AS line \
                 FROM operation_steps ORDER BY seq";
    let rows = store.read(move |sql| sql.query(query, &[])).await.unwrap();
    store.close().await;
    rows.iter().map(|row| row.get::<String>("line").unwrap()).collect()
}

async fn create(bnpd: &Bnpd, slug: &str) {
    bnpd.post("/api/platform/accounts", json!({ "slug": slug })).await.is(201);
}

async fn agree(ground: &Ground, bnpd: &Bnpd) {
    let odd = check(ground, bnpd, |_| false).await;
    assert!(odd.is_empty(), "{}", odd.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_living_processes_each_runs_what_it_began() {
    let ground = Ground::new(BNPD).await;
    let (one, two) = tokio::join!(ground.start(), ground.start());
    let slugs: Vec<String> = (0..8).map(|number| format!("acme{number}")).collect();
    let made = slugs.iter().enumerate().map(|(at, slug)| create(if at % 2 == 0 { &one } else { &two }, slug));
    futures::future::join_all(made).await;
    let deleted = slugs.iter().enumerate().take(4).map(|(at, slug)| {
        let bnpd = if at % 2 == 0 { &two } else { &one };
        async move {
            let answer = bnpd.ask(Method::DELETE, &format!("/api/platform/accounts/{slug}"), None).await;
            answer.unwrap().is(200);
        }
    });
    futures::future::join_all(deleted).await;
    agree(&ground, &one).await;
    agree(&ground, &two).await;
    let steps = steps(&ground).await;
    assert!(steps.iter().all(|line| line.ends_with(" 1")), "an operation changed hands: {steps:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stopped_process_left_is_taken_over_and_it_writes_nothing_more() {
    let ground = Ground::new(BNPD).await;
    let one = Arc::new(ground.start().await);
    one.order("hold 8").await;
    let asked = tokio::spawn({
        let one = Arc::clone(&one);
        async move { one.ask(Method::POST, "/api/platform/accounts", Some(json!({ "slug": "acme" }))).await }
    });
    assert!(one.said.wait(0, |line| line.starts_with("held ")).await.is_some());
    one.signal("STOP");
    let two = ground.start().await;
    let open = two.get("/api/platform/operations?finished=false").await;
    assert_eq!(
        open.result().as_array().map(Vec::len),
        Some(1),
        "it is not over, and its lease is not either: {}",
        open.text
    );
    // For the second process the lease ends now: the first one has not renewed it for a minute.
    two.order("clock 60000").await;
    two.quiet().await;
    agree(&ground, &two).await;
    let before = steps(&ground).await;
    one.signal("CONT");
    one.order("go").await;
    let answer = asked.await.unwrap().expect("an answer");
    assert_eq!(answer.status, 201, "whoever asked the first process hears how it ended: {}", answer.text);
    create(&one, "globex").await;
    let after = steps(&ground).await;
    assert_eq!(after[..before.len()], before[..]);
    let late: Vec<&String> =
        after[before.len()..].iter().filter(|line| before[0].split(' ').next() == line.split(' ').next()).collect();
    assert!(late.is_empty(), "the first process has written about an operation that is not its own any more: {late:?}");
    agree(&ground, &two).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_process_left_is_taken_over_by_a_living_one_without_waiting_for_the_lease() {
    let ground = Ground::new(BNPD).await;
    let (one, two) = (Arc::new(ground.start().await), ground.start().await);
    one.order("hold 5").await;
    let asked = tokio::spawn({
        let one = Arc::clone(&one);
        async move { one.ask(Method::POST, "/api/platform/accounts", Some(json!({ "slug": "acme" }))).await }
    });
    assert!(one.said.wait(0, |line| line.starts_with("held ")).await.is_some());
    one.kill();
    assert!(asked.await.unwrap().is_none());
    ground.went_unanswered();
    two.quiet().await;
    agree(&ground, &two).await;
    two.get("/api/platform/accounts/acme").await.is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_one_rotates_is_in_use_in_the_other_before_the_old_one_is_deleted() {
    let ground = Ground::new(BNPD).await;
    let (one, two) = tokio::join!(ground.start(), ground.start());
    let path = format!("/api/platform/clusters/{A}/operator-token");
    let over = AtomicBool::new(false);
    let rotated = async {
        let rotated = one.ask(Method::PUT, &path, Some(json!({}))).await.unwrap().is(200);
        over.store(true, Ordering::SeqCst);
        rotated
    };
    let looked = async {
        let mut times = 0;
        while !over.load(Ordering::SeqCst) {
            let listed = two.get("/api/platform/clusters").await.is(200);
            for cluster in listed.result().as_array().unwrap() {
                assert_eq!(cluster["operator_token"]["ok"], true, "it lost its token for a moment: {}", listed.text);
            }
            times += 1;
        }
        times
    };
    let (rotated, times) = tokio::join!(rotated, looked);
    assert!(times > 0 && rotated.result()["deleted"].is_string(), "{}", rotated.text);
    create(&two, "acme").await;
    create(&one, "globex").await;
    agree(&ground, &two).await;
}
