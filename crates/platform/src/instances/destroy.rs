//! Destroying a guest: stopped first where that is asked for, then destroyed with its disks, then forgotten.

use bnna_auth::Grant;
use bnna_core::{GcBlock, Vmid};
use bnna_operations::{OnFailure, Outputs, Step, StepCx, StepError, Steps, Workflow};
use bnna_store::instances;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Platform;
use crate::actor::Actor;
use crate::audit::Deed;
use crate::clusters::{Cluster, Guest, PowerOrder};
use crate::error::{Conflict, Error};
use crate::estate::Estate;
use crate::operations::{Run, Wait};
use crate::views::InstanceRemoved;

impl Platform {
    /// Destroys a guest.
    ///
    /// # Errors
    /// No such guest, more than one, not now for this caller; it runs and `force` is not given; it is protected or locked;
    /// the cluster refuses or its task fails.
    pub async fn destroy_instance(
        &self,
        actor: &Actor,
        grant: &Grant,
        vmid: Vmid,
        cluster: Option<&str>,
        force: bool,
        wait: Wait,
    ) -> Result<Run<InstanceRemoved>, Error> {
        let found = self.find_instance(vmid, cluster).await;
        let host = found.as_ref().ok().map(|found| found.cluster.host.clone()).or_else(|| cluster.map(str::to_owned));
        let deed = Deed::on("instances.destroy", "instance", vmid.to_string())
            .of_account(found.as_ref().ok().and_then(|found| found.account.as_deref()))
            .asking(json!({ "cluster": host, "force": force }));
        self.audited_operation(actor, deed, wait, async {
            let found = found?;
            self.may_change(grant, found.account.as_deref()).await?;
            if let Some(guest) = &found.guest {
                refuse_blocked(vmid, &found.cluster.blocks(guest).await, force)?;
            }
            let name = found.guest.as_ref().and_then(|guest| guest.name.clone());
            Ok(Destroy { vmid, host: found.cluster.host.clone(), force, name })
        })
        .await
    }
}

fn refuse_blocked(vmid: Vmid, blocks: &[GcBlock], force: bool) -> Result<(), Error> {
    for block in blocks {
        match block {
            GcBlock::Protected => {
                let message = format!("guest {vmid} is protected; take Proxmox's protection flag off first");
                return Err(Conflict::State.with(message, json!({ "protection": true })));
            }
            GcBlock::Locked(lock) => {
                let message = format!("guest {vmid} is locked ({lock}); wait until that ends");
                return Err(Conflict::State.with(message, json!({ "lock": lock })));
            }
            GcBlock::Unknown(why) => {
                return Err(Conflict::State.because(format!("the state of guest {vmid} is not known: {why}")));
            }
            GcBlock::Running if force => {}
            GcBlock::Running => {
                return Err(
                    Conflict::Running.because(format!("guest {vmid} is running; stop it, or ask with ?force=true"))
                );
            }
        }
    }
    Ok(())
}

/// The work. It goes forward only: what is destroyed stays destroyed, and asking again finishes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Destroy {
    vmid: Vmid,
    host: String,
    force: bool,
    /// What the guest was called: a number is given again, and another guest that has it by now is not meant.
    #[serde(default)]
    name: Option<String>,
}

const DESTROY: &str = "destroy the guest";

impl Workflow for Destroy {
    type Context = Estate;

    const KIND: &'static str = "instances.destroy";
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    fn keys(&self) -> Vec<String> {
        vec![super_key(&self.host, self.vmid)]
    }

    fn steps(&self) -> Steps<Estate> {
        let steps = if self.force { Steps::new().then("stop the guest", Stop(self.clone())) } else { Steps::new() };
        steps.then(DESTROY, DestroyGuest(self.clone())).then("forget the guest", Forget(self.clone()))
    }

    fn result(&self, outputs: &Outputs) -> Value {
        let upid = outputs.get::<Option<String>>(DESTROY).ok().flatten().flatten();
        let mut removed = vec!["record".to_owned()];
        if upid.is_some() {
            removed.insert(0, "guest".to_owned());
        }
        let removed = InstanceRemoved { vmid: self.vmid.get(), cluster: self.host.clone(), upid, removed };
        serde_json::to_value(removed).unwrap_or(Value::Null)
    }
}

/// What no two operations on a guest may hold at once.
pub(super) fn super_key(host: &str, vmid: Vmid) -> String {
    format!("instance:{host}/{vmid}")
}

impl Destroy {
    /// The guest, unless it is gone.
    async fn guest(&self, cluster: &Cluster) -> Result<Option<Guest>, Error> {
        let Some(guest) = cluster.guest(self.vmid).await? else { return Ok(None) };
        match (&self.name, &guest.name) {
            (Some(meant), Some(found)) if meant != found => Err(Conflict::State.because(format!(
                "guest {} was {meant:?} and is {found:?} now; ask again if that one is meant",
                self.vmid
            ))),
            _ => Ok(Some(guest)),
        }
    }
}

struct Stop(Destroy);

impl Step<Estate> for Stop {
    type Output = ();

    async fn run(&self, cx: &StepCx<Estate>) -> Result<(), StepError> {
        let cluster = cx.context().clusters.get(&self.0.host)?;
        let Some(guest) = self.0.guest(&cluster).await? else { return Ok(()) };
        if cx.attempt() > 1 {
            cluster.endings(&guest, cx.context().task_deadline).await?;
        }
        if cluster.now(&guest).await?.is_some_and(|now| now.running) {
            let upid = cluster.power(&guest, PowerOrder::Stop).await?;
            cluster.finished(&upid, cx.context().task_deadline).await?;
        }
        Ok(())
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<()>) -> Result<(), StepError> {
        Ok(())
    }
}

struct DestroyGuest(Destroy);

impl Step<Estate> for DestroyGuest {
    type Output = Option<String>;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Option<String>, StepError> {
        let cluster = cx.context().clusters.get(&self.0.host)?;
        let Some(guest) = self.0.guest(&cluster).await? else { return Ok(None) };
        let deadline = cx.context().task_deadline;
        let before = if cx.attempt() > 1 { cluster.endings(&guest, deadline).await? } else { None };
        if cluster.now(&guest).await?.is_none() {
            // The list is up to ten seconds old; the guest's own node says that it is gone.
            return Ok(before);
        }
        let upid = cluster.destroy(&guest).await?;
        cluster.finished(&upid, deadline).await?;
        Ok(Some(upid))
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<Option<String>>) -> Result<(), StepError> {
        Ok(())
    }
}

struct Forget(Destroy);

impl Step<Estate> for Forget {
    type Output = ();

    async fn run(&self, cx: &StepCx<Estate>) -> Result<(), StepError> {
        let (host, number) = (self.0.host.clone(), i64::from(self.0.vmid.get()));
        cx.context().store.write(move |sql| instances::delete(sql, &host, number)).await?;
        Ok(())
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<()>) -> Result<(), StepError> {
        Ok(())
    }
}
