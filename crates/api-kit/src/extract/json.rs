//! A JSON body, read strictly.

use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt as _, LengthLimitError};
use serde::de::DeserializeOwned;

use super::strict;
use crate::code::Code;
use crate::error::ApiError;

/// A JSON body. Unknown fields, repeated keys, wrong types and deep nesting are refused; an empty body is `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|error| body_error(&error))?.to_bytes();
        if body.is_empty() {
            return strict::from_json(b"{}").map(Self);
        }
        check_type(&parts.headers)?;
        strict::from_json(&body).map(Self)
    }
}

/// The stack bounds the body's length; the bound shows here when the length was not announced.
pub(crate) fn body_error(error: &axum::Error) -> ApiError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return too_long();
        }
        cause = error.source();
    }
    ApiError::bad_request("the body could not be read to its end")
}

pub(crate) fn too_long() -> ApiError {
    ApiError::new(Code::PayloadTooLarge, "the body is longer than is accepted")
}

/// JSON by name, or no name at all.
fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence = |value: &HeaderValue| {
        value.to_str().ok().and_then(|text| text.split(';').next()).map(|text| text.trim().to_ascii_lowercase())
    };
    match essence(given) {
        Some(essence) if essence == "application/json" || essence.ends_with("+json") => Ok(()),
        _ => Err(ApiError::new(Code::UnsupportedMediaType, "the body must be sent as Content-Type: application/json")),
    }
}
