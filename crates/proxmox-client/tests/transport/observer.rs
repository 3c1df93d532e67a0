//! What whoever watches the calls sees.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proxmox_client::{CallRecord, Observer, Pve, Trust, in_request};

use crate::server::{Reply, SECRET, Server, answer, version};

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
