//! Sees every call to a cluster: counts it, notes whether the cluster answers, and ends what was kept of the cluster's listings when it
//! may have changed something.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proxmox_client::{CallRecord, Class, Method, Observer};

use super::listing::Changes;
use crate::measures;

/// The observer of one cluster's client.
pub(super) struct Watch {
    pub(super) host: String,
    pub(super) changes: Changes,
    /// Whether the last call was answered.
    pub(super) answers: Arc<AtomicBool>,
    /// Who sees the call after.
    pub(super) next: Option<Arc<dyn Observer>>,
}

impl Observer for Watch {
    fn call(&self, record: &CallRecord<'_>) {
        if record.call.method != Method::Get {
            self.changes.note();
        }
        let answered = record.outcome.map_or_else(|error| error.class() == Class::Answered, |_| true);
        self.answers.store(answered, Ordering::Relaxed);
        let outcome = record.outcome.map_or_else(proxmox_client::Error::kind, |_| "ok");
        measures::upstream_call(&self.host, &record.call.to_string(), outcome, record.duration);
        if let Some(next) = &self.next {
            next.call(record);
        }
    }
}
