//! One row of the table.

use std::fmt;

use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Verdict};
use super::key::Key;
use crate::secret::Secret;

/// What a row is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A user with a password: the purpose is empty or `login`.
    Login,
    /// A bearer token, found by the id after the last `~` of its name.
    Token {
        /// The id; empty when the row has none, and then the row never matches.
        id: String,
    },
    /// A secret kept to be read back, never accepted as a caller.
    Service(String),
}

/// A row: who it is, what it may do, and how its secret is kept.
#[derive(Clone)]
pub struct Credential {
    purpose: Purpose,
    name: String,
    roles: Vec<String>,
    extra: String,
    line: usize,
    algorithm: Algorithm,
}

impl Credential {
    /// Parses the fields of a record that starts on `line`. The error names the row and what is wrong with it.
    pub(super) fn parse(fields: &[Vec<u8>], line: usize) -> Result<Self, String> {
        let [purpose, name, algo, salt, derived, more @ ..] = fields else {
            return Err(format!("has {} columns, at least 5 are needed", fields.len()));
        };
        let name = text(name);
        let algorithm = Algorithm::parse(&text(algo), salt, derived).map_err(|why| format!("({name:?}): {why}"))?;
        let (purpose, name) = match text(purpose).as_str() {
            "" | "login" => (Purpose::Login, name),
            "token" => match name.rsplit_once('~') {
                Some((name, id)) => (Purpose::Token { id: id.to_owned() }, name.to_owned()),
                None => (Purpose::Token { id: String::new() }, name),
            },
            service => (Purpose::Service(service.to_owned()), name),
        };
        let roles = more.first().map(|roles| text(roles)).unwrap_or_default();
        let roles = roles.split([' ', ',']).filter(|role| !role.is_empty()).map(str::to_owned).collect();
        let extra = more.get(1).map(|extra| text(extra)).unwrap_or_default();
        Ok(Self { purpose, name, roles, extra, line, algorithm })
    }

    /// What the row is for.
    #[must_use]
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// The name, for a token without its id.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What identifies the row: `<name>~<id>` for a token, the name for the others.
    #[must_use]
    pub fn id(&self) -> String {
        match &self.purpose {
            Purpose::Token { id } => format!("{}~{id}", self.name),
            Purpose::Login | Purpose::Service(_) => self.name.clone(),
        }
    }

    /// The words of the roles column.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The free text of the last column.
    #[must_use]
    pub fn extra(&self) -> &str {
        &self.extra
    }

    /// The line of the file the row starts on, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Whether verifying costs enough to be kept off the threads that serve requests.
    #[must_use]
    pub fn is_costly(&self) -> bool {
        self.algorithm.is_costly()
    }

    pub(super) fn verify(&self, key: &Key, secret: &[u8]) -> Verdict {
        self.algorithm.verify(key, secret)
    }

    pub(super) fn recover(&self, key: &Key) -> Option<Secret> {
        self.algorithm.recover(key).map(|secret| Secret::new(String::from_utf8_lossy(&secret).into_owned()))
    }

    /// Why this row can never match, if that can be told.
    pub(super) fn hopeless(&self, key: &Key) -> Option<&'static str> {
        if let Purpose::Token { id } = &self.purpose {
            if id.is_empty() {
                return Some("a token's name must end with ~ and its id");
            }
            let secret: Option<Zeroizing<Vec<u8>>> = self.algorithm.recover(key);
            if secret.is_some_and(|secret| !secret.is_empty() && key.token_id(&secret) != *id) {
                return Some("its id is not the one of its secret under this key");
            }
        }
        self.algorithm.hopeless(key)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("purpose", &self.purpose)
            .field("name", &self.name)
            .field("roles", &self.roles)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}
