//! Tickets: what a password is exchanged for. A client built with a password does this by itself; these calls are for
//! checking somebody else's.

use secrecy::SecretString;
use serde::Deserialize;

use super::Access;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{AclPath, UserId};
use crate::params::{Switch, params};
use crate::secret::Secret;

/// A ticket.
#[derive(Debug, Clone, Deserialize)]
pub struct Ticket {
    /// Whose.
    pub username: UserId,
    /// The ticket, good for two hours; missing when the check of a path was asked for.
    pub ticket: Option<Secret>,
    /// What every request that changes something has to carry beside it.
    #[serde(rename = "CSRFPreventionToken")]
    pub csrf: Option<Secret>,
    /// The cluster's name.
    pub clustername: Option<String>,
    /// Whether a second factor is still needed; the ticket is then good for nothing else.
    #[serde(rename = "NeedTFA", default)]
    pub needs_second_factor: bool,
}

params! {
    /// A login.
    #[derive(Debug, Clone)]
    pub struct Login {
        /// Who.
        username: UserId = "username",
        /// The password, or a ticket that is still good, to renew it.
        password: SecretString = "password",
        /// A path to check rights on instead of logging in, together with `privs`.
        path: Option<AclPath> = "path",
        /// The privileges to check.
        privs: Vec<String> = "privs",
        /// The answer's present form.
        new_format: Switch = "new-format",
    }
}

calls! { Pve:
    CREATE "access().login" = Post "/access/ticket" (Login) -> Ticket;
}

impl Access<'_> {
    /// Exchanges a password for a ticket.
    ///
    /// # Errors
    /// Any failure of the call; 401 after three seconds when the password is wrong.
    pub async fn login(&self, username: &UserId, password: SecretString) -> Result<Ticket> {
        let params =
            Login { username: username.clone(), password, path: None, privs: Vec::new(), new_format: Switch::On };
        self.connection.send(&CREATE, &[], &params).await
    }
}
