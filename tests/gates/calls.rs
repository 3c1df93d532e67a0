//! One call of each route that finds what it needs.

use bnna_api_kit::RouteInfo;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::furnished::Furnished;

/// A call.
pub struct Call {
    /// With its query.
    pub path: String,
    pub body: Option<Value>,
}

impl Call {
    /// The same as a dry run.
    pub fn dry(&self) -> String {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        format!("{}{joint}dry_run=1", self.path)
    }
}

/// Every route of the façade; those of its own description too.
pub fn routes() -> Vec<RouteInfo> {
    bnna_api_platform::routes().table()
}

/// Whether a route only reads.
pub fn reads(route: &RouteInfo) -> bool {
    route.method == "GET"
}

/// A call of a route, about an account and one of its tokens.
pub fn call(route: &RouteInfo, furnished: &Furnished, slug: &str, token: Uuid) -> Call {
    let on = "?cluster=pve-a";
    let Furnished { guest, running, free, operation, .. } = furnished;
    let name = format!("{} {}", route.method, route.path);
    let (vmid, query, body) = match name.as_str() {
        "POST /api/platform/accounts" => (guest, "", Some(json!({"slug": "newco"}))),
        "POST /api/platform/accounts/{slug}/adopt" => (guest, "", Some(json!({"pool": "loose"}))),
        "PUT /api/platform/accounts/{slug}/settings/{key}" => (guest, "", Some(json!({"value": "blue"}))),
        "PUT /api/platform/clusters/{host}" => (guest, "", Some(json!({"name": "first"}))),
        "POST /api/platform/accounts/{slug}/suspend"
        | "POST /api/platform/accounts/{slug}/disable"
        | "POST /api/platform/accounts/{slug}/enable"
        | "POST /api/platform/accounts/{slug}/repair"
        | "POST /api/platform/accounts/{slug}/impersonate"
        | "POST /api/platform/accounts/{slug}/canary"
        | "POST /api/platform/canary"
        | "POST /api/platform/operations/{id}/cancel"
        | "PUT /api/platform/accounts/{slug}/acls"
        | "PUT /api/platform/clusters/{host}/operator-token" => (guest, "", Some(json!({}))),
        "POST /api/instances/{vmid}/start" => (guest, on, Some(json!({}))),
        "POST /api/instances/{vmid}/stop"
        | "POST /api/instances/{vmid}/shutdown"
        | "POST /api/instances/{vmid}/reboot" => (running, on, Some(json!({}))),
        "POST /api/instances/{vmid}/adopt" => (free, on, Some(json!({"account_slug": "acme"}))),
        "DELETE /api/platform/accounts/{slug}"
        | "DELETE /api/platform/accounts/{slug}/settings/{key}"
        | "DELETE /api/accounts/{slug}/tokens/{id}" => (guest, "", None),
        "DELETE /api/instances/{vmid}" | "GET /api/instances/{vmid}/domains" => (guest, on, None),
        "GET /api/platform/accounts/{slug}/why" => (guest, "?subject=root@pam&path=/&privilege=Sys.Modify", None),
        _ if reads(route) => (guest, "", None),
        _ => panic!("{name} has no call: add it here"),
    };
    // A pool is adopted by an account that is not there yet.
    let slug = if name.ends_with("/accounts/{slug}/adopt") { "loose" } else { slug };
    let id = if route.path.contains("/tokens/") { token } else { *operation };
    let path = route
        .path
        .replace("{slug}", slug)
        .replace("{vmid}", &vmid.to_string())
        .replace("{host}", "pve-a")
        .replace("{key}", "colour")
        .replace("{id}", &id.to_string());
    assert!(!path.contains('{'), "{path}: a parameter that nobody fills in");
    Call { path: format!("{path}{query}"), body }
}
