//! Who asks, as the audit trail and operations remember it.

use bnna_auth::Principal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
    /// The claim of the request's `Idempotency-Key`: an operation that it becomes is tied to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Uuid>,
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
            claim: None,
        }
    }

    /// With the claim of the request's key.
    #[must_use]
    pub fn with_claim(self, claim: Option<Uuid>) -> Self {
        Self { claim, ..self }
    }

    /// bnpd itself.
    pub fn system(what: &str) -> Self {
        Self {
            kind: "system".to_owned(),
            name: "bnpd".to_owned(),
            credential_id: String::new(),
            remote_addr: None,
            request_id: what.to_owned(),
            claim: None,
        }
    }
}
