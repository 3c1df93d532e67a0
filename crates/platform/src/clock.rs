//! Whether the system's clock steps: against one that only goes forward. Times of tokens, leases and the audit trail come from the
//! system's clock, so that whoever looks after bnpd has to know when it was wrong.
//!
//! Small differences are how a clock is corrected without a step, and are no news.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Platform;
use crate::measures;

/// From how large a jump on it is a step, milliseconds.
const STEP: i64 = 2_000;
/// How long a step is told, unless the clock comes back before.
const TOLD: Duration = Duration::from_secs(600);
/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// What is known of the clock.
#[derive(Debug)]
pub(crate) struct Clock(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    /// What the clock said at the last look, milliseconds since 1970.
    said: i64,
    /// When that was, by the clock that only goes forward.
    at: Instant,
    /// All steps together, milliseconds.
    off: i64,
    /// When it stepped last; nothing when it has come back, or that is long ago.
    stepped: Option<Instant>,
}

impl Seen {
    fn new(said: i64, at: Instant) -> Self {
        Self { said, at, off: 0, stepped: None }
    }

    /// Looks at what the clock says now: how far it has stepped since the last look, if it has.
    fn look(&mut self, said: i64, at: Instant) -> Option<i64> {
        let went = i64::try_from(at.saturating_duration_since(self.at).as_millis()).unwrap_or(i64::MAX);
        let step = said.saturating_sub(self.said.saturating_add(went));
        (self.said, self.at) = (said, at);
        if step.saturating_abs() >= STEP {
            self.off = self.off.saturating_add(step);
            self.stepped = (self.off.saturating_abs() >= STEP).then_some(at);
            return Some(step);
        }
        if self.stepped.is_some_and(|stepped| at.saturating_duration_since(stepped) >= TOLD) {
            (self.off, self.stepped) = (0, None);
        }
        None
    }
}

fn wall() -> i64 {
    bnna_store::to_millis(bnna_store::now())
}

impl Default for Clock {
    fn default() -> Self {
        Self(Mutex::new(Seen::new(wall(), Instant::now())))
    }
}

impl Clock {
    /// How far the clock has stepped lately, in seconds, if it has. A step that nobody has seen before is counted and logged.
    pub(crate) fn stepped(&self) -> Option<i64> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(step) = seen.look(wall(), Instant::now()) {
            measures::clock_stepped();
            tracing::warn!(milliseconds = step, "the system's clock has stepped");
        }
        seen.stepped.map(|_| (seen.off + 500 * seen.off.signum()) / 1000)
    }
}

/// Looks at the clock from time to time. Ends when the platform does.
pub(crate) async fn look_from_time_to_time(platform: impl Fn() -> Option<Platform> + Send + 'static) {
    loop {
        let Some(alive) = platform() else { return };
        alive.clock().stepped();
        let ended = alive.ended();
        drop(alive);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = ended.cancelled_owned() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A clock of which both sides are ours.
    struct Bench {
        seen: Seen,
        said: i64,
        at: Instant,
    }

    impl Bench {
        fn new() -> Self {
            let at = Instant::now();
            Self { seen: Seen::new(0, at), said: 0, at }
        }

        /// After `went`, the clock has gone on as long and stepped by so many milliseconds.
        fn after(&mut self, went: Duration, step: i64) -> (Option<i64>, bool) {
            self.at += went;
            self.said += i64::try_from(went.as_millis()).unwrap() + step;
            let stepped = self.seen.look(self.said, self.at);
            (stepped, self.seen.stepped.is_some())
        }
    }

    #[test]
    fn a_clock_that_goes_or_is_corrected_bit_by_bit_has_not_stepped() {
        let mut clock = Bench::new();
        for _ in 0..1000 {
            assert_eq!(clock.after(SECOND, 5), (None, false));
        }
    }

    #[test]
    fn a_step_is_told_until_the_clock_comes_back() {
        for step in [-86_400_000, 86_400_000, 3_000] {
            let mut clock = Bench::new();
            assert_eq!(clock.after(SECOND, step), (Some(step), true));
            assert_eq!(clock.after(SECOND, 0), (None, true));
            assert_eq!(clock.after(SECOND, -step), (Some(-step), false));
        }
    }

    #[test]
    fn a_clock_that_stays_where_it_has_stepped_to_is_told_for_a_while() {
        let mut clock = Bench::new();
        clock.after(SECOND, 60_000);
        assert_eq!(clock.after(TOLD - SECOND, 0), (None, true));
        assert_eq!(clock.after(SECOND, 0), (None, false));
        assert_eq!(clock.after(SECOND, 60_000), (Some(60_000), true), "the next one is news again");
    }
}
