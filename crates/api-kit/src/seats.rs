//! Who is sent away when there is no room for another connection: whoever has no request under way, the longest idle first. Otherwise
//! a few thousand connections that say nothing would keep everybody else out until their time is over.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio_util::sync::CancellationToken;

/// The connections without a request under way, in the order in which they came to that.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    next: u64,
    by_turn: BTreeMap<u64, CancellationToken>,
}

/// One connection's seat.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    /// Its turn while it is idle.
    turn: Mutex<Option<u64>>,
    sent_away: CancellationToken,
}

impl Seats {
    /// A seat for a new connection, which is idle at first.
    pub(crate) fn take(self: &Arc<Self>) -> Arc<Seat> {
        let seat = Seat { seats: Arc::clone(self), turn: Mutex::new(None), sent_away: CancellationToken::new() };
        seat.rest();
        Arc::new(seat)
    }

    fn add(&self, sent_away: CancellationToken) -> u64 {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.next += 1;
        let turn = idle.next;
        idle.by_turn.insert(turn, sent_away);
        turn
    }

    /// Sends away whoever is idle longest; whether there was anybody.
    pub(crate) fn send_away(&self) -> bool {
        let longest = self.idle.lock().unwrap_or_else(PoisonError::into_inner).by_turn.pop_first();
        longest.map(|(_, sent_away)| sent_away.cancel()).is_some()
    }
}

impl Seat {
    /// Ready when the connection has to go.
    pub(crate) async fn sent_away(&self) {
        self.sent_away.cancelled().await;
    }

    /// A request is under way until the guard is dropped.
    pub(crate) fn work(self: &Arc<Self>) -> Work {
        self.leave();
        Work(Arc::clone(self))
    }

    fn rest(&self) {
        let turn = self.seats.add(self.sent_away.clone());
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = Some(turn);
    }

    fn leave(&self) {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(turn) = turn {
            self.seats.idle.lock().unwrap_or_else(PoisonError::into_inner).by_turn.remove(&turn);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Work(Arc<Seat>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.rest();
    }
}

/// The body of an answer; its connection is at work until all of it is sent.
pub(crate) struct Answering {
    pub(crate) body: Body,
    pub(crate) _work: Work,
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_goes_first_and_nobody_at_work() {
        let seats = Arc::new(Seats::default());
        let (first, second, third) = (seats.take(), seats.take(), seats.take());
        let work = second.work();
        drop(first.work());
        seats.send_away();
        assert!(third.sent_away.is_cancelled(), "the first has worked since");
        seats.send_away();
        assert!(first.sent_away.is_cancelled());
        seats.send_away();
        assert!(!second.sent_away.is_cancelled(), "a request is under way");
        drop(work);
        drop(third);
        seats.send_away();
        assert!(second.sent_away.is_cancelled());
    }
}
