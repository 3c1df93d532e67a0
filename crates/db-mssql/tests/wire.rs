//! The wire, against the vendor's mock of the protocol: login, errors, connections cut in the middle, and what is sent for what.
//!
//! The mock answers registered texts and gives an empty success to any other; it runs no SQL. What only the engine can show is said
//! in the crate's documentation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bnna_db_engine::servers::Certificates;
use bnna_db_engine::servers::proxy::{Cut, Proxy};
use bnna_db_engine::{
    Applied, Engine, EngineKind, Error, Limits, Lock, Login, Marker, Password, Presence, Roots, Step, StepOutcome,
    Target, Tenancy, Timeouts, Tls, Unreachable,
};
use bnna_db_mssql::{MsSql, statements as sql};
use mssql_mock_tds::MockTdsServer;
use mssql_mock_tds::protocol;
use mssql_mock_tds::query_response::{
    ColumnDefinition, ColumnValue, QueryRegistry, QueryResponse, Row, SqlDataType, TerminalError,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

type Registry = Arc<Mutex<QueryRegistry>>;

async fn mock(certificates: Option<&Certificates>) -> (u16, Registry) {
    let server = MockTdsServer::new("127.0.0.1:0").await.unwrap();
    let (port, registry) = (server.local_addr().port(), server.query_registry());
    tokio::spawn(server.run());
    match certificates {
        None => (port, registry),
        Some(certificates) => (encrypting(certificates, port).await, registry),
    }
}

/// TLS in front of the mock, as SQL Server does it: version 1.2, the handshake within pre-login packets, bare records after it. (The
/// mock wraps its own in packets of another type, which the driver refuses.)
async fn encrypting(certificates: &Certificates, upstream: u16) -> u16 {
    let chain = vec![CertificateDer::from_pem_slice(certificates.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(certificates.key.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            // A client that distrusts the certificate goes away in the middle.
            tokio::spawn(async move { drop(encrypted(client, tls, upstream).await) });
        }
    });
    port
}

async fn encrypted(mut client: TcpStream, mut tls: rustls::ServerConnection, upstream: u16) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let length = client.read(&mut buffer).await?;
    let prelogin = buffer[..length].to_vec();
    client.write_all(&protocol::build_prelogin_response_with_encryption(true)).await?;
    while tls.is_handshaking() {
        let mut header = [0; 8];
        client.read_exact(&mut header).await?;
        let mut packet = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]])) - 8];
        client.read_exact(&mut packet).await?;
        read_all(&mut tls, &packet)?;
        let records = written(&mut tls)?;
        if !records.is_empty() {
            let length = u16::try_from(records.len() + 8).unwrap().to_be_bytes();
            client.write_all(&[0x12, 1, length[0], length[1], 0, 0, 0, 0]).await?;
            client.write_all(&records).await?;
        }
    }
    let mut server = TcpStream::connect(("127.0.0.1", upstream)).await?;
    server.write_all(&prelogin).await?;
    let answered = server.read(&mut buffer).await?;
    assert!(answered > 0);
    let mut from_server = vec![0; 16 * 1024];
    loop {
        tokio::select! {
            length = client.read(&mut buffer) => {
                let length = length?;
                if length == 0 { return Ok(()); }
                let plain = read_all(&mut tls, &buffer[..length])?;
                server.write_all(&plain).await?;
            }
            length = server.read(&mut from_server) => {
                let length = length?;
                if length == 0 { return Ok(()); }
                tls.writer().write_all(&from_server[..length])?;
                client.write_all(&written(&mut tls)?).await?;
            }
        }
    }
}

/// Records in, plain bytes out.
fn read_all(tls: &mut rustls::ServerConnection, mut records: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    while !records.is_empty() {
        tls.read_tls(&mut records)?;
        let state = tls.process_new_packets().map_err(std::io::Error::other)?;
        let mut some = vec![0; state.plaintext_bytes_to_read()];
        tls.reader().read_exact(&mut some)?;
        plain.extend(some);
    }
    Ok(plain)
}

fn written(tls: &mut rustls::ServerConnection) -> std::io::Result<Vec<u8>> {
    let mut records = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut records)?;
    }
    Ok(records)
}

fn target(port: u16) -> Target {
    Target {
        engine: EngineKind::MsSql,
        host: "127.0.0.1".to_owned(),
        port,
        tls: Tls::Disable,
        admin_user: "sa".to_owned(),
        admin_password: SecretString::from("Admin-Password-1"),
        timeouts: Timeouts { connect: Duration::from_secs(60), call: Duration::from_secs(60), ..Timeouts::default() },
        tools: None,
    }
}

fn tenancy() -> Tenancy {
    Tenancy::new(EngineKind::MsSql, "acme_shop", Marker::new("acme").unwrap()).unwrap()
}

fn password() -> Password {
    Password::new("tenant-password-1").unwrap()
}

fn rows(columns: &[SqlDataType], rows: Vec<Vec<ColumnValue>>) -> QueryResponse {
    let columns = columns.iter().map(|kind| ColumnDefinition::new("c", *kind)).collect();
    QueryResponse::new(columns, rows.into_iter().map(Row::new).collect())
}

fn text(text: &str) -> ColumnValue {
    ColumnValue::NVarChar(text.to_owned())
}

fn error(number: u32, class: u8, message: &str) -> QueryResponse {
    QueryResponse::error_only(TerminalError::new(number, class, message))
}

/// The server's answers for a tenancy in this state.
async fn there(registry: &Registry, database: Option<&str>, login: Option<i32>, marker: Option<&str>, members: i32) {
    const FIND: [SqlDataType; 4] =
        [SqlDataType::NVarChar, SqlDataType::NVarChar, SqlDataType::Int, SqlDataType::NVarChar];
    let mut found = Vec::new();
    if let Some(owner) = database {
        found.push(vec![text("database"), text("acme_shop"), ColumnValue::Int(1), text(owner)]);
    }
    if let Some(enabled) = login {
        found.push(vec![text("login"), text("acme_shop"), ColumnValue::Int(enabled), text("")]);
    }
    let mut registry = registry.lock().await;
    registry.register(sql::find(&tenancy()), rows(&FIND, found));
    let marker = marker.map(|marker| vec![text(marker)]).into_iter().collect();
    registry.register(sql::read_marker(), rows(&[SqlDataType::NVarChar], marker));
    registry.register(sql::count_tables(), rows(&[SqlDataType::Int], vec![vec![ColumnValue::Int(0)]]));
    registry.register(sql::is_member(&tenancy()), rows(&[SqlDataType::Int], vec![vec![ColumnValue::Int(members)]]));
}

#[tokio::test]
async fn create_database_that_exists_is_exists_1801() {
    let (port, registry) = mock(None).await;
    there(&registry, None, None, None, 0).await;
    let message = "Database 'acme_shop' already exists. Choose a different database name.";
    registry.lock().await.register(sql::create_database(&tenancy()), error(1801, 16, message));
    let failed = MsSql::new(target(port)).run_step(Step::Database, &tenancy(), &password()).await.unwrap_err();
    assert_eq!(failed, Error::Exists { what: "database acme_shop".into() });
}

#[tokio::test]
async fn create_login_that_exists_is_exists_15025_and_names_no_password() {
    let (port, registry) = mock(None).await;
    there(&registry, Some("sa"), None, Some("bnna:1:acme;user=acme_shop"), 0).await;
    let message = "The server principal 'acme_shop' already exists (near tenant-password-1).";
    registry.lock().await.register(sql::create_login(&tenancy(), &password(), true), error(15025, 16, message));
    let failed = MsSql::new(target(port)).run_step(Step::User, &tenancy(), &password()).await.unwrap_err();
    assert_eq!(failed, Error::Exists { what: "login acme_shop".into() });
    assert!(!format!("{failed:?}").contains("tenant-password-1"));
    let unknown = error(50_000, 16, "Something odd near 'tenant-password-1'.");
    registry.lock().await.register(sql::create_login(&tenancy(), &password(), true), unknown);
    let failed = MsSql::new(target(port)).run_step(Step::User, &tenancy(), &password()).await.unwrap_err();
    assert_eq!(failed, Error::Other { code: "50000".into(), text: "Something odd near '[redacted]'.".into() });
}

/// Answers the protocol's first message and refuses the login with what the engine says.
async fn refusing(number: u32, class: u8, message: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            assert!(client.read(&mut buffer).await.unwrap() > 0);
            client.write_all(&protocol::build_prelogin_response_with_encryption(false)).await.unwrap();
            assert!(client.read(&mut buffer).await.unwrap() > 0);
            client.write_all(&protocol::build_query_result(&error(number, class, message))).await.unwrap();
        }
    });
    port
}

#[tokio::test]
async fn login_failure_18456_is_refused_credentials() {
    let port = refusing(18456, 14, "Login failed for user 'sa'.").await;
    let failed = MsSql::new(target(port)).probe().await.unwrap_err();
    assert_eq!(failed, Error::RefusedCredentials { at: format!("127.0.0.1:{port}"), user: "sa".into() });
}

#[tokio::test]
async fn login_to_a_database_one_may_not_enter_is_missing_4060() {
    let port = refusing(4060, 11, "Cannot open database \"acme_shop\" requested by the login. The login failed.").await;
    let login = Login { database: tenancy().database, user: tenancy().user, password: password() };
    let failed = MsSql::new(target(port)).log_in(&login).await.unwrap_err();
    assert!(matches!(failed, Error::Missing { .. }), "{failed}");
}

/// Smaller engines have numbers of their own: class and words decide, and what neither tells stays `other`.
#[tokio::test]
async fn unknown_numbers_go_by_class_and_words() {
    let (port, registry) = mock(None).await;
    there(&registry, None, None, None, 0).await;
    let engine = MsSql::new(target(port));
    for (number, class, message, expected) in [
        (33_557_097, 16, "database \"acme_shop\" already exists", "Exists"),
        (33_557_097, 16, "role \"acme_shop\" does not exist", "Missing"),
        (33_557_097, 16, "permission denied to create database", "LacksRight"),
        (33_557_097, 16, "source database is being accessed by other users", "InUse"),
        (33_557_097, 16, "could not extend file: No space left on device", "Limit"),
        (33_557_097, 16, "'CREATE DATABASE' is not currently supported", "unsupported"),
        (1105, 17, "Could not allocate space for object", "Limit"),
        (33_557_097, 17, "out of something", "Limit"),
        (33_557_097, 21, "the session is over", "Interrupted"),
        (33_557_097, 16, "nobody knows", "Other"),
    ] {
        registry.lock().await.register(sql::create_database(&tenancy()), error(number, class, message));
        let failed = engine.run_step(Step::Database, &tenancy(), &password()).await.unwrap_err();
        assert!(format!("{failed:?}").contains(expected), "{message}: {failed:?}");
    }
}

#[tokio::test]
async fn a_cut_connection_is_unreachable_before_a_change_and_unknown_within_one() {
    let (port, registry) = mock(None).await;
    there(&registry, None, None, None, 0).await;
    let proxy = Proxy::start(port).await.unwrap();
    let engine = MsSql::new(target(proxy.port()));
    let (mut unreachable, mut interrupted) = (0, 0);
    for cut in [Cut::BeforeMessage, Cut::BeforeAnswer] {
        for message in 0.. {
            proxy.cut_at(message, cut, Arc::new(|| {}));
            let result = engine.run_step(Step::Database, &tenancy(), &password()).await;
            if proxy.disarm() {
                assert_eq!(result.unwrap(), StepOutcome::Done);
                assert!(message >= 8, "{message}");
                break;
            }
            match result.unwrap_err() {
                Error::Unreachable { .. } => unreachable += 1,
                Error::Interrupted { .. } => interrupted += 1,
                other => panic!("{cut:?} at {message}: {other}"),
            }
        }
    }
    assert!(unreachable >= 4 && interrupted >= 4, "{unreachable} {interrupted}");
}

#[tokio::test]
async fn a_server_that_is_silent_or_slow_is_given_up() {
    let (port, registry) = mock(None).await;
    there(&registry, None, None, None, 0).await;
    let mut slow = target(port);
    // Enough for the queries before it on a busy machine, not for the answer.
    slow.timeouts.call = Duration::from_secs(5);
    let answer = rows(&[SqlDataType::Int], Vec::new()).with_delay(Duration::from_secs(600));
    registry.lock().await.register(sql::create_database(&tenancy()), answer);
    let failed = MsSql::new(slow).run_step(Step::Database, &tenancy(), &password()).await.unwrap_err();
    assert!(failed.is_unknown(), "{failed}");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut nobody = target(silent.local_addr().unwrap().port());
    nobody.timeouts.connect = Duration::from_millis(200);
    let failed = MsSql::new(nobody).probe().await.unwrap_err();
    assert!(matches!(failed, Error::Unreachable { why: Unreachable::Timeout(_), .. }), "{failed}");
}

#[tokio::test]
async fn something_that_is_no_sql_server_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            client.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await.unwrap();
            client.shutdown().await.unwrap();
        }
    });
    let failed = MsSql::new(target(port)).probe().await.unwrap_err();
    assert!(matches!(failed, Error::Unreachable { why: Unreachable::NotTheEngine(_), .. }), "{failed:?}");
}

fn register_probe(registry: &mut QueryRegistry) {
    let row = vec![text("Microsoft SQL Server 2022 (RTM)\n\tmore"), text("2026-11-21T03:00:00.1234567")];
    registry.register(sql::PROBE, rows(&[SqlDataType::NVarChar; 2], vec![row]));
}

#[tokio::test]
async fn tls_is_required_verified_or_refused_as_asked() {
    let certificates = Certificates::new().unwrap();
    let (with, registry) = mock(Some(&certificates)).await;
    register_probe(&mut *registry.lock().await);
    let (without, _) = mock(None).await;
    let probe = |port, tls| async move { MsSql::new(Target { tls, ..target(port) }).probe().await };
    let pem = |pem: &str| Tls::Verify(Roots::Pem(pem.to_owned()));
    probe(with, Tls::Require).await.unwrap();
    probe(with, pem(&certificates.ca)).await.unwrap();
    let other = Certificates::new().unwrap();
    let failed = probe(with, pem(&other.ca)).await.unwrap_err();
    assert!(matches!(failed, Error::Unreachable { why: Unreachable::TlsUntrusted(_), .. }), "{failed:?}");
    let failed = probe(without, Tls::Require).await.unwrap_err();
    assert!(matches!(failed, Error::Unreachable { why: Unreachable::TlsNotOffered, .. }), "{failed:?}");
}

#[tokio::test]
async fn probe_names_only_rights_that_the_server_says_are_missing() {
    let (port, registry) = mock(None).await;
    register_probe(&mut *registry.lock().await);
    let rights = rows(&[SqlDataType::Int; 5], vec![[0, 1, 0, 1, 1].map(ColumnValue::Int).to_vec()]);
    registry.lock().await.register(sql::RIGHTS, rights);
    let probe = MsSql::new(target(port)).probe().await.unwrap();
    assert_eq!(probe.version, "Microsoft SQL Server 2022 (RTM)");
    assert_eq!(probe.missing_rights, [bnna_db_engine::Right::CreateUser]);
    // An engine that answers nothing about rights is not said to lack them.
    registry
        .lock()
        .await
        .register(sql::RIGHTS, error(195, 15, "'HAS_PERMS_BY_NAME' is not a recognized built-in function name."));
    assert!(MsSql::new(target(port)).probe().await.unwrap().missing_rights.is_empty());
}

#[tokio::test]
async fn standing_follows_the_marker() {
    let (port, registry) = mock(None).await;
    let engine = MsSql::new(target(port));
    let ours = "bnna:1:acme;user=acme_shop";
    let foreign = |owner: Option<&str>| Presence::Foreign { owner: owner.map(str::to_owned) };
    for (database, login, marker, members, expected) in [
        (None, None, None, 0, (Presence::Absent, Presence::Absent)),
        (Some("sa"), None, None, 0, (Presence::Unfinished, Presence::Absent)),
        (Some("sa"), Some(1), None, 0, (foreign(None), foreign(None))),
        (Some("sa"), None, Some(ours), 0, (Presence::Ours, Presence::Absent)),
        (Some("sa"), Some(1), Some(ours), 0, (Presence::Ours, Presence::Unfinished)),
        (Some("sa"), Some(1), Some(ours), 1, (Presence::Ours, Presence::Ours)),
        // Where membership is not to be had the login owns the database.
        (Some("acme_shop"), Some(1), Some(ours), 0, (Presence::Ours, Presence::Ours)),
        (Some("sa"), Some(1), Some("bnna:1:other;user=acme_shop"), 1, (foreign(Some("other")), foreign(Some("other")))),
        (None, Some(1), None, 0, (Presence::Absent, foreign(None))),
    ] {
        there(&registry, database, login, marker, members).await;
        let standing = engine.inspect(&tenancy()).await.unwrap();
        assert_eq!((standing.database, standing.user), expected, "{database:?} {login:?} {marker:?} {members}");
    }
}

#[tokio::test]
async fn membership_that_is_not_supported_gives_way_to_ownership() {
    let (port, registry) = mock(None).await;
    there(&registry, Some("sa"), Some(1), Some("bnna:1:acme;user=acme_shop"), 0).await;
    let engine = MsSql::new(target(port));
    let unsupported = || error(33_557_097, 16, "'ALTER ROLE' is not currently supported");
    registry.lock().await.register(sql::join_owners(&tenancy()), unsupported());
    assert_eq!(engine.run_step(Step::Grant, &tenancy(), &password()).await.unwrap(), StepOutcome::Done);
    // That ownership was asked for shows when it is refused as well.
    let refused =
        error(15151, 16, "Cannot find the database, because it does not exist or you do not have permission.");
    registry.lock().await.register(sql::own_database(&tenancy(), "acme_shop"), refused);
    assert!(matches!(engine.run_step(Step::Grant, &tenancy(), &password()).await, Err(Error::Missing { .. })));
}

#[tokio::test]
async fn extended_properties_that_are_not_supported_give_way_to_a_table() {
    let (port, registry) = mock(None).await;
    there(&registry, None, None, None, 0).await;
    let engine = MsSql::new(target(port));
    let marker = tenancy().marker_text();
    registry.lock().await.register(sql::add_marker(&marker), error(2812, 16, "Could not find stored procedure."));
    assert_eq!(engine.run_step(Step::Database, &tenancy(), &password()).await.unwrap(), StepOutcome::Done);
    let [_, _, insert] = sql::add_marker_table(&marker);
    registry.lock().await.register(insert, error(1105, 17, "Could not allocate space."));
    assert!(matches!(engine.run_step(Step::Database, &tenancy(), &password()).await, Err(Error::Limit { .. })));
}

#[tokio::test]
async fn a_password_that_the_policy_refuses_is_set_without_it() {
    let (port, registry) = mock(None).await;
    there(&registry, Some("sa"), None, Some("bnna:1:acme;user=acme_shop"), 0).await;
    let engine = MsSql::new(target(port));
    let refused = error(15118, 16, "Password validation failed. The password does not meet policy requirements.");
    registry.lock().await.register(sql::create_login(&tenancy(), &password(), true), refused);
    assert_eq!(engine.run_step(Step::User, &tenancy(), &password()).await.unwrap(), StepOutcome::Done);
    registry
        .lock()
        .await
        .register(sql::create_login(&tenancy(), &password(), false), error(15247, 16, "no permission"));
    assert!(matches!(engine.run_step(Step::User, &tenancy(), &password()).await, Err(Error::LacksRight { .. })));
}

#[tokio::test]
async fn single_user_that_is_not_supported_does_not_stop_a_drop() {
    let (port, registry) = mock(None).await;
    there(&registry, Some("sa"), None, Some("bnna:1:acme;user=acme_shop"), 0).await;
    let engine = MsSql::new(target(port));
    registry.lock().await.register(sql::single_user(&tenancy()), error(33_557_097, 16, "SINGLE_USER is not supported"));
    assert_eq!(engine.drop_tenancy(&tenancy()).await.unwrap(), StepOutcome::Done);
    registry
        .lock()
        .await
        .register(sql::drop_database(&tenancy()), error(3702, 16, "Cannot drop: it is currently in use."));
    assert!(matches!(engine.drop_tenancy(&tenancy()).await, Err(Error::InUse { .. })));
}

#[tokio::test]
async fn sizes_that_are_null_are_unknown_and_an_engine_without_the_views_still_lists() {
    let (port, registry) = mock(None).await;
    let kinds = [SqlDataType::NVarChar, SqlDataType::BigInt, SqlDataType::Int];
    let known = vec![text("known"), ColumnValue::BigInt(8_388_608), ColumnValue::Int(2)];
    let unknown = vec![text("unknown"), ColumnValue::Null, ColumnValue::Null];
    let system = vec![text("tempdb"), ColumnValue::BigInt(1), ColumnValue::Int(1)];
    registry.lock().await.register(sql::USAGE, rows(&kinds, vec![known, system, unknown]));
    let engine = MsSql::new(target(port));
    let usage = engine.usage().await.unwrap();
    assert!(usage.queries <= 2);
    let found: Vec<_> = usage.databases.iter().map(|d| (d.database.as_str(), d.size_bytes, d.connections)).collect();
    assert_eq!(found, [("known", Some(8_388_608), Some(2)), ("unknown", None, None)]);
    registry.lock().await.register(sql::USAGE, error(208, 16, "Invalid object name 'sys.master_files'."));
    let names = rows(&kinds, vec![vec![text("known"), ColumnValue::Null, ColumnValue::Null]]);
    registry.lock().await.register(sql::USAGE_NAMES_ONLY, names);
    let usage = engine.usage().await.unwrap();
    assert!(usage.queries <= 2);
    assert_eq!((usage.databases.len(), usage.databases[0].size_bytes), (1, None));
}

#[tokio::test]
async fn limits_are_said_to_be_unsupported_and_a_stranger_s_login_is_left_alone() {
    let (port, registry) = mock(None).await;
    let engine = MsSql::new(target(port));
    there(&registry, Some("sa"), Some(1), Some("bnna:1:acme;user=acme_shop"), 1).await;
    let applied =
        engine.set_limits(&tenancy(), Limits { connections: Some(3), statement_timeout: None }).await.unwrap();
    assert_eq!(applied.connections, Applied::Unsupported);
    there(&registry, Some("sa"), Some(1), Some("bnna:1:other;user=acme_shop"), 1).await;
    for result in [
        engine.set_lock(&tenancy(), Lock::Locked).await.map(drop),
        engine.reset_password(&tenancy(), &password()).await,
        engine.drop_tenancy(&tenancy()).await.map(drop),
        engine.adopt(&tenancy()).await.map(drop),
        engine.run_step(Step::Database, &tenancy(), &password()).await.map(drop),
    ] {
        assert!(matches!(result, Err(Error::Foreign { .. })), "{result:?}");
    }
}
