//! Parameters of the path.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path as AxumPath};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// Parameters of the path, percent-decoded, as types. One that does not parse is 400 `invalid_<parameter>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        AxumPath::from_request_parts(parts, state).await.map(|AxumPath(value)| Self(value)).map_err(|error| explain(&error))
    }
}

fn explain(rejection: &PathRejection) -> ApiError {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        tracing::error!(error = %rejection, "a handler asks for path parameters that its route does not have");
        return ApiError::internal();
    };
    match failed.kind() {
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => {
            ApiError::invalid(key, format!("{key} in the path must be {}", type_name(expected_type)))
        }
        ErrorKind::DeserializeError { key, message, .. } => {
            ApiError::invalid(key, format!("{key} in the path: {}", message.strip_prefix(&format!("{key}: ")).unwrap_or(message)))
        }
        ErrorKind::InvalidUtf8InPathParam { key } => ApiError::invalid(key, format!("{key} in the path is not UTF-8")),
        ErrorKind::ParseError { expected_type, .. } | ErrorKind::ParseErrorAtIndex { expected_type, .. } => {
            ApiError::bad_request(format!("a part of the path must be {}", type_name(expected_type)))
        }
        ErrorKind::Message(message) => ApiError::bad_request(format!("the path: {message}")),
        other => {
            tracing::error!(error = %other, "a handler asks for path parameters that its route does not have");
            ApiError::internal()
        }
    }
}

fn type_name(expected: &str) -> &'static str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "bool" => "true or false",
        _ => "of another form",
    }
}
