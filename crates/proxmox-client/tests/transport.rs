//! The client against servers that answer well and badly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod server;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proxmox_client::error::{CertificateProblem, MaybeSent, NeverSent, Unreadable};
use proxmox_client::pve::access::users::UserFilter;
use proxmox_client::{
    BuildError, CallRecord, Class, Error, Limits, Method, Observer, Params, Pve, Timeouts, Trust, in_request,
};
use serde_json::json;
use server::{Reply, SECRET, Server, answer, data, typed};
use tokio::io::AsyncReadExt;

fn version() -> Reply {
    data(json!({"version": "9.2.4", "release": "9.2", "repoid": "abc"}))
}

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
async fn a_write_never_runs_twice() {
    let lost = Server::start(|_| Reply::Close).await;
    let good = Server::start(|_| data(json!(null))).await;
    let pve = server::pve(&[&lost, &good]);
    let error = pve.pools().create(&"a".parse().unwrap(), None).await.unwrap_err();
    assert_eq!(error.class(), Class::MaybeSent);
    assert_eq!((lost.count(), good.count()), (1, 0), "the other address must not hear of it");
    // The next call begins at the other address.
    pve.pools().create(&"b".parse().unwrap(), None).await.unwrap();
    assert_eq!((lost.count(), good.count()), (1, 1));
}

#[tokio::test]
async fn reading_goes_on_to_the_next_address() {
    let lost = Server::start(|_| Reply::Close).await;
    let good = Server::start(|_| version()).await;
    let pve = server::pve(&[&lost, &good]);
    assert_eq!(pve.version().await.unwrap().major, 9);
    assert_eq!((lost.count(), good.count()), (1, 1));
    pve.version().await.unwrap();
    assert_eq!((lost.count(), good.count()), (1, 2), "the last good address is asked first");
    assert!(pve.hosts()[1].preferred);
}

#[tokio::test]
async fn what_was_never_sent_goes_to_the_next_address_whatever_it_is() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = format!("127.0.0.1:{}", closed.local_addr().unwrap().port());
    drop(closed);
    let good = Server::start(|_| data(json!(null))).await;
    let pve = Pve::builder()
        .address(&dead)
        .address(&good.address)
        .token("root@pam!test", SECRET.to_owned())
        .trust(Trust::Pinned(vec![good.fingerprint()]))
        .build()
        .unwrap();
    pve.pools().create(&"a".parse().unwrap(), None).await.unwrap();
    assert_eq!(good.count(), 1);
    let alone = Pve::builder()
        .address(&dead)
        .token("root@pam!test", SECRET.to_owned())
        .trust(Trust::Pinned(vec![good.fingerprint()]))
        .build()
        .unwrap();
    let error = alone.version().await.unwrap_err();
    assert!(matches!(error, Error::NeverSent { cause: NeverSent::Connect(_), .. }), "{error}");
}

#[tokio::test]
async fn a_connection_that_ends_before_tls_was_never_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let pve = Pve::builder()
        .address(address)
        .token("root@pam!test", SECRET.to_owned())
        .trust(Trust::pinned([&*"ab".repeat(32)]).unwrap())
        .build()
        .unwrap();
    let error = pve.pools().create(&"a".parse().unwrap(), None).await.unwrap_err();
    assert_eq!(error.class(), Class::NeverSent, "{error}");
}

#[tokio::test]
async fn a_wrong_fingerprint_shows_both_and_sends_nothing() {
    let server = Server::start(|_| version()).await;
    let pinned = "ab".repeat(32);
    let pve = Pve::builder()
        .address(&server.address)
        .token("root@pam!test", SECRET.to_owned())
        .trust(Trust::pinned([pinned.as_str()]).unwrap())
        .build()
        .unwrap();
    match pve.version().await.unwrap_err() {
        Error::NeverSent {
            cause: NeverSent::Certificate(CertificateProblem::Fingerprint { found, pinned }), ..
        } => {
            assert_eq!(found, server.fingerprint().to_string());
            assert_eq!(pinned, [["AB"; 32].join(":")]);
        }
        other => panic!("{other}"),
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn an_authority_is_trusted_by_name_and_until_it_expires() {
    let trusting = |server: &Server, address: &str| {
        Pve::builder()
            .address(address)
            .token("root@pam!test", SECRET.to_owned())
            .trust(Trust::CaPem(server.pem.clone()))
            .build()
            .unwrap()
    };
    let good = Server::start(|_| version()).await;
    trusting(&good, &good.address).version().await.unwrap();
    let by_number = good.address.replace("localhost", "127.0.0.1");
    let error = trusting(&good, &by_number).version().await.unwrap_err();
    assert!(
        matches!(error, Error::NeverSent { cause: NeverSent::Certificate(CertificateProblem::Invalid(_)), .. }),
        "{error}"
    );
    let other = Server::start(|_| version()).await;
    let error = trusting(&other, &good.address).version().await.unwrap_err();
    assert!(matches!(error, Error::NeverSent { cause: NeverSent::Certificate(_), .. }), "{error}");

    let expired = Server::with_certificate(
        |params| {
            params.not_before = rcgen::date_time_ymd(2019, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        },
        |_| version(),
    )
    .await;
    let error = trusting(&expired, &expired.address).version().await.unwrap_err();
    assert!(
        matches!(error, Error::NeverSent { cause: NeverSent::Certificate(CertificateProblem::Expired(_)), .. }),
        "{error}"
    );
    assert_eq!(expired.count(), 0);
}

#[tokio::test]
async fn a_timeout_is_never_not_sent() {
    let server = Server::start(|_| Reply::Silence).await;
    let pve = Pve::builder()
        .address(&server.address)
        .token("root@pam!test", SECRET.to_owned())
        .trust(Trust::Pinned(vec![server.fingerprint()]))
        .timeouts(Timeouts { total: Duration::from_secs(3), ..server::timeouts() })
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
async fn the_budget_of_calls_is_kept() {
    let server = Server::start(|_| Reply::Silence).await;
    let pve = Pve::builder()
        .address(&server.address)
        .token("root@pam!test", SECRET.to_owned())
        .trust(Trust::Pinned(vec![server.fingerprint()]))
        .limits(Limits { concurrent_calls: 1, ..Limits::default() })
        .timeouts(Timeouts { queue: Duration::from_millis(50), ..server::timeouts() })
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

#[derive(Default)]
struct Record(Mutex<Vec<String>>);

impl Observer for Record {
    fn call(&self, record: &CallRecord<'_>) {
        let outcome = match record.outcome {
            Ok(status) => status.to_string(),
            Err(error) => error.kind().to_owned(),
        };
        self.0.lock().unwrap().push(format!("{} {} {outcome}", record.product, record.call));
    }
}

#[tokio::test]
async fn the_observer_sees_every_attempt_by_its_template() {
    let server = Server::start(|request| match request.target.ends_with("/version") {
        true => version(),
        false => answer(403, "Permission check failed", r#"{"data":null}"#),
    })
    .await;
    let record = Arc::new(Record::default());
    let observer: Arc<dyn Observer> = record.clone();
    let pve = Pve::builder()
        .address(&server.address)
        .token("root@pam!test", SECRET.to_owned())
        .trust(Trust::Pinned(vec![server.fingerprint()]))
        .observer(observer)
        .build()
        .unwrap();
    pve.version().await.unwrap();
    pve.access().user(&"secret-name@pve".parse().unwrap()).await.unwrap_err();
    assert_eq!(*record.0.lock().unwrap(), ["PVE GET /version 200", "PVE GET /access/users/{userid} refused"]);
}

#[tokio::test]
async fn calls_made_for_a_request_carry_its_id_and_the_observer_sees_it() {
    let server = Server::start(|_| version()).await;
    #[derive(Default)]
    struct Ids(Mutex<Vec<Option<String>>>);
    impl Observer for Ids {
        fn call(&self, record: &CallRecord<'_>) {
            self.0.lock().unwrap().push(record.request_id.map(str::to_owned));
        }
    }
    let ids = Arc::new(Ids::default());
    let observer: Arc<dyn Observer> = ids.clone();
    let pve = Pve::builder()
        .address(&server.address)
        .token("root@pam!test", SECRET.to_owned())
        .trust(Trust::Pinned(vec![server.fingerprint()]))
        .observer(observer)
        .build()
        .unwrap();
    pve.version().await.unwrap();
    in_request("a b\n1", pve.version()).await.unwrap();
    in_request("ambient", pve.with_request_id("own").version()).await.unwrap();
    let sent: Vec<Option<String>> =
        server.requests().iter().map(|request| request.header("x-request-id").map(str::to_owned)).collect();
    let wanted = [None, Some("ab1".to_owned()), Some("own".to_owned())];
    assert_eq!((sent.as_slice(), ids.0.lock().unwrap().as_slice()), (wanted.as_slice(), wanted.as_slice()));
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_seen_as_one_of_unknown_outcome() {
    let server = Server::start(|_| Reply::Silence).await;
    let record = Arc::new(Record::default());
    let observer: Arc<dyn Observer> = record.clone();
    let pve = Pve::builder()
        .address(&server.address)
        .token("root@pam!test", SECRET.to_owned())
        .trust(Trust::Pinned(vec![server.fingerprint()]))
        .observer(observer)
        .build()
        .unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(200), pve.version()).await.is_err());
    assert_eq!(*record.0.lock().unwrap(), ["PVE GET /version timeout"]);
}

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
async fn an_upload_has_its_parts_in_order_and_its_length() {
    use proxmox_client::pve::nodes::content::{ChecksumAlgorithm, UploadContent, UploadFile};
    let server = Server::start(|_| data(json!("UPID:pve1:0000B1E5:000002C3:69286A6F:imgcopy::root@pam:"))).await;
    let pve = server.pve();
    let content = vec![7u8; 300_000];
    let size = content.len() as u64;
    let mut params = UploadFile::new(UploadContent::Iso);
    params.checksum_algorithm = Some(ChecksumAlgorithm::Sha256);
    params.checksum = Some("00".to_owned());
    let node = pve.node("pve1");
    let task = node
        .storage("local")
        .upload("my disc.iso", size, std::io::Cursor::new(content.clone()), &params, Duration::from_secs(40))
        .await
        .unwrap();
    assert_eq!(task.upid().task().kind, "imgcopy");
    let request = &server.requests()[0];
    assert!(request.header("transfer-encoding").is_none());
    assert_eq!(request.header("content-length").unwrap().parse::<usize>().unwrap(), request.body.len());
    let text = request.text();
    let places: Vec<usize> = [
        "name=\"content\"",
        "name=\"checksum-algorithm\"",
        "name=\"checksum\"",
        "name=\"filename\"; filename=\"my disc.iso\"",
    ]
    .iter()
    .map(|part| text.find(part).unwrap_or_else(|| panic!("{part}")))
    .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(request.body.windows(content.len()).any(|window| window == content));
    for bad in ["", "a/b", "a\"b", "a\nb"] {
        let refused =
            node.storage("local").upload(bad, 1, &b"x"[..], &params, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(refused.class(), Class::NeverSent, "{bad:?}");
    }
}

#[tokio::test]
async fn a_download_streams_and_notices_an_early_end() {
    use proxmox_client::pve::nodes::content::RestoreFile;
    let server = Server::start(|request| match request.target.contains("short") {
        true => Reply::RawThenClose(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec()),
        false => typed(200, "OK", "application/octet-stream", &"z".repeat(3_000_000)),
    })
    .await;
    let pve = server.pve();
    let file = |path: &str| RestoreFile {
        volume: "pbs:backup/ct/100/2026-01-31T12:00:00Z".parse().unwrap(),
        filepath: path.to_owned(),
        tar: proxmox_client::Switch::Off,
    };
    let node = pve.node("pve1");
    let mut download = node.storage("pbs").restore_file(&file("long")).await.unwrap();
    assert_eq!(download.size(), Some(3_000_000));
    let mut read = 0;
    while let Some(chunk) = download.chunk().await.unwrap() {
        read += chunk.len();
    }
    assert_eq!(read, 3_000_000, "more than the bound for answers in memory");
    let mut download = node.storage("pbs").restore_file(&file("short")).await.unwrap();
    let error = loop {
        match download.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("an early end is not the end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::MaybeSent { cause: MaybeSent::Truncated(_), .. }), "{error}");
}

#[tokio::test]
async fn a_reader_that_ends_early_is_an_error_not_a_short_file() {
    use proxmox_client::pve::nodes::content::{UploadContent, UploadFile};
    let server = Server::start(|_| data(json!("UPID:pve1:0000B1E5:000002C3:69286A6F:imgcopy::root@pam:"))).await;
    let pve = server.pve();
    let short = (&b"abc"[..]).take(3);
    let params = UploadFile::new(UploadContent::Iso);
    let error = pve.node("pve1").storage("local").upload("a.iso", 1000, short, &params, Duration::from_secs(20)).await;
    assert_eq!(error.unwrap_err().class(), Class::MaybeSent);
    assert_eq!(server.count(), 0, "the server never saw a whole request");
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
