//! `bnpd demo`: what it prints works as printed, and a second start goes on where the first was.

use bnna_tests::House;
use serde_json::json;

#[tokio::test]
async fn the_five_lines_work_as_printed() {
    let house = House::start().await;
    let guide = house.demo().guide().await;
    let lines: Vec<&str> = guide.lines().filter(|line| line.starts_with("curl ")).collect();
    assert_eq!(lines.len(), 5, "{guide}");
    for line in lines {
        let output = tokio::process::Command::new("sh").args(["-c", line]).output().await.unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{line}: {error}: {}", String::from_utf8_lossy(&output.stdout)));
        assert!(answer["error"].is_null(), "{line}: {answer}");
        assert!(!answer["result"].is_null(), "{line}: {answer}");
    }
}

#[tokio::test]
async fn a_second_start_goes_on_where_the_first_was() {
    let mut house = House::start().await;
    house.post("/api/platform/accounts", json!({"slug": "acme"})).await.is(201);
    house.make_user("pve-a", "ann@pve", &["acme"]).await;
    let acl = house.acl("pve-a").await;
    house.restart().await;
    let account = house.get("/api/platform/accounts/acme").await.is(200);
    assert_eq!(account.result()["clusters"], json!(["pve-a", "pve-b"]));
    assert_eq!(house.acl("pve-a").await, acl);
    let health = house.get("/api/platform/accounts/acme/health").await.is(200);
    assert_eq!(health.result()["status"], "ok", "{}", health.text);
}
