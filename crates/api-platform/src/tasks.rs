//! Proxmox tasks, and operations in the same shape, so that a program polls one address for everything.

use axum::extract::State;
use bnna_api_kit::{Answer, ApiError, Page, PagedQuery, Reply, Routes, route};
use bnna_auth::Access;
use bnna_core::Vmid;
use bnna_platform::Platform;
use bnna_platform::tasks::TaskQuery;
use bnna_platform::views::TaskView;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::answer::rows;
use crate::request::{flag, log_window};

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new().add(route!(Access::OperatorRead, tasks))
}

/// Which task, or which tasks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TaskFilter {
    /// The one task with this UPID, or the operation with this id. Goes with `cluster` only.
    upid: Option<String>,
    /// Only those of this account.
    account: Option<String>,
    /// On this cluster.
    cluster: Option<String>,
    /// Only those of this guest.
    #[param(value_type = Option<u32>)]
    vmid: Option<Vmid>,
    /// Only those that run, or only those that have ended.
    #[serde(default, deserialize_with = "flag")]
    running: Option<bool>,
}

/// The task asked for, or the list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Tasks {
    /// With `upid`.
    One(Box<TaskView>),
    /// Without.
    Many(Vec<TaskView>),
}

/// Polls a task, or lists the tasks that were started here.
///
/// The newest first, a hundred unless `limit` says otherwise. `WARNINGS: n` counts as ok, with `warnings`.
#[utoipa::path(
    get, path = "/api/tasks", tag = "tasks", params(TaskFilter, Page),
    extensions(("x-paged" = json!(true))),
    responses((status = 200, body = Tasks))
)]
async fn tasks(State(platform): State<Platform>, query: PagedQuery<TaskFilter>) -> Reply<Tasks> {
    let TaskFilter { upid, account, cluster, vmid, running } = query.filter;
    if let Some(upid) = upid {
        if account.is_some() || vmid.is_some() || running.is_some() || query.page != Page::default() {
            return Err(ApiError::bad_request("upid asks for one task: only cluster goes with it"));
        }
        let task = platform.task(&upid, cluster.as_deref()).await?;
        return Ok(Answer::ok(Tasks::One(Box::new(task))));
    }
    let asked = TaskQuery { account, cluster, vmid, running };
    Ok(rows(platform.tasks(asked, log_window(&query.page)?).await?).map(Tasks::Many))
}
