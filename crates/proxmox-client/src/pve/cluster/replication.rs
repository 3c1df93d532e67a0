//! Replication of guests' volumes to other nodes by schedule: the jobs, and how they go on the node that runs them.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::Cluster;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{InvalidId, Upid, Vmid, serde_as_text};
use crate::params::{Field, Kind, Params, Switch, constants, params, words};
use crate::pve::nodes::Node;
use crate::tasks::{LogLine, TaskHandle};

/// The id of a job: the guest and a number, `100-0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicationId {
    /// The guest.
    pub guest: Vmid,
    /// Which of its jobs.
    pub number: u32,
}

impl fmt::Display for ReplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.guest, self.number)
    }
}

impl FromStr for ReplicationId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bad = || InvalidId::new("replication job id", text, "must be VMID-NUMBER");
        let (guest, number) = text.split_once('-').ok_or_else(bad)?;
        let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let number = number.parse().ok().filter(|_| plain).ok_or_else(bad)?;
        Ok(Self { guest: guest.parse()?, number })
    }
}

serde_as_text!(ReplicationId);

impl Field for ReplicationId {
    const KIND: Kind = Kind::Text;
    fn put(&self, name: &str, out: &mut Params) {
        out.push(name, self.to_string());
    }
}

/// A replication by schedule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ReplicationJob {
    /// Its id.
    pub id: ReplicationId,
    /// The guest.
    pub guest: Option<Vmid>,
    /// The node it goes to.
    pub target: Option<String>,
    /// The node it comes from.
    pub source: Option<String>,
    /// When (a calendar event).
    pub schedule: Option<String>,
    /// Whether it is switched off.
    #[serde(default)]
    pub disable: bool,
    /// Limit, MB/s.
    pub rate: Option<f64>,
    /// Remark.
    pub comment: Option<String>,
    /// Whether it is about to be removed.
    pub remove_job: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
}

/// How a job goes on the node that runs it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ReplicationState {
    /// Its id.
    pub id: ReplicationId,
    /// The guest.
    pub guest: Option<Vmid>,
    /// The node it goes to.
    pub target: Option<String>,
    /// When it last succeeded, Unix seconds; 0 is never.
    pub last_sync: Option<u64>,
    /// When it was last tried, Unix seconds.
    pub last_try: Option<u64>,
    /// When it runs next, Unix seconds.
    pub next_sync: Option<u64>,
    /// How long the last took, seconds.
    pub duration: Option<f64>,
    /// How often it failed since it last succeeded.
    pub fail_count: Option<u64>,
    /// Why it last failed.
    pub error: Option<String>,
    /// The process that runs it now.
    pub pid: Option<u64>,
}

constants! {
    /// There is one kind of job: to another node of the cluster.
    pub struct LocalType: Text = "local";
}

words! {
    /// How a job goes away.
    pub enum RemoveJob {
        /// With the snapshots on this node; the copy stays.
        Local = "local",
        /// With the copy.
        Full = "full",
    }
}

params! {
    /// A new replication by schedule.
    #[derive(Debug, Clone)]
    pub struct CreateReplication {
        /// Its id.
        id: ReplicationId = "id",
        /// Always to another node of the cluster.
        kind: LocalType = "type",
        /// The node it goes to.
        target: String = "target",
        /// When (a calendar event); every 15 minutes unless set.
        schedule: Option<String> = "schedule",
        /// Limit, MB/s.
        rate: Option<f64> = "rate",
        /// Whether it is switched off.
        disable: Switch = "disable",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// A change of a replication by schedule. What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateReplication {
        /// When (a calendar event).
        schedule: Option<String> = "schedule",
        /// Limit, MB/s.
        rate: Option<f64> = "rate",
        /// Whether it is switched off.
        disable: Option<bool> = "disable",
        /// Remark.
        comment: Option<String> = "comment",
        /// That it shall go away, and how.
        remove_job: Option<RemoveJob> = "remove_job",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// How to remove a replication.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct DeleteReplication {
        /// Whether only its entry goes, at once; copies and snapshots stay.
        force: Switch = "force",
        /// Whether the copy on the other node stays.
        keep: Switch = "keep",
    }

    /// Which jobs.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct ReplicationFilter {
        /// Only of this guest.
        guest: Option<Vmid> = "guest",
    }

    /// Which lines of a job's log.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct ReplicationLogQuery {
        /// How many lines to skip.
        start: Option<u64> = "start",
        /// How many lines at most; 50 unless set.
        limit: Option<u64> = "limit",
    }
}

impl CreateReplication {
    /// Of this guest to this node, everything else as the server likes.
    #[must_use]
    pub fn new(id: ReplicationId, target: &str) -> Self {
        let target = target.to_owned();
        Self { id, kind: LocalType, target, schedule: None, rate: None, disable: Switch::Off, comment: None }
    }
}

calls! { Pve:
    REPLICATIONS "cluster().replication_jobs" = Get "/cluster/replication" () -> Vec<ReplicationJob>;
    REPLICATION "cluster().replication_job" = Get "/cluster/replication/{id}" () -> ReplicationJob;
    CREATE_REPLICATION "cluster().create_replication" = Post "/cluster/replication" (CreateReplication) -> ();
    UPDATE_REPLICATION "cluster().update_replication" = Put "/cluster/replication/{id}" (UpdateReplication) -> ();
    DELETE_REPLICATION "cluster().delete_replication" = Delete "/cluster/replication/{id}" (DeleteReplication) -> ();
    ON_NODE "node(n).replications" = Get "/nodes/{node}/replication" (ReplicationFilter) -> Vec<ReplicationState>;
    STATE "node(n).replication" = Get "/nodes/{node}/replication/{id}/status" () -> ReplicationState;
    LOG "node(n).replication_log" = Get "/nodes/{node}/replication/{id}/log" (ReplicationLogQuery) -> Vec<LogLine>;
    NOW "node(n).replicate_now" = Post "/nodes/{node}/replication/{id}/schedule_now" () -> Option<Upid>;
}

impl Cluster<'_> {
    /// The replications by schedule.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn replication_jobs(&self) -> Result<Vec<ReplicationJob>> {
        self.connection.send(&REPLICATIONS, &[], &()).await
    }

    /// One replication by schedule.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn replication_job(&self, id: ReplicationId) -> Result<ReplicationJob> {
        self.connection.send(&REPLICATION, &[&id.to_string()], &()).await
    }

    /// Makes a replication by schedule. Its guest has to be on a node other than the target.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when there is one of that id.
    pub async fn create_replication(&self, params: &CreateReplication) -> Result<()> {
        self.connection.send(&CREATE_REPLICATION, &[], params).await
    }

    /// Changes a replication by schedule.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when the digest does not fit.
    pub async fn update_replication(&self, id: ReplicationId, change: &UpdateReplication) -> Result<()> {
        self.connection.send(&UPDATE_REPLICATION, &[&id.to_string()], change).await
    }

    /// Removes a replication by schedule. It is marked, and goes when its node runs it next, unless forced.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_replication(&self, id: ReplicationId, params: DeleteReplication) -> Result<()> {
        self.connection.send(&DELETE_REPLICATION, &[&id.to_string()], &params).await
    }
}

impl Node<'_> {
    /// How the replications of the node's guests go.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn replications(&self, filter: ReplicationFilter) -> Result<Vec<ReplicationState>> {
        self.connection.send(&ON_NODE, &[self.name], &filter).await
    }

    /// How one replication of a guest of the node goes.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn replication(&self, id: ReplicationId) -> Result<ReplicationState> {
        self.connection.send(&STATE, &[self.name, &id.to_string()], &()).await
    }

    /// What a replication logged when it last ran.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn replication_log(&self, id: ReplicationId, query: ReplicationLogQuery) -> Result<Vec<LogLine>> {
        self.connection.send(&LOG, &[self.name, &id.to_string()], &query).await
    }

    /// Has a replication run as soon as can be. No task: it is only put first.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn replicate_now(&self, id: ReplicationId) -> Result<Option<TaskHandle>> {
        let upid = self.connection.send(&NOW, &[self.name, &id.to_string()], &()).await?;
        Ok(upid.map(|upid| TaskHandle::new(self.connection.clone(), upid)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_have_a_guest_and_a_number() {
        for bad in ["", "100", "100-", "-1", "99-0", "100-x", "100-+1", "100-1-2"] {
            assert!(bad.parse::<ReplicationId>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn ids_round_trip(guest in 100_u64..=999_999_999, number: u32) {
            let id = ReplicationId { guest: Vmid::new(guest).unwrap(), number };
            prop_assert_eq!(id.to_string().parse::<ReplicationId>().unwrap(), id);
        }
    }
}
