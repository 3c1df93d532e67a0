//! Counters of the store, for whoever shows metrics. They only grow, but for the queue's depth; durations are sums, so that
//! a rate and an average come out of two readings.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Error;

/// A reading of the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Writes whose commit was tried.
    pub writes: u64,
    /// Commits that succeeded; `writes / commits` is the average size of a group.
    pub commits: u64,
    /// Groups that were refused as a whole.
    pub failed_commits: u64,
    /// The largest group so far.
    pub largest_commit: u64,
    /// Time in successful groups, from their begin to the flushed commit, in microseconds.
    pub commit_micros: u64,
    /// Reads that were run.
    pub reads: u64,
    /// Time in reads, in microseconds.
    pub read_micros: u64,
    /// Writes waiting for their turn now.
    pub waiting_writes: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    writes: AtomicU64,
    commits: AtomicU64,
    failed_commits: AtomicU64,
    largest_commit: AtomicU64,
    commit_micros: AtomicU64,
    reads: AtomicU64,
    read_micros: AtomicU64,
    waiting_writes: AtomicI64,
    tenancy_changes: AtomicU64,
    last_failure: Mutex<Option<Error>>,
}

impl Counters {
    pub(crate) fn write_queued(&self) {
        self.waiting_writes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn write_dequeued(&self) {
        self.waiting_writes.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn batch_done(&self, size: usize, took: Duration) {
        self.writes.fetch_add(size as u64, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.largest_commit.fetch_max(size as u64, Ordering::Relaxed);
        self.commit_micros.fetch_add(micros(took), Ordering::Relaxed);
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn batch_failed(&self, size: usize, error: &Error) {
        self.writes.fetch_add(size as u64, Ordering::Relaxed);
        self.failed_commits.fetch_add(1, Ordering::Relaxed);
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
    }

    /// A group was committed, but a write in it failed because of the disk or the file.
    pub(crate) fn trouble(&self, error: &Error) {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
    }

    pub(crate) fn read_done(&self, took: Duration) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.read_micros.fetch_add(micros(took), Ordering::Relaxed);
    }

    /// Rows of tenancy were changed by a commit that is done.
    pub(crate) fn tenancy_changed(&self) {
        self.tenancy_changes.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn tenancy_changes(&self) -> u64 {
        self.tenancy_changes.load(Ordering::Acquire)
    }

    /// Why the last commit failed, when it did.
    pub(crate) fn last_failure(&self) -> Option<Error> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn reading(&self) -> Statistics {
        Statistics {
            writes: self.writes.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            failed_commits: self.failed_commits.load(Ordering::Relaxed),
            largest_commit: self.largest_commit.load(Ordering::Relaxed),
            commit_micros: self.commit_micros.load(Ordering::Relaxed),
            reads: self.reads.load(Ordering::Relaxed),
            read_micros: self.read_micros.load(Ordering::Relaxed),
            waiting_writes: u64::try_from(self.waiting_writes.load(Ordering::Relaxed)).unwrap_or(0),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
