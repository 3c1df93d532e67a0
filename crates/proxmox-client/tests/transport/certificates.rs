//! Whom the client believes.

use proxmox_client::error::{CertificateProblem, NeverSent};
use proxmox_client::{Class, Error, Pve, Trust};

use crate::server::{SECRET, Server, version};

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
