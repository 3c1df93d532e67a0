//! Clients that say nothing, or say it slowly.

use std::process::Command;
use std::time::Duration;

use bnna_tests::bnpd_process::{Bnpd, How};
use bnna_tests::ground::Ground;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::BNPD;

/// Everybody else is served: on connections of their own, each new.
async fn others_are_served(bnpd: &Bnpd) {
    for _ in 0..5 {
        assert_eq!(bnpd.get("/health").await.text, "ok");
        bnpd.get("/api/platform/operations").await.is(200);
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        let answer = http.get(format!("http://{}/api/version", bnpd.address())).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }
}

/// What the server sends until it closes; empty where it breaks off.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(120), stream.read_to_end(&mut bytes)).await;
    let _ = read.expect("the connection is never closed");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_half_open_clients_are_cut_off_and_keep_nobody_waiting() {
    let ground = Ground::new(BNPD).await;
    let bnpd = ground.start().await;
    let head = format!(
        "POST /api/platform/accounts HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 15\r\n\r\n",
        ground.token()
    );
    let mut slow = Vec::new();
    for number in 0..60 {
        let mut stream = TcpStream::connect(bnpd.address()).await.unwrap();
        let sent = match number % 3 {
            // Nothing at all; half a head; a whole head and half a body.
            0 => "",
            1 => &head[..head.len() / 2],
            _ => &format!("{head}{{\"slug\":"),
        };
        stream.write_all(sent.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let mut dripping = TcpStream::connect(bnpd.address()).await.unwrap();
    let drip = tokio::spawn(async move {
        // A byte at a time, for ever: the whole head has a time, not each byte of it.
        let mut sent = 0;
        while dripping.write_all(b"G").await.is_ok() {
            sent += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        sent
    });
    others_are_served(&bnpd).await;
    for (number, stream) in slow.iter_mut().enumerate().filter(|(number, _)| number % 3 != 2) {
        let said = rest(stream).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "client {number}: {said}");
    }
    others_are_served(&bnpd).await;
    assert!(drip.await.unwrap() < 900, "a client that sends a byte now and then is never cut off");
    assert_eq!(ground.a.with_state(|cluster| cluster.pools.len()), 0, "half a request does nothing");
}

/// Lets this process, and what it starts, open as many files as may be.
fn open_many_files() -> usize {
    let pid = std::process::id().to_string();
    let set = |limit: &str| {
        let status = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={limit}")]).status();
        status.is_ok_and(|status| status.success())
    };
    let hard = Command::new("sh").args(["-c", "ulimit -Hn"]).output().unwrap();
    let hard = String::from_utf8(hard.stdout).unwrap().trim().to_owned();
    let hard: usize = if hard == "unlimited" { 1 << 20 } else { hard.parse().unwrap() };
    for limit in [hard.max(20_000), hard] {
        if set(&format!("{limit}:{limit}")) {
            return limit;
        }
    }
    hard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_keep_nobody_out() {
    const MANY: usize = 10_000;
    let limit = open_many_files();
    assert!(
        limit > MANY + 500,
        "this machine lets a process open {limit} files: raise `ulimit -Hn` above {}",
        MANY + 500
    );
    let ground = Ground::new(BNPD).await;
    let bnpd = ground.start_with(&How::default()).await;
    others_are_served(&bnpd).await;
    let before = bnpd.memory("VmRSS");
    let mut idle = Vec::with_capacity(MANY);
    for number in 0..MANY {
        let stream = tokio::time::timeout(Duration::from_secs(30), TcpStream::connect(bnpd.address())).await;
        idle.push(stream.unwrap_or_else(|_| panic!("connection {number} is not taken")).unwrap());
        if number % 2500 == 0 {
            others_are_served(&bnpd).await;
        }
    }
    others_are_served(&bnpd).await;
    let grown = bnpd.memory("VmHWM").saturating_sub(before);
    assert!(grown < 256 << 20, "{MANY} idle connections cost {} MiB", grown >> 20);
    eprintln!("{MANY} idle connections: {} MiB", grown >> 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_idle_longest_makes_room_and_whoever_works_stays() {
    let ground = Ground::new(BNPD).await;
    let bnpd = ground.start_with(&How::default().with("BNNA_SERVER__CONNECTIONS", "4")).await;
    let mut first = TcpStream::connect(bnpd.address()).await.unwrap();
    first.write_all(b"GET /health HTTP/1.1\r\nHost: t\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let mut others = Vec::new();
    for _ in 0..8 {
        others.push(TcpStream::connect(bnpd.address()).await.unwrap());
    }
    assert!(rest(&mut first).await.ends_with("ok"), "the longest idle is closed after its answer");
    others_are_served(&bnpd).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_and_bodies_beyond_all_measure_are_refused_before_they_are_kept() {
    let ground = Ground::new(BNPD).await;
    let bnpd = ground.start().await;
    others_are_served(&bnpd).await;
    let before = bnpd.memory("VmRSS");
    let long = "x".repeat(1 << 20);
    let endless_head = format!("GET /health HTTP/1.1\r\nHost: t\r\nX-Long: {long}");
    let many = format!("GET /health HTTP/1.1\r\nHost: t\r\n{}\r\n", "X-One: y\r\n".repeat(5000));
    let long_path = format!("GET /{long} HTTP/1.1\r\nHost: t\r\n\r\n");
    let huge = format!(
        "POST /api/platform/accounts HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 9999999999999\r\n\r\n{long}",
        ground.token()
    );
    for (what, bytes) in
        [("a long head", &endless_head), ("many headers", &many), ("a long path", &long_path), ("a huge body", &huge)]
    {
        for _ in 0..10 {
            let mut stream = TcpStream::connect(bnpd.address()).await.unwrap();
            // The server may close before all of it is sent.
            let _ = stream.write_all(bytes.as_bytes()).await;
            let said = rest(&mut stream).await;
            assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{what}: {said}");
        }
    }
    others_are_served(&bnpd).await;
    let grown = bnpd.memory("VmHWM").saturating_sub(before);
    assert!(grown < 64 << 20, "it kept {} MiB", grown >> 20);
}
