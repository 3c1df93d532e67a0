//! The queue before a cluster: so many calls at once, so many waiting, each no longer than answers wait for a cluster. A cluster
//! that hangs keeps its own callers waiting, never those of another, and what waits for it stays bounded.
//!
//! Steps of operations wait without being counted out: there are never more of them than operations that run, and readers in
//! any number must not make one fail.
//!
//! Calls that change something never take all turns: a cluster that hangs in changing things is still looked at.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

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

/// What a turn is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// Reading.
    Look,
    /// Changing something.
    Change,
}

/// How many turns are left to those who look; fewer where there are not so many.
const FOR_LOOKS: usize = 2;

/// A turn; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _slot: SemaphorePermit<'a>,
    _change: Option<SemaphorePermit<'a>>,
}

/// The queue of one cluster.
#[derive(Debug)]
pub(super) struct Queue {
    slots: Semaphore,
    /// The part of the slots that changes may have.
    changes: Semaphore,
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
        let changes = calls.saturating_sub(FOR_LOOKS).max(1);
        Self {
            slots: Semaphore::new(calls),
            changes: Semaphore::new(changes),
            calls,
            most_waiting,
            waiting: AtomicUsize::new(0),
            patience,
        }
    }

    /// Waits for a turn, which lasts until it is dropped.
    ///
    /// # Errors
    /// See [`NoTurn`].
    pub(super) async fn turn(&self, who: Waiter, call: Call) -> Result<Turn<'_>, NoTurn> {
        if let Some(turn) = self.at_once(call) {
            return Ok(turn);
        }
        let place = Place::take(&self.waiting);
        if who == Waiter::Request && place.ahead >= self.most_waiting {
            return Err(NoTurn::Full { calls: self.calls, waiting: self.most_waiting });
        }
        let late = NoTurn::Late { calls: self.calls, waited: self.patience };
        // Closed they never are.
        match tokio::time::timeout(self.patience, self.in_line(call)).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(late),
        }
    }

    fn at_once(&self, call: Call) -> Option<Turn<'_>> {
        let change = match call {
            Call::Look => None,
            Call::Change => Some(self.changes.try_acquire().ok()?),
        };
        Some(Turn { _slot: self.slots.try_acquire().ok()?, _change: change })
    }

    /// A change waits for the others first, so that it takes no slot while it waits for them.
    async fn in_line(&self, call: Call) -> Result<Turn<'_>, AcquireError> {
        let change = match call {
            Call::Look => None,
            Call::Change => Some(self.changes.acquire().await?),
        };
        Ok(Turn { _slot: self.slots.acquire().await?, _change: change })
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
        let under_way = queue.turn(Waiter::Request, Call::Look).await.unwrap();
        let waits = |who| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { queue.turn(who, Call::Look).await.map(drop) })
        };
        let first = waits(Waiter::Request);
        while queue.depth().waiting < 1 {
            tokio::task::yield_now().await;
        }
        let refused = queue.turn(Waiter::Request, Call::Look).await.map(drop);
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
        let _turns = (
            queue.turn(Waiter::Request, Call::Look).await.unwrap(),
            queue.turn(Waiter::Request, Call::Look).await.unwrap(),
        );
        let late = queue.turn(Waiter::Operation, Call::Look).await.map(drop);
        assert_eq!(late, Err(NoTurn::Late { calls: 2, waited: Duration::from_secs(10) }));
        let gave_up = tokio::time::timeout(Duration::from_secs(1), queue.turn(Waiter::Request, Call::Look)).await;
        assert!(gave_up.is_err());
        assert_eq!(queue.depth(), Depth { running: 2, waiting: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn changes_leave_turns_to_those_who_look() {
        for (calls, most_changes) in [(1, 1), (2, 1), (3, 1), (6, 4)] {
            let queue = Queue::new(calls, 8, Duration::from_secs(10));
            let mut under_way = Vec::new();
            for _ in 0..most_changes {
                under_way.push(queue.turn(Waiter::Operation, Call::Change).await.unwrap());
            }
            let late = queue.turn(Waiter::Operation, Call::Change).await.map(drop);
            assert_eq!(late, Err(NoTurn::Late { calls, waited: Duration::from_secs(10) }), "{calls}");
            assert_eq!(queue.depth(), Depth { running: most_changes, waiting: 0 }, "a change that waits holds no turn");
            for _ in most_changes..calls {
                under_way.push(queue.turn(Waiter::Request, Call::Look).await.unwrap());
            }
            assert_eq!(queue.depth().running, calls);
            under_way.clear();
            queue.turn(Waiter::Request, Call::Change).await.unwrap();
        }
    }
}
