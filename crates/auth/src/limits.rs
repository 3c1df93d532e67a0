//! Limits failed authentications by address: after too many failures an address is refused before any work is done for it.
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
    /// How long failures count, from the first one of a series.
    pub window: Duration,
    /// Most addresses that are watched at once.
    pub addresses: usize,
}

impl Default for FailureLimit {
    /// Twenty failures a minute, ten thousand addresses.
    fn default() -> Self {
        Self { failures: 20, window: Duration::from_secs(60), addresses: 10_000 }
    }
}

/// An address that has failed too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many failed authentications from this address")]
pub struct TooManyFailures {
    /// When the address may try again.
    pub retry_after: Duration,
}

/// Counts failures by address; an IPv6 address counts with its /64, which is one customer's.
#[derive(Debug)]
pub struct FailureLimiter {
    limit: FailureLimit,
    series: Mutex<HashMap<IpAddr, Series>>,
}

#[derive(Debug)]
struct Series {
    since: Instant,
    failures: u32,
}

impl FailureLimiter {
    /// A limiter that has seen no failure.
    #[must_use]
    pub fn new(limit: FailureLimit) -> Self {
        let limit = FailureLimit { failures: limit.failures.max(1), addresses: limit.addresses.max(1), ..limit };
        Self { limit, series: Mutex::default() }
    }

    /// Whether an address may try. Costs nothing of its allowance.
    ///
    /// # Errors
    /// The address has failed too often; says when it may try again.
    pub fn check(&self, address: IpAddr, now: Instant) -> Result<(), TooManyFailures> {
        let all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(&group(address)) {
            Some(series) if series.failures >= self.limit.failures => {
                match (series.since + self.limit.window).checked_duration_since(now) {
                    Some(retry_after) if !retry_after.is_zero() => Err(TooManyFailures { retry_after }),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Counts a failure of an address.
    pub fn failed(&self, address: IpAddr, now: Instant) {
        let address = group(address);
        let window = self.limit.window;
        let mut all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(&address) && all.len() >= self.limit.addresses {
            all.retain(|_, series| now < series.since + window);
        }
        if !all.contains_key(&address) && all.len() >= self.limit.addresses {
            let oldest = all.iter().min_by_key(|(_, series)| series.since).map(|(address, _)| *address);
            if let Some(oldest) = oldest {
                all.remove(&oldest);
            }
        }
        let series = all.entry(address).or_insert(Series { since: now, failures: 0 });
        if now >= series.since + window {
            *series = Series { since: now, failures: 0 };
        }
        series.failures = series.failures.saturating_add(1);
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

    use super::{FailureLimit, FailureLimiter};

    fn limiter() -> FailureLimiter {
        FailureLimiter::new(FailureLimit { failures: 3, window: Duration::from_secs(60), addresses: 4 })
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
    fn the_number_of_watched_addresses_is_bounded() {
        let (limiter, now) = (limiter(), Instant::now());
        for n in 0..1000_u32 {
            limiter.failed(Ipv4Addr::from_bits(n).into(), now);
        }
        assert_eq!(limiter.series.lock().unwrap().len(), 4);
    }
}
