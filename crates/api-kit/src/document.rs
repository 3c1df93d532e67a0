//! The document served: `GET /api/openapi.json` and a page at `GET /api/docs`, both made from the routes themselves.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Extension;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderName, HeaderValue, header::CONTENT_TYPE};
use axum::response::{Html, IntoResponse as _, Response};

use crate::openapi::Document;
use crate::routes::RouteInfo;

/// Both texts, made once.
#[derive(Debug)]
pub(crate) struct Documentation {
    openapi: String,
    page: String,
}

impl Documentation {
    pub(crate) fn new(openapi: &serde_json::Value, about: &Document, table: &[RouteInfo]) -> Self {
        Self { openapi: format!("{openapi:#}\n"), page: page(about, table) }
    }
}

/// This document, OpenAPI 3.1.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "documentation", extensions(("x-envelope" = json!(false))),
    responses((status = 200, body = serde_json::Value))
)]
pub(crate) async fn openapi(documentation: Extension<Arc<Documentation>>) -> Response {
    let json: [(HeaderName, HeaderValue); 1] = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (json, documentation.openapi.clone()).into_response()
}

/// A page with every route.
#[utoipa::path(
    get, path = "/api/docs", tag = "documentation",
    responses((status = 200, body = String, content_type = "text/html"))
)]
pub(crate) async fn docs(documentation: Extension<Arc<Documentation>>) -> Response {
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
    ([(CONTENT_SECURITY_POLICY, policy)], Html(documentation.page.clone())).into_response()
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}\
code{font:13px/1.4 ui-monospace,monospace}";

fn page(about: &Document, table: &[RouteInfo]) -> String {
    let title = escape(&about.title);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head>\n\
         <body><h1>{title} {}</h1>\n<p>{}</p>\n<p>For programs: <a href=\"/api/openapi.json\">/api/openapi.json</a></p>\n\
         <table><thead><tr><th>Method</th><th>Path</th><th>Access</th><th>What it does</th></tr></thead><tbody>\n",
        escape(&about.version),
        escape(&about.description),
    );
    for route in table {
        let _ = writeln!(
            html,
            "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            route.method,
            escape(&route.path),
            route.access.as_str(),
            escape(&route.summary),
        );
    }
    html.push_str("</tbody></table></body></html>\n");
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
