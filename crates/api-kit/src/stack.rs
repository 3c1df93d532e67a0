//! The stack of layers every façade has, built in one function that reads top to bottom: what comes first is outermost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use bnna_auth::Access;
use bnna_auth::limits::{FailureLimit, FailureLimiter};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::backend::{Backend, Behind, Stage};
use crate::context;
use crate::document::{self, Documentation};
use crate::error::ApiError;
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
        App { router: router.layer(from_fn_with_state(shared, stack)), tasks, table: table.into() }
    }
}

/// The stack, outermost first. One function, and not a layer of axum's for each part of it: such a layer costs every request a boxed
/// future, and a copy of all that is below it.
async fn stack(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    // The request gets an id and a context. First, so that whatever answers below can be found again in the log.
    layers::context(request, |request| {
        // One span and one line in the log for each request. Outside of everything that can fail.
        layers::trace(request, |request| {
            // A limit on time. A call that changes something goes on to its end when the limit or the client's patience is over:
            // what it began is not left half done, and its audit row gets an outcome.
            layers::deadline(Arc::clone(&shared), request, |request| {
                // A panic becomes 500. Inside of the deadline, because there calls become tasks.
                // In a box, so that what is around it has only the box to move.
                layers::catch_panic(Box::pin(async move {
                    admitted(&shared, request, next).await.unwrap_or_else(ApiError::into_response)
                }))
            })
        })
    })
    .await
}

/// What is looked at before a handler sees a request. The first refusal is the answer.
async fn admitted(shared: &Shared, request: Request, next: Next) -> Result<Response, ApiError> {
    let context = context::current().ok_or_else(ApiError::internal)?;
    // Path tricks are refused before the path means anything.
    layers::clean_path(request.uri().path())?;
    // A body that is announced too long is refused unread; one that turns out too long ends its reader.
    let mut request = layers::limit_body(shared.body_limit, request)?;
    // The route and who may call it; 404 and 405 are told without a credential, as the document tells them.
    let route = layers::locate(shared, &request)?;
    // Who calls. An address with too many failures is refused before any work is done for it.
    let principal = layers::authenticate(shared, &route, &context, request.headers()).await?;
    // Whether they may. Leaves the caller with its grant for the handler.
    let caller = layers::authorise(shared, &route, &context, principal, &mut request).await?;
    request.extensions_mut().insert(caller);
    if layers::is_read(request.method()) {
        return Ok(next.run(request).await);
    }
    // A dry run goes to the stage. After the authorisation: who may not do a thing may not try it either.
    if layers::dry_run(&route, &mut request)? {
        return Ok(shared.stage.rehearse(request).await);
    }
    // A repeated call gets its answer from before. Last, so that keys belong to callers and only what handlers did is kept. In a box:
    // reads have no need of the room that it takes.
    Ok(Box::pin(layers::repeat(shared, request, next)).await)
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
