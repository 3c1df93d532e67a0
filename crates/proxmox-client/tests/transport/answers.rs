//! What a server can answer, well and badly.

use std::time::Duration;

use proxmox_client::error::{MaybeSent, Unreadable};
use proxmox_client::{Class, Error, Pve, Timeouts, Trust};
use serde_json::json;

use crate::server::{Reply, SECRET, Server, answer, data, typed};

#[tokio::test]
async fn the_message_is_read_from_the_reason_phrase() {
    let server = Server::start(|_| answer(500, "VM is locked (backup)", r#"{"data":null}"#)).await;
    let error = server.pve().version().await.unwrap_err();
    assert_eq!(error.refusal().unwrap().reason, "VM is locked (backup)");
    assert!(error.refusal().unwrap().is_locked());
    assert_eq!(error.class(), Class::Answered);
}

#[tokio::test]
async fn field_errors_are_a_map() {
    let body =
        r#"{"data":null,"message":"Parameter verification failed.\n","errors":{"vmid":"VM 100 already exists"}}"#;
    let server = Server::start(move |_| answer(400, "Parameter verification failed.", body)).await;
    assert!(!server.pve().cluster().is_free("100".parse().unwrap()).await.unwrap());
}

#[tokio::test]
async fn names_in_utf8_come_back_from_the_body() {
    let body = r#"{"data":null,"message":"pool 'ä' does not exist\n"}"#;
    let server = Server::start(move |_| answer(500, "pool 'ä' does not exist", body)).await;
    let error = server.pve().version().await.unwrap_err();
    assert_eq!(error.refusal().unwrap().text(), "pool 'ä' does not exist");
    assert!(error.is_missing());
}

#[tokio::test]
async fn a_page_of_html_is_no_answer() {
    let server = Server::start(|_| typed(200, "OK", "text/html", "<html><body>Welcome</body></html>")).await;
    match server.pve().version().await.unwrap_err() {
        Error::Unreadable { cause: Unreadable::NotJson { content_type, start }, .. } => {
            assert_eq!((content_type.as_str(), start.starts_with("<html>")), ("text/html", true));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn json_that_says_it_is_a_page_is_no_answer() {
    let body = r#"{"data":{"version":"9.2.4","release":"9.2","repoid":"abc"}}"#;
    let server = Server::start(move |_| typed(200, "OK", "text/html; charset=utf-8", body)).await;
    let error = server.pve().version().await.unwrap_err();
    assert!(error.to_string().contains(r#"not JSON but "text/html; charset=utf-8", beginning"#), "{error}");
    // Without a content type, or with another one of JSON, it is what it reads as.
    let server = Server::start(move |_| typed(200, "OK", "application/json", body)).await;
    assert_eq!(server.pve().version().await.unwrap().major, 9);
    let server = Server::start(move |_| {
        Reply::Raw(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
    })
    .await;
    assert_eq!(server.pve().version().await.unwrap().major, 9);
}

#[tokio::test]
async fn nothing_and_wrong_types_are_no_answer() {
    let server = Server::start(|_| answer(200, "OK", "")).await;
    assert!(matches!(
        server.pve().version().await.unwrap_err(),
        Error::Unreadable { cause: Unreadable::NotJson { .. }, .. }
    ));
    let server = Server::start(|_| data(json!([{"vmid": {}, "id": "x", "type": "qemu"}]))).await;
    let error = server.pve().cluster().resources(None).await.unwrap_err();
    assert!(error.to_string().contains("[0].vmid"), "{error}");
}

#[tokio::test]
async fn ten_megabytes_of_junk_are_not_kept() {
    let server = Server::start(|_| typed(200, "OK", "application/json", &"x".repeat(10 * 1024 * 1024))).await;
    match server.pve().version().await.unwrap_err() {
        Error::Unreadable { cause: Unreadable::TooLarge { limit }, .. } => assert_eq!(limit, 1024 * 1024),
        other => panic!("{other}"),
    }
    // Without a length announced it is counted.
    let server = Server::start(|_| {
        let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
        Reply::RawThenClose([head, vec![b'x'; 10 * 1024 * 1024]].concat())
    })
    .await;
    assert!(matches!(
        server.pve().version().await.unwrap_err(),
        Error::Unreadable { cause: Unreadable::TooLarge { .. }, .. }
    ));
}

#[tokio::test]
async fn an_answer_cut_off_may_have_been_acted_on() {
    let server =
        Server::start(|_| Reply::RawThenClose(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":".to_vec()))
            .await;
    let error = server.pve().pools().create(&"a".parse().unwrap(), None).await.unwrap_err();
    assert!(matches!(error, Error::MaybeSent { cause: MaybeSent::Truncated(_), .. }), "{error}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_timeout_is_never_not_sent() {
    let server = Server::start(|_| Reply::Silence).await;
    let pve = Pve::builder()
        .address(&server.address)
        .token("root@pam!test", SECRET.to_owned())
        .trust(Trust::Pinned(vec![server.fingerprint()]))
        .timeouts(Timeouts { total: Duration::from_secs(3), ..crate::server::timeouts() })
        .build()
        .unwrap();
    let error = pve.pools().create(&"a".parse().unwrap(), None).await.unwrap_err();
    assert!(matches!(error, Error::MaybeSent { cause: MaybeSent::Timeout(_), .. }), "{error}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_relay_that_failed_may_have_passed_it_on() {
    let server = Server::start(|_| answer(596, "Connection timed out", "")).await;
    let error = server.pve().node("down").status().await.unwrap_err();
    assert_eq!((error.class(), error.status()), (Class::MaybeSent, Some(596)));
    assert!(error.to_string().contains("Connection timed out"));
    assert_eq!(server.count(), 1, "asking the same node again would only wait again");
}

#[tokio::test]
async fn redirects_are_refusals() {
    let server = Server::start(|_| {
        Reply::Raw(b"HTTP/1.1 302 Found\r\nlocation: https://elsewhere/\r\ncontent-length: 0\r\n\r\n".to_vec())
    })
    .await;
    let error = server.pve().version().await.unwrap_err();
    assert_eq!((error.class(), error.status()), (Class::Answered, Some(302)));
}

#[tokio::test]
async fn wrong_types_in_a_refusal_do_not_hide_it() {
    for body in [
        r#"{"data":null,"message":{"a":1},"errors":["x"]}"#,
        r#"{"errors":{"vmid":{"why":[1]}}}"#,
        "[]",
        "7",
        "\u{feff}",
    ] {
        let server = Server::start(move |_| answer(400, "Parameter verification failed.", body)).await;
        let error = server.pve().version().await.unwrap_err();
        assert_eq!((error.class(), error.status()), (Class::Answered, Some(400)), "{body}: {error}");
    }
}
