//! What a cluster lists, asked once for everybody who wants it at the same time and kept for a moment after.
//!
//! Only for looking: steps of operations, and whatever decides something, ask the cluster itself. What is kept is what bnpd's own
//! token sees; who may see which part of it is decided after, for each caller. A failure is shared by those who waited for the
//! same answer and never kept.
//!
//! Whatever may have changed the cluster, any call of bnpd's that is not a read, ends what was kept before ([`Changes`]): a
//! listing after a change shows the change. Changes by others show within the age given.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared};

use crate::error::Upstream;

/// How often bnpd may have changed a cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes(Arc<AtomicU64>);

impl Changes {
    /// Something may be other than it was.
    pub(super) fn note(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// How a reader got its listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The cluster was asked for it.
    Asked,
    /// Somebody else had just asked, and it was waited for with them.
    Shared,
    /// It was kept.
    Kept,
}

impl Source {
    /// The word in metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Shared => "shared",
            Self::Kept => "kept",
        }
    }
}

/// What is listed: the answer, or why there is none.
pub(super) type Listed<T> = Result<Arc<T>, Upstream>;
type Flight<T> = BoxFuture<'static, Listed<T>>;

/// One listing of one cluster.
pub(super) struct Listing<T> {
    age: Duration,
    changes: Changes,
    state: Mutex<State<T>>,
}

struct State<T> {
    kept: Option<Kept<T>>,
    /// Weak: a question that nobody waits for any more is not asked on.
    flight: Option<(u64, WeakShared<Flight<T>>)>,
}

struct Kept<T> {
    count: u64,
    asked: Instant,
    answer: Arc<T>,
}

impl<T: Send + Sync + 'static> Listing<T> {
    /// Kept for `age` at most; nothing is kept or shared when that is zero.
    pub(super) fn new(age: Duration, changes: Changes) -> Arc<Self> {
        Arc::new(Self { age, changes, state: Mutex::new(State { kept: None, flight: None }) })
    }

    /// The listing: kept, waited for with others, or asked for.
    pub(super) async fn get<F>(self: &Arc<Self>, ask: impl FnOnce() -> F) -> (Listed<T>, Source)
    where
        F: Future<Output = Result<T, Upstream>> + Send + 'static,
    {
        if self.age.is_zero() {
            return (ask().await.map(Arc::new), Source::Asked);
        }
        let (flight, source) = match self.join(ask) {
            Joined::Kept(answer) => return (Ok(answer), Source::Kept),
            Joined::Flight(flight, source) => (flight, source),
        };
        (flight.await, source)
    }

    fn join<F>(self: &Arc<Self>, ask: impl FnOnce() -> F) -> Joined<T>
    where
        F: Future<Output = Result<T, Upstream>> + Send + 'static,
    {
        let count = self.changes.count();
        let mut state = self.lock();
        state.kept.take_if(|kept| kept.count != count || kept.asked.elapsed() >= self.age);
        if let Some(kept) = &state.kept {
            return Joined::Kept(Arc::clone(&kept.answer));
        }
        // A question that was begun before the last change may have missed it.
        let under_way = state.flight.as_ref().filter(|(begun, _)| *begun == count);
        if let Some(flight) = under_way.and_then(|(_, flight)| flight.upgrade()) {
            return Joined::Flight(flight, Source::Shared);
        }
        let (listing, asked, answer) = (Arc::clone(self), Instant::now(), ask());
        let flight = async move {
            let answer = answer.await.map(Arc::new)?;
            listing.keep(count, asked, &answer);
            Ok(answer)
        };
        let flight = flight.boxed().shared();
        state.flight = flight.downgrade().map(|flight| (count, flight));
        Joined::Flight(flight, Source::Asked)
    }

    /// Keeps an answer, unless something has changed since it was asked for. It is as old as its question.
    fn keep(&self, count: u64, asked: Instant, answer: &Arc<T>) {
        let mut state = self.lock();
        if self.changes.count() == count && asked.elapsed() < self.age {
            state.kept = Some(Kept { count, asked, answer: Arc::clone(answer) });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Joined<T> {
    Kept(Arc<T>),
    Flight(Shared<Flight<T>>, Source),
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::error::Reached;

    const AGE: Duration = Duration::from_secs(3600);

    /// A cluster that counts how often it is asked and answers once it is let.
    #[derive(Clone, Default)]
    struct Slow {
        asked: Arc<AtomicUsize>,
        let_go: Arc<tokio::sync::Notify>,
    }

    impl Slow {
        async fn answer(self) -> Result<usize, Upstream> {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            self.let_go.notified().await;
            Ok(number)
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    async fn instantly(asked: Arc<AtomicUsize>) -> Result<usize, Upstream> {
        Ok(asked.fetch_add(1, Ordering::SeqCst) + 1)
    }

    #[tokio::test]
    async fn concurrent_readers_cost_one_question_whose_answer_is_kept() {
        let (listing, slow) = (Listing::new(AGE, Changes::default()), Slow::default());
        let readers: Vec<_> = (0..100)
            .map(|_| {
                let (listing, slow) = (Arc::clone(&listing), slow.clone());
                tokio::spawn(async move { listing.get(|| slow.answer()).await })
            })
            .collect();
        while slow.asked() == 0 {
            tokio::task::yield_now().await;
        }
        slow.let_go.notify_waiters();
        slow.let_go.notify_one();
        for reader in readers {
            assert_eq!(*reader.await.unwrap().0.unwrap(), 1);
        }
        assert_eq!(listing.get(|| slow.clone().answer()).await.1, Source::Kept);
        assert_eq!(slow.asked(), 1);
    }

    #[tokio::test]
    async fn a_change_ends_what_was_kept_and_what_was_being_asked() {
        let changes = Changes::default();
        let (listing, slow) = (Listing::new(AGE, changes.clone()), Slow::default());
        let asked = Arc::new(AtomicUsize::new(100));
        let (before, first) = (Arc::clone(&listing), slow.clone());
        let before = tokio::spawn(async move { before.get(|| first.answer()).await });
        while slow.asked() == 0 {
            tokio::task::yield_now().await;
        }
        changes.note();
        let after = listing.get(|| instantly(Arc::clone(&asked))).await;
        assert_eq!((*after.0.unwrap(), after.1), (101, Source::Asked), "it does not wait for the question before");
        slow.let_go.notify_one();
        assert_eq!(*before.await.unwrap().0.unwrap(), 1);
        let kept = listing.get(|| instantly(Arc::clone(&asked))).await;
        assert_eq!((*kept.0.unwrap(), kept.1), (101, Source::Kept), "the late answer of before is not kept");
        changes.note();
        assert_eq!(*listing.get(|| instantly(asked)).await.0.unwrap(), 102);
    }

    #[tokio::test]
    async fn whoever_leaves_takes_nothing_from_those_who_wait_and_a_question_nobody_wants_ends() {
        let (listing, slow) = (Listing::new(AGE, Changes::default()), Slow::default());
        let mut leaves = Box::pin(listing.get(|| slow.clone().answer()));
        assert!(futures::poll!(&mut leaves).is_pending());
        let mut stays = Box::pin(listing.get(|| slow.clone().answer()));
        assert!(futures::poll!(&mut stays).is_pending());
        drop(leaves);
        slow.let_go.notify_one();
        assert_eq!(*stays.await.0.unwrap(), 1);

        let (listing, slow) = (Listing::new(AGE, Changes::default()), Slow::default());
        let mut leaves = Box::pin(listing.get(|| slow.clone().answer()));
        assert!(futures::poll!(&mut leaves).is_pending());
        drop(leaves);
        slow.let_go.notify_one();
        assert_eq!(*listing.get(|| slow.clone().answer()).await.0.unwrap(), 2, "it is asked anew");
    }

    #[tokio::test]
    async fn failures_and_what_is_too_old_are_not_kept_and_zero_keeps_nothing() {
        let failure = Upstream {
            system: "pve-a".to_owned(),
            message: "no".to_owned(),
            reached: Reached::Answered,
            status: None,
            left: Vec::new(),
            perhaps_done: false,
        };
        let asked = Arc::new(AtomicUsize::new(0));
        let listing = Listing::new(AGE, Changes::default());
        let failed = failure.clone();
        assert_eq!(listing.get(|| async { Err(failed) }).await.0, Err(failure));
        assert_eq!(*listing.get(|| instantly(Arc::clone(&asked))).await.0.unwrap(), 1);
        for age in [Duration::ZERO, Duration::from_nanos(1)] {
            let listing = Listing::new(age, Changes::default());
            let before = asked.load(Ordering::SeqCst);
            for _ in 0..2 {
                let (_, source) = listing.get(|| instantly(Arc::clone(&asked))).await;
                assert_eq!(source, Source::Asked);
            }
            assert_eq!(asked.load(Ordering::SeqCst), before + 2);
        }
    }
}
