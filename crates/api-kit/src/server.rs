//! Serves an [`App`] on a socket: plain TCP for a proxy in front or for loopback, TLS otherwise. Everything a client can make
//! the server keep is bounded: connections, headers, the time to send them, the time of a TLS handshake.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, TRANSFER_ENCODING};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::metrics::Connected;
use crate::seats::{Answering, Seat, Seats};
use crate::stack::App;

/// How a server is bounded.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Most connections at once; for a further one the longest idle goes, or it waits where all are at work.
    pub connections: usize,
    /// How long a client may take to send the head of a request, or be idle between two.
    pub header_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long running requests may go on after shutdown was asked for.
    pub shutdown_deadline: Duration,
}

impl Default for ServerOptions {
    /// A thousand connections, 30 s for heads, 10 s for handshakes, 30 s to end.
    fn default() -> Self {
        Self {
            connections: 1000,
            header_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            shutdown_deadline: Duration::from_secs(30),
        }
    }
}

/// Most headers of a request.
const MAX_HEADERS: usize = 100;

/// Most bytes of a request's head.
const MAX_HEAD: usize = 64 * 1024;

/// How long accepting pauses after it failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` is cancelled, then lets running requests end within the deadline. TLS if a configuration is given:
/// one made with `ServerConfig::builder_with_provider` of ring.
pub async fn serve(
    listener: TcpListener,
    app: App,
    tls: Option<Arc<ServerConfig>>,
    options: ServerOptions,
    shutdown: CancellationToken,
) {
    let tls = tls.map(TlsAcceptor::from);
    let room = Room { slots: Arc::new(Semaphore::new(options.connections.max(1))), seats: Arc::default() };
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = room.accept(&listener) => accepted,
        };
        let Some((stream, remote, slot)) = accepted else { break };
        // Not beside the accepting above: what is given up half way there is a connection that was taken and has no room yet.
        while connections.try_join_next().is_some() {}
        let seat = room.seats.take();
        let connection = Connection { router: app.router.clone(), remote, options: options.clone(), seat };
        let (tls, watcher) = (tls.clone(), graceful.watcher());
        connections.spawn(async move {
            connection.run(stream, tls, watcher).await;
            drop(slot);
        });
    }
    drop(listener);
    app.tasks.close();
    let ended = async {
        graceful.shutdown().await;
        app.tasks.wait().await;
    };
    if tokio::time::timeout(options.shutdown_deadline, ended).await.is_err() {
        tracing::warn!(tasks = app.tasks.len(), "requests still running at the shutdown's deadline are cut off");
    }
    connections.shutdown().await;
}

/// Room for connections.
struct Room {
    slots: Arc<Semaphore>,
    seats: Arc<Seats>,
}

impl Room {
    /// The next connection with its slot. Nothing when the slots are gone for good.
    async fn accept(&self, listener: &TcpListener) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let (stream, remote) = loop {
            match listener.accept().await {
                Ok(accepted) => break accepted,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Out of file descriptors, mostly: somebody who says nothing has one.
                    tracing::error!(%error, "accepting a connection failed");
                    self.seats.send_away();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        };
        loop {
            let slots = Arc::clone(&self.slots);
            match Arc::clone(&slots).try_acquire_owned() {
                Ok(slot) => return Some((stream, remote, slot)),
                Err(TryAcquireError::Closed) => return None,
                // Whoever is sent away is gone in a moment: one is enough for one.
                Err(TryAcquireError::NoPermits) if self.seats.send_away() => {
                    return Some((stream, remote, slots.acquire_owned().await.ok()?));
                }
                // All are at work; one of them is idle, or gone, one day.
                Err(TryAcquireError::NoPermits) => {
                    if let Ok(slot) = tokio::time::timeout(ACCEPT_PAUSE, slots.acquire_owned()).await {
                        return Some((stream, remote, slot.ok()?));
                    }
                }
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

struct Connection {
    router: Router,
    remote: SocketAddr,
    options: ServerOptions,
    seat: Arc<Seat>,
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<TlsAcceptor>, watcher: Watcher) {
        let (seat, remote) = (Arc::clone(&self.seat), self.remote);
        tokio::select! {
            () = seat.sent_away() => tracing::debug!(%remote, "an idle connection made room for another"),
            () = self.talk(stream, tls, watcher) => {}
        }
    }

    async fn talk(self, stream: TcpStream, tls: Option<TlsAcceptor>, watcher: Watcher) {
        let _ = stream.set_nodelay(true);
        let _connected = Connected::begin();
        let Some(tls) = tls else { return self.serve(stream, watcher).await };
        match tokio::time::timeout(self.options.handshake_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, watcher).await,
            Ok(Err(error)) => tracing::debug!(remote = %self.remote, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(remote = %self.remote, "TLS handshake took too long"),
        }
    }

    async fn serve<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: IO, watcher: Watcher) {
        let Self { router, remote, options, seat } = self;
        let service = service_fn(move |mut request: Request<Incoming>| {
            let work = seat.work();
            request.extensions_mut().insert(ConnectInfo(remote));
            // Where a body in chunks ends is what smugglers and proxies disagree about: nothing after it is taken for a request.
            let is_last = request.headers().contains_key(TRANSFER_ENCODING);
            let answered = router.clone().oneshot(request.map(Body::new));
            async move {
                let mut response = answered.await?;
                if is_last {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response.map(|body| Answering { body, _work: work }))
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(options.header_timeout)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD);
        if let Err(error) = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await {
            tracing::debug!(%remote, %error, "connection ended");
        }
    }
}
