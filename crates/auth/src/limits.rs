//! Limits failed authentications, by address and overall: after too many failures an address is refused before any work is done
//! for it. Too many failures of all addresses together refuse nobody unseen, or a flood from everywhere would lock everybody
//! out: what is good still passes, while the façade answers what is not with a limit's refusal and makes costly checks queue.
//!
//! A bounded map of our own: `governor` counts every request, and only failures are to count here.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many failures an address may have, and how many addresses are watched.
#[derive(Debug, Clone, Copy)]
pub struct FailureLimit {
    /// Failures within [`window`](Self::window) after which an address is refused.
    pub failures: u32,
    /// Failures of all addresses together within the window after which there are too many.
    pub overall: u32,
    /// How long failures count, from the first one of a series.
    pub window: Duration,
    /// Most addresses that are watched at once.
    pub addresses: usize,
}

impl Default for FailureLimit {
    /// Twenty failures a minute, ten thousand addresses.
    fn default() -> Self {
        Self::per_minute(20)
    }
}

/// How many addresses at their limit make too many failures overall.
const ADDRESSES_AT_THEIR_LIMIT: u32 = 20;

impl FailureLimit {
    /// So many failures of an address a minute, and twenty times as many overall; ten thousand addresses.
    #[must_use]
    pub fn per_minute(failures: u32) -> Self {
        let overall = failures.saturating_mul(ADDRESSES_AT_THEIR_LIMIT);
        Self { failures, overall, window: Duration::from_secs(60), addresses: 10_000 }
    }
}

/// How it stands with the failures of all addresses together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overall {
    /// As usual.
    Calm,
    /// There are too many: a failure now is answered as one, and costly checks queue.
    Flooded {
        /// When the window ends.
        retry_after: Duration,
    },
}

/// An address that has failed too often, or a failure among too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many failed authentications")]
pub struct TooManyFailures {
    /// When to try again.
    pub retry_after: Duration,
}

/// Counts failures by address; an IPv6 address counts with its /64, which is one customer's.
#[derive(Debug)]
pub struct FailureLimiter {
    limit: FailureLimit,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    series: HashMap<IpAddr, Series>,
    overall: Option<Series>,
}

#[derive(Debug)]
struct Series {
    since: Instant,
    failures: u32,
}

impl Series {
    fn begun(now: Instant) -> Self {
        Self { since: now, failures: 0 }
    }

    /// Counts one more, in a new series when this one is over.
    fn count(&mut self, now: Instant, window: Duration) {
        if now >= self.since + window {
            *self = Self::begun(now);
        }
        self.failures = self.failures.saturating_add(1);
    }

    /// How long a series that has reached `most` still holds.
    fn holds(&self, most: u32, now: Instant, window: Duration) -> Option<Duration> {
        let left = (self.since + window).checked_duration_since(now).filter(|left| !left.is_zero());
        left.filter(|_| self.failures >= most)
    }
}

impl FailureLimiter {
    /// A limiter that has seen no failure.
    #[must_use]
    pub fn new(limit: FailureLimit) -> Self {
        let limit = FailureLimit {
            failures: limit.failures.max(1),
            overall: limit.overall.max(1),
            addresses: limit.addresses.max(1),
            ..limit
        };
        Self { limit, seen: Mutex::default() }
    }

    /// Whether an address may try, and how it stands with all of them. Costs nothing of its allowance.
    ///
    /// # Errors
    /// The address has failed too often; says when it may try again.
    pub fn check(&self, address: IpAddr, now: Instant) -> Result<Overall, TooManyFailures> {
        let FailureLimit { failures, overall, window, .. } = self.limit;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = seen.series.get(&group(address)).and_then(|series| series.holds(failures, now, window));
        if let Some(retry_after) = of_address {
            return Err(TooManyFailures { retry_after });
        }
        let of_all = seen.overall.as_ref().and_then(|series| series.holds(overall, now, window));
        Ok(of_all.map_or(Overall::Calm, |retry_after| Overall::Flooded { retry_after }))
    }

    /// Counts a failure of an address.
    pub fn failed(&self, address: IpAddr, now: Instant) {
        let address = group(address);
        let window = self.limit.window;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.overall.get_or_insert_with(|| Series::begun(now)).count(now, window);
        let all = &mut seen.series;
        if !all.contains_key(&address) && all.len() >= self.limit.addresses {
            all.retain(|_, series| now < series.since + window);
        }
        if !all.contains_key(&address) && all.len() >= self.limit.addresses {
            let oldest = all.iter().min_by_key(|(_, series)| series.since).map(|(address, _)| *address);
            if let Some(oldest) = oldest {
                all.remove(&oldest);
            }
        }
        all.entry(address).or_insert_with(|| Series::begun(now)).count(now, window);
    }
}

/// What an address is counted as: itself for IPv4 (also when mapped into IPv6), its /64 for IPv6.
fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::{Duration, Instant};

    use super::{FailureLimit, FailureLimiter, Overall};

    fn limiter() -> FailureLimiter {
        FailureLimiter::new(FailureLimit { failures: 3, overall: 10, window: Duration::from_secs(60), addresses: 4 })
    }

    #[test]
    fn an_address_is_refused_after_its_failures_and_admitted_when_they_age() {
        let (limiter, now) = (limiter(), Instant::now());
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..3 {
            assert!(limiter.check(one, now).is_ok());
            limiter.failed(one, now);
        }
        assert_eq!(limiter.check(one, now).unwrap_err().retry_after, Duration::from_secs(60));
        assert!(limiter.check(other, now).is_ok());
        assert!(limiter.check(one, now + Duration::from_secs(60)).is_ok());
        limiter.failed(one, now + Duration::from_secs(60));
        assert!(limiter.check(one, now + Duration::from_secs(60)).is_ok());
    }

    #[test]
    fn one_ipv6_network_is_one_address_and_mapped_ipv4_is_ipv4() {
        let (limiter, now) = (limiter(), Instant::now());
        for address in ["2001:db8::1", "2001:db8::2", "2001:db8::3"] {
            limiter.failed(address.parse().unwrap(), now);
        }
        assert!(limiter.check("2001:db8::4".parse().unwrap(), now).is_err());
        assert!(limiter.check("2001:db8:0:1::4".parse().unwrap(), now).is_ok());
        for _ in 0..3 {
            limiter.failed("::ffff:192.0.2.9".parse().unwrap(), now);
        }
        assert!(limiter.check("192.0.2.9".parse().unwrap(), now).is_err());
        assert!(limiter.check("::ffff:192.0.2.8".parse().unwrap(), now).is_ok());
    }

    #[test]
    fn failures_from_everywhere_are_seen_overall_and_lock_no_address_out() {
        let (limiter, now) = (limiter(), Instant::now());
        let good: IpAddr = "198.51.100.1".parse().unwrap();
        for n in 0..10_u32 {
            assert_eq!(limiter.check(good, now), Ok(Overall::Calm), "after {n} failures");
            limiter.failed(Ipv4Addr::from_bits(n).into(), now);
        }
        let later = now + Duration::from_secs(20);
        let flooded = Overall::Flooded { retry_after: Duration::from_secs(40) };
        assert_eq!(limiter.check(good, later), Ok(flooded));
        assert_eq!(limiter.check(good, now + Duration::from_secs(60)), Ok(Overall::Calm));
    }

    #[test]
    fn the_number_of_watched_addresses_is_bounded() {
        let (limiter, now) = (limiter(), Instant::now());
        for n in 0..1000_u32 {
            limiter.failed(Ipv4Addr::from_bits(n).into(), now);
        }
        assert_eq!(limiter.seen.lock().unwrap().series.len(), 4);
    }
}
