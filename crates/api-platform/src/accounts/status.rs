//! Suspending, disabling and enabling accounts. All three may be repeated: 200 with `changed: false`.

use axum::extract::State;
use bnna_api_kit::{Answer, Caller, Json, Path, Prefer, Reply, Routes, route};
use bnna_auth::Access;
use bnna_core::{AccountStatus, Slug};
use bnna_platform::Platform;
use bnna_platform::operations::Accepted;
use bnna_platform::views::StatusChange;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{Outcome, ran};
use crate::request::{AccountPath, Empty, PreferWait, actor};

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new()
        .add(route!(Access::Operator, suspend_account))
        .add(route!(Access::Operator, disable_account))
        .add(route!(Access::Operator, enable_account))
}

/// What becomes of the guests.
#[derive(Debug, Deserialize, ToSchema)]
struct StopGuests {
    /// Whether to shut the running guests down too; they keep running without it.
    #[serde(default)]
    stop: bool,
}

/// Suspends an account: it can be read, not changed.
///
/// On Proxmox the rights of its group are cut to looking.
#[utoipa::path(
    post, path = "/api/platform/accounts/{slug}/suspend", tag = "accounts", params(AccountPath, PreferWait),
    request_body = StopGuests,
    responses((status = 200, body = StatusChange), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn suspend_account(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    prefer: Prefer,
    Json(body): Json<StopGuests>,
) -> Reply<Outcome<StatusChange>> {
    set(platform, caller, path.slug, AccountStatus::Suspended, body.stop, prefer).await
}

/// Disables an account: nothing works for its tenants.
///
/// On Proxmox the rights of its group are taken away and its users are switched off. Its tokens are kept and work again once it is
/// enabled.
#[utoipa::path(
    post, path = "/api/platform/accounts/{slug}/disable", tag = "accounts", params(AccountPath, PreferWait),
    request_body = StopGuests,
    responses((status = 200, body = StatusChange), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn disable_account(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    prefer: Prefer,
    Json(body): Json<StopGuests>,
) -> Reply<Outcome<StatusChange>> {
    set(platform, caller, path.slug, AccountStatus::Disabled, body.stop, prefer).await
}

/// Enables an account that is suspended or disabled.
///
/// Its rights come back as they were. Guests that were shut down stay so.
#[utoipa::path(
    post, path = "/api/platform/accounts/{slug}/enable", tag = "accounts", params(AccountPath, PreferWait),
    responses((status = 200, body = StatusChange), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn enable_account(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    prefer: Prefer,
    Json(Empty {}): Json<Empty>,
) -> Reply<Outcome<StatusChange>> {
    set(platform, caller, path.slug, AccountStatus::Active, false, prefer).await
}

async fn set(
    platform: Platform,
    caller: Caller,
    slug: Slug,
    wanted: AccountStatus,
    stop: bool,
    prefer: Prefer,
) -> Reply<Outcome<StatusChange>> {
    let account = platform.account_for_operating(&caller.grant, &slug).await?;
    let run = platform.set_account_status(&actor(&caller)?, &account, wanted, stop, prefer.into()).await?;
    Ok(ran(run, Answer::ok))
}
