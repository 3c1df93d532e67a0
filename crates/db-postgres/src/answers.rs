//! What the server's and the driver's errors mean: SQLSTATE first, words only where there is no code.

use std::error::Error as _;

use bnna_db_engine::{Error, Unreachable, redact};
use tokio_postgres::error::SqlState;

/// Why a session could not be opened.
pub(crate) fn connecting(at: &str, user: &str, error: &tokio_postgres::Error) -> Error {
    let unreachable = |why| Error::Unreachable { at: at.to_owned(), why };
    let Some(answer) = error.as_db_error() else {
        return unreachable(without_answer(error));
    };
    let code = answer.code();
    let message = answer.message();
    if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
        && (message.contains("no encryption") || message.contains("SSL off"))
    {
        return unreachable(Unreachable::TlsRequired);
    }
    match code.code() {
        "28P01" | "28000" => Error::RefusedCredentials { at: at.to_owned(), user: user.to_owned() },
        "57P03" | "57P01" | "57P02" => unreachable(Unreachable::Network(message.to_owned())),
        _ => answered("log in", "database", answer),
    }
}

/// An error without a word of the server: the network, TLS, or something that is not PostgreSQL.
fn without_answer(error: &tokio_postgres::Error) -> Unreachable {
    let Some(source) = error.source() else {
        return if error.is_closed() {
            Unreachable::Network("the connection was closed".to_owned())
        } else {
            Unreachable::NotTheEngine(error.to_string())
        };
    };
    let Some(io) = source.downcast_ref::<std::io::Error>() else {
        return Unreachable::Tls(source.to_string());
    };
    if let Some(tls) = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return match tls {
            rustls::Error::InvalidCertificate(reason) => {
                Unreachable::TlsUntrusted(format!("{reason:?}").chars().take(200).collect())
            }
            rustls::Error::InvalidMessage(_) => Unreachable::NotTheEngine(tls.to_string()),
            other => Unreachable::Tls(other.to_string()),
        };
    }
    let words = io.to_string();
    match io.kind() {
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => Unreachable::NotTheEngine(words),
        // The driver's word for bytes that are no message of the protocol.
        _ if words.contains("bytes remaining on stream") => Unreachable::NotTheEngine(words),
        _ => Unreachable::Network(words),
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
pub(crate) fn statement(at: &str, effect: Effect, doing: &str, what: &str, error: &tokio_postgres::Error) -> Error {
    let lost = |why: String| match effect {
        Effect::Reads => Error::Unreachable { at: at.to_owned(), why: Unreachable::Network(why) },
        Effect::Changes => Error::Interrupted { doing: doing.to_owned(), why },
    };
    match error.as_db_error() {
        None => lost(error.source().map_or_else(|| error.to_string(), ToString::to_string)),
        Some(answer) if is_end_of_session(answer.code().code()) => lost(answer.message().to_owned()),
        Some(answer) => answered(doing, what, answer),
    }
}

/// The server ended the session (shutdown, crash of another process, an administrator) or the statement.
fn is_end_of_session(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "57014" | "25P03")
}

fn answered(doing: &str, what: &str, answer: &tokio_postgres::error::DbError) -> Error {
    let text =
        redact(&[Some(answer.message()), answer.detail()].into_iter().flatten().collect::<Vec<_>>().join("; "), &[]);
    let (what, doing) = (what.to_owned(), doing.to_owned());
    let code = answer.code().code();
    match code {
        "42501" => Error::LacksRight { doing, text },
        "42P04" | "42710" | "42P06" | "42P07" => Error::Exists { what },
        "3D000" | "42704" => Error::Missing { what },
        "55006" | "55P03" | "40P01" | "2BP01" => Error::InUse { what, text },
        _ if code.starts_with("53") || code == "54000" => Error::Limit { code: code.to_owned(), text },
        _ => Error::Other { code: code.to_owned(), text },
    }
}
