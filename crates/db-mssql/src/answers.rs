//! What the server's and the driver's errors mean: the number, then the class, then the words; smaller engines have numbers of
//! their own.

use bnna_db_engine::{Error, Password, Unreachable, redact};
use tiberius::error::{Error as Driver, IoErrorKind, TokenError};

/// Why a session could not be opened.
pub(crate) fn connecting(at: &str, user: &str, database: &str, error: &Driver) -> Error {
    let unreachable = |why| Error::Unreachable { at: at.to_owned(), why };
    match error {
        Driver::Server(answer) => match answer.code() {
            18452 | 18456 | 18461 | 18470 | 18486..=18488 => {
                Error::RefusedCredentials { at: at.to_owned(), user: user.to_owned() }
            }
            4060 | 911 | 916 => Error::Missing { what: format!("database {database} that {user} may enter") },
            17142 | 17147 | 17148 | 6005 => unreachable(Unreachable::Network(redact(answer.message(), &[]))),
            _ if says(answer, &["login failed", "password authentication failed"]) => {
                Error::RefusedCredentials { at: at.to_owned(), user: user.to_owned() }
            }
            _ => answered("log in", &format!("database {database}"), answer, &[]),
        },
        Driver::Tls(words) => unreachable(tls(words)),
        Driver::Io { kind, message } => unreachable(network(*kind, message)),
        Driver::Routing { host, port } => {
            unreachable(Unreachable::Network(format!("the server points to {host}:{port}")))
        }
        // Asked for encryption, answered without.
        Driver::Protocol(words) if words.contains("encryption level") => unreachable(Unreachable::TlsNotOffered),
        other => unreachable(Unreachable::NotTheEngine(redact(&other.to_string(), &[]))),
    }
}

fn tls(words: &str) -> Unreachable {
    let lower = words.to_lowercase();
    let short: String = words.chars().take(200).collect();
    if lower.contains("certificate") {
        Unreachable::TlsUntrusted(short)
    } else if lower.contains("not supported") || lower.contains("does not support") || lower.contains("encryption") {
        Unreachable::TlsNotOffered
    } else {
        Unreachable::Tls(short)
    }
}

fn network(kind: IoErrorKind, message: &str) -> Unreachable {
    match kind {
        IoErrorKind::InvalidData | IoErrorKind::InvalidInput => Unreachable::NotTheEngine(message.to_owned()),
        // The driver's word for bytes that are no packet of the protocol.
        _ if message.contains("bytes remaining on stream") => Unreachable::NotTheEngine(message.to_owned()),
        _ => Unreachable::Network(message.to_owned()),
    }
}

/// Whether the statement that failed may have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It only looks: a lost connection is "unreachable".
    Reads,
    /// It changes: a lost connection is "unknown whether done".
    Changes,
}

/// Why a statement failed.
pub(crate) fn statement(
    at: &str,
    effect: Effect,
    doing: &str,
    what: &str,
    error: &Driver,
    secrets: &[&Password],
) -> Error {
    let lost = |why: String| match effect {
        Effect::Reads => Error::Unreachable { at: at.to_owned(), why: Unreachable::Network(why) },
        Effect::Changes => Error::Interrupted { doing: doing.to_owned(), why },
    };
    match error {
        // Class 20 and above end the session; 596 is a session that was killed.
        Driver::Server(answer) if answer.class() >= 20 || matches!(answer.code(), 596 | 6005 | 3617) => {
            lost(redact(answer.message(), secrets))
        }
        Driver::Server(answer) => answered(doing, what, answer, secrets),
        other => lost(redact(&other.to_string(), secrets)),
    }
}

fn says(answer: &TokenError, parts: &[&str]) -> bool {
    let words = answer.message().to_lowercase();
    parts.iter().any(|part| words.contains(part))
}

fn answered(doing: &str, what: &str, answer: &TokenError, secrets: &[&Password]) -> Error {
    let text = redact(answer.message(), secrets);
    let (doing, what, code) = (doing.to_owned(), what.to_owned(), answer.code().to_string());
    match answer.code() {
        1801 | 15023 | 15025 | 15032 | 15233 | 2714 => Error::Exists { what },
        911 | 3701 | 15007 | 15014 | 15151 | 15217 | 15401 => Error::Missing { what },
        229 | 230 | 262 | 297 | 300 | 371 | 916 | 5011 | 6102 | 15247 | 15517 => Error::LacksRight { doing, text },
        924 | 1205 | 1222 | 3702 | 3703 | 5030 | 5061 | 5064 | 5070 | 15138 | 15174 | 15434 => {
            Error::InUse { what, text }
        }
        701 | 802 | 1101 | 1105 | 1827 | 3257 | 5149 | 9002 | 10928 | 10929 | 17809 => Error::Limit { code, text },
        _ if says(answer, &["not supported", "currently supported", "not implemented", "unsupported"]) => {
            Error::unsupported(text)
        }
        _ if says(answer, &["already exists"]) => Error::Exists { what },
        _ if says(answer, &["does not exist", "cannot find"]) => Error::Missing { what },
        _ if says(answer, &["permission", "access denied", "not authorized", "must be owner"]) => {
            Error::LacksRight { doing, text }
        }
        _ if says(answer, &["currently in use", "being accessed", "is in use"]) => Error::InUse { what, text },
        _ if says(answer, &["no space left", "disk full", "insufficient disk"]) => Error::Limit { code, text },
        _ if answer.class() == 17 => Error::Limit { code, text },
        _ => Error::Other { code, text },
    }
}
