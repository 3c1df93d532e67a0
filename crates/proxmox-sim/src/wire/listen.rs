//! One listening address: accepts connections, speaks TLS and HTTP/1.1, hands requests to a service.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A handshake takes no longer.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A client sends its header within this time; also how long an idle connection is kept.
const HEADER: Duration = Duration::from_secs(60);

/// Between the last byte of a broken body and the break.
const LULL: Duration = Duration::from_millis(50);

/// What a service makes of a request.
#[derive(Debug)]
pub enum Verdict {
    /// Answer.
    Answer(Response<http_body_util::Full<Bytes>>),
    /// Answer with only this many bytes of the body, then close.
    Truncated(Response<http_body_util::Full<Bytes>>, usize),
    /// Answer, and after the body send these bytes again and again.
    Endless(Response<http_body_util::Full<Bytes>>, Bytes),
    /// Close the connection without an answer.
    Close,
}

/// What answers the requests of one address.
pub trait Service: Send + Sync + 'static {
    /// Whether a new connection is taken at all.
    fn accepts(&self) -> bool;
    /// Answers a request.
    fn call(&self, peer: SocketAddr, request: Request<Incoming>) -> impl Future<Output = Verdict> + Send;
}

/// Serves one listener until it is told to stop. Connections run under `tasks`.
pub async fn serve<S: Service>(
    listener: TcpListener,
    tls: Arc<std::sync::RwLock<Arc<ServerConfig>>>,
    service: Arc<S>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if !service.accepts() {
            continue;
        }
        let config = tls.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let service = service.clone();
        let stop = stop.clone();
        tasks.spawn(async move { connection(stream, peer, config, service, stop).await });
    }
}

async fn connection<S: Service>(
    stream: TcpStream,
    peer: SocketAddr,
    config: Arc<ServerConfig>,
    service: Arc<S>,
    stop: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    let handshake = tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(config).accept(stream));
    let stream = tokio::select! {
        () = stop.cancelled() => return,
        done = handshake => match done {
            Ok(Ok(stream)) => stream,
            _ => return,
        },
    };
    let handler = service_fn(move |request| {
        let service = service.clone();
        async move {
            match service.call(peer, request).await {
                Verdict::Answer(response) => Ok(response.map(Partial::whole)),
                Verdict::Truncated(response, left) => Ok(response.map(|body| Partial { left, ..Partial::whole(body) })),
                Verdict::Endless(response, filler) => {
                    Ok(response.map(|body| Partial { filler: Some(filler), ..Partial::whole(body) }))
                }
                Verdict::Close => Err(Broken),
            }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), handler);
    tokio::pin!(connection);
    tokio::select! {
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(Duration::from_millis(200), connection).await;
        }
        _ = connection.as_mut() => {}
    }
}

/// The connection is closed on purpose.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Broken;

/// A body that may break off early, or never.
struct Partial {
    body: http_body_util::Full<Bytes>,
    left: usize,
    /// What follows the body, for ever.
    filler: Option<Bytes>,
    /// Gives what was sent before the break time to leave.
    lull: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Partial {
    fn whole(body: http_body_util::Full<Bytes>) -> Self {
        Self { body, left: usize::MAX, filler: None, lull: None }
    }
}

impl Body for Partial {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Broken>>> {
        use std::task::Poll;
        if self.left == 0 {
            let lull = self.lull.get_or_insert_with(|| Box::pin(tokio::time::sleep(LULL)));
            return lull.as_mut().poll(cx).map(|()| Some(Err(Broken)));
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(mut data) => {
                    if data.len() > self.left {
                        data.truncate(self.left);
                    }
                    if self.left != usize::MAX {
                        self.left = 0;
                    }
                    Poll::Ready(Some(Ok(Frame::data(data))))
                }
                Err(other) => Poll::Ready(Some(Ok(other))),
            },
            Poll::Ready(Some(Err(never))) => unreachable_error(never),
            Poll::Ready(None) => Poll::Ready(self.filler.clone().map(|filler| Ok(Frame::data(filler)))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == usize::MAX && self.filler.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        if self.filler.is_some() { hyper::body::SizeHint::new() } else { self.body.size_hint() }
    }
}

fn unreachable_error<T>(never: Infallible) -> T {
    match never {}
}
