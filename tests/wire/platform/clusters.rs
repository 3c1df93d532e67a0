//! `/api/platform/clusters`, `/api/nodes`, `/api/platform/inventory`, `/api/platform/ssh-keys`.

use bnna_tests::House;
use proxmox_sim::{FaultKind, FaultRule};
use serde_json::json;

#[tokio::test]
async fn clusters_nodes_and_inventory_show_what_is_there() {
    let house = House::start().await;
    let clusters = house.get("/api/platform/clusters").await.is(200);
    let hosts: Vec<&str> = clusters.result().as_array().unwrap().iter().map(|c| c["host"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["pve-a", "pve-b"]);
    let a = &clusters.result()[0];
    assert_eq!(
        (&a["reachable"], &a["quorate"], &a["operator_token"]["ok"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert_eq!(a["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(clusters.result()[1]["nodes"].as_array().unwrap().len(), 1);
    let nodes = house.get("/api/nodes").await.is(200);
    assert_eq!(nodes.result().as_array().unwrap().len(), 4);
    assert!(nodes.result()[0]["version"].is_string(), "{}", nodes.text);
    let inventory = house.get("/api/platform/inventory").await.is(200);
    assert!(inventory.result()["instances"].as_u64().unwrap() > 0);
    assert!(!inventory.result()["unmanaged"].as_array().unwrap().is_empty());
    house.get("/api/platform/ssh-keys").await.is(200);
}

#[tokio::test]
async fn a_silent_cluster_is_a_warning_and_all_silent_is_an_error() {
    let house = House::start().await;
    house.sim("pve-b").inject(FaultRule::always(FaultKind::Html));
    for path in ["/api/instances", "/api/nodes", "/api/platform/inventory", "/api/platform/clusters"] {
        let answer = house.get(path).await.is(200);
        let warnings =
            if path.ends_with("inventory") { &answer.result()["warnings"] } else { &answer.body["warnings"] };
        assert_eq!(warnings[0]["cluster"], "pve-b", "{path}: {}", answer.text);
    }
    house.sim("pve-a").inject(FaultRule::always(FaultKind::ResetBeforeRead));
    house.get("/api/instances").await.fails(502, "upstream");
    house.get("/health").await.is(200);
    house.sim("pve-a").clear_faults();
    house.sim("pve-b").clear_faults();
    let answer = house.get("/api/instances").await.is(200);
    assert!(answer.body["warnings"].is_null(), "{}", answer.text);
}

#[tokio::test]
async fn a_rotated_token_is_in_use_and_the_old_one_is_gone() {
    let mut house = House::start().await;
    let before = house.get("/api/platform/clusters").await.is(200);
    let old = before.result()[0]["operator_token"]["id"].as_str().unwrap().to_owned();
    let rotated = house.put("/api/platform/clusters/pve-a/operator-token", json!({})).await.is(200);
    assert_eq!(rotated.result()["deleted"], old.as_str(), "{}", rotated.text);
    let new = rotated.result()["operator_token"]["id"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    let tokens = house.root("pve-a").access().tokens(&"bnna@pve".parse().unwrap()).await.unwrap();
    assert_eq!(tokens.len(), 1);
    house.restart().await;
    let after = house.get("/api/platform/clusters").await.is(200);
    assert_eq!(after.result()[0]["operator_token"]["id"], new.as_str(), "a restart does not bring the old token back");
    assert_eq!(after.result()[0]["operator_token"]["ok"], true);
    let refused = house
        .put(
            "/api/platform/clusters/pve-a/operator-token",
            json!({"token_id": "bnna@pve!nope", "secret": "0d1ab2b6-5c0c-4b39-9f3e-6a2f4f1f5f00"}),
        )
        .await;
    assert_eq!(refused.status, 502, "{}", refused.text);
    let kept = house.get("/api/platform/clusters").await.is(200);
    assert_eq!(kept.result()[0]["operator_token"]["id"], new.as_str());
    assert_eq!(kept.result()[0]["operator_token"]["ok"], true);
}

#[tokio::test]
async fn a_cluster_is_taken_into_use_only_when_it_answers_and_accepts_the_token() {
    let house = House::start().await;
    let sim = house.sim("pve-b");
    let address = sim.addresses().values().next().unwrap().to_string();
    let pin = sim.addresses().keys().find_map(|node| sim.fingerprint(node)).unwrap();
    let root = sim.root_token().unwrap().clone();
    let body = |secret: &str, pin: &str| json!({"addresses": [address], "fingerprints": [pin], "token_id": root.id, "secret": secret});
    let path = "/api/platform/clusters/pve-c.example.net:8006";
    let wrong_pin = "00:".repeat(31) + "00";
    let refused = house.put(path, body(&root.secret, &wrong_pin)).await.fails(502, "upstream");
    assert!(refused.error().contains("fingerprint"), "{}", refused.text);
    house.put(path, body("0d1ab2b6-5c0c-4b39-9f3e-6a2f4f1f5f00", &pin)).await.fails(502, "upstream");
    house.get("/api/instances?cluster=pve-c.example.net:8006").await.is(200);
    let added = house.put(path, body(&root.secret, &pin)).await.is(201);
    assert!(!added.text.contains(&root.secret), "a secret is in the answer");
    house.put(path, json!({"name": "third"})).await.is(200);
    assert_eq!(house.get("/api/platform/clusters").await.is(200).result().as_array().unwrap().len(), 3);
}
