//! Who calls: what authentication and authorisation left behind for the handler.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bnna_auth::{Grant, Principal};
use uuid::Uuid;

use crate::error::ApiError;

/// The caller of an authorised request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Proof that the call was authorised; use cases take their handles from it.
    pub grant: Grant,
    /// The request's id.
    pub request_id: String,
    /// Where the request came from.
    pub remote: SocketAddr,
    /// The claim of the request's `Idempotency-Key`, for the use case to tie to what it starts.
    pub claim: Option<Uuid>,
}

impl Caller {
    /// Who it is.
    ///
    /// # Errors
    /// On public routes nobody is known; asking there is a fault of ours.
    pub fn principal(&self) -> Result<&Principal, ApiError> {
        self.grant.principal().ok_or_else(ApiError::internal)
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| {
            tracing::error!(path = parts.uri.path(), "a handler asks for its caller outside of the stack");
            ApiError::internal()
        })
    }
}

/// Kept so that a handler can be written for `Option<Caller>` on public routes.
impl<S: Sync> axum::extract::OptionalFromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}
