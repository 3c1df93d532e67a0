//! What can go wrong with a call, and above all whether the server may have acted on it.
//!
//! The question that decides what a caller may do next is not *what* failed but *when*: before the request left
//! ([`Class::NeverSent`]), after it may have been read ([`Class::MaybeSent`]), or not at all, the server said no
//! ([`Class::Answered`]). Texts never contain a secret: no URL with a query, no header, no body that was sent.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::call::{Method, Since};
use crate::ids::{InvalidId, Upid};
use crate::lenient::DecodeError;

/// Shorthand for this crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// When a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The server has not seen the request: it may be sent again, to any address, whatever it does.
    NeverSent,
    /// The server may have acted on it. A write must not be repeated before looking.
    MaybeSent,
    /// The server has answered.
    Answered,
}

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request never reached a server.
    #[error("{call}: not sent{}: {cause}", at(.host))]
    NeverSent {
        /// Method and path template.
        call: CallName,
        /// The address tried last, when it came to that.
        host: Option<String>,
        /// Why.
        cause: NeverSent,
    },
    /// The request may have been acted on, and what came of it is not known.
    #[error("{call}: outcome unknown at {host}: {cause}")]
    MaybeSent {
        /// Method and path template.
        call: CallName,
        /// The address it was sent to.
        host: String,
        /// Why.
        cause: MaybeSent,
    },
    /// The server refused.
    #[error("{call}: {0}", call = .0.call)]
    Answered(Box<Refusal>),
    /// The server answered with success, but not with what the call answers with.
    #[error("{call}: unreadable answer from {host} (status {status}): {cause}")]
    Unreadable {
        /// Method and path template.
        call: CallName,
        /// The address that answered.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        cause: Unreadable,
    },
    /// A task was started and ended badly, or has not ended in time.
    #[error(transparent)]
    Task(#[from] Box<TaskError>),
}

fn at(host: &Option<String>) -> String {
    host.as_ref().map(|host| format!(" to {host}")).unwrap_or_default()
}

/// The name of a call: its method and path template. Contains no parameter, hence no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallName {
    /// The method.
    pub method: Method,
    /// The path with its parameters as `{name}`.
    pub template: String,
}

impl std::fmt::Display for CallName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.template)
    }
}

/// Why a request was not sent.
#[derive(Debug, thiserror::Error)]
pub enum NeverSent {
    /// No connection: refused, unreachable, no such name, or no TLS.
    #[error("no connection: {0}")]
    Connect(String),
    /// No connection within the time for it.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// The server's certificate is not one to trust.
    #[error("certificate refused: {0}")]
    Certificate(#[from] CertificateProblem),
    /// Too many calls to this address were under way for too long.
    #[error("no free slot among {budget} concurrent calls within {waited:?}")]
    Busy {
        /// How many calls may be under way.
        budget: usize,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The call itself is malformed.
    #[error("malformed call: {0}")]
    Malformed(String),
    /// The server's version does not have this call.
    #[error("the server is version {has}, the call exists {since}")]
    Unsupported {
        /// The version asked.
        has: String,
        /// Where the call exists.
        since: Since,
    },
    /// The client rehearses and the call does more than read, see [`Pve::rehearsing`](crate::Pve::rehearsing).
    #[error("only rehearsed: {path}")]
    Rehearsed {
        /// The path with its parameters filled in, as it would have been sent.
        path: String,
    },
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateProblem {
    /// It is not one of the pinned ones.
    #[error("its fingerprint is {found}, pinned is {}", .pinned.join(" or "))]
    Fingerprint {
        /// SHA-256 of the certificate presented, in pairs of upper-case hex digits with colons.
        found: String,
        /// The pinned fingerprints, written alike.
        pinned: Vec<String>,
    },
    /// It has expired, or is not valid yet.
    #[error("it is not valid at this time: {0}")]
    Expired(String),
    /// Its name or its issuer is not right, or it is broken.
    #[error("{0}")]
    Invalid(String),
}

/// Why the outcome of a request is unknown.
#[derive(Debug, thiserror::Error)]
pub enum MaybeSent {
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The connection ended before the answer began.
    #[error("connection lost: {0}")]
    Broken(String),
    /// The connection ended in the middle of the answer.
    #[error("answer cut off: {0}")]
    Truncated(String),
    /// The node asked passes the request on to another and could not (596 and its like): the other may have acted.
    #[error("the node asked could not relay it (status {status}): {reason}")]
    Relay {
        /// 595 to 599.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
}

/// What is wrong with an answer.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not JSON: a proxy's page, another program behind the port.
    #[error("not JSON but {content_type:?}, beginning {start:?}")]
    NotJson {
        /// The content type, empty when there is none.
        content_type: String,
        /// The first 100 characters.
        start: String,
    },
    /// It is larger than the bound.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// It is JSON of another shape.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// A refusal of the server: any status from 300 on except those that a relay makes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Method and path template.
    pub call: CallName,
    /// The address that answered.
    pub host: String,
    /// The HTTP status.
    pub status: u16,
    /// The reason phrase. PVE puts its message there.
    pub reason: String,
    /// `message` of the body (PVE since early 2025), or the whole body where it is text (PBS).
    pub message: Option<String>,
    /// Faults by parameter name.
    pub fields: BTreeMap<String, String>,
}

impl Refusal {
    /// The server's own words: the message if there is one, else the reason phrase.
    #[must_use]
    pub fn text(&self) -> &str {
        self.message.as_deref().map(str::trim_end).filter(|text| !text.is_empty()).unwrap_or(&self.reason)
    }

    /// 401: the credentials are not accepted.
    #[must_use]
    pub const fn is_unauthenticated(&self) -> bool {
        self.status == 401
    }

    /// 403: the credentials are fine, the right is missing.
    #[must_use]
    pub const fn is_forbidden(&self) -> bool {
        self.status == 403
    }

    /// The object asked for is not there, in any of the ways Proxmox says so.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        let text = self.text();
        let said = |words: &str| text.contains(words) || self.fields.values().any(|fault| fault.contains(words));
        self.status == 404 || (self.status >= 400 && (said("does not exist") || said("no such")))
    }

    /// The object to be made is there already.
    #[must_use]
    pub fn is_existing(&self) -> bool {
        let text = self.text();
        let said = |words: &str| text.contains(words) || self.fields.values().any(|fault| fault.contains(words));
        self.status >= 400 && (said("already exists") || said("already defined") || said("already used"))
    }

    /// A lock was not got, or the object is locked by work under way: the same call may succeed later.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        let text = self.text();
        self.status >= 400
            && (text.contains(" is locked (")
                || (text.contains("can't lock file") || text.contains("got lock request timeout")))
    }

    /// The configuration was changed by somebody else since it was read (the `digest` did not match).
    #[must_use]
    pub fn is_lost_update(&self) -> bool {
        self.status >= 400 && self.text().contains("detected modified configuration")
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} answered {}: {}", self.host, self.status, self.text())?;
        for (field, fault) in &self.fields {
            write!(f, "; {field}: {}", fault.trim_end())?;
        }
        Ok(())
    }
}

/// A task that did not do its work, as far as is known.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// It ended with an error.
    #[error("task {upid} failed: {text}{}", tail(.log_tail))]
    Failed {
        /// Which task.
        upid: Upid,
        /// Its exit status.
        text: String,
        /// The last lines of its log, oldest first; often the only place that says why.
        log_tail: Vec<String>,
    },
    /// It had not ended by the deadline. It goes on.
    #[error("task {upid} has not ended within {waited:?}{}", last(.last_error))]
    Deadline {
        /// Which task.
        upid: Upid,
        /// How long it was waited for.
        waited: Duration,
        /// The error of the last attempt to ask, when that failed.
        last_error: Option<Box<Error>>,
    },
    /// It ended, but the server does not say how.
    #[error("task {upid} ended without an exit status")]
    NoExitStatus {
        /// Which task.
        upid: Upid,
    },
}

fn tail(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!(" (log: {})", lines.join(" | ")) }
}

fn last(error: &Option<Box<Error>>) -> String {
    error.as_ref().map(|error| format!(" (last attempt to ask: {error})")).unwrap_or_default()
}

impl Error {
    /// When it failed.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::NeverSent { .. } => Class::NeverSent,
            Self::MaybeSent { .. } => Class::MaybeSent,
            Self::Answered(_) | Self::Unreadable { .. } | Self::Task(_) => Class::Answered,
        }
    }

    /// The call that a rehearsing client did not send: method and path.
    #[must_use]
    pub fn rehearsed(&self) -> Option<(Method, &str)> {
        match self {
            Self::NeverSent { call, cause: NeverSent::Rehearsed { path }, .. } => Some((call.method, path)),
            _ => None,
        }
    }

    /// The server's refusal, when it is one.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Answered(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The HTTP status, when the server gave one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(refusal) => Some(refusal.status),
            Self::Unreadable { status, .. } | Self::MaybeSent { cause: MaybeSent::Relay { status, .. }, .. } => {
                Some(*status)
            }
            _ => None,
        }
    }

    /// Whether the server says that the object is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_missing)
    }

    /// Whether the server says that the object is there already.
    #[must_use]
    pub fn is_existing(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_existing)
    }

    /// A word for metrics: what kind of failure it is.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NeverSent { cause, .. } => match cause {
                NeverSent::Connect(_) => "connect",
                NeverSent::ConnectTimeout(_) => "connect-timeout",
                NeverSent::Certificate(_) => "certificate",
                NeverSent::Busy { .. } => "busy",
                NeverSent::Malformed(_) => "malformed",
                NeverSent::Unsupported { .. } => "unsupported",
                NeverSent::Rehearsed { .. } => "rehearsed",
            },
            Self::MaybeSent { cause, .. } => match cause {
                MaybeSent::Timeout(_) => "timeout",
                MaybeSent::Broken(_) => "broken",
                MaybeSent::Truncated(_) => "truncated",
                MaybeSent::Relay { .. } => "relay",
            },
            Self::Answered(_) => "refused",
            Self::Unreadable { .. } => "unreadable",
            Self::Task(_) => "task",
        }
    }

    pub(crate) fn malformed(method: Method, template: &str, text: impl Into<String>) -> Self {
        let call = CallName { method, template: template.to_owned() };
        Self::NeverSent { call, host: None, cause: NeverSent::Malformed(text.into()) }
    }
}

/// A client that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No address was given.
    #[error("no address")]
    NoAddress,
    /// An address is not `host` or `host:port`.
    #[error("{0:?} is not host or host:port")]
    Address(String),
    /// No credentials were given.
    #[error("no credentials")]
    NoCredentials,
    /// A token's id or secret cannot be put into a header.
    #[error("credentials: {0}")]
    Credentials(String),
    /// An id in the credentials is not one.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// A pinned fingerprint is not 32 bytes in hex.
    #[error("{0:?} is not a SHA-256 fingerprint (32 bytes in hexadecimal, with or without colons)")]
    Fingerprint(String),
    /// The certificates to trust cannot be read.
    #[error("certificates to trust: {0}")]
    Trust(String),
    /// A bound is zero, or TLS could not be set up.
    #[error("{0}")]
    Settings(String),
}
