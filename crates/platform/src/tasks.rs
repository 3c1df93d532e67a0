//! Proxmox tasks: those started here are recorded with who started them; any can be asked for by its UPID. An operation's id is
//! understood too, so that a program polls one address for everything.

use bnna_core::Vmid;
use bnna_store::{Page, Window, accounts, tasks as rows};
use proxmox_client::{TaskOutcome, Upid};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Platform;
use crate::actor::Actor;
use crate::error::Error;
use crate::views::{OperationView, TaskView};

/// How many tasks without a known end a list asks the clusters after: the newest.
const ASKED_AFTER: u32 = 100;

/// Which tasks to list.
#[derive(Debug, Clone, Default)]
pub struct TaskQuery {
    /// Of this account.
    pub account: Option<String>,
    /// On this cluster.
    pub cluster: Option<String>,
    /// Of this guest.
    pub vmid: Option<Vmid>,
    /// Only running ones, or only ended ones.
    pub running: Option<bool>,
}

impl Platform {
    /// Notes a task that was started. Where that fails, the task goes on and is found on the cluster; it is logged.
    pub(crate) async fn record_task(
        &self,
        actor: &Actor,
        host: &str,
        upid: &str,
        vmid: Option<Vmid>,
        account: Option<&str>,
        operation: Option<Uuid>,
    ) {
        let Ok(parsed) = upid.parse::<Upid>() else { return };
        let account = account.map(str::to_owned);
        let mut row = rows::Task {
            upid: upid.to_owned(),
            cluster: host.to_owned(),
            node: parsed.node().to_owned(),
            kind: parsed.task().kind.clone(),
            vmid: vmid.map(|vmid| i64::from(vmid.get())),
            account_id: None,
            started_by: actor.name.clone(),
            started_at: bnna_store::now(),
            ended_at: None,
            exitstatus: None,
            operation_id: operation,
        };
        let written = self
            .store()
            .write(move |sql| {
                if let Some(slug) = account {
                    row.account_id = accounts::by_slug(sql, &slug)?.map(|account| account.id);
                }
                rows::insert(sql, &row)
            })
            .await;
        if let Err(error) = written {
            tracing::error!(%error, upid, "a task that was started could not be recorded");
        }
    }

    /// A task, or an operation, by its id.
    ///
    /// # Errors
    /// The id is malformed; nobody knows it; a cluster that could know it does not answer.
    pub async fn task(&self, id: &str, cluster: Option<&str>) -> Result<TaskView, Error> {
        if let Ok(operation) = Uuid::try_parse(id) {
            return self.operation(operation).await.map(operation_task);
        }
        let upid: Upid = id.parse().map_err(|error| bnna_core::Invalid::new("upid", format!("{error}")))?;
        let wanted = id.to_owned();
        let recorded = self.store().read(move |sql| rows::get(sql, &wanted)).await?;
        if let Some(ended) = recorded.clone().filter(|row| row.ended_at.is_some()) {
            // What has ended does not change any more; Proxmox forgets it one day.
            return Ok(recorded_view(ended));
        }
        let host = cluster.map(str::to_owned).or_else(|| recorded.as_ref().map(|row| row.cluster.clone()));
        let clusters = match &host {
            Some(host) => vec![self.estate().clusters.get(host)?],
            None => self.estate().clusters.all(),
        };
        let asked = upid.clone();
        let answers = self
            .estate()
            .clusters
            .ask_these(clusters, |cluster| {
                let upid = asked.clone();
                async move { cluster.task(&upid).await }
            })
            .await;
        let silent = answers.failure();
        for (cluster, status) in answers.got {
            let Some(status) = status else { continue };
            let outcome = status.outcome();
            let ended = match (&outcome, &recorded) {
                (Some(_), Some(row)) if row.ended_at.is_none() => {
                    let (at, exit) = (bnna_store::now(), status.exitstatus.clone().unwrap_or_default());
                    let upid = id.to_owned();
                    self.store().write(move |sql| rows::finish(sql, &upid, &exit, at)).await?;
                    Some(at)
                }
                (_, Some(row)) => row.ended_at,
                (_, None) => None,
            };
            return Ok(view(&upid, &cluster.host, outcome.as_ref(), status.exitstatus, ended));
        }
        if let Some(silent) = silent {
            return Err(Error::Upstream(silent));
        }
        match recorded {
            // Proxmox forgets old tasks; what was seen of it stays.
            Some(row) => Ok(recorded_view(row)),
            None => Err(Error::not_found(format!("task {id}"))),
        }
    }

    /// Asks the clusters after tasks that ran when they were last seen, and notes which have ended. Where a cluster does not
    /// answer, its tasks stay as they were seen.
    async fn note_ends(&self, filter: rows::Filter) -> Result<(), Error> {
        let open = rows::Filter { running: Some(true), ..filter };
        let open = self.store().read(move |sql| rows::list(sql, &open, &Window::first(ASKED_AFTER))).await?.items;
        let asked = open.into_iter().map(|row| async move {
            let upid: Upid = row.upid.parse().ok()?;
            let cluster = self.estate().clusters.get(&row.cluster).ok()?;
            let answer = tokio::time::timeout(self.estate().clusters.clients.deadline, cluster.task(&upid)).await;
            let status = answer.ok()?.ok()??;
            status.outcome()?;
            Some((row.upid, status.exitstatus.unwrap_or_default()))
        });
        let ended: Vec<(String, String)> = futures::future::join_all(asked).await.into_iter().flatten().collect();
        if !ended.is_empty() {
            let at = bnna_store::now();
            self.store()
                .write(move |sql| {
                    ended.iter().try_for_each(|(upid, exit)| rows::finish(sql, upid, exit, at).map(|_| ()))
                })
                .await?;
        }
        Ok(())
    }

    /// Tasks started here, newest first.
    ///
    /// # Errors
    /// The store cannot be read, or there is no such account.
    pub async fn tasks(&self, query: TaskQuery, window: Window<rows::Key>) -> Result<Page<TaskView, rows::Key>, Error> {
        let filter = self
            .store()
            .try_read(move |sql| -> Result<_, Error> {
                let account_id = match query.account {
                    None => None,
                    Some(slug) => {
                        let found = accounts::by_slug(sql, &slug)?;
                        Some(found.ok_or_else(|| Error::not_found(format!("account {slug}")))?.id)
                    }
                };
                Ok(rows::Filter {
                    account_id,
                    cluster: query.cluster,
                    vmid: query.vmid.map(|vmid| i64::from(vmid.get())),
                    operation_id: None,
                    running: query.running,
                })
            })
            .await?;
        self.note_ends(filter.clone()).await?;
        let page = self.store().read(move |sql| rows::list(sql, &filter, &window)).await?;
        Ok(Page { items: page.items.into_iter().map(recorded_view).collect(), next: page.next })
    }
}

fn view(
    upid: &Upid,
    host: &str,
    outcome: Option<&TaskOutcome>,
    exitstatus: Option<String>,
    ended: Option<OffsetDateTime>,
) -> TaskView {
    TaskView {
        upid: upid.to_string(),
        cluster: Some(host.to_owned()),
        node: Some(upid.node().to_owned()),
        kind: upid.task().kind.clone(),
        id: upid.task().id.clone(),
        user: upid.task().user.clone(),
        status: if outcome.is_some() { "stopped" } else { "running" }.to_owned(),
        exitstatus,
        ok: outcome.map(|outcome| !matches!(outcome, TaskOutcome::Failed(_))),
        warnings: match outcome {
            Some(TaskOutcome::Warnings(count)) => Some(u64::from(*count)),
            _ => None,
        },
        starttime: i64::try_from(upid.task().start_time)
            .ok()
            .and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()),
        endtime: ended,
    }
}

fn recorded_view(row: rows::Task) -> TaskView {
    let outcome = row.exitstatus.as_deref().map(TaskOutcome::of);
    match row.upid.parse::<Upid>() {
        Ok(upid) => view(&upid, &row.cluster, outcome.as_ref(), row.exitstatus, row.ended_at),
        Err(_) => TaskView {
            ok: outcome.as_ref().map(|outcome| !matches!(outcome, TaskOutcome::Failed(_))),
            status: if row.ended_at.is_some() { "stopped" } else { "running" }.to_owned(),
            upid: row.upid,
            cluster: Some(row.cluster),
            node: Some(row.node),
            kind: row.kind,
            id: row.vmid.map(|vmid| vmid.to_string()).unwrap_or_default(),
            user: row.started_by,
            exitstatus: row.exitstatus,
            warnings: None,
            starttime: Some(row.started_at),
            endtime: row.ended_at,
        },
    }
}

/// An operation in the shape of a task.
fn operation_task(operation: OperationView) -> TaskView {
    let ended = operation.finished_at.is_some();
    let message = operation.error.as_ref().and_then(|error| error.get("message")).and_then(|text| text.as_str());
    let exitstatus = match (ended, operation.state.as_str()) {
        (false, _) => None,
        (true, "done") => Some("OK".to_owned()),
        (true, state) => Some(message.unwrap_or(state).to_owned()),
    };
    TaskView {
        upid: operation.operation_id.to_string(),
        cluster: None,
        node: None,
        ok: ended.then_some(operation.state == "done"),
        kind: operation.kind,
        id: operation.subject,
        user: operation.actor,
        status: if ended { "stopped" } else { "running" }.to_owned(),
        exitstatus,
        warnings: None,
        starttime: Some(operation.created_at),
        endtime: operation.finished_at,
    }
}
