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
use crate::api::{Caller, Fault, FaultBody, Permission, RawParams, Request, Table, Upload, dispatch, token_allowed};
use crate::state::Cluster;

use super::body::{self, BODY_LIMIT, UPLOAD_LIMIT};
use super::faults::{Endless, FaultKind, Faults, Moment, Seen};
use super::listen::{Service, Verdict};
use super::multipart;
use super::render::{Answer, Formatter, answer, response};

/// Header lines of together more than this close the connection, bytes.
const HEADER_LIMIT: usize = 8 * 1024;
/// So many header lines close the connection.
const HEADER_LINES: usize = 64;
/// The id by which a client knows a request again.
const REQUEST_ID: &str = "x-request-id";
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
        let id = header(request.headers(), REQUEST_ID);
        let watched = self.show(&method, &path, id.as_deref(), Moment::Arrived);
        let fault = watched.or_else(|| self.shared.faults.next(&self.name, Some((&method, &path))));
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
            Some(FaultKind::Endless(of)) => {
                let (start, filler) = match of {
                    Endless::Rows => ("{\"data\":[{\"id\":\"x\"}", ",{\"id\":\"x\"}".repeat(4096)),
                    Endless::Junk => ("{\"data\":", "\u{7f}\u{1}x".repeat(16 * 1024)),
                };
                let content_type = Some("application/json;charset=UTF-8".to_owned());
                let body = Bytes::from_static(start.as_bytes());
                let answer = Answer { status: 200, reason: None, content_type, body };
                return Verdict::Endless(response(answer), Bytes::from(filler));
            }
            Some(FaultKind::Html) => {
                let body = Bytes::from_static(b"<html><body>It works!</body></html>");
                let content_type = Some("text/html".to_owned());
                return Verdict::Answer(response(Answer { status: 200, reason: None, content_type, body }));
            }
            _ => {}
        }
        let Some(mut answer) = self.handle(peer, request).await else { return Verdict::Close };
        if self.show(&method, &path, id.as_deref(), Moment::Done).is_some() {
            return Verdict::Close;
        }
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
    fn show(&self, method: &str, path: &str, request_id: Option<&str>, moment: Moment) -> Option<FaultKind> {
        self.shared.faults.show(&Seen { node: &self.name, method, path, request_id, moment })
    }

    /// The answer, or `None` to close the connection without one.
    async fn handle(&self, peer: SocketAddr, request: HttpRequest<Incoming>) -> Option<Answer> {
        let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 2);
        if request.headers().len() >= HEADER_LINES || lines.sum::<usize>() >= HEADER_LIMIT {
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
        match header(&parts.headers, TRANSFER_ENCODING.as_str()) {
            None => {}
            Some(encoding) if encoding.eq_ignore_ascii_case("chunked") => {
                return Err(Fault::plain(501, "chunked transfer encoding not supported"));
            }
            Some(encoding) => return Err(Fault::plain(501, format!("Unknown transfer encoding '{encoding}'"))),
        }
        let Some((name, path)) = api_path(parts.uri.path()) else {
            let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned();
            return Err(Fault::plain(500, format!("no such file '{path}'\n")));
        };
        if name.is_empty() {
            return Err(Fault::plain(501, "no such uri"));
        }
        let upload_to = if method == "POST" { upload_storage(&path) } else { None };
        let needs_csrf = method != "GET" && upload_to.is_none();
        let caller = self.authenticate(method, &path, &parts.headers, needs_csrf)?;
        token_allowed(&self.shared.table, method, &path, &caller)?;
        if let Some(storage) = upload_to {
            // Uploads are exempt from CSRF, so the right is asked before the body is read.
            let right = perm(&format!("/storage/{storage}"), &["Datastore.AllocateTemplate"]);
            let cluster = self.shared.lock();
            allowed(&cluster, &Permission::Check(right), &caller, &RawParams::default())
                .map_err(|fault| Fault { body: FaultBody::Empty, ..fault })?;
        }

        let kind = header(&parts.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
        let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let sent = Sent { method, kind: &kind, length: length.unwrap_or(0), upload: upload_to.is_some() };
        let Some(taken) = sent.read(incoming).await? else { return Ok(None) };
        if Formatter::parse(&name).is_none() {
            return Err(Fault::plain(501, format!("no formatter for uri {path}, {name}")));
        }
        let (mut params, upload) = taken.decode()?;
        let mut query = RawParams::default();
        body::decode_urlencoded(parts.uri.query().unwrap_or_default(), &mut query);
        // What the query says wins over the body. Browsers add `_dc` against their cache.
        query.iter().for_each(|(name, value)| params.set(name.clone(), value.clone()));
        params.remove("_dc");
        if self.show(method, &path, header(&parts.headers, REQUEST_ID).as_deref(), Moment::Read).is_some() {
            return Ok(None);
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
        let named = request.path.strip_suffix("/certificates/custom").and_then(|path| path.strip_prefix("/nodes/"));
        let renewed = named.filter(|_| request.method != "GET").map(str::to_owned);
        let outcome = dispatch(&mut cluster, &self.shared.table, request);
        if let Some(node) = renewed.filter(|_| outcome.is_ok()) {
            let shown = self.shared.show_certificate(&mut cluster, &node);
            shown.map_err(|error| Fault::plain(500, error.to_string()))?;
        }
        Ok(Some(outcome))
    }

    fn authenticate(&self, method: &str, path: &str, headers: &HeaderMap, needs_csrf: bool) -> Result<Caller, Fault> {
        let authorization = header(headers, AUTHORIZATION.as_str()).unwrap_or_default();
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let ticket = cookies.chain([authorization.as_str()]).find_map(|header| auth_value(header, "PVEAuthCookie"));
        let credentials = Credentials {
            token: auth_value(&authorization, "PVEAPIToken"),
            ticket,
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

/// A body as it came.
enum Body {
    /// None.
    Empty,
    /// Text of this type.
    Text(String, Bytes),
    /// An upload with this boundary.
    Parts(String, Bytes),
}

impl Body {
    fn decode(self) -> Result<(RawParams, Option<Upload>), Fault> {
        let mut params = RawParams::default();
        let upload = match self {
            Self::Empty => None,
            Self::Text(kind, bytes) => {
                body::decode(&kind, &bytes, &mut params)?;
                None
            }
            Self::Parts(boundary, bytes) => Some(multipart::parse(&bytes, &boundary, &mut params)?),
        };
        Ok((params, upload))
    }
}

impl Sent<'_> {
    /// Reads the body; `None` closes the connection without an answer.
    async fn read(&self, incoming: Incoming) -> Result<Option<Body>, Fault> {
        let (name, boundary) = body::content_type(self.kind);
        let writes = matches!(self.method, "POST" | "PUT");
        if self.length == 0 {
            let json = writes && name == "application/json";
            return Ok(Some(if json { Body::Text(name.to_owned(), Bytes::new()) } else { Body::Empty }));
        }
        if !writes {
            return Err(Fault::plain(501, format!("Unexpected content for method '{}'", self.method)));
        }
        if self.upload {
            let Some(boundary) = boundary.filter(|_| name == "multipart/form-data") else { return Ok(None) };
            let bytes = collect(incoming, self.length, UPLOAD_LIMIT).await;
            return Ok(bytes.map(|bytes| Body::Parts(boundary, bytes)));
        }
        if self.length > BODY_LIMIT {
            return Ok(None);
        }
        if !matches!(name, "" | "application/x-www-form-urlencoded" | "application/json") {
            return Err(Fault::plain(506, format!("upload 'Content-Type '{}' not implemented", self.kind)));
        }
        let bytes = collect(incoming, self.length, BODY_LIMIT).await;
        Ok(bytes.map(|bytes| Body::Text(name.to_owned(), bytes)))
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

/// The value of a key in a `Cookie` or `Authorization` header, `KEY=VALUE` or `KEY VALUE` up to a semicolon.
fn auth_value(header: &str, key: &str) -> Option<String> {
    let mut from = 0;
    while let Some(at) = header.get(from..)?.find(key).map(|at| at + from) {
        from = at + key.len();
        let starts = at == 0 || header.get(..at)?.ends_with(char::is_whitespace);
        if let Some(rest) = header.get(from..)?.strip_prefix(['=', ' ']).filter(|_| starts) {
            let value = rest.split(';').next().unwrap_or_default();
            return Some(percent_decode_str(value).decode_utf8_lossy().into_owned()).filter(|value| !value.is_empty());
        }
    }
    None
}

/// Formatter name and decoded path below it. `None` if this is no path of the API, an empty name if it is one without a formatter.
fn api_path(path: &str) -> Option<(String, String)> {
    let decoded = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let rest = decoded.strip_prefix("/api2")?;
    let below = rest.trim_start_matches('/');
    let (name, path) = below.find('/').map_or((below, "/"), |at| below.split_at(at));
    let mut letters = name.bytes();
    let valid = rest.starts_with('/')
        && name.len() > 1
        && letters.next().is_some_and(|b| b.is_ascii_lowercase())
        && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    Some((if valid { name.to_owned() } else { String::new() }, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{api_path, auth_value};

    #[test]
    fn credentials_are_found_with_equals_or_blank_up_to_a_semicolon() {
        let found = |header| auth_value(header, "PVEAPIToken");
        assert_eq!(found("PVEAPIToken=a@pve!t=s").as_deref(), Some("a@pve!t=s"));
        assert_eq!(found("PVEAPIToken a%40pve!t=s").as_deref(), Some("a@pve!t=s"));
        assert_eq!(found("PVEAPIToken="), None);
        assert_eq!(found("pveapitoken=x"), None);
        assert_eq!(auth_value("a=b; PVEAuthCookie=PVE:x; c=d", "PVEAuthCookie").as_deref(), Some("PVE:x"));
    }

    #[test]
    fn paths_of_the_api_have_a_formatter_and_a_rest() {
        let parts = |path| api_path(path).unwrap();
        assert_eq!(parts("/api2/json/nodes/pve1"), ("json".to_owned(), "/nodes/pve1".to_owned()));
        assert_eq!(parts("/api2/json"), ("json".to_owned(), "/".to_owned()));
        assert_eq!(parts("/api2/json//version").1, "//version");
        assert_eq!(parts("/api2/version"), ("version".to_owned(), "/".to_owned()));
        assert_eq!(parts("/api2").0, "");
        assert_eq!(api_path("/version"), None);
    }
}
