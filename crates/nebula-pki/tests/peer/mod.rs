//! The real `nebula-cert` and `nebula`, wherever this machine has them: Debian's own package, and the newer ones that
//! `cargo xtask ci --only peers` unpacks below `target/peers/`.
#![allow(dead_code, unreachable_pub)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nebula_pki::NebulaVersion;

pub struct Peer {
    pub version: NebulaVersion,
    cert: PathBuf,
    nebula: PathBuf,
}

/// Says what is not tested here, past the test harness, which keeps the output of tests that pass to itself.
pub fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}");
}

/// Every real Nebula of this machine, oldest first. What is missing is said aloud, and fails where CI demands it.
pub fn peers() -> Vec<Peer> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers");
    let roots = [PathBuf::from("/"), unpacked.join("nebula-stable"), unpacked.join("nebula-unstable")];
    let mut peers = Vec::new();
    for root in roots {
        let (cert, nebula) = (root.join("usr/bin/nebula-cert"), root.join("usr/bin/nebula"));
        let Ok(output) = Command::new(&cert).arg("-version").output() else {
            skipped(&format!("no {} on this machine; run: cargo xtask ci --only peers", cert.display()));
            continue;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.trim().trim_start_matches("Version: ").parse().unwrap();
        peers.push(Peer { version, cert, nebula });
    }
    peers.sort_by_key(|peer| peer.version);
    peers.dedup_by_key(|peer| peer.version);
    peers
}

impl Peer {
    pub fn cert(&self, directory: &Path, arguments: &[&str]) -> Output {
        Command::new(&self.cert).args(arguments).current_dir(directory).env("TZ", "UTC").output().unwrap()
    }

    pub fn cert_ok(&self, directory: &Path, arguments: &[&str]) -> String {
        let output = self.cert(directory, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "nebula-cert {} {arguments:?}: {stderr}", self.version);
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn nebula(&self) -> &Path {
        &self.nebula
    }
}

impl Peer {
    pub fn cert_ok_with_passphrase(&self, directory: &Path, arguments: &[&str], passphrase: &str) {
        let mut command = Command::new(&self.cert);
        command.args(arguments).current_dir(directory).env("NEBULA_CA_PASSPHRASE", passphrase);
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "nebula-cert {} {arguments:?}: {stderr}", self.version);
    }
}
