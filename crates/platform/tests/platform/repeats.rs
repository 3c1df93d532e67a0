//! Requests with an `Idempotency-Key`, up to and over the end of their process.

use bnna_platform::repeats::{Claim, Claimed, KeptAnswer, Repeat};
use bnna_platform::{Actor, Run};
use bnna_store::Window;
use serde_json::json;

use crate::support::{AT_ONCE, Names as _, PATIENCE, Site, account, actor, done, refused};

fn repeat(key: &str) -> Repeat {
    Repeat {
        key: key.to_owned(),
        principal: "csvauth:ops~QSY6rqTE".to_owned(),
        route: "POST /api/platform/accounts".to_owned(),
        asked: [7; 32],
    }
}

async fn claim(site: &Site, repeat: &Repeat, request_id: &str) -> Claimed {
    site.platform.claim(repeat, request_id).await.unwrap()
}

async fn first(site: &Site, repeat: &Repeat, request_id: &str) -> Claim {
    match claim(site, repeat, request_id).await {
        Claimed::New(claim) => claim,
        other => panic!("{other:?}"),
    }
}

fn of(claim: &Claim, request_id: &str) -> Actor {
    Actor { request_id: request_id.to_owned(), ..actor().with_claim(Some(claim.id())) }
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_for_its_caller_alone() {
    let mut site = Site::start().await;
    let asked = repeat("k");
    let answer = KeptAnswer {
        status: 201,
        headers: vec![("location".to_owned(), "/x".to_owned())],
        body: r#"{"result":"sehr geheim"}"#.to_owned(),
    };
    let claim_of = first(&site, &asked, "r-1").await;
    assert!(matches!(claim(&site, &asked, "r-2").await, Claimed::Running(None)));
    site.platform.keep_answer(&claim_of, &answer).await.unwrap();
    drop(claim_of);
    site.restart().await;
    assert!(matches!(claim(&site, &asked, "r-3").await, Claimed::Answered(kept) if kept == answer));
    let other = Repeat { asked: [8; 32], ..asked.clone() };
    assert!(matches!(claim(&site, &other, "r-4").await, Claimed::OtherBody));
    let theirs = Repeat { principal: "csvauth:dev~AAAAAAAA".to_owned(), ..asked.clone() };
    first(&site, &theirs, "r-5").await;
    let elsewhere = Repeat { route: "POST /api/platform/accounts/acme/repair".to_owned(), ..asked.clone() };
    first(&site, &elsewhere, "r-6").await;

    let purged = |hours| site.platform.purge(bnna_store::now() + time::Duration::hours(hours));
    assert_eq!(purged(23).await.unwrap().keys, 0);
    assert_eq!(purged(25).await.unwrap().keys, 3);
    first(&site, &asked, "r-7").await;
}

#[tokio::test]
async fn a_request_is_done_once_by_two_processes_over_one_store() {
    let site = Site::start().await;
    let other = site.another().await;
    let asked = repeat("k");
    let mine = first(&site, &asked, "r-1").await;
    assert!(matches!(other.claim(&asked, "r-2").await.unwrap(), Claimed::Running(None)));
    let answer = KeptAnswer { status: 200, headers: Vec::new(), body: "{}".to_owned() };
    site.platform.keep_answer(&mine, &answer).await.unwrap();
    assert!(matches!(other.claim(&asked, "r-3").await.unwrap(), Claimed::Answered(kept) if kept == answer));

    // The other one dies in the middle of a request: the next one is free to do it.
    let asked = repeat("d");
    let Claimed::New(theirs) = other.claim(&asked, "r-4").await.unwrap() else { panic!("a new key") };
    assert!(matches!(claim(&site, &asked, "r-5").await, Claimed::Running(None)));
    let store = other.store().clone();
    other.shutdown(std::time::Duration::ZERO).await;
    drop((theirs, other));
    store.close().await;
    crate::support::eventually("the mark of the dead process goes", || async {
        matches!(claim(&site, &asked, "r-6").await, Claimed::New(_)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_request_that_did_nothing_before_its_process_died_is_done_anew() {
    let mut site = Site::start().await;
    let asked = repeat("k");
    let cut_off = first(&site, &asked, "r-1").await;
    site.restart().await;
    let again = first(&site, &asked, "r-2").await;
    assert_ne!(cut_off.id(), again.id());
    // What was thought dead and is not starts nothing any more.
    let late = site.platform.create_account(&of(&cut_off, "r-1"), account("acme"), PATIENCE).await;
    assert_eq!(refused(late).code(), "in_use");
    let made = done(site.platform.create_account(&of(&again, "r-2"), account("acme"), PATIENCE).await);
    assert_eq!(made.slug, "acme");
    // A panic drops the claim in a process that lives on: the same.
    let dropped = first(&site, &repeat("p"), "r-3").await;
    drop(dropped);
    first(&site, &repeat("p"), "r-4").await;
}

#[tokio::test]
async fn a_request_that_became_an_operation_is_told_it_after_a_crash_and_starts_no_other() {
    let mut site = Site::start().await;
    let asked = repeat("k");
    let cut_off = first(&site, &asked, "r-1").await;
    let run = site.platform.create_account(&of(&cut_off, "r-1"), account("acme"), AT_ONCE).await.unwrap();
    let Run::Accepted(id) = run else { panic!("it is not that quick") };
    assert!(matches!(claim(&site, &asked, "r-2").await, Claimed::Running(Some(known)) if known == id));
    drop(cut_off);
    site.restart().await;
    assert!(matches!(claim(&site, &asked, "r-3").await, Claimed::Became(known) if known == id));
    site.ended(id).await;
    assert!(matches!(claim(&site, &asked, "r-4").await, Claimed::Became(known) if known == id));
    let all = site.platform.operations(Default::default(), Window::all()).await.unwrap();
    assert_eq!(all.items.len(), 1);
}

#[tokio::test]
async fn a_request_whose_operation_failed_unheard_is_done_anew() {
    let mut site = Site::start().await;
    let asked = repeat("k");
    let cut_off = first(&site, &asked, "r-1").await;
    let refusing = proxmox_sim::FaultRule::always(proxmox_sim::FaultKind::Status(500, "no room".to_owned()));
    site.b.inject(refusing.on("POST", "/access/groups"));
    let run = site.platform.create_account(&of(&cut_off, "r-1"), account("acme"), AT_ONCE).await.unwrap();
    let Run::Accepted(id) = run else { panic!("it is not that quick") };
    assert_eq!(site.ended(id).await.state, "undone");
    drop(cut_off);
    site.restart().await;
    site.b.clear_faults();
    let again = first(&site, &asked, "r-2").await;
    done(site.platform.create_account(&of(&again, "r-2"), account("acme"), PATIENCE).await);
}

#[tokio::test]
async fn a_request_that_may_have_done_something_else_is_told_so() {
    let mut site = Site::start().await;
    site.create("acme").await;
    let asked = repeat("k");
    let cut_off = first(&site, &asked, "r-1").await;
    let operating = site.operating("acme").await;
    let key = bnna_core::SettingKey::parse("colour").unwrap();
    site.platform.put_setting(&of(&cut_off, "r-1"), &operating, key, json!("blue")).await.unwrap();
    site.restart().await;
    match claim(&site, &asked, "r-2").await {
        Claimed::CutOff { action, outcome } => {
            assert_eq!((action.as_str(), outcome.as_deref()), ("accounts.settings.put", Some("ok")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_claim_is_given_back_unless_its_work_goes_on_or_is_done() {
    let site = Site::start().await;
    let nothing = first(&site, &repeat("a"), "r-1").await;
    site.platform.release_claim(nothing).await.unwrap();
    first(&site, &repeat("a"), "r-2").await;

    let done_well = first(&site, &repeat("b"), "r-3").await;
    done(site.platform.create_account(&of(&done_well, "r-3"), account("acme"), PATIENCE).await);
    site.platform.release_claim(done_well).await.unwrap();
    assert!(matches!(claim(&site, &repeat("b"), "r-4").await, Claimed::Became(_)));

    crate::support::down(&site.b);
    let undone = first(&site, &repeat("c"), "r-5").await;
    let host = Some(vec![crate::support::B.parse_host()]);
    let asked = bnna_platform::accounts::CreateAccount { clusters: host, ..account("globex") };
    refused(site.platform.create_account(&of(&undone, "r-5"), asked, PATIENCE).await);
    site.platform.release_claim(undone).await.unwrap();
    first(&site, &repeat("c"), "r-6").await;
}
