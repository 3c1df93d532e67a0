//! Compares what the store says, what the audit trail says and what the clusters show, when nothing is at work any more. Whatever
//! was interrupted on the way here, these have to agree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bnna_store::{Options, Row, Store};
use proxmox_sim::state::Cluster;

use crate::bnpd_process::Bnpd;
use crate::ground::{Ground, USER};

/// How an operation ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its kind.
    pub kind: String,
    /// Its state.
    pub state: String,
    /// Why, as JSON.
    pub error: String,
    /// What remains, as JSON.
    pub remains: String,
}

/// How long the audit trail may take to learn how an operation has ended.
const SETTLED: Duration = Duration::from_secs(15);

/// What is odd, and stays so; empty when everything agrees. Operations that did not end as `done` are odd unless `expected` says so.
pub async fn check(ground: &Ground, bnpd: &Bnpd, expected: impl Fn(&Ended) -> bool) -> Vec<String> {
    let until = Instant::now() + SETTLED;
    loop {
        let odd = compare(ground, bnpd, &expected).await;
        if odd.is_empty() || Instant::now() > until {
            return odd;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn compare(ground: &Ground, bnpd: &Bnpd, expected: impl Fn(&Ended) -> bool) -> Vec<String> {
    let store = Store::open(Options::new(bnpd::compose::store_file(&ground.store()))).await.unwrap();
    let mut odd = Vec::new();
    operations(&store, &mut odd, expected).await;
    trail(&store, &mut odd, ground.unanswered.load(Ordering::SeqCst)).await;
    let accounts = accounts(ground, bnpd, &store, &mut odd).await;
    orphans(ground, &accounts, &mut odd);
    tokens(ground, &store, &mut odd).await;
    guests(ground, &store, &mut odd).await;
    tasks(ground, &store, &mut odd).await;
    store.close().await;
    odd
}

async fn rows(store: &Store, query: &'static str) -> Vec<Row> {
    store.read(move |sql| sql.query(query, &[])).await.unwrap()
}

fn text(row: &Row, column: &str) -> String {
    row.get::<Option<String>>(column).unwrap().unwrap_or_default()
}

async fn operations(store: &Store, odd: &mut Vec<String>, expected: impl Fn(&Ended) -> bool) {
    for row in rows(
        store,
        "SELECT id, kind, state, error_json, remains_json, finished_at, \
         (SELECT COUNT(*) FROM operation_keys WHERE operation_id = operations.id) AS keys, \
         (SELECT COUNT(*) FROM audit WHERE operation_id = operations.id) AS entries FROM operations",
    )
    .await
    {
        let id = text(&row, "id");
        let ended = Ended {
            kind: text(&row, "kind"),
            state: text(&row, "state"),
            error: text(&row, "error_json"),
            remains: text(&row, "remains_json"),
        };
        if row.get::<Option<i64>>("finished_at").unwrap().is_none() {
            odd.push(format!("{} {id} has not ended: {ended:?}", ended.kind));
        } else if ended.state != "done" && !expected(&ended) {
            odd.push(format!("{} {id}: {ended:?}", ended.kind));
        }
        if row.get::<i64>("keys").unwrap() > 0 && row.get::<Option<i64>>("finished_at").unwrap().is_some() {
            odd.push(format!("{} {id} is over and holds keys", ended.kind));
        }
        if row.get::<i64>("entries").unwrap() != 1 {
            odd.push(format!("{} {id} has not one entry in the audit trail", ended.kind));
        }
    }
    for row in rows(
        store,
        "SELECT operation_id, name, phase, COUNT(*) AS times FROM operation_steps WHERE state = 'done' \
         GROUP BY operation_id, step, phase HAVING COUNT(*) > 1",
    )
    .await
    {
        odd.push(format!(
            "{}: {} {} is done more than once",
            text(&row, "operation_id"),
            text(&row, "phase"),
            text(&row, "name")
        ));
    }
}

/// Every entry has an outcome. An interrupted one stands for a request that was cut off before it became an operation: there are no
/// more of those than requests without an answer.
async fn trail(store: &Store, odd: &mut Vec<String>, unanswered: usize) {
    let mut cut = Vec::new();
    for row in rows(
        store,
        "SELECT audit.action AS action, audit.target AS target, audit.operation_id AS operation, operations.state AS state, \
         audit.outcome AS outcome FROM audit LEFT JOIN operations ON operations.id = audit.operation_id \
         WHERE audit.outcome IS NULL OR audit.outcome = 'interrupted'",
    )
    .await
    {
        let what = format!("{} {}", text(&row, "action"), text(&row, "target"));
        match (text(&row, "operation").as_str(), text(&row, "state").as_str()) {
            ("", _) if text(&row, "outcome") == "interrupted" => cut.push(what),
            ("", _) => odd.push(format!("an audit entry has no outcome: {what}")),
            (id, _) if text(&row, "outcome") == "interrupted" => {
                odd.push(format!("operation {id} goes on or is over, its audit entry says interrupted: {what}"));
            }
            (id, "") => odd.push(format!("the audit trail names operation {id}, which is not there: {what}")),
            (id, state) => odd.push(format!("operation {id} is {state}, its audit entry has no outcome: {what}")),
        }
    }
    if cut.len() > unanswered {
        odd.push(format!("{unanswered} request(s) got no answer, interrupted are: {cut:?}"));
    }
}

/// An account as the store has it.
struct Account {
    slug: String,
    status: String,
    adopted: bool,
}

/// Each account with each of its places; returns the accounts by id.
async fn accounts(ground: &Ground, bnpd: &Bnpd, store: &Store, odd: &mut Vec<String>) -> BTreeMap<String, Account> {
    let mut accounts = BTreeMap::new();
    for row in rows(store, "SELECT id, slug, status, adopted FROM accounts").await {
        let account = Account {
            slug: text(&row, "slug"),
            status: text(&row, "status"),
            adopted: row.get::<bool>("adopted").unwrap(),
        };
        let path = format!("/api/platform/accounts/{}/health", account.slug);
        let health = bnpd.get(&path).await;
        if health.status != 200 || health.result()["status"] == "error" {
            odd.push(format!("account {} is not well: {}", account.slug, health.text));
        }
        accounts.insert(text(&row, "id"), account);
    }
    for row in rows(store, "SELECT account_id, cluster, pool, adopted, state FROM account_clusters").await {
        let (id, host, pool) = (text(&row, "account_id"), text(&row, "cluster"), text(&row, "pool"));
        let account = &accounts[&id];
        let say = |what: &str| format!("account {} on {host}: {what}", account.slug);
        if text(&row, "state") != "ready" {
            odd.push(say(&format!("its place is {:?}", text(&row, "state"))));
        }
        let adopted = row.get::<bool>("adopted").unwrap();
        ground.sim(&host).with_state(|cluster| {
            let comment = cluster.pools.get(&pool).map(|pool| pool.comment.clone());
            match comment {
                None => odd.push(say("there is no pool")),
                Some(comment) if !adopted && comment != mark(&account.slug, &id) => {
                    odd.push(say(&format!("the pool is marked {comment:?}")));
                }
                Some(_) => {}
            }
            if !adopted && !cluster.access.groups.contains_key(&account.slug) {
                odd.push(say("there is no group"));
            }
            let roles = roles(cluster, &account.slug);
            let held = roles.iter().all(|(_, role)| role == "PVEAuditor");
            if !adopted
                && account.status == "active"
                && !roles.contains(&(format!("/pool/{pool}"), "PVEVMAdmin".into()))
            {
                odd.push(say(&format!("it is active and its group holds {roles:?}")));
            }
            if account.status != "active" && !held {
                odd.push(say(&format!("it is {} and its group holds {roles:?}", account.status)));
            }
        });
    }
    held_users(ground, store, &accounts, odd).await;
    accounts
}

/// The comment of what bnna makes for an account.
fn mark(slug: &str, id: &str) -> String {
    format!("bnna account {slug} ({id})")
}

/// What a group holds: paths and roles.
fn roles(cluster: &Cluster, group: &str) -> BTreeSet<(String, String)> {
    let entries = cluster.access.acl.iter().flat_map(|(path, node)| {
        node.groups
            .get(group)
            .into_iter()
            .flat_map(move |roles| roles.keys().map(move |role| (path.clone(), role.clone())))
    });
    entries.collect()
}

/// Users are off exactly where disabling an account has switched them off, and that is recorded.
async fn held_users(ground: &Ground, store: &Store, accounts: &BTreeMap<String, Account>, odd: &mut Vec<String>) {
    let mut held = BTreeSet::new();
    for row in rows(store, "SELECT account_id, cluster, userid FROM account_held_users").await {
        let account = &accounts[&text(&row, "account_id")];
        if account.status != "disabled" {
            odd.push(format!("account {} is {} and holds users", account.slug, account.status));
        }
        held.insert((text(&row, "cluster"), text(&row, "userid")));
    }
    for (host, sim) in ground.sims() {
        let (users, groups) = sim.with_state(|cluster| (cluster.access.users.clone(), cluster.access.groups.clone()));
        for (userid, user) in users {
            // Whose account is gone stays as it was left.
            let has_account = |slug: &String| accounts.values().any(|account| account.slug == *slug);
            if !groups.iter().any(|(name, group)| group.members.contains(&userid) && has_account(name)) {
                continue;
            }
            let recorded = held.contains(&(host.to_owned(), userid.clone()));
            if user.enable == recorded {
                odd.push(format!("{host}: user {userid} is on: {}, recorded as switched off: {recorded}", user.enable));
            }
        }
    }
}

/// What bnna made on a cluster belongs to an account that there is.
fn orphans(ground: &Ground, accounts: &BTreeMap<String, Account>, odd: &mut Vec<String>) {
    let marks: BTreeSet<String> = accounts.iter().map(|(id, account)| mark(&account.slug, id)).collect();
    let known: BTreeSet<&str> =
        accounts.values().filter(|account| account.adopted).map(|account| account.slug.as_str()).collect();
    for (host, sim) in ground.sims() {
        sim.with_state(|cluster| {
            let ours = |comment: &str| comment.starts_with("bnna account") && !marks.contains(comment);
            for (name, pool) in cluster.pools.iter().filter(|(_, pool)| ours(&pool.comment)) {
                odd.push(format!("{host}: pool {name} is nobody's: {:?}", pool.comment));
            }
            for (name, group) in cluster.access.groups.iter().filter(|(_, group)| ours(&group.comment)) {
                odd.push(format!("{host}: group {name} is nobody's: {:?}", group.comment));
            }
            for (path, node) in &cluster.access.acl {
                for group in node.groups.keys() {
                    if !cluster.access.groups.contains_key(group) && !known.contains(group.as_str()) {
                        odd.push(format!("{host}: {path} is given to group {group}, which is not there"));
                    }
                }
            }
        });
    }
}

/// bnpd has one token on each cluster, the one that it uses.
async fn tokens(ground: &Ground, store: &Store, odd: &mut Vec<String>) {
    for row in rows(store, "SELECT host, token_id FROM clusters").await {
        let (host, used) = (text(&row, "host"), text(&row, "token_id"));
        let there: Vec<String> = ground.sim(&host).with_state(|cluster| {
            cluster.access.users[USER].tokens.keys().map(|name| format!("{USER}!{name}")).collect()
        });
        if there != [used.clone()] {
            odd.push(format!("{host}: bnpd uses {used}, there are {there:?}"));
        }
    }
}

/// A recorded guest is there, and in a pool of its account.
async fn guests(ground: &Ground, store: &Store, odd: &mut Vec<String>) {
    for row in rows(
        store,
        "SELECT instances.cluster AS cluster, instances.vmid AS vmid, account_clusters.pool AS pool FROM instances \
         LEFT JOIN account_clusters ON account_clusters.account_id = instances.account_id \
         AND account_clusters.cluster = instances.cluster WHERE gone_since IS NULL",
    )
    .await
    {
        let (host, pool) = (text(&row, "cluster"), text(&row, "pool"));
        let vmid = u32::try_from(row.get::<i64>("vmid").unwrap()).unwrap();
        ground.sim(&host).with_state(|cluster| {
            if cluster.guests.get(vmid).is_none() {
                odd.push(format!("{host}: guest {vmid} is recorded and not there"));
            } else if !cluster.pools.get(&pool).is_some_and(|pool| pool.vms.contains(&vmid)) {
                odd.push(format!("{host}: guest {vmid} is recorded in pool {pool:?} and not in it"));
            }
        });
    }
}

/// The clusters know the tasks that are recorded.
async fn tasks(ground: &Ground, store: &Store, odd: &mut Vec<String>) {
    for row in rows(store, "SELECT cluster, upid FROM proxmox_tasks").await {
        let (host, upid) = (text(&row, "cluster"), text(&row, "upid"));
        if ground.sim(&host).with_state(|cluster| cluster.tasks.get(&upid).is_none()) {
            odd.push(format!("{host} does not know task {upid}"));
        }
    }
}
