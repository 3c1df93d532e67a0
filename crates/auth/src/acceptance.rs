//! Remembers for a short while how a costly credential was judged, so that not every request costs a bcrypt or a call to
//! a Proxmox cluster. It keeps a keyed hash of the credential, never the credential; the key is random and of this process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ring::hmac;
use ring::rand::SystemRandom;

/// How long an acceptance holds: the time within which a token revoked on a cluster stops working here.
pub const ACCEPTED_FOR: Duration = Duration::from_secs(60);

/// How long a refusal holds: a token made a moment ago must soon work.
pub const REFUSED_FOR: Duration = Duration::from_secs(5);

/// A judgement: accepted with what was learnt, or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement<T> {
    /// Accepted.
    Accepted(T),
    /// Refused.
    Refused,
}

/// The system gave no random bytes for the cache's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct NoRandom;

/// Judgements by credential, at most `capacity` of them.
pub struct AcceptanceCache<T> {
    key: hmac::Key,
    capacity: usize,
    entries: Mutex<HashMap<[u8; 32], Entry<T>>>,
}

struct Entry<T> {
    judgement: Judgement<T>,
    until: Instant,
}

impl<T: Clone> AcceptanceCache<T> {
    /// An empty cache under a fresh random key.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub fn new(capacity: usize) -> Result<Self, NoRandom> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map_err(|_| NoRandom)?;
        Ok(Self { key, capacity: capacity.max(1), entries: Mutex::default() })
    }

    /// The judgement of a credential, if there is one that still holds at `now`.
    #[must_use]
    pub fn get(&self, credential: &[u8], now: Instant) -> Option<Judgement<T>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(&self.hash(credential)).filter(|entry| now < entry.until).map(|entry| entry.judgement.clone())
    }

    /// Remembers an acceptance for [`ACCEPTED_FOR`].
    pub fn accept(&self, credential: &[u8], learnt: T, now: Instant) {
        self.insert(credential, Judgement::Accepted(learnt), now + ACCEPTED_FOR, now);
    }

    /// Remembers a refusal for [`REFUSED_FOR`].
    pub fn refuse(&self, credential: &[u8], now: Instant) {
        self.insert(credential, Judgement::Refused, now + REFUSED_FOR, now);
    }

    /// Forgets everything: when a cluster or the users table changed.
    pub fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn insert(&self, credential: &[u8], judgement: Judgement<T>, until: Instant, now: Instant) {
        let hash = self.hash(credential);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.capacity && !entries.contains_key(&hash) {
            entries.retain(|_, entry| now < entry.until);
        }
        if entries.len() >= self.capacity && !entries.contains_key(&hash) {
            // Whatever ends first goes; a flood of refusals (5 s) cannot push out acceptances (60 s) for long.
            let first = entries.iter().min_by_key(|(_, entry)| entry.until).map(|(hash, _)| *hash);
            if let Some(first) = first {
                entries.remove(&first);
            }
        }
        entries.insert(hash, Entry { judgement, until });
    }

    fn hash(&self, credential: &[u8]) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&self.key, credential).as_ref());
        hash
    }
}

impl<T> fmt::Debug for AcceptanceCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptanceCache").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{ACCEPTED_FOR, AcceptanceCache, Judgement, REFUSED_FOR};

    #[test]
    fn an_acceptance_holds_a_minute_and_a_refusal_five_seconds() {
        let cache = AcceptanceCache::new(8).unwrap();
        let now = Instant::now();
        cache.accept(b"good", "pve1", now);
        cache.refuse(b"bad", now);
        assert_eq!(
            cache.get(b"good", now + ACCEPTED_FOR - Duration::from_millis(1)),
            Some(Judgement::Accepted("pve1"))
        );
        assert_eq!(cache.get(b"good", now + ACCEPTED_FOR), None);
        assert_eq!(cache.get(b"bad", now), Some(Judgement::Refused));
        assert_eq!(cache.get(b"bad", now + REFUSED_FOR), None);
        assert_eq!(cache.get(b"unknown", now), None);
        cache.clear();
        assert_eq!(cache.get(b"good", now), None);
    }

    #[test]
    fn the_number_of_judgements_is_bounded_and_refusals_leave_first() {
        let cache = AcceptanceCache::new(3).unwrap();
        let now = Instant::now();
        cache.accept(b"good", (), now);
        for n in 0..1000_u32 {
            cache.refuse(&n.to_be_bytes(), now);
        }
        assert_eq!(cache.entries.lock().unwrap().len(), 3);
        assert_eq!(cache.get(b"good", now), Some(Judgement::Accepted(())));
    }
}
