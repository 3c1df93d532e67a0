//! Sessions: opened within the connect timeout, each batch within the call timeout, nothing left open.

use std::time::Duration;

use bnna_db_engine::{Answer, Error, Password, Roots, Session, Target, TextRow, Tls, Unreachable};
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, Row};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use crate::answers::{self, Effect};

/// The database that the administrator enters.
pub(crate) const MASTER: &str = "master";
/// Rows that a tenant's session returns at most.
const MOST_ROWS: usize = 10_000;

/// An open session. Ends when dropped.
pub(crate) struct Connection {
    client: Client<Compat<TcpStream>>,
    at: String,
    limit: Duration,
}

/// Opens the administrator's session in a database.
pub(crate) async fn admin(target: &Target, database: &str) -> Result<Connection, Error> {
    open(target, &target.admin_user, target.password(), database).await
}

/// Opens a session within the connect timeout.
pub(crate) async fn open(target: &Target, user: &str, password: &str, database: &str) -> Result<Connection, Error> {
    let limit = target.timeouts.connect;
    let config = config(target, user, password, database)?;
    let dial = async {
        let network = |error: std::io::Error| Error::Unreachable {
            at: target.at(),
            why: Unreachable::Network(error.to_string()),
        };
        let stream = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(network)?;
        stream.set_nodelay(true).map_err(network)?;
        Client::connect(config, stream.compat_write())
            .await
            .map_err(|error| answers::connecting(&target.at(), user, database, &error))
    };
    match timeout(limit, dial).await {
        Ok(client) => Ok(Connection { client: client?, at: target.at(), limit: target.timeouts.call }),
        Err(_) => Err(Error::Unreachable { at: target.at(), why: Unreachable::Timeout(limit.as_secs()) }),
    }
}

fn config(target: &Target, user: &str, password: &str, database: &str) -> Result<Config, Error> {
    let mut config = Config::new();
    config.host(&target.host);
    config.port(target.port);
    config.database(database);
    config.application_name("bnna");
    config.authentication(AuthMethod::sql_server(user, password));
    // The calls have their own times, which know whether something was being changed.
    config.handshake_timeout(None);
    config.command_timeout(None);
    match &target.tls {
        // Not even the login: a server that says "off" and cannot encrypt it would leave both sides waiting.
        Tls::Disable => {
            config.encryption(EncryptionLevel::NotSupported);
            // A server that encrypts all the same is believed.
            config.trust_cert();
        }
        Tls::Require => {
            config.encryption(EncryptionLevel::Required);
            config.trust_cert();
        }
        Tls::Verify(roots) => {
            config.encryption(EncryptionLevel::Required);
            if let Roots::Pem(pem) = roots {
                config.trust_cert_ca_bundle(pem.clone().into_bytes());
            }
        }
        Tls::Direct(_) => {
            let why =
                Unreachable::Tls("direct TLS is PostgreSQL's; SQL Server knows disable, require and verify".to_owned());
            return Err(Error::Unreachable { at: target.at(), why });
        }
    }
    Ok(config)
}

impl Connection {
    /// Runs one batch that changes something. Texts that carry a password name it, so that no message repeats it.
    pub(crate) async fn change(
        &mut self,
        doing: &str,
        what: &str,
        sql: &str,
        secrets: &[&Password],
    ) -> Result<(), Error> {
        self.change_within(self.limit, doing, what, sql, secrets).await
    }

    /// The same with a time of its own.
    pub(crate) async fn change_within(
        &mut self,
        limit: Duration,
        doing: &str,
        what: &str,
        sql: &str,
        secrets: &[&Password],
    ) -> Result<(), Error> {
        let run = async { self.client.simple_query(sql).await?.into_results().await };
        match timeout(limit, run).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(answers::statement(&self.at, Effect::Changes, doing, what, &error, secrets)),
            Err(_) => Err(Error::Interrupted { doing: doing.to_owned(), why: format!("{} s are up", limit.as_secs()) }),
        }
    }

    /// Runs a batch that changes nothing; the rows of its first result as text.
    pub(crate) async fn read(&mut self, sql: &str) -> Result<Vec<TextRow>, Error> {
        self.read_within(self.limit, sql).await
    }

    /// The same with a time of its own.
    pub(crate) async fn read_within(&mut self, limit: Duration, sql: &str) -> Result<Vec<TextRow>, Error> {
        let run = async { self.client.simple_query(sql).await?.into_first_result().await };
        match timeout(limit, run).await {
            Ok(Ok(rows)) => Ok(rows.into_iter().map(texts).collect()),
            Ok(Err(error)) => Err(answers::statement(&self.at, Effect::Reads, "read", "object", &error, &[])),
            Err(_) => Err(Error::Unreachable { at: self.at.clone(), why: Unreachable::Timeout(limit.as_secs()) }),
        }
    }
}

fn texts(row: Row) -> TextRow {
    row.into_iter().map(text).collect()
}

/// A value as text. Dates and the like are asked for as text in every query here; a tenant's own query may show their raw form.
fn text(value: ColumnData<'static>) -> Option<String> {
    match value {
        ColumnData::U8(value) => value.map(|v| v.to_string()),
        ColumnData::I16(value) => value.map(|v| v.to_string()),
        ColumnData::I32(value) => value.map(|v| v.to_string()),
        ColumnData::I64(value) => value.map(|v| v.to_string()),
        ColumnData::F32(value) => value.map(|v| v.to_string()),
        ColumnData::F64(value) => value.map(|v| v.to_string()),
        ColumnData::Bit(value) => value.map(|v| u8::from(v).to_string()),
        ColumnData::String(value) => value.map(|v| v.into_owned()),
        ColumnData::Guid(value) => value.map(|v| v.to_string()),
        ColumnData::Numeric(value) => value.map(|v| v.to_string()),
        ColumnData::Binary(value) => value.map(|v| v.iter().map(|byte| format!("{byte:02x}")).collect()),
        ColumnData::Xml(value) => value.map(|v| v.into_owned().to_string()),
        other => Some(format!("{other:?}")),
    }
}

/// A tenant's session.
pub(crate) struct TenantSession(pub(crate) Connection);

impl Session for TenantSession {
    fn execute<'a>(&'a mut self, sql: &'a str) -> Answer<'a, Vec<TextRow>> {
        Box::pin(async move {
            let connection = &mut self.0;
            let limit = connection.limit;
            let run = async { connection.client.simple_query(sql).await?.into_results().await };
            match timeout(limit, run).await {
                Ok(Ok(results)) => Ok(results.into_iter().flatten().take(MOST_ROWS).map(texts).collect()),
                Ok(Err(error)) => {
                    Err(answers::statement(&connection.at, Effect::Changes, "run a statement", "object", &error, &[]))
                }
                Err(_) => {
                    let why = format!("{} s are up", limit.as_secs());
                    Err(Error::Interrupted { doing: "run a statement".to_owned(), why })
                }
            }
        })
    }
}
