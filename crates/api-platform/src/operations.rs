//! Durable work: what it is at, what it led to, and stopping it.

use axum::extract::State;
use bnna_api_kit::{Answer, Caller, Json, Page, PagedQuery, Path, Reply, Routes, route};
use bnna_auth::Access;
use bnna_platform::views::OperationView;
use bnna_platform::{Platform, operations};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::answer::rows;
use crate::request::{Empty, actor, flag, log_window};

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new()
        .add(route!(Access::OperatorRead, list_operations))
        .add(route!(Access::OperatorRead, get_operation))
        .add(route!(Access::Operator, cancel_operation))
}

/// Which operations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OperationFilter {
    /// Only those of this account.
    account: Option<String>,
    /// Only those in this state: pending, running, cancelling, undoing, done, failed, undone or stuck.
    state: Option<String>,
    /// Only of this kind: `accounts.create`.
    kind: Option<String>,
    /// Only those that are over, or only those that are not.
    #[serde(default, deserialize_with = "flag")]
    finished: Option<bool>,
}

/// The operation in the path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OperationPath {
    /// Its id.
    id: Uuid,
}

/// Lists operations.
///
/// The newest first, without their steps, a hundred unless `limit` says otherwise.
#[utoipa::path(
    get, path = "/api/platform/operations", tag = "operations", params(OperationFilter, Page),
    responses((status = 200, body = Vec<OperationView>))
)]
async fn list_operations(
    State(platform): State<Platform>,
    query: PagedQuery<OperationFilter>,
) -> Reply<Vec<OperationView>> {
    let OperationFilter { account, state, kind, finished } = query.filter;
    let filter = operations::Filter { account, state, kind, finished };
    Ok(rows(platform.operations(filter, log_window(&query.page)?).await?))
}

/// Shows an operation with its steps, progress and outcome.
#[utoipa::path(
    get, path = "/api/platform/operations/{id}", tag = "operations", params(OperationPath),
    responses((status = 200, body = OperationView))
)]
async fn get_operation(State(platform): State<Platform>, Path(path): Path<OperationPath>) -> Reply<OperationView> {
    Ok(Answer::ok(platform.operation(path.id).await?))
}

/// Asks an operation to stop and to undo what it did.
///
/// It stops at the end of the step it is at; the answer shows it as it is now. One that is over is 409 `state`.
#[utoipa::path(
    post, path = "/api/platform/operations/{id}/cancel", tag = "operations", params(OperationPath),
    responses((status = 200, body = OperationView))
)]
async fn cancel_operation(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<OperationPath>,
    Json(Empty {}): Json<Empty>,
) -> Reply<OperationView> {
    Ok(Answer::ok(platform.cancel_operation(&actor(&caller)?, path.id).await?))
}
