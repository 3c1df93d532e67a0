//! The queue before a cluster: so many calls at once, so many waiting, each no longer than answers wait for a cluster. A cluster
//! that hangs keeps its own callers waiting, never those of another, and what waits for it stays bounded.
//!
//! Steps of operations wait without being counted out: there are never more of them than operations that run, and readers in
//! any number must not make one fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Why a call did not get its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoTurn {
    /// Too many wait already.
    #[error("{calls} calls are under way and {waiting} wait already; try again in a moment")]
    Full {
        /// How many may be under way.
        calls: usize,
        /// How many may wait.
        waiting: usize,
    },
    /// It waited too long.
    #[error("no turn within {waited:?} behind {calls} calls under way")]
    Late {
        /// How many may be under way.
        calls: usize,
        /// How long it waited.
        waited: Duration,
    },
}

/// Who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiter {
    /// A request: refused at once when too many wait.
    Request,
    /// A step of an operation: always let in.
    Operation,
}

/// The queue of one cluster.
#[derive(Debug)]
pub(super) struct Queue {
    slots: Semaphore,
    calls: usize,
    most_waiting: usize,
    waiting: AtomicUsize,
    patience: Duration,
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Calls under way.
    pub running: usize,
    /// Calls that wait for their turn.
    pub waiting: usize,
}

impl Queue {
    /// A queue that lets `calls` through at once and `most_waiting` wait, each up to `patience`.
    pub(super) fn new(calls: usize, most_waiting: usize, patience: Duration) -> Self {
        let calls = calls.max(1);
        Self { slots: Semaphore::new(calls), calls, most_waiting, waiting: AtomicUsize::new(0), patience }
    }

    /// Waits for a turn, which lasts until the permit is dropped.
    ///
    /// # Errors
    /// See [`NoTurn`].
    pub(super) async fn turn(&self, who: Waiter) -> Result<SemaphorePermit<'_>, NoTurn> {
        if let Ok(turn) = self.slots.try_acquire() {
            return Ok(turn);
        }
        let place = Place::take(&self.waiting);
        if who == Waiter::Request && place.ahead >= self.most_waiting {
            return Err(NoTurn::Full { calls: self.calls, waiting: self.most_waiting });
        }
        let late = NoTurn::Late { calls: self.calls, waited: self.patience };
        match tokio::time::timeout(self.patience, self.slots.acquire()).await {
            Ok(turn) => turn.map_err(|_| late),
            Err(_) => Err(late),
        }
    }

    /// How full it is.
    pub(super) fn depth(&self) -> Depth {
        Depth {
            running: self.calls.saturating_sub(self.slots.available_permits()),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }
}

/// A place among those that wait; given up when it is dropped, however the wait ends.
struct Place<'a> {
    waiting: &'a AtomicUsize,
    ahead: usize,
}

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Self {
        Self { ahead: waiting.fetch_add(1, Ordering::Relaxed), waiting }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn beyond_its_bounds_requests_are_refused_and_operations_are_not() {
        let queue = Arc::new(Queue::new(1, 1, Duration::from_secs(60)));
        let under_way = queue.turn(Waiter::Request).await.unwrap();
        let waits = |who| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { queue.turn(who).await.map(drop) })
        };
        let first = waits(Waiter::Request);
        while queue.depth().waiting < 1 {
            tokio::task::yield_now().await;
        }
        let refused = queue.turn(Waiter::Request).await.map(drop);
        assert_eq!(refused, Err(NoTurn::Full { calls: 1, waiting: 1 }));
        let step = waits(Waiter::Operation);
        while queue.depth().waiting < 2 {
            tokio::task::yield_now().await;
        }
        drop(under_way);
        assert_eq!((first.await.unwrap(), step.await.unwrap()), (Ok(()), Ok(())));
        assert_eq!(queue.depth(), Depth { running: 0, waiting: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_its_patience_and_whoever_gives_up_leaves_no_place_behind() {
        let queue = Queue::new(2, 8, Duration::from_secs(10));
        let _turns = (queue.turn(Waiter::Request).await.unwrap(), queue.turn(Waiter::Request).await.unwrap());
        let late = queue.turn(Waiter::Operation).await.map(drop);
        assert_eq!(late, Err(NoTurn::Late { calls: 2, waited: Duration::from_secs(10) }));
        let gave_up = tokio::time::timeout(Duration::from_secs(1), queue.turn(Waiter::Request)).await;
        assert!(gave_up.is_err());
        assert_eq!(queue.depth(), Depth { running: 2, waiting: 0 });
    }
}
