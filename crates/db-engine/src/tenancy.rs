//! One tenant's database, its user, and the marker by which both are recognised as ours; what is found of them on a server; the
//! steps that make and unmake them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::kind::EngineKind;
use crate::name::{DatabaseName, NameError, UserName};

/// What every marker begins with. The number is the version of its form.
pub const MARKER_PREFIX: &str = "bnna:1:";
/// The name of SQL Server's extended property that holds the marker.
pub const MARKER_PROPERTY: &str = "bnna";

/// Written on what is made here (comment, extended property), so that it is recognised later. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Marker(String);

/// A text that cannot be a marker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a marker names its owner with 1 to 100 letters, digits and any of . _ : / -")]
pub struct MarkerError;

impl Marker {
    /// A marker for an owner, for example `acme/shop` or an account's id.
    ///
    /// # Errors
    /// [`MarkerError`].
    pub fn new(owner: &str) -> Result<Self, MarkerError> {
        let valid = |c: char| c.is_ascii_alphanumeric() || "._:/-".contains(c);
        if (1..=100).contains(&owner.len()) && owner.chars().all(valid) {
            Ok(Self(owner.to_owned()))
        } else {
            Err(MarkerError)
        }
    }

    /// Whose it is.
    pub fn owner(&self) -> &str {
        &self.0
    }

    /// The text that is written on a server for this user: `bnna:1:<owner>;user=<name>`. The user is named because two of the
    /// engines cannot mark users themselves.
    pub fn text_for(&self, user: &str) -> String {
        format!("{MARKER_PREFIX}{};user={user}", self.0)
    }

    /// Reads a text found on a server: the marker and the user it names, `None` when it is not one of ours. What follows on
    /// further lines is the comment that was there before an adoption.
    pub fn read(text: &str) -> Option<(Self, String)> {
        let rest = text.lines().next()?.strip_prefix(MARKER_PREFIX)?;
        let (owner, user) = rest.split_once(";user=")?;
        Some((Self::new(owner).ok()?, user.to_owned()))
    }

    /// The comment that was there before the marker was put above it, to be given back when the marker is taken off.
    pub fn comment_below(text: &str) -> &str {
        text.split_once('\n').map_or("", |(_, below)| below)
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARKER_PREFIX}{}", self.0)
    }
}

/// A tenant's database and its user, on one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenancy {
    /// The database.
    pub database: DatabaseName,
    /// Its one user.
    pub user: UserName,
    /// Whose it is.
    pub marker: Marker,
}

impl Tenancy {
    /// Database and user of the same name, as bnna makes them.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn new(engine: EngineKind, name: &str, marker: Marker) -> Result<Self, NameError> {
        Ok(Self { database: DatabaseName::new(engine, name)?, user: UserName::new(engine, name)?, marker })
    }

    /// The text that marks both.
    pub fn marker_text(&self) -> String {
        self.marker.text_for(self.user.as_str())
    }

    /// Whose a thing is that carries this text (comment or property) and is otherwise complete.
    pub fn presence_of(&self, text: Option<&str>) -> Presence {
        match text.and_then(Marker::read) {
            Some((marker, user)) if marker == self.marker && user == self.user.as_str() => Presence::Ours,
            Some((marker, _)) => Presence::Foreign { owner: Some(marker.owner().to_owned()) },
            None => Presence::Foreign { owner: None },
        }
    }

    /// The same tenancy under another name.
    ///
    /// # Errors
    /// [`NameError::TooLong`] when the engine has no room for the suffix.
    pub fn with_suffix(&self, suffix: &Suffix) -> Result<Self, NameError> {
        let engine = self.database.engine();
        let database = DatabaseName::existing(engine, &format!("{}{suffix}", self.database))?;
        database.check_grantable()?;
        Ok(Self {
            database,
            user: UserName::existing(engine, &format!("{}{suffix}", self.user))?,
            marker: self.marker.clone(),
        })
    }
}

/// What a rename appends, for example `_old_20261121t0255`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suffix(String);

/// A text that cannot be a suffix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a suffix is an underscore and 1 to 30 lower-case letters, digits and underscores")]
pub struct SuffixError;

impl FromStr for Suffix {
    type Err = SuffixError;

    fn from_str(text: &str) -> Result<Self, SuffixError> {
        let rest = text.strip_prefix('_').ok_or(SuffixError)?;
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if (1..=30).contains(&rest.len()) && rest.bytes().all(valid) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SuffixError)
        }
    }
}

impl fmt::Display for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a thing is on the server, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Not there.
    Absent,
    /// There, complete, and marked with this marker.
    Ours,
    /// Begun by us and cut off before it was complete: running the step again finishes it, undoing it removes it.
    Unfinished,
    /// There and not ours: without a marker, or with another owner's (named).
    Foreign {
        /// The owner that its marker names, if it has one of ours.
        owner: Option<String>,
    },
}

/// What a server holds of a tenancy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Of the database.
    pub database: Presence,
    /// Of the user.
    pub user: Presence,
}

impl Standing {
    /// Neither is there.
    pub fn is_absent(&self) -> bool {
        self.database == Presence::Absent && self.user == Presence::Absent
    }

    /// Both are there and ours.
    pub fn is_complete(&self) -> bool {
        self.database == Presence::Ours && self.user == Presence::Ours
    }
}

/// One step of making a tenancy. Each can be run again and undone by itself; [`crate::Engine::steps`] gives the engine's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The user with its password, without any right but to log in.
    User,
    /// The database, closed to everyone but its user.
    Database,
    /// The user's rights in its database.
    Grant,
}

/// What running or undoing a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// It changed the server.
    Done,
    /// It was so already.
    AlreadySo,
}

/// What a tenant may use at most. `None` lifts the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Sessions at a time.
    pub connections: Option<u32>,
    /// The longest statement. PostgreSQL's is the session's default, which the tenant can change; MariaDB's binds.
    pub statement_timeout: Option<Duration>,
}

/// Which limits took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitsApplied {
    /// Whether the engine keeps a number of sessions.
    pub connections: Applied,
    /// Whether the engine stops long statements.
    pub statement_timeout: Applied,
}

/// Whether a limit holds on the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The engine enforces it.
    Enforced,
    /// It is the default of a session, which the tenant can change.
    Default,
    /// The engine has no such limit; nothing was set.
    Unsupported,
}

/// Whether a user may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// No new session; open ones are ended.
    Locked,
    /// As usual.
    Unlocked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_reads_back_and_a_stranger_s_comment_does_not() {
        let marker = Marker::new("acme/shop").unwrap();
        let text = marker.text_for("acme_shop");
        assert_eq!(text, "bnna:1:acme/shop;user=acme_shop");
        assert_eq!(Marker::read(&text), Some((marker, "acme_shop".to_owned())));
        for stranger in ["", "production, do not touch", "bnna:2:acme;user=x", "bnna:1:acme", "bnna:1:a b;user=x"] {
            assert_eq!(Marker::read(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn a_suffix_fits_or_is_refused() {
        let tenancy = Tenancy::new(EngineKind::Postgres, "acme_shop", Marker::new("acme").unwrap()).unwrap();
        let renamed = tenancy.with_suffix(&"_old_20261121".parse().unwrap()).unwrap();
        assert_eq!(renamed.database.as_str(), "acme_shop_old_20261121");
        assert!("old".parse::<Suffix>().is_err());
        assert!("_x; DROP".parse::<Suffix>().is_err());
        let long = Tenancy::new(EngineKind::Postgres, &"a".repeat(60), Marker::new("acme").unwrap()).unwrap();
        assert!(matches!(long.with_suffix(&"_old_1".parse().unwrap()), Err(NameError::TooLong { .. })));
    }
}
