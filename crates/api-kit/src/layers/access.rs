//! Which route, who calls, and whether they may. The decision itself is `bnna-auth`'s; here it gets its inputs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::RequestExt as _;
use axum::extract::{MatchedPath, RawPathParams, Request};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use bnna_auth::authorization::{self, Credential};
use bnna_auth::limits::{Overall, TooManyFailures};
use bnna_auth::{Access, Principal, Question, Verb, asks_standing, authorize};
use tokio::sync::SemaphorePermit;

use super::request::is_read;
use crate::code::Code;
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::extract::Caller;
use crate::identify::AuthFailure;
use crate::metrics;
use crate::routes::RouteInfo;
use crate::stack::Shared;

/// The parameter of a path that names the account.
const ACCOUNT_PARAMETER: &str = "slug";

/// How long a costly credential waits for its turn in a flood.
const TURN_WAIT: Duration = Duration::from_secs(5);

/// Finds the route's entry in the table, or 404 and 405.
pub(crate) fn locate(shared: &Shared, request: &Request) -> Result<Arc<RouteInfo>, ApiError> {
    let path = request.extensions().get::<MatchedPath>();
    let found = path.map_or(Err(None), |path| shared.route(path.as_str(), request.method()).cloned());
    found.map_err(|allowed| match allowed {
        None => ApiError::not_found("there is nothing at this path"),
        Some(allow) => {
            let message = format!("this path has {allow}");
            ApiError { allow: Some(allow.into()), ..ApiError::new(Code::MethodNotAllowed, message) }
        }
    })
}

/// Identifies the caller of a route that is not public.
pub(crate) async fn authenticate(
    shared: &Shared,
    route: &RouteInfo,
    context: &RequestContext,
    headers: &HeaderMap,
) -> Result<Option<Arc<Principal>>, ApiError> {
    if route.access == Access::Public {
        return Ok(None);
    }
    identify(shared, headers, context).await.map(|principal| Some(Arc::new(principal)))
}

async fn identify(shared: &Shared, headers: &HeaderMap, context: &RequestContext) -> Result<Principal, ApiError> {
    let unauthorized = |message: String| ApiError::new(Code::Unauthorized, message);
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(unauthorized("this needs a credential: Authorization: Bearer <token>".to_owned()));
    };
    let address = context.remote.ip();
    let now = Instant::now();
    let overall = shared.failures.check(address, now).map_err(|refused| {
        metrics::address_refused();
        too_many(refused)
    })?;
    // In a flood whatever fails is answered as the limit's refusal: it could be either.
    let failed = |error: ApiError| {
        shared.failures.failed(address, now);
        metrics::credential_failed();
        match overall {
            Overall::Calm => error,
            Overall::Flooded { retry_after } => too_many(TooManyFailures { retry_after }),
        }
    };
    let credential = match (std::str::from_utf8(value.as_bytes()), values.next()) {
        (Ok(text), None) => authorization::parse(text).map_err(|error| error.to_string()),
        (Err(_), _) => Err("the Authorization header is not UTF-8".to_owned()),
        (_, Some(_)) => Err("there is more than one Authorization header".to_owned()),
    };
    let credential: Credential = credential.map_err(|message| failed(unauthorized(message)))?;
    let _turn = shared.costly_turn(&credential, overall).await?;
    let asked = shared.identify.principal(&credential, address, &context.request_id).await;
    context.record("auth", now.elapsed());
    asked.map_err(|failure| match failure {
        AuthFailure::Unknown | AuthFailure::Denied(_) => failed(failure.into()),
        AuthFailure::Upstream(_) | AuthFailure::Unavailable(_) => failure.into(),
    })
}

fn too_many(refused: TooManyFailures) -> ApiError {
    ApiError { retry_after: Some(refused.retry_after), ..ApiError::new(Code::TooManyFailures, refused.to_string()) }
}

impl Shared {
    /// In a flood of failures, credentials that cost a question to the clusters take turns: a good one gets through, and the
    /// clusters do not feel the flood. Others are looked up, which costs next to nothing.
    async fn costly_turn(
        &self,
        credential: &Credential,
        overall: Overall,
    ) -> Result<Option<SemaphorePermit<'_>>, ApiError> {
        let (Overall::Flooded { retry_after }, Credential::PveRoot(_)) = (overall, credential) else { return Ok(None) };
        let turn = tokio::time::timeout(TURN_WAIT, self.costly.acquire()).await;
        turn.ok().and_then(Result::ok).map(Some).ok_or_else(|| too_many(TooManyFailures { retry_after }))
    }
}

/// Decides: the caller with its grant, for the handler.
pub(crate) async fn authorise(
    shared: &Shared,
    route: &RouteInfo,
    context: &RequestContext,
    principal: Option<Arc<Principal>>,
    request: &mut Request,
) -> Result<Caller, ApiError> {
    let parameters = request.extract_parts::<RawPathParams>().await.map_err(|error| {
        tracing::error!(%error, "a located path has no parameters");
        ApiError::internal()
    })?;
    let account = parameters
        .iter()
        .find(|(name, _)| *name == ACCOUNT_PARAMETER)
        .map(|(_, slug)| slug.to_owned())
        .filter(|_| matches!(route.access, Access::AccountRead | Access::AccountWrite));
    let own = principal.as_deref().and_then(Principal::account_slug);
    // Whose standing matters: the account's of the path, or the tenant's own where the path names none. A tenant on another
    // account's path is refused without looking that account up.
    let asked_about = match (&account, own) {
        _ if !asks_standing(route.access, principal.as_deref()) => None,
        (Some(account), Some(own)) if account != own => None,
        (Some(account), _) => Some(account.as_str()),
        (None, own) => own,
    };
    let standing = match asked_about {
        Some(slug) => shared.identify.standing(slug).await?,
        None => None,
    };
    let question = Question {
        access: route.access,
        verb: if is_read(request.method()) { Verb::Read } else { Verb::Write },
        credentials: route.credentials,
        account: account.as_deref(),
        standing,
    };
    let grant = authorize(&question, principal)?;
    Ok(Caller { grant, request_id: context.request_id.clone(), remote: context.remote, claim: None })
}
