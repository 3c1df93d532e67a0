//! What the databases of an instance use, read in a number of queries that does not grow with the number of databases.

use time::OffsetDateTime;

/// All databases of one instance at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceUsage {
    /// When the server was asked (our clock).
    pub at: OffsetDateTime,
    /// Every database that is not the system's, by name.
    pub databases: Vec<DatabaseUsage>,
    /// How many statements it took.
    pub queries: u32,
}

/// One database. `None` is *unknown*: the engine does not count it, or did not answer for this database. Never 0 in its stead.
///
/// The counters run since the server's statistics were last reset; a smaller value than before means a new start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DatabaseUsage {
    /// The database.
    pub database: String,
    /// Bytes on disk.
    pub size_bytes: Option<u64>,
    /// Open sessions.
    pub connections: Option<u64>,
    /// Transactions ended, committed or not.
    pub transactions: Option<u64>,
    /// Rows read.
    pub rows_read: Option<u64>,
    /// Rows inserted, updated or deleted.
    pub rows_written: Option<u64>,
    /// Bytes of temporary files written.
    pub temp_bytes: Option<u64>,
}

/// What is on a server that is not the system's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// Databases, by name.
    pub databases: Vec<ListedDatabase>,
    /// Users, by name.
    pub users: Vec<ListedUser>,
}

/// One database of an [`Inventory`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDatabase {
    /// Its name, as the server has it.
    pub name: String,
    /// Its owner, where the engine knows one.
    pub owner: Option<String>,
    /// The marker's owner, if it is one of ours.
    pub marked_for: Option<String>,
}

/// One user of an [`Inventory`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUser {
    /// Its name, as the server has it.
    pub name: String,
    /// Whether it may log in.
    pub can_log_in: bool,
    /// The marker's owner, if it is one of ours.
    pub marked_for: Option<String>,
}
