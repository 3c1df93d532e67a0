//! `/api/platform/accounts`.

use bnna_tests::House;
use proxmox_sim::{FaultKind, FaultRule};
use serde_json::json;

/// An account with a guest from the seed adopted into it: its cluster, node-independent number and a user of its group.
async fn account_with_guest(house: &House) -> u64 {
    house.post("/api/platform/accounts", json!({"slug": "acme", "email": "ops@acme.example"})).await.is(201);
    let listing = house.get("/api/instances?cluster=pve-a&status=stopped").await.is(200);
    let guests = listing.result().as_array().unwrap();
    let guest =
        guests.iter().find(|guest| guest["template"] == false && guest["bunch"].is_null()).expect("a free guest");
    let vmid = guest["vmid"].as_u64().unwrap();
    house.post(&format!("/api/instances/{vmid}/adopt?cluster=pve-a"), json!({"account_slug": "acme"})).await.is(200);
    house.make_user("pve-a", "ann@pve", &["acme"]).await;
    vmid
}

#[tokio::test]
async fn suspension_is_felt_on_the_cluster_itself() {
    let house = House::start().await;
    let vmid = account_with_guest(&house).await;
    let listing = house.get("/api/instances?account=acme").await.is(200);
    let node = listing.result()[0]["node"].as_str().unwrap().to_owned();
    let kind = listing.result()[0]["type"].as_str().unwrap().to_owned();
    let ann = house.user("pve-a", "ann@pve").await;
    let number = proxmox_client::Vmid::new(vmid).unwrap();
    let start = format!("/nodes/{{node}}/{kind}/{{vmid}}/status/start");
    let may_start = || async {
        let params = proxmox_client::Params::default();
        let started = ann.call(proxmox_client::Method::Post, &start, &[&node, &vmid.to_string()], &params).await;
        started.map(drop).map_err(|error| error.status())
    };
    let may_read = || async { ann.cluster().resources(None).await.unwrap().iter().any(|row| row.vmid == Some(number)) };
    assert!(may_read().await, "an active tenant sees its guest");
    let before = house.acl("pve-a").await;

    let suspended = house.post("/api/platform/accounts/acme/suspend", json!({})).await.is(200);
    assert_eq!(suspended.result()["status"], "suspended");
    assert_eq!(suspended.result()["changed"], true);
    assert!(may_read().await, "a suspended tenant still reads");
    assert_eq!(may_start().await, Err(Some(403)), "a suspended tenant starts nothing");
    house.post(&format!("/api/instances/{vmid}/start?cluster=pve-a"), json!({})).await.fails(403, "account_suspended");

    let disabled = house.post("/api/platform/accounts/acme/disable", json!({})).await.is(200);
    assert_eq!(disabled.result()["status"], "disabled");
    let refused = ann.cluster().resources(None).await.unwrap_err();
    assert_eq!(refused.status(), Some(401), "a disabled tenant's user is nobody: {refused}");
    house.post("/api/platform/accounts/acme/suspend", json!({})).await.fails(409, "state");

    let enabled = house.post("/api/platform/accounts/acme/enable", json!({})).await.is(200);
    assert_eq!(enabled.result()["status"], "active");
    assert_eq!(house.acl("pve-a").await, before, "enabling gives back what there was, no more and no less");
    assert!(may_read().await);
    assert_eq!(may_start().await, Ok(()), "and the tenant starts its guest");
    let again = house.post("/api/platform/accounts/acme/enable", json!({})).await.is(200);
    assert_eq!(again.result()["changed"], false);
}

#[tokio::test]
async fn a_second_acl_sync_changes_nothing_and_others_entries_stay() {
    let house = House::start().await;
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.is(201);
    let before = house.acl("pve-a").await;
    let first = house.put("/api/platform/accounts/acme/acls", json!({})).await.is(200);
    assert_eq!(first.result()["added"], json!([]));
    // Somebody takes a right away and gives the group another.
    let group = |role: &str| proxmox_client::permissions::AclEntry {
        path: "/pool/acme".parse().unwrap(),
        subject: proxmox_client::permissions::AclSubject::Group("acme".to_owned()),
        role: role.to_owned(),
        propagate: true,
    };
    house.root("pve-a").access().revoke(&group("PVEVMAdmin")).await.unwrap();
    house.root("pve-a").access().grant(&group("PVETemplateUser")).await.unwrap();
    let health = house.get("/api/platform/accounts/acme/health").await.is(200);
    assert_eq!(health.result()["status"], "error", "{}", health.text);
    let dry = house.put("/api/platform/accounts/acme/acls", json!({"dry_run": true})).await.is(200);
    assert_eq!(
        (dry.result()["added"].as_array().unwrap().len(), dry.result()["removed"].as_array().unwrap().len()),
        (1, 1)
    );
    let synced = house.put("/api/platform/accounts/acme/acls", json!({})).await.is(200);
    assert_eq!(synced.result()["added"][0]["role"], "PVEVMAdmin");
    assert_eq!(synced.result()["removed"][0]["role"], "PVETemplateUser");
    let again = house.put("/api/platform/accounts/acme/acls", json!({})).await.is(200);
    assert_eq!((again.result()["added"].clone(), again.result()["removed"].clone()), (json!([]), json!([])));
    assert_eq!(house.acl("pve-a").await, before);
}

#[tokio::test]
async fn creation_is_on_all_clusters_or_on_none() {
    let house = House::start().await;
    let (acl_a, acl_b) = (house.acl("pve-a").await, house.acl("pve-b").await);
    // The second cluster answers, and refuses in the middle of the work.
    house.sim("pve-b").inject(FaultRule::always(FaultKind::Status(500, "no room".into())).on("POST", "/access/groups"));
    let failed = house.post("/api/platform/accounts", json!({"slug": "acme"})).await;
    assert!((500..600).contains(&failed.status), "{}", failed.text);
    assert!(failed.error().contains("pve-b"), "the error names the cluster: {}", failed.text);
    house.sim("pve-b").clear_faults();
    for host in ["pve-a", "pve-b"] {
        let pools = house.root(host).pools().list().await.unwrap();
        assert!(pools.iter().all(|pool| pool.poolid.to_string() != "acme"), "a pool is left on {host}");
        let groups = house.root(host).access().groups().await.unwrap();
        assert!(groups.iter().all(|group| group.groupid != "acme"), "a group is left on {host}");
    }
    assert_eq!((house.acl("pve-a").await, house.acl("pve-b").await), (acl_a, acl_b));
    house.get("/api/platform/accounts/acme").await.fails(404, "not_found");
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.is(201);
}

#[tokio::test]
async fn an_account_that_is_there_already_is_a_conflict_that_says_to_adopt() {
    let house = House::start().await;
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.is(201);
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.fails(409, "exists");
    let pool = "elsewhere".parse().unwrap();
    house.root("pve-b").pools().create(&pool, None).await.unwrap();
    let refused = house.post("/api/platform/accounts", json!({"slug": "elsewhere"})).await.fails(409, "exists");
    assert!(refused.error().contains("adopt"), "{}", refused.text);
    let adopted = house.post("/api/platform/accounts/elsewhere/adopt", json!({})).await.is(201);
    assert_eq!(adopted.result()["adopted"], true);
    assert_eq!(adopted.result()["clusters"], json!(["pve-b"]));
    house.post("/api/platform/accounts/elsewhere/adopt", json!({})).await.fails(409, "exists");
    house.post("/api/platform/accounts/nowhere/adopt", json!({})).await.fails(404, "not_found");
}

#[tokio::test]
async fn the_dry_run_and_the_deletion_agree_item_by_item() {
    let house = House::start().await;
    account_with_guest(&house).await;
    house.put("/api/platform/accounts/acme/settings/default_node", json!({"value": "pve1"})).await.is(201);
    house.post("/api/platform/accounts/acme/impersonate", json!({})).await.is(201);
    let dry = house.get("/api/platform/accounts/acme/gc").await.is(200);
    assert_eq!(dry.result()["dry_run"], true);
    assert_eq!(dry.result()["blocked"], false, "{}", dry.text);
    let done = house.delete("/api/platform/accounts/acme").await.is(200);
    let strip = |items: &serde_json::Value| {
        let mut items = items.as_array().unwrap().clone();
        items.iter_mut().for_each(|item| {
            item.as_object_mut().unwrap().remove("outcome");
        });
        items
    };
    assert_eq!(strip(&dry.result()["items"]), strip(&done.result()["items"]));
    assert_eq!(dry.result()["summary"], done.result()["summary"]);
    assert!(done.result()["items"].as_array().unwrap().iter().all(|item| item["outcome"].is_string()));
    house.get("/api/platform/accounts/acme").await.fails(404, "not_found");
    assert!(house.acl("pve-a").await.iter().all(|line| !line.contains("acme")));
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.is(201);
}

#[tokio::test]
async fn a_deletion_that_breaks_half_way_is_finished_by_asking_again() {
    let house = House::start().await;
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.is(201);
    house.sim("pve-b").inject(FaultRule::always(FaultKind::Status(500, "no room".into())).on("DELETE", "/pools"));
    let broken = house.delete("/api/platform/accounts/acme").await;
    assert!((500..600).contains(&broken.status), "{}", broken.text);
    let left = house.get("/api/platform/accounts/acme").await.is(200);
    assert_eq!(left.result()["status"], "disabled");
    house.sim("pve-b").clear_faults();
    house.delete("/api/platform/accounts/acme").await.is(200);
    house.get("/api/platform/accounts/acme").await.fails(404, "not_found");
    house.delete("/api/platform/accounts/acme").await.fails(404, "not_found");
}

#[tokio::test]
async fn settings_are_checked_kept_and_deleted() {
    let house = House::start().await;
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.is(201);
    let path = "/api/platform/accounts/acme/settings/default_node";
    house.put(path, json!({"value": 7})).await.fails(400, "invalid_value");
    house.put(path, json!({"value": "pve1"})).await.is(201);
    house.put(path, json!({"value": "pve2"})).await.is(200);
    let all = house.get("/api/platform/accounts/acme/settings").await.is(200);
    assert_eq!(all.result()["default_node"]["value"], "pve2");
    house.delete(path).await.is(200);
    house.delete(path).await.fails(404, "not_found");
}

#[tokio::test]
async fn lists_come_in_pages_and_with_entity_tags() {
    let house = House::start().await;
    for slug in ["aa", "bb", "cc"] {
        house.post("/api/platform/accounts", json!({"slug": slug})).await.is(201);
    }
    let first = house.get("/api/platform/accounts?limit=2").await.is(200);
    assert_eq!(first.result().as_array().unwrap().len(), 2);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let rest = house.get(&format!("/api/platform/accounts?limit=2&cursor={cursor}")).await.is(200);
    assert_eq!(rest.result()[0]["slug"], "cc");
    assert!(rest.body["next_cursor"].is_null());
    let tag = first.headers["etag"].clone();
    let request = house.http().get(format!("{}/api/platform/accounts?limit=2", house.base()));
    let same = house.send(request.bearer_auth(house.operator()).header("if-none-match", tag)).await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
}

#[tokio::test]
async fn why_names_the_entry_that_allows() {
    let house = House::start().await;
    house.post("/api/platform/accounts", json!({ "slug": "acme" })).await.is(201);
    let reasons =
        house.get("/api/platform/accounts/acme/why?subject=root@pam&path=/pool/acme&privilege=VM.Audit").await;
    let reasons = reasons.is(200).result().clone();
    assert!(reasons[0]["allowed"] == true && reasons[0]["agrees"] == true, "{reasons}");
    let nobody = house.get("/api/platform/accounts/acme/why?subject=x@pve&path=/pool/acme&privilege=VM.Audit").await;
    assert_eq!(nobody.is(200).result()[0]["because"], "x@pve does not exist");
    house
        .get("/api/platform/accounts/acme/why?subject=x&path=/&privilege=VM.Audit")
        .await
        .fails(400, "invalid_subject");
    house.get("/api/platform/accounts/acme/why?path=/&privilege=VM.Audit").await.is(400);
}
