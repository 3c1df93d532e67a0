//! Credentials: API tokens, tickets and the CSRF token that goes with them.

use percent_encoding::percent_decode_str;

use crate::api::{Caller, Fault};
use crate::state::Cluster;

/// The credentials that a request carries.
#[derive(Default, Clone)]
pub struct Credentials {
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The ticket from the `PVEAuthCookie` cookie, decoded.
    pub ticket: Option<String>,
    /// The `CSRFPreventionToken` header.
    pub csrf: Option<String>,
}

/// Who a request's credentials belong to.
///
/// # Errors
/// 401, always without a body.
pub fn authenticate(cluster: &Cluster, credentials: &Credentials) -> Result<Caller, Fault> {
    let Some(header) = &credentials.authorization else { return Err(Fault::unauthorized("No ticket")) };
    let Some(value) = header.strip_prefix("PVEAPIToken=") else { return Err(Fault::unauthorized("No ticket")) };
    let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
    let refused = || Fault::unauthorized("Authentication failed!");
    let (id, secret) = value.split_once('=').ok_or_else(refused)?;
    let (userid, name) = id.split_once('!').ok_or_else(refused)?;
    let user = cluster.access.users.get(userid).ok_or_else(refused)?;
    let token = user.tokens.get(name).ok_or_else(refused)?;
    if token.secret.0 != secret {
        return Err(refused());
    }
    Ok(Caller::Token { user: userid.to_owned(), name: name.to_owned() })
}
