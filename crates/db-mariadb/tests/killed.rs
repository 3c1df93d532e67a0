//! The server is killed, and the wire cut, at every single message of every step: each time a clear error, and a state that the
//! next call recognises and completes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::sync::Arc;

use bnna_db_engine::servers::proxy::{Cut, Proxy};
use bnna_db_engine::servers::{MariaDbOptions, MariaDbServer};
use bnna_db_engine::{Engine, Error, Lock, Password, Presence, Step, Suffix, Tenancy, provision};
use bnna_db_mariadb::MariaDb;

struct Bench {
    server: Arc<MariaDbServer>,
    proxy: Proxy,
    /// Through the proxy.
    cut: MariaDb,
    /// Past it.
    whole: MariaDb,
}

async fn bench() -> Bench {
    // What was answered must survive the kill: commits are written before they are answered, as on any real server.
    let arguments = vec!["--innodb-flush-log-at-trx-commit=1".to_owned()];
    let options = MariaDbOptions { arguments, ..MariaDbOptions::default() };
    let server = Arc::new(MariaDbServer::start(options).await.unwrap());
    let proxy = Proxy::start(server.target().port).await.unwrap();
    let mut through = server.target();
    through.port = proxy.port();
    Bench { whole: MariaDb::new(server.target()), cut: MariaDb::new(through), server, proxy }
}

/// The password survives in the test only: what a step needs, whatever happened before.
fn password() -> Password {
    Password::new("one-password-for-all").unwrap()
}

/// Something that the adapter does to a tenancy.
#[derive(Debug, Clone, Copy)]
enum Act {
    Create,
    Run(Step),
    Undo(Step),
    Reset,
    Locked,
    Rename,
    Drop,
}

async fn act(engine: &MariaDb, act: Act, tenancy: &Tenancy) -> Result<(), Error> {
    let suffix: Suffix = "_old_1".parse().unwrap();
    match act {
        Act::Create => provision::create(engine, tenancy, &password()).await.map(drop).map_err(|error| error.cause),
        Act::Run(step) => engine.run_step(step, tenancy, &password()).await.map(drop),
        Act::Undo(step) => engine.undo_step(step, tenancy).await.map(drop),
        Act::Reset => engine.reset_password(tenancy, &password()).await,
        Act::Locked => engine.set_lock(tenancy, Lock::Locked).await.map(drop),
        Act::Rename => engine.rename(tenancy, &suffix).await.map(drop),
        Act::Drop => engine.drop_tenancy(tenancy).await.map(drop),
    }
}

/// What is there before the act.
async fn prepare(bench: &Bench, kind: Act, tenancy: &Tenancy) {
    match kind {
        Act::Create => {}
        Act::Run(step) => {
            for before in bench.whole.steps().iter().take_while(|before| **before != step) {
                bench.whole.run_step(*before, tenancy, &password()).await.unwrap();
            }
        }
        Act::Undo(step) => {
            for made in bench.whole.steps() {
                bench.whole.run_step(*made, tenancy, &password()).await.unwrap();
                if *made == step {
                    break;
                }
            }
        }
        _ => {
            provision::create(&bench.whole, tenancy, &password()).await.unwrap();
        }
    }
}

/// What is there after it.
async fn verify(bench: &Bench, kind: Act, tenancy: &Tenancy) {
    let standing = bench.whole.inspect(tenancy).await.unwrap();
    match kind {
        Act::Run(Step::Database) => assert_eq!(standing.database, Presence::Ours),
        Act::Run(Step::User) => assert_eq!(standing.user, Presence::Unfinished),
        Act::Create | Act::Run(Step::Grant) => {
            assert!(standing.is_complete(), "{standing:?}");
            support::enter(&bench.whole, tenancy, &password()).await.unwrap();
        }
        Act::Undo(Step::Database) | Act::Drop => assert!(standing.is_absent(), "{standing:?}"),
        Act::Undo(Step::User) => assert_eq!(standing.user, Presence::Absent),
        Act::Undo(Step::Grant) => assert_eq!(standing.user, Presence::Unfinished),
        Act::Reset => {
            support::enter(&bench.whole, tenancy, &password()).await.unwrap();
        }
        Act::Locked => assert!(support::enter(&bench.whole, tenancy, &password()).await.is_err()),
        Act::Rename => {
            assert!(standing.is_absent(), "{standing:?}");
            let renamed = tenancy.with_suffix(&"_old_1".parse().unwrap()).unwrap();
            assert!(bench.whole.inspect(&renamed).await.unwrap().is_complete());
        }
    }
}

/// Cuts at message 0, 1, 2 … until the act ends before the cut. `kill` as well ends the server with SIGKILL at that moment.
async fn cut_everywhere(kinds: &[Act], cut: Cut, kill: bool) {
    let bench = bench().await;
    for (number, kind) in kinds.iter().enumerate() {
        let mut message = 0;
        loop {
            let tenancy = support::tenancy(&format!("t{number}_{message}"));
            prepare(&bench, *kind, &tenancy).await;
            let server = Arc::clone(&bench.server);
            bench.proxy.cut_at(
                message,
                cut,
                Arc::new(move || {
                    if kill {
                        server.kill();
                    }
                }),
            );
            let result = act(&bench.cut, *kind, &tenancy).await;
            let not_reached = bench.proxy.disarm();
            if kill && !not_reached {
                bench.server.restart().await.unwrap();
            }
            if not_reached {
                result.unwrap();
                verify(&bench, *kind, &tenancy).await;
                assert!(message > 3, "{kind:?} ended after {message} messages");
                break;
            }
            let context = format!("{kind:?} cut {cut:?} at message {message}");
            match result {
                Err(Error::Interrupted { .. } | Error::Unreachable { .. }) => {}
                other => panic!("{context}: {other:?}"),
            }
            // The state is recognised: never foreign, and the same call completes it.
            let standing = bench.whole.inspect(&tenancy).await.unwrap();
            for presence in [&standing.database, &standing.user] {
                assert!(!matches!(presence, Presence::Foreign { .. }), "{context}: {standing:?}");
            }
            act(&bench.whole, *kind, &tenancy).await.unwrap_or_else(|error| panic!("{context}, again: {error}"));
            verify(&bench, *kind, &tenancy).await;
            message += 1;
        }
    }
}

const STEPS: &[Act] = &[
    Act::Create,
    Act::Run(Step::Database),
    Act::Run(Step::User),
    Act::Run(Step::Grant),
    Act::Undo(Step::Grant),
    Act::Undo(Step::User),
    Act::Undo(Step::Database),
    Act::Drop,
];

#[tokio::test(flavor = "multi_thread")]
async fn server_killed_before_any_message_of_any_step_is_recovered_from() {
    cut_everywhere(STEPS, Cut::BeforeMessage, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_killed_after_acting_on_any_message_of_any_step_is_recovered_from() {
    cut_everywhere(STEPS, Cut::BeforeAnswer, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wire_cut_in_the_middle_of_anything_is_recovered_from() {
    let acts = &[Act::Create, Act::Run(Step::Grant), Act::Reset, Act::Locked, Act::Rename, Act::Drop];
    cut_everywhere(acts, Cut::BeforeAnswer, false).await;
}

/// A copy that is cut leaves a database that is ours; dropped and made again, it can be copied to.
#[tokio::test(flavor = "multi_thread")]
async fn server_killed_during_a_copy_leaves_a_destination_to_begin_again() {
    let bench = bench().await;
    let source = support::tenancy("source");
    provision::create(&bench.whole, &source, &password()).await.unwrap();
    let mut session = support::enter(&bench.whole, &source, &password()).await.unwrap();
    session.execute("CREATE TABLE word (id INT PRIMARY KEY, text TEXT)").await.unwrap();
    session.execute("INSERT INTO word SELECT seq, REPEAT(MD5(seq), 20) FROM seq_1_to_20000").await.unwrap();
    drop(session);
    let other = MariaDbServer::start(MariaDbOptions::default()).await.unwrap();
    let destination = MariaDb::new(other.target());
    let copy = support::tenancy("copy");
    for message in [4, 8, 12] {
        provision::create(&destination, &copy, &password()).await.unwrap();
        let server = Arc::clone(&bench.server);
        bench.proxy.cut_at(message, Cut::BeforeAnswer, Arc::new(move || server.kill()));
        let copied = bench.cut.copy(&source, &destination, &copy).await;
        assert!(!bench.proxy.disarm(), "the copy ended before message {message}");
        assert!(copied.is_err());
        bench.server.restart().await.unwrap();
        destination.drop_tenancy(&copy).await.unwrap();
    }
    provision::create(&destination, &copy, &password()).await.unwrap();
    let report = bench.whole.copy(&source, &destination, &copy).await.unwrap();
    assert_eq!(report.rows(), 20000);
}
