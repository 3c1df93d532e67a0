//! The shared suite against real PostgreSQL servers, over TLS and with SCRAM, and what the suite cannot know of PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use bnna_db_engine::servers::{PostgresOptions, PostgresServer};
use bnna_db_engine::suite::{self, Options};
use bnna_db_engine::{Engine, Roots, Tls};
use bnna_db_postgres::Postgres;

#[tokio::test]
async fn the_suite_passes_over_verified_tls_and_copies_between_two_servers() {
    let one = PostgresServer::start(PostgresOptions::default()).await.unwrap();
    let two = PostgresServer::start(PostgresOptions::default()).await.unwrap();
    let engine = |server: &PostgresServer| {
        let mut target = server.target();
        target.tls = Tls::Verify(Roots::Pem(server.certificates().ca.clone()));
        Postgres::new(target)
    };
    let (first, second) = (engine(&one), engine(&two));
    assert!(first.probe().await.unwrap().encrypted);
    let scratch = tempfile::tempdir().unwrap();
    let options = Options { prefix: "suite".into(), second: Some(&second), scratch: Some(scratch.path().to_owned()) };
    let report = suite::run(&first, &options).await;
    println!("{report}");
    assert!(report.passed() && report.skipped().is_empty(), "{report}");
}
