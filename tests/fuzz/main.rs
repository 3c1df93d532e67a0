//! What takes bytes from outside in bnpd itself, over a kept corpus and mutations of it, from a fixed seed, for a bounded time: the
//! `Authorization` header, the users table, the configuration file, names that people type, and whole requests on the socket.
//! (`proxmox-client` and `nebula-pki` have targets of their own; `cargo xtask fuzz`.)
//!
//! `BNNA_FUZZ_SECONDS` gives each target longer than CI does, `BNNA_FUZZ_SEED` another beginning. An input that fails is shown, to be
//! kept in `tests/fuzz/corpus/TARGET`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod http;
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bnna_auth::authorization;
use bnna_auth::csvauth::{Key, Table};
use bnna_core::{AddressPlan, ClusterHost, DirectName, DisplayName, Email, SettingKey, Slug, Vmid};
use bnpd::config::{self, Flags};
use mutate::Random;

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
        fed(&mutate::mutate(&mut random, &corpus));
        rounds += 1;
    }
    assert!(rounds > 20, "{name} is too slow to be fuzzed: {rounds} rounds");
}

#[test]
fn an_authorization_header_is_a_credential_or_refused_without_its_content() {
    feed("authorization", |bytes| {
        let Ok(header) = std::str::from_utf8(bytes) else { return };
        if let Err(error) = authorization::parse(header) {
            let shown = format!("{error} {error:?}");
            assert!(header.len() < 24 || !shown.contains(header), "{shown}");
        }
    });
}

#[test]
fn a_users_table_is_read_or_refused() {
    feed("users_table", |bytes| {
        let Ok(table) = Table::parse(bytes, Key::zero()) else { return };
        assert!(table.rows().iter().all(|row| row.line() > 1), "the first line is the heading");
        let _ = table.candidate("Oz7F-fWY7-bdrI-bZO2");
        let _ = format!("{:?}", table.warnings());
    });
}

#[test]
fn a_configuration_is_used_or_every_mistake_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bnpd.toml");
    feed("configuration", |bytes| {
        std::fs::write(&file, bytes).unwrap();
        let flags = Flags { listen: None, directory: None };
        if let Err(mistakes) = config::load(Some(&file), &flags).config {
            assert!(!mistakes.to_string().is_empty());
        }
    });
}

#[test]
fn names_are_taken_as_they_print_or_refused() {
    feed("names", |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(slug) = Slug::parse(text) {
            assert_eq!(slug.as_str(), text);
            assert!(text.len() <= 32 && text.is_ascii(), "{text}");
        }
        if let Ok(vmid) = Vmid::parse(text) {
            assert_eq!(Vmid::parse(&vmid.to_string()).unwrap(), vmid);
        }
        if let Ok(name) = DirectName::parse(text, "a.bnna.example") {
            let names = AddressPlan::hostnames(name.address, "a.bnna.example");
            assert_eq!(if name.tls { names.tls } else { names.tcp }, text);
        }
        if let Ok(host) = ClusterHost::parse(text) {
            assert_eq!(host.as_str().parse::<ClusterHost>().unwrap(), host);
        }
        let _ = (Email::parse(text), DisplayName::parse(text), SettingKey::parse(text));
    });
}
