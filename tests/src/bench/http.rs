//! The least HTTP that can ask for something and read the answer, so that what asks takes little of the machine that is measured.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A kept connection.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
    head: String,
    body: Vec<u8>,
}

/// A request's bytes.
pub(super) fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n");
    if !token.is_empty() {
        text.push_str(&format!("authorization: Bearer {token}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!(
            "content-type: application/json\r\nprefer: wait=0\r\ncontent-length: {}\r\n",
            body.len()
        ));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        Ok(Self { stream: BufReader::with_capacity(64 * 1024, stream), head: String::new(), body: Vec::new() })
    }

    /// Sends a request and reads its whole answer: the status.
    pub(super) fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.get_mut().write_all(request)?;
        let broken = |what: &str| io::Error::other(format!("the answer has no {what}"));
        self.head.clear();
        let (mut status, mut length) = (None, None);
        loop {
            self.head.clear();
            if self.stream.read_line(&mut self.head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = self.head.trim_end();
            if line.is_empty() {
                break;
            }
            if status.is_none() {
                status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
            } else if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse::<usize>().ok();
            }
        }
        self.body.resize(length.ok_or_else(|| broken("length"))?, 0);
        self.stream.read_exact(&mut self.body)?;
        status.ok_or_else(|| broken("status"))
    }

    /// The body of the last answer.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Asks and insists on success.
    pub(super) fn get(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        let status = self.ask(request)?;
        if (200..300).contains(&status) {
            return Ok(&self.body);
        }
        Err(io::Error::other(format!("status {status}: {}", String::from_utf8_lossy(&self.body))))
    }
}

/// How many answers a second so many connections get, each asking again as soon as it has its answer.
pub(super) fn rate(address: SocketAddr, request: &[u8], connections: usize, lasting: Duration) -> io::Result<f64> {
    let (answers, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut clients = (0..connections).map(|_| Client::connect(address)).collect::<io::Result<Vec<_>>>()?;
    for client in &mut clients {
        client.get(request)?;
    }
    let began = Instant::now();
    std::thread::scope(|scope| {
        let asking: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let (answers, over) = (&answers, &over);
                scope.spawn(move || -> io::Result<()> {
                    while !over.load(Ordering::Relaxed) {
                        client.get(request)?;
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        std::thread::sleep(lasting);
        over.store(true, Ordering::Relaxed);
        asking.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))))
    })?;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(answers.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64())
}
