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

/// xorshift64*, so that a seed gives the same inputs everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % limit.max(1)
    }
}

/// What texts of Proxmox are made of.
const PIECES: [&str; 26] = [
    ":",
    ",",
    "=",
    "/",
    "!",
    "@",
    "\"",
    "\\",
    "\\x2d",
    "-",
    ".",
    "0",
    "1",
    "9999999999999999999999",
    "-1",
    "1e309",
    "null",
    "true",
    "{}",
    "[]",
    "ä",
    "\0",
    "\n",
    " ",
    "root@pam",
    "%2F",
];

/// One to six small changes.
fn mutate(random: &mut Random, from: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = from[random.below(from.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        match random.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
            2 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => {
                let other = &from[random.below(from.len())];
                let cut = random.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[cut..]);
            }
            5 if at < bytes.len() => {
                let end = (at + 1 + random.below(24)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.insert(at, u8::try_from(random.below(256)).unwrap()),
        }
    }
    bytes.truncate(8192);
    bytes
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_bytes_make_a_target_fail() {
    let time = Duration::from_secs(number("PROXMOX_FUZZ_SECONDS").unwrap_or(2));
    let seed = number("PROXMOX_FUZZ_SEED").unwrap_or(0x7076_6563_6c69).max(1);
    for (name, target) in targets::TARGETS {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
        let mut corpus: Vec<Vec<u8>> =
            std::fs::read_dir(&dir).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
        corpus.sort();
        assert!(corpus.len() >= 3, "{name} has hardly a corpus");
        for input in &corpus {
            run(name, target, input, "the corpus");
        }
        let mut random = Random(seed);
        let (end, mut round) = (Instant::now() + time, 0_u64);
        while Instant::now() < end {
            let input = mutate(&mut random, &corpus);
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
