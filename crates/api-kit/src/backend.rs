//! What the state of a façade offers so that each of its routes has dry runs and repeatable requests for nothing: a state that
//! does not is refused by the compiler.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bnna_platform::repeats::{Claim, Claimed, KeptAnswer, Repeat};
use bnna_platform::views::DryRun;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::code::Code;
use crate::context;
use crate::envelope::Answer;
use crate::error::ApiError;
use crate::extract::Caller;

/// The state of a façade's handlers.
pub trait Backend: Clone + Send + Sync + 'static {
    /// The same state, over which a handler changes nothing but notes what it would.
    fn rehearse(&self) -> BoxFuture<'_, Result<Rehearsal<Self>, ApiError>>;

    /// Claims an `Idempotency-Key` for a request, or says what it stands for.
    fn claim<'a>(&'a self, repeat: &'a Repeat, request_id: &'a str) -> BoxFuture<'a, Result<Claimed, ApiError>>;

    /// Keeps the answer of a claimed request.
    fn keep_answer<'a>(&'a self, claim: &'a Claim, answer: &'a KeptAnswer) -> BoxFuture<'a, Result<(), ApiError>>;

    /// Gives a claim back whose request came to nothing.
    fn release(&self, claim: Claim) -> BoxFuture<'_, Result<(), ApiError>>;
}

/// A state on which things are tried.
pub struct Rehearsal<S> {
    /// The state.
    pub state: S,
    /// What was tried, given the status that it was answered with.
    pub would: Box<dyn FnOnce(StatusCode) -> BoxFuture<'static, Result<DryRun, ApiError>> + Send>,
}

/// A backend with the routes over it, its type forgotten.
pub(crate) trait Stage: Send + Sync {
    /// Answers a request with what it would do, or with the refusal that it would meet.
    fn rehearse(&self, request: Request) -> BoxFuture<'_, Response>;
    fn claim<'a>(&'a self, repeat: &'a Repeat, request_id: &'a str) -> BoxFuture<'a, Result<Claimed, ApiError>>;
    fn keep_answer<'a>(&'a self, claim: &'a Claim, answer: &'a KeptAnswer) -> BoxFuture<'a, Result<(), ApiError>>;
    fn release(&self, claim: Claim) -> BoxFuture<'_, Result<(), ApiError>>;
}

/// The routes without a state, and the state.
pub(crate) struct Behind<S> {
    pub(crate) router: Router<S>,
    pub(crate) state: S,
}

impl<S: Backend> Stage for Behind<S> {
    fn rehearse(&self, request: Request) -> BoxFuture<'_, Response> {
        async move { self.tried(request).await.unwrap_or_else(ApiError::into_response) }.boxed()
    }

    fn claim<'a>(&'a self, repeat: &'a Repeat, request_id: &'a str) -> BoxFuture<'a, Result<Claimed, ApiError>> {
        self.state.claim(repeat, request_id)
    }

    fn keep_answer<'a>(&'a self, claim: &'a Claim, answer: &'a KeptAnswer) -> BoxFuture<'a, Result<(), ApiError>> {
        self.state.keep_answer(claim, answer)
    }

    fn release(&self, claim: Claim) -> BoxFuture<'_, Result<(), ApiError>> {
        self.state.release(claim)
    }
}

impl<S: Backend> Behind<S> {
    /// The handler itself does it, over a state on which nothing sticks.
    async fn tried(&self, request: Request) -> Result<Response, ApiError> {
        let Rehearsal { state, would } = self.state.rehearse().await?;
        // What fails in a rehearsal is logged as such: nothing is left behind and nothing is stuck. Of the highest level, so that
        // it is there whatever is logged.
        let context = context::current();
        let request_id = context.as_ref().map_or("", |context| context.request_id.as_str());
        let span = tracing::error_span!("dry_run", request_id);
        let tried = self.router.clone().with_state(state).oneshot(afresh(request)).instrument(span);
        let response = match tried.await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status();
        if !status.is_success() {
            return Ok(response);
        }
        // An operation that goes on: what it would have done after this nobody knows.
        if status == StatusCode::ACCEPTED && response.headers().contains_key(LOCATION) {
            return Err(ApiError::new(Code::Timeout, "the dry run takes longer than calls may; nothing was done"));
        }
        Ok(Answer::ok(would(status).await?).into_response())
    }
}

/// The request without what the first routing left in it, and as patient as requests can be: a dry run is whole or none.
fn afresh(request: Request) -> Request {
    let (parts, body) = request.into_parts();
    let mut afresh: Request<Body> = Request::new(body);
    *afresh.method_mut() = parts.method;
    *afresh.uri_mut() = parts.uri;
    *afresh.headers_mut() = parts.headers;
    afresh.headers_mut().insert("prefer", HeaderValue::from_static("wait=60"));
    if let Some(caller) = parts.extensions.get::<Caller>() {
        afresh.extensions_mut().insert(caller.clone());
    }
    afresh
}
