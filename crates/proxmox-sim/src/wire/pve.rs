//! PVE's HTTP rules: what its API server does with a request before any call is looked at.
//!
//! The order is the real one: verb, transfer encoding, credentials, whether a token may make this call, body, formatter, dispatch.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, TRANSFER_ENCODING};
use http::{HeaderMap, Request as HttpRequest};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;

use crate::api::access::{Credentials, authenticate};
use crate::api::{Caller, Fault, Permission, RawParams, Request, Table, dispatch, token_allowed};
use crate::state::Cluster;

use super::body::{self, BODY_LIMIT};
use super::faults::{FaultKind, Faults};
use super::listen::{Service, Verdict};
use super::render::{Answer, Formatter, answer, response};

/// A header line longer than this closes the connection, bytes.
const HEADER_LINE_LIMIT: usize = 8 * 1024;
/// A request's body arrives within this time.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// What all nodes of a simulated cluster share.
#[derive(Debug)]
pub struct Shared {
    /// The cluster's state.
    pub cluster: Mutex<Cluster>,
    /// The endpoints.
    pub table: Table,
    /// Faults to play.
    pub faults: Faults,
    /// How long a refused credential waits.
    pub auth_delay: Duration,
}

impl Shared {
    /// Locks the state. A handler that panicked must not take the simulator with it.
    pub fn lock(&self) -> std::sync::MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The API server of one node.
#[derive(Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it shares with the others.
    pub shared: Arc<Shared>,
}

impl Service for Node {
    fn accepts(&self) -> bool {
        let online = self.shared.lock().nodes.get(&self.name).is_some_and(|node| node.online);
        online && self.shared.faults.next(&self.name, None).is_none()
    }

    async fn call(&self, peer: SocketAddr, request: HttpRequest<Incoming>) -> Verdict {
        let method = request.method().as_str().to_owned();
        let path = api_path(request.uri().path()).map_or_else(String::new, |(_, path)| path);
        let fault = self.shared.faults.next(&self.name, Some((&method, &path)));
        match &fault {
            Some(FaultKind::Latency(delay)) => tokio::time::sleep(*delay).await,
            Some(FaultKind::ResetBeforeRead | FaultKind::Refuse) => return Verdict::Close,
            Some(FaultKind::ResetAfterRead) => {
                let _ = Limited::new(request.into_body(), 1 << 20).collect().await;
                return Verdict::Close;
            }
            Some(FaultKind::Status(status, reason)) => {
                let reason = Some(reason.clone());
                return Verdict::Answer(response(Answer {
                    status: *status,
                    reason,
                    content_type: None,
                    body: Bytes::new(),
                }));
            }
            Some(FaultKind::Html) => {
                let body = Bytes::from_static(b"<html><body>It works!</body></html>");
                let content_type = Some("text/html".to_owned());
                return Verdict::Answer(response(Answer { status: 200, reason: None, content_type, body }));
            }
            _ => {}
        }
        let Some(mut answer) = self.handle(peer, request).await else { return Verdict::Close };
        match fault {
            Some(FaultKind::ResetAfterDone) => Verdict::Close,
            Some(FaultKind::TruncatedBody) => {
                let half = answer.body.len() / 2;
                Verdict::Truncated(response(answer), half)
            }
            Some(FaultKind::WrongContentType) => {
                answer.content_type = Some("text/html".to_owned());
                Verdict::Answer(response(answer))
            }
            _ => Verdict::Answer(response(answer)),
        }
    }
}

impl Node {
    /// The answer, or `None` to close the connection without one.
    async fn handle(&self, peer: SocketAddr, request: HttpRequest<Incoming>) -> Option<Answer> {
        if request.headers().iter().any(|(name, value)| name.as_str().len() + value.len() + 2 > HEADER_LINE_LIMIT) {
            return None;
        }
        let formatter = api_path(request.uri().path()).and_then(|(name, _)| Formatter::parse(&name));
        match self.outcome(peer, request).await {
            Ok(outcome) => Some(answer(formatter.unwrap_or(Formatter::Json), outcome?)),
            Err(fault) => {
                if fault.status == 401 {
                    tokio::time::sleep(self.shared.auth_delay).await;
                }
                // What the HTTP layer itself refuses has no formatter, except a token on a call for tickets.
                let formatter = if fault.status == 403 { formatter } else { None };
                Some(answer(formatter.unwrap_or(Formatter::Json), Err(fault)))
            }
        }
    }

    /// `Err` is a refusal by the HTTP layer, `Ok(None)` closes the connection.
    async fn outcome(
        &self,
        peer: SocketAddr,
        request: HttpRequest<Incoming>,
    ) -> Result<Option<crate::api::Outcome>, Fault> {
        let (parts, incoming) = request.into_parts();
        let method = parts.method.as_str();
        if !matches!(method, "GET" | "POST" | "PUT" | "DELETE") {
            return Err(Fault::bodyless(501, format!("method '{method}' not available")));
        }
        if parts.headers.contains_key(TRANSFER_ENCODING) {
            return Err(Fault::plain(501, "chunked transfer encoding not supported"));
        }
        let Some((name, path)) = api_path(parts.uri.path()) else {
            let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned();
            return Err(Fault::plain(500, format!("no such file '{path}'\n")));
        };
        let caller = self.authenticate(method, &path, &parts.headers)?;
        token_allowed(&self.shared.table, method, &path, &caller)?;

        let mut params = RawParams::default();
        body::decode_urlencoded(parts.uri.query().unwrap_or_default(), &mut params);
        let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if let Some(length) = length.filter(|length| *length > 0) {
            let kind = header(&parts.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
            match self.read(method, &kind, length, incoming, &mut params).await? {
                true => {}
                false => return Ok(None),
            }
        } else if header(&parts.headers, CONTENT_TYPE.as_str()).is_some_and(|kind| {
            body::content_type(&kind).0 == "application/json" && method != "GET" && method != "DELETE"
        }) {
            body::decode("application/json", b"", &mut params)?;
        }
        if Formatter::parse(&name).is_none() {
            return Err(Fault::plain(501, format!("no formatter for uri {path}, {name}")));
        }
        let request = Request {
            method: method.to_owned(),
            path,
            caller,
            entry: self.name.clone(),
            client: peer.ip().to_string(),
            params,
            upload: None,
        };
        let mut cluster = self.shared.lock();
        cluster.settle();
        Ok(Some(dispatch(&mut cluster, &self.shared.table, request)))
    }

    fn authenticate(&self, method: &str, path: &str, headers: &HeaderMap) -> Result<Caller, Fault> {
        let credentials = Credentials {
            authorization: header(headers, AUTHORIZATION.as_str()),
            ticket: headers.get_all(COOKIE).iter().find_map(|value| cookie(value.to_str().ok()?)),
            csrf: header(headers, "CSRFPreventionToken"),
        };
        let world = self
            .shared
            .table
            .find(method, path)
            .is_some_and(|(endpoint, _)| matches!(endpoint.permission, Permission::World));
        let cluster = self.shared.lock();
        match authenticate(&cluster, &credentials, method != "GET") {
            Err(_) if world => Ok(Caller::Nobody),
            other => other,
        }
    }

    /// Reads the body into the parameters. `false` means that the connection is to be closed.
    async fn read(
        &self,
        method: &str,
        kind: &str,
        length: u64,
        incoming: Incoming,
        params: &mut RawParams,
    ) -> Result<bool, Fault> {
        if method == "GET" || method == "DELETE" {
            return Err(Fault::plain(501, format!("Unexpected content for method '{method}'")));
        }
        if length > BODY_LIMIT {
            return Ok(false);
        }
        let (name, _) = body::content_type(kind);
        if !matches!(name, "" | "application/x-www-form-urlencoded" | "application/json") {
            return Err(Fault::plain(506, format!("upload 'Content-Type '{kind}' not implemented")));
        }
        let limit = usize::try_from(BODY_LIMIT).unwrap_or(usize::MAX);
        let read = tokio::time::timeout(BODY_TIMEOUT, Limited::new(incoming, limit).collect());
        let Ok(Ok(collected)) = read.await else { return Ok(false) };
        body::decode(name, &collected.to_bytes(), params)?;
        Ok(true)
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The ticket in a `Cookie` header.
fn cookie(header: &str) -> Option<String> {
    header
        .split(';')
        .find_map(|part| part.trim().strip_prefix("PVEAuthCookie="))
        .map(|ticket| percent_decode_str(ticket).decode_utf8_lossy().into_owned())
}

/// Formatter name and decoded path below it, if this is a path of the API.
fn api_path(path: &str) -> Option<(String, String)> {
    let decoded = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let rest = decoded.strip_prefix("/api2/")?;
    let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
    let below = below.trim_start_matches('/');
    Some((name.to_owned(), format!("/{below}")))
}
