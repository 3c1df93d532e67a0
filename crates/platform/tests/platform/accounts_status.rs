//! Suspend, disable, enable, as the tenant's own Proxmox users feel it; ACL sync and repair.

use bnna_core::AccountStatus::{Active, Disabled, Suspended};
use proxmox_sim::guests::GuestKind;

use crate::support::cluster::{self, Subject, acls, look};
use crate::support::tenant::Tenant;
use crate::support::{A, B, PATIENCE, STORAGE, Site, actor, done, refused};

const VM: u32 = 1_104_051;

/// An account with a VM on the second node of the first cluster, and a Proxmox user of it there.
async fn with_tenant() -> (Site, Tenant) {
    let site = Site::start().await;
    site.create("acme").await;
    site.a.with_state(|state| cluster::guest(state, VM, GuestKind::Qemu, "a2", Some("acme")));
    let alice = Tenant::new(&site.a, "alice@pve", "acme");
    (site, alice)
}

fn enabled(site: &Site, userid: &str) -> bool {
    site.a.with_state(|state| state.access.users[userid].enable)
}

#[tokio::test]
async fn suspended_tenants_read_and_do_not_start_anything() {
    let (site, alice) = with_tenant().await;
    // Entries on the same paths that are not the account's.
    site.a.with_state(|state| {
        cluster::user(state, "bob@pve", "own", "x");
        cluster::grant(state, "/pool/acme", Subject::User("bob@pve"), "PVEVMAdmin");
        cluster::grant(state, "/pool/acme", Subject::Group("auditors"), "PVEAuditor");
        cluster::grant(state, "/vms", Subject::Group("acme-dev"), "PVEVMUser");
    });
    let before = acls(&site.a);
    assert!(alice.can_read("a2", VM).await);

    let change = site.status("acme", Suspended).await;
    assert!(change.changed && change.account.suspended_at.is_some());
    assert!(alice.can_read("a2", VM).await);
    assert!(!alice.can_start("a2", VM).await);
    assert_eq!(cluster::runs(&site.a, VM), Some(false));
    for kept in [
        "/pool/acme user bob@pve PVEVMAdmin true",
        "/pool/acme group auditors PVEAuditor true",
        "/vms group acme-dev PVEVMUser true",
    ] {
        assert!(acls(&site.a).contains(kept), "{kept} is gone");
    }
    let held = acls(&site.a);
    let again = site.status("acme", Suspended).await;
    assert!(!again.changed, "the second time nothing changes");
    assert_eq!(acls(&site.a), held);

    assert!(site.status("acme", Active).await.changed);
    assert_eq!(acls(&site.a), before);
    assert!(alice.can_start("a2", VM).await);
}

#[tokio::test]
async fn disabled_tenants_do_nothing_at_all_until_they_are_enabled() {
    let (site, alice) = with_tenant().await;
    let before = (look(&site.a), look(&site.b));
    site.status("acme", Disabled).await;
    assert!(!alice.is_let_in().await);
    assert!(!acls(&site.a).contains(" group acme "), "{}", acls(&site.a));
    assert!(!site.status("acme", Disabled).await.changed);
    let error = refused(site.try_status("acme", Suspended).await);
    assert_eq!(error.code(), "state");

    let change = site.status("acme", Active).await;
    assert!(change.changed && change.account.disabled_at.is_none());
    assert_eq!((look(&site.a), look(&site.b)), before);
    assert!(alice.is_let_in().await && alice.can_start("a2", VM).await);
    assert!(!site.status("acme", Active).await.changed);
}

#[tokio::test]
async fn users_of_other_groups_too_stay_on_and_are_named() {
    let (site, alice) = with_tenant().await;
    let carol = Tenant::new(&site.a, "carol@pve", "acme");
    site.a.with_state(|state| cluster::join(state, "other", "carol@pve"));
    let change = site.status("acme", Disabled).await;
    assert!(enabled(&site, "carol@pve"));
    assert!(carol.is_let_in().await && !carol.can_read("a2", VM).await, "what the account gave is gone");
    assert!(!alice.is_let_in().await);
    let note = change.notes.iter().find(|note| note.message.contains("carol@pve")).expect("carol is not named");
    assert_eq!(note.cluster, A);
}

#[tokio::test]
async fn users_that_were_off_before_stay_off() {
    let (site, _) = with_tenant().await;
    let dave = Tenant::new(&site.a, "dave@pve", "acme");
    site.a.with_state(|state| state.access.users.get_mut("dave@pve").unwrap().enable = false);
    site.status("acme", Disabled).await;
    site.status("acme", Active).await;
    assert!(!enabled(&site, "dave@pve") && enabled(&site, "alice@pve"));
    assert!(!dave.is_let_in().await);
}

#[tokio::test]
async fn the_user_of_bnpds_own_token_and_root_are_never_switched_off() {
    let (site, _) = with_tenant().await;
    site.a.with_state(|state| cluster::join(state, "acme", "root@pam"));
    let change = site.status("acme", Disabled).await;
    assert!(enabled(&site, "root@pam"));
    assert!(change.notes.iter().any(|note| note.message.contains("root@pam")), "{:?}", change.notes);
    site.status("acme", Active).await;
    // The group's rights stand in the way of the user's own from here on: bnpd can change no entry, but it has not locked itself out.
    site.a.with_state(|state| cluster::join(state, "acme", "bnna@pve"));
    refused(site.try_status("acme", Disabled).await);
    assert!(enabled(&site, "bnna@pve") && !enabled(&site, "alice@pve"));
}

#[tokio::test]
async fn rights_in_a_users_own_name_are_named_and_not_touched() {
    let (site, _) = with_tenant().await;
    site.a.with_state(|state| cluster::grant(state, "/vms/1104051", Subject::User("alice@pve"), "PVEVMUser"));
    let change = site.status("acme", Disabled).await;
    assert!(change.notes.iter().any(|note| note.message.contains("PVEVMUser on /vms/1104051")), "{:?}", change.notes);
    assert!(acls(&site.a).contains("/vms/1104051 user alice@pve PVEVMUser"));
}

#[tokio::test]
async fn a_status_that_a_cluster_missed_is_brought_there_by_asking_again() {
    let (site, alice) = with_tenant().await;
    crate::support::down(&site.a);
    let error = refused(site.try_status("acme", Suspended).await);
    assert!(error.to_string().contains(A), "{error}");
    assert_eq!(site.platform.standing("acme").await.unwrap(), Some(Suspended), "this API holds the tenant already");
    site.a.clear_faults();
    assert!(alice.can_read("a2", VM).await);
    let account = site.operating("acme").await;
    let health = site.platform.account_health(&account.read()).await.unwrap();
    assert_eq!(serde_json::to_value(&health).unwrap()["status"], "error", "{health:?}");
    site.status("acme", Suspended).await;
    assert!(!alice.can_start("a2", VM).await);
}

#[tokio::test]
async fn rights_that_bnpd_cannot_take_away_do_not_save_the_others() {
    let (site, alice) = with_tenant().await;
    site.a.with_state(|state| cluster::grant(state, "/", Subject::Group("acme"), "Administrator"));
    let error = refused(site.try_status("acme", Disabled).await);
    assert!(error.to_string().contains("Administrator on /"), "{error}");
    assert!(!acls(&site.a).contains("/pool/acme group acme"), "{}", acls(&site.a));
    assert!(!alice.is_let_in().await);
}

#[tokio::test]
async fn suspending_can_shut_the_guests_down() {
    let (site, _) = with_tenant().await;
    site.a.with_state(|state| {
        cluster::guest(state, 1_104_052, GuestKind::Lxc, "a1", Some("acme"));
        cluster::running(state, 1_104_052);
        cluster::guest(state, 900, GuestKind::Lxc, "a1", None);
        cluster::running(state, 900);
    });
    let account = site.operating("acme").await;
    done(site.platform.set_account_status(&actor(), &account, Suspended, true, PATIENCE).await);
    crate::support::eventually("the guest is off", || async {
        (cluster::runs(&site.a, 1_104_052) == Some(false)).then_some(())
    })
    .await;
    assert_eq!(cluster::runs(&site.a, 900), Some(true), "another's guest goes on");
}

#[tokio::test]
async fn a_second_sync_changes_nothing() {
    let (site, _) = with_tenant().await;
    site.a.with_state(|state| {
        cluster::grant(state, "/pool/acme", Subject::Group("acme"), "PVEVMUser");
        state.access.acl.get_mut("/storage/tank").unwrap().groups.clear();
        cluster::grant(state, "/pool/acme", Subject::User("bob@pve"), "PVEVMAdmin");
    });
    let account = site.operating("acme").await;
    let dry = done(site.platform.sync_acls(&actor(), &account, true, PATIENCE).await);
    assert!(dry.dry_run && acls(&site.a).contains("PVEVMUser"), "a dry run changes nothing");
    let first = done(site.platform.sync_acls(&actor(), &account, false, PATIENCE).await);
    let paths = |entries: &[bnna_platform::views::ClusterAcl]| -> Vec<String> {
        entries.iter().map(|acl| format!("{} {} {}", acl.cluster, acl.entry.path, acl.entry.role)).collect()
    };
    assert_eq!(paths(&first.added), [format!("{A} /storage/{STORAGE} PVEDatastoreUser")]);
    assert_eq!(paths(&first.removed), [format!("{A} /pool/acme PVEVMUser")]);
    assert_eq!((dry.added, dry.removed), (first.added, first.removed));
    let seen = acls(&site.a);
    let second = done(site.platform.sync_acls(&actor(), &account, false, PATIENCE).await);
    assert!(second.added.is_empty() && second.removed.is_empty());
    assert_eq!(second.unchanged, 6);
    assert_eq!(acls(&site.a), seen);
    assert!(seen.contains("/pool/acme user bob@pve PVEVMAdmin"));
}

#[tokio::test]
async fn repair_makes_pool_and_group_again_and_brings_lost_guests_back() {
    let (site, _) = with_tenant().await;
    site.create("other").await;
    let (actor, grant) = (actor(), bnna_auth::Grant::internal());
    let adopt = |vmid: u32| bnna_platform::instances::AdoptInstanceRequest {
        vmid: crate::support::vmid(vmid),
        cluster: None,
        account: bnna_core::Slug::parse("acme").unwrap(),
        bunch: None,
    };
    site.a.with_state(|state| cluster::guest(state, 1_104_060, GuestKind::Lxc, "a1", None));
    for number in [VM, 1_104_060] {
        done(site.platform.adopt_instance(&actor, &grant, adopt(number), PATIENCE).await);
    }
    site.a.with_state(|state| {
        state.pools.remove("acme");
        state.access.acl.remove("/pool/acme");
        state.access.groups.remove("acme");
        state.join_pool(1_104_060, Some("other"));
    });
    let account = site.operating("acme").await;
    let report = done(site.platform.repair_account(&actor, &account, PATIENCE).await);
    let done_there: Vec<(String, String, String)> =
        report.actions.iter().map(|a| (a.kind.clone(), a.target.clone(), a.outcome.clone())).collect();
    for expected in [
        ("pool", "acme", "done"),
        ("group", "acme", "done"),
        ("member", "1104051", "done"),
        ("member", "1104060", "reported"),
    ] {
        let expected = (expected.0.to_owned(), expected.1.to_owned(), expected.2.to_owned());
        assert!(done_there.contains(&expected), "{expected:?} is missing in {done_there:?}");
    }
    assert!(report.actions.iter().all(|action| action.cluster == A), "nothing was wrong on {B}");
    site.a.with_state(|state| {
        assert!(state.pools["acme"].vms.contains(&VM));
        assert!(state.pools["other"].vms.contains(&1_104_060), "it was not moved");
    });
    assert!(acls(&site.a).contains("/pool/acme group acme PVEVMAdmin"));
    let again = done(site.platform.repair_account(&actor, &account, PATIENCE).await);
    assert!(again.actions.iter().all(|action| action.outcome == "reported"), "{again:?}");
}
