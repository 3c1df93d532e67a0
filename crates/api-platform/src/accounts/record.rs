//! Listing, creating, adopting and showing accounts.

use axum::extract::State;
use bnna_api_kit::{Answer, Caller, Json, Page, PagedQuery, Path, Prefer, Reply, Routes, route};
use bnna_auth::Access;
use bnna_core::{AccountStatus, ClusterHost, DisplayName, Email, Slug};
use bnna_platform::operations::Accepted;
use bnna_platform::views::{AccountAdopted, AccountView};
use bnna_platform::{Error, Platform, accounts};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::answer::{Outcome, ran, rows};
use crate::request::{AccountPath, PreferWait, actor, flag, window};

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new()
        .add(route!(Access::OperatorRead, list_accounts))
        .add(route!(Access::Operator, create_account))
        .add(route!(Access::OperatorRead, get_account))
        .add(route!(Access::Operator, adopt_account))
}

/// Which accounts; everything given has to fit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AccountFilter {
    /// Only with this status.
    #[param(inline)]
    status: Option<AccountStatus>,
    /// Only those on this cluster.
    cluster: Option<String>,
    /// Only adopted ones, or only others.
    #[serde(default, deserialize_with = "flag")]
    adopted: Option<bool>,
}

/// A new account.
#[derive(Debug, Deserialize, ToSchema)]
struct CreateAccount {
    /// 2 to 32 characters of a-z, 0-9 and single hyphens, beginning with a letter. It becomes the name of its pool and its group
    /// and never changes.
    #[schema(value_type = String, pattern = "^[a-z][a-z0-9-]{0,30}[a-z0-9]$", example = "acme")]
    slug: Slug,
    /// What people call it; the slug without it.
    #[schema(value_type = Option<String>, max_length = 100, example = "Acme Corp")]
    display_name: Option<DisplayName>,
    /// Whom to write to; may be empty.
    #[schema(value_type = Option<String>, max_length = 254, example = "ops@acme.com")]
    email: Option<Email>,
    /// The hosts of the clusters it shall be on; all of them without it.
    #[schema(value_type = Option<Vec<String>>)]
    clusters: Option<Vec<ClusterHost>>,
}

impl TryFrom<CreateAccount> for accounts::CreateAccount {
    type Error = Error;

    fn try_from(body: CreateAccount) -> Result<Self, Error> {
        let CreateAccount { slug, display_name, email, clusters } = body;
        Ok(Self { slug, display_name, email: email.map_or_else(|| Email::parse(""), Ok)?, clusters })
    }
}

/// What is adopted.
#[derive(Debug, Deserialize, ToSchema)]
struct AdoptAccount {
    /// The pool; the one of the account's name without it.
    pool: Option<String>,
    /// The host of the cluster it is on; every cluster that has it without it.
    #[schema(value_type = Option<String>)]
    cluster: Option<ClusterHost>,
    /// What people call the account; the slug without it.
    #[schema(value_type = Option<String>, max_length = 100)]
    display_name: Option<DisplayName>,
    /// Whom to write to; may be empty.
    #[schema(value_type = Option<String>, max_length = 254)]
    email: Option<Email>,
}

/// Lists the accounts.
///
/// By slug.
#[utoipa::path(
    get, path = "/api/platform/accounts", tag = "accounts", params(AccountFilter, Page),
    responses((status = 200, body = Vec<AccountView>))
)]
async fn list_accounts(State(platform): State<Platform>, query: PagedQuery<AccountFilter>) -> Reply<Vec<AccountView>> {
    let AccountFilter { status, cluster, adopted } = query.filter;
    let filter = accounts::AccountFilter { status, cluster, adopted };
    Ok(rows(platform.accounts(filter, window(&query.page)?).await?))
}

/// Creates an account on its clusters, or on none of them.
///
/// A record, and on each cluster a pool and a group of the slug's name with the default rights. Where one cluster fails, what was
/// made on the others is taken back.
#[utoipa::path(
    post, path = "/api/platform/accounts", tag = "accounts", params(PreferWait), request_body = CreateAccount,
    responses((status = 201, body = AccountView), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn create_account(
    State(platform): State<Platform>,
    caller: Caller,
    prefer: Prefer,
    Json(body): Json<CreateAccount>,
) -> Reply<Outcome<AccountView>> {
    let run = platform.create_account(&actor(&caller)?, body.try_into()?, prefer.into()).await?;
    Ok(ran(run, Answer::created))
}

/// Shows an account.
#[utoipa::path(
    get, path = "/api/platform/accounts/{slug}", tag = "accounts", params(AccountPath),
    responses((status = 200, body = AccountView))
)]
async fn get_account(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
) -> Reply<AccountView> {
    Ok(Answer::ok(platform.account(&caller.grant, &path.slug).await?))
}

/// Takes over a pool that is on Proxmox already, with its guests, as an account.
///
/// Nothing changes on Proxmox. The answer says what was found.
#[utoipa::path(
    post, path = "/api/platform/accounts/{slug}/adopt", tag = "accounts", params(AccountPath, PreferWait),
    request_body = AdoptAccount,
    responses((status = 201, body = AccountAdopted), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn adopt_account(
    State(platform): State<Platform>,
    caller: Caller,
    Path(AccountPath { slug }): Path<AccountPath>,
    prefer: Prefer,
    Json(AdoptAccount { pool, cluster, display_name, email }): Json<AdoptAccount>,
) -> Reply<Outcome<AccountAdopted>> {
    let asked = accounts::AdoptAccount { slug, pool, cluster, display_name, email };
    let run = platform.adopt_account(&actor(&caller)?, asked, prefer.into()).await?;
    Ok(ran(run, Answer::created))
}
