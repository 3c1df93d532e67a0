//! `/api/instances`.

use bnna_tests::House;
use bnna_tests::ground::{self, A, Ground};
use proxmox_client::pve::qemu::CreateQemu;
use serde_json::{Value, json};

async fn guest(house: &House, status: &str) -> Value {
    let listing = house.get(&format!("/api/instances?cluster=pve-a&status={status}")).await.is(200);
    let guests = listing.result().as_array().unwrap();
    guests.iter().find(|guest| guest["template"] == false).unwrap_or_else(|| panic!("no {status} guest")).clone()
}

async fn wait_for(house: &House, upid: &str) -> Value {
    for _ in 0..400 {
        let task = house.get(&format!("/api/tasks?upid={}", encode(upid))).await.is(200);
        if task.result()["status"] == "stopped" {
            return task.result().clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{upid} does not end");
}

fn encode(text: &str) -> String {
    text.replace('%', "%25").replace(':', "%3A").replace('@', "%40").replace('!', "%21")
}

#[tokio::test]
async fn a_guest_is_started_once_and_the_task_tells_how_it_went() {
    let house = House::start().await;
    let guest = guest(&house, "stopped").await;
    let path = format!("/api/instances/{}/start?cluster=pve-a", guest["vmid"]);
    let started = house.post(&path, json!({})).await.is(202);
    let task = wait_for(&house, started.result()["upid"].as_str().unwrap()).await;
    assert_eq!(task["ok"], true, "{task}");
    let again = house.post(&path, json!({})).await.is(200);
    assert_eq!(again.result()["changed"], false);
    let listed = house.get(&format!("/api/tasks?vmid={}", guest["vmid"])).await.is(200);
    assert_eq!(listed.result()[0]["upid"], started.result()["upid"]);
    let stopped = house.post(&format!("/api/instances/{}/stop?cluster=pve-a", guest["vmid"]), json!({})).await.is(202);
    wait_for(&house, stopped.result()["upid"].as_str().unwrap()).await;
    house.post(&format!("/api/instances/{}/reboot?cluster=pve-a", guest["vmid"]), json!({})).await.fails(409, "state");
}

#[tokio::test]
async fn starting_what_cannot_be_started_says_why() {
    let house = House::start().await;
    house.post("/api/instances/999999999/start", json!({})).await.fails(404, "not_found");
    house.post("/api/instances/99/start", json!({})).await.fails(400, "invalid_vmid");
    house.post("/api/instances/nonsense/start", json!({})).await.fails(400, "invalid_vmid");

    // Locked.
    let locked = guest(&house, "stopped").await;
    let vmid = locked["vmid"].as_u64().unwrap();
    let kind = locked["type"].as_str().unwrap().to_owned();
    let node = locked["node"].as_str().unwrap().to_owned();
    let small = u32::try_from(vmid).unwrap();
    house.sim("pve-a").with_state(|cluster| cluster.guests.get_mut(small).unwrap().config.set("lock", "backup"));
    let refused =
        house.post(&format!("/api/instances/{vmid}/start?cluster=pve-a"), json!({})).await.fails(409, "state");
    assert!(refused.error().contains("backup"), "{kind} {}", refused.text);
    assert_eq!(refused.body["details"]["lock"], "backup");
    house.sim("pve-a").with_state(|cluster| cluster.guests.get_mut(small).unwrap().config.remove("lock"));

    // On a node that is down.
    house.sim("pve-a").with_state(|cluster| cluster.set_node_online(&node, false));
    let refused = house.post(&format!("/api/instances/{vmid}/start?cluster=pve-a"), json!({})).await;
    assert!(matches!(refused.status, 502 | 504), "{}", refused.text);
    assert!(refused.error().contains("pve-a"), "{}", refused.text);
    house.sim("pve-a").with_state(|cluster| cluster.set_node_online(&node, true));

    // On two clusters.
    let node_b = house.sim("pve-b").addresses().keys().next().unwrap().clone();
    let number = proxmox_client::Vmid::new(vmid).unwrap();
    let task =
        house.root("pve-b").node(&node_b).create_qemu(&CreateQemu::new(number, Default::default())).await.unwrap();
    task.wait(proxmox_client::Wait::default()).await.unwrap();
    let refused = house.post(&format!("/api/instances/{vmid}/start"), json!({})).await.fails(409, "ambiguous");
    assert_eq!(refused.body["details"]["clusters"], json!(["pve-a", "pve-b"]));
}

#[tokio::test]
async fn destroying_minds_running_protection_and_force() {
    let house = House::start().await;
    let running = guest(&house, "running").await;
    let path = format!("/api/instances/{}?cluster=pve-a", running["vmid"]);
    house.delete(&path).await.fails(409, "running");
    let done = house.delete(&format!("{path}&force=true")).await.is(200);
    assert_eq!(done.result()["removed"][0], "guest");
    let gone = house.delete(&path).await;
    assert_eq!(gone.status, 404, "{}", gone.text);
}

#[tokio::test]
async fn direct_domains_follow_from_the_number() {
    let house = House::start().await;
    let listing = house.get("/api/instances?cluster=pve-a").await.is(200);
    let guests = listing.result().as_array().unwrap();
    let planned = guests.iter().find(|guest| guest["ip"].is_string()).expect("a guest in the address plan");
    let domains = house.get(&format!("/api/instances/{}/domains?cluster=pve-a", planned["vmid"])).await.is(200);
    assert_eq!(domains.result()[0]["domain"], planned["hostnames"]["tls"]);
    assert_eq!(domains.result()[1]["domain"], planned["hostnames"]["tcp"]);
    assert_eq!(domains.result()[0]["type"], "direct");
}

#[tokio::test]
async fn a_list_that_has_not_changed_is_not_sent_again() {
    let house = House::start().await;
    let listed = house.get("/api/instances").await.is(200);
    let tag = listed.headers["etag"].clone();
    let again = |tag: reqwest::header::HeaderValue| {
        let request = house.http().get(format!("{}/api/instances", house.base())).bearer_auth(house.operator());
        house.send(request.header("if-none-match", tag))
    };
    let unchanged = again(tag.clone()).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    let page = house.get("/api/instances?limit=1000").await.is(200);
    assert_eq!(page.result(), listed.result(), "whole and in pages it is the same");
    let free = guest(&house, "stopped").await;
    house.sim("pve-a").with_state(|cluster| {
        let vmid = u32::try_from(free["vmid"].as_u64().unwrap()).unwrap();
        cluster.guests.get_mut(vmid).unwrap().config.set("lock", "backup");
    });
    let changed = again(tag).await.is(200);
    assert_ne!(changed.result(), listed.result());
}

#[tokio::test]
async fn a_kept_list_shows_whose_a_guest_has_become() {
    let ground = Ground::new(env!("CARGO_BIN_EXE_bnpd-under-test")).await;
    ground.sim(A).with_state(|cluster| {
        ground::found_pool(cluster, "found");
        ground::guest(cluster, 4711, "a1", Some("found"), false);
    });
    let bnpd = ground.start().await;
    let owner = async || {
        let listed = bnpd.get("/api/instances").await.is(200);
        let guest = listed.result().as_array().unwrap().iter().find(|guest| guest["vmid"] == 4711).unwrap().clone();
        guest["account_slug"].clone()
    };
    assert_eq!(owner().await, Value::Null);
    // Adopting changes nothing on the cluster: only the store says whose the pool is.
    bnpd.post("/api/platform/accounts/found/adopt", json!({})).await.is(201);
    assert_eq!(owner().await, "found");
}
