//! What takes bytes from outside in bnpd itself, over a kept corpus and mutations of it, from a fixed seed, for a bounded time: the
//! `Authorization` header, the users table, the configuration file, names that people type, recorded answers, and whole requests on the socket.
//! `cargo xtask fuzz` runs the same targets led by coverage.
//!
//! `BNNA_FUZZ_SECONDS` gives each target longer than CI does, `BNNA_FUZZ_SEED` another beginning. An input that fails is shown, to be
//! kept in `tests/fuzz/corpus/TARGET`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod served;
mod targets {
    pub mod authorization;
    pub mod configuration;
    pub mod names;
    pub mod request;
    pub mod seed;
    pub mod users_table;
}

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bnna_mutation::{Random, mutate};
use bnpd::config;

/// What headers, tables, requests and settings are made of.
const PIECES: [&[u8]; 32] = [
    b":",
    b"/",
    b"//",
    b"..",
    b"%2f",
    b"%00",
    b"?",
    b"&",
    b"=",
    b"\t",
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"[[",
    b",",
    b" ",
    b"0",
    b"-1",
    b"99999999999999999999",
    b"null",
    "ä".as_bytes(),
    b"\0",
    b"Bearer ",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: x\r\n",
];

/// For how long a target is fed.
fn time() -> Duration {
    Duration::from_secs(number("BNNA_FUZZ_SECONDS").unwrap_or(2))
}

fn random() -> Random {
    Random::new(number("BNNA_FUZZ_SEED").unwrap_or(0x626e_6e61))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What is kept of a target.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{target} has hardly a corpus");
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Feeds the corpus and its mutations; the target panics where a rule is broken.
fn feed(name: &str, target: impl Fn(&[u8])) {
    let (corpus, mut random) = (corpus(name), random());
    let fed = |input: &[u8]| {
        let outcome = catch_unwind(AssertUnwindSafe(|| target(input)));
        assert!(outcome.is_ok(), "{name} fails on \"{}\"", input.escape_ascii());
    };
    corpus.iter().for_each(|input| fed(input));
    let (end, mut rounds) = (Instant::now() + time(), 0_u64);
    while Instant::now() < end {
        fed(&mutate(&mut random, &corpus, &PIECES));
        rounds += 1;
    }
    assert!(rounds > 20, "{name} is too slow to be fuzzed: {rounds} rounds");
}

#[test]
fn an_authorization_header_is_a_credential_or_refused_without_its_content() {
    feed("authorization", targets::authorization::authorization);
}

#[test]
fn a_users_table_is_read_or_refused() {
    feed("users_table", targets::users_table::users_table);
}

#[test]
fn a_configuration_is_used_or_every_mistake_is_named() {
    feed("configuration", targets::configuration::configuration);
}

#[test]
fn names_are_taken_as_they_print_or_refused() {
    feed("names", targets::names::names);
}

#[test]
fn a_seed_is_taken_over_or_refused() {
    feed("seed", targets::seed::seed);
}
