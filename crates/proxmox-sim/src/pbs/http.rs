//! HTTP as the backup server speaks it.
//!
//! The order is the real one: credentials (unless the call is for the world), route, the check at the call, body and parameters, handler. What is
//! refused is plain text; refused credentials have no content type.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderValue, SET_COOKIE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::wire::faults::{FaultKind, Faults};
use crate::wire::listen::{Service, Verdict};

use super::api::ticket::{Credentials, authenticate};
use super::call::{Answer, Call, Refusal};
use super::rights::Permission;
use super::schema::{Source, verify};
use super::state::Pbs;
use super::table::Table;

/// Greatest body of a request, bytes.
const BODY_LIMIT: usize = 512 * 1024;
/// A request's body arrives within this time.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
const JSON: &str = "application/json;charset=UTF-8";

/// What the server consists of.
#[derive(Debug)]
pub(super) struct Shared {
    /// The state; clusters that back up to this server have it, too.
    pub pbs: Arc<Mutex<Pbs>>,
    /// The calls.
    pub table: Table,
    /// Faults to play.
    pub faults: Faults,
    /// How long a refused credential waits.
    pub auth_delay: Duration,
}

impl Shared {
    /// Locks the state. A handler that panicked must not take the simulator with it.
    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, Pbs> {
        self.pbs.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The listener's service.
#[derive(Debug)]
pub(super) struct Server(pub(super) Arc<Shared>);

/// Status, content type, body and cookie of an answer.
struct Reply {
    status: u16,
    content_type: Option<&'static str>,
    body: Bytes,
    cookie: Option<String>,
}

impl Reply {
    fn refused(refusal: Refusal, content_type: Option<&'static str>) -> Self {
        Self { status: refusal.status, content_type, body: refusal.text.into(), cookie: None }
    }
}

impl Service for Server {
    fn accepts(&self) -> bool {
        let name = self.0.lock().name.clone();
        self.0.faults.next(&name, None).is_none()
    }

    async fn call(&self, _: SocketAddr, request: Request<Incoming>) -> Verdict {
        let name = self.0.lock().name.clone();
        let path = api_path(request.uri().path()).map_or_else(String::new, |(_, path)| path);
        let fault = self.0.faults.next(&name, Some((request.method().as_str(), &path)));
        match &fault {
            Some(FaultKind::Latency(delay)) => tokio::time::sleep(*delay).await,
            Some(FaultKind::ResetBeforeRead | FaultKind::Refuse) => return Verdict::Close,
            Some(FaultKind::ResetAfterRead) => {
                let _ = Limited::new(request.into_body(), BODY_LIMIT).collect().await;
                return Verdict::Close;
            }
            Some(FaultKind::Status(status, text)) => {
                let reply = Reply { status: *status, content_type: None, body: text.clone().into(), cookie: None };
                return Verdict::Answer(response(reply));
            }
            Some(FaultKind::Html) => {
                let body = Bytes::from_static(b"<html><body>It works!</body></html>");
                let reply = Reply { status: 200, content_type: Some("text/html"), body, cookie: None };
                return Verdict::Answer(response(reply));
            }
            _ => {}
        }
        let Some(mut reply) = self.handle(request).await else { return Verdict::Close };
        match fault {
            Some(FaultKind::ResetAfterDone) => Verdict::Close,
            Some(FaultKind::TruncatedBody) => {
                let half = reply.body.len() / 2;
                Verdict::Truncated(response(reply), half)
            }
            Some(FaultKind::WrongContentType) => {
                reply.content_type = Some("text/html");
                Verdict::Answer(response(reply))
            }
            _ => Verdict::Answer(response(reply)),
        }
    }
}

impl Server {
    /// The answer, or `None` to close the connection without one.
    async fn handle(&self, request: Request<Incoming>) -> Option<Reply> {
        let (parts, incoming) = request.into_parts();
        let method = parts.method.as_str().to_owned();
        let full_path = percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned();
        let not_found = || Refusal::not_found(format!("Path '{full_path}' not found."));
        let Some((formatter, path)) = api_path(parts.uri.path()) else {
            return Some(Reply::refused(not_found(), None));
        };

        let world = {
            let pbs = self.0.lock();
            let found = self.0.table.find(pbs.major(), &method, &path);
            found.is_some_and(|(call, _)| matches!(call.permission, Permission::World))
        };
        let credentials = credentials(&parts.headers, matches!(method.as_str(), "GET" | "HEAD"));
        let authenticated = authenticate(&self.0.lock(), &credentials);
        let caller = match authenticated {
            Ok(caller) => Some(caller),
            Err(_) if world => None,
            Err(text) => {
                tokio::time::sleep(self.0.auth_delay).await;
                let refusal = Refusal { status: 401, text: format!("authentication failed - {text}") };
                return Some(Reply::refused(refusal, None));
            }
        };
        if !matches!(formatter.as_str(), "json" | "extjs") {
            return Some(Reply::refused(not_found(), None));
        }

        let read = tokio::time::timeout(BODY_TIMEOUT, Limited::new(incoming, BODY_LIMIT).collect());
        let body = match read.await {
            Ok(Ok(collected)) => collected.to_bytes(),
            _ => return None,
        };

        let outcome = {
            let mut pbs = self.0.lock();
            let Some((endpoint, path_params)) = self.0.table.find(pbs.major(), &method, &path) else {
                return Some(Reply::refused(not_found(), Some(JSON)));
            };
            let kind = header(&parts.headers, CONTENT_TYPE.as_str());
            let query = parts.uri.query().unwrap_or_default();
            pbs.allowed(endpoint.permission, caller.as_ref(), &path_params)
                .and_then(|()| source(endpoint.method, kind.as_deref(), query, &body, &path_params))
                .and_then(|source| verify(&endpoint.params, pbs.major(), source))
                .and_then(|params| (endpoint.handler)(&mut pbs, &Call { caller, params }))
        };
        match outcome {
            Ok(answer) => Some(success(&formatter, answer)),
            Err(refusal) => {
                if refusal.status == 401 {
                    tokio::time::sleep(self.0.auth_delay).await;
                }
                Some(failure(&formatter, refusal))
            }
        }
    }
}

fn success(formatter: &str, answer: Answer) -> Reply {
    if let Some(bytes) = answer.file {
        let content_type = Some("application/octet-stream");
        return Reply { status: 200, content_type, body: bytes.into(), cookie: None };
    }
    let mut body = Map::new();
    body.insert("data".to_owned(), answer.data);
    body.extend(answer.beside);
    if formatter == "extjs" {
        body.insert("success".to_owned(), 1.into());
    }
    let content_type = if answer.plain_type { "application/json" } else { JSON };
    let body = Value::Object(body).to_string().into();
    Reply { status: 200, content_type: Some(content_type), body, cookie: answer.cookie }
}

fn failure(formatter: &str, refusal: Refusal) -> Reply {
    if formatter == "extjs" && refusal.status != 404 {
        let body = serde_json::json!({
            "success": 0, "data": null, "message": refusal.text, "errors": {}, "status": refusal.status,
        });
        return Reply { status: 200, content_type: Some(JSON), body: body.to_string().into(), cookie: None };
    }
    Reply::refused(refusal, Some(JSON))
}

/// Where the parameters of a call come from: query and form as text, or a JSON object.
fn source(
    method: &str,
    content_type: Option<&str>,
    query: &str,
    body: &[u8],
    path_params: &[(String, String)],
) -> Result<Source, Refusal> {
    let mut sent = Vec::new();
    if matches!(method, "POST" | "PUT") {
        let kind = content_type.map(|kind| kind.split(';').next().unwrap_or_default().trim());
        match kind {
            None | Some("application/x-www-form-urlencoded") => {
                let text = std::str::from_utf8(body)
                    .map_err(|error| Refusal::bad(format!("Request body not uft8: {error}")))?;
                sent.extend(decode(text));
            }
            Some("application/json") => {
                let mut object: Map<String, Value> = match serde_json::from_slice(body) {
                    Ok(Value::Object(object)) => object,
                    Ok(_) => return Err(Refusal::bad("Expected object - got scalar value.")),
                    Err(error) => return Err(Refusal::bad(error.to_string())),
                };
                for (name, value) in path_params {
                    object.insert(name.clone(), Value::from(value.as_str()));
                }
                return Ok(Source::Json(object));
            }
            Some(_) => {
                let shown = content_type.unwrap_or_default();
                return Err(Refusal::bad(format!("unsupported content type Ok({shown:?})")));
            }
        }
    }
    sent.extend(decode(query).filter(|(name, _)| name != "_dc"));
    sent.extend(path_params.iter().cloned());
    Ok(Source::Text(sent))
}

/// `a=b&c=d`, as browsers write it.
fn decode(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (unescape(name), unescape(value))
    })
}

fn unescape(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn credentials(headers: &HeaderMap, reads: bool) -> Credentials {
    let cookies: Vec<&str> = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
    let cookie = |name: &str| {
        let mut parts = cookies.iter().flat_map(|line| line.split(';'));
        let value = parts.find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))?;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    };
    Credentials {
        authorization: header(headers, AUTHORIZATION.as_str()),
        ticket: cookie("__Host-PBSAuthCookie").or_else(|| cookie("PBSAuthCookie")),
        csrf: header(headers, "CSRFPreventionToken"),
        reads,
    }
}

/// Formatter name and decoded path below it, if this is a path of the API.
fn api_path(path: &str) -> Option<(String, String)> {
    let rest = path.strip_prefix("/api2/")?;
    let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
    let below = percent_decode_str(below).decode_utf8_lossy();
    Some((name.to_owned(), format!("/{}", below.trim_start_matches('/'))))
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(kind) = reply.content_type {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Some(cookie) = reply.cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}
