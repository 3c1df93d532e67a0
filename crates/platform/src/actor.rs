//! Who asks, as the audit trail and operations remember it.

use bnna_auth::Principal;
use serde::{Deserialize, Serialize};

/// A caller in one request. Holds ids only, never a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// csvauth, pve, tenant, or system for what bnpd does by itself.
    pub kind: String,
    /// What people call them.
    pub name: String,
    /// The id of the credential.
    pub credential_id: String,
    /// The address the request came from.
    pub remote_addr: Option<String>,
    /// The request.
    pub request_id: String,
}

impl Actor {
    /// The caller of a request.
    pub fn new(principal: &Principal, remote_addr: Option<String>, request_id: impl Into<String>) -> Self {
        Self {
            kind: principal.kind().to_owned(),
            name: principal.name().to_owned(),
            credential_id: principal.credential_id(),
            remote_addr,
            request_id: request_id.into(),
        }
    }

    /// bnpd itself.
    pub fn system(what: &str) -> Self {
        Self {
            kind: "system".to_owned(),
            name: "bnpd".to_owned(),
            credential_id: String::new(),
            remote_addr: None,
            request_id: what.to_owned(),
        }
    }
}
