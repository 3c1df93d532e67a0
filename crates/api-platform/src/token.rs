//! What a caller may know of their own credential.

use bnna_api_kit::{Answer, Caller, Reply, Routes, route};
use bnna_auth::Access;
use bnna_platform::views::TokenInspect;
use bnna_platform::{Platform, identity};

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new().add(route!(Access::AnyCredential, inspect_token))
}

/// Describes the caller's own credential.
///
/// The one route under `/api/platform` that a tenant's token may call.
#[utoipa::path(
    get, path = "/api/platform/token/inspect", tag = "token",
    responses((status = 200, body = TokenInspect))
)]
async fn inspect_token(caller: Caller) -> Reply<TokenInspect> {
    Ok(Answer::ok(identity::inspect(caller.principal()?)))
}
