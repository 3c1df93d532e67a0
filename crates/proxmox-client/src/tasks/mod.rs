//! Long work: a call that starts some answers with a task's id at once, and the task is asked until it has ended.
//!
//! A handle outlives broken connections: that asking fails says nothing about the task.

#[cfg(feature = "pve")]
mod batch;
mod log;
mod outcome;

#[cfg(feature = "pve")]
pub use batch::wait_all;
pub use log::{LogLine, LogPage, LogRange};
pub use outcome::TaskOutcome;

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use crate::call::{Product, calls};
use crate::error::{Error, NeverSent, Result, TaskError};
use crate::ids::Upid;
use crate::transport::Connection;

/// How to wait for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// The first interval between two questions. Each following one is half as long again.
    pub first: Duration,
    /// The longest interval.
    pub longest: Duration,
    /// When to stop waiting. The task goes on.
    pub deadline: Duration,
}

impl Wait {
    /// Asks after 0.5 s, then ever more seldom up to every 2 s, until `deadline` has passed.
    #[must_use]
    pub const fn up_to(deadline: Duration) -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(2), deadline }
    }

    /// The same with other intervals, both at least a millisecond.
    #[must_use]
    pub fn every(self, first: Duration, longest: Duration) -> Self {
        let least = Duration::from_millis(1);
        Self { first: first.max(least), longest: longest.max(first).max(least), ..self }
    }
}

impl Default for Wait {
    /// Up to ten minutes.
    fn default() -> Self {
        Self::up_to(Duration::from_secs(600))
    }
}

/// What is known of one task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaskStatus {
    /// Its id.
    pub upid: Upid,
    /// `running` or `stopped`.
    pub status: String,
    /// How it ended: `OK`, `WARNINGS: n` or what went wrong. Missing for a moment after the end.
    pub exitstatus: Option<String>,
    /// The node.
    pub node: String,
    /// The kind of work.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it works on.
    #[serde(default)]
    pub id: String,
    /// The user, without a token's name.
    pub user: String,
    /// The token's name, when a token started it.
    pub tokenid: Option<String>,
    /// When it began, Unix seconds.
    pub starttime: u64,
    /// Its process.
    pub pid: Option<u64>,
}

impl TaskStatus {
    /// How it ended, when it has and the server says so.
    #[must_use]
    pub fn outcome(&self) -> Option<TaskOutcome> {
        let exit = self.exitstatus.as_deref()?;
        (self.status != "running").then(|| TaskOutcome::of(exit))
    }
}

/// The calls are the same on both products.
macro_rules! task_calls {
    ($product:ident) => {
        use super::log::{LogLine, LogRange};
        use super::{TaskStatus, calls};

        calls! { $product:
            STATUS "task(upid).status" = Get "/nodes/{node}/tasks/{upid}/status" () -> TaskStatus;
            LOG "task(upid).log" = Get "/nodes/{node}/tasks/{upid}/log" (LogRange) -> Vec<LogLine>;
            STOP "task(upid).stop" = Delete "/nodes/{node}/tasks/{upid}" () -> ();
        }
    };
}
pub(crate) mod pve {
    task_calls!(Pve);
}
pub(crate) mod pbs {
    task_calls!(Pbs);
}

/// How often a stopped task is asked for the exit status that it does not show yet.
const ASK_AGAIN: u32 = 20;

/// One task of a cluster or backup server; cheap to clone.
#[derive(Clone)]
pub struct TaskHandle {
    connection: Connection,
    upid: Upid,
}

impl TaskHandle {
    pub(crate) const fn new(connection: Connection, upid: Upid) -> Self {
        Self { connection, upid }
    }

    /// Its id.
    #[must_use]
    pub const fn upid(&self) -> &Upid {
        &self.upid
    }

    fn args(&self) -> [&str; 2] {
        // PBS knows its node by this name whatever it is called.
        let node = match self.connection.product() {
            Product::Pve => self.upid.node(),
            Product::Pbs => "localhost",
        };
        [node, self.upid.as_str()]
    }

    /// Asks once.
    ///
    /// # Errors
    /// Any failure of the call; 400 when the server knows no such task.
    pub async fn status(&self) -> Result<TaskStatus> {
        let call = match self.connection.product() {
            Product::Pve => &pve::STATUS,
            Product::Pbs => &pbs::STATUS,
        };
        self.connection.send(call, &self.args(), &()).await
    }

    /// Asks the task to stop. It may end as it was about to, or with an error.
    ///
    /// # Errors
    /// Any failure of the call; 403 for another's task without Sys.Modify on the node.
    pub async fn stop(&self) -> Result<()> {
        let call = match self.connection.product() {
            Product::Pve => &pve::STOP,
            Product::Pbs => &pbs::STOP,
        };
        self.connection.send(call, &self.args(), &()).await
    }

    /// Waits until it has ended, however it did: a task that failed is [`TaskOutcome::Failed`].
    ///
    /// # Errors
    /// [`TaskError::Deadline`] when it has not ended in time. A refusal of the question itself is returned at once; a
    /// lost connection, a relay's 595 to 599 or a 5xx is asked again until the deadline.
    pub async fn wait(&self, wait: Wait) -> Result<TaskOutcome> {
        let begun = Instant::now();
        let mut interval = wait.first;
        let mut unclear = 0;
        loop {
            let last_error = match self.status().await {
                Ok(status) => {
                    if let Some(outcome) = status.outcome() {
                        return Ok(outcome);
                    }
                    if status.status != "running" {
                        unclear += 1;
                        if unclear > ASK_AGAIN {
                            return Err(Box::new(TaskError::NoExitStatus { upid: self.upid.clone() }).into());
                        }
                    }
                    None
                }
                Err(error) if passes(&error) => Some(Box::new(error)),
                Err(error) => return Err(error),
            };
            if begun.elapsed() + interval > wait.deadline {
                let deadline = TaskError::Deadline { upid: self.upid.clone(), waited: begun.elapsed(), last_error };
                return Err(Box::new(deadline).into());
            }
            tokio::time::sleep(interval).await;
            interval = (interval + interval / 2).min(wait.longest);
        }
    }

    /// Waits until it has succeeded, with or without warnings.
    ///
    /// # Errors
    /// As [`Self::wait`], and [`TaskError::Failed`] with the end of its log when it failed.
    pub async fn succeed(&self, wait: Wait) -> Result<TaskOutcome> {
        match self.wait(wait).await? {
            TaskOutcome::Failed(text) => {
                let log_tail = self.log_tail(5).await.unwrap_or_default();
                Err(Box::new(TaskError::Failed { upid: self.upid.clone(), text, log_tail }).into())
            }
            good => Ok(good),
        }
    }
}

impl std::fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TaskHandle({})", self.upid)
    }
}

/// Whether an error of asking says nothing about the task, so that asking again may do better.
fn passes(error: &Error) -> bool {
    match error {
        Error::NeverSent { cause, .. } => {
            !matches!(cause, NeverSent::Malformed(_) | NeverSent::Unsupported { .. } | NeverSent::Certificate(_))
        }
        Error::MaybeSent { .. } | Error::Unreadable { .. } => true,
        Error::Answered(refusal) => refusal.status >= 500,
        Error::Task(_) => false,
    }
}
