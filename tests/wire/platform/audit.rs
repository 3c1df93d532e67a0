//! `/api/platform/audit`.

use bnna_tests::House;
use serde_json::json;

#[tokio::test]
async fn every_change_leaves_who_what_where_and_how_it_ended() {
    let house = House::start().await;
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.is(201);
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.fails(409, "exists");
    let request = house.http().post(format!("{}/api/platform/accounts/acme/suspend", house.base()));
    let request = request.bearer_auth(house.operator()).header("x-request-id", "my-request-1");
    let suspended = house.send(request).await.is(200);
    assert_eq!(suspended.headers["x-request-id"], "my-request-1");
    let trail = house.get("/api/platform/audit").await.is(200);
    let rows = trail.result().as_array().unwrap();
    let summary: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["action"].as_str().unwrap(), row["outcome"].as_str().unwrap())).collect();
    assert_eq!(summary, [("accounts.suspend", "ok"), ("accounts.create", "exists"), ("accounts.create", "ok")]);
    let suspend = &rows[0];
    assert_eq!(suspend["request_id"], "my-request-1");
    assert_eq!(suspend["remote_addr"], "127.0.0.1");
    assert_eq!(suspend["target"], "acme");
    assert!(suspend["operation_id"].is_string());
    assert!(suspend["credential_id"].as_str().unwrap().starts_with("ops~"));
    let page = house.get("/api/platform/audit?limit=1&action=accounts.create").await.is(200);
    assert_eq!(page.result().as_array().unwrap().len(), 1);
    assert!(page.body["next_cursor"].is_string());
    assert!(!trail.text.contains(house.operator()), "a token is in the audit trail");
}
