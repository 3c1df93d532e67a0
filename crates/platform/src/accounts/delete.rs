//! Deleting an account (GC): the dry run and the deletion gather the same things and decide by the same rules.
//!
//! The work only goes forward: the account is disabled first, then things go in the report's order. Where it breaks, the
//! account stays disabled with the rest still listed, and asking again finishes it.

use bnna_core::{
    AccountStatus, AclEntry, GcAction, GcInput, GcInstance, GcItem, GcKind, GcOptions, GcPool, GcReport, GuestKind,
    Vmid, collect, difference,
};
use bnna_operations::{OnFailure, Outputs, Step, StepCx, StepError, Steps, Workflow};
use bnna_store::{Window, accounts, instances, rights, settings, tenant_tokens};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::places::{Place, entry};
use super::{Account, Operate, Read};
use crate::Platform;
use crate::actor::Actor;
use crate::audit::Deed;
use crate::clusters::{Cluster, PowerOrder};
use crate::error::{Conflict, Error};
use crate::estate::Estate;
use crate::operations::{Run, Wait};

impl Platform {
    /// What deleting the account would do.
    ///
    /// # Errors
    /// The store cannot be read. A silent cluster is in the report, as what blocks.
    pub async fn gc_report(&self, account: &Account<Read>, options: GcOptions) -> Result<GcReport, Error> {
        Ok(collect(&gather(self.estate(), account.id(), account.slug()).await?, options))
    }

    /// Deletes the account with what belongs to it.
    ///
    /// # Errors
    /// Something blocks: nothing is done, and the report is in the details. A cluster fails half way: ask again.
    pub async fn delete_account(
        &self,
        actor: &Actor,
        account: &Account<Operate>,
        options: GcOptions,
        wait: Wait,
    ) -> Result<Run<GcReport>, Error> {
        let deed = Deed::on_account("accounts.delete", account.slug())
            .asking(json!({ "force": options.force, "delete_adopted": options.delete_adopted }));
        let account = account.read();
        self.audited_operation(actor, deed, wait, async {
            let report = self.gc_report(&account, options).await?;
            if report.blocked {
                let blocks = report.items.iter().filter(|item| item.action == GcAction::Block).count();
                let running =
                    report.items.iter().any(|item| item.action == GcAction::Block && item.reason.contains("running"));
                let kind = if running { Conflict::Running } else { Conflict::InUse };
                let details = json!({ "report": report });
                return Err(kind.with(format!("{blocks} thing(s) block the deletion; nothing was done"), details));
            }
            Ok(Delete {
                id: account.id(),
                slug: account.slug().to_owned(),
                items: report.items,
                force: options.force,
                at: bnna_store::now(),
            })
        })
        .await
    }
}

/// Everything that belongs to the account, from the store and from the clusters.
async fn gather(estate: &Estate, id: Uuid, slug: &str) -> Result<GcInput, Error> {
    let now = bnna_store::now();
    let (tokens, keys, recorded, places, groups) = estate
        .store
        .read(move |sql| {
            let filter = instances::Filter { account_id: Some(id), ..instances::Filter::default() };
            Ok((
                tenant_tokens::list(sql, id, now, &Window::all())?.items,
                settings::list(sql, id)?,
                instances::list(sql, &filter, &Window::all())?.items,
                accounts::clusters_of(sql, id)?,
                rights::adopted_groups(sql, id)?,
            ))
        })
        .await?;
    let mut input = GcInput {
        account: slug.to_owned(),
        tokens: tokens.into_iter().map(|token| (token.id.to_string(), token.label)).collect(),
        settings: keys.into_iter().map(|setting| setting.key).collect(),
        ..GcInput::default()
    };
    for on in &places {
        let group_adopted = groups.contains(&on.cluster);
        let records: Vec<&instances::Instance> = recorded.iter().filter(|row| row.cluster == on.cluster).collect();
        match on_cluster(estate, slug, on, &records, group_adopted).await {
            Ok((pool, guests)) => {
                input.pools.push(pool);
                input.instances.extend(guests);
            }
            Err(error @ (Error::Store(_) | Error::Internal(_))) => return Err(error),
            Err(error) => input.pools.push(GcPool {
                cluster: on.cluster.clone(),
                pools: vec![on.pool.clone()],
                pool_adopted: on.adopted,
                group: None,
                group_adopted,
                acls: Vec::new(),
                held_back: Vec::new(),
                switched_off: Vec::new(),
                unreachable: Some(error.to_string()),
            }),
        }
    }
    Ok(input)
}

async fn on_cluster(
    estate: &Estate,
    slug: &str,
    on: &accounts::AccountCluster,
    records: &[&instances::Instance],
    group_adopted: bool,
) -> Result<(GcPool, Vec<GcInstance>), Error> {
    let cluster = estate.clusters.get(&on.cluster)?;
    let place = Place::read(&cluster, &on.pool, slug).await?;
    let mut guests = Vec::new();
    for guest in &place.guests {
        let record = records.iter().find(|row| row.vmid == i64::from(guest.vmid.get()));
        guests.push(GcInstance {
            cluster: on.cluster.clone(),
            vmid: guest.vmid,
            kind: Some(guest.kind),
            name: guest.name.clone().unwrap_or_default(),
            // A guest that nobody recorded was put into the pool on Proxmox itself: found, not made.
            adopted: record.is_none_or(|record| record.adopted),
            exists: true,
            blocks: cluster.blocks(guest).await,
        });
    }
    for record in records {
        let Ok(vmid) = u32::try_from(record.vmid).map_err(drop).and_then(|n| Vmid::new(n).map_err(drop)) else {
            continue;
        };
        if !guests.iter().any(|guest| guest.vmid == vmid) {
            guests.push(GcInstance {
                cluster: on.cluster.clone(),
                vmid,
                kind: GuestKind::parse(&record.kind),
                name: record.name.clone(),
                adopted: record.adopted,
                exists: false,
                blocks: Vec::new(),
            });
        }
    }
    let (account, host) = (on.account_id, on.cluster.clone());
    let (recorded, switched_off) = estate
        .store
        .read(move |sql| Ok((rights::list(sql, account, &host)?, rights::held_users(sql, account, &host)?)))
        .await?;
    let recorded: Vec<AclEntry> = recorded.into_iter().map(entry).collect();
    let pool = GcPool {
        held_back: difference(&recorded, &place.held).add,
        switched_off,
        cluster: on.cluster.clone(),
        pools: place.pools,
        pool_adopted: on.adopted,
        group: place.group.map(|_| slug.to_owned()),
        group_adopted,
        acls: place.held,
        unreachable: None,
    };
    Ok((pool, guests))
}

/// The work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delete {
    id: Uuid,
    slug: String,
    items: Vec<GcItem>,
    force: bool,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

impl Workflow for Delete {
    type Context = Estate;

    const KIND: &'static str = "accounts.delete";
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    fn keys(&self) -> Vec<String> {
        vec![super::key(&self.slug)]
    }

    fn steps(&self) -> Steps<Estate> {
        let mut steps = Steps::new().then("disable the account", Close { id: self.id, at: self.at });
        for (index, item) in self.items.iter().enumerate() {
            if matches!(item.action, GcAction::Delete | GcAction::Detach) {
                steps.push(
                    step_name(index, item),
                    Remove {
                        id: self.id,
                        slug: self.slug.clone(),
                        item: item.clone(),
                        all: self.items.clone(),
                        force: self.force,
                    },
                );
            }
        }
        steps.then("forget the account", Forget { id: self.id })
    }

    fn result(&self, outputs: &Outputs) -> Value {
        let mut items = self.items.clone();
        for (index, item) in items.iter_mut().enumerate() {
            let name = step_name(index, item);
            item.outcome = outputs.get::<String>(&name).ok().flatten().or_else(|| Some("kept".to_owned()));
        }
        let mut report = collect(&GcInput { account: self.slug.clone(), ..GcInput::default() }, GcOptions::default());
        report.dry_run = false;
        for item in &items {
            let word = serde_json::to_value(item.action).ok().and_then(|word| word.as_str().map(str::to_owned));
            *report.summary.entry(word.unwrap_or_default()).or_default() += 1;
        }
        report.items = items;
        serde_json::to_value(report).unwrap_or(Value::Null)
    }
}

fn step_name(index: usize, item: &GcItem) -> String {
    let action = if item.action == GcAction::Detach { "detach" } else { "delete" };
    let kind =
        serde_json::to_value(item.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
    let place = item.cluster.as_deref().map(|host| format!(" on {host}")).unwrap_or_default();
    format!("{}: {action} {kind} {}{place}", index + 1, item.id)
}

struct Close {
    id: Uuid,
    at: OffsetDateTime,
}

impl Step<Estate> for Close {
    type Output = ();

    async fn run(&self, cx: &StepCx<Estate>) -> Result<(), StepError> {
        let (id, at) = (self.id, self.at);
        cx.context()
            .store
            .write(move |sql| {
                if let Some(mut row) = accounts::by_id(sql, id)? {
                    row.status = AccountStatus::Disabled.as_str().to_owned();
                    row.disabled_at = row.disabled_at.or(Some(at));
                    row.updated_at = at;
                    accounts::update(sql, &row)?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<()>) -> Result<(), StepError> {
        Ok(())
    }
}

struct Forget {
    id: Uuid,
}

impl Step<Estate> for Forget {
    type Output = ();

    async fn run(&self, cx: &StepCx<Estate>) -> Result<(), StepError> {
        let id = self.id;
        cx.context().store.write(move |sql| accounts::delete(sql, id)).await?;
        Ok(())
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<()>) -> Result<(), StepError> {
        Ok(())
    }
}

/// One item of the report. Every kind looks first: what is gone already is done.
struct Remove {
    id: Uuid,
    slug: String,
    item: GcItem,
    all: Vec<GcItem>,
    force: bool,
}

impl Step<Estate> for Remove {
    type Output = String;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<String, StepError> {
        let estate = cx.context();
        let detach = self.item.action == GcAction::Detach;
        match self.item.kind {
            GcKind::Token => {
                let (id, at) = (self.id, bnna_store::now());
                if let Ok(token) = Uuid::try_parse(&self.item.id) {
                    estate.store.write(move |sql| tenant_tokens::revoke(sql, id, token, at)).await?;
                }
            }
            GcKind::Setting => {
                let (id, key) = (self.id, self.item.id.clone());
                estate.store.write(move |sql| settings::delete(sql, id, &key)).await?;
            }
            GcKind::Instance => self.instance(estate, detach, cx.attempt() > 1).await?,
            GcKind::Acl | GcKind::Group | GcKind::Pool if detach => {}
            GcKind::Acl => {
                let cluster = self.cluster(estate)?;
                let held = bnna_core::entries_of_group(&cluster.acl().await?, &self.slug);
                for entry in held.iter().filter(|entry| format!("{} {}", entry.path, entry.role) == self.item.id) {
                    cluster.remove_acl(entry).await?;
                }
            }
            GcKind::Group => {
                let cluster = self.cluster(estate)?;
                if cluster.groups().await?.iter().any(|group| group.name == self.item.id) {
                    cluster.delete_group(&self.item.id).await?;
                }
            }
            GcKind::Pool => {
                let cluster = self.cluster(estate)?;
                if cluster.pool_comment(&self.item.id).await?.is_some() {
                    for storage in cluster.pool_members(&self.item.id).await?.storages {
                        cluster.remove_storage_from_pool(&self.item.id, &storage).await?;
                    }
                    cluster.delete_pool(&self.item.id).await?;
                }
            }
        }
        Ok(if detach { "detached" } else { "deleted" }.to_owned())
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<String>) -> Result<(), StepError> {
        Ok(())
    }
}

impl Remove {
    fn cluster(&self, estate: &Estate) -> Result<std::sync::Arc<Cluster>, Error> {
        estate.clusters.get(self.item.cluster.as_deref().unwrap_or_default())
    }

    async fn instance(&self, estate: &Estate, detach: bool, again: bool) -> Result<(), Error> {
        let cluster = self.cluster(estate)?;
        let vmid = Vmid::parse(&self.item.id)?;
        if let Some(guest) = cluster.guest(vmid).await? {
            if detach {
                // A pool that bnna made goes; a guest that stays must not be in its way.
                let pool_goes = self.all.iter().any(|item| {
                    item.kind == GcKind::Pool
                        && item.action == GcAction::Delete
                        && item.cluster == self.item.cluster
                        && guest.pool.as_ref() == Some(&item.id)
                });
                if let Some(pool) = guest.pool.as_ref().filter(|_| pool_goes) {
                    cluster.remove_guest_from_pool(pool, vmid).await?;
                }
            } else {
                if guest.name.as_deref().is_some_and(|name| name != self.item.name) {
                    let message = format!("guest {vmid} was {:?} and is another one now; ask again", self.item.name);
                    return Err(Conflict::State.because(message));
                }
                if again {
                    cluster.endings(&guest, estate.task_deadline).await?;
                }
                // Asked again: between the report and now it may have been started, or be gone though it is still listed.
                if let Some(now) = cluster.now(&guest).await? {
                    if now.running {
                        if !self.force {
                            return Err(Conflict::Running.because(format!("guest {vmid} has been started meanwhile")));
                        }
                        let upid = cluster.power(&guest, PowerOrder::Stop).await?;
                        cluster.finished(&upid, estate.task_deadline).await?;
                    }
                    let upid = cluster.destroy(&guest).await?;
                    cluster.finished(&upid, estate.task_deadline).await?;
                }
            }
        }
        let (host, number) = (cluster.host.clone(), i64::from(vmid.get()));
        estate.store.write(move |sql| instances::delete(sql, &host, number)).await?;
        Ok(())
    }
}
