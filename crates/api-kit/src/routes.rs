//! Routes as data: every route states who may call it, and the same registration makes the router, the table and the
//! OpenAPI document.
//!
//! ```
//! use bnna_api_kit::{Answer, Caller, Json, Reply, Routes, route};
//! use bnna_auth::Access;
//!
//! #[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
//! struct Account {
//!     slug: String,
//! }
//!
//! /// Creates an account.
//! #[utoipa::path(post, path = "/api/platform/accounts", request_body = Account, responses((status = 201, body = Account)))]
//! async fn create(caller: Caller, Json(account): Json<Account>) -> Reply<Account> {
//!     caller.grant.may_operate()?;
//!     Ok(Answer::created(account))
//! }
//!
//! let routes: Routes<()> = Routes::new().add(route!(Access::Operator, create));
//! assert_eq!(routes.table()[0].path, "/api/platform/accounts");
//! ```
//!
//! Without an access there is no route:
//!
//! ```compile_fail
//! # use bnna_api_kit::{Answer, Reply, Routes, route};
//! # #[utoipa::path(get, path = "/x", responses((status = 200, body = String)))]
//! # async fn handler() -> Reply<String> { Ok(Answer::ok(String::new())) }
//! let routes: Routes<()> = Routes::new().add(route!(handler));
//! ```
//!
//! Method, path and operation id come from the handler's `#[utoipa::path]`.

use std::collections::BTreeMap;
use std::fmt;

use axum::Router;
use axum::http::Method;
use bnna_auth::Access;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, ParameterIn, PathItem};
use utoipa_axum::router::UtoipaMethodRouter;

/// Words in a path after which a route hands out or takes in credentials: never for read-only operators.
const CREDENTIAL_SEGMENTS: [&str; 2] = ["credentials", "impersonate"];

/// What is known of one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// The method.
    pub method: Method,
    /// The path as declared, with `{parameters}`.
    pub path: String,
    /// Who may call it.
    pub access: Access,
    /// The handler's operation id.
    pub operation_id: String,
    /// The first line of the handler's documentation.
    pub summary: String,
    /// Whether it hands out or takes in credentials.
    pub credentials: bool,
    /// The names of the parameters of its query.
    pub query: Vec<String>,
}

/// One handler with its access: made by [`route!`](crate::route!).
pub struct Route<S> {
    access: Access,
    parts: UtoipaMethodRouter<S>,
}

impl<S> Route<S> {
    /// For [`route!`](crate::route!), which is how routes are made.
    #[doc(hidden)]
    #[must_use]
    pub fn new(access: Access, parts: UtoipaMethodRouter<S>) -> Self {
        Self { access, parts }
    }
}

/// A façade's routes.
pub struct Routes<S> {
    pub(crate) router: Router<S>,
    pub(crate) table: Vec<RouteInfo>,
    pub(crate) operations: Vec<(String, HttpMethod, Operation)>,
    pub(crate) schemas: BTreeMap<String, serde_json::Value>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes.
    #[must_use]
    pub fn new() -> Self {
        Self { router: Router::new(), table: Vec::new(), operations: Vec::new(), schemas: BTreeMap::new() }
    }

    /// Adds a route. Two handlers of one method and path end the start of the program, as axum does it.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "it adds a route to the list, nothing is summed")]
    pub fn add(mut self, route: Route<S>) -> Self {
        let (schemas, paths, methods) = route.parts;
        for (name, schema) in schemas {
            if let Ok(schema) = serde_json::to_value(schema) {
                self.schemas.insert(name, schema);
            }
        }
        for (path, item) in paths.paths {
            self.router = self.router.route(&path, methods.clone());
            for (method, operation) in operations(item) {
                self.table.push(RouteInfo {
                    method: axum_method(&method),
                    access: route.access,
                    operation_id: operation.operation_id.clone().unwrap_or_default(),
                    summary: operation.summary.clone().unwrap_or_default(),
                    credentials: path.split('/').any(|segment| CREDENTIAL_SEGMENTS.contains(&segment)),
                    query: query_of(&operation),
                    path: path.clone(),
                });
                self.operations.push((path.clone(), method, operation));
            }
        }
        self
    }

    /// Adds all routes of another.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self.operations.extend(other.operations);
        self.schemas.extend(other.schemas);
        self
    }

    /// Every route, by path and method.
    #[must_use]
    pub fn table(&self) -> Vec<RouteInfo> {
        let mut table = self.table.clone();
        table.sort_by(|a, b| (&a.path, a.method.as_str()).cmp(&(&b.path, b.method.as_str())));
        table
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Routes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").field("table", &self.table).finish_non_exhaustive()
    }
}

/// A handler with who may call it: `route!(Access::Operator, accounts::create)`.
///
/// The handler carries `#[utoipa::path(<method>, path = "…", …)]`. The crate that uses the macro depends on `axum` and
/// `utoipa`.
#[macro_export]
macro_rules! route {
    ($access:expr, $($handler:tt)+) => {
        $crate::Route::new($access, $crate::__private::utoipa_axum::routes!($($handler)+))
    };
}

fn operations(item: PathItem) -> impl Iterator<Item = (HttpMethod, Operation)> {
    [
        (HttpMethod::Get, item.get),
        (HttpMethod::Put, item.put),
        (HttpMethod::Post, item.post),
        (HttpMethod::Delete, item.delete),
        (HttpMethod::Patch, item.patch),
        (HttpMethod::Head, item.head),
        (HttpMethod::Options, item.options),
        (HttpMethod::Trace, item.trace),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.map(|operation| (method, operation)))
}

fn query_of(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().flatten();
    let of_query = |one: &RefOr<Parameter>| match one {
        RefOr::T(one) if one.parameter_in == ParameterIn::Query => Some(one.name.clone()),
        _ => None,
    };
    parameters.filter_map(of_query).collect()
}

fn axum_method(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Post => Method::POST,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Trace => Method::TRACE,
    }
}
