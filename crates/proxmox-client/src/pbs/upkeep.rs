//! What keeps a datastore in order: pruning, verifying, collecting garbage.

use serde::Deserialize;

use super::datastores::{Datastore, GarbageStatus};
use super::groups::{BackupType, GroupId};
use super::namespaces::Namespace;
use super::snapshots::SnapshotId;
use crate::call::{Param, calls};
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{Field, Kind, ParamSet, Params, Switch, params};
use crate::retention::Retention;
use crate::tasks::TaskHandle;

/// What to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyScope {
    /// A namespace and so many levels below it; all levels unless set.
    Namespace {
        /// The namespace.
        ns: Namespace,
        /// How many levels below it too.
        max_depth: Option<u8>,
    },
    /// All backups of a group.
    Group(GroupId),
    /// One backup.
    Snapshot(SnapshotId),
}

impl Default for VerifyScope {
    /// The whole datastore.
    fn default() -> Self {
        Self::Namespace { ns: Namespace::root(), max_depth: None }
    }
}

impl Field for VerifyScope {
    const KIND: Kind = Kind::Text;
    fn describe(_: &'static str) -> Vec<Param> {
        let optional = <SnapshotId as ParamSet>::describe().into_iter().map(|param| Param { required: false, ..param });
        let depth = Param { name: "max-depth", kind: Kind::Integer, required: false, choices: &[] };
        optional.chain([depth]).collect()
    }
    fn put(&self, _: &str, out: &mut Params) {
        match self {
            Self::Namespace { ns, max_depth } => {
                ns.put("ns", out);
                max_depth.put("max-depth", out);
            }
            Self::Group(group) => ParamSet::put(group, out),
            Self::Snapshot(snapshot) => ParamSet::put(snapshot, out),
        }
    }
}

params! {
    /// How to verify.
    #[derive(Debug, Clone, Default)]
    pub struct Verify {
        /// What.
        scope: VerifyScope = "",
        /// Whether those verified before are passed over; they are unless this is off.
        ignore_verified: Option<bool> = "ignore-verified",
        /// Days after which they are not.
        outdated_after: Option<u64> = "outdated-after",
    }

    /// How to prune a group.
    #[derive(Debug, Clone)]
    pub struct PruneGroup {
        /// Which.
        group: GroupId = "",
        /// What is kept.
        keep: Retention = "",
        /// Whether only to say what would go.
        dry_run: Switch = "dry-run",
    }

    /// How to prune a whole datastore or namespace.
    #[derive(Debug, Clone, Default)]
    pub struct PruneDatastore {
        /// The namespace.
        ns: Namespace = "ns",
        /// How many levels below it too.
        max_depth: Option<u8> = "max-depth",
        /// What is kept.
        keep: Retention = "",
        /// Whether only to say what would go.
        dry_run: Switch = "dry-run",
    }

    /// Of which datastore.
    #[derive(Debug, Clone, Default)]
    pub struct GarbageFilter {
        /// Only this one.
        store: Option<String> = "store",
    }
}

/// What pruning does with a backup.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PruneRow {
    /// What was backed up.
    pub backup_type: BackupType,
    /// Its number or name.
    pub backup_id: String,
    /// When, Unix seconds.
    pub backup_time: i64,
    /// Whether it stays.
    pub keep: bool,
    /// Whether that is because it is protected.
    #[serde(default)]
    pub protected: bool,
}

/// The state of collecting garbage of one datastore.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GarbageRow {
    /// The datastore.
    pub store: String,
    /// The state.
    #[serde(flatten)]
    pub status: GarbageStatus,
}

calls! { Pbs:
    PRUNE_GROUP "datastore(s).prune_group" = Post "/admin/datastore/{store}/prune" (PruneGroup) -> Vec<PruneRow>;
    PRUNE "datastore(s).prune" = Post "/admin/datastore/{store}/prune-datastore" (PruneDatastore) -> Upid;
    GC "datastore(s).collect_garbage" = Post "/admin/datastore/{store}/gc" () -> Upid;
    GC_STATUS "datastore(s).garbage" = Get "/admin/datastore/{store}/gc" () -> GarbageStatus;
    GC_ALL "datastores().garbage" = Get "/admin/gc" (GarbageFilter) -> Vec<GarbageRow>;
    VERIFY "datastore(s).verify" = Post "/admin/datastore/{store}/verify" (Verify) -> Upid;
}

impl Datastore<'_> {
    /// Prunes one group at once, and says what became of each backup.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn prune_group(&self, params: &PruneGroup) -> Result<Vec<PruneRow>> {
        self.connection.send(&PRUNE_GROUP, &[self.name], params).await
    }

    /// Prunes everything.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn prune(&self, params: &PruneDatastore) -> Result<TaskHandle> {
        self.connection.send(&PRUNE, &[self.name], params).await.map(|upid| self.handle(upid))
    }

    /// Collects garbage: space of removed backups returns, not before a day has passed.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn collect_garbage(&self) -> Result<TaskHandle> {
        self.connection.send(&GC, &[self.name], &()).await.map(|upid| self.handle(upid))
    }

    /// The state of collecting garbage.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn garbage(&self) -> Result<GarbageStatus> {
        self.connection.send(&GC_STATUS, &[self.name], &()).await
    }

    /// Verifies backups. One that fails makes the task fail.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn verify(&self, params: &Verify) -> Result<TaskHandle> {
        self.connection.send(&VERIFY, &[self.name], params).await.map(|upid| self.handle(upid))
    }
}

impl super::datastores::Datastores<'_> {
    /// The state of collecting garbage of every datastore that the caller may see.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn garbage(&self) -> Result<Vec<GarbageRow>> {
        self.connection.send(&GC_ALL, &[], &GarbageFilter::default()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(params: &impl ParamSet) -> String {
        let mut out = Params::new();
        params.put(&mut out);
        out.encode()
    }

    #[test]
    fn what_is_verified_is_one_thing() {
        let group = GroupId::new("a/b".parse().unwrap(), BackupType::Ct, "200");
        let snapshot = SnapshotId { group: group.clone(), time: 1_795_226_833 };
        let verify = |scope| sent(&Verify { scope, ..Verify::default() });
        assert_eq!(verify(VerifyScope::default()), "");
        assert_eq!(verify(VerifyScope::Group(group)), "ns=a%2Fb&backup-type=ct&backup-id=200");
        assert_eq!(
            verify(VerifyScope::Snapshot(snapshot)),
            "ns=a%2Fb&backup-type=ct&backup-id=200&backup-time=1795226833"
        );
    }

    #[test]
    fn retention_is_written_a_number_at_a_time() {
        let keep = Retention { daily: Some(7), ..Retention::last(3) };
        assert_eq!(sent(&PruneDatastore { keep, ..PruneDatastore::default() }), "keep-last=3&keep-daily=7");
    }
}
