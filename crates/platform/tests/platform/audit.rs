//! The audit trail: a row before, the outcome after, never a secret.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bnna_auth::Grant;
use bnna_core::AccountStatus::{Active, Disabled, Suspended};
use bnna_core::{GcOptions, SettingKey};
use bnna_platform::Run;
use bnna_platform::accounts::{AdoptAccount, Impersonate};
use bnna_platform::clusters::PutCluster;
use bnna_platform::instances::{AdoptInstanceRequest, PowerRequest};
use bnna_platform::views::PowerAction;
use proxmox_sim::guests::GuestKind;
use proxmox_sim::{FaultKind, FaultRule};
use secrecy::SecretString;
use serde_json::json;

use crate::support::cluster;
use crate::support::{
    A, AT_ONCE, B, Names, PATIENCE, SECRET, Site, TOKEN, account, actor, done, eventually, refused, vmid,
};

fn order(action: PowerAction, number: u32) -> PowerRequest {
    PowerRequest { vmid: vmid(number), cluster: None, action, timeout: None, force_stop: false }
}

/// Calls every use case that changes something, once so that it works; the names of the actions in order, and the secrets that
/// went through bnpd's hands.
async fn everything(site: &Site) -> (Vec<&'static str>, Vec<String>) {
    let (actor, grant) = (actor(), Grant::internal());
    let platform = &site.platform;
    site.a.with_state(|state| {
        cluster::pool(state, "globex");
        for number in [103, 104, 105] {
            cluster::guest(state, number, GuestKind::Qemu, "a1", None);
        }
        cluster::running(state, 103);
    });
    site.create("acme").await;
    let globex =
        AdoptAccount { slug: "globex".parse_slug(), pool: None, cluster: None, display_name: None, email: None };
    done(platform.adopt_account(&actor, globex, PATIENCE).await);
    for status in [Suspended, Active, Disabled] {
        site.status("acme", status).await;
    }
    site.status("acme", Active).await;
    let acme = site.operating("acme").await;
    done(platform.sync_acls(&actor, &acme, false, PATIENCE).await);
    done(platform.repair_account(&actor, &acme, PATIENCE).await);
    let key = SettingKey::parse("colour").unwrap();
    platform.put_setting(&actor, &acme, key.clone(), json!("blue")).await.unwrap();
    platform.delete_setting(&actor, &acme, key).await.unwrap();
    let token = platform.impersonate(&actor, &acme, Impersonate::default()).await.unwrap();
    let writing = platform.account_for_writing(&grant, &"acme".parse_slug()).await.unwrap();
    platform.revoke_token(&actor, &writing, token.token_id).await.unwrap();
    platform.power(&actor, &grant, order(PowerAction::Start, 104)).await.unwrap();
    platform.power(&actor, &grant, order(PowerAction::Stop, 103)).await.unwrap();
    let guest = AdoptInstanceRequest { vmid: vmid(105), cluster: None, account: "acme".parse_slug(), bunch: None };
    done(platform.adopt_instance(&actor, &grant, guest, PATIENCE).await);
    done(platform.destroy_instance(&actor, &grant, vmid(105), None, true, PATIENCE).await);
    let renamed = PutCluster {
        name: Some("renamed".to_owned()),
        token: Some((TOKEN.to_owned(), SecretString::from(SECRET))),
        ..PutCluster::default()
    };
    platform.put_cluster(&actor, &grant, B.parse_host(), renamed).await.unwrap();
    done(platform.rotate_token(&actor, &grant, A.parse_host(), None, PATIENCE).await);
    let given = "00000000-1111-2222-3333-444444444444";
    site.b.with_state(|state| cluster::user(state, "bnna@pve", "second", given));
    let second = Some(("bnna@pve!second".to_owned(), SecretString::from(given)));
    done(platform.rotate_token(&actor, &grant, B.parse_host(), second, PATIENCE).await);
    done(platform.delete_account(&actor, &acme, GcOptions::default(), PATIENCE).await);
    let made = site.a.with_state(|state| {
        let tokens = &state.access.users["bnna@pve"].tokens;
        tokens.values().map(|token| token.secret.0.clone()).collect::<Vec<_>>()
    });
    let mut secrets = vec![SECRET.to_owned(), given.to_owned(), token.token];
    secrets.extend(made);
    let actions = vec![
        "accounts.create",
        "accounts.adopt",
        "accounts.suspend",
        "accounts.enable",
        "accounts.disable",
        "accounts.enable",
        "accounts.acls",
        "accounts.repair",
        "accounts.settings.put",
        "accounts.settings.delete",
        "accounts.impersonate",
        "accounts.tokens.revoke",
        "instances.start",
        "instances.stop",
        "instances.adopt",
        "instances.destroy",
        "clusters.put",
        "clusters.rotate_token",
        "clusters.rotate_token",
        "accounts.delete",
    ];
    (actions, secrets)
}

#[tokio::test]
async fn every_change_is_in_the_trail_with_its_outcome() {
    let site = Site::start().await;
    let (actions, _) = everything(&site).await;
    let trail = site.trail().await;
    assert_eq!(trail.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), actions);
    for entry in &trail {
        assert_eq!(entry.outcome, "ok", "{entry:?}");
        assert!(entry.outcome_at.is_some_and(|at| at >= entry.at));
        assert_eq!((entry.actor.as_str(), entry.credential_id.as_str()), ("ops", "ops~QSY6rqTE"));
        assert_eq!((entry.remote_addr.as_deref(), entry.request_id.as_str()), (Some("192.0.2.7"), "test"));
        if entry.action.starts_with("accounts.") {
            assert!(matches!(entry.account.as_deref(), Some("acme" | "globex")), "{entry:?}");
        }
    }
    let kinds: Vec<&str> = bnna_platform::Platform::operation_kinds();
    let operations = trail.iter().filter(|entry| entry.operation_id.is_some()).count();
    assert!(operations >= kinds.len(), "operations are named");
}

/// A place to write to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_in_the_trail_the_store_or_the_log() {
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || written.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    tracing::trace!("the log is listened to");
    let site = Site::start().await;
    let (_, secrets) = everything(&site).await;
    drop(guard);
    let trail = serde_json::to_string(&site.trail().await).unwrap();
    let page = site.platform.operations(Default::default(), bnna_store::Window::all()).await.unwrap();
    let mut operations = Vec::new();
    for operation in page.items {
        operations.push(site.platform.operation(operation.operation_id).await.unwrap());
    }
    let operations = serde_json::to_string(&operations).unwrap();
    let mut places =
        vec![("the trail".to_owned(), trail.into_bytes()), ("operations".to_owned(), operations.into_bytes())];
    places.push(("the log".to_owned(), log.0.lock().unwrap().clone()));
    for entry in std::fs::read_dir(site.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            places.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    assert!(String::from_utf8_lossy(&places[2].1).contains("the log is listened to"));
    for secret in &secrets {
        for (place, bytes) in &places {
            let found = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
            if let Some(at) = found {
                let from = at.saturating_sub(300);
                panic!("a secret is in {place}: {}", String::from_utf8_lossy(&bytes[from..at]));
            }
        }
    }
}

#[tokio::test]
async fn refusals_are_in_the_trail_with_their_code() {
    let site = Site::start().await;
    site.create("acme").await;
    site.status("acme", Suspended).await;
    site.a.with_state(|state| cluster::guest(state, 104, GuestKind::Qemu, "a1", Some("acme")));
    let (actor, grant) = (actor(), Grant::internal());
    refused(site.platform.create_account(&actor, account("acme"), PATIENCE).await);
    refused(site.platform.power(&actor, &grant, order(PowerAction::Start, 104)).await);
    refused(site.platform.power(&actor, &grant, order(PowerAction::Start, 999)).await);
    refused(site.platform.destroy_instance(&actor, &grant, vmid(104), None, false, PATIENCE).await);
    refused(site.platform.rotate_token(&actor, &grant, "nowhere.example".parse_host(), None, PATIENCE).await);
    refused(site.platform.cancel_operation(&actor, uuid::Uuid::now_v7()).await);
    let ends: Vec<(String, String)> =
        site.trail().await.into_iter().skip(2).map(|entry| (entry.action, entry.outcome)).collect();
    let expected = [
        ("accounts.create", "exists"),
        ("instances.start", "account_suspended"),
        ("instances.start", "not_found"),
        ("instances.destroy", "account_suspended"),
        ("clusters.rotate_token", "not_found"),
        ("operations.cancel", "not_found"),
    ];
    assert_eq!(ends, expected.map(|(action, code)| (action.to_owned(), code.to_owned())));
}

#[tokio::test]
async fn the_row_is_there_before_the_end_and_the_outcome_without_anybody_waiting() {
    let site = Site::start().await;
    site.b.inject(FaultRule::always(FaultKind::Latency(Duration::from_millis(400))).on("POST", "/pools"));
    let run = site.platform.create_account(&actor(), account("acme"), AT_ONCE).await.unwrap();
    let Run::Accepted(id) = run else { panic!("{run:?}") };
    let begun = site.entry("accounts.create").await;
    assert_eq!((begun.outcome.as_str(), begun.operation_id, begun.outcome_at), ("started", Some(id), None));
    let ended = eventually("the outcome is there", || async {
        let entry = site.entry("accounts.create").await;
        (entry.outcome != "started").then_some(entry)
    })
    .await;
    assert_eq!(ended.outcome, "ok");
}

#[tokio::test]
async fn an_operation_that_fails_unattended_is_in_the_trail_with_its_reason() {
    let site = Site::start().await;
    site.b.inject(FaultRule::always(FaultKind::Status(500, "the disk is full".to_owned())).on("POST", "/pools"));
    let run = site.platform.create_account(&actor(), account("acme"), AT_ONCE).await;
    assert!(matches!(run, Ok(Run::Accepted(_))), "{run:?}");
    let ended = eventually("the outcome is there", || async {
        let entry = site.entry("accounts.create").await;
        (entry.outcome != "started").then_some(entry)
    })
    .await;
    assert_eq!(ended.outcome, "undone");
    assert!(ended.error.unwrap().contains("the disk is full"));
}
