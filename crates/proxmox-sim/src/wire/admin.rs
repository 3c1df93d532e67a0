//! The simulator's own port: faults and time from outside, for test suites in any language. Plain HTTP on the loopback, nothing of
//! Proxmox's API.
//!
//! | call | body | effect |
//! |---|---|---|
//! | `GET /state` | | the whole state as JSON, secrets included |
//! | `GET /faults`, `POST /faults`, `DELETE /faults` | a [`FaultRule`] | wire faults |
//! | `POST /task-faults` | a [`TaskFault`] | the next task fails, dies or hangs |
//! | `POST /clock` | `{"advance": seconds}` or `{"speed": factor}` | time |
//! | `POST /nodes/NAME` | `{"online": false}` or `{"renew_certificate": true}` | a node goes down, comes back, gets a new certificate |
//! | `POST /guests/VMID` | `{"lock": "backup"}` or `{"lock": null}` | a lock is held, or let go |
//! | `POST /storages/NAME` | `{"node": "pve1", "free": bytes}` | a storage is full but for so much |
//! | `POST /quorum` | `{"lost": true}` | the cluster without quorum |

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::state::Cluster;
use crate::tasks::TaskFault;

use super::faults::FaultRule;
use super::pve::Shared;
use super::tls;

/// No request is greater, bytes.
const LIMIT: usize = 64 * 1024;

/// Serves the port until it is told to stop.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (shared, stop) = (shared.clone(), stop.clone());
        tasks.spawn(async move {
            let service = service_fn(|request| answer(shared.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                () = stop.cancelled() => {}
                _ = connection => {}
            }
        });
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let body = Limited::new(request.into_body(), LIMIT).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let (status, answer) = match act(&shared, &method, &path, &body) {
        Ok(answer) => (StatusCode::OK, answer),
        Err(Refusal::Unknown) => (StatusCode::NOT_FOUND, json!({ "error": "no such call" })),
        Err(Refusal::Bad(text)) => (StatusCode::BAD_REQUEST, json!({ "error": text })),
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    Ok(response)
}

enum Refusal {
    Unknown,
    Bad(String),
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::Bad(error.to_string())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    advance: Option<f64>,
    speed: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeChange {
    online: Option<bool>,
    renew_certificate: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    lock: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fill {
    node: String,
    free: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quorum {
    lost: bool,
}

fn act(shared: &Shared, method: &Method, path: &str, body: &[u8]) -> Result<Value, Refusal> {
    match (method.as_str(), path) {
        ("GET", "/state") => Ok(serde_json::to_value(&*shared.lock())?),
        ("GET", "/faults") => Ok(serde_json::to_value(shared.faults.rules())?),
        ("POST", "/faults") => {
            shared.faults.inject(serde_json::from_slice::<FaultRule>(body)?);
            Ok(Value::Null)
        }
        ("DELETE", "/faults") => {
            shared.faults.clear();
            Ok(Value::Null)
        }
        ("POST", "/task-faults") => {
            let fault = serde_json::from_slice::<TaskFault>(body)?;
            shared.lock().tasks.inject(fault);
            Ok(Value::Null)
        }
        ("POST", "/clock") => {
            let Time { advance, speed } = serde_json::from_slice(body)?;
            let mut cluster = shared.lock();
            if let Some(seconds) = advance {
                let by = Duration::try_from_secs_f64(seconds).map_err(|error| Refusal::Bad(error.to_string()))?;
                cluster.clock.advance(by);
            }
            if let Some(speed) = speed {
                cluster.clock.set_speed(speed);
            }
            cluster.settle();
            Ok(json!({ "now": cluster.now() }))
        }
        ("POST", "/quorum") => {
            let Quorum { lost } = serde_json::from_slice(body)?;
            shared.lock().nodes.quorum_lost = lost;
            Ok(Value::Null)
        }
        ("POST", path) => match path.trim_start_matches('/').split_once('/') {
            Some(("nodes", name)) => change_node(shared, name, &serde_json::from_slice(body)?),
            Some(("guests", vmid)) => {
                let Lock { lock } = serde_json::from_slice(body)?;
                let held = vmid.parse().is_ok_and(|vmid| shared.lock().hold_lock(vmid, lock.as_deref()));
                if held { Ok(Value::Null) } else { Err(Refusal::Bad(format!("no such guest '{vmid}'"))) }
            }
            Some(("storages", name)) => {
                let Fill { node, free } = serde_json::from_slice(body)?;
                let filled = shared.lock().leave_free(name, &node, free);
                if filled { Ok(Value::Null) } else { Err(Refusal::Bad(format!("no storage '{name}' on '{node}'"))) }
            }
            _ => Err(Refusal::Unknown),
        },
        _ => Err(Refusal::Unknown),
    }
}

fn change_node(shared: &Shared, name: &str, change: &NodeChange) -> Result<Value, Refusal> {
    if shared.lock().nodes.get(name).is_none() {
        return Err(Refusal::Bad(format!("no such node '{name}'")));
    }
    if let Some(online) = change.online {
        shared.lock().set_node_online(name, online);
    }
    if change.renew_certificate == Some(true) {
        shared.renew_certificate(name).map_err(|error| Refusal::Bad(error.to_string()))?;
    }
    let cluster = shared.lock();
    let node = cluster.nodes.get(name);
    Ok(json!({
        "online": node.is_some_and(|node| node.online),
        "fingerprint": node.map(|node| node.fingerprint.clone()),
    }))
}

impl Shared {
    /// Lets a node show the certificate that it has now.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn show_certificate(&self, cluster: &mut Cluster, node: &str) -> Result<(), tls::TlsError> {
        cluster.make_certificates()?;
        if let (Some(node), Some(slot)) = (cluster.nodes.get(node), self.tls.get(node)) {
            *slot.write().unwrap_or_else(PoisonError::into_inner) = tls::server_config(node.shown())?;
        }
        Ok(())
    }

    /// Gives a node a new certificate, as a renewal would; new connections see it.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn renew_certificate(&self, node: &str) -> Result<(), tls::TlsError> {
        let mut cluster = self.lock();
        if let Some(node) = cluster.nodes.get_mut(node) {
            node.identity = tls::Identity::default();
            node.custom = None;
        }
        self.show_certificate(&mut cluster, node)
    }
}
