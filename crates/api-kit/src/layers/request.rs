//! What holds for every request, whoever sends it: id, log, time, panics, length.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, HttpBody as _};
use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::header::{CONTENT_LENGTH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::code::Code;
use crate::context::{self, RequestContext};
use crate::error::ApiError;
use crate::extract::too_long;
use crate::metrics::Serving;
use crate::stack::Shared;

/// The header with the request's id, of requests and of answers.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its context and the answer its id; counts it.
pub(crate) async fn context<F>(request: Request, next: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let request_id = sane_request_id(request.headers()).unwrap_or_else(|| Uuid::now_v7().to_string());
    let echoed = HeaderValue::from_str(&request_id);
    let remote = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(remote)| *remote);
    let reads = is_read(request.method());
    let context = Arc::new(RequestContext::new(
        request_id,
        remote.unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0))),
        reads,
        request.headers().get(IF_NONE_MATCH).filter(|_| reads).cloned(),
    ));
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let serving = Serving::begin(request.method(), route);
    let mut response = context::within(context, next(request)).await;
    serving.answered(response.status().as_u16());
    if let Ok(echoed) = echoed {
        response.headers_mut().insert(REQUEST_ID, echoed);
    }
    response
}

/// The client's id, if it is one that can be logged and searched for: up to 128 letters, digits, `.`, `_`, `-`, `:`.
fn sane_request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let sane = (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':'));
    sane.then(|| id.to_owned())
}

/// Whether a method reads only.
pub(crate) fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// A span that names the request around all of it, and one line about it. Never the query, a header or a body: they can hold secrets.
pub(crate) async fn trace<F>(request: Request, next: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let Some(context) = context::current() else { return next(request).await };
    let span = tracing::info_span!("request", request_id = context.request_id);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let route = request.extensions().get::<MatchedPath>().cloned();
    async {
        let began = Instant::now();
        let response = next(request).await;
        let (method, path, remote) = (method.as_str(), uri.path(), context.remote.ip());
        let route = route.as_ref().map_or("", MatchedPath::as_str);
        let status = response.status().as_u16();
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if response.status().is_server_error() {
            tracing::warn!(method, route, path, %remote, status, ms, "answered");
        } else {
            tracing::info!(method, route, path, %remote, status, ms, "answered");
        }
        response
    }
    .instrument(span)
    .await
}

/// Ends the wait for a call that takes too long. A call that changes something is a task of its own and is never cut off.
pub(crate) async fn deadline<F>(shared: Arc<Shared>, request: Request, next: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response> + Send + 'static,
{
    let answered = if is_read(request.method()) {
        tokio::time::timeout(shared.deadline, next(request)).await.map(Ok)
    } else {
        let call = next(request).instrument(tracing::Span::current());
        let task = match context::current() {
            Some(context) => shared.tasks.spawn(context::within(context, call)),
            None => shared.tasks.spawn(call),
        };
        tokio::time::timeout(shared.deadline, task).await
    };
    match answered {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            tracing::error!(%error, "the task of a call ended without an answer");
            ApiError::internal().into_response()
        }
        Err(_) => ApiError::new(Code::Timeout, "the call takes longer than calls may; what it began may go on")
            .into_response(),
    }
}

/// Turns a panic into 500. The panic's own message is in the log, by the program's panic hook.
pub(crate) async fn catch_panic(call: impl Future<Output = Response>) -> Response {
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        ApiError::internal().into_response()
    })
}

/// Bounds the body.
pub(crate) fn limit_body(limit: usize, request: Request) -> Result<Request, ApiError> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_long());
    }
    if request.body().is_end_stream() {
        return Ok(request);
    }
    Ok(request.map(|body| Body::new(http_body_util::Limited::new(body, limit))))
}
