//! The operators' SSH public keys.

use axum::extract::State;
use bnna_api_kit::{Answer, Reply, Routes, route};
use bnna_auth::Access;
use bnna_platform::Platform;
use bnna_platform::views::SshKeyView;

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new().add(route!(Access::OperatorRead, list_ssh_keys))
}

/// Lists the operators' SSH public keys.
///
/// From the authorized_keys file of the configuration. Lines that are no keys are left out; `skipped`, beside `result`, says how
/// many.
#[utoipa::path(
    get, path = "/api/platform/ssh-keys", tag = "ssh-keys",
    responses((status = 200, body = Vec<SshKeyView>))
)]
async fn list_ssh_keys(State(platform): State<Platform>) -> Reply<Vec<SshKeyView>> {
    let found = platform.ssh_keys().await?;
    Ok(Answer::ok(found.keys).with_member("skipped", found.skipped))
}
