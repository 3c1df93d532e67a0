//! The fuzz targets over a kept corpus and over mutations of it, from a fixed seed, for a bounded time.
//!
//! `NEBULA_FUZZ_SECONDS` gives each target longer than CI does; `NEBULA_FUZZ_SEED` another beginning. An input that
//! fails is named by seed and round, so that it can be made again and kept in `tests/corpus/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stderr, reason = "says how many rounds the time was good for")]

mod forge;
#[path = "../fuzz/targets.rs"]
#[allow(unreachable_pub)]
mod targets;

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use bnna_mutation::{Random, mutate};
use forge::mutate::PIECES;
use nebula_pki::{CaKey, Curve, Derivation, pem};

/// The forged cases, the kept files, and sealed keys: as text for the targets that read text, decoded for the others.
fn corpus() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut texts: Vec<Vec<u8>> =
        forge::cases::cases(1_795_230_073).into_iter().flat_map(|case| [case.crt, case.ca]).collect();
    texts.retain(|text| text.len() < 4096);
    for curve in [Curve::Curve25519, Curve::P256] {
        let key = CaKey::generate(curve).unwrap();
        let derivation = Derivation { memory_kib: 64, iterations: 1, parallelism: 1 };
        texts.push(key.to_encrypted_pem(b"passphrase", derivation).unwrap().as_bytes().to_vec());
        texts.push(key.to_pem().as_bytes().to_vec());
        texts.push(key.public_key_pem().into_bytes());
    }
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")).unwrap() {
        texts.push(std::fs::read(entry.unwrap().path()).unwrap());
    }
    texts.sort();
    texts.dedup();
    let raw =
        texts.iter().filter_map(|text| pem::decode(text).ok()).map(|(block, _)| block.contents.to_vec()).collect();
    (texts, raw)
}

/// A file of one to three blocks with changed contents.
fn wrap(random: &mut Random, raw: &[Vec<u8>]) -> Vec<u8> {
    const LABELS: [pem::Label; 4] =
        [pem::Label::Certificate, pem::Label::CertificateV2, pem::Label::Ed25519PrivateKey, pem::Label::P256PublicKey];
    let mut text = Vec::new();
    for _ in 0..=random.below(3) {
        let label = LABELS[random.below(LABELS.len())];
        let contents =
            if random.below(2) == 0 { raw[random.below(raw.len())].clone() } else { mutate(random, raw, &PIECES) };
        text.extend_from_slice(pem::encode(label, &contents).as_bytes());
    }
    text
}

#[test]
fn no_bytes_make_a_target_fail() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let time = Duration::from_secs(number("NEBULA_FUZZ_SECONDS").unwrap_or(4));
    let seed = number("NEBULA_FUZZ_SEED").unwrap_or(0x006e_6562_756c_6121);
    let (texts, raw) = corpus();
    for (name, target) in targets::TARGETS {
        let from = if matches!(name, "pem" | "bundle") { &texts } else { &raw };
        for input in from {
            run(name, target, input, "the corpus");
        }
        let mut random = Random::new(seed);
        let (end, mut round) = (Instant::now() + time, 0_u64);
        while Instant::now() < end {
            let mut input = mutate(&mut random, from, &PIECES);
            if matches!(name, "pem" | "bundle") && round % 2 == 0 {
                // Changes behind sound PEM get further than changes of the PEM.
                input = wrap(&mut random, &raw);
            }
            run(name, target, &input, &format!("seed {seed} round {round}"));
            round += 1;
        }
        eprintln!("{name}: {} inputs of the corpus, {round} mutations", from.len());
        assert!(round > 100, "{name} is too slow to be fuzzed: {round} rounds");
    }
}

fn run(name: &str, target: fn(&[u8]), input: &[u8], origin: &str) {
    if std::panic::catch_unwind(|| target(input)).is_err() {
        let text = base64::engine::general_purpose::STANDARD.encode(input);
        panic!("{name} fails on an input of {origin}; keep it in tests/corpus: {text}");
    }
}
