//! Guests, across clusters: listing, power, destruction, adoption, and the names that lead to them.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bnna_api_kit::written::{self, Written};
use bnna_api_kit::{Answer, ApiError, Caller, Json, Page, PagedQuery, Path, Prefer, Query, Reply, Routes, route};
use bnna_auth::Access;
use bnna_core::{GuestKind, Slug};
use bnna_platform::Platform;
use bnna_platform::instances::{AdoptInstanceRequest, InstanceFilter, PowerRequest};
use bnna_platform::operations::Accepted;
use bnna_platform::views::{DomainView, InstanceRemoved, InstanceView, PowerAction, PowerAnswer};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::answer::{Outcome, listed, on_cluster, ran};
use crate::request::{Empty, GuestPath, OnCluster, PreferWait, actor, flag};

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new()
        .add(route!(Access::OperatorRead, list_instances))
        .add(route!(Access::Operator, start_instance))
        .add(route!(Access::Operator, stop_instance))
        .add(route!(Access::Operator, shutdown_instance))
        .add(route!(Access::Operator, reboot_instance))
        .add(route!(Access::Operator, destroy_instance))
        .add(route!(Access::Operator, adopt_instance))
        .add(route!(Access::OperatorRead, instance_domains))
}

/// Which guests; everything given has to fit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GuestFilter {
    /// Only of this account.
    account: Option<String>,
    /// Only on this cluster.
    cluster: Option<String>,
    /// Only on this node.
    node: Option<String>,
    /// Only in this state: running, stopped, …; `missing` where only bnna's record is left.
    status: Option<String>,
    /// Only VMs, or only containers.
    #[serde(rename = "type")]
    #[param(inline)]
    kind: Option<GuestKind>,
    /// Only those in an account, or only those in none.
    #[serde(default, deserialize_with = "flag")]
    managed: Option<bool>,
}

/// How a guest is asked to shut down.
#[derive(Debug, Deserialize, ToSchema)]
struct Shutdown {
    /// How many seconds it may take, 1 to 3600; 60 without it.
    timeout: Option<u32>,
    /// Whether to switch it off hard after that.
    #[serde(default)]
    force_stop: bool,
}

/// How a guest is asked to restart.
#[derive(Debug, Deserialize, ToSchema)]
struct Reboot {
    /// How many seconds shutting down may take, 1 to 3600; 60 without it.
    timeout: Option<u32>,
}

/// How a guest is destroyed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DestroyQuery {
    /// The host of the cluster; needed where several clusters have the number.
    cluster: Option<String>,
    /// Whether to stop it first where it runs.
    #[serde(default, deserialize_with = "flag")]
    force: Option<bool>,
}

/// Whose a guest becomes.
#[derive(Debug, Deserialize, ToSchema)]
struct AdoptInstance {
    /// The account.
    #[schema(value_type = String)]
    account_slug: Slug,
    /// The pool of the account it shall be in; the account's own without it.
    bunch: Option<String>,
}

/// Lists the guests of all clusters.
///
/// By cluster and number. Recorded guests that no cluster has any more are `missing`.
#[utoipa::path(
    get, path = "/api/instances", tag = "instances", params(GuestFilter, Page),
    responses((status = 200, body = Vec<InstanceView>))
)]
async fn list_instances(
    State(platform): State<Platform>,
    query: PagedQuery<GuestFilter>,
) -> Result<Response, ApiError> {
    let GuestFilter { account, cluster, node, status, kind, managed } = query.filter;
    let filter = InstanceFilter { account, cluster, node, status, kind, managed };
    // Numbers are filled up so that their texts sort as they do.
    let key = |guest: &InstanceView| on_cluster(&guest.cluster, format_args!("{:010}", guest.vmid));
    if filter.is_empty() && query.page == Page::default() {
        let all = platform.all_instances().await?;
        let (text, tag) = all.written(written::write);
        return Ok(
            Written { text, tag, warnings: all.warnings.iter().cloned().map(Into::into).collect() }.into_response()
        );
    }
    Ok(listed(platform.instances(&filter).await?, &query.page, key).into_response())
}

/// Switches a guest on.
///
/// 202 with the task that does it; 200 with `changed: false` where it runs already.
#[utoipa::path(
    post, path = "/api/instances/{vmid}/start", tag = "instances", params(GuestPath, OnCluster),
    responses((status = 202, body = PowerAnswer), (status = 200, description = "It runs already.", body = PowerAnswer))
)]
async fn start_instance(
    State(platform): State<Platform>,
    caller: Caller,
    guest: Path<GuestPath>,
    on: Query<OnCluster>,
    Json(Empty {}): Json<Empty>,
) -> Reply<PowerAnswer> {
    power(platform, caller, ordered(guest, on, PowerAction::Start)).await
}

/// Switches a guest off hard.
///
/// 202 with the task that does it; 200 with `changed: false` where it does not run.
#[utoipa::path(
    post, path = "/api/instances/{vmid}/stop", tag = "instances", params(GuestPath, OnCluster),
    responses((status = 202, body = PowerAnswer), (status = 200, description = "It does not run.", body = PowerAnswer))
)]
async fn stop_instance(
    State(platform): State<Platform>,
    caller: Caller,
    guest: Path<GuestPath>,
    on: Query<OnCluster>,
    Json(Empty {}): Json<Empty>,
) -> Reply<PowerAnswer> {
    power(platform, caller, ordered(guest, on, PowerAction::Stop)).await
}

/// Asks a guest to shut down.
///
/// 202 with the task that does it; 200 with `changed: false` where it does not run.
#[utoipa::path(
    post, path = "/api/instances/{vmid}/shutdown", tag = "instances", params(GuestPath, OnCluster),
    request_body = Shutdown,
    responses((status = 202, body = PowerAnswer), (status = 200, description = "It does not run.", body = PowerAnswer))
)]
async fn shutdown_instance(
    State(platform): State<Platform>,
    caller: Caller,
    guest: Path<GuestPath>,
    on: Query<OnCluster>,
    Json(Shutdown { timeout, force_stop }): Json<Shutdown>,
) -> Reply<PowerAnswer> {
    let order = PowerRequest { timeout, force_stop, ..ordered(guest, on, PowerAction::Shutdown) };
    power(platform, caller, order).await
}

/// Asks a guest to shut down and switches it on again.
///
/// 202 with the task that does it; 409 `state` where it does not run.
#[utoipa::path(
    post, path = "/api/instances/{vmid}/reboot", tag = "instances", params(GuestPath, OnCluster),
    request_body = Reboot,
    responses((status = 202, body = PowerAnswer))
)]
async fn reboot_instance(
    State(platform): State<Platform>,
    caller: Caller,
    guest: Path<GuestPath>,
    on: Query<OnCluster>,
    Json(Reboot { timeout }): Json<Reboot>,
) -> Reply<PowerAnswer> {
    let order = PowerRequest { timeout, ..ordered(guest, on, PowerAction::Reboot) };
    power(platform, caller, order).await
}

fn ordered(Path(guest): Path<GuestPath>, Query(on): Query<OnCluster>, action: PowerAction) -> PowerRequest {
    PowerRequest { vmid: guest.vmid, cluster: on.cluster, action, timeout: None, force_stop: false }
}

async fn power(platform: Platform, caller: Caller, order: PowerRequest) -> Result<Answer<PowerAnswer>, ApiError> {
    let answer = platform.power(&actor(&caller)?, &caller.grant, order).await?;
    Ok(if answer.changed { Answer::accepted(answer) } else { Answer::ok(answer) })
}

/// Destroys a guest with its disks.
///
/// A running one is 409 `running` unless `force` is given; a protected or locked one is 409 `state`.
#[utoipa::path(
    delete, path = "/api/instances/{vmid}", tag = "instances", params(GuestPath, DestroyQuery, PreferWait),
    responses((status = 200, body = InstanceRemoved), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn destroy_instance(
    State(platform): State<Platform>,
    caller: Caller,
    Path(GuestPath { vmid }): Path<GuestPath>,
    Query(DestroyQuery { cluster, force }): Query<DestroyQuery>,
    prefer: Prefer,
) -> Reply<Outcome<InstanceRemoved>> {
    let (actor, force) = (actor(&caller)?, force.unwrap_or(false));
    let run = platform.destroy_instance(&actor, &caller.grant, vmid, cluster.as_deref(), force, prefer.into()).await?;
    Ok(ran(run, Answer::ok))
}

/// Puts a guest that nobody manages into an account.
#[utoipa::path(
    post, path = "/api/instances/{vmid}/adopt", tag = "instances", params(GuestPath, OnCluster, PreferWait),
    request_body = AdoptInstance,
    responses((status = 200, body = InstanceView), (status = 202, description = "It goes on.", body = Accepted))
)]
async fn adopt_instance(
    State(platform): State<Platform>,
    caller: Caller,
    Path(GuestPath { vmid }): Path<GuestPath>,
    Query(OnCluster { cluster }): Query<OnCluster>,
    prefer: Prefer,
    Json(AdoptInstance { account_slug, bunch }): Json<AdoptInstance>,
) -> Reply<Outcome<InstanceView>> {
    let asked = AdoptInstanceRequest { vmid, cluster, account: account_slug, bunch };
    let run = platform.adopt_instance(&actor(&caller)?, &caller.grant, asked, prefer.into()).await?;
    Ok(ran(run, Answer::ok))
}

/// Lists the names that lead to a guest.
///
/// The two direct ones, which follow from its number; none where its number follows no address plan.
#[utoipa::path(
    get, path = "/api/instances/{vmid}/domains", tag = "instances", params(GuestPath, OnCluster),
    responses((status = 200, body = Vec<DomainView>))
)]
async fn instance_domains(
    State(platform): State<Platform>,
    Path(guest): Path<GuestPath>,
    Query(on): Query<OnCluster>,
) -> Reply<Vec<DomainView>> {
    Ok(Answer::ok(platform.instance_domains(guest.vmid, on.cluster.as_deref()).await?))
}
