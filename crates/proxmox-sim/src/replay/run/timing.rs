//! When a recording took place: its clock, read from the times in its answers.

use std::time::Duration;

use serde_json::Value;

use super::is_backup;
use crate::replay::transcript::{Exchange, Line, Scenario};
use crate::state::Clock;

/// No recording took longer, seconds.
const LONGEST: i64 = 3_600;

/// A clock that stands at this time (Unix seconds).
#[allow(clippy::cast_possible_truncation)]
pub(super) fn manual_clock(seconds: f64) -> Clock {
    let mut clock = Clock::manual(seconds.floor() as i64);
    clock.advance(Duration::from_secs_f64(seconds.fract().clamp(0.0, 1.0)));
    clock
}

/// The time at which a recorded task started.
pub(super) fn recorded_time(exchange: &Exchange) -> Option<i64> {
    let upid = exchange.response.body.get("data")?.as_str()?.strip_prefix("UPID:")?;
    let at = if is_backup(&exchange.entry) { 4 } else { 3 };
    i64::from_str_radix(upid.split(':').nth(at)?, 16).ok()
}

/// Keys of answers whose values are times that had passed.
const PAST: &[&str] = &["ctime", "endtime", "localtime", "starttime", "time", "timestamp"];

/// The latest time (Unix seconds) that a recorded answer names as past: it came no earlier. Only times of the recording itself count.
pub(super) fn latest_past(value: &Value, since: i64) -> Option<i64> {
    match value {
        Value::Array(items) => items.iter().filter_map(|item| latest_past(item, since)).max(),
        Value::Object(map) => {
            // Calendars show timestamps to come; those of figures have passed.
            let passed = |key: &str| PAST.contains(&key) && (key != "timestamp" || map.contains_key("metric"));
            let own = map.iter().filter(|(key, _)| passed(key)).filter_map(|(_, value)| value.as_i64());
            let own = own.filter(|time| (since..since + LONGEST).contains(time)).max();
            let below = map.values().filter_map(|value| latest_past(value, since)).max();
            own.max(below)
        }
        _ => None,
    }
}

/// When a recording began, Unix seconds: the time of its first task, less what the exchanges before it took. Its node had been started just
/// then.
pub(super) fn started(scenario: &Scenario) -> Option<f64> {
    let mut before = 0.0;
    for line in &scenario.lines {
        let Line::Exchange(exchange) = line else { continue };
        if let Some(time) = recorded_time(exchange).and_then(|time| i32::try_from(time).ok()) {
            return Some(f64::from(time) - before);
        }
        before += exchange.response.seconds.unwrap_or(0.0);
    }
    None
}
