//! The canary: a short-lived user of an account's group tries, on the live clusters, what must be refused to it. For all accounts see
//! `canary_round`.
//!
//! Its user and token carry an end, so that one that a crash left behind opens nothing for long, and the next canary of the
//! account, or the operation's own resumption, removes it.

use std::collections::BTreeSet;
use std::time::Duration;

use bnna_core::AccountStatus;
use bnna_operations::{OnFailure, Outputs, Step, StepCx, StepError, Steps, Workflow};
use bnna_store::{accounts, canaries};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::handle::status;
use super::places::{Place, clusters_of};
use super::{Account, Operate};
use crate::Platform;
use crate::actor::Actor;
use crate::audit::Deed;
use crate::clusters::{Cluster, Foreign, Own};
use crate::error::{Conflict, Error};
use crate::estate::Estate;
use crate::operations::{Run, Wait};
use crate::views::{CanaryOnCluster, CanaryReport};

/// How long the canary's user and token hold, should nobody remove them.
const LIVES: Duration = Duration::from_secs(15 * 60);
/// How many pools, guests and storages of others are tried on a cluster, each.
const MOST_TRIED: usize = 50;

impl Platform {
    /// Tries what must be refused to an account's users, on all its clusters.
    ///
    /// # Errors
    /// A cluster does not answer, or does not let the canary be made.
    pub async fn send_canary(
        &self,
        actor: &Actor,
        account: &Account<Operate>,
        wait: Wait,
    ) -> Result<Run<CanaryReport>, Error> {
        let deed = Deed::on_account(Canary::KIND, account.slug());
        let (id, slug, blind) = (account.id(), account.slug().to_owned(), account.status() == AccountStatus::Disabled);
        self.audited_operation(actor, deed, wait, async {
            let places = clusters_of(self.estate(), id).await?;
            let places = places.into_iter().map(|place| (place.cluster, place.pool)).collect();
            Ok(Canary { id, slug, places, blind })
        })
        .await
    }

    /// What the last canary of an account found; `None` when none came back yet.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn last_canary(&self, account: Uuid) -> Result<Option<CanaryReport>, Error> {
        let report = self.store().read(move |sql| canaries::get(sql, account)).await?;
        Ok(report.and_then(|report| serde_json::from_value(report).ok()))
    }
}

/// The work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Canary {
    id: Uuid,
    slug: String,
    places: Vec<(String, String)>,
    /// Whether the account's users see nothing even of their own: it is disabled.
    blind: bool,
}

impl Workflow for Canary {
    type Context = Estate;

    const KIND: &'static str = "accounts.canary";

    /// A step that fails has removed its canary itself, and the next one removes what a crash left.
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    /// The canary is in the account's group: nobody switches the group's users off meanwhile.
    fn keys(&self) -> Vec<String> {
        vec![super::key(&self.slug)]
    }

    fn steps(&self) -> Steps<Estate> {
        let mut steps = Steps::new();
        for (host, pool) in &self.places {
            steps.push(step(host), Try { canary: self.clone(), host: host.clone(), pool: pool.clone() });
        }
        steps.then(KEEP, Keep(self.clone()))
    }

    fn result(&self, outputs: &Outputs) -> Value {
        serde_json::to_value(self.gathered(outputs)).unwrap_or(Value::Null)
    }
}

const KEEP: &str = "keep what was found";

impl Canary {
    /// The canary of an account.
    pub(super) fn of(account: &accounts::Account, places: Vec<accounts::AccountCluster>) -> Self {
        Self {
            id: account.id,
            slug: account.slug.clone(),
            places: places.into_iter().map(|place| (place.cluster, place.pool)).collect(),
            blind: status(account) == AccountStatus::Disabled,
        }
    }

    fn report(&self, clusters: Vec<CanaryOnCluster>) -> CanaryReport {
        let tight = clusters.iter().all(|cluster| cluster.not_refused.is_empty());
        CanaryReport { account: self.slug.clone(), tight, clusters }
    }

    /// What the steps found.
    fn gathered(&self, outputs: &Outputs) -> CanaryReport {
        self.report(self.places.iter().filter_map(|(host, _)| outputs.get(&step(host)).ok().flatten()).collect())
    }

    /// Tries what is foreign on all the account's clusters.
    ///
    /// # Errors
    /// A cluster does not answer, or does not let the canary be made, or in.
    pub(super) async fn try_all(&self, estate: &Estate) -> Result<CanaryReport, Error> {
        let mut clusters = Vec::new();
        for (host, pool) in &self.places {
            let on = Try { canary: self.clone(), host: host.clone(), pool: pool.clone() };
            clusters.push(on.attempt(estate).await?);
        }
        Ok(self.report(clusters))
    }

    /// Keeps a report as the account's last one.
    ///
    /// # Errors
    /// The store cannot be written.
    pub(super) async fn keep(&self, estate: &Estate, report: &CanaryReport) -> Result<(), Error> {
        let (id, at) = (self.id, bnna_store::now());
        let report = serde_json::to_value(report).map_err(|error| Error::Internal(error.to_string()))?;
        estate.store.write(move |sql| canaries::put(sql, id, at, &report)).await?;
        Ok(())
    }
}

struct Keep(Canary);

impl Step<Estate> for Keep {
    type Output = ();

    async fn run(&self, cx: &StepCx<Estate>) -> Result<(), StepError> {
        Ok(self.0.keep(cx.context(), &self.0.gathered(cx.outputs())).await?)
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<()>) -> Result<(), StepError> {
        Ok(())
    }
}

fn step(host: &str) -> String {
    format!("try what is foreign on {host}")
}

struct Try {
    canary: Canary,
    host: String,
    pool: String,
}

impl Try {
    fn mark(&self) -> String {
        format!("canary of {}", super::mark(&self.canary.slug, self.canary.id))
    }

    /// Makes the canary, tries, and removes it whatever came of that.
    async fn attempt(&self, estate: &Estate) -> Result<CanaryOnCluster, Error> {
        let cluster = estate.clusters.get(&self.host)?;
        let (own, foreign, all) = sort(&cluster, &self.pool, &self.canary.slug).await?;
        let (slug, mark) = (&self.canary.slug, self.mark());
        let must_see = (!self.canary.blind).then_some(self.pool.as_str());
        let outcome = async {
            let seen = cluster.make_canary(slug, &mark, LIVES).await?;
            seen.try_what_is_foreign(&own, &foreign, must_see).await
        }
        .await;
        let removed = cluster.remove_canary(slug, &mark).await;
        let tried = outcome?;
        removed?;
        let count = foreign.pools.len() + foreign.guests.len() + foreign.storages.len();
        Ok(CanaryOnCluster {
            cluster: self.host.clone(),
            refused: tried.refused,
            not_refused: tried.holes,
            foreign: u32::try_from(all).unwrap_or(u32::MAX),
            tried: u32::try_from(count).unwrap_or(u32::MAX),
        })
    }
}

impl Step<Estate> for Try {
    type Output = CanaryOnCluster;

    /// Proxmox shows a token's secret once, so making the canary and trying are one step.
    async fn run(&self, cx: &StepCx<Estate>) -> Result<CanaryOnCluster, StepError> {
        Ok(self.attempt(cx.context()).await?)
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<CanaryOnCluster>) -> Result<(), StepError> {
        Ok(())
    }
}

/// What is the account's own on a cluster, some of what is not, and how much there is of that.
async fn sort(cluster: &Cluster, pool: &str, slug: &str) -> Result<(Own, Foreign, usize), Error> {
    let place = Place::read(cluster, pool, slug).await?;
    if place.group.is_none() {
        let message = format!("there is no group {slug} on {}, so nobody whose rights could be tried", cluster.host);
        return Err(Conflict::State.because(message));
    }
    let listed = cluster.resources().await?;
    let pools = cluster.pools().await?;
    let own = Own {
        pools: place.pools.iter().cloned().collect(),
        guests: place.scope.guests.clone(),
        storages: place.scope.storages.clone(),
    };
    // Proxmox lists in any order: of the nodes that have a storage the first by name is asked.
    let on: BTreeSet<(String, String)> =
        listed.iter().filter_map(|row| row.storage.clone().zip(row.node.clone())).collect();
    let mut storages: Vec<(String, String)> = Vec::new();
    for (storage, node) in on.into_iter().filter(|(storage, _)| !own.storages.contains(storage)) {
        if storages.last().is_none_or(|(_, last)| *last != storage) {
            storages.push((node, storage));
        }
    }
    let guests: Vec<_> =
        cluster.guests().await?.into_iter().filter(|guest| !own.guests.contains(&guest.vmid)).collect();
    let pools: Vec<String> = pools.into_iter().filter(|name| !own.pools.contains(name)).collect();
    let all = pools.len() + guests.len() + storages.len();
    Ok((own, Foreign { pools: some(pools), guests: some(guests), storages: some(storages) }, all))
}

/// At most [`MOST_TRIED`] of them, from all over the list, others at each time of day.
fn some<T>(all: Vec<T>) -> Vec<T> {
    let stride = all.len().div_ceil(MOST_TRIED).max(1);
    let minutes = usize::try_from(bnna_store::now().unix_timestamp() / 60).unwrap_or(0);
    all.into_iter().skip(minutes % stride).step_by(stride).collect()
}
