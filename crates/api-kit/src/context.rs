//! What belongs to one request and is needed in places that do not have the request: its id, when it began, what it waited
//! for, which answer the client has already.
//!
//! Task-local, because an answer is rendered after the handler has given the request away.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use bnna_platform::origin;
use serde::Serialize;

/// Most timings of one answer; further ones are left out.
const MAX_TIMINGS: usize = 64;

tokio::task_local! {
    static CONTEXT: Arc<RequestContext>;
}

/// One entry of `timings`.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Timing {
    /// What was waited for: `auth`, `pve:<host>`, `db`, `total`.
    pub name: String,
    /// How long, in milliseconds.
    pub ms: f64,
}

/// What a request is known by.
#[derive(Debug)]
pub struct RequestContext {
    /// The request's id: the client's, or ours.
    pub request_id: String,
    /// Where it comes from.
    pub remote: SocketAddr,
    /// The value of `If-None-Match` on a GET or HEAD.
    pub(crate) if_none_match: Option<HeaderValue>,
    /// Whether the method is GET or HEAD.
    pub(crate) reads: bool,
    started: Instant,
    timings: Mutex<Vec<Timing>>,
}

impl RequestContext {
    pub(crate) fn new(request_id: String, remote: SocketAddr, reads: bool, if_none_match: Option<HeaderValue>) -> Self {
        Self { request_id, remote, if_none_match, reads, started: Instant::now(), timings: Mutex::default() }
    }

    /// Adds a timing.
    pub fn record(&self, name: &str, took: Duration) {
        let mut timings = self.timings.lock().unwrap_or_else(PoisonError::into_inner);
        if timings.len() < MAX_TIMINGS {
            timings.push(Timing { name: name.to_owned(), ms: milliseconds(took) });
        }
    }

    /// The timings so far, in order of completion, and the total.
    pub(crate) fn timings(&self) -> Vec<Timing> {
        let mut timings = self.timings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        timings.push(Timing { name: "total".to_owned(), ms: milliseconds(self.started.elapsed()) });
        timings
    }
}

/// The request this task serves; nothing outside of one.
#[must_use]
pub fn current() -> Option<Arc<RequestContext>> {
    CONTEXT.try_with(Arc::clone).ok()
}

/// Adds a timing to the request this task serves; nothing happens outside of one. For hooks of clients, which see a call's
/// end but not the request it was made for.
pub fn record_timing(name: &str, took: Duration) {
    let _ = CONTEXT.try_with(|context| context.record(name, took));
}

/// Waits for something and adds how long it took to the request's timings.
pub async fn timed<F: Future>(name: &str, work: F) -> F::Output {
    let began = Instant::now();
    let output = work.await;
    record_timing(name, began.elapsed());
    output
}

/// Runs work as a part of a request: its timings show in the answer, calls made by it carry the request's id. Needed around a
/// spawned task.
pub async fn within<F: Future>(context: Arc<RequestContext>, work: F) -> F::Output {
    let id = context.request_id.clone();
    CONTEXT.scope(context, origin::in_request(&id, work)).await
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
