//! Adopting a pool that is on Proxmox already: bnna takes note of it, and changes nothing there.
//!
//! What the group of the account's name holds is recorded as the account's rights, so that suspending can take it away and
//! enabling gives exactly that back.

use bnna_core::{AccountStatus, ClusterHost, DisplayName, Email, Slug, Vmid, entries_of_group};
use bnna_operations::{OnFailure, Outputs, Step, StepCx, StepError, Steps, Workflow};
use bnna_store::{Window, accounts, instances, rights};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::places::{Place, is_within, right};
use super::view;
use crate::Platform;
use crate::actor::Actor;
use crate::audit::Deed;
use crate::error::{Conflict, Error};
use crate::estate::Estate;
use crate::operations::{Run, Wait};
use crate::views::AccountAdopted;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct AdoptAccount {
    /// The account that the pool becomes.
    pub slug: Slug,
    /// The pool; of the account's name unless given.
    pub pool: Option<String>,
    /// The cluster it is on; every one that has it unless given.
    pub cluster: Option<ClusterHost>,
    /// What people call the account.
    pub display_name: Option<DisplayName>,
    /// Whom to write to.
    pub email: Option<Email>,
}

impl Platform {
    /// Takes over a pool with its guests as an account, or as one more place of an account.
    ///
    /// # Errors
    /// No cluster has the pool; the pool, or the account on that cluster, is bound already; a cluster does not answer.
    pub async fn adopt_account(
        &self,
        actor: &Actor,
        asked: AdoptAccount,
        wait: Wait,
    ) -> Result<Run<AccountAdopted>, Error> {
        let slug = asked.slug.to_string();
        let pool = asked.pool.clone().unwrap_or_else(|| slug.clone());
        let deed = Deed::on_account("accounts.adopt", &slug)
            .asking(json!({ "pool": pool, "cluster": asked.cluster.as_ref().map(ToString::to_string) }));
        self.audited_operation(actor, deed, wait, async {
            let clusters = self.clusters_with(&pool, asked.cluster.as_ref()).await?;
            let known = self.refuse_bound(&slug, &pool, &clusters).await?;
            Ok(Adopt {
                id: known.unwrap_or_else(Uuid::now_v7),
                display_name: asked.display_name.map_or_else(|| slug.clone(), |name| name.to_string()),
                email: asked.email.map(String::from).unwrap_or_default(),
                slug: slug.clone(),
                pool: pool.clone(),
                clusters,
                at: bnna_store::now(),
            })
        })
        .await
    }

    /// The clusters that have the pool. A silent one could have it, so it is an error, unless another was named.
    async fn clusters_with(&self, pool: &str, only: Option<&ClusterHost>) -> Result<Vec<String>, Error> {
        let clusters = match only {
            Some(host) => vec![self.estate().clusters.get(host.as_str())?],
            None => self.estate().clusters.all(),
        };
        let answers = self.estate().clusters.ask_these(clusters, |cluster| async move { cluster.pools().await }).await;
        if let Some(silent) = answers.failure() {
            return Err(Error::Upstream(silent));
        }
        let hosts: Vec<String> = answers
            .got
            .into_iter()
            .filter(|(_, pools)| pools.iter().any(|found| found == pool))
            .map(|(cluster, _)| cluster.host.clone())
            .collect();
        if hosts.is_empty() { Err(Error::not_found(format!("pool {pool}"))) } else { Ok(hosts) }
    }

    /// A pool belongs to one account, with all that is nested in it, and an account has one pool a cluster.
    async fn refuse_bound(&self, slug: &str, pool: &str, clusters: &[String]) -> Result<Option<Uuid>, Error> {
        let wanted = slug.to_owned();
        let (known, places) =
            self.store().read(move |sql| Ok((accounts::by_slug(sql, &wanted)?, accounts::all_clusters(sql)?))).await?;
        let id = known.map(|row| row.id);
        if let Some(place) =
            places.iter().find(|place| Some(place.account_id) == id && clusters.contains(&place.cluster))
        {
            return Err(
                Conflict::Exists.because(format!("account {slug} has pool {} on {}", place.pool, place.cluster))
            );
        }
        refuse_others_pools(id, pool, clusters, &places)?;
        Ok(id)
    }
}

/// A pool that is, holds or lies in another account's pool is that account's.
fn refuse_others_pools(
    account: Option<Uuid>,
    pool: &str,
    clusters: &[String],
    places: &[accounts::AccountCluster],
) -> Result<(), Error> {
    let bound = places.iter().find(|place| {
        Some(place.account_id) != account
            && clusters.contains(&place.cluster)
            && (is_within(pool, &place.pool) || is_within(&place.pool, pool))
    });
    match bound {
        Some(place) => {
            Err(Conflict::Exists.because(format!("pool {pool} on {} belongs to an account already", place.cluster)))
        }
        None => Ok(()),
    }
}

/// The work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Adopt {
    id: Uuid,
    slug: String,
    pool: String,
    display_name: String,
    email: String,
    clusters: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

const RECORD: &str = "record what was found";

impl Workflow for Adopt {
    type Context = Estate;

    const KIND: &'static str = "accounts.adopt";
    const ON_FAILURE: OnFailure = OnFailure::Undo;

    fn keys(&self) -> Vec<String> {
        vec![super::key(&self.slug)]
    }

    fn steps(&self) -> Steps<Estate> {
        let mut steps = Steps::new();
        for host in &self.clusters {
            steps.push(look_step(host), Look { slug: self.slug.clone(), pool: self.pool.clone(), host: host.clone() });
        }
        steps.then(RECORD, Record(self.clone()))
    }

    fn result(&self, outputs: &Outputs) -> Value {
        outputs.get(RECORD).ok().flatten().unwrap_or(Value::Null)
    }
}

fn look_step(host: &str) -> String {
    format!("look at the pool on {host}")
}

/// What is there on one cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Found {
    pools: Vec<String>,
    guests: Vec<(u32, String, String)>,
    group: bool,
    held: Vec<bnna_core::AclEntry>,
}

struct Look {
    slug: String,
    pool: String,
    host: String,
}

impl Step<Estate> for Look {
    type Output = Found;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Found, StepError> {
        let cluster = cx.context().clusters.get(&self.host)?;
        let place = Place::read(&cluster, &self.pool, &self.slug).await?;
        if !place.has_pool {
            return Err(Error::not_found(format!("pool {} on {}", self.pool, self.host)).into());
        }
        Ok(Found {
            held: entries_of_group(&place.acl, &self.slug),
            guests: place
                .guests
                .iter()
                .map(|guest| (guest.vmid.get(), guest.kind.as_str().to_owned(), guest.name.clone().unwrap_or_default()))
                .collect(),
            group: place.group.is_some(),
            pools: place.pools,
        })
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<Found>) -> Result<(), StepError> {
        Ok(())
    }
}

/// Everything in one transaction: the account exists with all that was found, or not at all.
struct Record(Adopt);

impl Step<Estate> for Record {
    type Output = Value;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Value, StepError> {
        let mut found = Vec::new();
        for host in &self.0.clusters {
            found.push((host.clone(), cx.outputs().require::<Found>(&look_step(host))?));
        }
        let adopt = self.0.clone();
        let written = cx.context().store.try_write(move |sql| record(sql, &adopt, found)).await;
        serde_json::to_value(written?).map_err(|error| StepError::failed("internal", error.to_string()))
    }

    /// Only what this step has written goes, whether or not its end was heard of: it was refused where the account had a place
    /// on one of these clusters before, so its places there, with their guests and rights, are this step's.
    async fn undo(&self, cx: &StepCx<Estate>, _: Option<Value>) -> Result<(), StepError> {
        let adopt = self.0.clone();
        cx.context()
            .store
            .write(move |sql| {
                for host in &adopt.clusters {
                    if !accounts::remove_cluster(sql, adopt.id, host)? {
                        continue;
                    }
                    rights::replace(sql, adopt.id, host, &[])?;
                    let filter = instances::Filter {
                        account_id: Some(adopt.id),
                        cluster: Some(host.clone()),
                        ..instances::Filter::default()
                    };
                    for guest in instances::list(sql, &filter, &Window::all())?.items {
                        instances::delete(sql, host, guest.vmid)?;
                    }
                }
                if accounts::clusters_of(sql, adopt.id)?.is_empty() {
                    accounts::delete(sql, adopt.id)?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }
}

fn record(sql: &mut dyn bnna_store::Sql, adopt: &Adopt, found: Vec<(String, Found)>) -> Result<AccountAdopted, Error> {
    let row = match accounts::by_slug(sql, &adopt.slug)? {
        Some(row) if row.id != adopt.id => {
            return Err(Conflict::Exists.because(format!("account {} exists", adopt.slug)));
        }
        Some(row) => row,
        None => {
            let row = accounts::Account {
                id: adopt.id,
                slug: adopt.slug.clone(),
                display_name: adopt.display_name.clone(),
                email: adopt.email.clone(),
                status: AccountStatus::Active.as_str().to_owned(),
                pool: adopt.pool.clone(),
                adopted: true,
                created_at: adopt.at,
                updated_at: adopt.at,
                suspended_at: None,
                disabled_at: None,
            };
            accounts::insert(sql, &row)?;
            row
        }
    };
    // Asked before the work began, too; another adoption may have come between.
    refuse_others_pools(Some(adopt.id), &adopt.pool, &adopt.clusters, &accounts::all_clusters(sql)?)?;
    let mut instances_found = Vec::new();
    for (host, found) in found {
        let place = accounts::AccountCluster {
            account_id: adopt.id,
            cluster: host.clone(),
            pool: adopt.pool.clone(),
            adopted: true,
            state: super::create::READY.to_owned(),
        };
        accounts::put_cluster(sql, &place)?;
        let held: Vec<rights::Right> = found.held.into_iter().map(right).collect();
        rights::replace(sql, adopt.id, &host, &held)?;
        if found.group {
            rights::adopt_group(sql, adopt.id, &host, &adopt.slug)?;
        }
        for (vmid, kind, name) in found.guests {
            let guest = instances::Instance {
                id: Uuid::now_v7(),
                cluster: host.clone(),
                vmid: i64::from(vmid),
                kind,
                account_id: Some(adopt.id),
                bunch: Some(adopt.pool.clone()),
                name,
                adopted: true,
                created_at: adopt.at,
                gone_since: None,
            };
            instances::put(sql, &guest)?;
            if let Ok(vmid) = Vmid::new(vmid) {
                instances_found.push((host.clone(), vmid.get()));
            }
        }
    }
    let places = accounts::clusters_of(sql, adopt.id)?;
    Ok(AccountAdopted {
        account: view(row, places),
        instances: instances_found
            .into_iter()
            .map(|(cluster, vmid)| crate::views::GuestRef { cluster, vmid })
            .collect(),
    })
}
