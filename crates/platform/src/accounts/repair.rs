//! Repair: a missing pool or group is made again, guests that are in no pool though bnna has them recorded come back into
//! the account's, then the rights are brought to the status. Guests in somebody else's pool are reported, not moved.

use bnna_core::Vmid;
use bnna_operations::{OnFailure, Outputs, Step, StepCx, StepError, Steps, Workflow};
use bnna_store::{Window, accounts, instances};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::create::READY;
use super::places::{clusters_of, is_within};
use super::rights::{Sync, gathered, sync_step};
use super::{Account, Operate};
use crate::Platform;
use crate::actor::Actor;
use crate::audit::Deed;
use crate::error::Error;
use crate::estate::Estate;
use crate::operations::{Run, Wait};
use crate::views::{RepairAction, RepairReport};

impl Platform {
    /// Repairs an account on all its clusters.
    ///
    /// # Errors
    /// A cluster does not answer or refuses; repeating it goes on.
    pub async fn repair_account(
        &self,
        actor: &Actor,
        account: &Account<Operate>,
        wait: Wait,
    ) -> Result<Run<RepairReport>, Error> {
        let deed = Deed::on_account("accounts.repair", account.slug());
        let (id, slug) = (account.id(), account.slug().to_owned());
        self.audited_operation(actor, deed, wait, async {
            let places = clusters_of(self.estate(), id).await?;
            Ok(Repair { id, slug, places: places.into_iter().map(|place| (place.cluster, place.pool)).collect() })
        })
        .await
    }
}

/// The work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Repair {
    id: Uuid,
    slug: String,
    places: Vec<(String, String)>,
}

impl Workflow for Repair {
    type Context = Estate;

    const KIND: &'static str = "accounts.repair";
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    fn keys(&self) -> Vec<String> {
        vec![super::key(&self.slug)]
    }

    fn steps(&self) -> Steps<Estate> {
        let mut steps = Steps::new();
        for (host, pool) in &self.places {
            let on = On { id: self.id, slug: self.slug.clone(), host: host.clone(), pool: pool.clone() };
            steps.push(make_step(host), Make(on.clone()));
            steps.push(members_step(host), Members(on));
            steps.push(sync_step(host), Sync { slug: self.slug.clone(), host: host.clone(), make_group: true });
        }
        steps
    }

    fn result(&self, outputs: &Outputs) -> Value {
        let mut report = RepairReport::default();
        for (host, _) in &self.places {
            for step in [make_step(host), members_step(host)] {
                report.actions.extend(outputs.get::<Vec<RepairAction>>(&step).ok().flatten().unwrap_or_default());
            }
            let acls = gathered(std::slice::from_ref(host), outputs);
            let entries = acls.added.into_iter().map(|acl| (acl, "missing", "there"));
            for (acl, before, after) in entries.chain(acls.removed.into_iter().map(|acl| (acl, "too many", "gone"))) {
                report.actions.push(RepairAction {
                    kind: "acl".to_owned(),
                    target: format!("{} {}", acl.entry.path, acl.entry.role),
                    cluster: acl.cluster,
                    before: before.to_owned(),
                    after: after.to_owned(),
                    outcome: "done".to_owned(),
                });
            }
        }
        serde_json::to_value(report).unwrap_or(Value::Null)
    }
}

fn make_step(host: &str) -> String {
    format!("make what is missing on {host}")
}

fn members_step(host: &str) -> String {
    format!("bring lost guests back on {host}")
}

#[derive(Clone)]
struct On {
    id: Uuid,
    slug: String,
    host: String,
    pool: String,
}

impl On {
    fn action(&self, kind: &str, target: &str, before: &str, after: &str, outcome: &str) -> RepairAction {
        RepairAction {
            kind: kind.to_owned(),
            target: target.to_owned(),
            cluster: self.host.clone(),
            before: before.to_owned(),
            after: after.to_owned(),
            outcome: outcome.to_owned(),
        }
    }
}

struct Make(On);

impl Step<Estate> for Make {
    type Output = Vec<RepairAction>;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Vec<RepairAction>, StepError> {
        let on = &self.0;
        let cluster = cx.context().clusters.get(&on.host)?;
        let mark = super::mark(&on.slug, on.id);
        let mut actions = Vec::new();
        if cluster.pool_comment(&on.pool).await?.is_none() {
            cluster.create_pool(&on.pool, &mark).await?;
            actions.push(on.action("pool", &on.pool, "missing", "there", "done"));
        }
        if !cluster.groups().await?.iter().any(|group| group.name == on.slug) {
            cluster.create_group(&on.slug, &mark).await?;
            actions.push(on.action("group", &on.slug, "missing", "there", "done"));
        }
        // What a creation that broke off has left is whole now.
        let (id, host) = (on.id, on.host.clone());
        cx.context()
            .store
            .write(move |sql| {
                for place in accounts::clusters_of(sql, id)? {
                    if place.cluster == host && place.state != READY {
                        accounts::put_cluster(sql, &accounts::AccountCluster { state: READY.to_owned(), ..place })?;
                    }
                }
                Ok(())
            })
            .await?;
        Ok(actions)
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<Vec<RepairAction>>) -> Result<(), StepError> {
        Ok(())
    }
}

struct Members(On);

impl Step<Estate> for Members {
    type Output = Vec<RepairAction>;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Vec<RepairAction>, StepError> {
        let on = &self.0;
        let cluster = cx.context().clusters.get(&on.host)?;
        let filter =
            instances::Filter { account_id: Some(on.id), cluster: Some(on.host.clone()), ..Default::default() };
        let recorded = cx.context().store.read(move |sql| instances::list(sql, &filter, &Window::all())).await?.items;
        let guests = cluster.guests().await?;
        let mut actions = Vec::new();
        for record in recorded {
            let vmid = u32::try_from(record.vmid).ok().and_then(|number| Vmid::new(number).ok());
            let Some(guest) = guests.iter().find(|guest| Some(guest.vmid) == vmid) else { continue };
            let target = guest.vmid.to_string();
            match &guest.pool {
                Some(pool) if is_within(pool, &on.pool) => {}
                Some(pool) => {
                    actions.push(on.action(
                        "member",
                        &target,
                        &format!("in pool {pool}"),
                        &format!("in pool {pool}"),
                        "reported",
                    ));
                }
                None => {
                    let pool = record.bunch.as_deref().filter(|bunch| is_within(bunch, &on.pool)).unwrap_or(&on.pool);
                    cluster.add_guest_to_pool(pool, guest.vmid).await?;
                    actions.push(on.action("member", &target, "in no pool", &format!("in pool {pool}"), "done"));
                }
            }
        }
        Ok(actions)
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<Vec<RepairAction>>) -> Result<(), StepError> {
        Ok(())
    }
}
