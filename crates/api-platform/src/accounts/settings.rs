//! The settings of an account.

use std::collections::BTreeMap;

use axum::extract::State;
use bnna_api_kit::{Answer, Caller, Json, Path, Reply, Routes, route};
use bnna_auth::Access;
use bnna_core::{SettingKey, Slug};
use bnna_platform::Platform;
use bnna_platform::views::SettingView;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::request::{AccountPath, actor};

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new()
        .add(route!(Access::OperatorRead, list_settings))
        .add(route!(Access::Operator, put_setting))
        .add(route!(Access::Operator, delete_setting))
}

/// The setting in the path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct SettingPath {
    /// The account's slug.
    #[param(value_type = String, example = "acme")]
    slug: Slug,
    /// The setting's key.
    #[param(value_type = String, pattern = "^[a-z][a-z0-9_.-]{0,63}$", example = "quota.cores")]
    key: SettingKey,
}

/// A setting's value.
#[derive(Debug, Deserialize, ToSchema)]
struct PutSetting {
    /// Any JSON of at most 8 KiB; keys with a meaning take what fits them.
    value: Value,
}

/// Which setting is gone.
#[derive(Debug, Serialize, ToSchema)]
struct SettingDeleted {
    /// The account it was of.
    account_slug: String,
    /// Its key.
    key: String,
}

/// Shows the settings of an account by key.
#[utoipa::path(
    get, path = "/api/platform/accounts/{slug}/settings", tag = "accounts", params(AccountPath),
    responses((status = 200, body = BTreeMap<String, SettingView>))
)]
async fn list_settings(
    State(platform): State<Platform>,
    caller: Caller,
    Path(path): Path<AccountPath>,
) -> Reply<BTreeMap<String, SettingView>> {
    let account = platform.account_for_reading(&caller.grant, &path.slug).await?;
    Ok(Answer::ok(platform.settings(&account).await?))
}

/// Sets a setting.
#[utoipa::path(
    put, path = "/api/platform/accounts/{slug}/settings/{key}", tag = "accounts", params(SettingPath),
    request_body = PutSetting,
    responses((status = 200, body = SettingView), (status = 201, description = "It is new.", body = SettingView))
)]
async fn put_setting(
    State(platform): State<Platform>,
    caller: Caller,
    Path(SettingPath { slug, key }): Path<SettingPath>,
    Json(body): Json<PutSetting>,
) -> Reply<SettingView> {
    let account = platform.account_for_operating(&caller.grant, &slug).await?;
    let (setting, new) = platform.put_setting(&actor(&caller)?, &account, key, body.value).await?;
    Ok(if new { Answer::created(setting) } else { Answer::ok(setting) })
}

/// Deletes a setting.
#[utoipa::path(
    delete, path = "/api/platform/accounts/{slug}/settings/{key}", tag = "accounts", params(SettingPath),
    responses((status = 200, body = SettingDeleted))
)]
async fn delete_setting(
    State(platform): State<Platform>,
    caller: Caller,
    Path(SettingPath { slug, key }): Path<SettingPath>,
) -> Reply<SettingDeleted> {
    let account = platform.account_for_operating(&caller.grant, &slug).await?;
    platform.delete_setting(&actor(&caller)?, &account, key.clone()).await?;
    Ok(Answer::ok(SettingDeleted { account_slug: slug.into(), key: key.into() }))
}
