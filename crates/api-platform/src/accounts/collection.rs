//! Deleting accounts, and what that would do.

use axum::extract::State;
use bnna_api_kit::{Answer, Caller, Path, Prefer, Query, Reply, Routes, route};
use bnna_auth::Access;
use bnna_core::{GcOptions, GcReport};
use bnna_platform::Platform;
use bnna_platform::operations::Accepted;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::answer::{Outcome, ran};
use crate::request::{AccountPath, PreferWait, actor, flag};

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new().add(route!(Access::OperatorRead, gc_account)).add(route!(Access::Operator, delete_account))
}

/// What becomes of adopted things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Adopted {
    /// They are deleted too.
    Delete,
    /// They are forgotten and stay.
    Detach,
}

/// How an account is deleted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GcQuery {
    /// What becomes of adopted things; `detach` without it.
    #[param(inline)]
    adopted: Option<Adopted>,
    /// Whether to stop running guests first. Protected and locked ones still block.
    #[serde(default, deserialize_with = "flag")]
    force: Option<bool>,
}

impl From<GcQuery> for GcOptions {
    fn from(query: GcQuery) -> Self {
        Self { delete_adopted: query.adopted == Some(Adopted::Delete), force: query.force.unwrap_or(false) }
    }
}

/// Says what deleting an account would do, item by item.
#[utoipa::path(
    get, path = "/api/platform/accounts/{slug}/gc", tag = "accounts", params(AccountPath, GcQuery),
    responses((status = 200, body = GcReport))
)]
async fn gc_account(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    Query(query): Query<GcQuery>,
) -> Reply<GcReport> {
    let account = platform.account_for_reading(&caller.grant, &path.slug).await?;
    Ok(Answer::ok(platform.gc_report(&account, query.into()).await?))
}

/// Deletes an account with what belongs to it.
///
/// Does what the dry run says, and says what became of each item. Where something blocks, nothing is done: 409, with the report in
/// `details`. One that broke half way is finished by repeating it.
#[utoipa::path(
    delete, path = "/api/platform/accounts/{slug}", tag = "accounts", params(AccountPath, GcQuery, PreferWait),
    responses((status = 200, body = GcReport), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn delete_account(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    Query(query): Query<GcQuery>,
    prefer: Prefer,
) -> Reply<Outcome<GcReport>> {
    let account = platform.account_for_operating(&caller.grant, &path.slug).await?;
    let run = platform.delete_account(&actor(&caller)?, &account, query.into(), prefer.into()).await?;
    Ok(ran(run, Answer::ok))
}
