//! Time in the store: UTC, in whole milliseconds since 1970, as an integer.
//!
//! An integer and not RFC 3339 text, because leases, expiries and cursors are compared in SQL: integers compare the same in
//! every engine and collation, have one spelling an instant, and cost eight bytes in each index.

use std::sync::atomic::{AtomicI64, Ordering};

use time::OffsetDateTime;

/// How wrong the clock is made to be, milliseconds.
static SKEW: AtomicI64 = AtomicI64::new(0);

/// The present, cut to the milliseconds that the store keeps, so that a row read back equals the row written. Every time that
/// bnna writes or compares comes from here.
#[must_use]
pub fn now() -> OffsetDateTime {
    let millis = to_millis(OffsetDateTime::now_utc()).saturating_add(SKEW.load(Ordering::Relaxed));
    from_millis(millis).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Makes the clock of this whole process wrong by so many milliseconds, forward or back, for tests of what a stepping clock does.
/// No setting reaches it: only code in the process can call it.
pub fn skew_clock(millis: i64) {
    SKEW.store(millis, Ordering::Relaxed);
}

/// Milliseconds since 1970, rounded down.
#[must_use]
pub fn to_millis(at: OffsetDateTime) -> i64 {
    // A year of at most 9999 in milliseconds is far inside i64.
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// The instant, or `None` outside the years that a time can have (-9999..=9999).
#[must_use]
pub fn from_millis(millis: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()
}
