//! Adopting what is on Proxmox already.

use bnna_core::AccountStatus::{Active, Disabled, Suspended};
use bnna_platform::accounts::AdoptAccount;
use bnna_platform::views::AccountAdopted;
use proxmox_sim::guests::GuestKind;

use crate::support::cluster::{self, Subject, acls, look};
use crate::support::tenant::Tenant;
use crate::support::{A, B, Names, PATIENCE, Site, actor, done, refused};

/// A tenant as operators make them by hand: nested pools, a role of their own, rights of single users.
async fn estate() -> Site {
    let site = Site::start().await;
    site.a.with_state(|state| {
        let role = ["VM.Audit", "VM.PowerMgmt", "VM.Console"].map(str::to_owned).into();
        state.access.roles.insert("TenantOps".to_owned(), role);
        for pool in ["globex", "globex/dev", "globex/prod", "globexx"] {
            cluster::pool(state, pool);
        }
        cluster::grant(state, "/pool/globex", Subject::Group("globex"), "TenantOps");
        cluster::grant(state, "/pool/globex/dev", Subject::Group("globex"), "PVEVMAdmin");
        cluster::grant(state, "/vms/201", Subject::Group("globex"), "NoAccess");
        state
            .access
            .acl
            .get_mut("/pool/globex/dev")
            .unwrap()
            .groups
            .get_mut("globex")
            .unwrap()
            .insert("PVEVMAdmin".to_owned(), false);
        cluster::guest(state, 200, GuestKind::Qemu, "a1", Some("globex"));
        cluster::guest(state, 201, GuestKind::Lxc, "a2", Some("globex/dev"));
        cluster::guest(state, 202, GuestKind::Lxc, "a3", Some("globexx"));
        cluster::user(state, "eve@pve", "own", "x");
        cluster::join(state, "globex", "eve@pve");
        cluster::grant(state, "/vms/200", Subject::User("eve@pve"), "PVEVMUser");
    });
    site
}

fn asked(slug: &str) -> AdoptAccount {
    AdoptAccount { slug: slug.parse_slug(), pool: None, cluster: None, display_name: None, email: None }
}

async fn adopt(site: &Site) -> AccountAdopted {
    done(site.platform.adopt_account(&actor(), asked("globex"), PATIENCE).await)
}

#[tokio::test]
async fn adopting_takes_note_of_everything_and_changes_nothing() {
    let site = estate().await;
    let before = (look(&site.a), look(&site.b));
    let adopted = adopt(&site).await;
    assert_eq!((look(&site.a), look(&site.b)), before);
    assert!(adopted.account.adopted);
    assert_eq!(adopted.account.clusters, [A], "only where the pool is");
    let mut found: Vec<u32> = adopted.instances.iter().map(|guest| guest.vmid).collect();
    found.sort_unstable();
    assert_eq!(found, [200, 201], "nested pools are in, a pool with a longer name is not");
    let listed = site.platform.instances(&Default::default()).await.unwrap();
    let mine: Vec<u32> =
        listed.items.iter().filter(|i| i.account_slug.as_deref() == Some("globex")).map(|i| i.vmid).collect();
    assert_eq!(mine, [200, 201]);
    assert!(listed.items.iter().filter(|i| i.managed).all(|i| i.adopted));
    let account = site.operating("globex").await;
    let dry = done(site.platform.sync_acls(&actor(), &account, true, PATIENCE).await);
    assert!(dry.added.is_empty() && dry.removed.is_empty(), "its rights are as they were found: {dry:?}");
}

#[tokio::test]
async fn an_adopted_account_gets_back_exactly_what_it_had() {
    let site = estate().await;
    let frank = Tenant::new(&site.a, "frank@pve", "globex");
    adopt(&site).await;
    let before = look(&site.a);
    site.status("globex", Suspended).await;
    assert!(frank.can_read("a1", 200).await && !frank.can_start("a1", 200).await);
    assert!(acls(&site.a).contains("/vms/201 group globex NoAccess"), "what was hidden stays hidden");
    assert!(acls(&site.a).contains("/pool/globex/dev group globex PVEAuditor false"));
    site.status("globex", Active).await;
    assert_eq!(look(&site.a), before);
    site.status("globex", Disabled).await;
    assert!(!frank.is_let_in().await);
    site.status("globex", Active).await;
    assert_eq!(look(&site.a), before);
    assert!(frank.can_start("a1", 200).await);
}

#[tokio::test]
async fn an_adopted_pool_without_a_group_gets_none_by_a_change_of_status() {
    let site = estate().await;
    site.a.with_state(|state| {
        state.access.groups.remove("globex");
        for node in state.access.acl.values_mut() {
            node.groups.remove("globex");
        }
    });
    adopt(&site).await;
    let before = look(&site.a);
    for status in [Suspended, Active, Disabled, Active] {
        site.status("globex", status).await;
        assert_eq!(look(&site.a), before, "{status}");
    }
}

#[tokio::test]
async fn an_adopted_group_that_holds_nothing_gets_nothing() {
    let site = estate().await;
    site.a.with_state(|state| {
        for node in state.access.acl.values_mut() {
            node.groups.remove("globex");
        }
    });
    adopt(&site).await;
    let before = acls(&site.a);
    site.status("globex", Suspended).await;
    site.status("globex", Active).await;
    assert_eq!(acls(&site.a), before);
}

#[tokio::test]
async fn what_is_bound_or_unknown_is_refused() {
    let site = estate().await;
    let nowhere = refused(site.platform.adopt_account(&actor(), asked("initech"), PATIENCE).await);
    assert_eq!(nowhere.code(), "not_found");
    let elsewhere = AdoptAccount { cluster: Some(B.parse_host()), ..asked("globex") };
    assert_eq!(refused(site.platform.adopt_account(&actor(), elsewhere, PATIENCE).await).code(), "not_found");
    adopt(&site).await;
    let again = refused(site.platform.adopt_account(&actor(), asked("globex"), PATIENCE).await);
    assert_eq!(again.code(), "exists");
    for pool in ["globex", "globex/dev"] {
        let other = AdoptAccount { pool: Some(pool.to_owned()), ..asked("other") };
        let error = refused(site.platform.adopt_account(&actor(), other, PATIENCE).await);
        assert_eq!(error.code(), "exists", "{pool}");
    }
    let beside = AdoptAccount { pool: Some("globexx".to_owned()), ..asked("other") };
    done(site.platform.adopt_account(&actor(), beside, PATIENCE).await);
}

#[tokio::test]
async fn of_two_adoptions_of_one_pool_at_once_one_is_refused() {
    let site = estate().await;
    let one = AdoptAccount { pool: Some("globex".to_owned()), ..asked("one") };
    let two = AdoptAccount { pool: Some("globex/dev".to_owned()), ..asked("two") };
    let actor = actor();
    let (one, two) = tokio::join!(
        site.platform.adopt_account(&actor, one, PATIENCE),
        site.platform.adopt_account(&actor, two, PATIENCE)
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    let error = if one.is_ok() { refused(two) } else { refused(one) };
    assert_eq!(error.code(), "exists");
}

#[tokio::test]
async fn a_silent_cluster_could_have_the_pool_too() {
    let site = estate().await;
    crate::support::down(&site.b);
    let error = refused(site.platform.adopt_account(&actor(), asked("globex"), PATIENCE).await);
    assert_eq!(error.code(), "upstream");
    assert!(error.to_string().contains(B), "{error}");
    let named = AdoptAccount { cluster: Some(A.parse_host()), ..asked("globex") };
    done(site.platform.adopt_account(&actor(), named, PATIENCE).await);
}

#[tokio::test]
async fn a_pool_of_another_name_is_the_accounts_pool() {
    let site = estate().await;
    let asked = AdoptAccount { pool: Some("globexx".to_owned()), ..asked("initech") };
    let adopted = done(site.platform.adopt_account(&actor(), asked, PATIENCE).await);
    assert_eq!((adopted.account.pool.as_str(), adopted.instances.len()), ("globexx", 1));
}

#[tokio::test]
async fn deleting_an_adopted_account_that_is_held_gives_nothing_back_and_says_what() {
    let site = estate().await;
    adopt(&site).await;
    site.status("globex", Disabled).await;
    let held = acls(&site.a);
    let account = site.operating("globex").await;
    let options = bnna_core::GcOptions::default();
    let report = done(site.platform.delete_account(&actor(), &account, options, PATIENCE).await);
    assert_eq!(acls(&site.a), held, "a tenant that was held is not let go by deleting the record");
    let group = report.items.iter().find(|item| item.kind == bnna_core::GcKind::Group).unwrap();
    for named in ["TenantOps on /pool/globex", "PVEVMAdmin on /pool/globex/dev", "eve@pve"] {
        assert!(group.reason.contains(named), "{}", group.reason);
    }
}
