//! Operations as callers see them: list, steps, cancel, resume, and one at a time on an account.

use std::time::Duration;

use bnna_platform::operations::Filter;
use bnna_platform::{Error, Run};
use bnna_store::Window;
use proxmox_sim::{FaultKind, FaultRule};
use uuid::Uuid;

use crate::support::cluster::look;
use crate::support::{A, AT_ONCE, B, PATIENCE, Site, account, actor, eventually, refused};

/// Begins to create an account; the second cluster takes its time over the pool.
async fn creating(site: &Site) -> Uuid {
    site.b.inject(FaultRule::always(FaultKind::Latency(Duration::from_millis(800))).on("POST", "/pools"));
    match site.platform.create_account(&actor(), account("acme"), AT_ONCE).await {
        Ok(Run::Accepted(id)) => id,
        other => panic!("{other:?}"),
    }
}

/// Waits until the operation is at work on the second cluster.
async fn half_way(site: &Site, id: Uuid) {
    eventually("the first cluster is done", || async {
        let current = site.platform.operation(id).await.unwrap().current;
        current.is_some_and(|step| step.contains(B)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_operation_shows_its_steps_and_progress() {
    let site = Site::start().await;
    let id = creating(&site).await;
    half_way(&site, id).await;
    let seen = site.platform.operation(id).await.unwrap();
    assert_eq!((seen.state.as_str(), seen.account.as_deref(), seen.actor.as_str()), ("running", Some("acme"), "ops"));
    assert!(seen.done > 0 && seen.done < seen.total, "{} of {}", seen.done, seen.total);
    assert!(seen.steps.iter().any(|step| step.name.contains(A) && step.state == "done"));
    let ended = site.ended(id).await;
    assert_eq!((ended.state.as_str(), ended.done), ("done", ended.total));
    let listed = site.platform.operations(Filter::default(), Window::all()).await.unwrap();
    assert_eq!(listed.items.iter().map(|operation| operation.operation_id).collect::<Vec<_>>(), [id]);
    assert!(listed.items[0].steps.is_empty(), "lists are short");
}

#[tokio::test]
async fn a_cancelled_creation_is_undone() {
    let site = Site::start().await;
    let before = (look(&site.a), look(&site.b));
    let id = creating(&site).await;
    half_way(&site, id).await;
    site.platform.cancel_operation(&actor(), id).await.unwrap();
    let ended = site.ended(id).await;
    assert_eq!(ended.state, "undone");
    assert_eq!((look(&site.a), look(&site.b)), before);
    assert!(site.platform.standing("acme").await.unwrap().is_none());
    let error = refused(site.platform.cancel_operation(&actor(), id).await);
    assert_eq!(error.code(), "state");
    assert_eq!(refused(site.platform.cancel_operation(&actor(), Uuid::now_v7()).await).code(), "not_found");
}

#[tokio::test]
async fn a_second_operation_on_the_account_is_refused_with_the_first() {
    let site = Site::start().await;
    site.create("acme").await;
    site.b.inject(FaultRule::always(FaultKind::Latency(Duration::from_millis(500))).on("PUT", "/access/acl"));
    let target = site.operating("acme").await;
    let suspended = bnna_core::AccountStatus::Suspended;
    let run = site.platform.set_account_status(&actor(), &target, suspended, false, AT_ONCE).await.unwrap();
    let Run::Accepted(id) = run else { panic!("{run:?}") };
    let error: Error = refused(site.platform.repair_account(&actor(), &target, PATIENCE).await);
    assert_eq!(error.code(), "in_use");
    assert_eq!(error.details().unwrap()["operation_id"], id.to_string());
    assert_eq!(site.ended(id).await.state, "done");
}

#[tokio::test]
async fn what_a_crash_interrupted_is_finished_after_the_restart() {
    let mut site = Site::start().await;
    let id = creating(&site).await;
    half_way(&site, id).await;
    site.restart().await;
    let ended = site.ended(id).await;
    assert_eq!(ended.state, "done", "{ended:?}");
    for sim in [&site.a, &site.b] {
        sim.with_state(|state| assert!(state.access.acl["/pool/acme"].groups.contains_key("acme")));
    }
    let entry = eventually("the trail has the outcome", || async {
        let entry = site.entry("accounts.create").await;
        (entry.outcome != "started").then_some(entry)
    })
    .await;
    assert_eq!((entry.outcome.as_str(), entry.operation_id), ("ok", Some(id)));
}
