//! Several addresses of one cluster: what goes to the next one, and what must not.

use proxmox_client::error::NeverSent;
use proxmox_client::{Class, Error, Pve, Trust};
use serde_json::json;

use crate::server::{Reply, SECRET, Server, data, version};

#[tokio::test]
async fn a_write_never_runs_twice() {
    let lost = Server::start(|_| Reply::Close).await;
    let good = Server::start(|_| data(json!(null))).await;
    let pve = crate::server::pve(&[&lost, &good]);
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
    let pve = crate::server::pve(&[&lost, &good]);
    assert_eq!(pve.version().await.unwrap().major, 9);
    assert_eq!((lost.count(), good.count()), (1, 1));
    pve.version().await.unwrap();
    assert_eq!((lost.count(), good.count()), (1, 2), "the last good address is asked first");
    assert!(pve.hosts()[1].preferred);
}

#[tokio::test]
async fn what_was_never_sent_goes_to_the_next_address_whatever_it_is() {
    // Taken, so that nobody else gets it, and nobody listens.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let dead = taken.local_addr().unwrap().to_string();
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
