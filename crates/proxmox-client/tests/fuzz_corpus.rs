//! The fuzz targets over a kept corpus and over mutations of it, from a fixed seed, for a bounded time.
//!
//! `PROXMOX_FUZZ_SECONDS` gives each target longer than CI does; `PROXMOX_FUZZ_SEED` another beginning. An input that fails is
//! shown with seed and round, to be kept in `tests/corpus/TARGET/`.
#![cfg(all(feature = "pve", feature = "pbs"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stderr, reason = "says how many rounds the time was good for")]

#[path = "../fuzz/targets.rs"]
#[allow(unreachable_pub)]
mod targets;

use std::path::Path;
use std::time::{Duration, Instant};

use bnna_mutation::{Random, mutate};

/// What texts of Proxmox are made of.
const PIECES: [&[u8]; 26] = [
    b":",
    b",",
    b"=",
    b"/",
    b"!",
    b"@",
    b"\"",
    b"\\",
    b"\\x2d",
    b"-",
    b".",
    b"0",
    b"1",
    b"9999999999999999999999",
    b"-1",
    b"1e309",
    b"null",
    b"true",
    b"{}",
    b"[]",
    "ä".as_bytes(),
    b"\0",
    b"\n",
    b" ",
    b"root@pam",
    b"%2F",
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_bytes_make_a_target_fail() {
    let time = Duration::from_secs(number("PROXMOX_FUZZ_SECONDS").unwrap_or(2));
    let seed = number("PROXMOX_FUZZ_SEED").unwrap_or(0x7076_6563_6c69);
    for (name, target) in targets::TARGETS {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
        let mut corpus: Vec<Vec<u8>> =
            std::fs::read_dir(&dir).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
        corpus.sort();
        assert!(corpus.len() >= 3, "{name} has hardly a corpus");
        for input in &corpus {
            run(name, target, input, "the corpus");
        }
        let mut random = Random::new(seed);
        let (end, mut round) = (Instant::now() + time, 0_u64);
        while Instant::now() < end {
            let input = mutate(&mut random, &corpus, &PIECES);
            run(name, target, &input, &format!("seed {seed} round {round}"));
            round += 1;
        }
        eprintln!("{name}: {} inputs of the corpus, {round} mutations", corpus.len());
        assert!(round > 100, "{name} is too slow to be fuzzed: {round} rounds");
    }
}

fn run(name: &str, target: targets::Target, input: &[u8], origin: &str) {
    if std::panic::catch_unwind(|| target(input)).is_err() {
        panic!("{name} fails on an input of {origin}; keep it in tests/corpus/{name}: \"{}\"", input.escape_ascii());
    }
}
