//! What belongs to the backup server's one node: tasks, certificates, its own state.

use serde::Deserialize;

use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{Repeated, Switch, params};
use crate::tasks::TaskOutcome;
use crate::transport::{Connection, Fingerprint};

/// The backup server's node, which is `localhost` whatever its name is.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    pub(crate) connection: &'a Connection,
}

const NODE: &str = "localhost";

/// A row of the list of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PbsTaskRow {
    /// Its id.
    pub upid: Upid,
    /// The kind of work.
    pub worker_type: String,
    /// What it works on.
    pub worker_id: Option<String>,
    /// Who started it.
    pub user: String,
    /// When it began, Unix seconds.
    pub starttime: u64,
    /// When it ended.
    pub endtime: Option<u64>,
    /// How it ended; missing while it runs.
    pub status: Option<String>,
}

impl PbsTaskRow {
    /// How it ended, when it has.
    #[must_use]
    pub fn outcome(&self) -> Option<TaskOutcome> {
        self.status.as_deref().map(TaskOutcome::of)
    }
}

/// A certificate of the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PbsCertificate {
    /// `proxy.pem`.
    pub filename: String,
    /// Its SHA-256.
    pub fingerprint: Option<Fingerprint>,
    /// Whom it names.
    pub subject: Option<String>,
    /// Who made it.
    pub issuer: Option<String>,
    /// Other names it holds for.
    #[serde(default)]
    pub san: Vec<String>,
    /// Valid from, Unix seconds.
    pub notbefore: Option<i64>,
    /// Valid to, Unix seconds.
    pub notafter: Option<i64>,
    /// The certificate itself.
    pub pem: Option<String>,
}

params! {
    /// Which tasks.
    #[derive(Debug, Clone, Default)]
    pub struct PbsTaskFilter {
        /// Only running ones.
        running: Switch = "running",
        /// Only those that failed.
        errors: Switch = "errors",
        /// Of one datastore.
        store: Option<String> = "store",
        /// Of one kind.
        typefilter: Option<String> = "typefilter",
        /// Of one user.
        userfilter: Option<String> = "userfilter",
        /// Ended in these ways: `ok`, `warning`, `error`, `unknown`.
        statusfilter: Repeated = "statusfilter",
        /// Begun after this Unix time.
        since: Option<i64> = "since",
        /// Begun before this Unix time.
        until: Option<i64> = "until",
        /// How many to skip.
        start: Option<u64> = "start",
        /// How many at most; 50 unless set.
        limit: Option<u64> = "limit",
    }
}

calls! { Pbs:
    TASKS "node().tasks" = Get "/nodes/{node}/tasks" (PbsTaskFilter) -> Vec<PbsTaskRow>;
    CERTIFICATES "node().certificates" = Get "/nodes/{node}/certificates/info" () -> Vec<PbsCertificate>;
}

impl Node<'_> {
    /// The tasks: the caller's own, or all with Sys.Audit.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn tasks(&self, filter: &PbsTaskFilter) -> Result<Vec<PbsTaskRow>> {
        self.connection.send(&TASKS, &[NODE], filter).await
    }

    /// The server's certificates.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn certificates(&self) -> Result<Vec<PbsCertificate>> {
        self.connection.send(&CERTIFICATES, &[NODE], &()).await
    }
}
