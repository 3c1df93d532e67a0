//! Creating an account: its record, then on each of its clusters a pool, a group, space, and the rights of the group.
//!
//! The record comes first, so that its undo is the last. A cluster that fails does not keep the others from being undone: what
//! it may still hold is noted at the account's place there, and because of such a note the record stays, so that `health` and
//! the stuck operation name what is left and deleting the account removes it. Pools and groups carry the account's id in their
//! comment: by that a repeated step knows its own work from somebody else's.

use bnna_core::{AccountStatus, ClusterHost, DisplayName, Email, Slug, default_rights};
use bnna_operations::{OnFailure, Outputs, Step, StepCx, StepError, Steps, Workflow};
use bnna_store::accounts;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::places::Place;
use super::rights::apply;
use super::view;
use crate::Platform;
use crate::actor::Actor;
use crate::audit::Deed;
use crate::clusters::Cluster;
use crate::error::{Conflict, Error, Reached};
use crate::estate::Estate;
use crate::operations::{Run, Wait};
use crate::views::AccountView;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct CreateAccount {
    /// Its slug.
    pub slug: Slug,
    /// What people call it; the slug unless given.
    pub display_name: Option<DisplayName>,
    /// Whom to write to.
    pub email: Email,
    /// The clusters it shall be on; all unless given.
    pub clusters: Option<Vec<ClusterHost>>,
}

impl Platform {
    /// Creates an account on its clusters, or on none of them.
    ///
    /// # Errors
    /// The slug is taken here or on a cluster, a cluster is unknown, does not answer or refuses.
    pub async fn create_account(
        &self,
        actor: &Actor,
        asked: CreateAccount,
        wait: Wait,
    ) -> Result<Run<AccountView>, Error> {
        let hosts = self.hosts_for(asked.clusters.as_deref())?;
        let slug = asked.slug.to_string();
        let deed = Deed::on_account("accounts.create", &slug)
            .asking(json!({ "clusters": hosts, "email": asked.email.as_str() }));
        self.audited_operation(actor, deed, wait, async {
            self.refuse_taken(&slug, &hosts).await?;
            Ok(Create {
                id: Uuid::now_v7(),
                display_name: asked.display_name.map_or_else(|| slug.clone(), |name| name.to_string()),
                email: asked.email.to_string(),
                slug: slug.clone(),
                clusters: hosts.clone(),
                at: bnna_store::now(),
            })
        })
        .await
    }

    /// The hosts that are meant: those given, or all.
    fn hosts_for(&self, asked: Option<&[ClusterHost]>) -> Result<Vec<String>, Error> {
        let hosts: Vec<String> = match asked {
            None => self.estate().clusters.hosts(),
            Some(asked) => {
                let mut hosts: Vec<String> = asked.iter().map(ToString::to_string).collect();
                hosts.sort();
                hosts.dedup();
                hosts
            }
        };
        if hosts.is_empty() {
            return Err(Conflict::State.because("there is no cluster yet: PUT /api/platform/clusters/{host} adds one"));
        }
        for host in &hosts {
            self.estate().clusters.get(host)?;
        }
        Ok(hosts)
    }

    /// Everything that can be refused is refused before the first write.
    async fn refuse_taken(&self, slug: &str, hosts: &[String]) -> Result<(), Error> {
        let wanted = slug.to_owned();
        if self.store().read(move |sql| accounts::by_slug(sql, &wanted)).await?.is_some() {
            return Err(Conflict::Exists.because(format!("account {slug} exists")));
        }
        let looked = futures::future::join_all(hosts.iter().map(|host| async move {
            let cluster = self.estate().clusters.get(host)?;
            let (pools, groups) = tokio::try_join!(cluster.pools(), cluster.groups())?;
            if pools.iter().any(|pool| pool == slug) {
                return Err(taken("pool", slug, host));
            }
            if groups.iter().any(|group| group.name == slug) {
                return Err(taken("group", slug, host));
            }
            Ok(())
        }))
        .await;
        looked.into_iter().collect()
    }
}

fn taken(what: &str, slug: &str, host: &str) -> Error {
    Conflict::Exists.with(
        format!("{what} {slug} exists on {host}; POST /api/platform/accounts/{slug}/adopt takes over what is there"),
        json!({ "cluster": host }),
    )
}

/// The work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Create {
    id: Uuid,
    slug: String,
    display_name: String,
    email: String,
    clusters: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

impl Workflow for Create {
    type Context = Estate;

    const KIND: &'static str = "accounts.create";
    const ON_FAILURE: OnFailure = OnFailure::Undo;

    fn keys(&self) -> Vec<String> {
        vec![super::key(&self.slug)]
    }

    fn steps(&self) -> Steps<Estate> {
        let mut steps = Steps::new().then("record the account", Record(self.clone()));
        for host in &self.clusters {
            let on = On { id: self.id, host: host.clone(), slug: self.slug.clone(), mark: self.mark() };
            steps.push(format!("make the pool on {host}"), MakePool(on.clone()));
            steps.push(format!("make the group on {host}"), MakeGroup(on.clone()));
            steps.push(format!("give space on {host}"), GiveSpace(on.clone()));
            steps.push(format!("give the group its rights on {host}"), GiveRights(on));
        }
        steps.then("mark it ready", Ready(self.clone()))
    }

    fn result(&self, outputs: &Outputs) -> Value {
        outputs.get("mark it ready").ok().flatten().unwrap_or(Value::Null)
    }
}

impl Create {
    /// What the account's pools and groups carry in their comment.
    fn mark(&self) -> String {
        super::mark(&self.slug, self.id)
    }
}

struct Record(Create);

impl Step<Estate> for Record {
    type Output = ();

    async fn run(&self, cx: &StepCx<Estate>) -> Result<(), StepError> {
        let create = self.0.clone();
        let row = accounts::Account {
            id: create.id,
            slug: create.slug.clone(),
            display_name: create.display_name,
            email: create.email,
            status: AccountStatus::Active.as_str().to_owned(),
            pool: create.slug.clone(),
            adopted: false,
            created_at: create.at,
            updated_at: create.at,
            suspended_at: None,
            disabled_at: None,
        };
        let (slug, clusters) = (create.slug, create.clusters);
        let planned = PLANNED.to_owned();
        let written = cx
            .context()
            .store
            .try_write(move |sql| -> Result<(), Error> {
                match accounts::by_slug(sql, &slug)? {
                    Some(found) if found.id != row.id => {
                        return Err(Conflict::Exists.because(format!("account {slug} exists")));
                    }
                    Some(_) => {}
                    None => accounts::insert(sql, &row)?,
                }
                for cluster in clusters {
                    let place = accounts::AccountCluster {
                        account_id: row.id,
                        cluster,
                        pool: slug.clone(),
                        adopted: false,
                        state: planned.clone(),
                    };
                    accounts::put_cluster(sql, &place)?;
                }
                Ok(())
            })
            .await;
        Ok(written?)
    }

    async fn undo(&self, cx: &StepCx<Estate>, _: Option<()>) -> Result<(), StepError> {
        let (id, slug) = (self.0.id, self.0.slug.clone());
        let undone = cx
            .context()
            .store
            .try_write(move |sql| -> Result<Vec<String>, Error> {
                let (left, gone): (Vec<_>, Vec<_>) =
                    accounts::clusters_of(sql, id)?.into_iter().partition(|place| place.state == LEFT);
                if left.is_empty() {
                    accounts::delete(sql, id)?;
                    return Ok(Vec::new());
                }
                for place in gone {
                    accounts::remove_cluster(sql, id, &place.cluster)?;
                }
                Ok(left.into_iter().map(|place| place.cluster).collect())
            })
            .await?;
        if undone.is_empty() {
            return Ok(());
        }
        let hosts = undone.join(", ");
        Err(StepError::failed(
            "upstream",
            format!("{hosts} could not be cleaned up; DELETE /api/platform/accounts/{slug} removes what is there"),
        ))
    }
}

/// State of a place on which nothing was tried yet.
const PLANNED: &str = "planned";
/// State of a place on which things may have been made.
const CREATING: &str = "creating";
/// State of a place that is complete.
pub(super) const READY: &str = "ready";
/// State of a place that could not be cleaned up after a failure.
const LEFT: &str = "left";
/// How often cleaning up a cluster is tried before it is left.
const TRIES: u32 = 2;

/// One cluster of the account.
#[derive(Clone)]
struct On {
    id: Uuid,
    host: String,
    slug: String,
    mark: String,
}

impl On {
    fn cluster(&self, estate: &Estate) -> Result<std::sync::Arc<Cluster>, Error> {
        estate.clusters.get(&self.host)
    }

    async fn state(&self, estate: &Estate) -> Result<Option<String>, Error> {
        let (id, host) = (self.id, self.host.clone());
        let places = estate.store.read(move |sql| accounts::clusters_of(sql, id)).await?;
        Ok(places.into_iter().find(|place| place.cluster == host).map(|place| place.state))
    }

    async fn set_state(&self, estate: &Estate, state: &str) -> Result<(), Error> {
        let place = accounts::AccountCluster {
            account_id: self.id,
            cluster: self.host.clone(),
            pool: self.slug.clone(),
            adopted: false,
            state: state.to_owned(),
        };
        estate.store.write(move |sql| accounts::put_cluster(sql, &place)).await?;
        Ok(())
    }

    /// Takes something back on the cluster. Where nothing was tried there is nothing to take back; where the cluster fails, that
    /// is noted instead of standing in the way of the other clusters.
    async fn undo<R>(
        &self,
        cx: &StepCx<Estate>,
        work: impl FnOnce(std::sync::Arc<Cluster>) -> R,
    ) -> Result<(), StepError>
    where
        R: Future<Output = Result<(), Error>>,
    {
        let estate = cx.context();
        if matches!(self.state(estate).await?.as_deref(), None | Some(PLANNED | LEFT)) {
            return Ok(());
        }
        match work(self.cluster(estate)?).await {
            Err(Error::Upstream(upstream)) if upstream.reached == Reached::Answered || cx.attempt() >= TRIES => {
                tracing::warn!(cluster = %self.host, account = %self.slug, error = %upstream.message, "left behind");
                Ok(self.set_state(estate, LEFT).await?)
            }
            other => Ok(other?),
        }
    }
}

struct MakePool(On);

impl Step<Estate> for MakePool {
    type Output = ();

    async fn run(&self, cx: &StepCx<Estate>) -> Result<(), StepError> {
        let cluster = self.0.cluster(cx.context())?;
        match cluster.pool_comment(&self.0.slug).await? {
            Some(comment) if comment == self.0.mark => Ok(()),
            Some(_) => Err(taken("pool", &self.0.slug, &self.0.host).into()),
            None => {
                self.0.set_state(cx.context(), CREATING).await?;
                Ok(cluster.create_pool(&self.0.slug, &self.0.mark).await?)
            }
        }
    }

    async fn undo(&self, cx: &StepCx<Estate>, _: Option<()>) -> Result<(), StepError> {
        let undo = |cluster: std::sync::Arc<Cluster>| async move {
            if cluster.pool_comment(&self.0.slug).await?.as_deref() == Some(self.0.mark.as_str()) {
                cluster.delete_pool(&self.0.slug).await?;
            }
            Ok(())
        };
        self.0.undo(cx, undo).await
    }
}

struct MakeGroup(On);

impl Step<Estate> for MakeGroup {
    type Output = ();

    async fn run(&self, cx: &StepCx<Estate>) -> Result<(), StepError> {
        let cluster = self.0.cluster(cx.context())?;
        match cluster.groups().await?.into_iter().find(|group| group.name == self.0.slug) {
            Some(group) if group.comment == self.0.mark => Ok(()),
            Some(_) => Err(taken("group", &self.0.slug, &self.0.host).into()),
            None => Ok(cluster.create_group(&self.0.slug, &self.0.mark).await?),
        }
    }

    async fn undo(&self, cx: &StepCx<Estate>, _: Option<()>) -> Result<(), StepError> {
        let undo = |cluster: std::sync::Arc<Cluster>| async move {
            let groups = cluster.groups().await?;
            if groups.into_iter().any(|group| group.name == self.0.slug && group.comment == self.0.mark) {
                cluster.delete_group(&self.0.slug).await?;
            }
            Ok(())
        };
        self.0.undo(cx, undo).await
    }
}

/// The cluster's default storage becomes a member of the pool: tenants get space on the storages of their pool.
struct GiveSpace(On);

impl Step<Estate> for GiveSpace {
    type Output = Option<String>;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Option<String>, StepError> {
        let cluster = self.0.cluster(cx.context())?;
        let Some(storage) = cluster.settings.default_storage.clone() else { return Ok(None) };
        if !cluster.pool_members(&self.0.slug).await?.storages.contains(&storage) {
            cluster.add_storage_to_pool(&self.0.slug, &storage).await?;
        }
        Ok(Some(storage))
    }

    async fn undo(&self, cx: &StepCx<Estate>, _: Option<Option<String>>) -> Result<(), StepError> {
        let undo = |cluster: std::sync::Arc<Cluster>| async move {
            if cluster.pool_comment(&self.0.slug).await?.as_deref() == Some(self.0.mark.as_str()) {
                for storage in cluster.pool_members(&self.0.slug).await?.storages {
                    cluster.remove_storage_from_pool(&self.0.slug, &storage).await?;
                }
            }
            Ok(())
        };
        self.0.undo(cx, undo).await
    }
}

struct GiveRights(On);

impl Step<Estate> for GiveRights {
    type Output = ();

    async fn run(&self, cx: &StepCx<Estate>) -> Result<(), StepError> {
        let cluster = self.0.cluster(cx.context())?;
        let place = Place::read(&cluster, &self.0.slug, &self.0.slug).await?;
        let wanted = default_rights(&self.0.slug, &self.0.slug, &place.scope);
        apply(&cluster, &wanted, &place.held).await?;
        Ok(())
    }

    async fn undo(&self, cx: &StepCx<Estate>, _: Option<()>) -> Result<(), StepError> {
        let undo = |cluster: std::sync::Arc<Cluster>| async move {
            let groups = cluster.groups().await?;
            if groups.iter().any(|group| group.name == self.0.slug && group.comment == self.0.mark) {
                let place = Place::read(&cluster, &self.0.slug, &self.0.slug).await?;
                apply(&cluster, &[], &place.held).await?;
            }
            Ok(())
        };
        self.0.undo(cx, undo).await
    }
}

struct Ready(Create);

impl Step<Estate> for Ready {
    type Output = Value;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<Value, StepError> {
        let create = self.0.clone();
        let written = cx
            .context()
            .store
            .try_write(move |sql| -> Result<_, Error> {
                for cluster in create.clusters {
                    let place = accounts::AccountCluster {
                        account_id: create.id,
                        cluster,
                        pool: create.slug.clone(),
                        adopted: false,
                        state: READY.to_owned(),
                    };
                    accounts::put_cluster(sql, &place)?;
                }
                let row = accounts::by_id(sql, create.id)?
                    .ok_or_else(|| Error::not_found(format!("account {}", create.slug)))?;
                Ok(view(row, accounts::clusters_of(sql, create.id)?))
            })
            .await;
        serde_json::to_value(written?).map_err(|error| StepError::failed("internal", error.to_string()))
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<Value>) -> Result<(), StepError> {
        Ok(())
    }
}
