//! `/api/accounts/{slug}/…` with tenant tokens.

use bnna_tests::House;
use reqwest::Method;
use serde_json::json;

async fn token(house: &House, slug: &str) -> (String, String) {
    let path = format!("/api/platform/accounts/{slug}/impersonate");
    let issued = house.post(&path, json!({})).await.is(201);
    assert_eq!(issued.headers["cache-control"], "no-store");
    let token = issued.result()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("bn_") && token.len() == 47, "{token}");
    (format!("Bearer {token}"), issued.result()["token_id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_tenant_reaches_its_own_account_and_nothing_else() {
    let house = House::start().await;
    for slug in ["acme", "globex"] {
        house.post("/api/platform/accounts", json!({"slug": slug})).await.is(201);
    }
    let (acme, id) = token(&house, "acme").await;
    let get = |path: &'static str| house.request(Method::GET, path, Some(&acme), None);
    let own = get("/api/accounts/acme/tokens").await.is(200);
    assert_eq!(own.result()[0]["id"], id.as_str());
    assert!(!own.text.contains("bn_"), "a token's value is listed");
    get("/api/accounts/globex/tokens").await.fails(403, "wrong_account");
    get("/api/accounts/nobody/tokens").await.fails(403, "wrong_account");
    for path in
        ["/api/platform/accounts", "/api/instances", "/api/nodes", "/api/platform/audit", "/api/platform/accounts/acme"]
    {
        get(path).await.fails(403, "forbidden");
    }
    let inspected = get("/api/platform/token/inspect").await.is(200);
    assert_eq!((&inspected.result()["kind"], &inspected.result()["account_slug"]), (&json!("tenant"), &json!("acme")));

    house.post("/api/platform/accounts/acme/suspend", json!({})).await.is(200);
    get("/api/accounts/acme/tokens").await.is(200);
    let revoke = format!("/api/accounts/acme/tokens/{id}");
    house.request(Method::DELETE, &revoke, Some(&acme), None).await.fails(403, "account_suspended");
    house.post("/api/platform/accounts/acme/disable", json!({})).await.is(200);
    get("/api/accounts/acme/tokens").await.fails(403, "account_disabled");
    house.post("/api/platform/accounts/acme/impersonate", json!({})).await.fails(409, "state");
    house.post("/api/platform/accounts/acme/enable", json!({})).await.is(200);
    house.request(Method::DELETE, &revoke, Some(&acme), None).await.is(200);
    let refused = get("/api/accounts/acme/tokens").await.fails(401, "unauthorized");
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn no_credential_a_wrong_one_and_a_foreign_kind_are_401() {
    let house = House::start().await;
    for credential in [
        None,
        Some("Bearer nonsense"),
        Some("Bearer bn_short"),
        Some("Basic b3BzOm9wcw=="),
        Some("PVEAPIToken=root@pam!x=0d1ab2b6-5c0c-4b39-9f3e-6a2f4f1f5f00"),
        Some("PVEAPIToken=bnna@pve!bnpd=0d1ab2b6-5c0c-4b39-9f3e-6a2f4f1f5f00"),
        Some("Bearer bn_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ] {
        house.request(Method::GET, "/api/platform/accounts", credential, None).await.fails(401, "unauthorized");
    }
    let root = house.sim("pve-a").root_token().unwrap().clone();
    let credential = format!("PVEAPIToken={}={}", root.id, root.secret);
    let inspected = house.request(Method::GET, "/api/platform/token/inspect", Some(&credential), None).await.is(200);
    assert_eq!((&inspected.result()["kind"], &inspected.result()["cluster"]), (&json!("pve"), &json!("pve-a")));
}
