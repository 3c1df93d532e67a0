//! Switching guests on and off. One call on the cluster; the task it starts is recorded, and polled at `/api/tasks`.

use bnna_auth::Grant;
use bnna_core::{Invalid, Vmid};
use serde_json::json;

use super::Found;
use crate::Platform;
use crate::actor::Actor;
use crate::audit::{self, Deed};
use crate::clusters::PowerOrder;
use crate::error::{Conflict, Error};
use crate::views::{PowerAction, PowerAnswer};

/// How long a guest may take to shut down unless asked otherwise, seconds.
const TIMEOUT: u32 = 60;
/// Bounds of that.
const TIMEOUTS: std::ops::RangeInclusive<u32> = 1..=3600;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct PowerRequest {
    /// Which guest.
    pub vmid: Vmid,
    /// On which cluster; has to be named where several have the number.
    pub cluster: Option<String>,
    /// What to do.
    pub action: PowerAction,
    /// How long a shutdown may take, seconds.
    pub timeout: Option<u32>,
    /// Whether to switch off hard after that.
    pub force_stop: bool,
}

impl Platform {
    /// Gives a guest a power order.
    ///
    /// # Errors
    /// No such guest, more than one, not now for this caller, locked, rebooting what does not run, or the cluster refuses.
    pub async fn power(&self, actor: &Actor, grant: &Grant, asked: PowerRequest) -> Result<PowerAnswer, Error> {
        let timeout_seconds = asked.timeout.unwrap_or(TIMEOUT);
        if !TIMEOUTS.contains(&timeout_seconds) {
            return Err(
                Invalid::new("timeout", format!("seconds from {} to {}", TIMEOUTS.start(), TIMEOUTS.end())).into()
            );
        }
        let found = self.find_instance(asked.vmid, asked.cluster.as_deref()).await;
        let deed = deed(&asked, found.as_ref().ok());
        audit::around(self.store(), actor, deed, async {
            let found = found?;
            self.may_change(grant, found.account.as_deref()).await?;
            self.order(actor, &found, asked, timeout_seconds).await
        })
        .await
    }

    async fn order(
        &self,
        actor: &Actor,
        found: &Found,
        asked: PowerRequest,
        timeout_seconds: u32,
    ) -> Result<PowerAnswer, Error> {
        let missing = || Error::not_found(format!("instance {}", asked.vmid));
        let guest = found.guest.as_ref().ok_or_else(missing)?;
        let now = found.cluster.now(guest).await?.ok_or_else(missing)?;
        if let Some(lock) = now.lock {
            let message = format!("guest {} is locked ({lock}); wait until that ends", asked.vmid);
            return Err(Conflict::State.with(message, json!({ "lock": lock })));
        }
        if guest.template {
            return Err(Conflict::State.because(format!("guest {} is a template", asked.vmid)));
        }
        let mut answer = PowerAnswer {
            vmid: asked.vmid.get(),
            action: asked.action,
            upid: None,
            cluster: found.cluster.host.clone(),
            node: guest.node.clone(),
            changed: false,
        };
        let order = match asked.action {
            PowerAction::Start if now.running => return Ok(answer),
            PowerAction::Stop | PowerAction::Shutdown if !now.running => return Ok(answer),
            PowerAction::Reboot if !now.running => {
                return Err(Conflict::State.because(format!("guest {} does not run; start it instead", asked.vmid)));
            }
            PowerAction::Start => PowerOrder::Start,
            PowerAction::Stop => PowerOrder::Stop,
            PowerAction::Shutdown => PowerOrder::Shutdown { timeout_seconds, force_stop: asked.force_stop },
            PowerAction::Reboot => PowerOrder::Reboot { timeout_seconds },
        };
        let upid = found.cluster.power(guest, order).await?;
        self.record_task(actor, &found.cluster.host, &upid, Some(asked.vmid), found.account.as_deref(), None).await;
        answer.upid = Some(upid);
        answer.changed = true;
        Ok(answer)
    }
}

fn deed(asked: &PowerRequest, found: Option<&Found>) -> Deed {
    let action = match asked.action {
        PowerAction::Start => "instances.start",
        PowerAction::Stop => "instances.stop",
        PowerAction::Shutdown => "instances.shutdown",
        PowerAction::Reboot => "instances.reboot",
    };
    Deed::on(action, "instance", asked.vmid.to_string())
        .of_account(found.and_then(|found| found.account.as_deref()))
        .asking(json!({ "cluster": found.map(|found| found.cluster.host.clone()).or(asked.cluster.clone()) }))
}
