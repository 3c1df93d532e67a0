//! The tokens of an account: made by impersonation, listed and revoked by whoever may read and change the account.

use axum::extract::State;
use bnna_api_kit::{Answer, Caller, Json, Page, PagedQuery, Path, Reply, Routes, route};
use bnna_auth::Access;
use bnna_core::Slug;
use bnna_platform::views::{TokenIssued, TokenView};
use bnna_platform::{Platform, accounts};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::answer::rows;
use crate::request::{AccountPath, Unfiltered, actor, window};

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new()
        .add(route!(Access::Operator, impersonate_account))
        .add(route!(Access::AccountRead, list_tokens))
        .add(route!(Access::AccountWrite, revoke_token))
}

/// What kind of token is wanted.
#[derive(Debug, Deserialize, ToSchema)]
struct Impersonate {
    /// A role of the account; all of the account without it.
    role_id: Option<String>,
    /// What the token is called; `impersonate:<operator>` without it.
    #[schema(max_length = 100)]
    label: Option<String>,
    /// How many seconds it holds; 3600 without it.
    #[schema(minimum = 60, maximum = 86400)]
    expires_in: Option<i64>,
}

/// The token in the path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct TokenPath {
    /// The account's slug.
    #[param(value_type = String, example = "acme")]
    slug: Slug,
    /// The token's id.
    id: Uuid,
}

/// Which token is revoked.
#[derive(Debug, Serialize, ToSchema)]
struct TokenRevoked {
    /// The account it was for.
    account_slug: String,
    /// Its id.
    id: Uuid,
}

/// Makes a token for an account in the name of the calling operator.
///
/// The answer is the only one with the token's value. The token is listed with the account's others, and in the audit trail.
#[utoipa::path(
    post, path = "/api/platform/accounts/{slug}/impersonate", tag = "accounts", params(AccountPath),
    request_body = Impersonate,
    responses((status = 201, body = TokenIssued))
)]
async fn impersonate_account(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    Json(Impersonate { role_id, label, expires_in }): Json<Impersonate>,
) -> Reply<TokenIssued> {
    let account = platform.account_for_operating(&caller.grant, &path.slug).await?;
    let asked = accounts::Impersonate { role_id, label, expires_in };
    let issued = platform.impersonate(&actor(&caller)?, &account, asked).await?;
    Ok(Answer::created(issued).carrying_a_secret())
}

/// Lists the live tokens of an account, without their values.
#[utoipa::path(
    get, path = "/api/accounts/{slug}/tokens", tag = "tokens", params(AccountPath, Page),
    responses((status = 200, body = Vec<TokenView>))
)]
async fn list_tokens(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
    query: PagedQuery<Unfiltered>,
) -> Reply<Vec<TokenView>> {
    let account = platform.account_for_reading(&caller.grant, &path.slug).await?;
    Ok(rows(platform.tokens(&account, window(&query.page)?).await?))
}

/// Revokes a token of an account.
#[utoipa::path(
    delete, path = "/api/accounts/{slug}/tokens/{id}", tag = "tokens", params(TokenPath),
    responses((status = 200, body = TokenRevoked))
)]
async fn revoke_token(
    State(platform): State<Platform>,
    caller: Caller,
    Path(TokenPath { slug, id }): Path<TokenPath>,
) -> Reply<TokenRevoked> {
    let account = platform.account_for_writing(&caller.grant, &slug).await?;
    platform.revoke_token(&actor(&caller)?, &account, id).await?;
    Ok(Answer::ok(TokenRevoked { account_slug: slug.into(), id }))
}
