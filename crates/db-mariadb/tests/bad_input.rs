//! What goes wrong outside: a clear error each, and a state that the next call recognises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::process::Command;
use std::time::Duration;

use bnna_db_engine::servers::{Certificates, MariaDbOptions, MariaDbServer};
use bnna_db_engine::{
    DatabaseName, Engine, EngineKind, Error, NameError, Password, Right, Roots, Target, Tls, Unreachable, UserName,
    provision,
};
use bnna_db_mariadb::MariaDb;
use proptest::prelude::proptest;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use secrecy::SecretString;
use support::{administrator, enter, make, server, tenancy};

fn why(result: Result<bnna_db_engine::Probe, Error>) -> Unreachable {
    match result {
        Err(Error::Unreachable { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn wrong_admin_password_is_refused_credentials() {
    let server = server().await;
    let mut target = server.target();
    target.admin_password = SecretString::from("not-the-password");
    let error = MariaDb::new(target).probe().await.unwrap_err();
    assert!(matches!(error, Error::RefusedCredentials { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("not-the-password"));
}

#[tokio::test]
async fn nothing_listening_and_something_silent_are_unreachable() {
    let server = server().await;
    let mut target = server.target();
    let patient = target.timeouts.connect;
    target.timeouts.connect = Duration::from_millis(300);
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    target.port = silent.local_addr().unwrap().port();
    assert!(matches!(why(MariaDb::new(target.clone()).probe().await), Unreachable::Timeout(_)));
    drop(silent);
    target.timeouts.connect = patient;
    assert!(matches!(why(MariaDb::new(target).probe().await), Unreachable::Network(_)));
}

#[tokio::test]
async fn a_server_that_is_not_mariadb_is_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = server().await;
    let mut target = server.target();
    target.port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while let Ok((mut client, _)) = listener.accept().await {
            // What a mail server says to any client.
            client
                .write_all(b"220 mail.example ESMTP ready, more text than a greeting of the protocol has\r\n")
                .await
                .unwrap();
            client.shutdown().await.unwrap();
        }
    });
    let found = why(MariaDb::new(target).probe().await);
    assert!(matches!(found, Unreachable::NotTheEngine(_)), "{found:?}");
    serving.abort();
}

#[tokio::test]
async fn tls_that_is_required_and_off_either_way_is_named() {
    let without =
        MariaDbServer::start(MariaDbOptions { without_tls: true, ..MariaDbOptions::default() }).await.unwrap();
    let mut target = without.target();
    target.tls = Tls::Require;
    assert_eq!(why(MariaDb::new(target).probe().await), Unreachable::TlsNotOffered);
    drop(without);
    let only = MariaDbServer::start(MariaDbOptions { tls_only: true, ..MariaDbOptions::default() }).await.unwrap();
    let mut target = only.target();
    assert_eq!(why(MariaDb::new(target.clone()).probe().await), Unreachable::TlsRequired);
    target.tls = Tls::Require;
    assert!(MariaDb::new(target.clone()).probe().await.unwrap().encrypted);
    target.tls = Tls::Direct(None);
    assert!(matches!(why(MariaDb::new(target).probe().await), Unreachable::Tls(_)));
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused() {
    let server = server().await;
    let mut target = server.target();
    target.tls = Tls::Verify(Roots::Pem(Certificates::new().unwrap().ca));
    let found = why(MariaDb::new(target.clone()).probe().await);
    assert!(matches!(found, Unreachable::TlsUntrusted(_)), "{found:?}");
    target.tls = Tls::Verify(Roots::Pem(server.certificates().ca.clone()));
    assert!(MariaDb::new(target).probe().await.unwrap().encrypted);
}

/// An administrator with these rights.
async fn admin_with(rights: &str, name: &str) -> Target {
    let server = server().await;
    let (any, _) = make(&MariaDb::new(server.target()), &format!("{name}_db")).await;
    let mut session = administrator(&server, &any).await;
    session.execute(&format!("CREATE USER {name}@'%' IDENTIFIED BY 'admin-password-1'")).await.unwrap();
    session.execute(&format!("GRANT {rights} ON *.* TO {name}@'%'")).await.unwrap();
    let mut target = server.target();
    target.admin_user = name.to_owned();
    target.admin_password = SecretString::from("admin-password-1");
    target
}

#[tokio::test]
async fn an_admin_without_create_user_fails_at_the_second_step_and_the_first_is_undone() {
    let _server = server().await;
    let engine =
        MariaDb::new(admin_with("CREATE, DROP, ALTER, SELECT, PROCESS, CONNECTION ADMIN", "no_createuser").await);
    let missing = engine.probe().await.unwrap().missing_rights;
    assert!(missing.contains(&Right::CreateUser) && !missing.contains(&Right::CreateDatabase), "{missing:?}");
    let wanted = tenancy("half_made");
    let error = provision::create(&engine, &wanted, &Password::generate().unwrap()).await.unwrap_err();
    assert!(matches!(error.cause, Error::LacksRight { .. }), "{error}");
    assert!(error.left.is_none() && engine.inspect(&wanted).await.unwrap().is_absent(), "{error}");
}

#[tokio::test]
async fn an_admin_without_create_lacks_the_right_and_leaves_nothing() {
    let _server = server().await;
    let engine = MariaDb::new(admin_with("CREATE USER, SELECT, PROCESS", "no_create").await);
    let wanted = tenancy("never_made");
    let error = provision::create(&engine, &wanted, &Password::generate().unwrap()).await.unwrap_err();
    assert!(matches!(error.cause, Error::LacksRight { .. }), "{error}");
    assert!(error.left.is_none() && engine.inspect(&wanted).await.unwrap().is_absent());
}

#[test]
fn a_name_that_is_too_long_is_refused_before_anything_is_sent() {
    let name = |length: usize| DatabaseName::new(EngineKind::MariaDb, &"a".repeat(length));
    assert!(name(64).is_ok());
    assert!(matches!(name(65), Err(NameError::TooLong { length: 65, limit: 64, .. })));
    assert!(UserName::new(EngineKind::MariaDb, &"a".repeat(80)).is_ok());
    assert!(UserName::new(EngineKind::MariaDb, &"a".repeat(81)).is_err());
}

/// In a grant an underscore is escaped and counts twice: a name is refused by us rather than half way by the server.
#[tokio::test]
async fn the_longest_names_with_underscores_are_made_used_and_dropped() {
    let server = server().await;
    let engine = MariaDb::new(server.target());
    let longest = format!("a{}", "_b".repeat(21));
    assert!(DatabaseName::new(EngineKind::MariaDb, &format!("{longest}c")).is_err());
    for name in [longest, "a".repeat(64)] {
        let (tenancy, password) = make(&engine, &name).await;
        enter(&engine, &tenancy, &password)
            .await
            .unwrap()
            .execute("CREATE TABLE one (id INT PRIMARY KEY)")
            .await
            .unwrap();
        engine.drop_tenancy(&tenancy).await.unwrap();
    }
}

#[tokio::test]
async fn a_database_in_use_by_what_cannot_be_ended_is_in_use() {
    let server = server().await;
    let engine = MariaDb::new(server.target());
    let (tenancy, password) = make(&engine, "prepared").await;
    let mut session = enter(&engine, &tenancy, &password).await.unwrap();
    session.execute("CREATE TABLE held (id INT PRIMARY KEY) ENGINE = InnoDB").await.unwrap();
    for sql in ["XA START 'held'", "INSERT INTO held VALUES (1)", "XA END 'held'", "XA PREPARE 'held'"] {
        session.execute(sql).await.unwrap();
    }
    drop(session);
    // The transaction survives its session and holds the table.
    let error = engine.drop_tenancy(&tenancy).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    let (any, _) = make(&engine, "prepared_any").await;
    administrator(&server, &any).await.execute("XA ROLLBACK 'held'").await.unwrap();
    engine.drop_tenancy(&tenancy).await.unwrap();
    assert!(engine.inspect(&tenancy).await.unwrap().is_absent());
}

#[tokio::test]
async fn no_password_reaches_the_server_s_log() {
    let server = server().await;
    let engine = MariaDb::new(server.target());
    let (tenancy, first) = make(&engine, "logged").await;
    let second = Password::generate().unwrap();
    engine.reset_password(&tenancy, &second).await.unwrap();
    enter(&engine, &tenancy, &second).await.unwrap();
    let scratch = tempfile::tempdir().unwrap();
    engine.dump(&tenancy, &scratch.path().join("dump")).await.unwrap();
    let log = server.log();
    assert!(
        log.contains("ALTER USER `logged`@'%' IDENTIFIED VIA mysql_native_password USING '*"),
        "statements are not logged"
    );
    for password in [first.expose(), second.expose()] {
        assert!(!log.contains(password));
    }
}

/// Views, routines, triggers and events belong to a database: a rename and a copy carry them.
#[tokio::test]
async fn rename_and_copy_carry_views_routines_triggers_and_events() {
    let server = server().await;
    let engine = MariaDb::new(server.target());
    let (tenancy, password) = make(&engine, "rich").await;
    let mut session = enter(&engine, &tenancy, &password).await.unwrap();
    for sql in [
        "CREATE TABLE word (id INT PRIMARY KEY, text VARCHAR(20))",
        "CREATE TABLE child (id INT PRIMARY KEY, word INT, FOREIGN KEY (word) REFERENCES word (id))",
        "INSERT INTO word VALUES (1, 'one')",
        "INSERT INTO child VALUES (1, 1)",
        "CREATE VIEW words AS SELECT text FROM word",
        "CREATE TRIGGER shout BEFORE INSERT ON word FOR EACH ROW SET NEW.text = UPPER(NEW.text)",
        "CREATE PROCEDURE nothing() SELECT 1",
        "CREATE EVENT later ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL 1 YEAR DO SELECT 1",
        "CREATE SEQUENCE numbers",
    ] {
        session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    drop(session);
    let (copy, _) = make(&engine, "rich_copy").await;
    let report = engine.copy(&tenancy, &engine, &copy).await.unwrap();
    assert!(report.contents_compared && report.warnings.len() == 1, "{report:?}");
    let renamed = engine.rename(&tenancy, &"_old_2".parse().unwrap()).await.unwrap();
    let mut session = administrator(&server, &renamed).await;
    let found = session
        .execute(
            "SELECT (SELECT COUNT(*) FROM information_schema.views WHERE table_schema = 'rich_old_2'), \
                    (SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = 'rich_old_2'), \
                    (SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = 'rich_old_2'), \
                    (SELECT COUNT(*) FROM information_schema.events WHERE event_schema = 'rich_old_2'), \
                    (SELECT COUNT(*) FROM rich_old_2.child), (SELECT NEXTVAL(rich_old_2.numbers))",
        )
        .await
        .unwrap();
    assert_eq!(found, [["1", "1", "1", "1", "1", "1"].map(|cell| Some(cell.to_owned())).to_vec()]);
    assert!(engine.inspect(&tenancy).await.unwrap().is_absent());
}

/// A tenant that makes its database anew loses the mark; nothing is touched until it is adopted.
#[tokio::test]
async fn a_database_that_its_tenant_made_anew_is_foreign_until_adopted() {
    let server = server().await;
    let engine = MariaDb::new(server.target());
    let (tenancy, password) = make(&engine, "anew").await;
    let mut session = enter(&engine, &tenancy, &password).await.unwrap();
    session.execute("DROP DATABASE anew").await.unwrap();
    session.execute("CREATE DATABASE anew").await.unwrap();
    drop(session);
    assert!(matches!(engine.drop_tenancy(&tenancy).await, Err(Error::Foreign { owner: None, .. })));
    engine.adopt(&tenancy).await.unwrap();
    engine.drop_tenancy(&tenancy).await.unwrap();
    assert!(engine.inspect(&tenancy).await.unwrap().is_absent());
}

/// Names that a careless quoting would run: databases and users of these names are adopted, used and dropped.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_stay_names() {
    let server = server().await;
    let engine = MariaDb::new(server.target());
    let (base, _) = make(&engine, "hostile_names").await;
    let mut session = administrator(&server, &base).await;
    let names = proptest::string::string_regex("[a-zA-Z\"'`;\\\\\\]\\[$%_()*=\u{e4}\u{5927}-]{1,20}").unwrap();
    let mut runner = TestRunner::new(Config::with_cases(1));
    let mut hostile: Vec<String> =
        ["`; DROP USER bnna_admin; --", "'; SELECT SLEEP(9); --", "--help", "a%b_c", "\\' OR 1 -- x", "*"]
            .map(str::to_owned)
            .to_vec();
    hostile.extend((0..10).map(|_| names.new_tree(&mut runner).unwrap().current()));
    for name in hostile {
        let mut tenancy = tenancy("placeholder");
        tenancy.database = DatabaseName::existing(EngineKind::MariaDb, &name).unwrap();
        tenancy.user = UserName::existing(EngineKind::MariaDb, &name).unwrap();
        let quoted = format!("`{}`", name.replace('`', "``"));
        let pattern =
            format!("`{}`", name.replace('`', "``").replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%"));
        session.execute(&format!("CREATE USER {quoted}@'%'")).await.unwrap();
        session.execute(&format!("CREATE DATABASE {quoted}")).await.unwrap();
        session.execute(&format!("GRANT ALL ON {pattern}.* TO {quoted}@'%'")).await.unwrap();
        engine.adopt(&tenancy).await.unwrap();
        assert!(engine.inspect(&tenancy).await.unwrap().is_complete(), "{name:?}");
        let password = Password::generate().unwrap();
        engine.reset_password(&tenancy, &password).await.unwrap();
        let mut inside = enter(&engine, &tenancy, &password).await.unwrap_or_else(|error| panic!("{name:?}: {error}"));
        inside.execute("CREATE TABLE one (id INT PRIMARY KEY)").await.unwrap();
        assert_eq!(inside.execute("SELECT DATABASE()").await.unwrap(), [[Some(name.clone())]]);
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("dump");
        engine.dump(&tenancy, &file).await.unwrap_or_else(|error| panic!("{name:?}: {error}"));
        inside.execute("DROP TABLE one").await.unwrap();
        drop(inside);
        engine.restore(&tenancy, &file).await.unwrap_or_else(|error| panic!("{name:?}: {error}"));
        engine.drop_tenancy(&tenancy).await.unwrap();
        assert!(engine.inspect(&tenancy).await.unwrap().is_absent());
    }
}

proptest! {
    #[test]
    fn any_existing_name_is_quoted_into_one_identifier(name in "\\PC{1,40}") {
        if let Ok(name) = DatabaseName::existing(EngineKind::MariaDb, &name) {
            let quoted = name.quoted();
            let inner = quoted.strip_prefix('`').unwrap().strip_suffix('`').unwrap();
            assert_eq!(inner.replace("``", "\u{1}").matches('`').count(), 0);
            assert_eq!(inner.replace("``", "`"), name.as_str());
        }
    }
}

/// A file system of its own, unmounted when dropped.
struct Small(tempfile::TempDir);

impl Small {
    fn mount(options: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(directory.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(directory))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_a_limit_and_the_next_call_succeeds_when_there_is_room() {
    let Some(disk) = Small::mount("size=300m,nr_inodes=2000,mode=755") else {
        eprintln!("SKIPPED: no file system can be mounted here (needs root); a full disk was not seen");
        return;
    };
    let options = MariaDbOptions { data_below: Some(disk.0.path().to_owned()), ..MariaDbOptions::default() };
    let server = MariaDbServer::start(options).await.unwrap();
    let engine = MariaDb::new(server.target());
    // A database is a directory: the disk is full when it has no room for one more.
    let ballast = disk.0.path().join("ballast");
    std::fs::create_dir(&ballast).unwrap();
    let mut files = 0;
    while std::fs::File::create(ballast.join(files.to_string())).is_ok() {
        files += 1;
    }
    let wanted = tenancy("too_much");
    let error = provision::create(&engine, &wanted, &Password::generate().unwrap()).await.unwrap_err();
    assert!(matches!(error.cause, Error::Limit { .. }), "{error}");
    assert!(error.left.is_none() && engine.inspect(&wanted).await.unwrap().is_absent(), "{error}");
    std::fs::remove_dir_all(&ballast).unwrap();
    let (tenancy, password) = make(&engine, "too_much").await;
    enter(&engine, &tenancy, &password).await.unwrap();
}
