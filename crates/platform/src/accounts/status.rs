//! Suspend, enable, disable: the record first, so that this API holds the tenant at once, then the clusters, so that Proxmox
//! does too. The work only goes forward; a cluster that failed is brought up by asking again, and `health` shows it until then.

use std::collections::BTreeSet;

use bnna_core::{AccountStatus, Transition, entries_of_group};
use bnna_operations::{OnFailure, Outputs, Step, StepCx, StepError, Steps, Workflow};
use bnna_store::{accounts, rights};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::handle::status;
use super::places::{Place, clusters_of};
use super::rights::{Sync, gathered, sync_step};
use super::{Account, Operate, view};
use crate::Platform;
use crate::actor::Actor;
use crate::audit::Deed;
use crate::clusters::PowerOrder;
use crate::error::{Conflict, Error};
use crate::estate::Estate;
use crate::operations::{Run, Wait};
use crate::views::{AccountView, StatusChange, Warning};

/// How long a guest may take to shut down when its account is suspended, seconds.
const SHUTDOWN_SECONDS: u32 = 60;

impl Platform {
    /// Brings an account to a status.
    ///
    /// # Errors
    /// Suspending a disabled account; a cluster that does not answer or refuses.
    pub async fn set_account_status(
        &self,
        actor: &Actor,
        account: &Account<Operate>,
        wanted: AccountStatus,
        stop_guests: bool,
        wait: Wait,
    ) -> Result<Run<StatusChange>, Error> {
        let action = match wanted {
            AccountStatus::Active => "accounts.enable",
            AccountStatus::Suspended => "accounts.suspend",
            AccountStatus::Disabled => "accounts.disable",
        };
        let deed = Deed::on_account(action, account.slug()).asking(json!({ "stop": stop_guests }));
        let (id, slug, now) = (account.id(), account.slug().to_owned(), account.status());
        self.audited_operation(actor, deed, wait, async {
            if now.to(wanted) == Transition::Refused {
                return Err(refused());
            }
            let clusters = clusters_of(self.estate(), id).await?.into_iter().map(|place| place.cluster).collect();
            Ok(SetStatus { id, slug, wanted, stop_guests, clusters, at: bnna_store::now() })
        })
        .await
    }
}

fn refused() -> Error {
    Conflict::State
        .because("the account is disabled; suspending it would give rights back. Enable it first, or leave it disabled")
}

/// The work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetStatus {
    id: Uuid,
    slug: String,
    wanted: AccountStatus,
    stop_guests: bool,
    clusters: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

const RECORD: &str = "record the status";

impl Workflow for SetStatus {
    type Context = Estate;

    const KIND: &'static str = "accounts.status";
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    fn keys(&self) -> Vec<String> {
        vec![super::key(&self.slug)]
    }

    fn steps(&self) -> Steps<Estate> {
        let mut steps = Steps::new().then(RECORD, Record(self.clone()));
        for host in &self.clusters {
            let on = On { id: self.id, slug: self.slug.clone(), host: host.clone() };
            match self.wanted {
                AccountStatus::Disabled => steps.push(users_step(host), SwitchUsersOff(on.clone())),
                AccountStatus::Active | AccountStatus::Suspended => {
                    steps.push(users_step(host), SwitchUsersOn(on.clone()));
                }
            }
            // A group that is not there holds nothing: no status makes one.
            let sync = Sync { slug: self.slug.clone(), host: host.clone(), make_group: false };
            steps.push(sync_step(host), sync);
            if self.stop_guests && self.wanted != AccountStatus::Active {
                steps.push(format!("shut the guests down on {host}"), ShutGuestsDown(on));
            }
        }
        steps
    }

    fn result(&self, outputs: &Outputs) -> Value {
        let recorded = outputs.get::<Recorded>(RECORD).ok().flatten();
        let acls = gathered(&self.clusters, outputs);
        let users: Vec<Switched> =
            self.clusters.iter().filter_map(|host| outputs.get(&users_step(host)).ok().flatten()).collect();
        let moved =
            !acls.added.is_empty() || !acls.removed.is_empty() || users.iter().any(|on| !on.switched.is_empty());
        let Some(recorded) = recorded else { return Value::Null };
        let change = StatusChange {
            account: recorded.account,
            changed: recorded.changed || moved,
            notes: users.into_iter().flat_map(|on| on.notes).collect(),
        };
        serde_json::to_value(change).unwrap_or(Value::Null)
    }
}

fn users_step(host: &str) -> String {
    format!("switch the users on {host}")
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Recorded {
    account: AccountView,
    changed: bool,
}

struct Record(SetStatus);

impl Step<Estate> for Record {
    type Output = Recorded;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Recorded, StepError> {
        let (id, wanted, at, slug) = (self.0.id, self.0.wanted, self.0.at, self.0.slug.clone());
        let written = cx
            .context()
            .store
            .try_write(move |sql| -> Result<Recorded, Error> {
                let mut row = accounts::by_id(sql, id)?.ok_or_else(|| Error::not_found(format!("account {slug}")))?;
                if status(&row).to(wanted) == Transition::Refused {
                    // It was disabled after this was asked for.
                    return Err(refused());
                }
                let changed = row.status != wanted.as_str();
                if changed {
                    row.status = wanted.as_str().to_owned();
                    row.updated_at = at;
                    row.suspended_at = (wanted == AccountStatus::Suspended).then_some(at);
                    row.disabled_at = (wanted == AccountStatus::Disabled).then_some(at);
                    accounts::update(sql, &row)?;
                }
                // A repeated step finds its own change: the time it wrote tells it.
                let changed = changed || row.updated_at == at;
                let places = accounts::clusters_of(sql, id)?;
                Ok(Recorded { account: view(row, places), changed })
            })
            .await;
        Ok(written?)
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<Recorded>) -> Result<(), StepError> {
        Ok(())
    }
}

/// The account on one cluster.
#[derive(Clone)]
struct On {
    id: Uuid,
    slug: String,
    host: String,
}

/// What became of the users on a cluster.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Switched {
    switched: Vec<String>,
    notes: Vec<Warning>,
}

impl On {
    fn note(&self, message: String) -> Warning {
        Warning { cluster: self.host.clone(), message }
    }
}

/// Users of the account's group are switched off, but for those who belong to other groups too: they lose what this account
/// gave them and keep the rest. Which ones is recorded before it is done, so that only these are switched on again.
struct SwitchUsersOff(On);

impl Step<Estate> for SwitchUsersOff {
    type Output = Switched;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Switched, StepError> {
        let on = &self.0;
        let cluster = cx.context().clusters.get(&on.host)?;
        let groups = cluster.groups().await?;
        let Some(group) = groups.iter().find(|group| group.name == on.slug) else { return Ok(Switched::default()) };
        let elsewhere: BTreeSet<&String> =
            groups.iter().filter(|other| other.name != on.slug).flat_map(|other| &other.users).collect();
        let mut done = Switched::default();
        for userid in &group.users {
            if userid == "root@pam" || cluster.is_own_user(userid) {
                done.notes.push(on.note(format!("{userid} runs this cluster and was not switched off")));
                continue;
            }
            if elsewhere.contains(userid) {
                done.notes.push(on.note(format!("{userid} belongs to other groups too and was not switched off")));
                continue;
            }
            let Some(user) = cluster.user(userid).await? else { continue };
            if !user.enabled {
                continue;
            }
            let (id, host, held) = (on.id, on.host.clone(), userid.clone());
            cx.context().store.write(move |sql| rights::hold_user(sql, id, &host, &held)).await?;
            cluster.set_user_enabled(userid, false).await?;
            done.switched.push(userid.clone());
        }
        done.notes.extend(direct_entries(on, &cluster.acl().await?, &group.users));
        Ok(done)
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<Switched>) -> Result<(), StepError> {
        Ok(())
    }
}

/// Users that disabling switched off are switched on again; nobody else.
struct SwitchUsersOn(On);

impl Step<Estate> for SwitchUsersOn {
    type Output = Switched;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Switched, StepError> {
        let on = &self.0;
        let cluster = cx.context().clusters.get(&on.host)?;
        let (id, host) = (on.id, on.host.clone());
        let held = cx.context().store.read(move |sql| rights::held_users(sql, id, &host)).await?;
        let mut done = Switched::default();
        for userid in held {
            if let Some(user) = cluster.user(&userid).await? {
                if !user.enabled {
                    cluster.set_user_enabled(&userid, true).await?;
                }
                done.switched.push(userid.clone());
            }
            let (host, released) = (on.host.clone(), userid);
            cx.context().store.write(move |sql| rights::release_user(sql, id, &host, &released)).await?;
        }
        let groups = cluster.groups().await?;
        if let Some(group) = groups.iter().find(|group| group.name == on.slug) {
            done.notes = direct_entries(on, &cluster.acl().await?, &group.users);
        }
        Ok(done)
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<Switched>) -> Result<(), StepError> {
        Ok(())
    }
}

/// Entries of the group's users themselves go past the group: they are not the account's, so they are named, not changed.
fn direct_entries(on: &On, acl: &[bnna_core::AclEntry], users: &[String]) -> Vec<Warning> {
    users
        .iter()
        .flat_map(|user| entries_of_group(acl, user))
        .map(|entry| {
            on.note(format!(
                "{} holds {} on {} in their own name; it was left as it is",
                entry.ugid, entry.role, entry.path
            ))
        })
        .collect()
}

/// Asks every running guest of the account to shut down, and waits for the tasks to begin, not to end.
struct ShutGuestsDown(On);

impl Step<Estate> for ShutGuestsDown {
    type Output = Vec<String>;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Vec<String>, StepError> {
        let on = &self.0;
        let cluster = cx.context().clusters.get(&on.host)?;
        let (id, host) = (on.id, on.host.clone());
        let places = cx.context().store.read(move |sql| accounts::clusters_of(sql, id)).await?;
        let Some(place) = places.into_iter().find(|place| place.cluster == host) else { return Ok(Vec::new()) };
        let place = Place::read(&cluster, &place.pool, &on.slug).await?;
        let mut tasks = Vec::new();
        for guest in place.guests.iter().filter(|guest| guest.status == "running" && guest.lock.is_none()) {
            let order = PowerOrder::Shutdown { timeout_seconds: SHUTDOWN_SECONDS, force_stop: false };
            tasks.push(cluster.power(guest, order).await?);
        }
        Ok(tasks)
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<Vec<String>>) -> Result<(), StepError> {
        Ok(())
    }
}
