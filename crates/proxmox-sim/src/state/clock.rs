//! The clock of a cluster: real, faster than real, or advanced by hand.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A clock that can be controlled.
///
/// Time never stands still for a running simulator unless `speed` is 0; then only [`Clock::advance`] moves it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Clock {
    /// How many simulated seconds pass in a real one; 0 stops the clock.
    speed: f64,
    /// Simulated time at the anchor, milliseconds since 1970.
    base_ms: i64,
    /// Real time of the anchor, milliseconds since 1970.
    anchor_ms: i64,
}

impl Default for Clock {
    fn default() -> Self {
        Self::real()
    }
}

fn real_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Clock {
    /// Real time.
    #[must_use]
    pub fn real() -> Self {
        Self::with_speed(1.0)
    }

    /// Starts now and runs `speed` times as fast as real time; 0 is a stopped clock.
    #[must_use]
    pub fn with_speed(speed: f64) -> Self {
        let now = real_ms();
        Self { speed: speed.max(0.0), base_ms: now, anchor_ms: now }
    }

    /// A stopped clock that shows this time (Unix seconds) until it is advanced.
    #[must_use]
    pub fn manual(unix_seconds: i64) -> Self {
        Self { speed: 0.0, base_ms: unix_seconds.saturating_mul(1000), anchor_ms: real_ms() }
    }

    /// Unix seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    /// Unix milliseconds.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    pub fn now_ms(&self) -> i64 {
        let passed = (real_ms() - self.anchor_ms).max(0) as f64 * self.speed;
        self.base_ms.saturating_add(passed as i64)
    }

    /// Puts the clock forward.
    pub fn advance(&mut self, by: Duration) {
        self.base_ms = self.base_ms.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    }

    /// Changes the speed from now on.
    pub fn set_speed(&mut self, speed: f64) {
        self.base_ms = self.now_ms();
        self.anchor_ms = real_ms();
        self.speed = speed.max(0.0);
    }

    /// Before saving a state: the time that has passed becomes part of it.
    pub fn keep(&mut self) {
        self.set_speed(self.speed);
    }

    /// After loading a saved state: go on from the saved time, or from real time when the clock runs at real speed.
    pub fn resume(&mut self) {
        let now = real_ms();
        if (self.speed - 1.0).abs() < f64::EPSILON {
            self.base_ms = now.max(self.base_ms);
        }
        self.anchor_ms = now;
    }
}
