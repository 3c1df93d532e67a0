//! `/api/platform/operations`.

use bnna_tests::House;
use proxmox_sim::{FaultKind, FaultRule};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_caller_that_does_not_wait_gets_the_operation_to_ask_for() {
    let house = House::start().await;
    house.sim("pve-b").inject(FaultRule::always(FaultKind::Latency(Duration::from_millis(300))));
    let request = house.http().post(format!("{}/api/platform/accounts", house.base()));
    let request = request.bearer_auth(house.operator()).header("prefer", "wait=0");
    let accepted =
        house.send(request.header("content-type", "application/json").body(r#"{"slug":"acme"}"#)).await.is(202);
    let id = accepted.result()["operation_id"].as_str().unwrap().to_owned();
    let path = format!("/api/platform/operations/{id}");
    let second = house.post("/api/platform/accounts/acme/suspend", json!({})).await;
    assert!(matches!(second.status, 404 | 409), "{}", second.text);
    let mut seen = house.get(&path).await.is(200);
    for _ in 0..200 {
        if seen.result()["finished_at"].is_string() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        seen = house.get(&path).await.is(200);
    }
    assert_eq!(seen.result()["state"], "done", "{}", seen.text);
    assert!(seen.result()["steps"].as_array().unwrap().iter().all(|step| step["state"] == "done"));
    let task = house.get(&format!("/api/tasks?upid={id}")).await.is(200);
    assert_eq!((&task.result()["ok"], &task.result()["status"]), (&json!(true), &json!("stopped")));
    house.post(&format!("{path}/cancel"), json!({})).await.fails(409, "state");
    let list = house.get("/api/platform/operations?account=acme").await.is(200);
    assert_eq!(list.result()[0]["operation_id"], id.as_str());
    house.get("/api/platform/operations/018f0000-0000-7000-8000-000000000000").await.fails(404, "not_found");
}
