//! Passwords stay out of what other users of this machine can see: the arguments and the environment of the tools.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use bnna_db_engine::Engine;
use bnna_db_engine::servers::ToolWitness;
use bnna_db_mariadb::MariaDb;
use support::{enter, make, server};

#[tokio::test]
async fn no_password_is_in_the_arguments_or_the_environment_of_a_tool() {
    let server = server().await;
    let witness = ToolWitness::new(&["mariadb-dump", "mariadb"]).unwrap();
    let mut target = server.target();
    target.tools = Some(witness.tools());
    let engine = MariaDb::new(target);
    let (source, password) = make(&engine, "seen").await;
    let mut session = enter(&engine, &source, &password).await.unwrap();
    session.execute("CREATE TABLE word (id INT PRIMARY KEY)").await.unwrap();
    session.execute("INSERT INTO word VALUES (1)").await.unwrap();
    let (restored, _) = make(&engine, "seen_restored").await;
    let (copied, _) = make(&engine, "seen_copied").await;
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("dump");
    engine.dump(&source, &file).await.unwrap();
    engine.restore(&restored, &file).await.unwrap();
    assert_eq!(engine.copy(&source, &engine, &copied).await.unwrap().rows(), 1);

    let runs = witness.runs().unwrap();
    let tools: Vec<&str> = runs.iter().map(|run| run.tool.as_str()).collect();
    assert_eq!(tools, ["mariadb", "mariadb", "mariadb-dump", "mariadb-dump"]);
    for run in &runs {
        assert!(run.arguments.contains("--defaults-file="), "{run:?}");
        assert!(run.credentials.contains(&format!("password=\"{}\"", server.target().password())));
        assert_eq!(run.mode, "600");
        for secret in [password.expose(), server.target().password()] {
            assert!(!run.arguments.contains(secret), "{} has a password among its arguments", run.tool);
            assert!(!run.environment.contains(secret), "{} has a password in its environment", run.tool);
        }
    }
}
