//! Everything the platform looks after.

use axum::extract::State;
use bnna_api_kit::{Answer, Reply, Routes, route};
use bnna_auth::Access;
use bnna_platform::Platform;
use bnna_platform::views::PlatformInventory;

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new().add(route!(Access::OperatorRead, platform_inventory))
}

/// Shows everything: clusters, nodes, storages, accounts, and guests that are in no account.
#[utoipa::path(
    get, path = "/api/platform/inventory", tag = "inventory", extensions(("x-warnings" = json!(true))),
    responses((status = 200, body = PlatformInventory))
)]
async fn platform_inventory(State(platform): State<Platform>) -> Reply<PlatformInventory> {
    let inventory = platform.inventory().await?;
    let missing = inventory.warnings.clone();
    Ok(Answer::ok(inventory).with_warnings(missing))
}
