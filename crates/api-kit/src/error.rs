//! An error as the client sees it: a code, a sentence, details for programs. What it must not hold: secrets, causes for the
//! log only, or anything of another account.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use bnna_auth::Denied;
use serde_json::Value;

use crate::code::Code;
use crate::context;
use crate::envelope;

/// An error body and its headers. Its status comes from its [`Code`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The stable word and, through it, the status.
    pub code: Code,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// More, for programs.
    pub details: Option<Value>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// The methods a path has, for [`Code::MethodNotAllowed`].
    pub allow: Option<Box<str>>,
    /// Whether what was asked may have been done all the same: then a repeat with the same key is told this again.
    pub perhaps_done: bool,
}

/// Left in the answer to a call that may have been done although it failed, for the layer that keeps answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PerhapsDone;

impl ApiError {
    /// An error of a code.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, retry_after: None, allow: None, perhaps_done: false }
    }

    /// An error from the word a use case gives: the status is looked up here. A word that is not in the table becomes
    /// `internal`. Messages of `internal` and `store` are for the log and do not reach the client; details do.
    #[must_use]
    pub fn from_word(word: &str, message: impl Into<String>, details: Option<Value>) -> Self {
        let message = message.into();
        let error = match Code::parse(word) {
            None | Some(Code::Internal) => {
                tracing::error!(word, message, "internal error");
                Self::internal()
            }
            Some(Code::Store) => {
                tracing::error!(message, "store error");
                Self::new(Code::Store, "the store cannot do this now; the daemon's log says why")
            }
            Some(code) => Self::new(code, message),
        };
        Self { details, ..error }
    }

    /// With details for programs.
    #[must_use]
    pub fn with_details(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
    }

    /// A field breaks a rule.
    #[must_use]
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::new(Code::invalid(field), message)
    }

    /// The request is not what it should be.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// A parameter of the query that nobody reads.
    pub(crate) fn unknown_in_query(name: &str) -> Self {
        let name: String = name.chars().filter(|character| !character.is_control()).take(64).collect();
        Self::new(Code::UnknownField, format!("the query has no field {name}"))
            .with_details(serde_json::json!({ "field": name }))
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// Our fault; why is in the log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::Internal, "internal error; the daemon's log has it under this request id")
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::Forbidden => Code::Forbidden,
            Denied::WrongAccount => Code::WrongAccount,
            Denied::AccountSuspended => Code::AccountSuspended,
            Denied::AccountDisabled => Code::AccountDisabled,
            Denied::NoRole => Code::NoRole,
            Denied::NotEnabled => Code::NotEnabled,
        };
        Self::new(code, denied.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = envelope::error(&self, context::current().as_deref());
        if self.perhaps_done {
            response.extensions_mut().insert(PerhapsDone);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ApiError;
    use crate::code::Code;

    #[test]
    fn texts_for_the_log_do_not_reach_the_client() {
        for word in ["internal", "store", "missing_output"] {
            let error = ApiError::from_word(word, "disk /dev/sda1 is full", Some(json!({ "operation_id": "7" })));
            assert!(!error.message.contains("sda1"), "{word}");
            assert_eq!(error.details, Some(json!({ "operation_id": "7" })), "{word}");
            assert!(error.code.status().is_server_error(), "{word}");
        }
    }

    #[test]
    fn a_use_case_word_keeps_its_message_and_finds_its_status() {
        let error = ApiError::from_word("invalid_slug", "slug: too long", None);
        assert_eq!((error.code, error.message.as_str()), (Code::Invalid("slug".into()), "slug: too long"));
    }
}
