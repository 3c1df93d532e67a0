//! `Idempotency-Key` of every call that changes something: a repeated call gets the first one's answer.
//!
//! What a call did is kept: answers of 200 to 299, and failures after which nobody knows whether it was done, so that a repeat does not
//! do it twice. A refusal (4xx) and any other failure did nothing, was undone, or became an operation, which looks before it acts: a
//! repeat of those is done anew.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bnna_platform::repeats::{Claim, Claimed, KeptAnswer, Repeat};
use http_body_util::BodyExt as _;
use ring::digest;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use crate::code::Code;
use crate::envelope::Answer;
use crate::error::{ApiError, PerhapsDone};
use crate::extract::{Caller, Prefer, body_error};
use crate::stack::Shared;

/// The header of requests.
pub(crate) const KEY: &str = "Idempotency-Key";

/// The longest key, characters.
pub(crate) const LONGEST_KEY: usize = 255;

/// The header of answers that were given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The headers that belong to an answer and are kept with it.
const KEPT: [HeaderName; 3] = [CONTENT_TYPE, LOCATION, CACHE_CONTROL];

/// How often it is looked whether the first request has been answered.
const LOOKS: Duration = Duration::from_millis(200);

/// Gives a repeated request the first one's answer; keeps the answer of a first one.
pub(crate) async fn repeat(shared: &Shared, request: Request, next: Next) -> Response {
    let key = match key(request.headers()) {
        Ok(Some(key)) => key,
        Ok(None) => return next.run(request).await,
        Err(error) => return error.into_response(),
    };
    match begin(shared, key, request).await {
        Ok((claim, request)) => {
            let response = next.run(request).await;
            end(shared, claim, response).await
        }
        Err(answer) => *answer,
    }
}

/// The header's value: 1 to 255 visible characters of ASCII, in quotes or not.
fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ApiError::bad_request(format!("there is more than one {KEY} header")));
    }
    let text = value.to_str().unwrap_or_default();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if (1..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') {
        return Ok(Some(text.to_owned()));
    }
    Err(ApiError::invalid(
        "idempotency_key",
        format!("{KEY} must be 1 to {LONGEST_KEY} visible characters of ASCII, such as a UUID"),
    ))
}

/// Claims the key: the request to be done, with its caller holding the claim; or what to answer instead.
async fn begin(shared: &Shared, key: String, request: Request) -> Result<(Claim, Request), Box<Response>> {
    let refuse = |error: ApiError| Box::new(error.into_response());
    let (mut parts, body) = request.into_parts();
    let Some(mut caller) = parts.extensions.get::<Caller>().cloned() else {
        return Err(refuse(ApiError::internal()));
    };
    // Public routes that change something would have nobody whose key it is.
    let Ok(principal) = caller.principal() else {
        return Err(refuse(ApiError::bad_request(format!("this call takes no {KEY}"))));
    };
    let principal = format!("{}:{}", principal.kind(), principal.credential_id());
    let body = body.collect().await.map_err(|error| refuse(body_error(&error)))?.to_bytes();
    let query = parts.uri.query().unwrap_or_default();
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&(query.len() as u64).to_be_bytes());
    hash.update(query.as_bytes());
    hash.update(&body);
    let mut asked = [0; 32];
    asked.copy_from_slice(hash.finish().as_ref());
    let repeat = Repeat { key, principal, route: format!("{} {}", parts.method, parts.uri.path()), asked };
    let wait = match Prefer::from_request_parts(&mut parts, &()).await {
        Ok(prefer) => prefer.wait,
        Err(never) => match never {},
    };
    let claim = claim(shared, &repeat, &caller.request_id, wait).await?;
    caller.claim = Some(claim.id());
    parts.extensions.insert(caller);
    Ok((claim, Request::from_parts(parts, Body::from(body))))
}

/// Claims the key, waiting for a first request that runs.
async fn claim(shared: &Shared, repeat: &Repeat, request_id: &str, wait: Duration) -> Result<Claim, Box<Response>> {
    let deadline = Instant::now() + wait;
    loop {
        let claimed = shared.stage.claim(repeat, request_id).await.map_err(|error| Box::new(error.into_response()))?;
        let answer = match claimed {
            Claimed::New(claim) => return Ok(claim),
            Claimed::Running(_) if Instant::now() + LOOKS < deadline => {
                tokio::time::sleep(LOOKS).await;
                continue;
            }
            Claimed::Answered(kept) => replay(kept),
            Claimed::Became(operation) | Claimed::Running(Some(operation)) => goes_on(operation),
            Claimed::Running(None) => ApiError {
                retry_after: Some(Duration::from_secs(1)),
                ..ApiError::new(Code::InUse, format!("the first request with this {KEY} is still running; ask again"))
            }
            .into_response(),
            Claimed::CutOff { action, outcome } => cut_off(&action, outcome.as_deref()).into_response(),
            Claimed::OtherBody => {
                let message = format!("this {KEY} was used for another body or query; take a new one");
                ApiError::new(Code::KeyReused, message).into_response()
            }
            Claimed::TooMany => {
                let message = format!("this credential has used too many {KEY}s within a day");
                ApiError::new(Code::Exhausted, message).into_response()
            }
        };
        return Err(Box::new(answer));
    }
}

/// The answer as it was given.
fn replay(kept: KeptAnswer) -> Response {
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    for (name, value) in kept.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// The first request became an operation, and its answer is not there: the operation is where to look.
fn goes_on(operation: Uuid) -> Response {
    let answer = Answer::accepted(json!({ "operation_id": operation }));
    match HeaderValue::try_from(format!("/api/platform/operations/{operation}")) {
        Ok(place) => answer.with_header(LOCATION, place).into_response(),
        Err(_) => answer.into_response(),
    }
}

fn cut_off(action: &str, outcome: Option<&str>) -> ApiError {
    let message = match outcome {
        Some("ok") => format!("the first request with this {KEY} did {action}; its answer was lost when bnpd ended"),
        Some(other) => format!("the first request with this {KEY} failed at {action}: {other}; take a new one"),
        None => format!(
            "bnpd ended while the first request with this {KEY} was at {action}; look whether it was done, then take a new one"
        ),
    };
    ApiError::new(Code::CutOff, message).with_details(json!({ "action": action, "outcome": outcome }))
}

/// Keeps what was done, or gives the claim back.
async fn end(shared: &Shared, claim: Claim, response: Response) -> Response {
    if !response.status().is_success() && response.extensions().get::<PerhapsDone>().is_none() {
        if let Err(error) = shared.stage.release(claim).await {
            tracing::error!(%error, "a claim of a repeatable request could not be given back");
        }
        return response;
    }
    let (parts, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            tracing::error!(%error, "an answer could not be read");
            return ApiError::internal().into_response();
        }
    };
    let header = |name: &HeaderName| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    let kept = KeptAnswer {
        status: parts.status.as_u16(),
        headers: KEPT.iter().filter_map(header).collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    if let Err(error) = shared.stage.keep_answer(&claim, &kept).await {
        tracing::error!(%error, "the answer of a repeatable request could not be kept");
    }
    Response::from_parts(parts, Body::from(body))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{KEY, key};

    #[test]
    fn keys_are_bounded_and_visible() {
        let read = |bytes: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.append(KEY, HeaderValue::from_bytes(bytes).unwrap());
            key(&headers).map_err(|error| error.code.word())
        };
        assert_eq!(
            read(b"8e03978e-40d5-43dd-bc93-6894a57f9324"),
            Ok(Some("8e03978e-40d5-43dd-bc93-6894a57f9324".into()))
        );
        assert_eq!(read(b"\"quoted\""), Ok(Some("quoted".into())));
        assert_eq!(read("x".repeat(255).as_bytes()), Ok(Some("x".repeat(255))));
        for bad in [b"".as_slice(), b"\"\"", b"a b", b"a\"b", "ä".as_bytes(), "x".repeat(256).as_bytes()] {
            assert_eq!(read(bad), Err("invalid_idempotency_key".to_owned()), "{bad:?}");
        }
        assert_eq!(key(&HeaderMap::new()), Ok(None));
        let mut two = HeaderMap::new();
        two.append(KEY, HeaderValue::from_static("a"));
        two.append(KEY, HeaderValue::from_static("a"));
        assert_eq!(key(&two).unwrap_err().code.word(), "bad_request");
    }
}
