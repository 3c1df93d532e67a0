//! Names, groups and points in time as certificates hold them.

use std::borrow::Cow;
use std::fmt;

use time::OffsetDateTime;

/// A name or a group: bytes that are nearly always UTF-8.
///
/// Version 1 demands UTF-8, version 2 does not check it, and Nebula compares groups byte by byte. Turning such bytes
/// into a `String` would make different groups equal, so they stay bytes; only showing them is lossy.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(Vec<u8>);

impl Text {
    /// The bytes as they are signed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text for people; bytes that are not UTF-8 show as U+FFFD.
    #[must_use]
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_str_lossy())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str_lossy(), f)
    }
}

/// Seconds since 1970-01-01T00:00:00Z, the only resolution that certificates know.
///
/// ```
/// use nebula_pki::Timestamp;
/// assert_eq!(Timestamp::from_unix(1_795_230_073).to_string(), "2026-11-21T03:01:13Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From seconds since 1970.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The machine's clock, cut to whole seconds.
    #[must_use]
    pub fn now() -> Self {
        Self(OffsetDateTime::now_utc().unix_timestamp())
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn as_unix(self) -> i64 {
        self.0
    }

    /// This many seconds later (earlier when negative), stopping at the ends of the range.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The seconds from `earlier` to this.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Where Go's `time.Time` puts this on its own scale, which begins in the year 1 and wraps: certificates with
    /// absurd times must be judged as Nebula judges them.
    pub(crate) const fn on_go_scale(self) -> i64 {
        self.0.wrapping_add(62_135_596_800)
    }

    /// RFC 3339, or `None` outside the years 0 to 9999, which that format (and Go's JSON) cannot express.
    #[must_use]
    pub fn to_rfc3339(self) -> Option<String> {
        let time = OffsetDateTime::from_unix_timestamp(self.0).ok()?;
        let (year, month, day) = time.to_calendar_date();
        if !(0..=9999).contains(&year) {
            return None;
        }
        let (hour, minute, second) = time.to_hms();
        Some(format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_rfc3339() {
            Some(text) => f.pad(&text),
            None => write!(f, "{} s after 1970", self.0),
        }
    }
}
