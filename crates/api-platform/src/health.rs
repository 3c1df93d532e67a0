//! That bnpd lives, and which it is.

use bnna_api_kit::{Answer, Reply, Routes, route};
use bnna_auth::Access;
use bnna_platform::Platform;
use serde::Serialize;
use utoipa::ToSchema;

const SERVER: &str = "bnna";
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new().add(route!(Access::Public, health)).add(route!(Access::Public, version))
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

/// Says that bnpd lives.
///
/// The plain text `ok`.
#[utoipa::path(
    get, path = "/health", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain", example = "ok"))
)]
async fn health() -> &'static str {
    "ok"
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
