//! Names of databases and users, valid for one engine by construction.
//!
//! Two doors: [`Name::new`] for a name that bnna gives (lower case, digits, underscore, the engine's length, none of its reserved
//! words), and [`Name::existing`] for one found on a server, which may hold anything the engine allows but never names a database
//! or a user of the system. Both refuse NUL and control characters. Quoting is [`crate::EngineKind::quote_identifier`]'s business.

use std::fmt;

use crate::kind::EngineKind;
use crate::reserved;

/// What a name is for; the engines' limits differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NameOf {
    /// A database (MariaDB: schema).
    Database,
    /// A login: PostgreSQL role, MariaDB user, SQL Server login.
    User,
}

/// A valid name of a database on one engine.
pub type DatabaseName = Name<Database>;
/// A valid name of a user on one engine.
pub type UserName = Name<User>;

/// Marks [`Name`]s of databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Database {}
/// Marks [`Name`]s of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum User {}

/// The kind of thing that a [`Name`] names.
pub trait Named {
    /// The same as a value.
    const OF: NameOf;
}
impl Named for Database {
    const OF: NameOf = NameOf::Database;
}
impl Named for User {
    const OF: NameOf = NameOf::User;
}

/// A name that one engine accepts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name<T> {
    engine: EngineKind,
    text: String,
    of: std::marker::PhantomData<T>,
}

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("the name is empty")]
    Empty,
    /// The engine would refuse or silently cut it.
    #[error("{name:?} has {length} bytes, {engine} takes {limit}")]
    TooLong {
        /// The engine.
        engine: EngineKind,
        /// The beginning of the name.
        name: String,
        /// Its length in bytes (SQL Server: UTF-16 units).
        length: usize,
        /// The longest that is taken.
        limit: usize,
    },
    /// A character outside `[a-z0-9_]`, or not a letter first.
    #[error("{0:?} must be lower-case letters, digits and underscores, a letter first")]
    Characters(String),
    /// A control character or NUL.
    #[error("the name holds a control character")]
    Control,
    /// A word of the engine's language or the name of a part of its system.
    #[error("{name:?} is reserved by {engine}")]
    Reserved {
        /// The engine.
        engine: EngineKind,
        /// The name.
        name: String,
    },
}

impl<T: Named> Name<T> {
    /// A name for something that bnna makes.
    ///
    /// # Errors
    /// [`NameError`] as its variants say.
    pub fn new(engine: EngineKind, text: &str) -> Result<Self, NameError> {
        check_shape(engine, T::OF, text)?;
        let mut characters = text.chars();
        let letter_first = characters.next().is_some_and(|first| first.is_ascii_lowercase());
        if !letter_first || !characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            return Err(NameError::Characters(start_of(text)));
        }
        if is_system(engine, T::OF, text) || reserved::is_word(engine, text) {
            return Err(NameError::Reserved { engine, name: text.to_owned() });
        }
        let name = Self { engine, text: text.to_owned(), of: std::marker::PhantomData };
        name.check_grantable()?;
        Ok(name)
    }

    /// Whether rights can be granted on a database of this name. MariaDB reads `_` and `%` in a grant as patterns; escaped, each
    /// counts twice towards its 64 characters. (`a_b` unescaped would open `axb` as well.)
    ///
    /// # Errors
    /// [`NameError::TooLong`].
    pub fn check_grantable(&self) -> Result<(), NameError> {
        if self.engine != EngineKind::MariaDb || T::OF != NameOf::Database {
            return Ok(());
        }
        let length = self.text.chars().map(|c| if matches!(c, '_' | '%' | '\\') { 2 } else { 1 }).sum();
        let limit = longest(self.engine, T::OF);
        if length > limit {
            return Err(NameError::TooLong { engine: self.engine, name: start_of(&self.text), length, limit });
        }
        Ok(())
    }

    /// A name that is on a server already: anything the engine allows that is not a part of its system.
    ///
    /// # Errors
    /// [`NameError::Empty`], [`NameError::TooLong`], [`NameError::Control`], [`NameError::Reserved`].
    pub fn existing(engine: EngineKind, text: &str) -> Result<Self, NameError> {
        check_shape(engine, T::OF, text)?;
        if is_system(engine, T::OF, text) {
            return Err(NameError::Reserved { engine, name: text.to_owned() });
        }
        Ok(Self { engine, text: text.to_owned(), of: std::marker::PhantomData })
    }

    /// The engine that the name is valid for.
    pub fn engine(&self) -> EngineKind {
        self.engine
    }

    /// The bare name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name between the engine's quotes, ready for a statement.
    pub fn quoted(&self) -> String {
        self.engine.quote_identifier(&self.text)
    }
}

impl<T> fmt::Display for Name<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The longest name: PostgreSQL's `NAMEDATALEN` less one, MariaDB's 64 characters (80 for users), SQL Server's `sysname`.
pub fn longest(engine: EngineKind, of: NameOf) -> usize {
    match (engine, of) {
        (EngineKind::Postgres, _) => 63,
        (EngineKind::MariaDb, NameOf::Database) => 64,
        (EngineKind::MariaDb, NameOf::User) => 80,
        (EngineKind::MsSql, _) => 128,
    }
}

/// Length, emptiness and control characters: what holds at both doors.
fn check_shape(engine: EngineKind, of: NameOf, text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    let length = match engine {
        EngineKind::Postgres => text.len(),
        EngineKind::MariaDb => text.chars().count(),
        EngineKind::MsSql => text.encode_utf16().count(),
    };
    let limit = longest(engine, of);
    if length > limit {
        return Err(NameError::TooLong { engine, name: start_of(text), length, limit });
    }
    if text.chars().any(char::is_control) {
        return Err(NameError::Control);
    }
    // MariaDB keeps no name that ends in a space, and its names stop at the basic multilingual plane.
    if engine == EngineKind::MariaDb && (text.ends_with(' ') || text.chars().any(|c| u32::from(c) > 0xFFFF)) {
        return Err(NameError::Characters(start_of(text)));
    }
    Ok(())
}

fn start_of(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Databases that belong to the engine. Never made, adopted, listed or dropped.
pub fn is_system_database(engine: EngineKind, name: &str) -> bool {
    is_system(engine, NameOf::Database, name)
}

/// Users that belong to the engine. Never made, adopted, listed or dropped.
pub fn is_system_user(engine: EngineKind, name: &str) -> bool {
    is_system(engine, NameOf::User, name)
}

fn is_system(engine: EngineKind, of: NameOf, name: &str) -> bool {
    let lower = name.to_lowercase();
    let listed = |names: &[&str]| names.contains(&lower.as_str());
    match (engine, of) {
        (EngineKind::Postgres, NameOf::Database) => listed(&["postgres", "template0", "template1"]),
        (EngineKind::Postgres, NameOf::User) => lower.starts_with("pg_") || listed(&["postgres", "public", "none"]),
        (EngineKind::MariaDb, NameOf::Database) => {
            listed(&["mysql", "information_schema", "performance_schema", "sys"]) || lower.starts_with("#mysql50#")
        }
        (EngineKind::MariaDb, NameOf::User) => listed(&["root", "mysql", "mariadb.sys", "public", "debian-sys-maint"]),
        (EngineKind::MsSql, NameOf::Database) => {
            listed(&["master", "model", "msdb", "tempdb", "resource", "mssqlsystemresource"])
        }
        (EngineKind::MsSql, NameOf::User) => {
            lower.starts_with("##")
                || lower.contains('\\')
                || listed(&["sa", "dbo", "guest", "sys", "information_schema", "public"])
                || listed(&["sysadmin", "serveradmin", "securityadmin", "dbcreator", "bulkadmin", "diskadmin"])
        }
    }
}
