//! Parameters of the path.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path as AxumPath, RawPathParams};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// Parameters of the path, percent-decoded, as types. One that does not parse is 400 `invalid_<parameter>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let error = match AxumPath::from_request_parts(parts, state).await {
            Ok(AxumPath(value)) => return Ok(Self(value)),
            Err(error) => error,
        };
        let names = RawPathParams::from_request_parts(parts, state).await;
        let names: Vec<String> = names.iter().flat_map(|names| names.iter().map(|(name, _)| name.to_owned())).collect();
        Err(explain(&error, &names))
    }
}

/// Names the parameter that is wrong. `names` are all of the path, in order.
fn explain(rejection: &PathRejection, names: &[String]) -> ApiError {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        tracing::error!(error = %rejection, "a handler asks for path parameters that its route does not have");
        return ApiError::internal();
    };
    let only = match names {
        [only] => only.as_str(),
        _ => "path",
    };
    match failed.kind() {
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => wrong_type(key, expected_type),
        ErrorKind::ParseErrorAtIndex { index, expected_type, .. } => {
            wrong_type(names.get(*index).map_or(only, String::as_str), expected_type)
        }
        ErrorKind::ParseError { expected_type, .. } => wrong_type(only, expected_type),
        ErrorKind::DeserializeError { key, message, .. } => broken_rule(key, message),
        ErrorKind::Message(message) => {
            // Our types begin with what they are called; axum does not say which of several parameters it was.
            let begins =
                |name: &&String| message.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(": "));
            broken_rule(names.iter().find(begins).map_or(only, String::as_str), message)
        }
        ErrorKind::InvalidUtf8InPathParam { key } => broken_rule(key, "is not UTF-8"),
        other => {
            tracing::error!(error = %other, "a handler asks for path parameters that its route does not have");
            ApiError::internal()
        }
    }
}

fn wrong_type(name: &str, expected: &str) -> ApiError {
    ApiError::invalid(name, format!("{name} in the path must be {}", type_name(expected)))
}

fn broken_rule(name: &str, message: &str) -> ApiError {
    let message = message.strip_prefix(&format!("{name}: ")).unwrap_or(message);
    ApiError::invalid(name, format!("{name} in the path: {message}"))
}

fn type_name(expected: &str) -> &'static str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "bool" => "true or false",
        _ => "of another form",
    }
}
