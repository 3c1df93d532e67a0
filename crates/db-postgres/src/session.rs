//! Sessions: opened within the connect timeout, each statement within the call timeout, nothing left open.

use std::time::Duration;

use bnna_db_engine::{Answer, Error, Roots, Session, Target, TextRow, Tls, Unreachable};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Row, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::answers::{self, Effect};
use crate::tls;

/// The database that the administrator enters.
const MAINTENANCE: &str = "postgres";
/// The request for TLS before the first message of the protocol.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// Rows that a tenant's session returns at most.
const MOST_ROWS: usize = 10_000;

/// An open session. Ends when dropped.
pub(crate) struct Connection {
    client: Client,
    driver: JoinHandle<()>,
    at: String,
    limit: Duration,
}

/// Who enters what.
pub(crate) struct Entry<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) database: &'a str,
    /// Settings of the session, `-c name=value …`.
    pub(crate) options: &'a str,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Opens the administrator's session. Names in its statements are looked up in the system's catalogue only.
pub(crate) async fn admin(target: &Target) -> Result<Connection, Error> {
    let entry = Entry {
        user: &target.admin_user,
        password: target.password(),
        database: MAINTENANCE,
        options: "-c search_path=pg_catalog -c standard_conforming_strings=on -c lock_timeout=15s",
    };
    open(target, &entry).await
}

/// Opens a session within the connect timeout.
pub(crate) async fn open(target: &Target, entry: &Entry<'_>) -> Result<Connection, Error> {
    let limit = target.timeouts.connect;
    match timeout(limit, dial(target, entry)).await {
        Ok(opened) => opened,
        Err(_) => Err(unreachable(target, Unreachable::Timeout(limit.as_secs()))),
    }
}

fn unreachable(target: &Target, why: Unreachable) -> Error {
    Error::Unreachable { at: target.at(), why }
}

async fn dial(target: &Target, entry: &Entry<'_>) -> Result<Connection, Error> {
    let network = |error: std::io::Error| unreachable(target, Unreachable::Network(error.to_string()));
    let mut stream = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(network)?;
    stream.set_nodelay(true).map_err(network)?;
    let mut config = Config::new();
    config.user(entry.user).password(entry.password).dbname(entry.database).options(entry.options);
    config.application_name("bnna");
    let refused = |error: tokio_postgres::Error| answers::connecting(&target.at(), entry.user, &error);
    let roots = match &target.tls {
        Tls::Disable => {
            config.ssl_mode(SslMode::Disable);
            let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(refused)?;
            let driver = tokio::spawn(async move { drop(connection.await) });
            return Ok(Connection { client, driver, at: target.at(), limit: target.timeouts.call });
        }
        Tls::Require | Tls::Direct(None) => None,
        Tls::Verify(roots) | Tls::Direct(Some(roots)) => Some(roots),
    };
    if !matches!(target.tls, Tls::Direct(_)) {
        ask_for_tls(target, &mut stream).await?;
    }
    let mut maker = rustls_connector(target, roots)?;
    let Ok(connector) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut maker, &target.host);
    // The request was made above, where its answer can be told from another protocol's greeting.
    config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
    let (client, connection) = config.connect_raw(stream, connector).await.map_err(refused)?;
    let driver = tokio::spawn(async move { drop(connection.await) });
    Ok(Connection { client, driver, at: target.at(), limit: target.timeouts.call })
}

fn rustls_connector(target: &Target, roots: Option<&Roots>) -> Result<MakeRustlsConnect, Error> {
    let config = tls::client(roots).map_err(|why| unreachable(target, Unreachable::Tls(why)))?;
    Ok(MakeRustlsConnect::new(config))
}

/// Asks for TLS and reads the one letter of the answer.
async fn ask_for_tls(target: &Target, stream: &mut TcpStream) -> Result<(), Error> {
    let network = |error: std::io::Error| unreachable(target, Unreachable::Network(error.to_string()));
    stream.write_all(&SSL_REQUEST).await.map_err(network)?;
    let mut answer = [0_u8; 1];
    stream.read_exact(&mut answer).await.map_err(network)?;
    match answer {
        [b'S'] => Ok(()),
        [b'N'] => Err(unreachable(target, Unreachable::TlsNotOffered)),
        [other] => Err(unreachable(target, Unreachable::NotTheEngine(format!("it greets with byte {other}")))),
    }
}

impl Connection {
    /// Runs statements that change something. Several in one text are one transaction.
    pub(crate) async fn change(&self, doing: &str, what: &str, sql: &str) -> Result<(), Error> {
        match timeout(self.limit, self.client.batch_execute(sql)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(answers::statement(&self.at, Effect::Changes, doing, what, &error)),
            Err(_) => Err(Error::Interrupted { doing: doing.to_owned(), why: self.time_is_up() }),
        }
    }

    /// Runs a query that changes nothing, in one round trip.
    pub(crate) async fn read(&self, sql: &str, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Result<Vec<Row>, Error> {
        self.read_within(self.limit, sql, parameters).await
    }

    /// The same with a time of its own.
    pub(crate) async fn read_within(
        &self,
        limit: Duration,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, Error> {
        match timeout(limit, self.client.query_typed(sql, parameters)).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(answers::statement(&self.at, Effect::Reads, "read", "object", &error)),
            Err(_) => Err(Error::Unreachable { at: self.at.clone(), why: Unreachable::Timeout(limit.as_secs()) }),
        }
    }

    fn time_is_up(&self) -> String {
        format!("{} s are up", self.limit.as_secs())
    }
}

/// A value of a row, by its position.
pub(crate) fn value<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, position: usize) -> Result<T, Error> {
    row.try_get(position)
        .map_err(|error| Error::Other { code: "bnna".to_owned(), text: format!("unexpected answer: {error}") })
}

/// A tenant's session.
pub(crate) struct TenantSession(pub(crate) Connection);

impl Session for TenantSession {
    fn execute<'a>(&'a mut self, sql: &'a str) -> Answer<'a, Vec<TextRow>> {
        Box::pin(async move {
            let connection = &self.0;
            let messages = match timeout(connection.limit, connection.client.simple_query(sql)).await {
                Ok(Ok(messages)) => messages,
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
                    return Err(Error::Interrupted {
                        doing: "run a statement".to_owned(),
                        why: connection.time_is_up(),
                    });
                }
            };
            let rows = messages.iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()),
                _ => None,
            });
            Ok(rows.take(MOST_ROWS).collect())
        })
    }
}
