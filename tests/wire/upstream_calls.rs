//! How many calls to Proxmox each action of a user costs, counted where they arrive, and written down in `docs/upstream-calls.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bnna_tests::House;
use proxmox_sim::Moment;
use reqwest::Method;
use serde_json::{Value, json};

const HOSTS: [&str; 2] = ["pve-a", "pve-b"];
/// Looking after a task is repeated until it has ended: how often depends on how long it takes.
const POLL: &str = "GET /nodes/{node}/tasks/{upid}/status";

/// What was asked of the clusters: by call, how often at each.
type Calls = BTreeMap<String, [usize; 2]>;

/// A house whose clusters note every call.
struct Counted {
    house: House,
    calls: Arc<Mutex<Calls>>,
    /// What each action cost: route, what was done, calls.
    table: Vec<(String, String, Calls)>,
}

impl Counted {
    async fn start() -> Self {
        let house = House::start().await;
        let calls = Arc::new(Mutex::new(Calls::new()));
        for (at, host) in HOSTS.into_iter().enumerate() {
            let calls = Arc::clone(&calls);
            house.sim(host).watch(Some(Arc::new(move |seen| {
                if seen.moment == Moment::Arrived {
                    let call = format!("{} {}", seen.method, template(seen.method, seen.path));
                    calls.lock().unwrap().entry(call).or_default()[at] += 1;
                }
                None
            })));
        }
        Self { house, calls, table: Vec::new() }
    }

    /// Does something and notes what it cost.
    async fn act(&mut self, method: Method, route: &str, path: &str, body: Option<Value>, what: &str) -> Value {
        self.calls.lock().unwrap().clear();
        let authorization = format!("Bearer {}", self.house.operator());
        let answer = self.house.request(method.clone(), path, Some(&authorization), body).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.text);
        let calls = std::mem::take(&mut *self.calls.lock().unwrap());
        self.table.push((format!("{method} {route}"), what.to_owned(), calls));
        answer.result().clone()
    }

    async fn get(&mut self, route: &str, path: &str, what: &str) -> Value {
        self.act(Method::GET, route, path, None, what).await
    }

    async fn post(&mut self, route: &str, path: &str, what: &str) -> Value {
        self.act(Method::POST, route, path, Some(json!({})), what).await
    }

    /// Waits until a task is over, without counting.
    async fn over(&self, answer: &Value) {
        let upid = answer["upid"].as_str().unwrap().replace(':', "%3A").replace('@', "%40").replace('!', "%21");
        for _ in 0..400 {
            if self.house.get(&format!("/api/tasks?upid={upid}")).await.result()["status"] == "stopped" {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("{answer} does not end");
    }
}

/// The path with its parameters as `{name}`.
fn template(method: &str, path: &str) -> String {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').skip(1).collect();
        wanted.len() == parts.len() && wanted.iter().zip(&parts).all(|(want, is)| want.starts_with('{') || want == is)
    };
    let known = proxmox_client::calls::TABLE.iter().flat_map(|calls| calls.iter());
    let mut found: Vec<&str> =
        known.filter(|call| call.method.as_str() == method && fits(call.template)).map(|call| call.template).collect();
    // The one that says most: `/pools/{poolid}` rather than `/{anything}/{else}`.
    found.sort_by_key(|template| template.matches('{').count());
    found.first().map_or_else(|| path.to_owned(), |template| (*template).to_owned())
}

fn cost(calls: &Calls, at: usize) -> String {
    let count: usize = calls.iter().filter(|(call, _)| *call != POLL).map(|(_, counts)| counts[at]).sum();
    let polled = calls.get(POLL).is_some_and(|counts| counts[at] > 0);
    if polled { format!("{count} + polls") } else { count.to_string() }
}

fn which(calls: &Calls) -> String {
    let names = calls.iter().map(|(call, counts)| {
        let most = counts.iter().max().copied().unwrap_or_default();
        if most > 1 && call != POLL { format!("{most} × `{call}`") } else { format!("`{call}`") }
    });
    let text = names.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "none".to_owned() } else { text }
}

const HEAD: &str = "# Calls to Proxmox, by what a user does

Counted by a test (`cargo test -p bnna-tests --test wire upstream_calls`) on two simulated clusters: A has three nodes, B one, an
account has a place on both. *Polls* stand for looking after a task until it ends. Listings are counted as asked for: with
`listing_age_seconds` above 0, readers within that time share one `GET /cluster/resources` (and versions, and the cluster's status),
and cost nothing. Steps of operations and whatever decides something always ask.

`UPDATE_GOLDEN=1` writes this file anew; a change here is a change of what bnpd asks of every cluster.

| call | what | A | B | which (most at one cluster) |
|---|---|---|---|---|
";

fn document(table: &[(String, String, Calls)]) -> String {
    let mut text = HEAD.to_owned();
    for (route, what, calls) in table {
        let _ = writeln!(text, "| `{route}` | {what} | {} | {} | {} |", cost(calls, 0), cost(calls, 1), which(calls));
    }
    text
}

#[tokio::test]
async fn each_action_costs_the_calls_that_are_written_down() {
    let mut counted = Counted::start().await;
    walk(&mut counted).await;
    let text = document(&counted.table);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/upstream-calls.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = text.lines().zip(known.lines()).find(|(now, then)| now != then);
    assert!(
        text == known,
        "{differs:#?}\nUPDATE_GOLDEN=1 cargo test -p bnna-tests --test wire upstream_calls, and look at the difference"
    );
    // Every route of the document that the façade serves stands there.
    let served = counted.house.get("/api/openapi.json").await;
    let walked: BTreeSet<String> = counted.table.iter().map(|(route, _, _)| route.clone()).collect();
    let mut missing = Vec::new();
    for (path, item) in served.body["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let route = format!("{} {path}", method.to_uppercase());
            if !walked.contains(&route) {
                missing.push(route);
            }
        }
    }
    assert!(missing.is_empty(), "routes without a row: {missing:#?}");
}

async fn walk(counted: &mut Counted) {
    for path in ["/health", "/livez", "/readyz", "/metrics", "/api/version", "/api/openapi.json", "/api/docs"] {
        counted.get(path, path, "").await;
    }
    for path in
        ["/api/platform/token/inspect", "/api/platform/ssh-keys", "/api/platform/audit", "/api/platform/operations"]
    {
        counted.get(path, path, "").await;
    }
    clusters(counted).await;
    accounts(counted).await;
    instances(counted).await;
    ends(counted).await;
}

async fn clusters(counted: &mut Counted) {
    counted.get("/api/platform/clusters", "/api/platform/clusters", "").await;
    counted.get("/api/nodes", "/api/nodes", "").await;
    counted.get("/api/platform/inventory", "/api/platform/inventory", "").await;
    let (route, path) = ("/api/platform/clusters/{host}", "/api/platform/clusters/pve-a");
    counted.act(Method::PUT, route, path, Some(json!({"name": "A"})), "another name").await;
    let (route, path) = ("/api/platform/clusters/{host}/operator-token", "/api/platform/clusters/pve-a/operator-token");
    counted.act(Method::PUT, route, path, Some(json!({})), "a new token of bnpd").await;
}

async fn accounts(counted: &mut Counted) {
    let all = "/api/platform/accounts";
    counted.act(Method::POST, all, all, Some(json!({"slug": "acme"})), "on both clusters").await;
    counted.get(all, all, "").await;
    let (one, acme) = ("/api/platform/accounts/{slug}", "/api/platform/accounts/acme");
    counted.get(one, acme, "").await;
    for part in ["health", "inventory", "gc", "settings"] {
        counted.get(&format!("{one}/{part}"), &format!("{acme}/{part}"), "").await;
    }
    let (setting, timezone) = (format!("{one}/settings/{{key}}"), format!("{acme}/settings/timezone"));
    counted.act(Method::PUT, &setting, &timezone, Some(json!({"value": "UTC"})), "").await;
    counted.act(Method::DELETE, &setting, &timezone, None, "").await;
    counted
        .act(Method::PUT, &format!("{one}/acls"), &format!("{acme}/acls"), Some(json!({})), "nothing to change")
        .await;
    let why = format!("{acme}/why?subject=root%40pam&path=/pool/acme&privilege=VM.Audit");
    counted.get(&format!("{one}/why"), &why, "").await;
    for change in ["suspend", "enable", "disable", "enable", "repair"] {
        let what = if change == "repair" { "nothing to repair" } else { "" };
        counted.post(&format!("{one}/{change}"), &format!("{acme}/{change}"), what).await;
    }
    counted.post(&format!("{one}/impersonate"), &format!("{acme}/impersonate"), "").await;
    counted.post(&format!("{one}/canary"), &format!("{acme}/canary"), "past all that is foreign in the demo").await;
    counted.post("/api/platform/canary", "/api/platform/canary", "for one account").await;
    let (tokens, of_acme) = ("/api/accounts/{slug}/tokens", "/api/accounts/acme/tokens");
    let issued = counted.get(tokens, of_acme, "").await;
    let id = issued[0]["id"].as_str().unwrap().to_owned();
    counted.act(Method::DELETE, &format!("{tokens}/{{id}}"), &format!("{of_acme}/{id}"), None, "").await;
    let pool = "elsewhere".parse().unwrap();
    counted.house.root("pve-b").pools().create(&pool, None).await.unwrap();
    counted.post(&format!("{one}/adopt"), &format!("{all}/elsewhere/adopt"), "a pool on B").await;
}

async fn instances(counted: &mut Counted) {
    let all = "/api/instances";
    let listed = counted.get(all, all, "").await;
    let free = |guest: &&Value| guest["cluster"] == "pve-a" && guest["template"] == false && guest["managed"] == false;
    let guest = listed.as_array().unwrap().iter().filter(free).find(|guest| guest["status"] == "stopped").unwrap();
    let (one, path) = ("/api/instances/{vmid}", format!("/api/instances/{}", guest["vmid"]));
    let on = "?cluster=pve-a";
    counted.get(&format!("{one}/domains"), &format!("{path}/domains{on}"), "its cluster named").await;
    counted.get(&format!("{one}/domains"), &format!("{path}/domains"), "its cluster looked for").await;
    let body = Some(json!({"account_slug": "acme"}));
    counted.act(Method::POST, &format!("{one}/adopt"), &format!("{path}/adopt{on}"), body, "").await;
    for order in ["start", "reboot", "stop", "start", "shutdown"] {
        let done = counted.post(&format!("{one}/{order}"), &format!("{path}/{order}{on}"), "its cluster named").await;
        counted.over(&done).await;
    }
    let again = counted.get("/api/tasks", "/api/tasks", "none that runs").await;
    let upid = again[0]["upid"].as_str().unwrap().replace(':', "%3A").replace('@', "%40").replace('!', "%21");
    counted.get("/api/tasks", &format!("/api/tasks?upid={upid}"), "one that has ended").await;
    counted.act(Method::DELETE, one, &format!("{path}{on}"), None, "stopped").await;
}

async fn ends(counted: &mut Counted) {
    let (one, acme) = ("/api/platform/accounts/{slug}", "/api/platform/accounts/acme");
    let id =
        counted.house.get("/api/platform/operations").await.result()[0]["operation_id"].as_str().unwrap().to_owned();
    let operation = "/api/platform/operations/{id}";
    counted.get(operation, &format!("/api/platform/operations/{id}"), "").await;
    counted.calls.lock().unwrap().clear();
    let refused = counted.house.post(&format!("/api/platform/operations/{id}/cancel"), json!({})).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    let calls = counted.calls.lock().unwrap().clone();
    counted.table.push((format!("POST {operation}/cancel"), "one that has ended".to_owned(), calls));
    counted.act(Method::DELETE, one, acme, None, "without guests").await;
}
