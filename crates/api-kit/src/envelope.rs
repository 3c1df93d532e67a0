//! The shape of every answer: `{"result","timings"}`, `{"error","code","details"?,"timings"}`, with `warnings` and
//! `next_cursor` beside a list. Entity tags are made here, over everything but the timings.

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ring::digest;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::code::Code;
use crate::context::{self, RequestContext, Timing};
use crate::error::ApiError;

/// A part that is missing from an answer, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Warning {
    /// The cluster that could not be asked.
    pub cluster: String,
    /// What went wrong with it; never a secret.
    pub message: String,
}

impl From<(String, String)> for Warning {
    /// From the cluster and the message.
    fn from((cluster, message): (String, String)) -> Self {
        Self { cluster, message }
    }
}

/// An answer with a result. A handler returns a [`Reply`] of one.
#[derive(Debug)]
pub struct Answer<T> {
    status: StatusCode,
    result: T,
    warnings: Vec<Warning>,
    next_cursor: Option<String>,
    extra: Vec<(&'static str, Value)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    carries_secret: bool,
}

/// What a handler returns.
pub type Reply<T> = Result<Answer<T>, ApiError>;

impl<T: Serialize> Answer<T> {
    fn new(status: StatusCode, result: T) -> Self {
        Self {
            status,
            result,
            warnings: Vec::new(),
            next_cursor: None,
            extra: Vec::new(),
            headers: Vec::new(),
            carries_secret: false,
        }
    }

    /// 200: read, changed, deleted, or in effect already.
    pub fn ok(result: T) -> Self {
        Self::new(StatusCode::OK, result)
    }

    /// 201: a stored thing was created.
    pub fn created(result: T) -> Self {
        Self::new(StatusCode::CREATED, result)
    }

    /// 202: something was started and goes on.
    pub fn accepted(result: T) -> Self {
        Self::new(StatusCode::ACCEPTED, result)
    }

    /// The same answer with another result.
    pub fn map<U>(self, into: impl FnOnce(T) -> U) -> Answer<U> {
        let Self { status, result, warnings, next_cursor, extra, headers, carries_secret } = self;
        Answer { status, result: into(result), warnings, next_cursor, extra, headers, carries_secret }
    }

    /// With what is missing from the answer.
    #[must_use]
    pub fn with_warnings<W: Into<Warning>>(mut self, warnings: impl IntoIterator<Item = W>) -> Self {
        self.warnings.extend(warnings.into_iter().map(Into::into));
        self
    }

    /// With the cursor of the next page, if there is one.
    #[must_use]
    pub fn with_next_cursor(mut self, cursor: Option<String>) -> Self {
        self.next_cursor = cursor;
        self
    }

    /// With a further member beside `result`: for answers that are documented both with and without an envelope.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.extra.push((name, value.into()));
        self
    }

    /// With a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer carries a secret: it is not to be stored anywhere, and gets no entity tag.
    #[must_use]
    pub fn carrying_a_secret(mut self) -> Self {
        self.carries_secret = true;
        self
    }
}

/// The body of a success. `extra` members stand beside `result`.
#[derive(Serialize)]
struct Success<'a> {
    #[serde(flatten)]
    extra: serde_json::Map<String, Value>,
    result: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<&'a [Warning]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
    timings: Vec<Timing>,
}

/// The body of an error.
#[derive(Serialize)]
struct Failure<'a> {
    error: &'a str,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Value>,
    timings: Vec<Timing>,
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let context = context::current();
        let result = match serde_json::value::to_raw_value(&self.result) {
            Ok(result) => result,
            Err(error) => {
                tracing::error!(%error, "a result cannot be written as JSON");
                return ApiError::internal().into_response();
            }
        };
        let tag = self.entity_tag(&result, context.as_deref());
        if let (Some(tag), Some(context)) = (&tag, &context)
            && context.if_none_match.as_ref().is_some_and(|known| matches_tag(known, tag))
        {
            return not_modified(tag);
        }
        let body = Success {
            extra: self.extra.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            result: &result,
            warnings: (!self.warnings.is_empty()).then_some(&self.warnings),
            next_cursor: self.next_cursor.as_deref(),
            timings: timings(context.as_deref()),
        };
        let mut response = json(self.status, &body);
        let headers = response.headers_mut();
        if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
            headers.insert(ETAG, tag);
        }
        if self.carries_secret {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}

impl<T> Answer<T> {
    /// A weak tag over what the client gets, timings excepted; only for reads that succeed and carry no secret.
    fn entity_tag(&self, result: &RawValue, context: Option<&RequestContext>) -> Option<String> {
        if self.carries_secret || self.status != StatusCode::OK || !context?.reads {
            return None;
        }
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(result.get().as_bytes());
        for warning in &self.warnings {
            hash.update(b"\0warning\0");
            hash.update(warning.cluster.as_bytes());
            hash.update(b"\0");
            hash.update(warning.message.as_bytes());
        }
        if let Some(cursor) = &self.next_cursor {
            hash.update(b"\0cursor\0");
            hash.update(cursor.as_bytes());
        }
        Some(format!("W/\"{}\"", hex::encode(hash.finish().as_ref().get(..16)?)))
    }
}

/// Renders an error.
pub(crate) fn error(error: &ApiError, context: Option<&RequestContext>) -> Response {
    let body = Failure {
        error: &error.message,
        code: error.code.word(),
        details: error.details.as_ref(),
        timings: timings(context),
    };
    let mut response = json(error.code.status(), &body);
    let headers = response.headers_mut();
    if error.code == Code::Unauthorized {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(wait) = error.retry_after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if let Some(allow) = error.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        headers.insert(ALLOW, allow);
    }
    response
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let text = serde_json::to_vec(body).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        br#"{"error":"internal error","code":"internal","timings":[]}"#.to_vec()
    });
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn not_modified(tag: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// What stands after a result that was written before: warnings, timings, and the end.
pub(crate) fn tail(warnings: &[Warning], context: Option<&RequestContext>) -> bytes::Bytes {
    #[derive(Serialize)]
    struct Tail<'a> {
        #[serde(skip_serializing_if = "<[Warning]>::is_empty")]
        warnings: &'a [Warning],
        timings: Vec<Timing>,
    }
    let mut text = serde_json::to_vec(&Tail { warnings, timings: timings(context) }).unwrap_or_else(|_| b"{}".to_vec());
    // The members go on where the result ended.
    if let Some(first) = text.first_mut() {
        *first = b',';
    }
    text.into()
}

fn timings(context: Option<&RequestContext>) -> Vec<Timing> {
    context.map(RequestContext::timings).unwrap_or_default()
}

/// Weak comparison of an `If-None-Match` value with our tag: a list of tags, or `*`.
pub(crate) fn matches_tag(known: &HeaderValue, tag: &str) -> bool {
    let Ok(known) = known.to_str() else { return false };
    let opaque = |tag: &str| tag.trim().strip_prefix("W/").unwrap_or(tag.trim()).to_owned();
    known.split(',').any(|candidate| candidate.trim() == "*" || opaque(candidate) == opaque(tag))
}
