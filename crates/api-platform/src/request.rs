//! What several resources take from a request, in the terms of the use cases.

use std::borrow::Cow;

use bnna_api_kit::{ApiError, Caller, Cursor, Page};
use bnna_core::{Slug, Vmid};
use bnna_platform::{Actor, Window};
use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How many rows a page of a list has that grows without end, when the client does not say.
const LOG_PAGE: u32 = 100;

/// Who acts, as the audit trail remembers it.
pub(crate) fn actor(caller: &Caller) -> Result<Actor, ApiError> {
    let remote = caller.remote.ip().to_string();
    Ok(Actor::new(caller.principal()?, Some(remote), caller.request_id.clone()).with_claim(caller.claim))
}

/// The account in the path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct AccountPath {
    /// The account's slug.
    #[param(value_type = String, example = "acme")]
    pub(crate) slug: Slug,
}

/// The guest in the path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct GuestPath {
    /// The guest's number.
    #[param(value_type = u32, minimum = 100, maximum = 999_999_999, example = 1_104_209)]
    pub(crate) vmid: Vmid,
}

/// The cluster a guest's number is meant on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OnCluster {
    /// The host of the cluster; needed where several clusters have the number.
    pub(crate) cluster: Option<String>,
}

/// How long the call waits for its operation.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes the header that the kit's extractor reads")]
pub(crate) struct PreferWait {
    /// `wait=N`: how many seconds, 0 to 60, to wait for the operation before 202 is answered; 10 without it.
    #[param(rename = "Prefer", example = "wait=30")]
    prefer: Option<String>,
}

/// No body, or an empty object: what is sent anyway is refused rather than ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Empty {}

/// A list without filters.
#[derive(Debug, Deserialize)]
pub(crate) struct Unfiltered {}

/// A boolean in a query: true, false, 1 or 0.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let word = Option::<Cow<'de, str>>::deserialize(deserializer)?;
    match word.as_deref() {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(serde::de::Error::custom("must be true, false, 1 or 0")),
    }
}

/// What a list is sorted by, as the text in a cursor.
pub(crate) trait Key: Sized {
    /// As text.
    fn write(&self) -> String;
    /// From text; nothing for a text that was not written here.
    fn read(text: &str) -> Option<Self>;
}

impl Key for String {
    fn write(&self) -> String {
        self.clone()
    }

    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Key for Uuid {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        Self::try_parse(text).ok()
    }
}

impl Key for i64 {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Key for (OffsetDateTime, String) {
    fn write(&self) -> String {
        format!("{} {}", self.0.unix_timestamp_nanos(), self.1)
    }

    fn read(text: &str) -> Option<Self> {
        let (at, rest) = text.split_once(' ')?;
        Some((OffsetDateTime::from_unix_timestamp_nanos(at.parse().ok()?).ok()?, rest.to_owned()))
    }
}

/// The window of a list that is complete unless asked otherwise.
pub(crate) fn window<K: Key>(page: &Page) -> Result<Window<K>, ApiError> {
    Ok(Window { after: page.cursor.as_ref().map(after).transpose()?, limit: page.limit })
}

/// The window of a list that grows without end: a page of a hundred unless asked otherwise.
pub(crate) fn log_window<K: Key>(page: &Page) -> Result<Window<K>, ApiError> {
    Ok(Window { limit: page.limit.or(Some(LOG_PAGE)), ..window(page)? })
}

fn after<K: Key>(cursor: &Cursor) -> Result<K, ApiError> {
    K::read(cursor.key()).ok_or_else(|| ApiError::invalid("cursor", "cursor: not one that was given out"))
}

#[cfg(test)]
mod tests {
    use super::Key;
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[test]
    fn keys_survive_the_cursor() {
        let at = (OffsetDateTime::from_unix_timestamp_nanos(1_700_000_000_123_000_000).unwrap(), "UPID:a b".to_owned());
        assert_eq!(Key::read(&at.write()), Some(at));
        assert_eq!(i64::read(&(-7_i64).write()), Some(-7));
        assert_eq!(Uuid::read(&Uuid::nil().write()), Some(Uuid::nil()));
        assert_eq!(Uuid::read("nonsense"), None);
        assert_eq!(<(OffsetDateTime, String)>::read("x y"), None);
    }
}
