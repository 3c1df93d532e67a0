//! Looking after accounts: health, inventory, rights, repair.

use axum::extract::State;
use bnna_api_kit::{Answer, Caller, Json, Path, Prefer, Query, Reply, Routes, route};
use bnna_auth::Access;
use bnna_platform::Error;
use bnna_platform::Platform;
use bnna_platform::accounts::Why;
use bnna_platform::operations::Accepted;
use bnna_platform::views::{
    AccountHealth, AccountInventory, AclSync, CanaryReport, CanaryRoundReport, Reason, RepairReport,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::answer::{Outcome, ran};
use crate::request::{AccountPath, Empty, PreferWait, actor};

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new()
        .add(route!(Access::OperatorRead, account_health))
        .add(route!(Access::OperatorRead, account_inventory))
        .add(route!(Access::OperatorRead, why_account))
        .add(route!(Access::Operator, sync_account_acls))
        .add(route!(Access::Operator, repair_account))
        .add(route!(Access::Operator, send_canary))
        .add(route!(Access::Operator, send_canaries))
}

/// How the rights are synced.
#[derive(Debug, Deserialize, ToSchema)]
struct SyncAcls {
    /// Whether to say only what would be done.
    #[serde(default)]
    dry_run: bool,
}

/// Checks an account on all its clusters.
///
/// What is found is in the answer, which is 200 also for an account that is not well.
#[utoipa::path(
    get, path = "/api/platform/accounts/{slug}/health", tag = "accounts", params(AccountPath),
    responses((status = 200, body = AccountHealth))
)]
async fn account_health(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
) -> Reply<AccountHealth> {
    let account = platform.account_for_reading(&caller.grant, &path.slug).await?;
    Ok(Answer::ok(platform.account_health(&account).await?))
}

/// Shows everything of an account, without secrets.
#[utoipa::path(
    get, path = "/api/platform/accounts/{slug}/inventory", tag = "accounts", params(AccountPath),
    extensions(("x-warnings" = json!(true))),
    responses((status = 200, body = AccountInventory))
)]
async fn account_inventory(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
) -> Reply<AccountInventory> {
    let account = platform.account_for_reading(&caller.grant, &path.slug).await?;
    let inventory = platform.account_inventory(&account).await?;
    let missing = inventory.warnings.clone();
    Ok(Answer::ok(inventory).with_warnings(missing))
}

/// What is asked about rights.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct WhyQuery {
    /// A Proxmox user `name@realm`, or a token `name@realm!token`.
    #[param(example = "alice@pve")]
    subject: String,
    /// A Proxmox ACL path.
    #[param(example = "/vms/1104209")]
    path: String,
    /// A Proxmox privilege.
    #[param(example = "VM.PowerMgmt")]
    privilege: String,
}

/// Says why somebody may or may not do something on the account's clusters.
///
/// The entries that decided, Proxmox's own answer, and what bnna would have to write.
#[utoipa::path(
    get, path = "/api/platform/accounts/{slug}/why", tag = "accounts", params(AccountPath, WhyQuery),
    extensions(("x-warnings" = json!(true))),
    responses((status = 200, body = Vec<Reason>))
)]
async fn why_account(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    Query(asked): Query<WhyQuery>,
) -> Reply<Vec<Reason>> {
    let account = platform.account_for_reading(&caller.grant, &path.slug).await?;
    let question = Why::parse(&asked.subject, &asked.path, &asked.privilege).map_err(Error::from)?;
    let found = platform.why(&account, &question).await?;
    Ok(Answer::ok(found.items).with_warnings(found.warnings))
}

/// Brings the rights of an account's group on Proxmox to what they shall be.
///
/// Entries that are not the account's are not touched. Repeating it changes nothing.
#[utoipa::path(
    put, path = "/api/platform/accounts/{slug}/acls", tag = "accounts", params(AccountPath, PreferWait),
    request_body = SyncAcls,
    responses((status = 200, body = AclSync), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn sync_account_acls(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    prefer: Prefer,
    Json(body): Json<SyncAcls>,
) -> Reply<Outcome<AclSync>> {
    let account = platform.account_for_operating(&caller.grant, &path.slug).await?;
    let run = platform.sync_acls(&actor(&caller)?, &account, body.dry_run, prefer.into()).await?;
    Ok(ran(run, Answer::ok))
}

/// Makes what is missing of an account on Proxmox again: pool, group, members, rights.
#[utoipa::path(
    post, path = "/api/platform/accounts/{slug}/repair", tag = "accounts", params(AccountPath, PreferWait),
    responses((status = 200, body = RepairReport), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn repair_account(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    prefer: Prefer,
    Json(Empty {}): Json<Empty>,
) -> Reply<Outcome<RepairReport>> {
    let account = platform.account_for_operating(&caller.grant, &path.slug).await?;
    let run = platform.repair_account(&actor(&caller)?, &account, prefer.into()).await?;
    Ok(ran(run, Answer::ok))
}

/// Tries, as a short-lived user of the account's group, what must be refused to it on its clusters.
///
/// It only reads: foreign pools, guests, storages, and what lists show. What was not refused is in the answer and in the account's
/// health. The user and its token are removed again, and end by themselves after a quarter of an hour.
#[utoipa::path(
    post, path = "/api/platform/accounts/{slug}/canary", tag = "accounts", params(AccountPath, PreferWait),
    responses((status = 200, body = CanaryReport), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn send_canary(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    prefer: Prefer,
    Json(Empty {}): Json<Empty>,
) -> Reply<Outcome<CanaryReport>> {
    let account = platform.account_for_operating(&caller.grant, &path.slug).await?;
    let run = platform.send_canary(&actor(&caller)?, &account, prefer.into()).await?;
    Ok(ran(run, Answer::ok))
}

/// Sends a canary for each account, one after the other.
///
/// What is found is in the answer and in each account's health. An account that something works on, or whose clusters do not answer, is
/// named and left out. One round at a time; one that was under way when bnpd ended goes on.
#[utoipa::path(
    post, path = "/api/platform/canary", tag = "accounts", params(PreferWait),
    responses((status = 200, body = CanaryRoundReport), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn send_canaries(
    State(platform): State<Platform>,
    caller: Caller,
    prefer: Prefer,
    Json(Empty {}): Json<Empty>,
) -> Reply<Outcome<CanaryRoundReport>> {
    let run = platform.send_canaries(&actor(&caller)?, &caller.grant, prefer.into()).await?;
    Ok(ran(run, Answer::ok))
}
