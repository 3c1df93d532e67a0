//! A wire that breaks where a test wants: a TCP relay that counts what the client sends and, at the chosen message, runs an action
//! (killing the server, say) and closes both sides.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::process::{ServerError, system};

/// When the wire breaks relative to the chosen message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The server never sees the message.
    BeforeMessage,
    /// The server sees it and acts on it; its answer never arrives.
    BeforeAnswer,
}

/// What is run at the cut, before the client sees its connection close.
pub type OnCut = Arc<dyn Fn() + Send + Sync>;

struct Plan {
    remaining: u32,
    cut: Cut,
    action: OnCut,
}

#[derive(Default)]
struct Shared {
    plan: Mutex<Option<Plan>>,
    seen: Mutex<u32>,
}

/// A relay on loopback in front of a server.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({})", self.port)
    }
}

impl Proxy {
    /// Relays to a port on loopback.
    ///
    /// # Errors
    /// [`ServerError::System`].
    pub async fn start(upstream: u16) -> Result<Self, ServerError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(system("listen"))?;
        let port = listener.local_addr().map_err(system("listen"))?.port();
        let shared = Arc::new(Shared::default());
        let state = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, upstream));
                    if let Ok(server) = TcpStream::connect(upstream).await {
                        relay(client, server, &state).await;
                    }
                });
            }
        });
        Ok(Self { port, shared, accepting })
    }

    /// Where clients connect.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on: breaks at the client's message number `message` (0 is the next), over all connections together.
    pub fn cut_at(&self, message: u32, cut: Cut, action: OnCut) {
        if let Ok(mut plan) = self.shared.plan.lock() {
            *plan = Some(Plan { remaining: message, cut, action });
        }
    }

    /// Takes the plan back; `true` when the cut had not happened.
    pub fn disarm(&self) -> bool {
        self.shared.plan.lock().map(|mut plan| plan.take().is_some()).unwrap_or(false)
    }

    /// How many messages clients have sent so far.
    pub fn messages(&self) -> u32 {
        self.shared.seen.lock().map(|seen| *seen).unwrap_or(0)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn relay(mut client: TcpStream, mut server: TcpStream, shared: &Shared) {
    let mut from_client = vec![0_u8; 64 * 1024];
    let mut from_server = vec![0_u8; 64 * 1024];
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Some(bytes) = read.ok().filter(|n| *n > 0).and_then(|n| from_client.get(..n)) else { return };
                match due(shared) {
                    None => {
                        if server.write_all(bytes).await.is_err() { return }
                    }
                    Some(plan) => {
                        if plan.cut == Cut::BeforeAnswer && server.write_all(bytes).await.is_ok() {
                            let _ = server.read(&mut from_server).await;
                        }
                        (plan.action)();
                        return;
                    }
                }
            }
            read = server.read(&mut from_server) => {
                let Some(bytes) = read.ok().filter(|n| *n > 0).and_then(|n| from_server.get(..n)) else { return };
                if client.write_all(bytes).await.is_err() { return }
            }
        }
    }
}

/// Counts a message; the plan when this is the one.
fn due(shared: &Shared) -> Option<Plan> {
    if let Ok(mut seen) = shared.seen.lock() {
        *seen += 1;
    }
    let mut plan = shared.plan.lock().ok()?;
    let waiting = plan.as_mut()?;
    match waiting.remaining.checked_sub(1) {
        Some(left) => {
            waiting.remaining = left;
            None
        }
        None => plan.take(),
    }
}
