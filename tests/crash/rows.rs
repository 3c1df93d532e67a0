//! One row for each kind of operation: how to set the scene for it, and the request that starts it. A kind without a row fails
//! [`every_kind_of_operation_has_a_row`].

use std::collections::BTreeSet;

use bnna_tests::bnpd_process::Bnpd;
use bnna_tests::ground::{A, B, Ground, found_pool, guest, member};
use futures::future::BoxFuture;
use proxmox_sim::{FaultKind, FaultRule};
use reqwest::Method;
use serde_json::{Value, json};

use crate::sweep::sweep;

/// A request.
pub type Request = (Method, String, Value);

/// A kind of operation, and one way to come to it.
pub struct Row {
    /// The kind.
    pub kind: &'static str,
    /// Makes everything that has to be there before, for the case of this number, and gives the request.
    pub prepare: for<'a> fn(&'a Ground, &'a Bnpd, u32) -> BoxFuture<'a, Request>,
    /// How the operation ends, however often bnpd is killed meanwhile.
    pub ends: &'static str,
}

macro_rules! rows {
    ($($name:ident: $kind:literal, $ends:literal, $prepare:ident;)*) => {
        const LISTED: &[&str] = &[$($kind),*];
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let prepare: for<'a> fn(&'a Ground, &'a Bnpd, u32) -> BoxFuture<'a, Request> =
                    |ground, bnpd, number| Box::pin($prepare(ground, bnpd, number));
                sweep(&Row { kind: $kind, prepare, ends: $ends }).await;
            }
        )*
    };
}

rows! {
    creating_an_account: "accounts.create", "done", create;
    a_creation_that_fails: "accounts.create", "undone", create_in_vain;
    adopting_an_account: "accounts.adopt", "done", adopt;
    disabling_an_account: "accounts.status", "done", disable;
    enabling_an_account: "accounts.status", "done", enable;
    bringing_rights_to_the_status: "accounts.acls", "done", sync;
    repairing_an_account: "accounts.repair", "done", repair;
    deleting_an_account: "accounts.delete", "done", delete;
    sending_a_canary: "accounts.canary", "done", canary;
    sending_all_canaries: "accounts.canary_round", "done", canary_round;
    destroying_a_guest: "instances.destroy", "done", destroy;
    adopting_a_guest: "instances.adopt", "done", adopt_guest;
    rotating_a_token: "clusters.rotate_token", "done", rotate;
}

#[test]
fn every_kind_of_operation_has_a_row() {
    let listed: BTreeSet<&str> = LISTED.iter().copied().collect();
    let known: BTreeSet<&str> = bnpd::compose::operation_kinds().into_iter().collect();
    assert_eq!(listed, known);
}

fn slug(number: u32) -> String {
    format!("case{number}")
}

/// The number of a case's guest; even, so that it is a virtual machine.
fn vmid(number: u32) -> u32 {
    1000 + 2 * number
}

/// An account on one cluster, with a user.
async fn account(ground: &Ground, bnpd: &Bnpd, number: u32) -> String {
    let slug = slug(number);
    bnpd.post("/api/platform/accounts", json!({ "slug": slug, "clusters": [A] })).await.is(201);
    ground.a.with_state(|cluster| member(cluster, &slug, &format!("{slug}@pve")));
    slug
}

/// The same with a guest that bnpd made.
async fn with_guest(ground: &Ground, bnpd: &Bnpd, number: u32) -> String {
    let slug = account(ground, bnpd, number).await;
    ground.a.with_state(|cluster| guest(cluster, vmid(number), "a2", Some(&slug), true));
    let adopt = format!("/api/instances/{}/adopt?cluster={A}", vmid(number));
    bnpd.post(&adopt, json!({ "account_slug": slug })).await.is(200);
    slug
}

async fn create(_: &Ground, _: &Bnpd, number: u32) -> Request {
    (Method::POST, "/api/platform/accounts".to_owned(), json!({ "slug": slug(number) }))
}

/// The second cluster refuses the last thing.
async fn create_in_vain(ground: &Ground, bnpd: &Bnpd, number: u32) -> Request {
    ground.b.clear_faults();
    let refusal = FaultKind::Status(500, "no".to_owned());
    ground.b.inject(FaultRule::always(refusal).on("PUT", "/access/acl"));
    create(ground, bnpd, number).await
}

async fn adopt(ground: &Ground, _: &Bnpd, number: u32) -> Request {
    let slug = slug(number);
    for (sim, node, vmid) in [(&ground.a, "a1", vmid(number)), (&ground.b, "b1", vmid(number) + 1)] {
        sim.with_state(|cluster| {
            found_pool(cluster, &slug);
            member(cluster, &slug, &format!("{slug}@pve"));
            guest(cluster, vmid, node, Some(&slug), true);
        });
    }
    (Method::POST, format!("/api/platform/accounts/{slug}/adopt"), json!({}))
}

async fn disable(ground: &Ground, bnpd: &Bnpd, number: u32) -> Request {
    let slug = account(ground, bnpd, number).await;
    (Method::POST, format!("/api/platform/accounts/{slug}/disable"), json!({}))
}

async fn canary(ground: &Ground, bnpd: &Bnpd, number: u32) -> Request {
    let slug = account(ground, bnpd, number).await;
    (Method::POST, format!("/api/platform/accounts/{slug}/canary"), json!({}))
}

/// Of one account: the ground has those of the cases before, too.
async fn canary_round(ground: &Ground, bnpd: &Bnpd, number: u32) -> Request {
    if number > 0 {
        let before = format!("/api/platform/accounts/{}", slug(number - 1));
        bnpd.ask(Method::DELETE, &before, None).await.unwrap().is(200);
    }
    account(ground, bnpd, number).await;
    (Method::POST, "/api/platform/canary".to_owned(), json!({}))
}

async fn enable(ground: &Ground, bnpd: &Bnpd, number: u32) -> Request {
    let slug = account(ground, bnpd, number).await;
    bnpd.post(&format!("/api/platform/accounts/{slug}/disable"), json!({})).await.is(200);
    (Method::POST, format!("/api/platform/accounts/{slug}/enable"), json!({}))
}

async fn sync(ground: &Ground, bnpd: &Bnpd, number: u32) -> Request {
    let slug = account(ground, bnpd, number).await;
    ground.a.with_state(|cluster| {
        let node = cluster.access.acl.get_mut(&format!("/pool/{slug}")).unwrap();
        node.groups.insert(slug.clone(), [("PVEVMUser".to_owned(), true)].into());
    });
    (Method::PUT, format!("/api/platform/accounts/{slug}/acls"), json!({}))
}

async fn repair(ground: &Ground, bnpd: &Bnpd, number: u32) -> Request {
    let slug = with_guest(ground, bnpd, number).await;
    ground.a.with_state(|cluster| {
        cluster.join_pool(vmid(number), None);
        cluster.pools.remove(&slug);
        cluster.access.groups.remove(&slug);
        for node in cluster.access.acl.values_mut() {
            node.groups.remove(&slug);
        }
    });
    (Method::POST, format!("/api/platform/accounts/{slug}/repair"), json!({}))
}

async fn delete(ground: &Ground, bnpd: &Bnpd, number: u32) -> Request {
    let slug = with_guest(ground, bnpd, number).await;
    bnpd.post(&format!("/api/platform/accounts/{slug}/impersonate"), json!({})).await.is(201);
    (Method::DELETE, format!("/api/platform/accounts/{slug}?adopted=delete&force=true"), Value::Null)
}

async fn destroy(ground: &Ground, bnpd: &Bnpd, number: u32) -> Request {
    with_guest(ground, bnpd, number).await;
    (Method::DELETE, format!("/api/instances/{}?cluster={A}&force=true", vmid(number)), Value::Null)
}

async fn adopt_guest(ground: &Ground, bnpd: &Bnpd, number: u32) -> Request {
    let slug = account(ground, bnpd, number).await;
    ground.a.with_state(|cluster| guest(cluster, vmid(number), "a3", None, false));
    (Method::POST, format!("/api/instances/{}/adopt?cluster={A}", vmid(number)), json!({ "account_slug": slug }))
}

async fn rotate(_: &Ground, _: &Bnpd, _: u32) -> Request {
    (Method::PUT, format!("/api/platform/clusters/{B}/operator-token"), json!({}))
}
