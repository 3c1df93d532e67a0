//! Canaries: what is refused as it should be, and holes that were made on purpose.

use bnna_auth::Grant;
use bnna_core::AccountStatus::{Disabled, Suspended};
use bnna_platform::views::{CanaryOnCluster, CanaryReport, CanaryRoundReport, CheckStatus};
use proxmox_sim::guests::GuestKind;
use proxmox_sim::storage::Definition;

use crate::support::cluster::{self, Subject, look};
use crate::support::{A, PATIENCE, Site, actor, done, refused};

const OWN: u32 = 1_104_081;
const FOREIGN: u32 = 1_104_082;

/// Two accounts with a guest each, a guest of nobody, a storage that neither has.
async fn site() -> Site {
    let site = Site::start().await;
    site.create("acme").await;
    site.create("globex").await;
    site.a.with_state(|state| {
        cluster::guest(state, OWN, GuestKind::Qemu, "a1", Some("acme"));
        cluster::guest(state, FOREIGN, GuestKind::Qemu, "a2", Some("globex"));
        cluster::guest(state, 900, GuestKind::Lxc, "a3", None);
        let options = [("path", "/vault"), ("content", "backup"), ("shared", "1")];
        let options = options.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        state.storages.define("vault", Definition::new("dir", options));
    });
    site
}

async fn send(site: &Site) -> CanaryReport {
    let account = site.operating("acme").await;
    done(site.platform.send_canary(&actor(), &account, PATIENCE).await)
}

fn on_a(report: &CanaryReport) -> &CanaryOnCluster {
    report.clusters.iter().find(|on| on.cluster == A).unwrap()
}

fn users(site: &Site) -> Vec<String> {
    site.a.with_state(|state| state.access.users.keys().cloned().collect())
}

#[tokio::test]
async fn a_tight_estate_refuses_everything_and_nothing_stays_behind() {
    let site = site().await;
    let before = (look(&site.a), look(&site.b));
    let report = send(&site).await;
    assert!(report.tight, "{report:?}");
    let on = on_a(&report);
    assert!(on.tried >= 4 && on.tried == on.foreign, "the pool, the guests and the storage: {on:?}");
    assert!(on.refused >= on.tried, "{on:?}");
    assert_eq!((look(&site.a), look(&site.b)), before);
}

/// Plants a hole, and gives the places where the canary found one.
async fn planted(site: &Site, path: &str, role: &str) -> Vec<(String, String)> {
    site.a.with_state(|state| cluster::grant(state, path, Subject::Group("acme"), role));
    let report = send(site).await;
    assert!(!report.tight, "{path} {role} was not found");
    on_a(&report).not_refused.iter().map(|hole| (hole.what.clone(), hole.path.clone())).collect()
}

#[tokio::test]
async fn planted_holes_are_found() {
    let foreign = format!("/vms/{FOREIGN}");
    for (path, role, what, place) in [
        (foreign.as_str(), "PVEVMUser", "guest", foreign.as_str()),
        ("/pool/globex", "PVEPoolUser", "pool", "/pool/globex"),
        ("/storage/vault", "PVEDatastoreUser", "storage", "/storage/vault"),
        ("/", "PVEAuditor", "rights", "/"),
        ("/vms", "PVEVMUser", "guest", "/vms/900"),
    ] {
        let site = site().await;
        let found = planted(&site, path, role).await;
        assert!(found.contains(&(what.to_owned(), place.to_owned())), "{path} {role}: {found:?}");
    }
}

#[tokio::test]
async fn what_it_found_shows_in_the_accounts_health_until_a_tight_one() {
    let site = site().await;
    planted(&site, "/pool/globex", "PVEPoolUser").await;
    let status = async || {
        let account = site.operating("acme").await.read();
        let health = site.platform.account_health(&account).await.unwrap();
        health.checks.into_iter().find(|check| check.name == "canary").map(|check| check.status)
    };
    assert_eq!(status().await, Some(CheckStatus::Error));
    site.a.with_state(|state| state.access.acl.get_mut("/pool/globex").unwrap().groups.remove("acme").unwrap());
    assert!(send(&site).await.tight);
    assert_eq!(status().await, Some(CheckStatus::Ok));
}

#[tokio::test]
async fn a_canary_that_sees_nothing_of_its_own_is_no_proof() {
    let site = site().await;
    site.a.with_state(|state| state.access.acl.get_mut("/pool/acme").unwrap().groups.clear());
    let account = site.operating("acme").await;
    let error = refused(site.platform.send_canary(&actor(), &account, PATIENCE).await);
    assert!(error.to_string().contains("says nothing"), "{error}");
    assert!(!users(&site).iter().any(|user| user.contains("canary")), "it stayed behind");
}

#[tokio::test]
async fn suspended_and_disabled_accounts_are_tried_too() {
    let site = site().await;
    for status in [Suspended, Disabled] {
        site.status("acme", status).await;
        assert!(send(&site).await.tight, "{status}");
    }
}

#[tokio::test]
async fn somebody_elses_user_of_that_name_is_left_alone() {
    let site = site().await;
    site.a.with_state(|state| cluster::user(state, "bnna-canary-acme@pve", "own", "x"));
    let account = site.operating("acme").await;
    let error = refused(site.platform.send_canary(&actor(), &account, PATIENCE).await);
    assert!(error.to_string().contains("is not bnna's"), "{error}");
    assert!(users(&site).contains(&"bnna-canary-acme@pve".to_owned()));
}

async fn round(site: &Site) -> CanaryRoundReport {
    done(site.platform.send_canaries(&actor(), &Grant::internal(), PATIENCE).await)
}

#[tokio::test]
async fn a_round_tries_every_account() {
    let site = site().await;
    let report = round(&site).await;
    assert_eq!((report.tried, report.tight, report.missed), (2, 2, 0), "{report:?}");
    site.a.with_state(|state| cluster::grant(state, "/pool/globex", Subject::Group("acme"), "PVEPoolUser"));
    let report = round(&site).await;
    assert_eq!((report.tried, report.tight, report.missed), (2, 1, 0), "{report:?}");
    assert_eq!((report.not_tight[0].account.as_str(), report.not_tight.len()), ("acme", 1), "{report:?}");
    for (slug, tight) in [("acme", false), ("globex", true)] {
        let id = site.operating(slug).await.id();
        assert_eq!(site.platform.last_canary(id).await.unwrap().unwrap().tight, tight, "{slug}");
    }
    assert!(!users(&site).iter().any(|user| user.contains("canary")), "it stayed behind");
}

#[tokio::test]
async fn a_round_names_the_accounts_that_it_cannot_try_and_holds_no_other() {
    let site = site().await;
    // Something works on globex; acme's pool is nobody's business meanwhile.
    let operation = site.store().read(|sql| sql.query("SELECT id FROM operations LIMIT 1", &[])).await.unwrap();
    let id: uuid::Uuid = operation[0].get("id").unwrap();
    let taken = site.store().write(move |sql| bnna_store::operations::take_key(sql, "account:globex", id)).await;
    assert_eq!(taken.unwrap(), None);
    let report = round(&site).await;
    assert_eq!((report.tried, report.missed), (1, 1), "{report:?}");
    assert_eq!(report.not_tried[0].account, "globex");
    assert!(report.not_tried[0].why.contains(&id.to_string()), "{report:?}");
    site.store().write(move |sql| bnna_store::operations::drop_key(sql, "account:globex", id)).await.unwrap();
    // A round that is over holds nothing.
    site.status("acme", Suspended).await;
    let report = round(&site).await;
    assert_eq!((report.tried, report.missed), (2, 0), "{report:?}");
}

#[tokio::test]
async fn an_account_without_a_group_has_nobody_to_try_it_as() {
    let site = site().await;
    site.a.with_state(|state| {
        state.access.groups.remove("acme");
        state.access.acl.values_mut().for_each(|node| drop(node.groups.remove("acme")));
    });
    let account = site.operating("acme").await;
    let error = refused(site.platform.send_canary(&actor(), &account, PATIENCE).await);
    assert!(error.code() == "state" && error.to_string().contains("no group acme"), "{error}");
    let report = round(&site).await;
    assert_eq!((report.tried, report.missed), (1, 1), "{report:?}");
}
