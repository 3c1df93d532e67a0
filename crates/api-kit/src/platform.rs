//! What every façade takes from the platform: who calls, its errors as answers, and small values in its terms. The only place
//! of the kit that knows the platform; of use cases it knows none.

use std::net::IpAddr;

use bnna_auth::authorization::Credential;
use bnna_auth::{Principal, Standing};
use bnna_platform::identity::IdentifyError;
use bnna_platform::{Platform, Wait, views};
use futures::FutureExt as _;
use futures::future::BoxFuture;

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
        Self::from_word(&error.code(), error.to_string(), error.details())
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
