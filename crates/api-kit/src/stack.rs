//! The stack of layers every façade has, built in one function that reads top to bottom: what comes first is outermost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router, middleware};
use bnna_auth::Access;
use bnna_auth::limits::{FailureLimit, FailureLimiter};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;

use crate::backend::{Backend, Behind, Stage};
use crate::document::{self, Documentation};
use crate::identify::Identify;
use crate::layers;
use crate::openapi::Document;
use crate::routes::{RouteInfo, Routes};

/// How many credentials are checked with the clusters at once in a flood of failures.
const COSTLY: usize = 4;

/// What differs between façades and installations.
#[derive(Debug, Clone)]
pub struct Options {
    /// Longest body, in bytes.
    pub body_limit: usize,
    /// How long a call may take. Longer than the longest `Prefer: wait`.
    pub deadline: Duration,
    /// How many failed authentications an address may have.
    pub failures: FailureLimit,
    /// When given, the façade serves `/api/openapi.json` and `/api/docs`.
    pub document: Option<Document>,
}

impl Default for Options {
    /// 1 MiB, 90 seconds, twenty failures a minute, no document.
    fn default() -> Self {
        Self {
            body_limit: 1 << 20,
            deadline: Duration::from_secs(90),
            failures: FailureLimit::default(),
            document: None,
        }
    }
}

/// A façade ready to be served.
#[derive(Debug, Clone)]
pub struct App {
    /// The routes under the whole stack.
    pub router: Router,
    /// Calls that change something and go on when their client is gone; to be waited for at shutdown.
    pub tasks: TaskTracker,
    /// Every route, by path and method.
    pub table: Arc<[RouteInfo]>,
}

/// What the layers share.
pub(crate) struct Shared {
    pub(crate) identify: Arc<dyn Identify>,
    pub(crate) failures: FailureLimiter,
    /// Turns of credentials that are costly to check, in a flood of failures.
    pub(crate) costly: Semaphore,
    pub(crate) routes: HashMap<String, Vec<Arc<RouteInfo>>>,
    pub(crate) body_limit: usize,
    pub(crate) deadline: Duration,
    pub(crate) tasks: TaskTracker,
    pub(crate) stage: Box<dyn Stage>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// With the routes of the document, if one is wanted.
    fn with_document(self, options: &Options) -> Self {
        if options.document.is_none() {
            return self;
        }
        self.add(crate::route!(Access::Public, document::openapi)).add(crate::route!(Access::Public, document::docs))
    }

    /// The OpenAPI document as the façade with these options serves it.
    #[must_use]
    pub fn document(self, options: &Options) -> serde_json::Value {
        let about = options.document.clone().unwrap_or(Document {
            title: String::new(),
            version: String::new(),
            description: String::new(),
        });
        self.with_document(options).openapi(&about)
    }

    /// The façade: routes under the stack.
    #[must_use]
    pub fn into_app(self, state: S, identify: Arc<dyn Identify>, options: &Options) -> App
    where
        S: Backend,
    {
        let routes = self.with_document(options);
        let table = routes.table();
        let documentation =
            options.document.as_ref().map(|about| Arc::new(Documentation::new(&routes.openapi(about), about, &table)));
        let mut by_path: HashMap<String, Vec<Arc<RouteInfo>>> = HashMap::new();
        for route in &table {
            by_path.entry(route.path.clone()).or_default().push(Arc::new(route.clone()));
        }
        let shared = Arc::new(Shared {
            identify,
            failures: FailureLimiter::new(options.failures),
            costly: Semaphore::new(COSTLY),
            routes: by_path,
            body_limit: options.body_limit,
            deadline: options.deadline,
            tasks: TaskTracker::new(),
            stage: Box::new(Behind { router: routes.router.clone(), state: state.clone() }),
        });
        let tasks = shared.tasks.clone();
        let mut router = routes.router.with_state(state);
        if let Some(documentation) = documentation {
            router = router.layer(Extension(documentation));
        }
        App { router: stacked(router, &shared), tasks, table: table.into() }
    }
}

/// The stack.
fn stacked(router: Router, shared: &Arc<Shared>) -> Router {
    router.layer(
        ServiceBuilder::new()
            // The request gets an id and a context. First, so that whatever answers below can be found again in the log.
            .layer(middleware::from_fn(layers::context))
            // One span and one line in the log for each request. Outside of everything that can fail.
            .layer(middleware::from_fn(layers::trace))
            // A limit on time. A call that changes something goes on to its end when the limit or the client's patience is
            // over: what it began is not left half done, and its audit row gets an outcome.
            .layer(from_fn_with_state(Arc::clone(shared), layers::deadline))
            // A panic becomes 500. Inside of the deadline, because there calls become tasks.
            .layer(middleware::from_fn(layers::catch_panic))
            // Path tricks are refused before the path means anything.
            .layer(middleware::from_fn(layers::clean_path))
            // A body that is announced too long is refused unread; one that turns out too long ends its reader.
            .layer(from_fn_with_state(Arc::clone(shared), layers::limit_body))
            // The route and who may call it; 404 and 405 are told without a credential, as the document tells them.
            .layer(from_fn_with_state(Arc::clone(shared), layers::locate))
            // Who calls. An address with too many failures is refused before any work is done for it.
            .layer(from_fn_with_state(Arc::clone(shared), layers::authenticate))
            // Whether they may. Leaves the caller with its grant for the handler.
            .layer(from_fn_with_state(Arc::clone(shared), layers::authorise))
            // A dry run goes to the stage. Inside of the authorisation: who may not do a thing may not try it either.
            .layer(from_fn_with_state(Arc::clone(shared), layers::dry_run))
            // A repeated call gets its answer from before. Innermost, so that keys belong to callers and only what handlers did
            // is kept.
            .layer(from_fn_with_state(Arc::clone(shared), layers::repeat)),
    )
}

impl Shared {
    /// The route of a path as declared and a method; HEAD is GET without a body.
    pub(crate) fn route(&self, path: &str, method: &Method) -> Result<&Arc<RouteInfo>, Option<String>> {
        let routes = self.routes.get(path).ok_or(None)?;
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        routes.iter().find(|route| route.method == *wanted).ok_or_else(|| {
            let mut allowed: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
            if allowed.contains(&"GET") {
                allowed.push("HEAD");
            }
            allowed.sort_unstable();
            allowed.dedup();
            Some(allowed.join(", "))
        })
    }
}
