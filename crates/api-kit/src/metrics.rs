//! Metrics in Prometheus' form: the one recorder of a process, and what the façades themselves measure.
//!
//! Labels are bounded: methods of a list, routes as declared (never a path that somebody sent), statuses. The other crates name and
//! describe what they measure where they measure it.

use std::sync::OnceLock;
use std::time::Duration;

use axum::http::Method;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::process;

const REQUESTS: &str = "bnna_http_requests_total";
const SECONDS: &str = "bnna_http_request_seconds";
const RUNNING: &str = "bnna_http_requests_running";
const CONNECTIONS: &str = "bnna_http_connections";
const FAILED_CREDENTIALS: &str = "bnna_failed_credentials_total";
const REFUSED_ADDRESSES: &str = "bnna_refused_addresses_total";

/// Upper bounds of the histograms' buckets, seconds: from an answer out of memory to the longest deadline.
const BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];
/// How often what was recorded is summed up, so that it does not pile up while nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);

static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();

/// Starts recording; the first call of a process does it. Without it nothing is recorded and [`render`] gives nothing.
///
/// # Errors
/// In words, when another recorder is installed already.
pub fn start() -> Result<(), String> {
    RECORDER
        .get_or_init(|| {
            let handle = install().map_err(|error| error.to_string())?;
            describe();
            process::describe();
            // There from the beginning, so that the first failure is a rise.
            counter!(FAILED_CREDENTIALS).absolute(0);
            counter!(REFUSED_ADDRESSES).absolute(0);
            Ok(handle)
        })
        .as_ref()
        .map(|_| ())
        .map_err(Clone::clone)
}

fn install() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)?.install_recorder()
}

fn describe() {
    describe_counter!(REQUESTS, "Requests by method, route as declared (none where there is no such path) and status.");
    describe_histogram!(SECONDS, "How long requests took, by method and route.");
    describe_gauge!(RUNNING, "Requests being served.");
    describe_gauge!(CONNECTIONS, "Connections of clients.");
    describe_counter!(
        FAILED_CREDENTIALS,
        "Credentials that were malformed, unknown, expired, revoked or without any rights."
    );
    describe_counter!(
        REFUSED_ADDRESSES,
        "Requests refused because their address had sent too many failed credentials."
    );
}

/// Sums up what was recorded, again and again: to be spawned once by a program that records.
pub async fn keep_up() {
    loop {
        tokio::time::sleep(UPKEEP).await;
        if let Some(Ok(handle)) = RECORDER.get() {
            handle.run_upkeep();
        }
    }
}

/// Everything recorded, in Prometheus' text form.
#[must_use]
pub fn render() -> String {
    process::measure();
    RECORDER.get().and_then(|handle| handle.as_ref().ok()).map(PrometheusHandle::render).unwrap_or_default()
}

/// A credential that was no good.
pub(crate) fn credential_failed() {
    counter!(FAILED_CREDENTIALS).increment(1);
}

/// A request refused for what its address sent before.
pub(crate) fn address_refused() {
    counter!(REFUSED_ADDRESSES).increment(1);
}

/// A request being served; counted when it is answered, or when its client has gone.
pub(crate) struct Serving {
    method: &'static str,
    route: String,
    status: Option<u16>,
    began: std::time::Instant,
}

impl Serving {
    pub(crate) fn begin(method: &Method, route: Option<&str>) -> Self {
        gauge!(RUNNING).increment(1.0);
        let route = route.unwrap_or("none").to_owned();
        Self { method: word(method), route, status: None, began: std::time::Instant::now() }
    }

    pub(crate) fn answered(mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        gauge!(RUNNING).decrement(1.0);
        let status = self.status.map_or_else(|| "gone".to_owned(), |status| status.to_string());
        let route = std::mem::take(&mut self.route);
        histogram!(SECONDS, "method" => self.method, "route" => route.clone()).record(self.began.elapsed());
        counter!(REQUESTS, "method" => self.method, "route" => route, "status" => status).increment(1);
    }
}

/// A connection of a client, for as long as it is there.
pub(crate) struct Connected;

impl Connected {
    pub(crate) fn begin() -> Self {
        gauge!(CONNECTIONS).increment(1.0);
        Self
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        gauge!(CONNECTIONS).decrement(1.0);
    }
}

fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
