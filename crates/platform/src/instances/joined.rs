//! The list of all guests, joined with the records once for everybody who reads it while nothing has changed: the same listings of
//! the clusters, the same tenancy in the store. It is dropped with the listings it was made of.
//!
//! It holds the guests of all accounts. Who may see which is decided by whoever takes rows out of it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::clusters::{Cluster, Contents};
use crate::views::{InstanceView, Warning};

/// All guests, by cluster and number.
#[derive(Debug)]
pub struct Joined {
    /// The rows.
    pub items: Vec<InstanceView>,
    /// Clusters that did not answer.
    pub warnings: Vec<Warning>,
    written: OnceLock<(Bytes, String)>,
}

impl Joined {
    pub(super) fn new(items: Vec<InstanceView>, warnings: Vec<Warning>) -> Self {
        Self { items, warnings, written: OnceLock::new() }
    }

    /// The rows as a façade writes them, with their tag; written once.
    pub fn written(&self, write: impl FnOnce(&[InstanceView]) -> (Bytes, String)) -> (Bytes, String) {
        self.written.get_or_init(|| write(&self.items)).clone()
    }
}

/// What a list was made of.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    /// The listings of the clusters.
    pub contents: Vec<Arc<Contents>>,
    /// How often tenancy had changed when the store was read.
    pub tenancy: u64,
}

impl Sources {
    pub(super) fn of(answers: &[(Arc<Cluster>, Arc<Contents>)], tenancy: u64) -> Self {
        Self { contents: answers.iter().map(|(_, contents)| Arc::clone(contents)).collect(), tenancy }
    }

    fn are(&self, other: &Self) -> bool {
        self.tenancy == other.tenancy
            && self.contents.len() == other.contents.len()
            && self.contents.iter().zip(&other.contents).all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

/// The last list that was joined.
#[derive(Debug, Clone, Default)]
pub(crate) struct Last(Arc<Mutex<Option<Kept>>>);

/// A join, and what it was made from.
type Kept = (Sources, Arc<Joined>);

impl Last {
    /// The last list, if it was made of these.
    pub(super) fn of(&self, sources: &Sources) -> Option<Arc<Joined>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(known, _)| known.are(sources)).map(|(_, joined)| Arc::clone(joined))
    }

    /// Keeps a list for as long as its listings may be shown.
    pub(super) fn keep(&self, sources: Sources, joined: &Arc<Joined>, age: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((sources, Arc::clone(joined)));
        let (last, kept) = (Arc::downgrade(&self.0), Arc::downgrade(joined));
        tokio::spawn(async move {
            tokio::time::sleep(age).await;
            let Some(last) = last.upgrade() else { return };
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            last.take_if(|(_, joined)| Arc::downgrade(joined).ptr_eq(&kept));
        });
    }
}
