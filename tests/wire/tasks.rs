//! `/api/tasks`.

use bnna_tests::House;

#[tokio::test]
async fn malformed_and_unknown_tasks_are_told_apart() {
    let house = House::start().await;
    house.get("/api/tasks?upid=nonsense").await.fails(400, "invalid_upid");
    let unknown = "UPID%3Apve1%3A00001234%3A0000ABCD%3A66000000%3Aqmstart%3A100%3Aroot%40pam%3A";
    house.get(&format!("/api/tasks?upid={unknown}")).await.fails(404, "not_found");
    house.get("/api/tasks?running=1").await.is(200);
}
