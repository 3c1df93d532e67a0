//! How everything stands before an operation of each kind: its parameters, and two clusters and a store that are set up again for each
//! case. A new kind gets every check of this folder by a line in [`each_workflow`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bnna_core::GcOptions;
use bnna_operations::Workflow;
use bnna_operations::testing::Scene;
use bnna_platform::Estate;
use bnna_platform::accounts::Impersonate;
use bnna_platform::clusters::{ClientSettings, Clusters};
use bnna_store::{Options, Store};
use proxmox_sim::guests::GuestKind;
use proxmox_sim::{Cluster, Sim};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::cluster::{self, Subject, look};
use super::{A, B, SECRET, Site, actor, clients, settings};

/// Calls a macro with every kind of operation: the name of the case, the type, and what prepares it.
macro_rules! each_workflow {
    ($each:ident) => {
        $each! {
            creating_an_account: bnna_platform::accounts::Create = create;
            adopting_an_account: bnna_platform::accounts::Adopt = adopt;
            suspending_an_account: bnna_platform::accounts::SetStatus = suspend;
            disabling_an_account: bnna_platform::accounts::SetStatus = disable;
            enabling_an_account: bnna_platform::accounts::SetStatus = enable;
            bringing_rights_to_the_status: bnna_platform::accounts::SyncAcls = sync;
            repairing_an_account: bnna_platform::accounts::Repair = repair;
            deleting_an_account: bnna_platform::accounts::Delete = delete;
            sending_a_canary: bnna_platform::accounts::Canary = canary;
            sending_all_canaries: bnna_platform::accounts::CanaryRound = canary_round;
            destroying_a_guest: bnna_platform::instances::Destroy = destroy;
            adopting_a_guest: bnna_platform::instances::AdoptInstance = adopt_guest;
            adopting_a_guest_of_the_pool: bnna_platform::instances::AdoptInstance = adopt_member;
            rotating_a_token: bnna_platform::clusters::RotateToken = rotate;
        }
    };
}
pub(crate) use each_workflow;

const ID: &str = "01890000-0000-7000-8000-000000000001";
const AT: &str = "2026-01-02T03:04:05Z";
const VM: u32 = 1_104_051;
const CT: u32 = 1_104_052;

/// An account on both clusters with a user, a running VM and a container.
async fn account(site: &Site) -> String {
    let made = site.create("acme").await;
    site.a.with_state(|state| {
        cluster::user(state, "alice@pve", "own", "x");
        cluster::join(state, "acme", "alice@pve");
        cluster::guest(state, VM, GuestKind::Qemu, "a1", Some("acme"));
        cluster::running(state, VM);
        cluster::guest(state, CT, GuestKind::Lxc, "a2", Some("acme"));
    });
    made.id.to_string()
}

pub async fn create(_: &Site) -> Value {
    json!({ "id": ID, "slug": "acme", "display_name": "Acme", "email": "", "clusters": [A, B], "at": AT })
}

pub async fn adopt(site: &Site) -> Value {
    for (sim, node) in [(&site.a, "a1"), (&site.b, "b1")] {
        sim.with_state(|state| {
            cluster::pool(state, "acme");
            cluster::join(state, "acme", "root@pam");
            cluster::grant(state, "/pool/acme", Subject::Group("acme"), "PVEVMUser");
            cluster::guest(state, VM, GuestKind::Qemu, node, Some("acme"));
        });
    }
    json!({ "id": ID, "slug": "acme", "pool": "acme", "display_name": "Acme", "email": "", "clusters": [A, B], "at": AT })
}

fn status(id: &str, wanted: &str) -> Value {
    json!({ "id": id, "slug": "acme", "wanted": wanted, "stop_guests": false, "clusters": [A, B], "at": AT })
}

pub async fn suspend(site: &Site) -> Value {
    status(&account(site).await, "suspended")
}

pub async fn disable(site: &Site) -> Value {
    status(&account(site).await, "disabled")
}

pub async fn enable(site: &Site) -> Value {
    let id = account(site).await;
    site.status("acme", bnna_core::AccountStatus::Disabled).await;
    status(&id, "active")
}

pub async fn sync(site: &Site) -> Value {
    let id = account(site).await;
    site.a.with_state(|state| {
        state.access.acl.remove("/storage/tank");
        cluster::grant(state, "/pool/acme", Subject::Group("acme"), "PVEVMUser");
    });
    site.b.with_state(|state| state.access.acl.remove("/pool/acme"));
    json!({ "id": id, "slug": "acme", "clusters": [A, B] })
}

pub async fn repair(site: &Site) -> Value {
    let id = account(site).await;
    record(site, &id, VM).await;
    site.a.with_state(|state| {
        state.pools.remove("acme");
        state.access.acl.remove("/pool/acme");
    });
    site.b.with_state(|state| {
        state.access.groups.remove("acme");
        for node in state.access.acl.values_mut() {
            node.groups.remove("acme");
        }
    });
    json!({ "id": id, "slug": "acme", "places": [[A, "acme"], [B, "acme"]] })
}

/// Records a guest as made here.
async fn record(site: &Site, account: &str, number: u32) {
    let row = bnna_store::instances::Instance {
        id: uuid::Uuid::now_v7(),
        cluster: A.to_owned(),
        vmid: i64::from(number),
        kind: "qemu".to_owned(),
        account_id: Some(account.parse().unwrap()),
        bunch: Some("acme".to_owned()),
        name: format!("g{number}"),
        adopted: false,
        created_at: bnna_store::now(),
        gone_since: None,
    };
    site.store().write(move |sql| bnna_store::instances::put(sql, &row)).await.unwrap();
}

pub async fn delete(site: &Site) -> Value {
    let id = account(site).await;
    record(site, &id, VM).await;
    let account = site.operating("acme").await;
    let key = bnna_core::SettingKey::parse("colour").unwrap();
    site.platform.put_setting(&actor(), &account, key, json!("blue")).await.unwrap();
    site.platform.impersonate(&actor(), &account, Impersonate::default()).await.unwrap();
    let options = GcOptions { force: true, ..GcOptions::default() };
    let report = site.platform.gc_report(&account.read(), options).await.unwrap();
    assert!(!report.blocked, "{report:?}");
    json!({ "id": id, "slug": "acme", "items": report.items, "force": true, "at": AT })
}

pub async fn canary(site: &Site) -> Value {
    let id = account(site).await;
    // One that a crash has left behind on each cluster: each step removes it.
    for sim in [&site.a, &site.b] {
        sim.with_state(|state| {
            cluster::user(state, "bnna-canary-acme@pve", "canary", "x");
            cluster::join(state, "acme", "bnna-canary-acme@pve");
            let left = state.access.users.get_mut("bnna-canary-acme@pve").unwrap();
            left.comment = format!("canary of bnna account acme ({id})");
        });
    }
    json!({ "id": id, "slug": "acme", "places": [[A, "acme"], [B, "acme"]], "blind": false })
}

/// The same with another account, in two steps.
pub async fn canary_round(site: &Site) -> Value {
    canary(site).await;
    site.create("zed").await;
    json!({ "parts": [["acme", "acme"], ["zed", "zed"]] })
}

pub async fn destroy(site: &Site) -> Value {
    let id = account(site).await;
    record(site, &id, VM).await;
    json!({ "vmid": VM, "host": A, "force": true })
}

fn guest_params(id: &str, number: u32, moves: bool) -> Value {
    json!({
        "id": ID, "vmid": number, "host": A, "account": id, "pool": "acme", "moves": moves,
        "kind": "lxc", "name": "guest", "at": AT
    })
}

pub async fn adopt_guest(site: &Site) -> Value {
    let id = account(site).await;
    site.a.with_state(|state| cluster::guest(state, 900, GuestKind::Lxc, "a1", None));
    guest_params(&id, 900, true)
}

pub async fn adopt_member(site: &Site) -> Value {
    guest_params(&account(site).await, CT, false)
}

pub async fn rotate(_: &Site) -> Value {
    json!({ "host": A, "old": "bnna@pve!bnpd", "token_id": "bnna@pve!bnpd-1", "sealed": null, "at": AT })
}

/// How everything stands before the workflow, to be set up again for each case.
pub struct Stage {
    pub site: Site,
    before: (Cluster, Cluster),
    store: PathBuf,
    params: Value,
}

impl Stage {
    pub async fn new(site: Site, params: Value) -> Self {
        site.platform.shutdown(Duration::from_secs(10)).await;
        let store = site.directory.path().join("stage.db");
        site.store().backup(store.clone()).await.unwrap();
        let before = (site.a.with_state(|state| state.clone()), site.b.with_state(|state| state.clone()));
        Self { site, before, store, params }
    }

    pub async fn scene<W: Workflow<Context = Estate>>(self: Arc<Self>) -> Scene<W> {
        self.scene_with(clients()).await
    }

    /// The same with clusters that are asked in another way.
    pub async fn scene_with<W: Workflow<Context = Estate>>(self: Arc<Self>, clients: ClientSettings) -> Scene<W> {
        self.site.a.with_state(|state| *state = self.before.0.clone());
        self.site.b.with_state(|state| *state = self.before.1.clone());
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bnna.db");
        std::fs::copy(&self.store, &file).unwrap();
        let store = Store::open(Options::new(file)).await.unwrap();
        let clusters = Arc::new(Clusters::new(clients));
        for (host, sim) in [(A, &self.site.a), (B, &self.site.b)] {
            clusters.put(settings(host, sim), SecretString::from(SECRET)).unwrap();
        }
        let sealer = self.site.platform.estate().sealer.clone();
        let context = Estate { store: store.clone(), clusters, sealer, task_deadline: Duration::from_secs(30) };
        let (seen, stage) = (context.clone(), Arc::clone(&self));
        Scene {
            store,
            context,
            workflow: serde_json::from_value(self.params.clone()).unwrap(),
            fingerprint: Box::new(move || {
                let (seen, stage) = (seen.clone(), Arc::clone(&stage));
                Box::pin(async move { fingerprint(&seen, &stage.site.a, &stage.site.b).await })
            }),
            keep: Box::new((self, directory) as (Arc<Self>, TempDir)),
        }
    }
}

/// The clusters and the store without ids and times.
async fn fingerprint(estate: &Estate, a: &Sim, b: &Sim) -> String {
    let token = estate.clusters.get(A).unwrap().token().0.to_owned();
    let rows = estate.store.read(|sql| {
        let mut text = String::new();
        for query in [
            "SELECT slug || ' ' || status || ' ' || pool || ' ' || adopted AS line FROM accounts ORDER BY 1",
            "SELECT cluster || ' ' || pool || ' ' || adopted || ' ' || state AS line FROM account_clusters ORDER BY 1",
            "SELECT cluster || ' ' || vmid || ' ' || (account_id IS NOT NULL) || ' ' || coalesce(bunch, '') || ' ' || \
             adopted AS line FROM instances ORDER BY 1",
            "SELECT cluster || ' ' || path || ' ' || role || ' ' || ugid || ' ' || propagate AS line \
             FROM account_rights ORDER BY 1",
            "SELECT cluster || ' ' || groupid AS line FROM account_groups ORDER BY 1",
            "SELECT cluster || ' ' || userid AS line FROM account_held_users ORDER BY 1",
            "SELECT key AS line FROM account_settings ORDER BY 1",
            "SELECT label || ' ' || (revoked_at IS NULL) AS line FROM tenant_tokens ORDER BY 1",
            "SELECT host || ' ' || token_id AS line FROM clusters ORDER BY 1",
            "SELECT slug || ' ' || report_json AS line FROM account_canaries JOIN accounts ON id = account_id ORDER BY 1",
        ] {
            for row in sql.query(query, &[])? {
                text.push_str(&row.get::<String>("line")?);
                text.push('\n');
            }
            text.push_str("--\n");
        }
        Ok(text)
    });
    format!("{}\n== {B}\n{}\n== store\n{}token in use {token}", look(a), look(b), rows.await.unwrap())
}
