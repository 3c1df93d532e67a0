//! The checks that every adapter passes against a real server, and that `cargo xtask db` runs against any server given.
//!
//! Everything it makes is named `<prefix>_…`, carries the suite's marker, and is dropped at the end, whatever happened; it refuses
//! to begin where the prefix is in use, and every change goes through the adapter, which touches nothing without the marker.

mod data;
mod identity;
mod isolation;
mod lifecycle;

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::engine::{Engine, Login, Session, TextRow};
use crate::error::Error;
use crate::kind::EngineKind;
use crate::name::{NameError, Named};
use crate::password::Password;
use crate::provision;
use crate::tenancy::{Marker, MarkerError, Tenancy};

/// What the suite needs beside the server.
pub struct Options<'a> {
    /// Names begin with it and an underscore.
    pub prefix: String,
    /// Another instance of the same engine, for copies; without one copies go to another name on the same instance.
    pub second: Option<&'a dyn Engine>,
    /// A directory for dumps: here, or on the server for SQL Server. Without one the dump is skipped.
    pub scratch: Option<PathBuf>,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Not as it should be; the reason.
    Failed(String),
    /// Not checked; the reason.
    Skipped(String),
}

/// One check and how it ended.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The rule.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// All checks.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// In the order in which they ran.
    pub checks: Vec<Checked>,
}

impl Report {
    /// Whether no check failed.
    pub fn passed(&self) -> bool {
        !self.checks.iter().any(|check| matches!(check.outcome, Outcome::Failed(_)))
    }

    /// Names of those that were skipped.
    pub fn skipped(&self) -> Vec<&'static str> {
        let skipped = self.checks.iter().filter(|check| matches!(check.outcome, Outcome::Skipped(_)));
        skipped.map(|check| check.name).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: fn(&Outcome) -> bool| self.checks.iter().filter(|check| wanted(&check.outcome)).count();
        for check in &self.checks {
            let (word, why) = match &check.outcome {
                Outcome::Passed => ("passed ", String::new()),
                Outcome::Failed(why) => ("FAILED ", format!(": {why}")),
                Outcome::Skipped(why) => ("skipped", format!(": {why}")),
            };
            writeln!(f, "{word} {} ({} ms){why}", check.name, check.took.as_millis())?;
        }
        let passed = count(|outcome| *outcome == Outcome::Passed);
        let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
        write!(f, "{passed} passed, {failed} failed, {} skipped", self.checks.len() - passed - failed)
    }
}

/// Why a check did not pass.
#[derive(Debug)]
pub(crate) enum Trouble {
    Failed(String),
    Skipped(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        if error.is_unsupported() { Self::Skipped(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}

impl From<provision::CreateError> for Trouble {
    fn from(error: provision::CreateError) -> Self {
        Self::Failed(error.to_string())
    }
}

macro_rules! failed_from {
    ($($error:ty),*) => { $(impl From<$error> for Trouble {
        fn from(error: $error) -> Self {
            Self::Failed(error.to_string())
        }
    })* };
}
failed_from!(NameError, MarkerError, crate::password::PasswordError, crate::tenancy::SuffixError);

pub(crate) type Verdict = Result<(), Trouble>;

/// Fails a check with a reason when the condition does not hold.
pub(crate) fn ensure(holds: bool, otherwise: impl Into<String>) -> Verdict {
    if holds { Ok(()) } else { Err(Trouble::Failed(otherwise.into())) }
}

type Check = for<'a> fn(&'a Stage<'a>) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// The checks by name, in order.
const CHECKS: &[(&str, Check)] = &[
    ("probe_tells_version_rights_and_clock", |s| Box::pin(lifecycle::probe(s))),
    ("created_database_is_usable_by_its_user", |s| Box::pin(lifecycle::create(s))),
    ("each_step_run_again_changes_nothing", |s| Box::pin(lifecycle::steps_are_idempotent(s))),
    ("each_step_is_undone_by_itself", |s| Box::pin(lifecycle::steps_are_undone(s))),
    ("failed_step_is_rolled_back", |s| Box::pin(lifecycle::failed_step_is_rolled_back(s))),
    ("another_owner_s_database_is_foreign", |s| Box::pin(identity::other_owner(s))),
    ("unmarked_database_is_foreign_until_adopted", |s| Box::pin(identity::unmarked_then_adopted(s))),
    ("reset_password_refuses_the_old_one", |s| Box::pin(identity::reset_password(s))),
    ("wrong_password_is_refused_credentials", |s| Box::pin(identity::wrong_password(s))),
    ("limits_hold", |s| Box::pin(identity::limits(s))),
    ("locked_user_is_out_and_unlocked_user_is_in", |s| Box::pin(identity::lock(s))),
    ("tenant_cannot_enter_another_database", |s| Box::pin(isolation::other_database(s))),
    ("tenant_cannot_rise_above_its_database", |s| Box::pin(isolation::attempts(s))),
    ("list_shows_ours_and_no_system_ones", |s| Box::pin(lifecycle::list(s))),
    ("usage_of_all_databases_takes_at_most_two_queries", |s| Box::pin(data::usage(s))),
    ("copy_is_compared_table_by_table", |s| Box::pin(data::copy(s))),
    ("copy_into_a_full_database_is_refused", |s| Box::pin(data::copy_into_full(s))),
    ("dump_restores_what_was_there", |s| Box::pin(data::dump_and_restore(s))),
    ("rename_appends_the_suffix_and_locks", |s| Box::pin(data::rename(s))),
    ("drop_ends_open_sessions", |s| Box::pin(lifecycle::drop_with_sessions(s))),
];

/// The server under test and what was made on it.
pub(crate) struct Stage<'a> {
    pub(crate) engine: &'a dyn Engine,
    pub(crate) options: &'a Options<'a>,
    made: std::sync::Mutex<Vec<Tenancy>>,
}

/// Runs all checks and cleans up. Nothing is begun on a server that cannot be reached or where the prefix is in use.
pub async fn run(engine: &dyn Engine, options: &Options<'_>) -> Report {
    let stage = Stage { engine, options, made: std::sync::Mutex::default() };
    let mut report = Report::default();
    let started = Instant::now();
    let mut note = |name, started: Instant, verdict: Verdict| {
        let outcome = match verdict {
            Ok(()) => Outcome::Passed,
            Err(Trouble::Failed(why)) => Outcome::Failed(why),
            Err(Trouble::Skipped(why)) => Outcome::Skipped(why),
        };
        let passed = outcome == Outcome::Passed;
        report.checks.push(Checked { name, outcome, took: started.elapsed() });
        passed
    };
    if !note("server_is_reached_and_the_prefix_is_free", started, stage.prefix_is_free().await) {
        return report;
    }
    for (name, check) in CHECKS {
        let started = Instant::now();
        let verdict = check(&stage).await;
        note(name, started, verdict);
    }
    let started = Instant::now();
    note("nothing_is_left_behind", started, stage.clean_up().await);
    report
}

impl Stage<'_> {
    pub(crate) fn kind(&self) -> EngineKind {
        self.engine.kind()
    }

    /// A tenancy of this name below the prefix, dropped at the end.
    pub(crate) fn tenancy(&self, name: &str) -> Result<Tenancy, Trouble> {
        let marker = Marker::new(&format!("suite/{}", self.options.prefix))?;
        let tenancy = Tenancy::new(self.kind(), &format!("{}_{name}", self.options.prefix), marker)?;
        self.will_drop(tenancy.clone());
        Ok(tenancy)
    }

    pub(crate) fn will_drop(&self, tenancy: Tenancy) {
        if let Ok(mut made) = self.made.lock()
            && !made.contains(&tenancy)
        {
            made.push(tenancy);
        }
    }

    /// Makes a tenancy of this name with a fresh password.
    pub(crate) async fn make(&self, name: &str) -> Result<(Tenancy, Password), Trouble> {
        let tenancy = self.tenancy(name)?;
        let password = Password::generate()?;
        provision::create(self.engine, &tenancy, &password).await?;
        Ok((tenancy, password))
    }

    pub(crate) async fn enter(&self, tenancy: &Tenancy, password: &Password) -> Result<Box<dyn Session>, Error> {
        let login =
            Login { database: tenancy.database.clone(), user: tenancy.user.clone(), password: password.clone() };
        self.engine.log_in(&login).await
    }

    async fn prefix_is_free(&self) -> Verdict {
        let inventory = self.engine.list().await?;
        let names = inventory.databases.iter().map(|d| &d.name).chain(inventory.users.iter().map(|u| &u.name));
        let taken: Vec<&String> = names.filter(|name| name.starts_with(&format!("{}_", self.options.prefix))).collect();
        ensure(taken.is_empty(), format!("the prefix is in use: {taken:?}; nothing was touched"))
    }

    async fn clean_up(&self) -> Verdict {
        let made = self.made.lock().map(|made| made.clone()).unwrap_or_default();
        let mut left = Vec::new();
        for tenancy in made {
            for engine in [Some(self.engine), self.options.second].into_iter().flatten() {
                if let Err(error) = engine.drop_tenancy(&tenancy).await {
                    left.push(format!("{}: {error}", tenancy.database));
                }
            }
        }
        ensure(left.is_empty(), left.join("; "))?;
        self.prefix_is_free().await
    }
}

/// What a query returned is exactly these rows.
pub(crate) fn ensure_rows(rows: &[TextRow], expected: &[&[&str]]) -> Verdict {
    let same = rows.len() == expected.len()
        && rows.iter().zip(expected).all(|(row, wanted)| {
            row.len() == wanted.len() && row.iter().zip(*wanted).all(|(cell, text)| cell.as_deref() == Some(text))
        });
    ensure(same, format!("expected {expected:?}, got {rows:?}"))
}

/// The name between the engine's quotes.
pub(crate) fn quoted<T: Named>(name: &crate::name::Name<T>) -> String {
    name.quoted()
}
