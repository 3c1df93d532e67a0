//! Which engine: the three words, what people also call them, and what differs between them in numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A database engine that bnna provisions on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// PostgreSQL 13 and later.
    Postgres,
    /// MariaDB 10.5 and later (the first whose databases carry a comment).
    MariaDb,
    /// Microsoft SQL Server, and what speaks its protocol and language.
    MsSql,
}

/// A word that names no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no database engine is called {0:?}; there are postgres, mariadb and mssql")]
pub struct UnknownEngine(pub String);

impl EngineKind {
    /// All engines, in the order in which they are listed to people.
    pub const ALL: [Self; 3] = [Self::Postgres, Self::MariaDb, Self::MsSql];

    /// The word used in answers and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::MsSql => "mssql",
        }
    }

    /// The port that the engine's own documentation gives.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::MariaDb => 3306,
            Self::MsSql => 1433,
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EngineKind {
    type Err = UnknownEngine;

    fn from_str(word: &str) -> Result<Self, UnknownEngine> {
        match word {
            "postgres" | "postgresql" => Ok(Self::Postgres),
            "mariadb" | "mysql" => Ok(Self::MariaDb),
            "mssql" | "sqlserver" => Ok(Self::MsSql),
            other => Err(UnknownEngine(other.chars().take(40).collect())),
        }
    }
}
