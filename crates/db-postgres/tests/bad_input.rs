//! What goes wrong outside: a clear error each, and a state that the next call recognises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bnna_db_engine::servers::{Certificates, PostgresOptions, PostgresServer};
use bnna_db_engine::{
    DatabaseName, Engine, EngineKind, Error, NameError, Password, Right, Roots, Target, Tls, Unreachable, provision,
};
use bnna_db_postgres::Postgres;
use proptest::prelude::{Strategy, proptest};
use proptest::test_runner::{Config, TestRunner};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use support::{enter, make, server, superuser, tenancy};

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
    let error = Postgres::new(target).probe().await.unwrap_err();
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
    assert!(matches!(why(Postgres::new(target.clone()).probe().await), Unreachable::Timeout(_)));
    drop(silent);
    target.timeouts.connect = patient;
    assert!(matches!(why(Postgres::new(target).probe().await), Unreachable::Network(_)));
}

#[tokio::test]
async fn a_server_that_is_not_postgresql_is_told_apart() {
    let server = server().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while let Ok((mut client, _)) = listener.accept().await {
            // What a web server says to such a client.
            client.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await.unwrap();
            client.shutdown().await.unwrap();
        }
    });
    for tls in [Tls::Disable, Tls::Require] {
        let mut target = server.target();
        (target.port, target.tls) = (port, tls.clone());
        let found = why(Postgres::new(target).probe().await);
        assert!(matches!(found, Unreachable::NotTheEngine(_)), "{tls:?}: {found:?}");
    }
    serving.abort();
}

#[tokio::test]
async fn tls_that_is_required_and_off_either_way_is_named() {
    let without =
        PostgresServer::start(PostgresOptions { without_tls: true, ..PostgresOptions::default() }).await.unwrap();
    let mut target = without.target();
    target.tls = Tls::Require;
    assert_eq!(why(Postgres::new(target).probe().await), Unreachable::TlsNotOffered);
    drop(without);
    let only = PostgresServer::start(PostgresOptions { tls_only: true, ..PostgresOptions::default() }).await.unwrap();
    let mut target = only.target();
    assert_eq!(why(Postgres::new(target.clone()).probe().await), Unreachable::TlsRequired);
    target.tls = Tls::Require;
    assert!(Postgres::new(target).probe().await.unwrap().encrypted);
}

#[tokio::test]
async fn an_untrusted_certificate_and_another_host_s_are_refused() {
    let server = server().await;
    let mut target = server.target();
    target.tls = Tls::Verify(Roots::Pem(Certificates::new().unwrap().ca));
    assert!(matches!(why(Postgres::new(target.clone()).probe().await), Unreachable::TlsUntrusted(_)));
    target.tls = Tls::Verify(Roots::Pem(server.certificates().ca.clone()));
    assert!(Postgres::new(target.clone()).probe().await.unwrap().encrypted);
    // 127.0.0.2 is the same server under a name that is not in its certificate.
    target.host = "localhost.localdomain".to_owned();
    if tokio::net::lookup_host(("localhost.localdomain", target.port)).await.is_ok() {
        assert!(matches!(why(Postgres::new(target).probe().await), Unreachable::TlsUntrusted(_)));
    } else {
        eprintln!("SKIPPED: localhost.localdomain does not resolve here; the name check was not seen");
    }
}

/// A router that ends TLS from the first byte, as stands before servers that share a port: it insists on the protocol's name.
async fn router(certificates: &Certificates, upstream: u16) -> u16 {
    let chain = vec![CertificateDer::from_pem_slice(certificates.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(certificates.key.as_bytes()).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                if client.get_ref().1.alpn_protocol() != Some(b"postgresql") {
                    return;
                }
                let mut server = tokio::net::TcpStream::connect(("127.0.0.1", upstream)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn direct_tls_works_behind_a_router_and_is_verified_when_roots_are_given() {
    let server = server().await;
    let mut target = server.target();
    target.port = router(server.certificates(), target.port).await;
    let certificates = server.certificates();
    for roots in [None, Some(Roots::Pem(certificates.ca.clone()))] {
        target.tls = Tls::Direct(roots);
        let (tenancy, password) = make(&Postgres::new(target.clone()), "direct").await;
        enter(&Postgres::new(target.clone()), &tenancy, &password).await.unwrap();
        Postgres::new(target.clone()).drop_tenancy(&tenancy).await.unwrap();
    }
    target.tls = Tls::Direct(Some(Roots::Pem(Certificates::new().unwrap().ca)));
    assert!(matches!(why(Postgres::new(target.clone()).probe().await), Unreachable::TlsUntrusted(_)));
    // The usual negotiation begins in the clear, which this router does not understand.
    target.tls = Tls::Require;
    assert!(matches!(Postgres::new(target).probe().await, Err(Error::Unreachable { .. })));
}

/// An administrator with these attributes.
async fn admin_with(attributes: &str, name: &str) -> Target {
    let server = server().await;
    let (any, _) = make(&Postgres::new(server.target()), &format!("{name}_db")).await;
    let mut session = superuser(&server, &any).await;
    session.execute(&format!("CREATE ROLE {name} LOGIN PASSWORD 'admin-password-1' {attributes}")).await.unwrap();
    let mut target = server.target();
    target.admin_user = name.to_owned();
    target.admin_password = SecretString::from("admin-password-1");
    target
}

#[tokio::test]
async fn an_admin_without_createrole_lacks_the_right_and_leaves_nothing() {
    let _server = server().await;
    let engine = Postgres::new(admin_with("CREATEDB", "no_createrole").await);
    let missing = engine.probe().await.unwrap().missing_rights;
    assert!(missing.contains(&Right::CreateUser) && !missing.contains(&Right::CreateDatabase), "{missing:?}");
    let wanted = tenancy("never_made");
    let error = provision::create(&engine, &wanted, &Password::generate().unwrap()).await.unwrap_err();
    assert!(matches!(error.cause, Error::LacksRight { .. }), "{error}");
    assert!(error.left.is_none() && engine.inspect(&wanted).await.unwrap().is_absent());
}

#[tokio::test]
async fn an_admin_without_createdb_fails_at_the_second_step_and_the_first_is_undone() {
    let _server = server().await;
    let engine = Postgres::new(admin_with("CREATEROLE IN ROLE pg_signal_backend", "no_createdb").await);
    let wanted = tenancy("half_made");
    let error = provision::create(&engine, &wanted, &Password::generate().unwrap()).await.unwrap_err();
    assert!(matches!(error.cause, Error::LacksRight { .. }), "{error}");
    assert!(error.left.is_none() && engine.inspect(&wanted).await.unwrap().is_absent(), "{error}");
}

#[tokio::test]
async fn an_admin_that_is_no_superuser_can_do_everything() {
    use bnna_db_engine::suite::{self, Options};
    let _server = server().await;
    let target = admin_with("CREATEDB CREATEROLE IN ROLE pg_signal_backend, pg_read_all_stats", "plain_admin").await;
    let engine = Postgres::new(target);
    let scratch = tempfile::tempdir().unwrap();
    let options = Options { prefix: "nosuper".into(), second: None, scratch: Some(scratch.path().to_owned()) };
    let report = suite::run(&engine, &options).await;
    assert!(report.passed() && report.skipped().is_empty(), "{report}");
}

#[test]
fn a_name_of_64_bytes_is_refused_before_anything_is_sent() {
    let name = |length: usize| DatabaseName::new(EngineKind::Postgres, &"a".repeat(length));
    assert!(name(63).is_ok());
    assert!(matches!(name(64), Err(NameError::TooLong { length: 64, limit: 63, .. })));
    // Bytes, not characters: the server cuts at bytes.
    assert!(DatabaseName::existing(EngineKind::Postgres, &"ö".repeat(32)).is_err());
}

#[tokio::test]
async fn a_database_in_use_by_what_cannot_be_ended_is_in_use_and_stays_open() {
    let server = server().await;
    let engine = Postgres::new(server.target());
    let (tenancy, password) = make(&engine, "prepared").await;
    let mut session = enter(&engine, &tenancy, &password).await.unwrap();
    session.execute("BEGIN; CREATE TABLE held (id int); PREPARE TRANSACTION 'held'").await.unwrap();
    let error = engine.drop_tenancy(&tenancy).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    assert!(engine.inspect(&tenancy).await.unwrap().is_complete());
    let mut session = enter(&engine, &tenancy, &password).await.unwrap();
    session.execute("ROLLBACK PREPARED 'held'").await.unwrap();
    engine.drop_tenancy(&tenancy).await.unwrap();
}

#[tokio::test]
async fn the_probe_names_databases_that_are_open_to_all() {
    let server = server().await;
    let engine = Postgres::new(server.target());
    let (tenancy, _) = make(&engine, "opened").await;
    let open = engine.probe().await.unwrap().open_to_all;
    assert!(open.contains(&"postgres".to_owned()) && !open.contains(&"opened".to_owned()), "{open:?}");
    let mut session = superuser(&server, &tenancy).await;
    session.execute("GRANT CONNECT ON DATABASE opened TO PUBLIC").await.unwrap();
    assert!(engine.probe().await.unwrap().open_to_all.contains(&"opened".to_owned()));
}

#[tokio::test]
async fn no_password_reaches_the_server_s_log() {
    let server = server().await;
    let engine = Postgres::new(server.target());
    let (tenancy, first) = make(&engine, "logged").await;
    let second = Password::generate().unwrap();
    engine.reset_password(&tenancy, &second).await.unwrap();
    enter(&engine, &tenancy, &second).await.unwrap();
    let scratch = tempfile::tempdir().unwrap();
    engine.dump(&tenancy, &scratch.path().join("dump")).await.unwrap();
    let log = server.log();
    assert!(log.contains("ALTER ROLE \"logged\" PASSWORD 'SCRAM-SHA-256$4096:"), "statements are not logged");
    for password in [first.expose(), second.expose(), server.target().password()] {
        assert!(!log.contains(password));
    }
}

/// A tenant leaves code that the system would run when it looks at the tenant's data.
#[tokio::test]
async fn a_tenant_s_own_code_never_runs_with_the_administrator_s_rights() {
    let server = server().await;
    let engine = Postgres::new(server.target());
    let (hostile, password) = make(&engine, "hostile").await;
    let (copy, _) = make(&engine, "hostile_copy").await;
    let mut session = enter(&engine, &hostile, &password).await.unwrap();
    session
        .execute(
            "CREATE TABLE trap (id int); INSERT INTO trap VALUES (1); \
             CREATE FUNCTION spring(trap) RETURNS text LANGUAGE plpgsql VOLATILE AS $$ BEGIN \
               BEGIN EXECUTE 'RESET ROLE'; EXECUTE 'ALTER ROLE hostile SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END; \
               RETURN 'sprung'; END $$; \
             CREATE CAST (trap AS text) WITH FUNCTION spring(trap); \
             CREATE FUNCTION climb(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN \
               BEGIN EXECUTE 'RESET ROLE'; EXECUTE 'ALTER ROLE hostile SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN $1; END $$; \
             CREATE INDEX ON trap (climb(id))",
        )
        .await
        .unwrap();
    drop(session);
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("dump");
    engine.dump(&hostile, &file).await.unwrap();
    engine.usage().await.unwrap();
    let copied = engine.copy(&hostile, &engine, &copy).await;
    assert!(copied.is_ok(), "{copied:?}");
    let mut session = superuser(&server, &copy).await;
    let supers = session.execute("SELECT rolname FROM pg_roles WHERE rolsuper").await.unwrap();
    assert_eq!(supers, [[Some("bnna_admin".to_owned())]]);
}

/// Names that a careless quoting would run: databases and users of these names are adopted, used and dropped.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_stay_names() {
    let server = server().await;
    let engine = Postgres::new(server.target());
    let (base, _) = make(&engine, "hostile_names").await;
    let mut session = superuser(&server, &base).await;
    let names = proptest::string::string_regex("[a-zA-Z\"'`;\\\\\\]\\[$%_ ()/*=\u{e4}\u{5927}-]{1,20}").unwrap();
    let mut runner = TestRunner::new(Config::with_cases(1));
    let mut hostile = vec![
        "\"; DROP ROLE bnna_admin; --".to_owned(),
        "'; SELECT pg_sleep(9); --".to_owned(),
        "postgresql://host/db".to_owned(),
        "dbname=postgres user=x".to_owned(),
        "-d".to_owned(),
        "$$".to_owned(),
    ];
    hostile.extend((0..10).map(|_| {
        use proptest::strategy::ValueTree;
        names.new_tree(&mut runner).unwrap().current()
    }));
    for name in hostile {
        let mut tenancy = tenancy("placeholder");
        tenancy.database = DatabaseName::existing(EngineKind::Postgres, &name).unwrap();
        tenancy.user = bnna_db_engine::UserName::existing(EngineKind::Postgres, &name).unwrap();
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        session.execute(&format!("CREATE ROLE {quoted} LOGIN")).await.unwrap();
        session.execute(&format!("CREATE DATABASE {quoted} OWNER {quoted}")).await.unwrap();
        engine.adopt(&tenancy).await.unwrap();
        let password = Password::generate().unwrap();
        engine.reset_password(&tenancy, &password).await.unwrap();
        let mut inside = enter(&engine, &tenancy, &password).await.unwrap();
        inside.execute("CREATE TABLE one (id int PRIMARY KEY)").await.unwrap();
        assert_eq!(inside.execute("SELECT current_database()").await.unwrap(), [[Some(name.clone())]]);
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
    /// The server itself reads the name back: quoting is by its rule.
    #[test]
    fn any_existing_name_is_quoted_into_one_identifier(name in "\\PC{1,40}") {
        if let Ok(name) = DatabaseName::existing(EngineKind::Postgres, &name) {
            let quoted = name.quoted();
            let inner = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            assert_eq!(inner.replace("\"\"", "\u{1}").matches('"').count(), 0);
            assert_eq!(inner.replace("\"\"", "\""), name.as_str());
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

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_a_limit_and_the_next_call_succeeds_when_there_is_room() {
    let Some(disk) = Small::mount("size=90m,mode=755") else {
        eprintln!("SKIPPED: no file system can be mounted here (needs root); a full disk was not seen");
        return;
    };
    let options = PostgresOptions { data_below: Some(disk.path().to_owned()), ..PostgresOptions::default() };
    let server = PostgresServer::start(options).await.unwrap();
    let engine = Postgres::new(server.target());
    let ballast = disk.path().join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 64 * 1024]).is_ok() {}
    drop(file);
    // Room for the user's few pages, not for a database.
    std::fs::File::options()
        .write(true)
        .open(&ballast)
        .unwrap()
        .set_len(std::fs::metadata(&ballast).unwrap().len() - 1_000_000)
        .unwrap();
    let wanted = tenancy("too_much");
    let error = provision::create(&engine, &wanted, &Password::generate().unwrap()).await.unwrap_err();
    assert!(matches!(&error.cause, Error::Limit { code, .. } if code == "53100"), "{error}");
    assert!(error.left.is_none() && engine.inspect(&wanted).await.unwrap().is_absent(), "{error}");
    std::fs::remove_file(&ballast).unwrap();
    let (tenancy, password) = make(&engine, "too_much").await;
    enter(&engine, &tenancy, &password).await.unwrap();
}
