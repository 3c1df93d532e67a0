//! From the HTTP library's errors to when and why a call failed. The library's own text is never passed on whole: it
//! contains the URL.

use std::error::Error as StdError;
use std::time::Duration;

use super::settings::Timeouts;
use super::tls::WrongFingerprint;
use crate::error::{CallName, CertificateProblem, Error, MaybeSent, NeverSent};

/// A failure before the answer began.
pub(super) fn classify(
    error: &reqwest::Error,
    call: &CallName,
    host: &str,
    timeouts: &Timeouts,
    left: Duration,
) -> Error {
    let (call, host) = (call.clone(), host.to_owned());
    if error.is_builder() {
        return Error::NeverSent { call, host: Some(host), cause: NeverSent::Malformed(text(error)) };
    }
    if let Some(problem) = certificate(error) {
        return Error::NeverSent { call, host: Some(host), cause: NeverSent::Certificate(problem) };
    }
    if error.is_connect() {
        let cause = match error.is_timeout() {
            true => NeverSent::ConnectTimeout(timeouts.connect.min(left)),
            false => NeverSent::Connect(text(error)),
        };
        return Error::NeverSent { call, host: Some(host), cause };
    }
    let cause = match error.is_timeout() {
        true => MaybeSent::Timeout(left),
        false => MaybeSent::Broken(text(error)),
    };
    Error::MaybeSent { call, host, cause }
}

/// A failure in the middle of the answer.
pub(super) fn during_answer(error: &reqwest::Error, call: &CallName, host: &str, left: Duration) -> Error {
    let cause = match error.is_timeout() {
        true => MaybeSent::Timeout(left),
        false => MaybeSent::Truncated(text(error)),
    };
    Error::MaybeSent { call: call.clone(), host: host.to_owned(), cause }
}

/// The causes below the library's own sentence, which would name the URL.
fn text(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if words.last() != Some(&said) {
            words.push(said);
        }
        cause = error.source();
    }
    if words.is_empty() { "no further detail".to_owned() } else { words.join(": ") }
}

/// What was wrong with the certificate, when that was it.
fn certificate(error: &reqwest::Error) -> Option<CertificateProblem> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return problem(tls);
        }
        // An I/O error hides what it wraps from `source`.
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn problem(error: &rustls::Error) -> Option<CertificateProblem> {
    use rustls::CertificateError as Fault;
    let rustls::Error::InvalidCertificate(fault) = error else { return None };
    Some(match fault {
        Fault::Other(other) => match other.0.downcast_ref::<WrongFingerprint>() {
            Some(WrongFingerprint { found, pinned }) => CertificateProblem::Fingerprint {
                found: found.to_string(),
                pinned: pinned.iter().map(ToString::to_string).collect(),
            },
            None => CertificateProblem::Invalid(other.to_string()),
        },
        Fault::Expired | Fault::ExpiredContext { .. } => CertificateProblem::Expired("it has expired".to_owned()),
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => {
            CertificateProblem::Expired("it is not valid yet".to_owned())
        }
        Fault::UnknownIssuer => CertificateProblem::Invalid("its issuer is not trusted".to_owned()),
        other => CertificateProblem::Invalid(other.to_string()),
    })
}
