//! What the server's and the driver's errors mean: the error number first, words only where the number says too little.

use bnna_db_engine::{Error, Unreachable, redact};
use mysql_async::{DriverError, IoError, ServerError};

/// Why a session could not be opened.
pub(crate) fn connecting(at: &str, user: &str, error: &mysql_async::Error) -> Error {
    let unreachable = |why| Error::Unreachable { at: at.to_owned(), why };
    match error {
        mysql_async::Error::Server(answer) => match answer.code {
            1045 | 1698 | 4151 => Error::RefusedCredentials { at: at.to_owned(), user: user.to_owned() },
            _ if answer.message.contains("insecure transport") => unreachable(Unreachable::TlsRequired),
            1053 | 1129 | 1130 => unreachable(Unreachable::Network(redact(&answer.message, &[]))),
            _ => answered("log in", "database", answer),
        },
        mysql_async::Error::Io(IoError::Io(io)) => unreachable(io_error(io)),
        mysql_async::Error::Io(IoError::Tls(tls)) => unreachable(tls_error(&tls.to_string())),
        mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer) => unreachable(Unreachable::TlsNotOffered),
        mysql_async::Error::Driver(DriverError::ConnectionClosed) => {
            unreachable(Unreachable::Network("the connection was closed".to_owned()))
        }
        other => unreachable(Unreachable::NotTheEngine(redact(&other.to_string(), &[]))),
    }
}

fn io_error(error: &std::io::Error) -> Unreachable {
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return match tls {
            rustls::Error::InvalidCertificate(reason) => {
                Unreachable::TlsUntrusted(format!("{reason:?}").chars().take(200).collect())
            }
            other => Unreachable::Tls(other.to_string()),
        };
    }
    match error.kind() {
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput | std::io::ErrorKind::Other => {
            Unreachable::NotTheEngine(error.to_string())
        }
        _ => Unreachable::Network(error.to_string()),
    }
}

fn tls_error(words: &str) -> Unreachable {
    if words.contains("certificate") || words.contains("UnknownIssuer") {
        Unreachable::TlsUntrusted(words.chars().take(200).collect())
    } else {
        Unreachable::Tls(words.chars().take(200).collect())
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
pub(crate) fn statement(at: &str, effect: Effect, doing: &str, what: &str, error: &mysql_async::Error) -> Error {
    let lost = |why: String| match effect {
        Effect::Reads => Error::Unreachable { at: at.to_owned(), why: Unreachable::Network(why) },
        Effect::Changes => Error::Interrupted { doing: doing.to_owned(), why },
    };
    match error {
        mysql_async::Error::Server(answer) if is_end_of_session(answer.code) => lost(redact(&answer.message, &[])),
        mysql_async::Error::Server(answer) => answered(doing, what, answer),
        other => lost(redact(&other.to_string(), &[])),
    }
}

/// Shutdown, killed, statement time over.
fn is_end_of_session(code: u16) -> bool {
    matches!(code, 1053 | 1077 | 1079 | 1080 | 1152 | 1158..=1161 | 1184 | 1317 | 1927 | 1969 | 2006 | 2013)
}

fn answered(doing: &str, what: &str, answer: &ServerError) -> Error {
    let text = redact(&answer.message, &[]);
    let (doing, what) = (doing.to_owned(), what.to_owned());
    let full = text.contains("errno: 28") || text.contains("error 28 ") || text.contains("No space left");
    match answer.code {
        _ if full => Error::Limit { code: answer.code.to_string(), text },
        1021 | 1037 | 1038 | 1040 | 1041 | 1114 | 1135 | 1203 | 1206 | 1226 => {
            Error::Limit { code: answer.code.to_string(), text }
        }
        1044 | 1045 | 1095 | 1142 | 1143 | 1227 | 1290 | 1370 | 1410 | 1419 | 1698 => Error::LacksRight { doing, text },
        1007 | 1050 => Error::Exists { what },
        // One number for "exists already" and "does not exist": the verb tells.
        1396 if text.contains("CREATE USER") => Error::Exists { what },
        1396 => Error::Missing { what },
        1008 | 1049 | 1133 | 1141 | 1146 | 1449 => Error::Missing { what },
        1192 | 1205 | 1213 => Error::InUse { what, text },
        code => Error::Other { code: code.to_string(), text },
    }
}
