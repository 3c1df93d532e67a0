//! Starting over broken things: a clear error each that names what is broken; and breaking them while bnpd runs.

use std::path::Path;

use bnna_tests::{House, install_provider};
use bnpd::Daemon;
use bnpd::config::{Config, Flags, load};

fn config(directory: &Path) -> Config {
    install_provider();
    let etc = directory.join("etc");
    if !etc.join("bnpd.toml").exists() {
        bnpd::init::run(&etc, &directory.join("store")).unwrap();
    }
    let flags = Flags { listen: Some("127.0.0.1:0".to_owned()), directory: None };
    load(Some(&etc.join("bnpd.toml")), &flags).config.unwrap()
}

async fn refused(config: &Config) -> String {
    match Daemon::start(config).await {
        Ok(daemon) => {
            daemon.shutdown().await;
            panic!("bnpd started")
        }
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn what_init_wrote_starts_and_starts_again() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let daemon = Daemon::start(&config(directory.path())).await.unwrap();
        let answer = reqwest::get(format!("http://{}/health", daemon.address())).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "ok"));
        daemon.shutdown().await;
    }
}

#[tokio::test]
async fn broken_files_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let good = config(directory.path());

    let mut missing = good.clone();
    missing.auth.users_file = directory.path().join("nowhere.tsv");
    let error = refused(&missing).await;
    assert!(error.contains("nowhere.tsv"), "{error}");

    let mut open = good.clone();
    open.auth.master_key_file = directory.path().join("open.key");
    std::fs::copy(&good.auth.master_key_file, &open.auth.master_key_file).unwrap();
    std::fs::set_permissions(&open.auth.master_key_file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let error = refused(&open).await;
    assert!(error.contains("open.key") && error.contains("0644"), "{error}");

    // The store is sealed with the right key, then opened with another.
    Daemon::start(&good).await.unwrap().shutdown().await;
    let mut wrong = good.clone();
    wrong.auth.master_key_file = directory.path().join("other.key");
    bnpd::init::run(&directory.path().join("other"), directory.path()).unwrap();
    std::fs::copy(directory.path().join("other/master.key"), &wrong.auth.master_key_file).unwrap();
    let error = refused(&wrong).await;
    assert!(error.contains("other.key"), "{error}");

    let mut unwritable = good.clone();
    std::fs::write(directory.path().join("file"), "x").unwrap();
    unwritable.store_directory = directory.path().join("file");
    let error = refused(&unwritable).await;
    assert!(error.contains("file"), "{error}");

    let mut junk = good.clone();
    junk.store_directory = directory.path().join("junk");
    std::fs::create_dir(&junk.store_directory).unwrap();
    std::fs::write(bnpd::compose::store_file(&junk.store_directory), "this is no database at all").unwrap();
    let error = refused(&junk).await;
    assert!(error.contains("bnna.sqlite3"), "{error}");
}

#[tokio::test]
async fn a_users_table_that_breaks_while_running_leaves_the_old_one_in_use() {
    let house = House::start().await;
    let users = house.directory().join("house/etc/users.tsv");
    let before = std::fs::read_to_string(&users).unwrap();
    std::fs::write(&users, "purpose\tname\ntoken\tbroken\"row\n").unwrap();
    house.demo().daemon().reload();
    house.get("/api/platform/accounts").await.is(200);
    std::fs::write(&users, before.lines().next().unwrap()).unwrap();
    house.demo().daemon().reload();
    house.get("/api/platform/accounts").await.fails(401, "unauthorized");
    std::fs::write(&users, before).unwrap();
    house.demo().daemon().reload();
    house.get("/api/platform/accounts").await.is(200);
}

#[tokio::test]
async fn a_live_store_is_copied_to_one_that_opens() {
    let house = House::start().await;
    house.post("/api/platform/accounts", serde_json::json!({"slug": "acme"})).await.is(201);
    let copy = house.directory().join("copy.sqlite3");
    bnpd::backup::run(&house.directory().join("house/store"), &copy).await.unwrap();
    assert!(
        bnpd::backup::run(&house.directory().join("house/store"), &copy).await.is_err(),
        "a copy overwrites nothing"
    );
    assert!(bnpd::backup::run(&house.directory().join("nowhere"), &copy).await.is_err());
    let store = bnna_store::Store::open(bnna_store::Options::new(copy)).await.unwrap();
    let found = store.read(|sql| bnna_store::accounts::by_slug(sql, "acme")).await.unwrap();
    assert!(found.is_some());
}

#[tokio::test]
async fn no_secret_is_in_clear_in_the_store() {
    let house = House::start().await;
    house.post("/api/platform/accounts", serde_json::json!({"slug": "acme"})).await.is(201);
    let issued = house.post("/api/platform/accounts/acme/impersonate", serde_json::json!({})).await.is(201);
    house.put("/api/platform/clusters/pve-a/operator-token", serde_json::json!({})).await.is(200);
    let mut secrets = vec![issued.result()["token"].as_str().unwrap().to_owned(), house.operator().to_owned()];
    for host in ["pve-a", "pve-b"] {
        let tokens = house.sim(host).with_state(|cluster| cluster.access.users["bnna@pve"].tokens.clone());
        secrets.extend(tokens.into_values().map(|token| token.secret.0));
    }
    let store = house.directory().join("house/store");
    for entry in std::fs::read_dir(&store).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let bytes = std::fs::read(path).unwrap();
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a secret is in clear in the store");
        }
    }
}
