//! The `proxmox-sim` binary as other programs meet it: built, started on free ports, read, and ended with whoever holds it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use cargo_metadata::MetadataCommand;

use crate::process::{self, workspace_root};

/// It says that it is ready within this time, even on a busy machine.
const START: Duration = Duration::from_secs(120);

/// A running simulator.
pub struct Simulator {
    child: Child,
    /// `HOST:PORT` of the first node.
    pub address: String,
    /// `HOST:PORT` of the backup server, if it was asked for.
    pub backup: Option<String>,
    /// Fingerprint of the first node's certificate.
    pub fingerprint: String,
    /// Fingerprint of the backup server's certificate.
    pub backup_fingerprint: Option<String>,
}

/// Where cargo puts what it builds.
pub fn target_directory() -> Result<PathBuf, String> {
    let metadata = MetadataCommand::new().manifest_path(workspace_root().join("Cargo.toml")).no_deps().exec();
    Ok(metadata.map_err(|error| format!("cannot read cargo metadata: {error}"))?.target_directory.into())
}

/// Builds the binary and says where it is.
pub fn build() -> Result<PathBuf, String> {
    process::run("cargo", &["build", "-p", "proxmox-sim", "--bin", "proxmox-sim", "--locked"], &[])?;
    Ok(target_directory()?.join("debug/proxmox-sim"))
}

impl Simulator {
    /// Starts the binary with these arguments and environment, and waits until it says that it is ready.
    pub fn start(binary: &Path, args: &[&str], env: &[(&str, &str)]) -> Result<Self, String> {
        let mut command = Command::new(binary);
        command.args(args).envs(env.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", binary.display()))?;
        let output = child.stdout.take().ok_or("it has no output")?;
        let mut simulator =
            Self { child, address: String::new(), backup: None, fingerprint: String::new(), backup_fingerprint: None };
        let (lines, read) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        loop {
            let line = read.recv_timeout(START).map_err(|_| "proxmox-sim does not say that it is ready".to_owned())?;
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["ready"] => return Ok(simulator),
                ["backup-server", url, fingerprint] => {
                    simulator.backup = Some(url.trim_start_matches("https://").to_owned());
                    simulator.backup_fingerprint = Some((*fingerprint).to_owned());
                }
                [_, url, fingerprint] if url.starts_with("https://") && simulator.address.is_empty() => {
                    simulator.address = url.trim_start_matches("https://").to_owned();
                    simulator.fingerprint = (*fingerprint).to_owned();
                }
                _ => {}
            }
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
