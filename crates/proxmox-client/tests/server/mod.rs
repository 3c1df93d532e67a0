//! A TLS server that answers as a test tells it to, well or badly. HTTP by hand, so that it can misbehave.
#![allow(dead_code, unreachable_pub, clippy::needless_pass_by_value)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use proxmox_client::{Fingerprint, Limits, Pbs, Pve, Timeouts, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What the server does with a request it has read.
pub enum Reply {
    /// These bytes, and the connection stays open.
    Raw(Vec<u8>),
    /// These bytes, and the connection ends.
    RawThenClose(Vec<u8>),
    /// The connection ends without a word.
    Close,
    /// Nothing, until the client gives up.
    Silence,
}

/// A whole answer.
pub fn answer(status: u16, reason: &str, body: &str) -> Reply {
    typed(status, reason, "application/json;charset=UTF-8", body)
}

pub fn typed(status: u16, reason: &str, content_type: &str, body: &str) -> Reply {
    let head =
        format!("HTTP/1.1 {status} {reason}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n", body.len());
    Reply::Raw([head.as_bytes(), body.as_bytes()].concat())
}

/// A success with this data.
pub fn data(value: serde_json::Value) -> Reply {
    answer(200, "OK", &serde_json::json!({ "data": value }).to_string())
}

/// What a server of version 9 says of itself.
pub fn version() -> Reply {
    data(serde_json::json!({ "version": "9.2.4", "release": "9.2", "repoid": "abc" }))
}

pub struct Server {
    pub address: String,
    pub certificate: CertificateDer<'static>,
    pub pem: String,
    seen: Arc<Mutex<Vec<Request>>>,
    count: Arc<AtomicUsize>,
}

impl Server {
    /// Starts a server that answers each request with what `reply` says.
    pub async fn start(reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_certificate(|_| {}, reply).await
    }

    pub async fn with_certificate(
        adjust: impl FnOnce(&mut rcgen::CertificateParams),
        reply: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = rcgen::IsCa::NoCa;
        adjust(&mut params);
        let issued = params.self_signed(&key).unwrap();
        let certificate = issued.der().clone();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], private)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("localhost:{}", listener.local_addr().unwrap().port());
        let (seen, count) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (log, counter, reply) = (Arc::clone(&seen), Arc::clone(&count), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, log, counter, reply) =
                    (acceptor.clone(), Arc::clone(&log), Arc::clone(&counter), Arc::clone(&reply));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    while let Some(request) = read_request(&mut stream).await {
                        counter.fetch_add(1, Ordering::SeqCst);
                        let reply = reply(&request);
                        log.lock().unwrap().push(request);
                        match reply {
                            Reply::Raw(bytes) => {
                                if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                                    return;
                                }
                            }
                            Reply::RawThenClose(bytes) => {
                                let _ = stream.write_all(&bytes).await;
                                let _ = stream.flush().await;
                                return;
                            }
                            Reply::Close => return,
                            Reply::Silence => {
                                let mut nothing = [0; 1];
                                let _ = stream.read(&mut nothing).await;
                                return;
                            }
                        }
                    }
                });
            }
        });
        Self { address, certificate, pem: issued.pem(), seen, count }
    }

    /// How many requests were read.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    pub fn pve(&self) -> Pve {
        pve(&[self])
    }

    pub fn pbs(&self) -> Pbs {
        Pbs::builder()
            .address(&self.address)
            .token("root@pam!test", SECRET.to_owned())
            .trust(Trust::Pinned(vec![self.fingerprint()]))
            .build()
            .unwrap()
    }
}

pub const SECRET: &str = "11111111-2222-3333-4444-555555555555";

/// Short enough for a test of a timeout, long enough for a busy machine.
pub fn timeouts() -> Timeouts {
    let seconds = std::time::Duration::from_secs;
    Timeouts { connect: seconds(20), total: seconds(40), queue: seconds(20) }
}

/// A client of several servers as one cluster.
pub fn pve(servers: &[&Server]) -> Pve {
    let mut builder = Pve::builder()
        .token("root@pam!test", SECRET.to_owned())
        .timeouts(timeouts())
        .limits(Limits { answer_bytes: 1024 * 1024, ..Limits::default() })
        .trust(Trust::Pinned(servers.iter().map(|server| server.fingerprint()).collect()));
    for server in servers {
        builder = builder.address(&server.address);
    }
    builder.build().unwrap()
}

async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let mut request = Request { method, target, headers, body: bytes.split_off(head_end + 4) };
    let length: usize = request.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    while request.body.len() < length {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => request.body.extend_from_slice(&chunk[..read]),
        }
    }
    Some(request)
}
