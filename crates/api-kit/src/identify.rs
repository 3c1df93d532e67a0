//! The seam through which requests are authenticated: the façade's kit knows headers and answers, what is behind knows the
//! users table, the store and the clusters.

use std::net::IpAddr;

use bnna_auth::authorization::Credential;
use bnna_auth::{Denied, Principal, Standing};
use futures::future::BoxFuture;

use crate::code::Code;
use crate::error::ApiError;

/// Turns credentials into principals and slugs into standings.
pub trait Identify: Send + Sync + 'static {
    /// Who presents this credential. Called for every request of a route that is not public; `remote` and `request_id` are
    /// for logs and calls made on the way.
    fn principal<'a>(
        &'a self,
        credential: &'a Credential,
        remote: IpAddr,
        request_id: &'a str,
    ) -> BoxFuture<'a, Result<Principal, AuthFailure>>;

    /// How an account stands; nothing if there is none with this slug.
    fn standing<'a>(&'a self, slug: &'a str) -> BoxFuture<'a, Result<Option<Standing>, AuthFailure>>;
}

/// Why nobody was identified.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AuthFailure {
    /// The credential is unknown, expired or revoked: 401. Counts against the address.
    #[error("the credential is unknown, expired or revoked")]
    Unknown,
    /// The credential is known and gives no rights at all, as a Proxmox token without any: 403.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No cluster could be asked about it: 502.
    #[error("{0}")]
    Upstream(String),
    /// The store or the verification could not be done now: 503; why is in the log.
    #[error("{0}")]
    Unavailable(String),
}

impl From<AuthFailure> for ApiError {
    fn from(failure: AuthFailure) -> Self {
        match failure {
            AuthFailure::Unknown => Self::new(Code::Unauthorized, failure.to_string()),
            AuthFailure::Denied(denied) => denied.into(),
            AuthFailure::Upstream(message) => Self::new(Code::Upstream, message),
            AuthFailure::Unavailable(message) => {
                tracing::error!(message, "a request could not be authenticated");
                Self::new(Code::Unavailable, "the credential cannot be checked now; the daemon's log says why")
            }
        }
    }
}
