//! The tasks of a node.

use serde::Deserialize;

use super::Node;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{Upid, Vmid};
use crate::params::{Switch, params, words};
use crate::tasks::TaskOutcome;

words! {
    /// Which tasks by where they are kept.
    pub enum TaskSource {
        /// Ended ones. What the server lists unless told otherwise.
        Archive = "archive",
        /// Running ones.
        Active = "active",
        /// Both.
        All = "all",
    }
}

params! {
    /// Which tasks.
    #[derive(Debug, Clone, Default)]
    pub struct TaskFilter {
        /// Ended or running.
        source: Option<TaskSource> = "source",
        /// Of one guest.
        vmid: Option<Vmid> = "vmid",
        /// Of one kind (`vzdump`).
        typefilter: Option<String> = "typefilter",
        /// Of one user.
        userfilter: Option<String> = "userfilter",
        /// Ended in these ways: `ok`, `warning`, `error`, `unknown`.
        statusfilter: Vec<String> = "statusfilter",
        /// Only those that failed.
        errors: Switch = "errors",
        /// Begun after this Unix time.
        since: Option<u64> = "since",
        /// Begun before this Unix time.
        until: Option<u64> = "until",
        /// How many to skip.
        start: Option<u64> = "start",
        /// How many at most; 50 unless set.
        limit: Option<u64> = "limit",
    }
}

/// A row of a node's list of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaskRow {
    /// Its id.
    pub upid: Upid,
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
    /// When it ended.
    pub endtime: Option<u64>,
    /// How it ended; `RUNNING` or missing before that.
    pub status: Option<String>,
}

impl TaskRow {
    /// How it ended, when it has.
    #[must_use]
    pub fn outcome(&self) -> Option<TaskOutcome> {
        self.status.as_deref().filter(|status| *status != "RUNNING").map(TaskOutcome::of)
    }
}

calls! { Pve:
    LIST "node(n).tasks" = Get "/nodes/{node}/tasks" (TaskFilter) -> Vec<TaskRow>;
}

impl Node<'_> {
    /// Tasks of the node: the caller's own, or all with Sys.Audit on the node.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<TaskRow>> {
        self.connection.send(&LIST, &[self.name], filter).await
    }
}
