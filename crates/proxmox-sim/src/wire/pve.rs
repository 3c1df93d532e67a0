//! PVE's HTTP rules: what its API server does with a request before any call is looked at.
//!
//! The order is the real one: verb, transfer encoding, credentials, whether a token may make this call, body, formatter, dispatch.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, TRANSFER_ENCODING};
use http::{HeaderMap, Request as HttpRequest};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use rustls::ServerConfig;

use crate::api::access::{Credentials, authenticate};
use crate::api::check::{allowed, perm};
use crate::api::{Caller, Fault, Permission, RawParams, Request, Table, Upload, dispatch, token_allowed};
use crate::state::Cluster;

use super::body::{self, BODY_LIMIT, UPLOAD_LIMIT};
use super::faults::{FaultKind, Faults};
use super::listen::{Service, Verdict};
use super::multipart;
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
    /// The TLS configuration of each node.
    pub tls: BTreeMap<String, Arc<RwLock<Arc<ServerConfig>>>>,
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
        let upload_to = if method == "POST" { upload_storage(&path) } else { None };
        let needs_csrf = method != "GET" && upload_to.is_none();
        let caller = self.authenticate(method, &path, &parts.headers, needs_csrf)?;
        token_allowed(&self.shared.table, method, &path, &caller)?;
        if let Some(storage) = upload_to {
            // Uploads are exempt from CSRF, so the right is asked before the body is read.
            let right = perm(&format!("/storage/{storage}"), &["Datastore.AllocateTemplate"]);
            let cluster = self.shared.lock();
            allowed(&cluster, &Permission::Check(right), &caller, &RawParams::default())?;
        }

        let mut params = RawParams::default();
        body::decode_urlencoded(parts.uri.query().unwrap_or_default(), &mut params);
        let kind = header(&parts.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
        let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let sent = Sent { method, kind: &kind, length: length.unwrap_or(0), upload: upload_to.is_some() };
        let upload = match sent.read(incoming, &mut params).await? {
            Body::Taken(upload) => upload,
            Body::Refused => return Ok(None),
        };
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
            upload,
        };
        let mut cluster = self.shared.lock();
        cluster.settle();
        Ok(Some(dispatch(&mut cluster, &self.shared.table, request)))
    }

    fn authenticate(&self, method: &str, path: &str, headers: &HeaderMap, needs_csrf: bool) -> Result<Caller, Fault> {
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
        match authenticate(&cluster, &credentials, needs_csrf) {
            Err(_) if world => Ok(Caller::Nobody),
            other => other,
        }
    }
}

/// What the headers say about a body.
struct Sent<'a> {
    method: &'a str,
    kind: &'a str,
    length: u64,
    upload: bool,
}

/// What became of a body.
enum Body {
    /// Its parameters were taken.
    Taken(Option<Upload>),
    /// The connection is closed without an answer.
    Refused,
}

impl Sent<'_> {
    async fn read(&self, incoming: Incoming, params: &mut RawParams) -> Result<Body, Fault> {
        let (name, boundary) = body::content_type(self.kind);
        let writes = matches!(self.method, "POST" | "PUT");
        if self.length == 0 {
            if writes && name == "application/json" {
                body::decode(name, b"", params)?;
            }
            return Ok(Body::Taken(None));
        }
        if !writes {
            return Err(Fault::plain(501, format!("Unexpected content for method '{}'", self.method)));
        }
        if self.upload {
            let Some(boundary) = boundary.filter(|_| name == "multipart/form-data") else { return Ok(Body::Refused) };
            let Some(bytes) = collect(incoming, self.length, UPLOAD_LIMIT).await else { return Ok(Body::Refused) };
            return Ok(Body::Taken(Some(multipart::parse(&bytes, &boundary, params)?)));
        }
        if self.length > BODY_LIMIT {
            return Ok(Body::Refused);
        }
        if !matches!(name, "" | "application/x-www-form-urlencoded" | "application/json") {
            return Err(Fault::plain(506, format!("upload 'Content-Type '{}' not implemented", self.kind)));
        }
        let Some(bytes) = collect(incoming, self.length, BODY_LIMIT).await else { return Ok(Body::Refused) };
        body::decode(name, &bytes, params)?;
        Ok(Body::Taken(None))
    }
}

/// A body that arrives in time and is not too great.
async fn collect(incoming: Incoming, length: u64, limit: u64) -> Option<Bytes> {
    let limit = usize::try_from(limit).ok().filter(|limit| length <= *limit as u64)?;
    let read = tokio::time::timeout(BODY_TIMEOUT, Limited::new(incoming, limit).collect());
    Some(read.await.ok()?.ok()?.to_bytes())
}

/// The storage of an upload's path, `/nodes/N/storage/S/upload`.
fn upload_storage(path: &str) -> Option<&str> {
    let mut parts = path.split('/').skip(1);
    let (nodes, _, storage) = (parts.next()?, parts.next()?, parts.next()?);
    let (id, last) = (parts.next()?, parts.next()?);
    (nodes == "nodes" && storage == "storage" && last == "upload" && parts.next().is_none()).then_some(id)
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
