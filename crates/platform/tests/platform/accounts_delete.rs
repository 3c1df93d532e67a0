//! Deleting an account: the dry run, what blocks, what stays, and finishing what broke off.

use bnna_auth::Grant;
use bnna_core::{GcAction, GcItem, GcKind, GcOptions, GcReport};
use bnna_platform::accounts::{AdoptAccount, Impersonate};
use bnna_platform::{Error, Run};
use proxmox_sim::guests::GuestKind;
use proxmox_sim::tasks::{Task, TaskFault, TaskFaultKind};
use proxmox_sim::{FaultKind, FaultRule};
use serde_json::json;

use crate::support::cluster::{self, knows_nothing_of, look, runs};
use crate::support::{A, AT_ONCE, B, Names, PATIENCE, Site, actor, done, refused, vmid};

const MADE: u32 = 1_104_051;
const FOUND: u32 = 1_104_052;

/// An account with a guest that bnna made, one that it found, a setting and a token.
async fn furnished() -> Site {
    let site = Site::start().await;
    let made = site.create("acme").await;
    site.a.with_state(|state| {
        cluster::guest(state, MADE, GuestKind::Qemu, "a1", Some("acme"));
        cluster::guest(state, FOUND, GuestKind::Lxc, "a2", Some("acme"));
    });
    record(&site, made.id, MADE).await;
    let account = site.operating("acme").await;
    let key = bnna_core::SettingKey::parse("colour").unwrap();
    site.platform.put_setting(&actor(), &account, key, json!("blue")).await.unwrap();
    site.platform.impersonate(&actor(), &account, Impersonate::default()).await.unwrap();
    site
}

/// Records a guest as made here.
async fn record(site: &Site, account: uuid::Uuid, number: u32) {
    let row = bnna_store::instances::Instance {
        id: uuid::Uuid::now_v7(),
        cluster: A.to_owned(),
        vmid: i64::from(number),
        kind: "qemu".to_owned(),
        account_id: Some(account),
        bunch: Some("acme".to_owned()),
        name: format!("g{number}"),
        adopted: false,
        created_at: bnna_store::now(),
        gone_since: None,
    };
    site.store().write(move |sql| bnna_store::instances::put(sql, &row)).await.unwrap();
}

async fn report(site: &Site, options: GcOptions) -> GcReport {
    let account = site.operating("acme").await;
    site.platform.gc_report(&account.read(), options).await.unwrap()
}

async fn delete(site: &Site, options: GcOptions) -> Result<Run<GcReport>, Error> {
    let account = site.operating("acme").await;
    site.platform.delete_account(&actor(), &account, options, PATIENCE).await
}

fn without_outcome(items: &[GcItem]) -> Vec<GcItem> {
    items.iter().cloned().map(|item| GcItem { outcome: None, ..item }).collect()
}

fn action_on(report: &GcReport, number: u32) -> GcAction {
    report.items.iter().find(|item| item.id == number.to_string()).unwrap().action
}

#[tokio::test]
async fn the_dry_run_and_the_deletion_agree_item_by_item() {
    let site = furnished().await;
    let before = look(&site.a);
    let dry = report(&site, GcOptions::default()).await;
    assert!(dry.dry_run && !dry.blocked);
    assert_eq!(look(&site.a), before, "a dry run changes nothing");
    assert_eq!((action_on(&dry, MADE), action_on(&dry, FOUND)), (GcAction::Delete, GcAction::Detach));
    let done = done(delete(&site, GcOptions::default()).await);
    assert!(!done.dry_run);
    assert_eq!(without_outcome(&done.items), dry.items);
    assert_eq!(done.summary, dry.summary);
    for item in &done.items {
        let expected = if item.action == GcAction::Detach { "detached" } else { "deleted" };
        assert_eq!(item.outcome.as_deref(), Some(expected), "{item:?}");
    }
    assert_eq!(runs(&site.a, MADE), None, "what was made here is gone");
    assert_eq!(runs(&site.a, FOUND), Some(false), "what was found stays");
    assert!(knows_nothing_of(&site.a, "acme") && knows_nothing_of(&site.b, "acme"), "{}", look(&site.a));
    let error = refused(site.platform.account_for_reading(&Grant::internal(), &"acme".parse_slug()).await);
    assert_eq!(error.code(), "not_found");
    site.create("acme").await;
}

#[tokio::test]
async fn tokens_of_a_deleted_account_are_nobodys() {
    let site = furnished().await;
    let account = site.operating("acme").await;
    let token = site.platform.impersonate(&actor(), &account, Impersonate::default()).await.unwrap();
    let credential = bnna_auth::authorization::parse(&format!("Bearer {}", token.token)).unwrap();
    assert!(site.platform.identify(&credential).await.is_ok());
    done(delete(&site, GcOptions::default()).await);
    assert!(site.platform.identify(&credential).await.is_err());
    site.create("acme").await;
    assert!(site.platform.identify(&credential).await.is_err(), "the slug's next account is another one");
}

#[tokio::test]
async fn a_running_guest_blocks_unless_forced() {
    let site = furnished().await;
    site.a.with_state(|state| cluster::running(state, MADE));
    let before = look(&site.a);
    let dry = report(&site, GcOptions::default()).await;
    assert!(dry.blocked && action_on(&dry, MADE) == GcAction::Block);
    let error = refused(delete(&site, GcOptions::default()).await);
    assert_eq!(error.code(), "running");
    let reported: GcReport = serde_json::from_value(error.details().unwrap()["report"].clone()).unwrap();
    assert_eq!(reported.items, dry.items);
    assert_eq!(look(&site.a), before, "nothing was done");
    assert_eq!(site.platform.standing("acme").await.unwrap(), Some(bnna_core::AccountStatus::Active));

    let forced = GcOptions { force: true, ..GcOptions::default() };
    assert!(!report(&site, forced).await.blocked);
    done(delete(&site, forced).await);
    assert_eq!(runs(&site.a, MADE), None);
}

#[tokio::test]
async fn protected_and_locked_guests_always_block() {
    let site = furnished().await;
    for (key, value) in [("protection", "1"), ("lock", "backup")] {
        site.a.with_state(|state| cluster::option(state, MADE, key, value));
        for force in [false, true] {
            let options = GcOptions { force, ..GcOptions::default() };
            assert_eq!(action_on(&report(&site, options).await, MADE), GcAction::Block, "{key}");
            let error = refused(delete(&site, options).await);
            assert_eq!(error.code(), "in_use", "{key}");
        }
        site.a.with_state(|state| state.guests.get_mut(MADE).unwrap().config.remove(key));
    }
    done(delete(&site, GcOptions::default()).await);
}

#[tokio::test]
async fn a_silent_cluster_blocks() {
    let site = furnished().await;
    crate::support::down(&site.b);
    let dry = report(&site, GcOptions::default()).await;
    let silent = dry.items.iter().find(|item| item.cluster.as_deref() == Some(B)).unwrap();
    assert_eq!(silent.action, GcAction::Block);
    refused(delete(&site, GcOptions::default()).await);
    assert!(!knows_nothing_of(&site.a, "acme"));
}

#[tokio::test]
async fn adopted_things_are_deleted_where_that_is_asked_for() {
    let site = furnished().await;
    let options = GcOptions { delete_adopted: true, ..GcOptions::default() };
    assert_eq!(action_on(&report(&site, options).await, FOUND), GcAction::Delete);
    done(delete(&site, options).await);
    assert_eq!((runs(&site.a, MADE), runs(&site.a, FOUND)), (None, None));
}

#[tokio::test]
async fn an_adopted_account_is_only_forgotten() {
    let site = Site::start().await;
    site.a.with_state(|state| {
        cluster::pool(state, "acme");
        cluster::pool(state, "acme/dev");
        cluster::join(state, "acme", "root@pam");
        cluster::grant(state, "/pool/acme", cluster::Subject::Group("acme"), "PVEVMUser");
        cluster::guest(state, FOUND, GuestKind::Lxc, "a2", Some("acme/dev"));
        cluster::running(state, FOUND);
    });
    let before = look(&site.a);
    let asked = AdoptAccount { slug: "acme".parse_slug(), pool: None, cluster: None, display_name: None, email: None };
    done(site.platform.adopt_account(&actor(), asked, PATIENCE).await);
    let dry = report(&site, GcOptions::default()).await;
    assert!(!dry.blocked, "what stays may run");
    assert!(dry.items.iter().all(|item| item.action == GcAction::Detach), "{dry:?}");
    assert!(dry.items.iter().any(|item| item.kind == GcKind::Acl));
    done(delete(&site, GcOptions::default()).await);
    assert_eq!(look(&site.a), before);
    let listed = site.platform.instances(&Default::default()).await.unwrap();
    assert!(listed.items.iter().all(|guest| !guest.managed && !guest.adopted));
}

#[tokio::test]
async fn a_deletion_that_breaks_off_is_finished_by_repeating_it() {
    let site = furnished().await;
    // The second cluster goes down when the first guest is destroyed: everything on it is still to come.
    site.a.inject(FaultRule::always(FaultKind::Latency(std::time::Duration::from_millis(300))).on("DELETE", "/nodes"));
    let outage = async {
        crate::support::eventually("the account is closed", || async {
            let standing = site.platform.standing("acme").await.unwrap();
            (standing == Some(bnna_core::AccountStatus::Disabled)).then_some(())
        })
        .await;
        crate::support::down(&site.b);
    };
    let (outcome, ()) = tokio::join!(delete(&site, GcOptions::default()), outage);
    let error = refused(outcome);
    assert!(error.to_string().contains(B), "{error}");
    assert_eq!(site.platform.standing("acme").await.unwrap(), Some(bnna_core::AccountStatus::Disabled));
    assert_eq!(runs(&site.a, MADE), None, "what was done is done");

    site.a.clear_faults();
    site.b.clear_faults();
    let rest = report(&site, GcOptions::default()).await;
    assert!(rest.items.iter().any(|item| item.cluster.as_deref() == Some(B)), "the rest is still listed: {rest:?}");
    done(delete(&site, GcOptions::default()).await);
    assert!(knows_nothing_of(&site.a, "acme") && knows_nothing_of(&site.b, "acme"));
    site.create("acme").await;
}

#[tokio::test]
async fn a_guest_that_cannot_be_destroyed_is_named_and_still_there() {
    let site = furnished().await;
    let fault = TaskFault {
        kind: Some("qmdestroy".to_owned()),
        id: None,
        times: 1,
        fault: TaskFaultKind::Fail("the storage is read-only".to_owned()),
    };
    site.a.with_state(|state| state.tasks.inject(fault));
    let error = refused(delete(&site, GcOptions::default()).await);
    assert!(error.to_string().contains("the storage is read-only"), "{error}");
    assert_eq!(runs(&site.a, MADE), Some(false));
    done(delete(&site, GcOptions::default()).await);
    assert_eq!(runs(&site.a, MADE), None);
}

#[tokio::test]
async fn a_guest_started_after_the_report_is_not_pulled_away() {
    let site = furnished().await;
    // The clusters take their time while somebody starts the guest.
    let start = async {
        crate::support::eventually("the account is closed", || async {
            let standing = site.platform.standing("acme").await.unwrap();
            (standing == Some(bnna_core::AccountStatus::Disabled)).then_some(())
        })
        .await;
        site.a.with_state(|state| cluster::running(state, MADE));
    };
    site.a.inject(
        FaultRule::always(FaultKind::Latency(std::time::Duration::from_millis(250))).on("GET", "/cluster/resources"),
    );
    let (outcome, ()) = tokio::join!(delete(&site, GcOptions::default()), start);
    let error = refused(outcome);
    assert_eq!(error.code(), "running", "{error}");
    assert_eq!(runs(&site.a, MADE), Some(true));
}

#[tokio::test]
async fn a_record_of_a_guest_that_is_gone_goes_with_the_account() {
    let site = furnished().await;
    site.a.with_state(|state| {
        state.guests.remove(MADE);
        state.pools.get_mut("acme").unwrap().vms.remove(&MADE);
    });
    let dry = report(&site, GcOptions::default()).await;
    assert_eq!(action_on(&dry, MADE), GcAction::Detach);
    done(delete(&site, GcOptions::default()).await);
    let error = refused(site.platform.find_instance(vmid(MADE), None).await);
    assert_eq!(error.code(), "not_found");
}

#[tokio::test]
async fn a_destruction_that_outlives_bnpd_is_waited_for() {
    let mut site = furnished().await;
    site.a.with_state(|state| state.clock.set_speed(0.0));
    let account = site.operating("acme").await;
    let begun = site.platform.delete_account(&actor(), &account, GcOptions::default(), AT_ONCE).await;
    let Ok(Run::Accepted(id)) = begun else { panic!("{begun:?}") };
    crate::support::eventually("the guest is being destroyed", || async {
        let is_destroying = |task: &Task| task.status().is_none() && task.upid.task().kind == "qmdestroy";
        site.a.with_state(|state| state.tasks.iter().any(is_destroying)).then_some(())
    })
    .await;
    site.restart().await;
    // The step was begun again by the new bnpd, and the first task still runs.
    crate::support::eventually("the step is begun again", || async {
        let steps = site.platform.operation(id).await.unwrap().steps;
        steps.iter().any(|step| step.state == "running" && step.attempts == 2).then_some(())
    })
    .await;
    site.a.with_state(|state| state.clock.set_speed(20.0));
    let ended = site.ended(id).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
    assert!(knows_nothing_of(&site.b, "acme"));
    assert_eq!(runs(&site.a, MADE), None);
}
