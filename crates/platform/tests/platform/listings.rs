//! Listings that readers share: how often the clusters are asked, and what a reader may never see.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bnna_auth::Grant;
use bnna_platform::clusters::ClientSettings;
use bnna_platform::instances::{InstanceFilter, PowerRequest};
use bnna_platform::views::PowerAction;
use proxmox_sim::guests::GuestKind;
use proxmox_sim::{FaultKind, FaultRule, Moment, Sim};

use crate::support::{A, B, Names, Site, actor, clients, cluster, eventually, refused, vmid};

/// Clusters whose listings are kept for an hour, with a guest on each.
async fn kept() -> Site {
    let site = Site::with(ClientSettings { listing_age: Duration::from_secs(3600), ..clients() }).await;
    for (sim, node) in [(&site.a, "a1"), (&site.b, "b1")] {
        sim.with_state(|state| cluster::guest(state, 100, GuestKind::Qemu, node, None));
    }
    site
}

/// Counts the listings that a cluster is asked for.
fn listings(sim: &Sim) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    sim.watch(Some(Arc::new(move |seen| {
        if seen.moment == Moment::Arrived && seen.path == "/cluster/resources" {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        None
    })));
    count
}

async fn numbers(site: &Site, filter: InstanceFilter) -> Vec<(String, u32)> {
    let listing = site.platform.instances(&filter).await.unwrap();
    listing.items.into_iter().map(|item| (item.cluster, item.vmid)).collect()
}

async fn status_of(site: &Site, host: &str, number: u32) -> String {
    let listing = site.platform.instances(&InstanceFilter::default()).await.unwrap();
    listing.items.into_iter().find(|item| item.cluster == host && item.vmid == number).unwrap().status
}

#[tokio::test]
async fn concurrent_readers_of_all_kinds_cost_one_listing_of_each_cluster() {
    let site = kept().await;
    let counts = [listings(&site.a), listings(&site.b)];
    let readers =
        (0..50).map(|_| async { site.platform.instances(&InstanceFilter::default()).await.unwrap().items.len() });
    let (seen, nodes, inventory) =
        tokio::join!(futures::future::join_all(readers), site.platform.nodes(), site.platform.inventory());
    assert!(seen.iter().all(|count| *count == 2), "{seen:?}");
    assert_eq!((nodes.unwrap().items.len(), inventory.unwrap().instances), (4, 2));
    assert_eq!(counts.map(|count| count.load(Ordering::SeqCst)), [1, 1]);
}

#[tokio::test]
async fn a_kept_listing_shows_what_bnpd_changes_at_once() {
    let site = kept().await;
    assert_eq!(status_of(&site, A, 100).await, "stopped");
    site.b.with_state(|state| cluster::guest(state, 200, GuestKind::Qemu, "b1", None));
    let all = InstanceFilter::default;
    assert_eq!(numbers(&site, all()).await.len(), 2, "what others do shows when the listing is too old");

    let order = PowerRequest {
        vmid: vmid(100),
        cluster: Some(A.to_owned()),
        action: PowerAction::Start,
        timeout: None,
        force_stop: false,
    };
    let upid = site.platform.power(&actor(), &Grant::internal(), order).await.unwrap().upid.unwrap();
    eventually("the task ends", || async { site.platform.task(&upid, None).await.unwrap().ok }).await;
    assert_eq!(status_of(&site, A, 100).await, "running");
    assert_eq!(numbers(&site, all()).await.len(), 2, "what was kept of the other cluster is as it was");

    site.create("acme").await;
    assert_eq!(numbers(&site, all()).await.len(), 3, "an account is made on both clusters");
}

#[tokio::test]
async fn what_decides_something_looks_at_the_cluster_itself() {
    let site = kept().await;
    assert_eq!(numbers(&site, InstanceFilter::default()).await.len(), 2);
    site.a.with_state(|state| cluster::guest(state, 300, GuestKind::Qemu, "a1", None));
    let found = site.platform.find_instance(vmid(300), None).await.unwrap();
    assert_eq!(found.cluster.host, A);
}

#[tokio::test]
async fn an_accounts_list_of_a_shared_listing_has_only_its_own_guests() {
    let site = kept().await;
    for slug in ["acme", "other"] {
        site.create(slug).await;
    }
    site.a.with_state(|state| {
        cluster::guest(state, 301, GuestKind::Qemu, "a1", Some("acme"));
        cluster::guest(state, 302, GuestKind::Qemu, "a1", Some("other"));
    });
    let of = |slug: &str| InstanceFilter { account: Some(slug.to_owned()), ..InstanceFilter::default() };
    let counts = listings(&site.a);
    let (all, acme, other) = tokio::join!(
        numbers(&site, InstanceFilter::default()),
        numbers(&site, of("acme")),
        numbers(&site, of("other"))
    );
    assert_eq!(all.len(), 4);
    assert_eq!((acme, other), (vec![(A.to_owned(), 301)], vec![(A.to_owned(), 302)]));
    let account = site.platform.account_for_reading(&Grant::internal(), &"acme".parse_slug()).await.unwrap();
    let inventory = site.platform.account_inventory(&account).await.unwrap();
    assert_eq!(inventory.instances.iter().map(|item| item.vmid).collect::<Vec<_>>(), [301]);
    assert!(counts.load(Ordering::SeqCst) >= 1);
}

#[tokio::test]
async fn a_failed_listing_is_asked_for_again_by_the_next_reader() {
    let site = kept().await;
    for sim in [&site.a, &site.b] {
        sim.inject(FaultRule::always(FaultKind::Html).on("GET", "/cluster/resources"));
    }
    let error = refused(site.platform.instances(&InstanceFilter::default()).await);
    assert_eq!(error.code(), "upstream");
    site.b.clear_faults();
    let listing = site.platform.instances(&InstanceFilter::default()).await.unwrap();
    assert_eq!((listing.items.len(), listing.warnings.len()), (1, 1));
    assert_eq!((listing.items[0].cluster.as_str(), listing.warnings[0].cluster.as_str()), (B, A));
    site.a.clear_faults();
    assert_eq!(numbers(&site, InstanceFilter::default()).await.len(), 2);
}
