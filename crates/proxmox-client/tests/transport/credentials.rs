//! Tokens and passwords: what is one, when a login is made, and that none is shown.

use std::sync::{Arc, Mutex};

use proxmox_client::{BuildError, Method, Params, Pve, Trust};
use serde_json::json;

use crate::server::{SECRET, Server, answer, data, typed};

#[tokio::test]
async fn errors_hold_no_secret() {
    let dead = Pve::builder()
        .address("127.0.0.1:1")
        .token("root@pam!test", SECRET.to_owned())
        .trust(Trust::pinned([&*"ab".repeat(32)]).unwrap())
        .build()
        .unwrap();
    let params = Params::new().with("password", "hunter2");
    for method in [Method::Get, Method::Post] {
        let error = dead.call(method, "/access/users/{userid}", &["who@pve"], &params).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2") && !shown.contains(SECRET) && !shown.contains("who@pve"), "{shown}");
    }
    assert!(!format!("{dead:?}").contains(SECRET));
}

#[tokio::test]
async fn a_password_logs_in_once_and_again_when_the_ticket_is_refused() {
    let logins = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&logins);
    let server = Server::start(move |request| {
        if request.target.ends_with("/access/ticket") {
            let mut count = counter.lock().unwrap();
            *count += 1;
            return data(json!({
                "username": "a@pve", "ticket": format!("PVE:a@pve:{count}::x+y/z=="), "CSRFPreventionToken": format!("csrf-{count}")
            }));
        }
        // The first ticket is good for two calls.
        let first = request.header("cookie").unwrap_or_default().contains("%3A1%3A");
        match first && request.target.contains("stale") {
            true => answer(401, "Authentication failed!", ""),
            false => data(json!(null)),
        }
    })
    .await;
    let pve = Pve::builder()
        .address(&server.address)
        .password("a@pve", "100% p&ss".to_owned())
        .trust(Trust::Pinned(vec![server.fingerprint()]))
        .build()
        .unwrap();
    let none = Params::new();
    pve.call(Method::Get, "/first", &[], &none).await.unwrap();
    pve.call(Method::Post, "/second", &[], &none).await.unwrap();
    pve.call(Method::Post, "/stale", &[], &none).await.unwrap();
    assert_eq!(*logins.lock().unwrap(), 2);
    let seen = server.requests();
    let targets: Vec<&str> = seen.iter().map(|request| request.target.trim_start_matches("/api2/json")).collect();
    assert_eq!(targets, ["/access/ticket", "/first", "/second", "/stale", "/access/ticket", "/stale"]);
    assert_eq!(seen[0].text(), "username=a%40pve&password=100%25%20p%26ss&new-format=1");
    assert_eq!(seen[1].header("cookie"), Some("PVEAuthCookie=PVE%3Aa%40pve%3A1%3A%3Ax%2By%2Fz%3D%3D"));
    assert_eq!(seen[1].header("csrfpreventiontoken"), None);
    assert_eq!(seen[2].header("csrfpreventiontoken"), Some("csrf-1"));
    assert_eq!(seen[5].header("csrfpreventiontoken"), Some("csrf-2"));
}

#[test]
fn a_token_with_the_wrong_separator_is_no_token() {
    // `user@realm!name` and the secret are given apart; joined as either server joins them they are neither.
    for id in ["root@pam:test", "root@pam!test=hunter2", "root@pam!test:hunter2", "root@pam", "root!test@", "root@pam!"]
    {
        let built = Pve::builder()
            .address("localhost")
            .token(id, SECRET.to_owned())
            .trust(Trust::pinned([&*"ab".repeat(32)]).unwrap())
            .build();
        let error = built.err().unwrap_or_else(|| panic!("{id} is taken for a token"));
        assert!(matches!(error, BuildError::Id(_) | BuildError::Credentials(_)), "{id}: {error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "what is behind the separator may be the secret");
    }
}

#[tokio::test]
async fn a_token_that_the_server_does_not_take_apart_is_unauthenticated() {
    let server = Server::start(|_| typed(401, "No ticket", "", "")).await;
    let error = server.pve().version().await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert!(refusal.is_unauthenticated() && refusal.text() == "No ticket", "{error}");
    assert_eq!(server.count(), 1, "the same token would be refused again");
}
