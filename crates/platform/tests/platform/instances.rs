//! Guests: finding, listing, power, destroying, adopting.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use bnna_auth::Grant;
use bnna_core::AccountStatus::{Active, Suspended};
use bnna_platform::instances::{AdoptInstanceRequest, InstanceFilter, PowerRequest};
use bnna_platform::views::{InstanceRemoved, PowerAction, PowerAnswer};
use bnna_platform::{Error, Run};
use proxmox_sim::guests::GuestKind;
use proxmox_sim::{FaultKind, FaultRule, Moment, Seen};

use crate::support::cluster::{self, look, runs};
use crate::support::{A, AT_ONCE, B, Names, PATIENCE, Site, actor, done, eventually, refused, vmid};

/// Guest 100 is on both clusters, 101 on a node that is down, 102 locked, 103 running, 104 stopped, 105 a template; 110 is a
/// container that runs.
async fn guests() -> Site {
    let site = Site::start().await;
    site.b.with_state(|state| cluster::guest(state, 100, GuestKind::Qemu, "b1", None));
    site.a.with_state(|state| {
        cluster::guest(state, 100, GuestKind::Qemu, "a1", None);
        cluster::guest(state, 101, GuestKind::Qemu, "a3", None);
        cluster::guest(state, 102, GuestKind::Qemu, "a1", None);
        cluster::option(state, 102, "lock", "backup");
        cluster::guest(state, 103, GuestKind::Qemu, "a2", None);
        cluster::running(state, 103);
        cluster::guest(state, 104, GuestKind::Qemu, "a2", None);
        cluster::guest(state, 105, GuestKind::Qemu, "a1", None);
        cluster::option(state, 105, "template", "1");
        cluster::guest(state, 110, GuestKind::Lxc, "a1", None);
        cluster::running(state, 110);
        state.set_node_online("a3", false);
    });
    site
}

fn order(action: PowerAction, number: u32) -> PowerRequest {
    PowerRequest { vmid: vmid(number), cluster: None, action, timeout: None, force_stop: false }
}

async fn power(site: &Site, action: PowerAction, number: u32) -> Result<PowerAnswer, Error> {
    site.platform.power(&actor(), &Grant::internal(), order(action, number)).await
}

async fn destroy(site: &Site, number: u32, force: bool) -> Result<Run<InstanceRemoved>, Error> {
    site.platform.destroy_instance(&actor(), &Grant::internal(), vmid(number), None, force, PATIENCE).await
}

#[tokio::test]
async fn a_stopped_guest_is_started_and_its_task_known() {
    let site = guests().await;
    let answer = power(&site, PowerAction::Start, 104).await.unwrap();
    assert_eq!((answer.changed, answer.cluster.as_str(), answer.node.as_str()), (true, A, "a2"));
    let upid = answer.upid.unwrap();
    let task = eventually("the task ends", || async {
        let task = site.platform.task(&upid, None).await.unwrap();
        task.ok.is_some().then_some(task)
    })
    .await;
    assert_eq!((task.kind.as_str(), task.id.as_str(), task.ok), ("qmstart", "104", Some(true)));
    assert_eq!(runs(&site.a, 104), Some(true));
}

#[tokio::test]
async fn a_guest_in_that_state_already_stays_as_it_is() {
    let site = guests().await;
    for (action, number) in
        [(PowerAction::Start, 103), (PowerAction::Start, 110), (PowerAction::Stop, 104), (PowerAction::Shutdown, 104)]
    {
        let answer = power(&site, action, number).await.unwrap();
        assert_eq!((answer.changed, answer.upid), (false, None), "{action:?} {number}");
    }
}

#[tokio::test]
async fn starting_a_guest_of_a_node_that_is_down_is_the_clusters_failure() {
    let site = guests().await;
    let error = refused(power(&site, PowerAction::Start, 101).await);
    assert!(matches!(&error, Error::Upstream(upstream) if upstream.system == A), "{error:?}");
    assert!(error.to_string().contains("No route to host"), "{error}");
}

#[tokio::test]
async fn a_locked_guest_is_refused_with_its_lock() {
    let site = guests().await;
    for action in [PowerAction::Start, PowerAction::Stop, PowerAction::Shutdown, PowerAction::Reboot] {
        let error = refused(power(&site, action, 102).await);
        assert_eq!(error.code(), "state");
        assert_eq!(error.details().unwrap()["lock"], "backup");
    }
    assert_eq!(refused(destroy(&site, 102, true).await).code(), "state");
}

#[tokio::test]
async fn a_number_on_two_clusters_is_ambiguous_until_one_is_named() {
    let site = guests().await;
    let error = refused(power(&site, PowerAction::Start, 100).await);
    assert_eq!(error.code(), "ambiguous");
    assert_eq!(error.details().unwrap()["clusters"], serde_json::json!([A, B]));
    assert_eq!(refused(destroy(&site, 100, false).await).code(), "ambiguous");
    let named = PowerRequest { cluster: Some(B.to_owned()), ..order(PowerAction::Start, 100) };
    let answer = site.platform.power(&actor(), &Grant::internal(), named).await.unwrap();
    assert_eq!((answer.cluster.as_str(), answer.changed), (B, true));
    eventually("it runs", || async { (runs(&site.b, 100) == Some(true)).then_some(()) }).await;
    assert_eq!(runs(&site.a, 100), Some(false));
}

#[tokio::test]
async fn a_number_that_nobody_has_is_not_found() {
    let site = guests().await;
    assert_eq!(refused(power(&site, PowerAction::Start, 999).await).code(), "not_found");
    let unknown = PowerRequest { cluster: Some("gamma.example.net".to_owned()), ..order(PowerAction::Start, 103) };
    let error = refused(site.platform.power(&actor(), &Grant::internal(), unknown).await);
    assert_eq!(error.code(), "not_found");
}

#[tokio::test]
async fn a_silent_cluster_could_have_the_number_too() {
    let site = guests().await;
    crate::support::down(&site.b);
    let error = refused(power(&site, PowerAction::Start, 104).await);
    assert_eq!(error.code(), "upstream");
    assert!(error.to_string().contains(B), "{error}");
    let named = PowerRequest { cluster: Some(A.to_owned()), ..order(PowerAction::Start, 104) };
    assert!(site.platform.power(&actor(), &Grant::internal(), named).await.unwrap().changed);
}

#[tokio::test]
async fn what_does_not_run_is_not_rebooted_and_a_template_not_started() {
    let site = guests().await;
    assert_eq!(refused(power(&site, PowerAction::Reboot, 104).await).code(), "state");
    assert_eq!(refused(power(&site, PowerAction::Start, 105).await).code(), "state");
    let answer = power(&site, PowerAction::Reboot, 110).await.unwrap();
    assert!(answer.changed && answer.upid.is_some());
    let wrong = PowerRequest { timeout: Some(0), ..order(PowerAction::Shutdown, 103) };
    let error = refused(site.platform.power(&actor(), &Grant::internal(), wrong).await);
    assert_eq!(error.code(), "invalid_timeout");
}

#[tokio::test]
async fn guests_of_a_suspended_account_stay_as_they_are() {
    let site = guests().await;
    site.create("acme").await;
    site.a.with_state(|state| state.join_pool(104, Some("acme")));
    site.status("acme", Suspended).await;
    for error in [refused(power(&site, PowerAction::Start, 104).await), refused(destroy(&site, 104, true).await)] {
        assert_eq!(error.code(), "account_suspended");
    }
    assert_eq!(runs(&site.a, 104), Some(false));
    site.status("acme", Active).await;
    assert!(power(&site, PowerAction::Start, 104).await.unwrap().changed);
}

#[tokio::test]
async fn destroying_removes_the_guest_its_membership_and_its_record() {
    let site = guests().await;
    site.create("acme").await;
    site.a.with_state(|state| state.join_pool(104, Some("acme")));
    let removed = done(destroy(&site, 104, false).await);
    assert_eq!((removed.vmid, removed.cluster.as_str()), (104, A));
    assert_eq!(removed.removed, ["guest", "record"]);
    assert!(removed.upid.is_some());
    assert_eq!(runs(&site.a, 104), None);
    site.a.with_state(|state| assert!(!state.pools["acme"].vms.contains(&104)));
    assert_eq!(refused(destroy(&site, 104, false).await).code(), "not_found");
}

#[tokio::test]
async fn a_running_guest_is_destroyed_by_force_only_and_a_protected_one_never() {
    let site = guests().await;
    assert_eq!(refused(destroy(&site, 103, false).await).code(), "running");
    site.a.with_state(|state| cluster::option(state, 110, "protection", "1"));
    for force in [false, true] {
        assert_eq!(refused(destroy(&site, 110, force).await).code(), "state");
    }
    done(destroy(&site, 103, true).await);
    assert_eq!((runs(&site.a, 103), runs(&site.a, 110)), (None, Some(true)));
}

#[tokio::test]
async fn a_guest_of_which_only_the_record_is_left_is_missing_and_can_be_dropped() {
    let site = guests().await;
    site.create("acme").await;
    done(adopt(&site, 104, "acme", None).await);
    site.a.with_state(|state| {
        state.guests.remove(104);
        state.pools.get_mut("acme").unwrap().vms.remove(&104);
    });
    let listed = site.platform.instances(&Default::default()).await.unwrap();
    let missing = listed.items.iter().find(|guest| guest.vmid == 104).unwrap();
    assert_eq!((missing.status.as_str(), missing.node.as_deref()), ("missing", None));
    assert_eq!(missing.account_slug.as_deref(), Some("acme"));
    assert_eq!(refused(power(&site, PowerAction::Start, 104).await).code(), "not_found");
    let removed = done(destroy(&site, 104, false).await);
    assert_eq!((removed.removed, removed.upid), (vec!["record".to_owned()], None));
    let listed = site.platform.instances(&Default::default()).await.unwrap();
    assert!(listed.items.iter().all(|guest| guest.vmid != 104));
}

async fn adopt(
    site: &Site,
    number: u32,
    slug: &str,
    bunch: Option<&str>,
) -> Result<Run<bnna_platform::views::InstanceView>, Error> {
    let asked = AdoptInstanceRequest {
        vmid: vmid(number),
        cluster: None,
        account: slug.parse_slug(),
        bunch: bunch.map(str::to_owned),
    };
    site.platform.adopt_instance(&actor(), &Grant::internal(), asked, PATIENCE).await
}

#[tokio::test]
async fn an_adopted_guest_is_in_the_accounts_pool_and_marked() {
    let site = guests().await;
    site.create("acme").await;
    site.create("other").await;
    let view = done(adopt(&site, 103, "acme", None).await);
    assert!(view.adopted && view.managed && view.status == "running");
    assert_eq!((view.account_slug.as_deref(), view.bunch.as_deref()), (Some("acme"), Some("acme")));
    site.a.with_state(|state| assert!(state.pools["acme"].vms.contains(&103)));
    let before = look(&site.a);
    assert_eq!(refused(adopt(&site, 103, "other", None).await).code(), "in_use");
    assert_eq!(refused(adopt(&site, 104, "nobody", None).await).code(), "not_found");
    assert_eq!(refused(adopt(&site, 104, "acme", Some("other")).await).code(), "invalid_bunch");
    assert_eq!(refused(adopt(&site, 999, "acme", None).await).code(), "not_found");
    assert_eq!(look(&site.a), before);
    done(adopt(&site, 103, "acme", None).await);
    assert_eq!(look(&site.a), before, "again is nothing new");
}

#[tokio::test]
async fn guests_can_be_picked_from_the_list() {
    let site = guests().await;
    site.create("acme").await;
    site.a.with_state(|state| {
        state.join_pool(103, Some("acme"));
        cluster::guest(state, 1_104_051, GuestKind::Lxc, "a1", Some("acme"));
    });
    let list = |filter: InstanceFilter| {
        let site = &site;
        async move {
            let listed = site.platform.instances(&filter).await.unwrap();
            listed.items.into_iter().map(|guest| (guest.cluster, guest.vmid)).collect::<Vec<_>>()
        }
    };
    let a = |number: u32| (A.to_owned(), number);
    let mine = InstanceFilter { account: Some("acme".to_owned()), ..Default::default() };
    assert_eq!(list(mine).await, [a(103), a(1_104_051)]);
    let there = InstanceFilter { cluster: Some(B.to_owned()), ..Default::default() };
    assert_eq!(list(there).await, [(B.to_owned(), 100)]);
    let running = InstanceFilter {
        status: Some("running".to_owned()),
        kind: Some(bnna_core::GuestKind::Qemu),
        ..Default::default()
    };
    assert_eq!(list(running).await, [a(103)]);
    let here = InstanceFilter { node: Some("a2".to_owned()), managed: Some(false), ..Default::default() };
    assert_eq!(list(here).await, [a(104)]);
    let all = site.platform.instances(&Default::default()).await.unwrap();
    let named = all.items.iter().find(|guest| guest.vmid == 1_104_051).unwrap();
    assert_eq!(named.ip.as_deref(), Some("10.11.4.51"));
    assert_eq!(named.hostnames.as_ref().unwrap().tls, "tls-10-11-4-51.a.bnna.example");
    assert!(all.items.iter().find(|guest| guest.vmid == 105).unwrap().template);
    let names = site.platform.instance_domains(vmid(1_104_051), None).await.unwrap();
    assert_eq!(names.iter().map(|name| name.kind.as_str()).collect::<Vec<_>>(), ["direct", "direct"]);
}

#[tokio::test]
async fn a_number_given_to_another_guest_meanwhile_is_not_destroyed() {
    let site = guests().await;
    // The guest's own state is asked for before it is destroyed: then somebody else takes the number.
    let slow = FaultKind::Latency(std::time::Duration::from_millis(300));
    site.a.inject(FaultRule::always(slow).on("GET", "/cluster/resources"));
    let taken = async {
        eventually("the destruction is under way", || async {
            let trail = site.trail().await;
            trail.iter().any(|entry| entry.operation_id.is_some()).then_some(())
        })
        .await;
        site.a.with_state(|state| cluster::option(state, 104, "name", "somebody-elses"));
    };
    let (outcome, ()) = tokio::join!(destroy(&site, 104, false), taken);
    assert_eq!(refused(outcome).code(), "state");
    assert_eq!(runs(&site.a, 104), Some(false));
}

/// Begins to destroy 104, lets bnpd die while the cluster is at it, and starts bnpd again.
#[tokio::test]
async fn a_destruction_that_outlives_bnpd_is_waited_for_and_not_begun_again() {
    let mut site = guests().await;
    let orders = count(&site, "DELETE");
    site.a.with_state(|state| state.clock.set_speed(0.0));
    let begun = site.platform.destroy_instance(&actor(), &Grant::internal(), vmid(104), None, false, AT_ONCE).await;
    let Ok(Run::Accepted(id)) = begun else { panic!("{begun:?}") };
    eventually("the cluster is asked to destroy it", || async { (orders.load(SeqCst) == 1).then_some(()) }).await;
    let looks = count(&site, "GET");
    site.restart().await;
    eventually("the new bnpd looks at the tasks", || async { (looks.load(SeqCst) > 3).then_some(()) }).await;
    let again = count(&site, "DELETE");
    site.a.with_state(|state| state.clock.set_speed(20.0));
    let ended = site.ended(id).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
    assert_eq!((runs(&site.a, 104), again.load(SeqCst)), (None, 0));
}

/// Counts the requests of a verb about guest 104 from now on.
fn count(site: &Site, method: &'static str) -> Arc<AtomicUsize> {
    let counted = Arc::new(AtomicUsize::new(0));
    let seen_so_far = Arc::clone(&counted);
    site.a.watch(Some(Arc::new(move |seen: &Seen<'_>| {
        if seen.moment == Moment::Done && seen.method == method && seen.path.starts_with("/nodes/a2/") {
            seen_so_far.fetch_add(1, SeqCst);
        }
        None
    })));
    counted
}
