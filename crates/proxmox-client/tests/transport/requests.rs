//! What is sent: where credentials, parameters and names go.

use std::time::Duration;

use proxmox_client::error::NeverSent;
use proxmox_client::pve::access::users::UserFilter;
use proxmox_client::{Class, Error, Limits, Method, Params, Pve, Timeouts, Trust};
use serde_json::json;

use crate::server::{Reply, SECRET, Server, data};

#[tokio::test]
async fn a_token_goes_into_its_header_and_parameters_into_their_places() {
    let server = Server::start(|request| match request.method.as_str() {
        "GET" => data(json!([])),
        _ => data(json!(null)),
    })
    .await;
    let pve = server.pve().with_request_id("req-1 \n2");
    pve.access().users(UserFilter { enabled: Some(true), ..UserFilter::default() }).await.unwrap();
    pve.pools().create(&"a/b".parse().unwrap(), Some("ä 100% & more")).await.unwrap();
    pve.pools().delete(&"a/b".parse().unwrap()).await.unwrap();
    let seen = server.requests();
    assert_eq!(seen[0].target, "/api2/json/access/users?enabled=1");
    assert_eq!(seen[0].header("authorization"), Some(format!("PVEAPIToken=root@pam!test={SECRET}").as_str()));
    assert_eq!(seen[0].header("x-request-id"), Some("req-12"), "what cannot be in a header is left out");
    assert_eq!(seen[1].text(), "poolid=a%2Fb&comment=%C3%A4%20100%25%20%26%20more");
    assert_eq!(seen[1].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!((seen[2].target.as_str(), seen[2].body.len()), ("/api2/json/pools?poolid=a%2Fb", 0));
}

#[tokio::test]
async fn a_write_without_parameters_still_says_how_long_it_is() {
    let server =
        Server::start(|_| data(json!("UPID:pve1:0000B1E5:000002C3:69286A6F:reloadnetworkall::root@pam:"))).await;
    server.pve().cluster().sdn().apply().await.unwrap();
    let seen = server.requests();
    assert_eq!((seen[0].method.as_str(), seen[0].header("content-length")), ("PUT", Some("0")));
    assert_eq!(seen[0].header("transfer-encoding"), None);
}

#[tokio::test]
async fn pbs_tokens_have_another_separator() {
    let server = Server::start(|_| data(json!({"version": "4.2", "release": "1", "repoid": "abc"}))).await;
    server.pbs().version().await.unwrap();
    assert_eq!(
        server.requests()[0].header("authorization"),
        Some(format!("PBSAPIToken=root@pam!test:{SECRET}").as_str())
    );
}

#[tokio::test]
async fn the_budget_of_calls_is_kept() {
    let server = Server::start(|_| Reply::Silence).await;
    let pve = Pve::builder()
        .address(&server.address)
        .token("root@pam!test", SECRET.to_owned())
        .trust(Trust::Pinned(vec![server.fingerprint()]))
        .limits(Limits { concurrent_calls: 1, ..Limits::default() })
        .timeouts(Timeouts { queue: Duration::from_millis(50), ..crate::server::timeouts() })
        .build()
        .unwrap();
    let busy = pve.clone();
    let first = tokio::spawn(async move { busy.version().await });
    while server.count() == 0 {
        tokio::task::yield_now().await;
    }
    let error = pve.version().await.unwrap_err();
    assert!(matches!(error, Error::NeverSent { cause: NeverSent::Busy { budget: 1, .. }, .. }), "{error}");
    first.abort();
}

#[tokio::test]
async fn values_cannot_climb_out_of_their_path() {
    let server = Server::start(|_| data(json!(null))).await;
    let pve = server.pve();
    for bad in ["..", ".", ""] {
        let error = pve.call(Method::Get, "/nodes/{node}/status", &[bad], &Params::new()).await.unwrap_err();
        assert!(matches!(error, Error::NeverSent { cause: NeverSent::Malformed(_), .. }), "{error}");
    }
    pve.call(Method::Get, "/nodes/{node}/status", &["../../access"], &Params::new()).await.unwrap();
    assert_eq!(server.count(), 1);
    assert_eq!(server.requests()[0].target, "/api2/json/nodes/..%2F..%2Faccess/status");
}

#[tokio::test]
async fn calls_of_another_version_are_refused_before_they_are_sent() {
    let server = Server::start(|_| data(json!({"version": "8.4.5", "release": "8.4", "repoid": "abc"}))).await;
    let pve = server.pve();
    let error = pve.cluster().ha_rules(&Default::default()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "GET /cluster/ha/rules: not sent: the server is version 8.4.5, the call exists from 9.0 on"
    );
    let targets: Vec<String> = server.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/api2/json/version"]);
}

#[tokio::test]
async fn a_rehearsing_client_sends_reads_and_names_what_it_did_not_send() {
    let server = Server::start(|_| data(json!([]))).await;
    let pve = server.pve().rehearsing();
    pve.pools().list().await.unwrap();
    assert_eq!(server.count(), 1);
    let error = pve.pools().create(&"acme".parse().unwrap(), None).await.unwrap_err();
    assert_eq!(error.rehearsed(), Some((proxmox_client::Method::Post, "/pools")));
    assert_eq!(error.class(), Class::NeverSent);
    let error = pve.access().delete_group("a b").await.unwrap_err();
    assert_eq!(error.rehearsed(), Some((proxmox_client::Method::Delete, "/access/groups/a%20b")));
    assert_eq!(server.count(), 1, "only the read was sent");
}

#[tokio::test]
async fn a_volume_id_with_blanks_is_one_segment_of_the_path() {
    let server = Server::start(|request| match request.method.as_str() {
        "GET" => data(json!({"path": "/x/my disc #1.iso", "format": "raw", "size": 1})),
        _ => data(json!(null)),
    })
    .await;
    let pve = server.pve();
    let node = pve.node("pve1");
    let volume = "local:iso/my disc #1 ä?.iso".parse().unwrap();
    node.storage("local").volume(&volume).await.unwrap();
    assert!(node.storage("local").remove_volume(&volume).await.unwrap().is_none());
    let path = "/api2/json/nodes/pve1/storage/local/content/local%3Aiso%2Fmy%20disc%20%231%20%C3%A4%3F.iso";
    assert_eq!(server.requests().iter().map(|request| request.target.as_str()).collect::<Vec<_>>(), [path, path]);
}
