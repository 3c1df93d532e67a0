//! The audit trail.

use axum::extract::State;
use bnna_api_kit::{Page, PagedQuery, Reply, Routes, route};
use bnna_auth::Access;
use bnna_platform::views::AuditView;
use bnna_platform::{Platform, audit};
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::answer::rows;
use crate::request::log_window;

pub(crate) fn routes() -> Routes<Platform> {
    Routes::new().add(route!(Access::OperatorRead, audit_trail))
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditFilter {
    /// Not before this time (RFC 3339).
    #[serde(default, with = "time::serde::rfc3339::option")]
    from: Option<OffsetDateTime>,
    /// Before this time (RFC 3339).
    #[serde(default, with = "time::serde::rfc3339::option")]
    to: Option<OffsetDateTime>,
    /// Only by this caller.
    actor: Option<String>,
    /// Only this action: `accounts.create`.
    action: Option<String>,
    /// Only on this kind of thing: account, instance, cluster, token, setting, operation.
    target_kind: Option<String>,
    /// Only on this thing.
    target: Option<String>,
    /// Only about this account.
    account: Option<String>,
    /// Only of this request.
    request_id: Option<String>,
    /// Only what led to this operation.
    operation_id: Option<Uuid>,
    /// Only with this outcome: ok, interrupted, an error's code, or how an operation ended.
    outcome: Option<String>,
}

impl From<AuditFilter> for audit::Filter {
    fn from(asked: AuditFilter) -> Self {
        let AuditFilter { from, to, actor, action, target_kind, target, account, request_id, operation_id, outcome } =
            asked;
        Self { from, to, actor, action, target_kind, target, account, request_id, operation_id, outcome }
    }
}

/// Lists who did what.
///
/// The newest first, a hundred unless `limit` says otherwise.
#[utoipa::path(
    get, path = "/api/platform/audit", tag = "audit", params(AuditFilter, Page),
    responses((status = 200, body = Vec<AuditView>))
)]
async fn audit_trail(State(platform): State<Platform>, query: PagedQuery<AuditFilter>) -> Reply<Vec<AuditView>> {
    let window = log_window(&query.page)?;
    Ok(rows(audit::list(platform.store(), query.filter.into(), window).await?))
}
