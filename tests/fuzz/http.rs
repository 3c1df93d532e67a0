//! Whole requests on the socket: whatever is sent, the answer is none or a refusal that is no failure of bnpd, and others are
//! served meanwhile.

use std::time::{Duration, Instant};

use bnna_tests::House;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{corpus, mutate, random, time};

/// How long an answer may be waited for; what is half a request gets none.
const PATIENCE: Duration = Duration::from_millis(150);

/// The input with the operator's credential as its first header, so that it comes past authentication.
fn with_credential(input: &[u8], token: &str) -> Vec<u8> {
    let Some(end) = input.windows(2).position(|pair| pair == b"\r\n") else { return input.to_vec() };
    let mut bytes = input.to_vec();
    bytes.splice(end + 2..end + 2, format!("Authorization: Bearer {token}\r\n").into_bytes());
    bytes
}

/// Sends the bytes, closes the sending half, and gives the status of each answer.
async fn statuses(address: &str, bytes: &[u8]) -> Vec<u16> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has seen enough may close before everything is sent.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, (&mut stream).take(1 << 20).read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bytes_on_the_socket_make_bnpd_fail() {
    let house = House::start().await;
    let address = house.base().trim_start_matches("http://").to_owned();
    let (corpus, mut random) = (corpus("http"), random());
    let (end, mut rounds, mut answered) = (Instant::now() + time(), 0_u32, 0_u32);
    let mut inputs = corpus.clone();
    while let Some(input) =
        inputs.pop().or_else(|| (Instant::now() < end).then(|| mutate::mutate(&mut random, &corpus)))
    {
        let statuses = statuses(&address, &with_credential(&input, house.operator())).await;
        let failed = statuses.iter().any(|status| *status >= 500 && *status != 501 && *status != 505);
        assert!(!failed, "{statuses:?} for \"{}\"", input.escape_ascii());
        answered += u32::from(!statuses.is_empty());
        rounds += 1;
    }
    assert!(rounds > 10 && answered > 5, "{rounds} rounds, {answered} answered");
    house.get("/api/platform/accounts").await.is(200);
}
