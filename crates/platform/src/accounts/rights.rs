//! Bringing an account's rights on a cluster to what its status makes of them (ACL sync). Entries of other subjects are never
//! touched.

use bnna_core::{AclChange, AclEntry, difference};
use bnna_operations::{OnFailure, Outputs, Step, StepCx, StepError, Steps, Workflow};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::handle::{self, status};
use super::places::{Place, clusters_of};
use super::{Account, Operate};
use crate::Platform;
use crate::actor::Actor;
use crate::audit::Deed;
use crate::clusters::Cluster;
use crate::error::{Error, Reached, Upstream};
use crate::estate::Estate;
use crate::operations::{Run, Wait};
use crate::views::{AclSync, ClusterAcl};

/// Writes what is missing, then takes away what is too much, so that nobody loses a view in between. One entry that the cluster
/// refuses does not keep the others from being changed: a tenant to be held is held as far as bnpd's rights reach.
///
/// # Errors
/// The cluster does not answer, or refuses one of them.
pub(crate) async fn apply(cluster: &Cluster, wanted: &[AclEntry], held: &[AclEntry]) -> Result<AclChange, Error> {
    let change = difference(wanted, held);
    let mut refused = None;
    let entries = change.add.iter().map(|entry| (entry, true)).chain(change.remove.iter().map(|entry| (entry, false)));
    for (entry, add) in entries {
        let done = if add { cluster.put_acl(entry).await } else { cluster.remove_acl(entry).await };
        match done {
            Err(Error::Upstream(upstream)) if upstream.reached == Reached::Answered => {
                let message = format!("{} on {}: {}", entry.role, entry.path, upstream.message);
                refused.get_or_insert(Error::Upstream(Upstream { message, ..upstream }));
            }
            other => other?,
        }
    }
    refused.map_or(Ok(change), Err)
}

/// How rights are brought to the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Only said.
    DryRun,
    /// Written, where the group is there.
    WhereGroup,
    /// Written; the group is made where it is missing and something is to be held.
    MakingGroup,
}

/// Brings the rights of an account on one cluster to what its recorded status makes of them.
pub(crate) async fn bring_to_status(estate: &Estate, slug: &str, host: &str, how: How) -> Result<AclSync, Error> {
    let dry_run = how == How::DryRun;
    let row = handle::row(&estate.store, slug).await?;
    let places = clusters_of(estate, row.id).await?;
    let Some(on) = places.into_iter().find(|place| place.cluster == host) else { return Ok(AclSync::default()) };
    let cluster = estate.clusters.get(host)?;
    let place = Place::read(&cluster, &on.pool, slug).await?;
    if place.group.is_none() && how == How::WhereGroup {
        return Ok(AclSync::default());
    }
    let wanted = place.wanted(estate, host, row.id, slug, status(&row)).await?;
    let change = if dry_run {
        difference(&wanted, &place.held)
    } else {
        if place.group.is_none() && !wanted.is_empty() {
            cluster.create_group(slug, &super::mark(slug, row.id)).await?;
        }
        apply(&cluster, &wanted, &place.held).await?
    };
    let at = |entries: Vec<AclEntry>| {
        entries.into_iter().map(|entry| ClusterAcl { entry, cluster: host.to_owned() }).collect()
    };
    Ok(AclSync { dry_run, added: at(change.add), removed: at(change.remove), unchanged: change.unchanged })
}

impl Platform {
    /// Brings an account's rights to what they shall be, on all its clusters.
    ///
    /// # Errors
    /// A cluster does not answer or refuses; the others are done, and repeating it goes on.
    pub async fn sync_acls(
        &self,
        actor: &Actor,
        account: &Account<Operate>,
        dry_run: bool,
        wait: Wait,
    ) -> Result<Run<AclSync>, Error> {
        let clusters: Vec<String> =
            clusters_of(self.estate(), account.id()).await?.into_iter().map(|place| place.cluster).collect();
        if dry_run {
            let mut all = AclSync { dry_run, ..AclSync::default() };
            for host in &clusters {
                merge(&mut all, bring_to_status(self.estate(), account.slug(), host, How::DryRun).await?);
            }
            return Ok(Run::Done(all));
        }
        let deed = Deed::on_account("accounts.acls", account.slug());
        let sync = SyncAcls { id: account.id(), slug: account.slug().to_owned(), clusters };
        self.audited_operation(actor, deed, wait, async { Ok(sync) }).await
    }
}

fn merge(all: &mut AclSync, one: AclSync) {
    all.added.extend(one.added);
    all.removed.extend(one.removed);
    all.unchanged += one.unchanged;
}

/// The work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SyncAcls {
    id: Uuid,
    slug: String,
    clusters: Vec<String>,
}

impl Workflow for SyncAcls {
    type Context = Estate;

    const KIND: &'static str = "accounts.acls";
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    fn keys(&self) -> Vec<String> {
        vec![super::key(&self.slug)]
    }

    fn steps(&self) -> Steps<Estate> {
        let mut steps = Steps::new();
        for host in &self.clusters {
            steps.push(sync_step(host), Sync { slug: self.slug.clone(), host: host.clone(), make_group: true });
        }
        steps
    }

    fn result(&self, outputs: &Outputs) -> Value {
        serde_json::to_value(gathered(&self.clusters, outputs)).unwrap_or(Value::Null)
    }
}

/// The name of the step that syncs a cluster.
pub(crate) fn sync_step(host: &str) -> String {
    format!("bring the rights to the status on {host}")
}

/// What those steps did.
pub(crate) fn gathered(clusters: &[String], outputs: &Outputs) -> AclSync {
    let mut all = AclSync::default();
    for host in clusters {
        if let Ok(Some(one)) = outputs.get::<AclSync>(&sync_step(host)) {
            merge(&mut all, one);
        }
    }
    all
}

/// The rights on one cluster. Going forward only: repeated, it finds less to do.
pub(crate) struct Sync {
    pub(crate) slug: String,
    pub(crate) host: String,
    pub(crate) make_group: bool,
}

impl Step<Estate> for Sync {
    type Output = AclSync;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<AclSync, StepError> {
        let how = if self.make_group { How::MakingGroup } else { How::WhereGroup };
        Ok(bring_to_status(cx.context(), &self.slug, &self.host, how).await?)
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<AclSync>) -> Result<(), StepError> {
        Ok(())
    }
}
