//! That bnpd lives and works, which it is, and what it measures.
//!
//! For people `/health`, for machines `/livez` (it turns: else restart it) and `/readyz` (it can do its work: else send requests
//! elsewhere). These are public and tell nothing but that; `/metrics` tells how much there is and goes to operators.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bnna_api_kit::{Answer, Reply, Routes, metrics, route};
use bnna_auth::Access;
use bnna_platform::{NotReady, Platform};
use serde::Serialize;
use utoipa::ToSchema;

const SERVER: &str = "bnna";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The media type of Prometheus' text form.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new()
        .add(route!(Access::Public, health))
        .add(route!(Access::Public, livez))
        .add(route!(Access::Public, readyz))
        .add(route!(Access::OperatorRead, show_metrics))
        .add(route!(Access::Public, version))
}

/// Which program answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// Always `bnna`.
    server: &'static str,
    /// Its version.
    version: &'static str,
}

/// The version with and without the envelope, as both are documented.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the answer that the envelope's members make")]
pub(crate) struct VersionAnswer {
    server: &'static str,
    version: &'static str,
    result: Version,
    timings: Vec<bnna_api_kit::Timing>,
}

/// Says whether bnpd is well, for people.
///
/// The plain text `ok`; lines that begin with `degraded:` where something works only until the next start (a key file is gone, the
/// users table is broken) or the system's clock has stepped lately; 503 with a sentence where its store does not work or it is about to end. What exactly is wrong is in
/// the log.
#[utoipa::path(
    get, path = "/health", tag = "health",
    responses(
        (status = 200, body = String, content_type = "text/plain", example = "ok"),
        (status = 503, body = String, content_type = "text/plain", example = "the store cannot be written")
    )
)]
async fn health(State(platform): State<Platform>) -> Response {
    if let Err(not_ready) = platform.ready().await {
        return (StatusCode::SERVICE_UNAVAILABLE, in_public(&not_ready)).into_response();
    }
    let worn = platform.worn().await;
    match worn.is_empty() {
        true => "ok".into_response(),
        false => worn.iter().map(|(_, what)| format!("degraded: {what}\n")).collect::<String>().into_response(),
    }
}

/// Says that bnpd turns, for whatever restarts it.
#[utoipa::path(
    get, path = "/livez", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain", example = "ok"))
)]
async fn livez() -> &'static str {
    "ok"
}

/// Says whether bnpd can do its work, for whatever sends requests to it.
///
/// 503 while its store cannot be read or written, and from when it was asked to end. Clusters do not count: one that is down makes
/// its own part of answers missing.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, body = String, content_type = "text/plain", example = "ok"),
        (status = 503, body = String, content_type = "text/plain", example = "not ready")
    )
)]
async fn readyz(State(platform): State<Platform>) -> Response {
    match platform.ready().await {
        Ok(()) => "ok".into_response(),
        Err(not_ready) => {
            tracing::warn!(%not_ready, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready").into_response()
        }
    }
}

/// Shows what bnpd measures, in Prometheus' text form.
#[utoipa::path(
    get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses((status = 200, body = String, content_type = "text/plain"))
)]
async fn show_metrics(State(platform): State<Platform>) -> Response {
    platform.measure().await;
    let mut response = metrics::render().into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROMETHEUS));
    response
}

/// Says which version of bnna answers.
#[utoipa::path(
    get, path = "/api/version", tag = "health", extensions(("x-envelope" = json!(false))),
    responses((status = 200, body = VersionAnswer))
)]
async fn version() -> Reply<Version> {
    let version = Version { server: SERVER, version: VERSION };
    Ok(Answer::ok(version).with_member("server", SERVER).with_member("version", VERSION))
}

/// What anybody may know of what is wrong.
fn in_public(not_ready: &NotReady) -> &'static str {
    match not_ready {
        NotReady::Ending => "bnpd is ending",
        NotReady::Unreadable(_) => "the store cannot be read",
        NotReady::Unwritable(_) => "the store cannot be written",
    }
}
