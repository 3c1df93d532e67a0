//! How fast hosts are issued and verified on one core, against the bare cryptography and against `nebula-cert`.
//!
//! All sides take turns in short rounds of one process, so that a busy machine slows all of them alike; the median round
//! counts. Run it by `cargo xtask bench nebula`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a report for a terminal")]

#[path = "../tests/peer/mod.rs"]
mod peer;

use std::hint::black_box;
use std::time::{Duration, Instant};

use ed25519_dalek::Signer as _;
use nebula_pki::{Authority, CaPool, CaRequest, Curve, HostRequest, Timestamp, Version};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use ring::rand::{SecureRandom as _, SystemRandom};

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(300);

/// Something done over and over, and how often a second in each round.
struct Side<'a> {
    name: String,
    work: Box<dyn FnMut() + 'a>,
    rates: Vec<f64>,
}

impl<'a> Side<'a> {
    fn new(name: &str, work: impl FnMut() + 'a) -> Self {
        Self { name: name.to_owned(), work: Box::new(work), rates: Vec::new() }
    }

    fn round(&mut self) {
        let (start, mut times) = (Instant::now(), 0_u32);
        while start.elapsed() < ROUND {
            (self.work)();
            times += 1;
        }
        self.rates.push(f64::from(times) / start.elapsed().as_secs_f64());
    }

    fn median(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).unwrap();
    bytes
}

fn main() {
    // `cargo test --all-targets` starts benches too; only `cargo bench` is meant.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let now = Timestamp::now();
    println!("| what | per second | against raw |");
    println!("|---|---:|---:|");
    for (curve, version) in [
        (Curve::Curve25519, Version::V1),
        (Curve::Curve25519, Version::V2),
        (Curve::P256, Version::V1),
        (Curve::P256, Version::V2),
    ] {
        let mut request = CaRequest::new("bench", now.plus(-60), now.plus(3600));
        (request.curve, request.version) = (curve, version);
        request.groups = vec!["web".into(), "prod".into()];
        request.networks = vec!["10.0.0.0/8".parse().unwrap()];
        let ca = Authority::create(&request).unwrap();
        let mut host = HostRequest::new("web1.example", ["10.42.0.7/16".parse().unwrap()]);
        host.version = version;
        host.groups = vec!["web".into(), "prod".into()];
        let issued = ca.issue(&host, now).unwrap().certificate;
        let mut pool = CaPool::new();
        pool.add(ca.certificate().clone()).unwrap();
        let pem = issued.to_pem();
        let message = vec![7_u8; 180];
        let ed = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let ecdsa = p256::ecdsa::SigningKey::from_slice(&[1; 32]).unwrap();
        let raw = || match curve {
            Curve::P256 => {
                let key = p256::SecretKey::from_slice(&random()).unwrap();
                black_box(key.public_key().to_sec1_point(false));
                let signature: p256::ecdsa::Signature = ecdsa.sign(black_box(&message));
                black_box(signature);
            }
            _ => {
                let secret = x25519_dalek::StaticSecret::from(random());
                black_box(x25519_dalek::PublicKey::from(&secret));
                black_box(ed.sign(black_box(&message)));
            }
        };
        let mut sides = [
            Side::new("raw: key pair and signature", raw),
            Side::new("issue: key pair, sign, PEM of both", || {
                let issued = ca.issue(&host, now).unwrap();
                black_box((issued.certificate.to_pem(), issued.key.to_pem()));
            }),
            Side::new("verify a parsed certificate", || {
                black_box(pool.verify(black_box(&issued), now).unwrap());
            }),
            Side::new("parse PEM and verify", || {
                let certificate = nebula_pki::Certificate::from_pem(black_box(pem.as_bytes())).unwrap();
                black_box(pool.verify(&certificate, now).unwrap());
            }),
        ];
        for _ in 0..ROUNDS {
            sides.iter_mut().for_each(Side::round);
        }
        let base = sides[0].median();
        for side in &sides {
            let (name, rate) = (&side.name, side.median());
            println!("| {curve} {version:?}: {name} | {rate:.0} | {:.0} % |", 100.0 * rate / base);
        }
    }
    for peer in peer::peers() {
        let directory = tempfile::tempdir().unwrap();
        peer.cert_ok(directory.path(), &["ca", "-name", "bench"]);
        let mut number = 0;
        let mut side = Side::new("", || {
            number += 1;
            let name = format!("h{number}");
            peer.cert_ok(directory.path(), &["sign", "-name", &name, "-ip", "10.42.0.7/16", "-groups", "web,prod"]);
        });
        (0..ROUNDS).for_each(|_| side.round());
        println!("| `nebula-cert sign` {}, a process each | {:.0} | |", peer.version, side.median());
    }
}
