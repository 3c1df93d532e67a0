//! What a cluster is configured with beside guests and networks: backup jobs, replication, mappings of hardware, notifications, metric servers,
//! certificates.

mod acme;
mod backup_jobs;
mod export;
mod mapping;
mod metrics;
mod notifications;
mod replication;

use super::Handler;

/// The calls and their handlers.
pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    let mut all = backup_jobs::calls();
    all.extend(acme::calls());
    all.extend(export::calls());
    all.extend(mapping::calls());
    all.extend(metrics::calls());
    all.extend(notifications::calls());
    all.extend(replication::calls());
    all
}
