//! Why somebody may or may not do something, as the entries and Proxmox itself say it.

use bnna_core::AccountStatus::Suspended;
use bnna_platform::Error;
use bnna_platform::accounts::Why;
use bnna_platform::views::{Listing, Reason};
use proxmox_sim::guests::GuestKind;

use crate::support::cluster::{self, Subject};
use crate::support::{A, STORAGE, Site, refused};

const VM: u32 = 1_104_071;

async fn ask(site: &Site, subject: &str, path: &str, privilege: &str) -> Result<Listing<Reason>, Error> {
    let account = site.operating("acme").await.read();
    site.platform.why(&account, &Why::parse(subject, path, privilege)?).await
}

/// What the first cluster says.
async fn on_a(site: &Site, subject: &str, path: &str, privilege: &str) -> Reason {
    let found = ask(site, subject, path, privilege).await.unwrap();
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    let reason = found.items.into_iter().find(|reason| reason.cluster == A).unwrap();
    assert!(reason.agrees, "{reason:?}");
    reason
}

async fn site() -> Site {
    let site = Site::start().await;
    site.create("acme").await;
    site.a.with_state(|state| {
        cluster::guest(state, VM, GuestKind::Qemu, "a2", Some("acme"));
        cluster::user(state, "alice@pve", "own", "x");
        cluster::join(state, "acme", "alice@pve");
        cluster::user(state, "mallory@pve", "own", "x");
    });
    site
}

fn guest() -> String {
    format!("/vms/{VM}")
}

#[tokio::test]
async fn a_members_right_comes_from_the_groups_entry_on_the_pool() {
    let site = site().await;
    let reason = on_a(&site, "alice@pve", &guest(), "VM.PowerMgmt").await;
    assert!(reason.allowed && reason.proxmox_says == Some(true));
    let granting: Vec<_> = reason.entries.iter().filter(|entry| entry.grants).collect();
    assert_eq!(granting.len(), 1, "{:?}", reason.entries);
    assert_eq!(granting[0].via_pool.as_deref(), Some("acme"));
    assert_eq!((granting[0].subject.as_str(), granting[0].role.as_str()), ("@acme", "PVEVMAdmin"));
    let space = on_a(&site, "alice@pve", &format!("/storage/{STORAGE}"), "Datastore.AllocateSpace").await;
    assert!(space.allowed);
}

#[tokio::test]
async fn who_is_in_no_group_is_told_that_no_entry_names_them() {
    let site = site().await;
    let reason = on_a(&site, "mallory@pve", &guest(), "VM.PowerMgmt").await;
    assert!(!reason.allowed && reason.proxmox_says == Some(false));
    assert!(reason.because.contains("no entry names it"), "{}", reason.because);
    assert!(reason.missing.is_empty(), "the account's entries would not help them: {:?}", reason.missing);
}

#[tokio::test]
async fn entries_that_got_lost_are_named_as_missing() {
    let site = site().await;
    site.a.with_state(|state| state.access.acl.remove("/pool/acme").unwrap());
    let reason = on_a(&site, "alice@pve", &guest(), "VM.PowerMgmt").await;
    assert!(!reason.allowed);
    assert_eq!(reason.missing.len(), 1, "{:?}", reason.missing);
    assert_eq!((reason.missing[0].path.as_str(), reason.missing[0].role.as_str()), ("/pool/acme", "PVEVMAdmin"));
}

#[tokio::test]
async fn a_suspended_accounts_member_lacks_power_and_nothing_is_missing() {
    let site = site().await;
    site.status("acme", Suspended).await;
    let reason = on_a(&site, "alice@pve", &guest(), "VM.PowerMgmt").await;
    assert!(!reason.allowed && reason.missing.is_empty());
    assert_eq!(reason.account_status, Suspended);
    assert!(on_a(&site, "alice@pve", &guest(), "VM.Audit").await.allowed);
}

#[tokio::test]
async fn a_separated_token_is_limited_by_its_owner() {
    let site = site().await;
    site.a.with_state(|state| {
        let tokens = &mut state.access.users.get_mut("mallory@pve").unwrap().tokens;
        tokens.get_mut("own").unwrap().privsep = true;
        cluster::grant(state, &guest(), Subject::Token("mallory@pve!own"), "PVEVMAdmin");
    });
    let reason = on_a(&site, "mallory@pve!own", &guest(), "VM.PowerMgmt").await;
    assert!(!reason.allowed);
    assert!(reason.because.contains("limited to its owner"), "{}", reason.because);
}

#[tokio::test]
async fn a_disabled_user_cannot_log_in_whatever_the_rights() {
    let site = site().await;
    site.a.with_state(|state| state.access.users.get_mut("alice@pve").unwrap().enable = false);
    let reason = on_a(&site, "alice@pve", &guest(), "VM.PowerMgmt").await;
    assert_eq!(reason.cannot_log_in.as_deref(), Some("disabled"));
}

#[tokio::test]
async fn a_guest_in_somebody_elses_pool_is_told_by_proxmox_only() {
    let site = site().await;
    site.create("other").await;
    site.a.with_state(|state| {
        cluster::guest(state, VM + 1, GuestKind::Qemu, "a2", Some("other"));
        cluster::join(state, "other", "alice@pve");
    });
    let found = ask(&site, "alice@pve", &format!("/vms/{}", VM + 1), "VM.PowerMgmt").await.unwrap();
    let reason = found.items.into_iter().find(|reason| reason.cluster == A).unwrap();
    assert_eq!((reason.allowed, reason.proxmox_says, reason.agrees), (false, Some(true), false));
}

#[tokio::test]
async fn nonsense_is_refused_by_name() {
    let site = site().await;
    for (subject, path, privilege, code) in [
        ("alice", "/vms/100", "VM.Audit", "invalid_subject"),
        ("alice@pve", "/vms/1 00", "VM.Audit", "invalid_path"),
        ("alice@pve", "/vms/100", "", "invalid_privilege"),
        ("alice@pve", "/vms/100", "VM.Fly", "invalid_privilege"),
    ] {
        let error = refused(ask(&site, subject, path, privilege).await);
        assert_eq!(error.code(), code, "{subject} {path} {privilege}: {error}");
    }
    let nobody = on_a(&site, "nobody@pve", &guest(), "VM.Audit").await;
    assert_eq!((nobody.allowed, nobody.proxmox_says), (false, None));
    assert!(nobody.because.contains("does not exist"));
}

#[tokio::test]
async fn a_cluster_that_is_down_is_named() {
    let site = site().await;
    crate::support::down(&site.b);
    let found = ask(&site, "alice@pve", &guest(), "VM.PowerMgmt").await.unwrap();
    assert_eq!((found.items.len(), found.warnings.len()), (1, 1));
}
