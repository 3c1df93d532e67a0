//! Getting a request to one of a cluster's addresses and the answer back: credentials, budget, failover, bounds.
//!
//! Everything a call can do to a server goes through here. It knows paths and parameters but not what
//! they mean.

mod answer;
mod credentials;
mod failure;
mod hosts;
mod observe;
mod settings;
mod streams;
mod tls;

pub use answer::{Answer, Envelope, read_answer};
pub use credentials::Credentials;
pub use hosts::HostState;
pub use observe::{CallRecord, Observer, current_request_id, in_request};
pub use settings::{Builder, Connected, Limits, Timeouts};
pub use streams::Download;
#[cfg(feature = "pve")]
pub(crate) use streams::FileBody;
pub use tls::{Fingerprint, Trust};

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::credentials::Authority;
use self::hosts::{Host, Hosts};
use crate::call::{Call, Method, Product, Since, Typed, fill};
use crate::error::{CallName, Error, MaybeSent, NeverSent, Result, Unreadable};
use crate::lenient;
use crate::params::{ParamSet, Params};
use crate::retry::{Decision, decide};
use crate::version::Release;

/// A connection to one cluster or backup server; cheap to clone.
#[derive(Clone)]
pub(crate) struct Connection {
    inner: Arc<Inner>,
    request_id: Option<Arc<str>>,
    /// Whether only reads are sent.
    rehearsing: bool,
}

struct Inner {
    product: Product,
    http: reqwest::Client,
    hosts: Hosts,
    authority: Authority,
    timeouts: Timeouts,
    limits: Limits,
    observer: Option<Arc<dyn Observer>>,
    release: tokio::sync::OnceCell<Release>,
}

/// A request, before an address is chosen.
struct Request<'a> {
    name: CallName,
    path: String,
    params: &'a Params,
    /// Whether it carries credentials; logging in does not.
    credentials: bool,
}

impl Connection {
    fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner), request_id: None, rehearsing: false }
    }

    /// The same connection, sending `X-Request-Id` with every call.
    pub(crate) fn with_request_id(&self, id: &str) -> Self {
        Self { request_id: Some(observe::printable(id)), ..self.clone() }
    }

    /// The id that a call sent now carries.
    fn current_id(&self) -> Option<Arc<str>> {
        self.request_id.clone().or_else(current_request_id)
    }

    #[cfg(feature = "pve")]
    /// The same connection, sending nothing but reads: any other call ends with [`NeverSent::Rehearsed`].
    pub(crate) fn rehearsing(&self) -> Self {
        Self { rehearsing: true, ..self.clone() }
    }

    /// Refuses what a rehearsal does not send.
    fn refuse_in_rehearsal(&self, call: &CallName, path: &str) -> Result<()> {
        if !self.rehearsing || call.method == Method::Get {
            return Ok(());
        }
        Err(Error::NeverSent { call: call.clone(), host: None, cause: NeverSent::Rehearsed { path: path.to_owned() } })
    }

    pub(crate) fn product(&self) -> Product {
        self.inner.product
    }

    pub(crate) fn hosts(&self) -> Vec<HostState> {
        self.inner.hosts.states()
    }

    /// Sends a typed call.
    pub(crate) async fn send<P: ParamSet, R: DeserializeOwned>(
        &self,
        typed: &Typed<P, R>,
        args: &[&str],
        params: &P,
    ) -> Result<R> {
        self.send_counted(typed, args, params).await.map(|(answer, _)| answer)
    }

    /// Sends a typed call whose answer says how many rows there are in all.
    pub(crate) async fn send_counted<P: ParamSet, R: DeserializeOwned>(
        &self,
        typed: &Typed<P, R>,
        args: &[&str],
        params: &P,
    ) -> Result<(R, Option<u64>)> {
        let call = &typed.call;
        self.require(call).await?;
        let mut out = Params::new();
        params.put(&mut out);
        let (envelope, host) = self.exchange(call.method, call.template, args, &out, true).await?;
        let (status, total) = (envelope.status, envelope.total);
        match lenient::from_value(envelope.data) {
            Ok(data) => Ok((data, total)),
            Err(cause) => {
                let call = CallName { method: call.method, template: call.template.to_owned() };
                Err(Error::Unreadable { call, host, status, cause: Unreadable::Decode(cause) })
            }
        }
    }

    /// Sends any call and gives the `data` of its answer.
    pub(crate) async fn raw(&self, method: Method, template: &str, args: &[&str], params: &Params) -> Result<Value> {
        self.exchange(method, template, args, params, true).await.map(|(envelope, _)| envelope.data)
    }

    /// Refuses a call that the server's version does not have.
    async fn require(&self, call: &Call) -> Result<()> {
        if call.since == Since::Always {
            return Ok(());
        }
        let release = self.release().await?;
        if call.since.includes(release.major, release.minor) {
            return Ok(());
        }
        Err(Error::NeverSent {
            call: CallName { method: call.method, template: call.template.to_owned() },
            host: None,
            cause: NeverSent::Unsupported { has: release.version.clone(), since: call.since },
        })
    }

    /// The server's release, asked once.
    pub(crate) async fn release(&self) -> Result<&Release> {
        let ask = || async {
            let (envelope, host) = self.exchange(Method::Get, "/version", &[], &Params::new(), true).await?;
            let status = envelope.status;
            lenient::from_value(envelope.data).map_err(|cause| Error::Unreadable {
                call: CallName { method: Method::Get, template: "/version".to_owned() },
                host,
                status,
                cause: Unreadable::Decode(cause),
            })
        };
        self.inner.release.get_or_try_init(ask).await
    }

    /// Sends a request, to one address after another as long as that cannot do anything twice.
    async fn exchange(
        &self,
        method: Method,
        template: &str,
        args: &[&str],
        params: &Params,
        credentials: bool,
    ) -> Result<(Envelope, String)> {
        let path = fill(template, args).map_err(|text| Error::malformed(method, template, text))?;
        let name = CallName { method, template: template.to_owned() };
        self.refuse_in_rehearsal(&name, &path)?;
        let request = Request { name, path, params, credentials };
        let deadline = Instant::now() + self.inner.timeouts.total;
        let order = self.inner.hosts.order();
        let mut again_here = order.len() == 1 && method == Method::Get;
        let mut attempts = order.iter();
        let mut next = attempts.next();
        let mut failure = None;
        while let Some(host) = next {
            match self.attempt(host, &request, deadline).await {
                Ok(envelope) => {
                    self.inner.hosts.prefer(host);
                    return Ok((envelope, host.name().to_owned()));
                }
                Err(error) => {
                    let faulty = is_fault_of_address(&error);
                    if faulty {
                        self.inner.hosts.avoid(host);
                    }
                    let elsewhere = faulty && decide(error.class(), method) == Decision::SendAgain;
                    // A kept connection that the server closed meanwhile: reading once more is free.
                    let reread = elsewhere
                        && std::mem::take(&mut again_here)
                        && matches!(&error, Error::MaybeSent { cause: MaybeSent::Broken(_), .. });
                    next = match (reread, elsewhere && Instant::now() < deadline) {
                        (true, _) => Some(host),
                        (false, true) => attempts.next(),
                        (false, false) => None,
                    };
                    failure = Some(error);
                }
            }
        }
        Err(failure.unwrap_or_else(|| Error::malformed(method, template, "no address")))
    }

    /// One attempt at one address, seen by the observer.
    async fn attempt(&self, host: &Host, request: &Request<'_>, deadline: Instant) -> Result<Envelope> {
        let begun = Instant::now();
        let watch = Unheard { connection: self, call: &request.name, host, begun, over: false };
        let result = self.converse(host, request, deadline).await;
        watch.over();
        self.note(&request.name, host, begun, result.as_ref().map(|envelope| envelope.status));
        result
    }

    /// Tells the observer of an attempt.
    fn note(&self, call: &CallName, host: &Host, begun: Instant, outcome: Result<u16, &Error>) {
        let duration = begun.elapsed();
        let id = self.current_id();
        let request_id = id.as_deref();
        // What changes something is told to everybody, what reads to who wants to know.
        #[cfg(feature = "tracing")]
        match &outcome {
            Ok(status) if call.method == Method::Get => {
                tracing::debug!(%call, host = host.name(), request_id, status, elapsed = ?duration, "proxmox call");
            }
            Ok(status) => {
                tracing::info!(%call, host = host.name(), request_id, status, elapsed = ?duration, "proxmox call");
            }
            Err(error) => tracing::info!(
                %call, host = host.name(), request_id, kind = error.kind(), status = error.status(), elapsed = ?duration,
                "proxmox call failed"
            ),
        }
        if let Some(observer) = &self.inner.observer {
            let (product, host) = (self.inner.product, host.name());
            observer.call(&CallRecord { product, call, host, outcome, duration, request_id });
        }
    }

    async fn converse(&self, host: &Host, request: &Request<'_>, deadline: Instant) -> Result<Envelope> {
        let _slot = host.slot(&request.name, self.inner.timeouts.queue).await?;
        let headers = match request.credentials {
            true => Box::pin(self.authorise(host, request.name.method)).await?,
            false => Vec::new(),
        };
        let first = self.round(host, request, &headers, deadline).await;
        match first {
            // A 401 has done nothing: with a new ticket the same request may go again.
            Err(Error::Answered(refusal))
                if refusal.status == 401 && request.credentials && self.inner.authority.expires() =>
            {
                self.inner.authority.forget().await;
                let headers = Box::pin(self.authorise(host, request.name.method)).await?;
                self.round(host, request, &headers, deadline).await
            }
            other => other,
        }
    }

    /// The headers that say who asks, after logging in if that is due.
    async fn authorise(&self, host: &Host, method: Method) -> Result<Vec<(&'static str, String)>> {
        let login = |template: &'static str, params: Params| async move {
            let name = CallName { method: Method::Post, template: template.to_owned() };
            let request = Request { name, path: template.to_owned(), params: &params, credentials: false };
            let deadline = Instant::now() + self.inner.timeouts.total;
            self.round(host, &request, &[], deadline).await.map(|envelope| envelope.data)
        };
        self.inner.authority.headers(self.inner.product, host.name(), method, login).await
    }

    /// One request and its answer.
    async fn round(
        &self,
        host: &Host,
        request: &Request<'_>,
        headers: &[(&'static str, String)],
        deadline: Instant,
    ) -> Result<Envelope> {
        let answer = self.transfer(host, request, headers, deadline).await?;
        read_answer(&request.name, host.name(), &answer)
    }

    async fn transfer(
        &self,
        host: &Host,
        request: &Request<'_>,
        headers: &[(&'static str, String)],
        deadline: Instant,
    ) -> Result<Answer> {
        let method = request.name.method;
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let failed = |error| failure::classify(&error, &request.name, host.name(), &self.inner.timeouts, left);
        let encoded = request.params.encode();
        let mut url = format!("{}{}", host.base(), request.path);
        if !method.has_body() && !encoded.is_empty() {
            url.push('?');
            url.push_str(&encoded);
        }
        let verb = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder = self.inner.http.request(verb, url).timeout(left).header("accept", "application/json");
        if method.has_body() {
            // The HTTP library leaves the length of nothing out; the server refuses a body of unknown length.
            if encoded.is_empty() {
                builder = builder.header("content-length", "0");
            }
            builder = builder.header("content-type", "application/x-www-form-urlencoded").body(encoded);
        }
        for (name, value) in headers {
            builder = builder.header(*name, secret_header(value));
        }
        if let Some(id) = self.current_id() {
            builder = builder.header("x-request-id", id.as_ref());
        }
        let response = builder.send().await.map_err(failed)?;
        self.collect(response, &request.name, host.name(), left).await
    }
}

/// Tells the observer of an attempt that its caller no longer waits for: the slowest calls are the last to be missing from figures.
struct Unheard<'a> {
    connection: &'a Connection,
    call: &'a CallName,
    host: &'a Host,
    begun: Instant,
    over: bool,
}

impl Unheard<'_> {
    fn over(mut self) {
        self.over = true;
    }
}

impl Drop for Unheard<'_> {
    fn drop(&mut self) {
        if !self.over {
            let cause = MaybeSent::Timeout(self.begun.elapsed());
            let error = Error::MaybeSent { call: self.call.clone(), host: self.host.name().to_owned(), cause };
            self.connection.note(self.call, self.host, self.begun, Err(&error));
        }
    }
}

/// Whether it failed because of the address asked, so that another may do better.
const fn is_fault_of_address(error: &Error) -> bool {
    match error {
        Error::NeverSent { cause, .. } => {
            !matches!(cause, NeverSent::Malformed(_) | NeverSent::Unsupported { .. } | NeverSent::Rehearsed { .. })
        }
        Error::MaybeSent { cause, .. } => !matches!(cause, MaybeSent::Relay { .. }),
        _ => false,
    }
}

/// A header that HTTP libraries do not show in their `Debug`; one that cannot be a header is sent empty, which the
/// server refuses. (Credentials are checked when the client is built; tickets come from the server.)
fn secret_header(value: &str) -> reqwest::header::HeaderValue {
    let mut header =
        reqwest::header::HeaderValue::from_str(value).unwrap_or_else(|_| reqwest::header::HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

/// Reads the body up to a bound; `Err(None)` is a body beyond it.
async fn bounded_body(mut response: reqwest::Response, limit: usize) -> Result<Bytes, Option<reqwest::Error>> {
    let announced = response.content_length().unwrap_or_default();
    if usize::try_from(announced).map_or(true, |length| length > limit) {
        return Err(None);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Some)? {
        if body.len() + chunk.len() > limit {
            return Err(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
