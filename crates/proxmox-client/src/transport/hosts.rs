//! The addresses of one cluster: which to ask first, and how many calls each may have under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::error::{BuildError, CallName, Error, NeverSent, Result};

/// One address.
pub(super) struct Host {
    at: usize,
    name: String,
    base: String,
    slots: Arc<Semaphore>,
    budget: usize,
}

/// An address and how busy it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostState {
    /// `host:port`.
    pub name: String,
    /// Whether it is asked first.
    pub preferred: bool,
    /// How many calls may begin at once.
    pub free_slots: usize,
}

impl Host {
    fn new(at: usize, address: &str, port: u16, budget: usize) -> Result<Self, BuildError> {
        let name = with_port(address, port).ok_or_else(|| BuildError::Address(address.to_owned()))?;
        let base = format!("https://{name}/api2/json");
        Ok(Self { at, name, base, slots: Arc::new(Semaphore::new(budget)), budget })
    }

    /// `host:port`.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The URL that paths are appended to.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    fn busy(&self, call: &CallName, waited: Duration) -> Error {
        let cause = NeverSent::Busy { budget: self.budget, waited };
        Error::NeverSent { call: call.clone(), host: Some(self.name.clone()), cause }
    }

    /// A place among the calls under way, waited for up to `wait`.
    pub(super) async fn slot(&self, call: &CallName, wait: Duration) -> Result<SemaphorePermit<'_>> {
        match tokio::time::timeout(wait, self.slots.acquire()).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => Err(self.busy(call, wait)),
        }
    }

    /// A place that can outlive the call.
    pub(super) async fn owned_slot(&self, call: &CallName, wait: Duration) -> Result<OwnedSemaphorePermit> {
        match tokio::time::timeout(wait, Arc::clone(&self.slots).acquire_owned()).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => Err(self.busy(call, wait)),
        }
    }
}

/// `address` with its port, when it is a host name, an IPv4 address or an IPv6 address in brackets.
fn with_port(address: &str, default: u16) -> Option<String> {
    let address = address.strip_prefix("https://").unwrap_or(address).trim_end_matches('/');
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !port.ends_with(']') => {
            (host, port.parse().ok().filter(|&port| port != 0)?)
        }
        _ => (address, default),
    };
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let valid = match inside {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => crate::ids::is_safe_id(host) && !host.starts_with(['-', '.']),
    };
    valid.then(|| format!("{host}:{port}"))
}

/// All addresses of one cluster. The one that answered last is asked first.
pub(super) struct Hosts {
    all: Vec<Host>,
    preferred: AtomicUsize,
}

impl Hosts {
    pub(super) fn new(addresses: &[String], port: u16, budget: usize) -> Result<Self, BuildError> {
        let all: Vec<Host> = addresses
            .iter()
            .enumerate()
            .map(|(at, address)| Host::new(at, address, port, budget))
            .collect::<Result<_, _>>()?;
        if all.is_empty() {
            return Err(BuildError::NoAddress);
        }
        Ok(Self { all, preferred: AtomicUsize::new(0) })
    }

    /// All addresses, the preferred one first.
    pub(super) fn order(&self) -> Vec<&Host> {
        let first = self.preferred.load(Ordering::Relaxed) % self.all.len().max(1);
        self.all.iter().skip(first).chain(self.all.iter().take(first)).collect()
    }

    /// The address that is asked first.
    pub(super) fn preferred(&self) -> Option<&Host> {
        self.order().first().copied()
    }

    /// `host` answered: it is asked first from now on.
    pub(super) fn prefer(&self, host: &Host) {
        self.preferred.store(host.at, Ordering::Relaxed);
    }

    /// `host` did not answer: unless another has taken its place already, the next one is asked first.
    pub(super) fn avoid(&self, host: &Host) {
        let next = (host.at + 1) % self.all.len().max(1);
        let _ = self.preferred.compare_exchange(host.at, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(super) fn states(&self) -> Vec<HostState> {
        let preferred = self.preferred.load(Ordering::Relaxed);
        let state = |host: &Host| HostState {
            name: host.name.clone(),
            preferred: host.at == preferred,
            free_slots: host.slots.available_permits(),
        };
        self.all.iter().map(state).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (given, expected) in [
            ("pve1", Some("pve1:8006")),
            ("pve1.example.org:443", Some("pve1.example.org:443")),
            ("10.0.0.1", Some("10.0.0.1:8006")),
            ("[fd00::1]", Some("[fd00::1]:8006")),
            ("[fd00::1]:9", Some("[fd00::1]:9")),
            ("https://pve1:8006/", Some("pve1:8006")),
            ("", None),
            ("a b", None),
            ("fd00::1", None),
            ("host:0", None),
            ("host:99999", None),
            ("user@host", None),
            ("host/path", None),
            ("http://host", None),
        ] {
            assert_eq!(with_port(given, 8006).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn the_last_good_address_is_first() {
        let addresses = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let hosts = Hosts::new(&addresses, 1, 1).unwrap();
        let names = |hosts: &Hosts| hosts.order().iter().map(|host| host.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&hosts), ["a:1", "b:1", "c:1"]);
        hosts.avoid(&hosts.all[0]);
        hosts.avoid(&hosts.all[0]);
        assert_eq!(names(&hosts), ["b:1", "c:1", "a:1"]);
        hosts.prefer(&hosts.all[2]);
        assert_eq!(names(&hosts), ["c:1", "a:1", "b:1"]);
    }
}
