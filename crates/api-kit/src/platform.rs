//! What every façade takes from the platform: who calls, dry runs, kept answers, its errors as answers, and small values in its
//! terms. The only place of the kit that calls the platform; of use cases it knows none.

use std::net::IpAddr;

use axum::http::StatusCode;
use bnna_auth::authorization::Credential;
use bnna_auth::{Principal, Standing};
use bnna_platform::identity::IdentifyError;
use bnna_platform::repeats::{Claim, Claimed, KeptAnswer, Repeat};
use bnna_platform::{Platform, Wait, views};
use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::backend::{Backend, Rehearsal};
use crate::envelope::Warning;
use crate::error::ApiError;
use crate::extract::Prefer;
use crate::identify::{AuthFailure, Identify};

impl Identify for Platform {
    fn principal<'a>(
        &'a self,
        credential: &'a Credential,
        _: IpAddr,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Principal, AuthFailure>> {
        self.identify(credential).map(|known| known.map_err(AuthFailure::from)).boxed()
    }

    fn standing<'a>(&'a self, slug: &'a str) -> BoxFuture<'a, Result<Option<Standing>, AuthFailure>> {
        let unavailable = |error: bnna_platform::Error| AuthFailure::Unavailable(error.to_string());
        Platform::standing(self, slug).map(move |standing| standing.map_err(unavailable)).boxed()
    }
}

impl Backend for Platform {
    fn rehearse(&self) -> BoxFuture<'_, Result<Rehearsal<Self>, ApiError>> {
        async move {
            let rehearsal = Platform::rehearse(self).await?;
            let state = rehearsal.platform().clone();
            let would = |status: StatusCode| {
                async move { rehearsal.would(status.as_u16()).await.map_err(ApiError::from) }.boxed()
            };
            Ok(Rehearsal { state, would: Box::new(would) })
        }
        .boxed()
    }

    fn claim<'a>(&'a self, repeat: &'a Repeat, request_id: &'a str) -> BoxFuture<'a, Result<Claimed, ApiError>> {
        Platform::claim(self, repeat, request_id).map(|claimed| claimed.map_err(ApiError::from)).boxed()
    }

    fn keep_answer<'a>(&'a self, claim: &'a Claim, answer: &'a KeptAnswer) -> BoxFuture<'a, Result<(), ApiError>> {
        Platform::keep_answer(self, claim, answer).map(|kept| kept.map_err(ApiError::from)).boxed()
    }

    fn release(&self, claim: Claim) -> BoxFuture<'_, Result<(), ApiError>> {
        self.release_claim(claim).map(|released| released.map_err(ApiError::from)).boxed()
    }
}

impl From<IdentifyError> for AuthFailure {
    fn from(error: IdentifyError) -> Self {
        match error {
            IdentifyError::Unknown => Self::Unknown,
            IdentifyError::Denied(denied) => Self::Denied(denied),
            IdentifyError::Upstream(message) => Self::Upstream(message),
            IdentifyError::Unavailable(message) => Self::Unavailable(message),
        }
    }
}

impl From<bnna_platform::Error> for ApiError {
    fn from(error: bnna_platform::Error) -> Self {
        let perhaps_done = error.perhaps_done();
        Self { perhaps_done, ..Self::from_word(&error.code(), error.to_string(), error.details()) }
    }
}

impl From<views::Warning> for Warning {
    fn from(missing: views::Warning) -> Self {
        Self { cluster: missing.cluster, message: missing.message }
    }
}

impl From<Prefer> for Wait {
    fn from(prefer: Prefer) -> Self {
        Self(prefer.wait)
    }
}
