//! Passwords stay out of what other users of this machine can see: the arguments and the environment of the tools.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use bnna_db_engine::Engine;
use bnna_db_engine::servers::{ToolRun, ToolWitness};
use bnna_db_postgres::Postgres;
use support::{enter, make, server};

/// The password that a tool logs in with, from its password file.
fn password_of(run: &ToolRun) -> &str {
    run.credentials.trim_end().rsplit(':').next().unwrap()
}

#[tokio::test]
async fn no_password_is_in_the_arguments_or_the_environment_of_a_tool() {
    let server = server().await;
    let witness = ToolWitness::new(&["pg_dump", "pg_restore"]).unwrap();
    let mut target = server.target();
    target.tools = Some(witness.tools());
    let engine = Postgres::new(target);
    let (source, password) = make(&engine, "seen").await;
    let mut session = enter(&engine, &source, &password).await.unwrap();
    session.execute("CREATE TABLE word (id int PRIMARY KEY); INSERT INTO word VALUES (1)").await.unwrap();
    let (restored, _) = make(&engine, "seen_restored").await;
    let (copied, _) = make(&engine, "seen_copied").await;
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("dump");
    engine.dump(&source, &file).await.unwrap();
    engine.restore(&restored, &file).await.unwrap();
    assert_eq!(engine.copy(&source, &engine, &copied).await.unwrap().rows(), 1);

    let runs = witness.runs().unwrap();
    let tools: Vec<&str> = runs.iter().map(|run| run.tool.as_str()).collect();
    assert_eq!(tools, ["pg_dump", "pg_dump", "pg_restore", "pg_restore"]);
    for run in &runs {
        assert!(run.arguments.contains("dbname=") && run.environment.contains("PGPASSFILE="), "{run:?}");
        assert!(password_of(run).len() >= 16, "no password was read");
        assert_eq!(run.mode, "600");
        for secret in [password_of(run), password.expose(), server.target().password()] {
            assert!(!run.arguments.contains(secret), "{} has a password among its arguments", run.tool);
            assert!(!run.environment.contains(secret), "{} has a password in its environment", run.tool);
        }
        // The administrator's password is not in any file either: a visitor does the work.
        assert!(!run.credentials.contains(server.target().password()));
    }
}
