//! The shared suite against real MariaDB servers, over TLS, and what the suite cannot know of MariaDB.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use bnna_db_engine::servers::{MariaDbOptions, MariaDbServer};
use bnna_db_engine::suite::{self, Options};
use bnna_db_engine::{Engine, Roots, Tls};
use bnna_db_mariadb::MariaDb;

#[tokio::test]
async fn the_suite_passes_over_verified_tls_and_copies_between_two_servers() {
    let one = MariaDbServer::start(MariaDbOptions::default()).await.unwrap();
    let two = MariaDbServer::start(MariaDbOptions::default()).await.unwrap();
    let engine = |server: &MariaDbServer| {
        let mut target = server.target();
        target.tls = Tls::Verify(Roots::Pem(server.certificates().ca.clone()));
        MariaDb::new(target)
    };
    let (first, second) = (engine(&one), engine(&two));
    assert!(first.probe().await.unwrap().encrypted);
    let scratch = tempfile::tempdir().unwrap();
    let options = Options { prefix: "suite".into(), second: Some(&second), scratch: Some(scratch.path().to_owned()) };
    let report = suite::run(&first, &options).await;
    println!("{report}");
    assert!(report.passed() && report.skipped().is_empty(), "{report}");
}
