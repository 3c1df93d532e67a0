//! Clusters: adding, looking, rotating bnpd's token, and being without one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bnna_auth::Grant;
use bnna_platform::clusters::{PutCluster, Trust};
use bnna_platform::{Error, Run};
use proxmox_sim::guests::GuestKind;
use proxmox_sim::{FaultKind, FaultRule, Seen, Sim};
use secrecy::SecretString;
use tokio::sync::Notify;

use crate::support::cluster::{self, documented_role};
use crate::support::{A, B, Names, PATIENCE, SECRET, Site, TOKEN, actor, done, eventually, refused};

fn tokens(sim: &Sim) -> Vec<String> {
    sim.with_state(|state| state.access.users["bnna@pve"].tokens.keys().cloned().collect())
}

fn secret(sim: &Sim, token: &str) -> String {
    sim.with_state(|state| state.access.users["bnna@pve"].tokens[token].secret.0.clone())
}

async fn rotate(site: &Site, given: Option<(&str, &str)>) -> Result<Run<bnna_platform::views::RotatedToken>, Error> {
    let given = given.map(|(id, secret)| (id.to_owned(), SecretString::from(secret)));
    site.platform.rotate_token(&actor(), &Grant::internal(), A.parse_host(), given, PATIENCE).await
}

/// The token that bnpd says it uses, and whether it works.
async fn in_use(site: &Site) -> (String, Option<bool>) {
    let listed = site.platform.clusters().await.unwrap();
    let view = listed.items.into_iter().find(|view| view.host == A).unwrap();
    (view.operator_token.id, view.operator_token.ok)
}

fn nowhere_in_clear(site: &Site, secret: &str) {
    for entry in std::fs::read_dir(site.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} has it in clear", path.display());
        }
    }
}

#[tokio::test]
async fn the_demo_grants_the_documented_role() {
    let site = Site::start().await;
    for sim in [&site.a, &site.b] {
        sim.with_state(|state| {
            assert_eq!(state.access.roles["BnnaOperator"], documented_role());
            let own: Vec<&String> = state
                .access
                .acl
                .iter()
                .filter(|(_, node)| node.users.contains_key("bnna@pve"))
                .map(|(path, _)| path)
                .collect();
            assert_eq!(own, ["/"], "and nothing else is granted");
            assert!(state.access.users["bnna@pve"].password.is_none());
        });
    }
    assert!(!documented_role().contains("Permissions.Modify"));
}

#[tokio::test]
async fn clusters_are_shown_as_they_are() {
    let site = Site::start().await;
    let listed = site.platform.clusters().await.unwrap();
    assert!(listed.warnings.is_empty(), "{:?}", listed.warnings);
    let hosts: Vec<&str> = listed.items.iter().map(|view| view.host.as_str()).collect();
    assert_eq!(hosts, [A, B]);
    let (a, b) = (&listed.items[0], &listed.items[1]);
    assert_eq!(a.nodes, ["a1", "a2", "a3"]);
    assert_eq!((a.quorate, b.quorate, a.reachable), (Some(true), Some(true), true));
    assert_eq!((b.nodes.as_slice(), b.version.as_deref()), (["b1".to_owned()].as_slice(), Some("9.1.6")));
    assert_eq!((a.operator_token.id.as_str(), a.operator_token.ok), (TOKEN, Some(true)));
    let nodes = site.platform.nodes().await.unwrap();
    let names: Vec<&str> = nodes.items.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["a1", "a2", "a3", "b1"]);
    assert!(nodes.items.iter().all(|node| node.version.is_some() && node.status == "online"), "{nodes:?}");
}

#[tokio::test]
async fn an_empty_rotation_makes_a_token_uses_it_and_deletes_the_old_one() {
    let site = Site::start().await;
    let rotated = done(rotate(&site, None).await);
    assert_eq!(rotated.deleted.as_deref(), Some(TOKEN));
    let left = tokens(&site.a);
    assert_eq!(left.len(), 1);
    assert_eq!(rotated.operator_token.id, format!("bnna@pve!{}", left[0]));
    assert_eq!(in_use(&site).await, (rotated.operator_token.id.clone(), Some(true)));
    assert_eq!(tokens(&site.b), ["bnpd"], "the other cluster is not concerned");
    nowhere_in_clear(&site, &secret(&site.a, &left[0]));
    let again = done(rotate(&site, None).await);
    assert_ne!(again.operator_token.id, rotated.operator_token.id);
    assert_eq!(again.deleted, Some(rotated.operator_token.id));
    site.create("acme").await;
}

#[tokio::test]
async fn a_rotated_token_is_in_use_after_a_restart() {
    let mut site = Site::start().await;
    let rotated = done(rotate(&site, None).await);
    site.restart().await;
    assert_eq!(in_use(&site).await, (rotated.operator_token.id.clone(), Some(true)));
    // The configuration still has the first one.
    let settings = crate::support::settings(A, &site.a);
    site.platform.declare_cluster(settings, SecretString::from(SECRET)).await.unwrap();
    assert_eq!(in_use(&site).await, (rotated.operator_token.id, Some(true)));
}

#[tokio::test]
async fn a_given_token_is_verified_and_stored() {
    let site = Site::start().await;
    let other = "00000000-1111-2222-3333-444444444444";
    site.a.with_state(|state| cluster::user(state, "bnna@pve", "second", other));
    let wrong = refused(rotate(&site, Some(("bnna@pve!second", "99999999-1111-2222-3333-444444444444"))).await);
    assert!(wrong.code().starts_with("upstream"), "{wrong:?}");
    assert_eq!(in_use(&site).await, (TOKEN.to_owned(), Some(true)), "the old one stays in use");
    let malformed = refused(rotate(&site, Some(("no token", other))).await);
    assert_eq!(malformed.code(), "invalid_token_id");
    let rotated = done(rotate(&site, Some(("bnna@pve!second", other))).await);
    assert_eq!((rotated.operator_token.id.as_str(), rotated.deleted), ("bnna@pve!second", None));
    assert_eq!(in_use(&site).await, ("bnna@pve!second".to_owned(), Some(true)));
    assert_eq!(tokens(&site.a), ["bnpd", "second"], "a token that somebody else made is not bnpd's to delete");
    nowhere_in_clear(&site, other);
    nowhere_in_clear(&site, SECRET);
}

#[tokio::test]
async fn a_rotation_that_fails_leaves_the_old_token_alone() {
    let site = Site::start().await;
    for fault in [
        FaultRule::once(FaultKind::Status(500, "no".to_owned())).on("POST", "/access/users/bnna"),
        FaultRule::always(FaultKind::ResetAfterDone).on("POST", "/access/users/bnna"),
        FaultRule {
            times: Some(1),
            ..FaultRule::always(FaultKind::Status(401, "no".to_owned())).on("GET", "/version")
        },
    ] {
        let said = format!("{fault:?}");
        site.a.inject(fault);
        refused(rotate(&site, None).await);
        site.a.clear_faults();
        assert_eq!(tokens(&site.a), ["bnpd"], "{said}");
        assert_eq!(in_use(&site).await, (TOKEN.to_owned(), Some(true)), "{said}");
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_rotation_is_made_good() {
    let site = Site::start().await;
    site.a.inject(FaultRule::once(FaultKind::ResetAfterDone).on("POST", "/access/users/bnna"));
    let rotated = done(rotate(&site, None).await);
    assert_eq!(tokens(&site.a).len(), 1);
    assert_eq!(in_use(&site).await, (rotated.operator_token.id, Some(true)));
}

#[tokio::test]
async fn a_cluster_is_tried_before_it_is_kept() {
    let site = Site::start().await;
    let gamma = cluster::beta().await;
    let put = |secret: &str| PutCluster {
        name: Some("third".to_owned()),
        addresses: Some(gamma.addresses().values().map(ToString::to_string).collect()),
        trust: Some(Trust::Fingerprints(vec![gamma.fingerprint("b1").unwrap()])),
        token: Some((TOKEN.to_owned(), SecretString::from(secret))),
        ..PutCluster::default()
    };
    let host = || "gamma.example.net".parse_host();
    let (actor, grant) = (actor(), Grant::internal());
    let wrong = put("99999999-1111-2222-3333-444444444444");
    let error = refused(site.platform.put_cluster(&actor, &grant, host(), wrong).await);
    assert!(error.code().starts_with("upstream"), "{error:?}");
    let other = PutCluster { trust: Some(Trust::Fingerprints(vec![site.a.fingerprint("a1").unwrap()])), ..put(SECRET) };
    refused(site.platform.put_cluster(&actor, &grant, host(), other).await);
    let without = PutCluster::default();
    let error = refused(site.platform.put_cluster(&actor, &grant, host(), without).await);
    assert_eq!(error.code(), "invalid_token_id");
    assert_eq!(site.platform.clusters().await.unwrap().items.len(), 2, "none of these was kept");

    let (view, new) = site.platform.put_cluster(&actor, &grant, host(), put(SECRET)).await.unwrap();
    assert!(new && view.reachable && view.nodes == ["b1"]);
    let rename = PutCluster { name: Some("renamed".to_owned()), ..PutCluster::default() };
    let (view, new) = site.platform.put_cluster(&actor, &grant, host(), rename).await.unwrap();
    assert!(!new && view.name == "renamed" && view.operator_token.id == TOKEN);
    nowhere_in_clear(&site, SECRET);
}

#[tokio::test]
async fn a_cluster_that_was_changed_while_it_was_looked_at_is_not_written_over() {
    let site = Site::start().await;
    let other = "00000000-1111-2222-3333-444444444444";
    site.a.with_state(|state| cluster::user(state, "bnna@pve", "second", other));
    site.a.inject(FaultRule::once(FaultKind::Latency(Duration::from_millis(1500))).on("GET", "/version"));
    let (looks, looked) = (Arc::new(Notify::new()), AtomicBool::new(false));
    let told = Arc::clone(&looks);
    site.a.watch(Some(Arc::new(move |seen: &Seen<'_>| {
        if seen.path == "/version" && !looked.swap(true, Ordering::SeqCst) {
            told.notify_one();
        }
        None
    })));
    let (actor, grant) = (actor(), Grant::internal());
    let rename = PutCluster { name: Some("renamed".to_owned()), ..PutCluster::default() };
    let (put, ()) = tokio::join!(site.platform.put_cluster(&actor, &grant, A.parse_host(), rename.clone()), async {
        looks.notified().await;
        // A whole rotation while it looks; the old token still works, so that the look succeeds.
        done(rotate(&site, Some(("bnna@pve!second", other))).await);
    });
    assert_eq!(refused(put).code(), "in_use");
    let stored = async || site.store().read(|sql| bnna_store::clusters::get(sql, A)).await.unwrap().unwrap();
    assert_eq!(stored().await.token_id, "bnna@pve!second");
    assert_eq!(in_use(&site).await, ("bnna@pve!second".to_owned(), Some(true)));
    let (view, _) = site.platform.put_cluster(&actor, &grant, A.parse_host(), rename).await.unwrap();
    assert_eq!((view.name.as_str(), view.operator_token.id.as_str()), ("renamed", "bnna@pve!second"));
    assert_eq!(stored().await.token_id, "bnna@pve!second");
}

#[tokio::test]
async fn what_one_process_changes_of_clusters_the_other_takes_into_use() {
    let site = Site::start().await;
    let other = site.another().await;
    // A row that nobody can open, before the others in order, keeps them from nothing.
    let broken = |sql: &mut dyn bnna_store::Sql| {
        let row = bnna_store::clusters::get(sql, A)?.unwrap();
        bnna_store::clusters::put(sql, &bnna_store::clusters::Cluster { host: "0-broken".to_owned(), ..row })
    };
    assert!(site.store().write(broken).await.unwrap());
    let rename = PutCluster { name: Some("renamed".to_owned()), ..PutCluster::default() };
    site.platform.put_cluster(&actor(), &Grant::internal(), B.parse_host(), rename).await.unwrap();
    let mine = site.platform.estate().clusters.get(B).unwrap();
    let rotated = done(rotate(&site, None).await);
    assert_eq!(tokens(&site.a).len(), 1);
    let known = eventually("the other process has noticed", || async {
        let known = other.estate().clusters.get(A).unwrap();
        (known.token().0 == rotated.operator_token.id).then_some(known)
    })
    .await;
    assert_eq!(known.look().await.unwrap().operator_token.ok, Some(true));
    assert_eq!(other.estate().clusters.get(B).unwrap().settings.name, "renamed");
    let still = site.platform.estate().clusters.get(B).unwrap();
    assert!(Arc::ptr_eq(&mine, &still), "what is in use as it is set is left alone");
}

#[tokio::test]
async fn without_one_cluster_lists_are_what_the_others_know_and_say_so() {
    let site = Site::start().await;
    site.create("acme").await;
    site.a.with_state(|state| cluster::guest(state, 100, GuestKind::Qemu, "a1", Some("acme")));
    site.b.with_state(|state| cluster::guest(state, 200, GuestKind::Qemu, "b1", Some("acme")));
    crate::support::down(&site.b);
    let missing = |warnings: &[bnna_platform::views::Warning]| {
        let hosts: Vec<&str> = warnings.iter().map(|warning| warning.cluster.as_str()).collect();
        assert_eq!(hosts, [B]);
        assert!(!warnings[0].message.is_empty());
    };
    let guests = site.platform.instances(&Default::default()).await.unwrap();
    missing(&guests.warnings);
    assert_eq!(guests.items.iter().map(|guest| guest.vmid).collect::<Vec<_>>(), [100]);
    let nodes = site.platform.nodes().await.unwrap();
    missing(&nodes.warnings);
    assert_eq!(nodes.items.len(), 3);
    let clusters = site.platform.clusters().await.unwrap();
    missing(&clusters.warnings);
    assert_eq!(clusters.items.iter().map(|view| view.reachable).collect::<Vec<_>>(), [true, false]);
    let inventory = site.platform.inventory().await.unwrap();
    missing(&inventory.warnings);
    let account = site.operating("acme").await;
    missing(&site.platform.account_inventory(&account.read()).await.unwrap().warnings);
}

#[tokio::test]
async fn without_any_cluster_lists_are_an_upstream_failure() {
    let site = Site::start().await;
    for sim in [&site.a, &site.b] {
        crate::support::down(sim);
    }
    for error in [refused(site.platform.instances(&Default::default()).await), refused(site.platform.nodes().await)] {
        assert_eq!(error.code(), "upstream");
        assert!(error.to_string().contains(A) && error.to_string().contains(B), "{error}");
    }
    let clusters = site.platform.clusters().await.unwrap();
    assert!(clusters.items.iter().all(|view| !view.reachable));
}

#[tokio::test]
async fn a_cluster_that_answers_html_is_named_and_the_others_go_on() {
    let site = Site::start().await;
    site.b.inject(FaultRule::always(FaultKind::Html));
    let nodes = site.platform.nodes().await.unwrap();
    assert_eq!((nodes.items.len(), nodes.warnings.len()), (3, 1));
}
