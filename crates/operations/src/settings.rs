//! How the engine runs: bounds, leases, patience, and the clock that leases are read from.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

/// Where the engine reads the time that it writes into leases and rows.
pub type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// Wraps the running of an operation, given the id of the request that started it: for what tasks carry along, such as where
/// clients of other systems find that id.
pub type Around = Arc<dyn Fn(&str, crate::BoxFuture<'static, ()>) -> crate::BoxFuture<'static, ()> + Send + Sync>;

/// Bounds and periods of the engine.
#[derive(Clone)]
pub struct Settings {
    /// How many operations run at once in this process; more wait. Default 64.
    pub max_running: usize,
    /// For how long an operation belongs to a process that does not renew its lease. Default 30 s.
    pub lease: Duration,
    /// How often leases are renewed. Default 10 s; well below `lease`.
    pub heartbeat: Duration,
    /// How often unfinished operations without an owner are looked for; `None`: only when asked. Default 5 s.
    pub resume_every: Option<Duration>,
    /// How often a step, and an undo, is tried before it counts as failed. Default 5.
    pub attempts: u32,
    /// How long to wait after the first attempt of unknown outcome; doubles. Default 500 ms.
    pub backoff: Duration,
    /// The longest wait between two attempts, also when a step asks for more. Default 30 s.
    pub backoff_most: Duration,
    /// How long one attempt may take before it counts as unknown. Default 15 min.
    pub step_timeout: Duration,
    /// How often [`wait`](crate::Operations::wait) looks at an operation that another process runs. Default 250 ms.
    pub poll: Duration,
    /// What each operation runs in; nothing unless given.
    pub around: Option<Around>,
    /// The clock.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_running: 64,
            lease: Duration::from_secs(30),
            heartbeat: Duration::from_secs(10),
            resume_every: Some(Duration::from_secs(5)),
            attempts: 5,
            backoff: Duration::from_millis(500),
            backoff_most: Duration::from_secs(30),
            step_timeout: Duration::from_secs(15 * 60),
            poll: Duration::from_millis(250),
            around: None,
            clock: Arc::new(bnna_store::now),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("max_running", &self.max_running)
            .field("lease", &self.lease)
            .field("heartbeat", &self.heartbeat)
            .field("resume_every", &self.resume_every)
            .field("attempts", &self.attempts)
            .field("step_timeout", &self.step_timeout)
            .finish_non_exhaustive()
    }
}

impl Settings {
    pub(crate) fn now(&self) -> OffsetDateTime {
        (self.clock)()
    }

    /// How long to wait after attempt number `attempt` (from 1).
    pub(crate) fn backoff_after(&self, attempt: u32) -> Duration {
        self.backoff.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(self.backoff_most)
    }
}
