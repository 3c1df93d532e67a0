//! Where a server is and how to get in: host, port, TLS, the administrator's credentials, how long to wait.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

use crate::kind::EngineKind;

/// A database server, as its administrator reaches it.
#[derive(Clone)]
pub struct Target {
    /// The engine.
    pub engine: EngineKind,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the wire is protected.
    pub tls: Tls,
    /// The administrator's user.
    pub admin_user: String,
    /// The administrator's password.
    pub admin_password: SecretString,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Where the engine's own tools are, when not where the packages put them.
    pub tools: Option<PathBuf>,
}

/// How the wire is protected.
#[derive(Clone, PartialEq, Eq)]
pub enum Tls {
    /// In the clear. For loopback and trusted links only.
    Disable,
    /// Encrypted; whoever answers is believed.
    Require,
    /// Encrypted, and the certificate must be for this host and signed by these roots.
    Verify(Roots),
    /// PostgreSQL only: TLS from the first byte, as a router that looks at the server name needs; verified when roots are given.
    Direct(Option<Roots>),
}

/// Who may sign a server's certificate.
#[derive(Clone, PartialEq, Eq)]
pub enum Roots {
    /// The certification authorities of this machine.
    System,
    /// Exactly these, in PEM.
    Pem(String),
}

/// How long to wait; nothing waits for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a session: TCP, TLS and login together.
    pub connect: Duration,
    /// For a call other than those that move data.
    pub call: Duration,
    /// For a copy, dump, restore or rename.
    pub transfer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            call: Duration::from_secs(60),
            transfer: Duration::from_secs(4 * 3600),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:[redacted]@{}?tls={:?}", self.engine, self.admin_user, self.at(), self.tls)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::Verify(_) => "verify",
            Self::Direct(_) => "direct",
        })
    }
}

/// Why a URL names no server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not `scheme://user@host…`.
    #[error("a database URL is ENGINE://USER[:PASSWORD]@HOST[:PORT][/][?tls=disable|require|verify|direct][&ca=FILE]")]
    Form,
    /// The scheme is another engine's.
    #[error("the URL's scheme is {0:?}, which is not the engine asked for")]
    Scheme(String),
    /// Not a port.
    #[error("{0:?} is no port")]
    Port(String),
    /// A parameter that is not known or cannot have this value.
    #[error("the URL's parameter {0:?} is not known, or cannot have this value")]
    Parameter(String),
    /// The CA file cannot be read.
    #[error("cannot read the CA file {0:?}")]
    Ca(String),
    /// No password in the URL, and none beside it.
    #[error("no password: put it into the environment (or the URL)")]
    NoPassword,
}

impl Target {
    /// Reads `postgres://user:password@host:port/?tls=require`. A password given beside the URL wins over the one in it, so that
    /// it can stay out of process arguments. Without `tls=`: required, except to loopback addresses.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn from_url(engine: EngineKind, url: &str, password: Option<SecretString>) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Form)?;
        if scheme.parse() != Ok(engine) {
            return Err(UrlError::Scheme(scheme.chars().take(40).collect()));
        }
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (credentials, place) = address.rsplit_once('@').ok_or(UrlError::Form)?;
        let place = place.split('/').next().unwrap_or_default();
        let (user, in_url) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(SecretString::from(decode(password)))),
            None => (credentials, None),
        };
        let (host, port) = host_and_port(place, engine)?;
        if user.is_empty() || host.is_empty() {
            return Err(UrlError::Form);
        }
        let tls = tls_from_query(engine, &host, query)?;
        Ok(Self {
            engine,
            host,
            port,
            tls,
            admin_user: decode(user),
            admin_password: password.or(in_url).ok_or(UrlError::NoPassword)?,
            timeouts: Timeouts::default(),
            tools: None,
        })
    }

    /// `host:port`, for messages.
    pub fn at(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The administrator's password, for the one call that logs in.
    pub fn password(&self) -> &str {
        self.admin_password.expose_secret()
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn host_and_port(place: &str, engine: EngineKind) -> Result<(String, u16), UrlError> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(UrlError::Form)?;
            (host, after.strip_prefix(':'))
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = match port {
        None | Some("") => engine.default_port(),
        Some(text) => text.parse().map_err(|_| UrlError::Port(text.chars().take(20).collect()))?,
    };
    Ok((decode(host), port))
}

fn tls_from_query(engine: EngineKind, host: &str, query: &str) -> Result<Tls, UrlError> {
    let mut mode = None;
    let mut roots = None;
    let mut negotiation = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or_else(|| UrlError::Parameter(pair.to_owned()))?;
        let value = decode(value);
        match key {
            "tls" | "sslmode" => mode = Some(value),
            "sslnegotiation" => negotiation = Some(value),
            "ca" | "sslrootcert" if value == "system" => roots = Some(Roots::System),
            "ca" | "sslrootcert" => {
                let pem = std::fs::read_to_string(&value).map_err(|_| UrlError::Ca(value.clone()))?;
                roots = Some(Roots::Pem(pem));
            }
            other => return Err(UrlError::Parameter(other.to_owned())),
        }
    }
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let direct = negotiation.as_deref() == Some("direct") || mode.as_deref() == Some("direct");
    match mode.as_deref() {
        _ if direct && engine == EngineKind::Postgres => Ok(Tls::Direct(roots)),
        Some("disable") => Ok(Tls::Disable),
        Some("require") => Ok(Tls::Require),
        Some("verify" | "verify-full") => Ok(Tls::Verify(roots.unwrap_or(Roots::System))),
        None if roots.is_some() => Ok(Tls::Verify(roots.unwrap_or(Roots::System))),
        None if loopback => Ok(Tls::Disable),
        None => Ok(Tls::Require),
        Some(other) => Err(UrlError::Parameter(format!("tls={other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_server_user_and_tls() {
        let target =
            Target::from_url(EngineKind::Postgres, "postgres://ad%40min:p%3Aw@db.example:6432/?tls=require", None)
                .unwrap();
        assert_eq!((target.host.as_str(), target.port, target.admin_user.as_str()), ("db.example", 6432, "ad@min"));
        assert_eq!(target.password(), "p:w");
        assert_eq!(target.tls, Tls::Require);
        let direct = "postgres://a:b@db/?sslmode=require&sslnegotiation=direct";
        assert_eq!(Target::from_url(EngineKind::Postgres, direct, None).unwrap().tls, Tls::Direct(None));
        let mysql = Target::from_url(EngineKind::MariaDb, "mysql://root:x@[::1]/", None).unwrap();
        assert_eq!((mysql.at().as_str(), &mysql.tls), ("[::1]:3306", &Tls::Disable));
    }

    #[test]
    fn a_password_beside_the_url_wins_and_neither_prints() {
        let given = Some(SecretString::from("from-environment"));
        let target = Target::from_url(EngineKind::MsSql, "mssql://sa:in-url@db:1433", given).unwrap();
        assert_eq!(target.password(), "from-environment");
        assert_eq!(format!("{target:?}"), "mssql://sa:[redacted]@db:1433?tls=require");
    }

    #[test]
    fn bad_urls_are_told_apart() {
        let read = |url| Target::from_url(EngineKind::Postgres, url, None).unwrap_err();
        assert_eq!(read("db.example:5432"), UrlError::Form);
        assert_eq!(read("mysql://a:b@db"), UrlError::Scheme("mysql".into()));
        assert_eq!(read("postgres://a:b@db:port"), UrlError::Port("port".into()));
        assert_eq!(read("postgres://a@db"), UrlError::NoPassword);
        assert_eq!(read("postgres://a:b@db?tls=maybe"), UrlError::Parameter("tls=maybe".into()));
        assert_eq!(read("postgres://a:b@db?ca=/nonexistent"), UrlError::Ca("/nonexistent".into()));
    }
}
