//! `Prefer: wait=N` (RFC 7240): how long a call that starts long work waits for it before it answers 202.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// How long a call waits when the client does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

/// The longest a call waits; below the stack's time limit.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// What the client prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefer {
    /// How long to wait for an operation: 10 s by default, at most 60 s; zero answers at once.
    pub wait: Duration,
}

impl<S: Sync> FromRequestParts<S> for Prefer {
    /// A preference that is not understood is ignored, as RFC 7240 has it.
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let values = parts.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        Ok(Self { wait: values.flat_map(|value| value.split(',')).find_map(wait).unwrap_or(DEFAULT_WAIT) })
    }
}

fn wait(preference: &str) -> Option<Duration> {
    let preference = preference.split(';').next().unwrap_or_default();
    let (name, value) = preference.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("wait") {
        return None;
    }
    let seconds: u64 = value.trim().trim_matches('"').parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::wait;

    #[test]
    fn a_wait_is_read_and_bounded() {
        for (text, seconds) in [
            ("wait=5", Some(5)),
            (" Wait = \"7\" ", Some(7)),
            ("wait=0", Some(0)),
            ("wait=100000", Some(60)),
            ("wait=-1", None),
            ("wait", None),
            ("respond-async", None),
            ("wait=3; foo", Some(3)),
        ] {
            assert_eq!(wait(text), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
