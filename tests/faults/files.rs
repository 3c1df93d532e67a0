//! Files that go or break while bnpd runs: it goes on with what it has read, says what is wrong, and notices when it is right again.

use std::fs;

use bnna_tests::ground::Ground;

use crate::{BNPD, health, metric};

fn check(label: &str) -> String {
    format!("bnna_health_check{{check=\"{label}\"}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_that_is_gone_is_told_and_bnpd_goes_on() {
    let ground = Ground::new(BNPD).await;
    let bnpd = ground.start().await;
    for (file, named, label) in [("master.key", "master key", "master_key"), ("aes-128.key", "csvauth", "csvauth_key")]
    {
        let (path, away) = (ground.etc().join(file), ground.etc().join("away"));
        fs::rename(&path, &away).unwrap();
        let told = health(&bnpd, |text| text != "ok").await;
        assert!(told.starts_with("degraded: ") && told.contains(named), "{told}");
        assert!(!told.contains('/'), "anybody may ask, so it names no path: {told}");
        metric(&bnpd, &check(label), 0).await;
        bnpd.get("/api/platform/clusters").await.is(200);
        let refused = ground.try_start(&Default::default()).await;
        let said = refused.err().expect("it starts without its key");
        assert!(said.contains(file), "{said}");
        fs::rename(&away, &path).unwrap();
        health(&bnpd, |text| text == "ok").await;
        metric(&bnpd, &check(label), 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_users_table_that_breaks_is_told_and_the_one_before_stays_in_use() {
    let ground = Ground::new(BNPD).await;
    let bnpd = ground.start().await;
    let users = ground.etc().join("users.tsv");
    let before = fs::read_to_string(&users).unwrap();

    // By a signal.
    fs::write(&users, "purpose\tname\ntoken\tbroken\"row\n").unwrap();
    bnpd.signal("HUP");
    let told = health(&bnpd, |text| text != "ok").await;
    assert!(told.starts_with("degraded: the users table"), "{told}");
    metric(&bnpd, &check("users_table"), 0).await;
    bnpd.get("/api/platform/accounts").await.is(200);
    fs::write(&users, &before).unwrap();
    bnpd.signal("HUP");
    health(&bnpd, |text| text == "ok").await;
    metric(&bnpd, &check("users_table"), 1).await;

    // And because the file has changed.
    fs::remove_file(&users).unwrap();
    health(&bnpd, |text| text.starts_with("degraded: the users table")).await;
    bnpd.get("/api/platform/accounts").await.is(200);
    fs::write(&users, &before).unwrap();
    health(&bnpd, |text| text == "ok").await;
}
