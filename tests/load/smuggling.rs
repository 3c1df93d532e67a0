//! Requests that a proxy in front may read in another way: refused, or the connection ends with them. What is hidden behind them is
//! never taken for a request.

use std::time::Duration;

use bnna_tests::bnpd_process::Bnpd;
use bnna_tests::ground::Ground;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::BNPD;

/// What is hidden.
const HIDDEN: &str = "GET /api/version HTTP/1.1\r\nHost: hidden\r\n\r\n";

/// Each a head without its end, and what follows the head.
const SHAPES: &[(&str, &str, &str)] = &[
    ("length, then chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
    ("chunks, then length", "Transfer-Encoding: chunked\r\nContent-Length: 4", "0\r\n\r\n"),
    ("two lengths", "Content-Length: 0\r\nContent-Length: 5", "12345"),
    ("a list of lengths", "Content-Length: 0, 5", "12345"),
    ("a signed length", "Content-Length: +5", "12345"),
    ("a negative length", "Content-Length: -1", ""),
    ("a length with a blank", "Content-Length: 5 5", "12345"),
    ("a length beyond all numbers", "Content-Length: 99999999999999999999999", ""),
    ("chunks and identity", "Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
    ("unknown encoding", "Transfer-Encoding: xchunked", "0\r\n\r\n"),
    ("two encodings", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
    ("a blank before the colon", "Transfer-Encoding : chunked", "0\r\n\r\n"),
    ("a tab in the value", "Transfer-Encoding:\u{b}chunked", "0\r\n\r\n"),
    ("a folded header", "X-Folded: a\r\n Transfer-Encoding: chunked", "0\r\n\r\n"),
    ("a line without a colon", "Transfer-Encoding", ""),
    ("a carriage return within", "X-One: a\rTransfer-Encoding: chunked", ""),
    ("a zero byte", "X-One: a\u{0}b", ""),
    ("a chunk in hex with a prefix", "Transfer-Encoding: chunked", "0x5\r\nhello\r\n0\r\n\r\n"),
    ("a signed chunk", "Transfer-Encoding: chunked", "+5\r\nhello\r\n0\r\n\r\n"),
    ("a chunk that is longer than it says", "Transfer-Encoding: chunked", "1\r\nhello\r\n0\r\n\r\n"),
    ("a chunk beyond all numbers", "Transfer-Encoding: chunked", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    ("chunks ended by line feeds", "Transfer-Encoding: chunked", "0\n\n"),
    ("a good body in chunks", "Transfer-Encoding: chunked", "0\r\n\r\n"),
];

/// Everything that comes back until the server closes, or says nothing for a while.
async fn talk(bnpd: &Bnpd, request: &str) -> (String, bool) {
    let mut stream = TcpStream::connect(bnpd.address()).await.unwrap();
    let _ = stream.write_all(request.as_bytes()).await;
    let mut said = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut said)).await.is_ok();
    (String::from_utf8_lossy(&said).into_owned(), closed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_smuggled_behind_a_request_of_two_meanings() {
    let ground = Ground::new(BNPD).await;
    let bnpd = ground.start().await;
    let token = ground.token();
    for (shape, headers, body) in SHAPES {
        let request = format!(
            "POST /api/platform/accounts/nobody/suspend HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {token}\r\n{headers}\r\n\r\n\
             {body}{HIDDEN}"
        );
        let (said, closed) = talk(&bnpd, &request).await;
        let answers = said.matches("HTTP/1.1 ").count();
        assert!(answers <= 1, "{shape}: what is hidden was answered:\n{said}");
        assert!(!said.contains("\"server\":\"bnna\""), "{shape}: what is hidden was answered:\n{said}");
        assert!(closed, "{shape}: the connection stays open:\n{said}");
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{shape}: {said}");
    }
    // The same without two meanings: both requests are answered.
    let honest = format!(
        "POST /api/platform/accounts/nobody/suspend HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {token}\r\nContent-Length: 2\r\n\r\n\
         {{}}{HIDDEN}"
    );
    let (said, _) = talk(&bnpd, &honest).await;
    assert_eq!(said.matches("HTTP/1.1 ").count(), 2, "{said}");
    assert_eq!(bnpd.get("/health").await.text, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_or_unknown_protocol_is_refused() {
    let ground = Ground::new(BNPD).await;
    let bnpd = ground.start().await;
    for request in [
        "POST /health HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /health HTTP/2.0\r\nHost: t\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET http://elsewhere/../health HTTP/1.1\r\n\r\n",
        "CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}",
    ] {
        let (said, _) = talk(&bnpd, request).await;
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 4") || said.starts_with("HTTP/1.0 4"),
            "{request:?}: {said}"
        );
    }
    assert_eq!(bnpd.get("/health").await.text, "ok");
}
