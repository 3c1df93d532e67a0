//! A whole table and its look-ups.

use std::collections::HashMap;
use std::fmt;

use super::algorithm::Verdict;
use super::credential::{Credential, Purpose};
use super::key::Key;
use super::records::{Reader, SyntaxError};
use crate::secret::Secret;

/// Most rows of a table.
const MAX_ROWS: usize = 100_000;

/// User names whose password is taken as a token by [`Table::authenticate`], as the library does.
const TOKEN_USER_NAMES: [&str; 3] = ["", "api", "apikey"];

/// Why a table was refused. One row is enough: a table is taken completely or not at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A quote inside an unquoted field.
    #[error("line {line}: a quote inside an unquoted field; quote the whole field and double the quotes in it")]
    BareQuote {
        /// The line, from 1.
        line: usize,
    },
    /// A quoted field that does not end properly.
    #[error("line {line}: a quoted field has text after its closing quote, or no closing quote")]
    Quote {
        /// The line, from 1.
        line: usize,
    },
    /// A row that cannot be a credential.
    #[error("line {line}: the row {why}")]
    Row {
        /// The line the row starts on, from 1.
        line: usize,
        /// What is wrong; never a secret.
        why: String,
    },
    /// More rows than are read.
    #[error("more than {MAX_ROWS} rows")]
    TooManyRows,
}

/// Something about a row that an operator should look at, though the table works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line the row starts on, from 1; nothing when it is about the whole file.
    pub line: Option<usize>,
    /// What is odd; never a secret.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// What a look-up found.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// The credential, verified.
    Ok(&'a Credential),
    /// No such user or token.
    NotFound,
    /// The user or token exists; the secret is wrong, or there was none.
    Unauthorized,
    /// The row's secret cannot be decrypted under this key, so that nothing can be compared.
    Locked,
}

/// A parsed table and the key it is read with. `Debug` shows no secret.
#[derive(Debug)]
pub struct Table {
    key: Key,
    rows: Vec<Credential>,
    /// Logins by name and tokens by `<name>~<id>`: an index into `rows`. Of two with one key the later wins.
    by_name: HashMap<String, usize>,
    /// Tokens by id.
    by_token_id: HashMap<String, usize>,
    /// Service accounts by purpose.
    by_purpose: HashMap<String, usize>,
    warnings: Vec<Warning>,
}

impl Table {
    /// A table without rows, which accepts nobody.
    #[must_use]
    pub fn empty(key: Key) -> Self {
        Self {
            key,
            rows: Vec::new(),
            by_name: HashMap::new(),
            by_token_id: HashMap::new(),
            by_purpose: HashMap::new(),
            warnings: Vec::new(),
        }
    }

    /// Parses a whole file. The first record is the header and is dropped, whatever it says.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line.
    pub fn parse(text: &[u8], key: Key) -> Result<Self, ParseError> {
        let mut table = Self::empty(key);
        for record in Reader::new(text).skip(1) {
            let record = record.map_err(|error| match error {
                SyntaxError::BareQuote { line } => ParseError::BareQuote { line },
                SyntaxError::Quote { line } => ParseError::Quote { line },
            })?;
            if matches!(record.fields.as_slice(), [only] if only.is_empty()) {
                continue;
            }
            if table.rows.len() == MAX_ROWS {
                return Err(ParseError::TooManyRows);
            }
            let row = Credential::parse(&record.fields, record.line)
                .map_err(|why| ParseError::Row { line: record.line, why })?;
            table.add(row);
        }
        Ok(table)
    }

    fn add(&mut self, row: Credential) {
        let line = row.line();
        if let Some(why) = row.hopeless(&self.key) {
            self.warn(line, format!("{:?} can never match: {why}", row.id()));
        }
        let index = self.rows.len();
        let earlier = match row.purpose() {
            Purpose::Login => self.by_name.insert(row.id(), index),
            Purpose::Token { id } => {
                let by_id = self.by_token_id.insert(id.clone(), index);
                self.by_name.insert(row.id(), index).or(by_id)
            }
            Purpose::Service(purpose) => self.by_purpose.insert(purpose.clone(), index),
        };
        if let Some(earlier) = earlier.and_then(|index| self.rows.get(index)).map(Credential::line) {
            self.warn(line, format!("{:?} takes the place of the row on line {earlier}", row.id()));
        }
        self.rows.push(row);
    }

    fn warn(&mut self, line: usize, message: String) {
        self.warnings.push(Warning { line: Some(line), message });
    }

    /// Finds a bearer token: by its id, then verified by the row's algorithm. Logins and service accounts never match.
    #[must_use]
    pub fn bearer(&self, secret: &str) -> Outcome<'_> {
        if secret.is_empty() {
            return Outcome::Unauthorized;
        }
        match self.find(&self.by_token_id, &self.key.token_id(secret.as_bytes())) {
            Some(row) => self.check(row, secret),
            None => Outcome::NotFound,
        }
    }

    /// The token row a secret would be verified against, unverified: to learn beforehand what verifying costs.
    #[must_use]
    pub fn candidate(&self, secret: &str) -> Option<&Credential> {
        self.find(&self.by_token_id, &self.key.token_id(secret.as_bytes()))
    }

    /// The library's look-up by name and secret: a login (or the full id of a token) by its name; else, for the user names
    /// empty, `api` and `apikey`, or with an empty secret, the other of the two as a token.
    #[must_use]
    pub fn authenticate(&self, name: &str, secret: &str) -> Outcome<'_> {
        if name.is_empty() && secret.is_empty() {
            return Outcome::Unauthorized;
        }
        if let Some(row) = self.find(&self.by_name, name) {
            return self.check(row, secret);
        }
        let (name, secret) = if secret.is_empty() { (secret, name) } else { (name, secret) };
        if TOKEN_USER_NAMES.contains(&name) { self.bearer(secret) } else { Outcome::NotFound }
    }

    /// The service account of a purpose.
    #[must_use]
    pub fn service(&self, purpose: &str) -> Option<&Credential> {
        self.find(&self.by_purpose, purpose)
    }

    /// A login, or a token by its full id.
    #[must_use]
    pub fn login(&self, name: &str) -> Option<&Credential> {
        self.find(&self.by_name, name)
    }

    /// Verifies a secret against one row.
    #[must_use]
    pub fn check<'a>(&self, row: &'a Credential, secret: &str) -> Outcome<'a> {
        match row.verify(&self.key, secret.as_bytes()) {
            Verdict::Match => Outcome::Ok(row),
            Verdict::Mismatch => Outcome::Unauthorized,
            Verdict::Locked => Outcome::Locked,
        }
    }

    /// The secret of a row that keeps it (`plain`, `aes-128-gcm` under the right key); nothing for hashed rows.
    #[must_use]
    pub fn recover(&self, row: &Credential) -> Option<Secret> {
        row.recover(&self.key)
    }

    /// All rows, in the order of the file, overwritten ones included.
    #[must_use]
    pub fn rows(&self) -> &[Credential] {
        &self.rows
    }

    /// What an operator should look at.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    fn find(&self, index: &HashMap<String, usize>, key: &str) -> Option<&Credential> {
        index.get(key).and_then(|index| self.rows.get(*index))
    }
}
