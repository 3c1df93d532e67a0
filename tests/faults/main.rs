//! What the machine under bnpd can do to it: a clear error each, `/health` says so, and it goes on where it can. And what must never
//! come out of it, whatever is done to it: a secret.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use bnna_tests::bnpd_process::Bnpd;

mod clock;
mod disk;
mod files;
mod medium;
mod secrets;

/// The program that suffers.
const BNPD: &str = env!("CARGO_BIN_EXE_bnpd-under-test");

/// A metric has this value.
async fn metric(bnpd: &Bnpd, name: &str, value: u8) {
    let text = bnpd.get("/metrics").await.is(200).text;
    let line = format!("{name} {value}");
    assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
}

/// Waits until `/health` says this; it looks at the store once a second.
async fn health(bnpd: &Bnpd, says: impl Fn(&str) -> bool) -> String {
    let said = async {
        loop {
            let text = bnpd.get("/health").await.text;
            if says(&text) {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(30), said).await {
        Ok(text) => text,
        Err(_) => panic!("/health says {:?}", bnpd.get("/health").await.text),
    }
}
