//! A cluster that hangs beside one that is well.

use std::sync::Arc;
use std::time::Duration;

use bnna_auth::Grant;
use bnna_platform::clusters::ClientSettings;
use bnna_platform::instances::{InstanceFilter, PowerRequest};
use bnna_platform::views::PowerAction;
use proxmox_sim::guests::GuestKind;
use proxmox_sim::{FaultKind, FaultRule};

use crate::support::{A, B, Site, actor, clients, cluster, eventually, refused, vmid};

const HANGS: Duration = Duration::from_secs(3600);

/// Two calls at once and four waiting at each cluster, each with half a second.
async fn narrow() -> Site {
    let bounds = ClientSettings { calls: 2, waiting: 4, deadline: Duration::from_millis(500), ..clients() };
    let site = Site::with(bounds).await;
    site.b.with_state(|state| cluster::guest(state, 100, GuestKind::Qemu, "b1", None));
    site
}

#[tokio::test]
async fn a_hanging_cluster_starves_neither_the_others_nor_grows_its_queue() {
    let site = narrow().await;
    site.a.inject(FaultRule::always(FaultKind::Latency(HANGS)));
    let asks = |host: &'static str, times: usize| {
        futures::future::join_all((0..times).map(|_| site.platform.find_instance(vmid(100), Some(host))))
    };
    // A good cluster answers in turn: so many at a time that its queue has room for them.
    let good = async {
        let mut found = 0;
        for _ in 0..20 {
            found += asks(B, 5).await.into_iter().filter(Result::is_ok).count();
        }
        found
    };
    let (hanging, found) = tokio::join!(asks(A, 50), good);
    assert_eq!(found, 100, "the good cluster answers everybody");
    let mut codes = std::collections::BTreeMap::new();
    for outcome in hanging {
        let error = refused(outcome);
        assert!(error.to_string().contains(A), "the cluster is named: {error}");
        *codes.entry(error.code()).or_insert(0) += 1;
    }
    assert!(codes["unavailable"] >= 44, "two under way and four waiting, the others are refused at once: {codes:?}");
    assert!(codes.keys().all(|code| ["unavailable", "upstream_timeout"].contains(&code.as_str())), "{codes:?}");
    let hanging = site.platform.estate().clusters.get(A).unwrap();
    assert_eq!((hanging.depth().running, hanging.depth().waiting), (0, 0), "nothing is left of it");

    let listing = site.platform.instances(&InstanceFilter::default()).await.unwrap();
    assert_eq!((listing.items.len(), listing.warnings[0].cluster.as_str()), (1, A));
}

#[tokio::test]
async fn a_timeout_is_a_timeout_where_nothing_else_answered() {
    let site = narrow().await;
    for sim in [&site.a, &site.b] {
        sim.inject(FaultRule::always(FaultKind::Latency(HANGS)));
    }
    let upid = "UPID:b1:000B1E51:000002C3:69286A6F:qmstart:100:root@pam:";
    let codes = [
        refused(site.platform.instances(&InstanceFilter::default()).await).code(),
        refused(site.platform.nodes().await).code(),
        refused(site.platform.find_instance(vmid(100), None).await).code(),
        refused(site.platform.task(upid, None).await).code(),
    ];
    assert_eq!(codes, ["upstream_timeout"; 4]);
    site.b.clear_faults();
    site.b.inject(FaultRule::always(FaultKind::Html));
    assert_eq!(refused(site.platform.instances(&InstanceFilter::default()).await).code(), "upstream");
}

#[tokio::test]
async fn a_cluster_that_hangs_in_changing_things_is_still_looked_at() {
    let bounds = ClientSettings { calls: 4, waiting: 4, deadline: Duration::from_secs(30), ..clients() };
    let site = Arc::new(Site::with(bounds).await);
    let numbers: Vec<u32> = (100..106).collect();
    site.a.with_state(|state| {
        numbers.iter().for_each(|number| cluster::guest(state, *number, GuestKind::Qemu, "a1", None));
    });
    site.a.inject(FaultRule::always(FaultKind::Latency(HANGS)).on("POST", "/nodes/a1/qemu"));
    let hanging = site.platform.estate().clusters.get(A).unwrap();
    // One after the other: the looks before six orders at once would fill the queue themselves.
    let mut started = Vec::new();
    for number in numbers {
        let (site, vmid) = (Arc::clone(&site), vmid(number));
        let order = PowerRequest {
            vmid,
            cluster: Some(A.to_owned()),
            action: PowerAction::Start,
            timeout: None,
            force_stop: false,
        };
        started.push(tokio::spawn(
            async move { site.platform.power(&actor(), &Grant::internal(), order).await.map(drop) },
        ));
        let (running, waiting) = (started.len().min(2), started.len().saturating_sub(2));
        eventually("the order hangs, or waits for those that do", || async {
            let depth = hanging.depth();
            (depth.running == running && depth.waiting == waiting).then_some(())
        })
        .await;
    }
    // More wait already than may, so that whoever looks gets a turn at once or none.
    for _ in 0..3 {
        let found = site.platform.find_instance(vmid(100), Some(A)).await.unwrap();
        assert!(found.guest.is_some());
    }
    let listed = site.platform.instances(&InstanceFilter::default()).await.unwrap();
    assert!(listed.warnings.is_empty(), "{:?}", listed.warnings);
    assert_eq!(hanging.depth().running, 2);
    started.iter().for_each(tokio::task::JoinHandle::abort);
}
