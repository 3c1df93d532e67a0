//! A house in which each route finds something to work on.

use std::time::Duration;

use bnna_auth::csvauth::{Key, issue};
use bnna_auth::tenant_token::TenantToken;
use bnna_store::{Digest, Store, accounts, operations, tenant_tokens};
use bnna_tests::{Answer, House};
use proxmox_client::pve::access::tokens::CreateToken;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// The accounts: active, another one, suspended, disabled.
pub const ACCOUNTS: [&str; 4] = ["acme", "globex", "slow", "dead"];

/// The house and what is in it.
pub struct Furnished {
    pub house: House,
    /// A stopped guest of acme on pve-a.
    pub guest: u64,
    /// A running guest on pve-a.
    pub running: u64,
    /// A stopped guest on pve-a that nobody manages.
    pub free: u64,
    /// An operation that is under way in another process and never ends.
    pub operation: Uuid,
}

impl Furnished {
    pub async fn start() -> Self {
        Self::of(House::start().await).await
    }

    /// One that forgives as many failed credentials as may be set.
    pub async fn forgiving() -> Self {
        let mut house = House::start().await;
        let file = house.directory().join("house/etc/bnpd.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let kept: Vec<&str> =
            text.lines().filter(|line| !line.trim_start().starts_with("failures_per_minute")).collect();
        let text = kept.join("\n").replace("[auth]", "[auth]\nfailures_per_minute = 10000");
        assert!(text.contains("failures_per_minute"), "{text}");
        std::fs::write(&file, text).unwrap();
        house.restart().await;
        Self::of(house).await
    }

    async fn of(house: House) -> Self {
        for slug in ACCOUNTS {
            house.post("/api/platform/accounts", json!({"slug": slug})).await.is(201);
        }
        let path = "/api/platform/accounts/acme/settings/colour";
        house.put(path, json!({"value": "red"})).await.is(201);
        house.root("pve-b").pools().create(&"loose".parse().unwrap(), None).await.unwrap();
        let listing = house.get("/api/instances?cluster=pve-a").await.is(200);
        let guests = listing.result().as_array().unwrap();
        let mut stopped = guests
            .iter()
            .filter(|guest| guest["status"] == "stopped" && guest["template"] == false && guest["bunch"].is_null())
            .map(|guest| guest["vmid"].as_u64().unwrap());
        let (guest, free) = (stopped.next().expect("a free guest"), stopped.next().expect("another free guest"));
        let running = guests.iter().find(|guest| guest["status"] == "running").expect("a running guest");
        let running = running["vmid"].as_u64().unwrap();
        house
            .post(&format!("/api/instances/{guest}/adopt?cluster=pve-a"), json!({"account_slug": "acme"}))
            .await
            .is(200);
        let operation = under_way(&store(&house)).await;
        Self { house, guest, running, free, operation }
    }

    /// Suspends slow and disables dead, which gets no tokens any more.
    pub async fn close(&self) {
        self.house.post("/api/platform/accounts/slow/suspend", json!({})).await.is(200);
        self.house.post("/api/platform/accounts/dead/disable", json!({})).await.is(200);
    }

    pub fn store(&self) -> Store {
        store(&self.house)
    }

    /// `Authorization` of a new token of an account, and its id.
    pub async fn tenant(&self, slug: &str) -> (String, Uuid) {
        let path = format!("/api/platform/accounts/{slug}/impersonate");
        let issued = self.house.post(&path, json!({})).await.is(201);
        let token = issued.result()["token"].as_str().unwrap();
        (format!("Bearer {token}"), issued.result()["token_id"].as_str().unwrap().parse().unwrap())
    }

    /// `Authorization` of a token of acme as the API would not make it.
    pub async fn odd_tenant(&self, change: impl FnOnce(&mut tenant_tokens::TenantToken)) -> String {
        let token = TenantToken::mint().unwrap();
        let account = self.store().read(|sql| accounts::by_slug(sql, "acme")).await.unwrap().unwrap();
        let mut row = tenant_tokens::TenantToken {
            id: Uuid::now_v7(),
            hash: Digest::new(token.hash().as_bytes().to_vec()),
            account_id: account.id,
            role_id: None,
            label: "odd".to_owned(),
            subject: None,
            issuer: None,
            created_at: bnna_store::now(),
            expires_at: bnna_store::now() + Duration::from_secs(3600),
            last_used_at: None,
            revoked_at: None,
        };
        change(&mut row);
        self.store().write(move |sql| tenant_tokens::insert(sql, &row)).await.unwrap();
        format!("Bearer {}", token.expose())
    }

    /// `Authorization` of a new operator who may only look.
    pub fn viewer(&self) -> String {
        let etc = self.house.directory().join("house/etc");
        let key = std::fs::read_dir(&etc)
            .unwrap()
            .filter_map(|entry| Key::load(&entry.unwrap().path()).ok())
            .next()
            .expect("csvauth's key");
        let (secret, row) = issue::new_token("auditor", &["viewer"], &key).unwrap();
        let table = etc.join("users.tsv");
        let text = std::fs::read_to_string(&table).unwrap();
        std::fs::write(&table, format!("{text}{row}")).unwrap();
        self.house.demo().daemon().reload();
        format!("Bearer {}", secret.expose())
    }

    /// `Authorization` of a full operator.
    pub fn operator(&self) -> String {
        format!("Bearer {}", self.house.operator())
    }

    /// `Authorization` of root's token of pve-a.
    pub fn root(&self) -> String {
        let token = self.house.sim("pve-a").root_token().unwrap();
        format!("PVEAPIToken={}={}", token.id, token.secret)
    }

    /// `Authorization` of a new token on pve-a, with separated privileges and none of its own.
    pub async fn powerless(&self, id: &str) -> String {
        let params = CreateToken { privsep: Some(true), ..CreateToken::default() };
        let made = self.house.root("pve-a").access().create_token(&id.parse().unwrap(), &params).await.unwrap();
        format!("PVEAPIToken={id}={}", made.value.expose())
    }

    /// Sends a request of somebody.
    pub async fn call(&self, who: Option<&str>, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.house.request(Method::from_bytes(method.as_bytes()).unwrap(), path, who, body.cloned()).await
    }
}

fn store(house: &House) -> Store {
    house.demo().daemon().platform().store().clone()
}

/// An operation of a process that is taken to be alive.
async fn under_way(store: &Store) -> Uuid {
    let now = bnna_store::now();
    let row = operations::Operation {
        id: Uuid::now_v7(),
        kind: "accounts.repair".to_owned(),
        params: json!({}),
        state: "running".to_owned(),
        account: Some("globex".to_owned()),
        subject: "account globex".to_owned(),
        actor: "ops".to_owned(),
        request_id: "elsewhere".to_owned(),
        cancel: false,
        steps_done: 0,
        steps_total: 3,
        current_step: None,
        error: None,
        result: None,
        remains: json!([]),
        created_at: now,
        updated_at: now,
        finished_at: None,
        lease_owner: Some("elsewhere".to_owned()),
        lease_until: Some(now + Duration::from_secs(86_400)),
        fence: 1,
    };
    let id = row.id;
    store.write(move |sql| operations::insert(sql, &row)).await.unwrap();
    id
}
