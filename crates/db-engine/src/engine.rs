//! The trait that the three adapters implement. Object-safe: the platform holds an `Arc<dyn Engine>` an instance.
//!
//! It knows nothing of accounts, HTTP or the store. Every call opens what sessions it needs, ends within the target's timeouts and
//! leaves nothing open. A call that fails half way leaves a state that [`Engine::inspect`] names and the same call completes.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use crate::error::Error;
use crate::kind::EngineKind;
use crate::name::{DatabaseName, UserName};
use crate::password::Password;
use crate::probe::Probe;
use crate::target::Target;
use crate::tenancy::{Limits, LimitsApplied, Lock, Standing, Step, StepOutcome, Suffix, Tenancy};
use crate::transfer::{CopyReport, DumpReport};
use crate::usage::{InstanceUsage, Inventory};

/// What a call of [`Engine`] returns: a future that ends within the target's timeouts.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Credentials of a tenant's user, to log in as it.
#[derive(Debug, Clone)]
pub struct Login {
    /// The database to enter.
    pub database: DatabaseName,
    /// The user.
    pub user: UserName,
    /// Its password.
    pub password: Password,
}

/// A database server that bnna provisions on.
///
/// All calls that take a [`Tenancy`] fail with [`Error::Foreign`] when what is there carries no marker of ours or another owner's,
/// and [`Engine::adopt`] is the only way past that.
pub trait Engine: Send + Sync + fmt::Debug {
    /// The engine.
    fn kind(&self) -> EngineKind;

    /// The server.
    fn target(&self) -> &Target;

    /// Version, rights that the administrator lacks, clock skew, and what stands open to every user.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::RefusedCredentials`].
    fn probe(&self) -> Answer<'_, Probe>;

    /// What the server holds of this tenancy; settles an [`Error::Interrupted`].
    fn inspect<'a>(&'a self, tenancy: &'a Tenancy) -> Answer<'a, Standing>;

    /// The steps that make a tenancy, in this engine's order. Undone in reverse.
    fn steps(&self) -> &'static [Step];

    /// Runs all steps on one session where nothing of the tenancy is there: `true`. Where something is there: `false`, and nothing is
    /// done. After an error any of the steps may have been done; none was before. [`crate::provision::create`] undoes them.
    ///
    /// # Errors
    /// As [`Engine::run_step`].
    fn make_at_once<'a>(&'a self, tenancy: &'a Tenancy, password: &'a Password) -> Answer<'a, bool>;

    /// Runs one step. What is there already and ours is completed and the password set as given.
    ///
    /// # Errors
    /// [`Error::Foreign`] where the name is taken; [`Error::LacksRight`], [`Error::Limit`], [`Error::Interrupted`].
    fn run_step<'a>(&'a self, step: Step, tenancy: &'a Tenancy, password: &'a Password) -> Answer<'a, StepOutcome>;

    /// Undoes one step; nothing to undo is [`StepOutcome::AlreadySo`].
    fn undo_step<'a>(&'a self, step: Step, tenancy: &'a Tenancy) -> Answer<'a, StepOutcome>;

    /// Marks a database and a user that are there as ours. The password stays.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Foreign`] when another owner's marker is on it.
    fn adopt<'a>(&'a self, tenancy: &'a Tenancy) -> Answer<'a, StepOutcome>;

    /// Takes the marker off again and leaves everything else.
    fn forget<'a>(&'a self, tenancy: &'a Tenancy) -> Answer<'a, StepOutcome>;

    /// Sets the user's password. Open sessions stay.
    fn reset_password<'a>(&'a self, tenancy: &'a Tenancy, password: &'a Password) -> Answer<'a, ()>;

    /// Sets what the tenant may use, and says what the engine enforces.
    fn set_limits<'a>(&'a self, tenancy: &'a Tenancy, limits: Limits) -> Answer<'a, LimitsApplied>;

    /// Locks the user (and ends its sessions) or unlocks it.
    fn set_lock<'a>(&'a self, tenancy: &'a Tenancy, lock: Lock) -> Answer<'a, StepOutcome>;

    /// Drops database and user; open sessions are ended first.
    ///
    /// # Errors
    /// [`Error::Foreign`]; [`Error::InUse`] for what cannot be ended.
    fn drop_tenancy<'a>(&'a self, tenancy: &'a Tenancy) -> Answer<'a, StepOutcome>;

    /// Databases and users that are not the system's.
    fn list(&self) -> Answer<'_, Inventory>;

    /// Usage of all databases in a bounded number of queries.
    fn usage(&self) -> Answer<'_, InstanceUsage>;

    /// Copies data into a tenancy on another instance of the same engine (or another name on this one), whose database exists and is
    /// empty, and compares. The source must be at rest: lock its user first.
    ///
    /// # Errors
    /// [`Error::Other`] when the copy differs from the source, naming the tables.
    fn copy<'a>(&'a self, tenancy: &'a Tenancy, to: &'a dyn Engine, copy: &'a Tenancy) -> Answer<'a, CopyReport>;

    /// Writes the database to a new file with the engine's own tool. For SQL Server the path is on the server, for the others here.
    fn dump<'a>(&'a self, tenancy: &'a Tenancy, file: &'a Path) -> Answer<'a, DumpReport>;

    /// Reads a file written by [`Engine::dump`] into a tenancy whose database exists and is empty.
    fn restore<'a>(&'a self, tenancy: &'a Tenancy, file: &'a Path) -> Answer<'a, ()>;

    /// Renames database and user by appending a suffix and locks the user. Sessions are ended first.
    ///
    /// # Errors
    /// [`Error::Exists`] when the new name is taken by something of ours that is complete while the old is still there.
    fn rename<'a>(&'a self, tenancy: &'a Tenancy, suffix: &'a Suffix) -> Answer<'a, Tenancy>;

    /// Logs in as a tenant's user, to check credentials or to run statements as that user.
    fn log_in<'a>(&'a self, login: &'a Login) -> Answer<'a, Box<dyn Session>>;
}

/// A row of a result as text; `None` is NULL.
pub type TextRow = Vec<Option<String>>;

/// A session of a tenant's user.
pub trait Session: Send {
    /// Runs a statement (or several, where the engine takes several at once) and returns the rows, at most 10,000 of them.
    fn execute<'a>(&'a mut self, sql: &'a str) -> Answer<'a, Vec<TextRow>>;
}

impl fmt::Debug for dyn Session + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}
