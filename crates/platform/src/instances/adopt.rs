//! Adopting a guest that nobody manages: into the account's pool, and recorded as found.

use bnna_auth::Grant;
use bnna_core::{Slug, Vmid};
use bnna_operations::{OnFailure, Step, StepCx, StepError, Steps, Workflow};
use bnna_store::{accounts, instances};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::destroy::super_key;
use super::list::Ownership;
use crate::Platform;
use crate::accounts::is_within;
use crate::actor::Actor;
use crate::audit::Deed;
use crate::error::{Conflict, Error};
use crate::estate::Estate;
use crate::operations::{Run, Wait};
use crate::views::InstanceView;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct AdoptInstanceRequest {
    /// Which guest.
    pub vmid: Vmid,
    /// On which cluster.
    pub cluster: Option<String>,
    /// The account it shall belong to.
    pub account: Slug,
    /// The pool of the account it shall be in; the account's own unless given.
    pub bunch: Option<String>,
}

impl Platform {
    /// Adopts a guest.
    ///
    /// # Errors
    /// No such guest, more than one; no such account, or not on that cluster; the guest is in another pool already.
    pub async fn adopt_instance(
        &self,
        actor: &Actor,
        grant: &Grant,
        asked: AdoptInstanceRequest,
        wait: Wait,
    ) -> Result<Run<InstanceView>, Error> {
        let found = self.find_instance(asked.vmid, asked.cluster.as_deref()).await;
        let host = found.as_ref().ok().map(|found| found.cluster.host.clone());
        let deed = Deed::on("instances.adopt", "instance", asked.vmid.to_string())
            .of_account(Some(asked.account.as_str()))
            .asking(json!({ "cluster": host, "bunch": asked.bunch }));
        let run: Run<Value> = self
            .audited_operation(actor, deed, wait, async {
                let account = self.account_for_writing(grant, &asked.account).await?;
                let found = found?;
                let host = found.cluster.host.clone();
                let guest = found.guest.ok_or_else(|| Error::not_found(format!("instance {}", asked.vmid)))?;
                let id = account.id();
                let places = self.store().read(move |sql| accounts::clusters_of(sql, id)).await?;
                let place = places
                    .into_iter()
                    .find(|place| place.cluster == host)
                    .ok_or_else(|| Conflict::State.because(format!("account {} is not on {host}", asked.account)))?;
                let pool = asked.bunch.clone().unwrap_or_else(|| place.pool.clone());
                if !is_within(&pool, &place.pool) {
                    return Err(bnna_core::Invalid::new(
                        "bunch",
                        format!("{pool:?} is no pool of account {}", asked.account),
                    )
                    .into());
                }
                if let Some(other) = guest.pool.as_ref().filter(|other| !is_within(other, &place.pool)) {
                    return Err(Conflict::InUse.because(format!("guest {} is in pool {other}", asked.vmid)));
                }
                Ok(Adopt {
                    id: Uuid::now_v7(),
                    vmid: asked.vmid,
                    host,
                    account: account.id(),
                    moves: guest.pool.is_none(),
                    pool: guest.pool.unwrap_or(pool),
                    kind: guest.kind.as_str().to_owned(),
                    name: guest.name.unwrap_or_default(),
                    at: bnna_store::now(),
                })
            })
            .await?;
        match run {
            Run::Accepted(id) => Ok(Run::Accepted(id)),
            Run::Done(_) => {
                let found = self.find_instance(asked.vmid, host.as_deref()).await?;
                let ownership = self.store().read(Ownership::read).await?;
                let guest = found.guest.ok_or_else(|| Error::not_found(format!("instance {}", asked.vmid)))?;
                Ok(Run::Done(self.instance_view(&found.cluster, &guest, &ownership)))
            }
        }
    }
}

/// The work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Adopt {
    id: Uuid,
    vmid: Vmid,
    host: String,
    account: Uuid,
    pool: String,
    /// Whether it has to be moved; a guest that was in the pool before stays there whatever happens.
    moves: bool,
    kind: String,
    name: String,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

impl Workflow for Adopt {
    type Context = Estate;

    const KIND: &'static str = "instances.adopt";
    const ON_FAILURE: OnFailure = OnFailure::Undo;

    fn keys(&self) -> Vec<String> {
        vec![super_key(&self.host, self.vmid)]
    }

    fn steps(&self) -> Steps<Estate> {
        Steps::new().then("put it into the pool", IntoPool(self.clone())).then("record it", Record(self.clone()))
    }
}

struct IntoPool(Adopt);

impl Step<Estate> for IntoPool {
    type Output = ();

    async fn run(&self, cx: &StepCx<Estate>) -> Result<(), StepError> {
        let cluster = cx.context().clusters.get(&self.0.host)?;
        if self.0.moves && !cluster.pool_members(&self.0.pool).await?.guests.contains(&self.0.vmid) {
            cluster.add_guest_to_pool(&self.0.pool, self.0.vmid).await?;
        }
        Ok(())
    }

    async fn undo(&self, cx: &StepCx<Estate>, _: Option<()>) -> Result<(), StepError> {
        let cluster = cx.context().clusters.get(&self.0.host)?;
        if self.0.moves && cluster.pool_members(&self.0.pool).await?.guests.contains(&self.0.vmid) {
            cluster.remove_guest_from_pool(&self.0.pool, self.0.vmid).await?;
        }
        Ok(())
    }
}

struct Record(Adopt);

impl Step<Estate> for Record {
    type Output = Value;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Value, StepError> {
        let adopt = self.0.clone();
        let row = instances::Instance {
            id: adopt.id,
            cluster: adopt.host,
            vmid: i64::from(adopt.vmid.get()),
            kind: adopt.kind,
            account_id: Some(adopt.account),
            bunch: Some(adopt.pool),
            name: adopt.name,
            adopted: true,
            created_at: adopt.at,
            gone_since: None,
        };
        cx.context().store.write(move |sql| instances::put(sql, &row)).await?;
        Ok(json!({ "vmid": self.0.vmid.get(), "cluster": self.0.host }))
    }

    async fn undo(&self, cx: &StepCx<Estate>, _: Option<Value>) -> Result<(), StepError> {
        // A row that was there before has kept its id.
        let (id, host, number) = (self.0.id, self.0.host.clone(), i64::from(self.0.vmid.get()));
        cx.context()
            .store
            .write(move |sql| {
                if instances::get(sql, &host, number)?.is_some_and(|row| row.id == id) {
                    instances::delete(sql, &host, number)?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }
}
