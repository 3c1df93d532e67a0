//! Creating an account: on all its clusters, or on none.

use bnna_core::AccountStatus;
use bnna_platform::{Error, Run};
use proxmox_sim::{FaultKind, FaultRule, Sim};

use crate::support::cluster::{self, acls, knows_nothing_of, look};
use crate::support::{A, AT_ONCE, B, Names, PATIENCE, STORAGE, Site, account, actor, done, refused};

#[tokio::test]
async fn an_account_is_a_pool_a_group_space_and_rights_on_each_cluster() {
    let site = Site::start().await;
    let made = site.create("acme").await;
    assert_eq!((made.slug.as_str(), made.pool.as_str(), made.status), ("acme", "acme", AccountStatus::Active));
    assert_eq!((made.clusters.clone(), made.adopted), (vec![A.to_owned(), B.to_owned()], false));
    assert_eq!((made.display_name.as_str(), made.email.as_str()), ("Acme", "it@acme.example"));
    for sim in [&site.a, &site.b] {
        sim.with_state(|cluster| {
            assert_eq!(cluster.pools["acme"].storages, [STORAGE.to_owned()].into());
            assert!(cluster.pools["acme"].comment.contains(&made.id.to_string()));
            assert!(cluster.access.groups["acme"].members.is_empty());
        });
        assert_eq!(
            acls(sim),
            "/ user bnna@pve BnnaOperator true\n\
             /pool/acme group acme PVEPoolAdmin true\n\
             /pool/acme group acme PVEVMAdmin true\n\
             /storage/tank group acme PVEDatastoreUser true"
        );
    }
    let account = site.operating("acme").await;
    let health = site.platform.account_health(&account.read()).await.unwrap();
    assert_eq!(serde_json::to_value(&health).unwrap()["status"], "ok", "{health:?}");
}

#[tokio::test]
async fn an_account_can_be_on_some_clusters_only() {
    let site = Site::start().await;
    let mut asked = account("acme");
    asked.clusters = Some(vec![B.parse_host(), B.parse_host()]);
    let made = done(site.platform.create_account(&actor(), asked, PATIENCE).await);
    assert_eq!(made.clusters, [B]);
    assert!(knows_nothing_of(&site.a, "acme"));
    let mut asked = account("acme2");
    asked.clusters = Some(vec!["gamma.example.net".parse_host()]);
    let error = refused(site.platform.create_account(&actor(), asked, PATIENCE).await);
    assert_eq!(error.code(), "not_found");
}

#[tokio::test]
async fn what_is_there_already_is_refused_before_the_first_write() {
    let site = Site::start().await;
    site.b.with_state(|state| cluster::pool(state, "pooled"));
    site.b.with_state(|state| cluster::join(state, "grouped", "root@pam"));
    site.create("acme").await;
    let before = (look(&site.a), look(&site.b));
    for slug in ["acme", "pooled", "grouped"] {
        let error = refused(site.platform.create_account(&actor(), account(slug), PATIENCE).await);
        assert_eq!(error.code(), "exists", "{error}");
        if slug != "acme" {
            assert!(error.to_string().contains("adopt"), "{error}");
        }
    }
    assert_eq!((look(&site.a), look(&site.b)), before);
    assert!(site.platform.standing("pooled").await.unwrap().is_none());
}

#[tokio::test]
async fn of_two_creations_of_one_slug_at_once_one_is_refused() {
    let site = Site::start().await;
    let (actor, first, second) = (actor(), account("acme"), account("acme"));
    let (one, two) = tokio::join!(
        site.platform.create_account(&actor, first, PATIENCE),
        site.platform.create_account(&actor, second, PATIENCE)
    );
    let (made, error) = if one.is_ok() { (done(one), refused(two)) } else { (done(two), refused(one)) };
    assert!(["exists", "in_use"].contains(&error.code().as_str()), "{error}");
    assert_eq!(site.store().read(|sql| bnna_store::accounts::by_slug(sql, "acme")).await.unwrap().unwrap().id, made.id);
    site.a.with_state(|cluster| assert!(cluster.pools["acme"].comment.contains(&made.id.to_string())));
}

/// Creates while the second cluster has a fault; the first has to be as before, and so has the store.
async fn fails_on_the_second(site: &Site, fault: FaultRule) -> Error {
    let before = look(&site.a);
    site.b.inject(fault);
    let error = refused(site.platform.create_account(&actor(), account("acme"), PATIENCE).await);
    site.b.clear_faults();
    assert_eq!(look(&site.a), before, "something is left on the first cluster");
    assert!(error.to_string().contains(B), "the error does not name the second cluster: {error}");
    error
}

#[tokio::test]
async fn a_second_cluster_that_refuses_leaves_nothing_anywhere() {
    let site = Site::start().await;
    let before = look(&site.b);
    for (method, path) in [("POST", "/pools"), ("POST", "/access/groups"), ("PUT", "/pools"), ("PUT", "/access/acl")] {
        let kind = FaultKind::Status(500, "the disk is full".to_owned());
        let fault = FaultRule { times: Some(1), ..FaultRule::always(kind).on(method, path) };
        let error = fails_on_the_second(&site, fault).await;
        assert_eq!(error.code(), "upstream");
        assert!(error.to_string().contains("the disk is full"), "{error}");
        assert_eq!(look(&site.b), before, "{method} {path}");
        assert!(site.platform.standing("acme").await.unwrap().is_none());
    }
    site.create("acme").await;
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_and_not_repeated() {
    let site = Site::start().await;
    for (method, path) in [("POST", "/pools"), ("POST", "/access/groups"), ("PUT", "/pools"), ("PUT", "/access/acl")] {
        site.b.inject(FaultRule::once(FaultKind::ResetAfterDone).on(method, path));
    }
    site.create("acme").await;
    site.b.with_state(|cluster| assert_eq!(cluster.pools["acme"].storages.len(), 1));
}

#[tokio::test]
async fn a_second_cluster_that_answers_html_leaves_nothing_on_the_first() {
    let site = Site::start().await;
    let error = fails_on_the_second(&site, FaultRule::always(FaultKind::Html).on("POST", "/pools")).await;
    assert!(error.code().starts_with("upstream"), "{error:?}");
    assert!(site.platform.standing("acme").await.unwrap().is_none(), "nothing was made there: the record goes");
    site.create("acme").await;
}

#[tokio::test]
async fn a_second_cluster_that_is_down_is_found_out_before_the_first_write() {
    let site = Site::start().await;
    let error = fails_on_the_second(&site, FaultRule::always(FaultKind::Refuse)).await;
    assert!(error.code().starts_with("upstream"), "{error:?}");
    let trail = site.entry("accounts.create").await;
    assert_eq!(trail.operation_id, None, "no operation was begun");
}

/// Goes down for good as soon as it has made the account's pool.
async fn down_after_its_pool(sim: &Sim) {
    crate::support::eventually("the pool is made", || async {
        sim.with_state(|cluster| cluster.pools.contains_key("acme")).then_some(())
    })
    .await;
    crate::support::down(sim);
}

#[tokio::test]
async fn a_second_cluster_that_goes_down_in_the_middle_leaves_nothing_on_the_first_and_a_record_of_the_rest() {
    let site = Site::start().await;
    let before = (look(&site.a), look(&site.b));
    // The group's making is held up until the cluster is down.
    site.b.inject(
        FaultRule::always(FaultKind::Latency(std::time::Duration::from_millis(300))).on("POST", "/access/groups"),
    );
    let (actor, asked) = (actor(), account("acme"));
    let (outcome, ()) =
        tokio::join!(site.platform.create_account(&actor, asked, PATIENCE), down_after_its_pool(&site.b));
    let error = refused(outcome);
    assert!(error.to_string().contains(B), "{error}");
    let left = error.details().unwrap()["left"].to_string();
    assert!(left.contains(B), "what is left is not named: {left}");
    assert_eq!(look(&site.a), before.0, "something is left on the first cluster");

    site.b.clear_faults();
    let account = site.operating("acme").await;
    assert_eq!(site.platform.account_view(&account.read()).await.unwrap().clusters, [B]);
    let health = site.platform.account_health(&account.read()).await.unwrap();
    assert_eq!(serde_json::to_value(&health).unwrap()["status"], "error", "{health:?}");
    let report = done(site.platform.delete_account(&actor, &account, Default::default(), PATIENCE).await);
    assert!(!report.blocked);
    assert_eq!((look(&site.a), look(&site.b)), before);
    site.create("acme").await;
}

#[tokio::test]
async fn what_a_broken_creation_left_can_be_repaired_into_an_account() {
    let site = Site::start().await;
    site.b.inject(
        FaultRule::always(FaultKind::Latency(std::time::Duration::from_millis(300))).on("POST", "/access/groups"),
    );
    let (actor, asked) = (actor(), account("acme"));
    let (outcome, ()) =
        tokio::join!(site.platform.create_account(&actor, asked, PATIENCE), down_after_its_pool(&site.b));
    refused(outcome);
    site.b.clear_faults();
    let account = site.operating("acme").await;
    done(site.platform.repair_account(&actor, &account, PATIENCE).await);
    let health = site.platform.account_health(&account.read()).await.unwrap();
    let checks = serde_json::to_value(&health.checks).unwrap();
    let wrong: Vec<&serde_json::Value> = checks
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["status"] == "error" && check["name"] != "operations")
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn a_caller_that_does_not_wait_gets_the_operation() {
    let site = Site::start().await;
    site.b.inject(FaultRule::always(FaultKind::Latency(std::time::Duration::from_millis(300))).on("POST", "/pools"));
    let run = site.platform.create_account(&actor(), account("acme"), AT_ONCE).await.unwrap();
    let Run::Accepted(id) = run else { panic!("{run:?}") };
    let ended = site.ended(id).await;
    assert_eq!((ended.state.as_str(), ended.kind.as_str()), ("done", "accounts.create"));
    assert_eq!(ended.done, ended.total);
    assert_eq!(ended.result.unwrap()["slug"], "acme");
}
