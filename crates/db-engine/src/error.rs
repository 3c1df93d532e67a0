//! One error for all engines: each variant is something that a caller can act on.
//!
//! No variant carries a password, and adapters pass every server's message through [`redact`] before it gets here.

use crate::password::Password;

/// The code of [`Error::Other`] for what an engine does not have.
const UNSUPPORTED: &str = "unsupported";

/// What went wrong with a call to a database server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No session with the server could be opened, or one was lost while nothing was being changed. Safe to try again.
    #[error("cannot reach {at}: {why}")]
    Unreachable {
        /// `host:port`.
        at: String,
        /// What stood in the way.
        why: Unreachable,
    },
    /// The server refused the user or the password.
    #[error("{at} refused the credentials of {user:?}")]
    RefusedCredentials {
        /// `host:port`.
        at: String,
        /// The user that was refused.
        user: String,
    },
    /// What was to be made is there already, and ours.
    #[error("{what} exists already")]
    Exists {
        /// The thing, with its name.
        what: String,
    },
    /// What was to be made or changed is there and not ours.
    #[error("{what} exists and is not ours{}", owner.as_ref().map(|o| format!(": it belongs to {o}")).unwrap_or_default())]
    Foreign {
        /// The thing, with its name.
        what: String,
        /// The owner that its marker names, if it carries one.
        owner: Option<String>,
    },
    /// What was asked for is not there.
    #[error("there is no {what}")]
    Missing {
        /// The thing, with its name.
        what: String,
    },
    /// Someone uses it, and cannot be ended (a prepared transaction, a lock held too long, a backup).
    #[error("{what} is in use: {text}")]
    InUse {
        /// The thing, with its name.
        what: String,
        /// The server's words.
        text: String,
    },
    /// The administrator of the instance may not do this.
    #[error("the administrator lacks the right to {doing}: {text}")]
    LacksRight {
        /// What was being done.
        doing: String,
        /// The server's words.
        text: String,
    },
    /// The server is full: disk, memory, connections, or a limit set for a user.
    #[error("the server is at a limit ({code}): {text}")]
    Limit {
        /// The engine's code.
        code: String,
        /// The server's words.
        text: String,
    },
    /// The session ended or the time was up in the middle of a change: unknown whether it was done. `inspect` settles it.
    #[error("interrupted while trying to {doing}, unknown whether done: {why}")]
    Interrupted {
        /// What was being done.
        doing: String,
        /// What cut it off.
        why: String,
    },
    /// Anything else, with the engine's own code.
    #[error("{code}: {text}")]
    Other {
        /// SQLSTATE or error number; `bnna` where the adapter itself refuses.
        code: String,
        /// The server's words.
        text: String,
    },
}

/// Why a server could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// The network says no: refused, no route, unknown host, or the connection broke.
    #[error("{0}")]
    Network(String),
    /// No answer in time.
    #[error("no answer within {0} s")]
    Timeout(u64),
    /// Something answers that is not this engine.
    #[error("what answers does not speak this engine's protocol: {0}")]
    NotTheEngine(String),
    /// TLS is required here and the server has none.
    #[error("the server does not offer TLS, and this instance requires it")]
    TlsNotOffered,
    /// The server requires TLS and this instance has it disabled.
    #[error("the server requires TLS, and this instance has it disabled")]
    TlsRequired,
    /// The certificate is not one to trust for this host.
    #[error("the server's certificate is not trusted: {0}")]
    TlsUntrusted(String),
    /// TLS failed in another way.
    #[error("TLS failed: {0}")]
    Tls(String),
}

impl Error {
    /// An error of the adapter itself, not of the server.
    pub fn refused(text: impl Into<String>) -> Self {
        Self::Other { code: "bnna".to_owned(), text: text.into() }
    }

    /// Something that this engine, or this server, does not have.
    pub fn unsupported(text: impl Into<String>) -> Self {
        Self::Other { code: UNSUPPORTED.to_owned(), text: text.into() }
    }

    /// Whether the engine, or this server, does not have it.
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Other { code, .. } if code == UNSUPPORTED)
    }

    /// Whether the same call may simply be made again: nothing was sent that changes anything.
    pub fn is_safe_to_retry(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether only a look at the server can tell what happened.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }
}

/// A server's message without the passwords that were part of the statement, at most 400 characters of it.
pub fn redact(message: &str, passwords: &[&Password]) -> String {
    let mut text = message.to_owned();
    for password in passwords {
        text = text.replace(password.expose(), "[redacted]");
    }
    text.chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_quoted_by_the_server_is_redacted() {
        let password = Password::new("s3cret-s3cret").unwrap();
        let text = redact("Incorrect syntax near 's3cret-s3cret'.", &[&password]);
        assert_eq!(text, "Incorrect syntax near '[redacted]'.");
    }

    #[test]
    fn only_what_sent_nothing_is_safe_to_retry() {
        let interrupted = Error::Interrupted { doing: "create the database".into(), why: "connection closed".into() };
        assert!(interrupted.is_unknown() && !interrupted.is_safe_to_retry());
        let unreachable = Error::Unreachable { at: "db:5432".into(), why: Unreachable::Timeout(10) };
        assert!(unreachable.is_safe_to_retry() && !unreachable.is_unknown());
    }
}
