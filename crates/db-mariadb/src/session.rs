//! Sessions: opened within the connect timeout, each statement within the call timeout, nothing left open.

use std::time::Duration;

use bnna_db_engine::{Answer, Error, Roots, Session, Target, TextRow, Tls, Unreachable};
use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, OptsBuilder, Row, SslOpts, Value};
use tokio::time::timeout;

use crate::answers::{self, Effect};

/// Rows that a tenant's session returns at most.
const MOST_ROWS: usize = 10_000;

/// An open session. Ends when dropped.
pub(crate) struct Connection {
    conn: Conn,
    at: String,
    limit: Duration,
}

/// Who enters what.
pub(crate) struct Entry<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) database: Option<&'a str>,
    /// Statements that begin the session.
    pub(crate) begin: Vec<String>,
}

/// Opens the administrator's session.
pub(crate) async fn admin(target: &Target) -> Result<Connection, Error> {
    // No waiting for ever on a lock that a tenant holds; backslashes in texts mean themselves in no mode (see the quoting).
    let begin = "SET SESSION lock_wait_timeout = 15, innodb_lock_wait_timeout = 15, time_zone = '+00:00', \
                 sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', character_set_results = 'utf8mb4', max_statement_time = 0";
    let entry =
        Entry { user: &target.admin_user, password: target.password(), database: None, begin: vec![begin.to_owned()] };
    match open(target, &entry).await {
        // A server that insists on TLS says "access denied" to those who come without, as to a wrong password.
        Err(refused @ Error::RefusedCredentials { .. }) if target.tls == Tls::Disable => {
            let encrypted = Target { tls: Tls::Require, ..target.clone() };
            match open(&encrypted, &entry).await {
                Ok(_) => Err(Error::Unreachable { at: target.at(), why: Unreachable::TlsRequired }),
                Err(_) => Err(refused),
            }
        }
        opened => opened,
    }
}

/// Opens a session within the connect timeout.
pub(crate) async fn open(target: &Target, entry: &Entry<'_>) -> Result<Connection, Error> {
    let limit = target.timeouts.connect;
    let options = options(target, entry)?;
    match timeout(limit, Conn::new(options)).await {
        Ok(Ok(conn)) => Ok(Connection { conn, at: target.at(), limit: target.timeouts.call }),
        Ok(Err(error)) => Err(answers::connecting(&target.at(), entry.user, &error)),
        Err(_) => Err(Error::Unreachable { at: target.at(), why: Unreachable::Timeout(limit.as_secs()) }),
    }
}

fn options(target: &Target, entry: &Entry<'_>) -> Result<OptsBuilder, Error> {
    // The driver asks for the process's provider; where no `main` has chosen one, ring is chosen here.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Losing a race against another thread that installs one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let options = OptsBuilder::default()
        .ip_or_hostname(target.host.clone())
        .tcp_port(target.port)
        .user(Some(entry.user))
        .pass(Some(entry.password))
        .db_name(entry.database)
        .init(entry.begin.clone())
        .prefer_socket(false)
        .stmt_cache_size(0)
        // Known, so that the driver does not ask for them at every login.
        .max_allowed_packet(Some(16 * 1024 * 1024))
        .wait_timeout(Some(28_800))
        .ssl_opts(ssl(target)?);
    Ok(options)
}

fn ssl(target: &Target) -> Result<Option<SslOpts>, Error> {
    let refuse = |why: &str| Error::Unreachable { at: target.at(), why: Unreachable::Tls(why.to_owned()) };
    match &target.tls {
        Tls::Disable => Ok(None),
        Tls::Require => Ok(Some(SslOpts::default().with_danger_accept_invalid_certs(true))),
        Tls::Direct(_) => Err(refuse("direct TLS is PostgreSQL's; MariaDB knows disable, require and verify")),
        Tls::Verify(Roots::Pem(pem)) => {
            let roots = vec![pem.clone().into_bytes().into()];
            Ok(Some(SslOpts::default().with_root_certs(roots).with_disable_built_in_roots(true)))
        }
        Tls::Verify(Roots::System) => {
            let found = rustls_native_certs::load_native_certs().certs;
            if found.is_empty() {
                return Err(refuse("this machine has no certification authorities"));
            }
            let roots = found.into_iter().map(|certificate| certificate.to_vec().into()).collect();
            Ok(Some(SslOpts::default().with_root_certs(roots).with_disable_built_in_roots(true)))
        }
    }
}

impl Connection {
    /// Runs one statement that changes something.
    pub(crate) async fn change(&mut self, doing: &str, what: &str, sql: &str) -> Result<(), Error> {
        self.change_within(self.limit, doing, what, sql).await
    }

    /// The same with a time of its own.
    pub(crate) async fn change_within(
        &mut self,
        limit: Duration,
        doing: &str,
        what: &str,
        sql: &str,
    ) -> Result<(), Error> {
        match timeout(limit, self.conn.query_drop(sql)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(answers::statement(&self.at, Effect::Changes, doing, what, &error)),
            Err(_) => Err(Error::Interrupted { doing: doing.to_owned(), why: format!("{} s are up", limit.as_secs()) }),
        }
    }

    /// Runs a query that changes nothing, as text in one round trip.
    pub(crate) async fn read<T: FromRow + Send + 'static>(&mut self, sql: &str) -> Result<Vec<T>, Error> {
        self.read_within(self.limit, sql).await
    }

    /// The same with a time of its own.
    pub(crate) async fn read_within<T: FromRow + Send + 'static>(
        &mut self,
        limit: Duration,
        sql: &str,
    ) -> Result<Vec<T>, Error> {
        match timeout(limit, self.conn.query(sql)).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(answers::statement(&self.at, Effect::Reads, "read", "object", &error)),
            Err(_) => Err(Error::Unreachable { at: self.at.clone(), why: Unreachable::Timeout(limit.as_secs()) }),
        }
    }
}

/// A tenant's session.
pub(crate) struct TenantSession(pub(crate) Connection);

impl Session for TenantSession {
    fn execute<'a>(&'a mut self, sql: &'a str) -> Answer<'a, Vec<TextRow>> {
        Box::pin(async move {
            let connection = &mut self.0;
            let limit = connection.limit;
            let rows: Vec<Row> = match timeout(limit, connection.conn.query(sql)).await {
                Ok(Ok(rows)) => rows,
                Ok(Err(error)) => {
                    return Err(answers::statement(
                        &connection.at,
                        Effect::Changes,
                        "run a statement",
                        "object",
                        &error,
                    ));
                }
                Err(_) => {
                    let why = format!("{} s are up", limit.as_secs());
                    return Err(Error::Interrupted { doing: "run a statement".to_owned(), why });
                }
            };
            Ok(rows.into_iter().take(MOST_ROWS).map(|row| row.unwrap().into_iter().map(text).collect()).collect())
        })
    }
}

/// A value of the text protocol: bytes or NULL.
fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true)),
    }
}
