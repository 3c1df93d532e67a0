//! The canary: a short-lived user of an account's group tries, on the live clusters, what must be refused to it. By hand for one
//! account, or for all of them from time to time.
//!
//! Its user and token carry an end, so that one that a crash left behind opens nothing for long, and the next canary of the
//! account, or the operation's own resumption, removes it.

use std::collections::BTreeSet;
use std::time::Duration;

use bnna_auth::Grant;
use bnna_core::{AccountStatus, Slug};
use bnna_operations::{OnFailure, Outputs, Step, StepCx, StepError, Steps, Workflow};
use bnna_store::{Window, operations as rows};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::places::{Place, clusters_of};
use super::{Account, AccountFilter, Operate};
use crate::Platform;
use crate::actor::Actor;
use crate::audit::Deed;
use crate::clusters::{Cluster, Foreign, Own};
use crate::error::Error;
use crate::estate::Estate;
use crate::operations::{Run, Wait};
use crate::views::{CanaryOnCluster, CanaryReport};

/// How long the canary's user and token hold, should nobody remove them.
const LIVES: Duration = Duration::from_secs(15 * 60);
/// How many pools, guests and storages of others are tried on a cluster, each.
const MOST_TRIED: usize = 50;
/// How long a round waits for one account.
const PATIENCE: Duration = Duration::from_secs(600);

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
        let (id, slug, status) = (account.id(), account.slug().to_owned(), account.status());
        self.audited_operation(actor, deed, wait, async {
            let places = clusters_of(self.estate(), id).await?;
            let places = places.into_iter().map(|place| (place.cluster, place.pool)).collect();
            Ok(Canary { id, slug, places, blind: status == AccountStatus::Disabled })
        })
        .await
    }

    /// What the last canary of an account found; `None` when none came back yet.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn last_canary(&self, slug: &str) -> Result<Option<CanaryReport>, Error> {
        let filter = rows::Filter {
            account: Some(slug.to_owned()),
            kind: Some(Canary::KIND.to_owned()),
            state: Some("done".to_owned()),
            ..rows::Filter::default()
        };
        let last = self.engine().list(filter, Window::first(1)).await?.items.pop();
        Ok(last.and_then(|operation| operation.result).and_then(|result| serde_json::from_value(result).ok()))
    }

    /// One canary for each account, one after the other. What is found goes into the log, the operations and each account's
    /// health; gives how many accounts are not tight.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn canary_round(&self) -> Result<usize, Error> {
        let mut leaks = 0;
        let accounts = self.accounts(AccountFilter::default(), Window::all()).await?;
        for view in accounts.items {
            let Ok(slug) = Slug::parse(view.slug.clone()) else { continue };
            let Ok(account) = self.account_for_operating(&Grant::internal(), &slug).await else { continue };
            match self.send_canary(&Actor::system("canary"), &account, Wait(PATIENCE)).await {
                Ok(Run::Done(report)) if report.tight => {}
                Ok(Run::Done(report)) => {
                    leaks += 1;
                    tracing::error!(account = %view.slug, found = ?report.clusters, "the canary was not refused everything");
                }
                Ok(Run::Accepted(id)) => tracing::warn!(account = %view.slug, operation = %id, "the canary takes long"),
                Err(error) => tracing::warn!(account = %view.slug, %error, "the canary could not be sent"),
            }
        }
        Ok(leaks)
    }
}

/// Sends canaries from time to time. Ends when the platform does.
pub(crate) async fn rounds(every: Duration, platform: impl Fn() -> Option<Platform> + Send + 'static) {
    loop {
        let Some(ended) = platform().map(|alive| alive.ended()) else { return };
        tokio::select! {
            () = ended.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let Some(alive) = platform() else { return };
        let round = tokio::select! {
            () = ended.cancelled() => return,
            round = alive.canary_round() => round,
        };
        match round {
            Ok(leaks) => tracing::info!(leaks, "a round of canaries is over"),
            Err(error) => tracing::warn!(%error, "no canary could be sent"),
        }
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
        steps
    }

    fn result(&self, outputs: &Outputs) -> Value {
        let clusters: Vec<CanaryOnCluster> =
            self.places.iter().filter_map(|(host, _)| outputs.get(&step(host)).ok().flatten()).collect();
        let tight = clusters.iter().all(|cluster| cluster.not_refused.is_empty());
        serde_json::to_value(CanaryReport { account: self.slug.clone(), tight, clusters }).unwrap_or(Value::Null)
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
}

impl Step<Estate> for Try {
    type Output = CanaryOnCluster;

    /// Proxmox shows a token's secret once, so making the canary and trying are one step.
    async fn run(&self, cx: &StepCx<Estate>) -> Result<CanaryOnCluster, StepError> {
        let cluster = cx.context().clusters.get(&self.host)?;
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

    async fn undo(&self, _: &StepCx<Estate>, _: Option<CanaryOnCluster>) -> Result<(), StepError> {
        Ok(())
    }
}

/// What is the account's own on a cluster, some of what is not, and how much there is of that.
async fn sort(cluster: &Cluster, pool: &str, slug: &str) -> Result<(Own, Foreign, usize), Error> {
    let place = Place::read(cluster, pool, slug).await?;
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
