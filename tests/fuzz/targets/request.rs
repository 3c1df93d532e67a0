//! A whole request on the socket, or what is none: paths, queries, headers and bodies come to their parsers this way. Whatever is sent, the
//! answer is none or a refusal that is no failure of bnpd.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends it with a credential as its first header, so that it comes past authentication, and gives the status of each answer. What is half a
/// request gets none: that is waited for so long.
pub async fn request(address: &str, token: &str, data: &[u8], patience: Duration) -> Vec<u16> {
    let bytes = with_credential(data, token);
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has seen enough may close before everything is sent.
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(patience, (&mut stream).take(1 << 20).read_to_end(&mut answer)).await;
    let statuses = statuses(&answer);
    let failed = statuses.iter().any(|status| *status >= 500 && *status != 501 && *status != 505);
    assert!(!failed, "{statuses:?} for \"{}\"", data.escape_ascii());
    statuses
}

fn with_credential(data: &[u8], token: &str) -> Vec<u8> {
    let Some(end) = data.windows(2).position(|pair| pair == b"\r\n") else { return data.to_vec() };
    let mut bytes = data.to_vec();
    bytes.splice(end + 2..end + 2, format!("Authorization: Bearer {token}\r\n").into_bytes());
    bytes
}

fn statuses(answer: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answer);
    text.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
}
