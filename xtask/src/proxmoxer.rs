//! `cargo xtask proxmoxer`: the simulator driven by a client that knows nothing of it: proxmoxer, unchanged from PyPI, through login, pools,
//! guests, snapshots, backups and rights.

use crate::process::{self, workspace_root};
use crate::python::Package;
use crate::simulator::{self, Simulator};

const PROXMOXER: Package = Package { name: "proxmoxer", version: "2.3.0", with: &["requests==2.34.2"] };

/// Password of root@pam in the simulator that is started for this.
const PASSWORD: &str = "labroot123";
/// Secret of its token.
const SECRET: &str = "5c1b1d0e-2f5e-4b55-9f0c-4e1d2a3b4c5d";

/// Runs the life.
pub fn run() -> Result<(), String> {
    let scripts = workspace_root().join("tests/proxmoxer");
    let python = PROXMOXER.program("python")?;
    let binary = simulator::build()?;
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let authority = directory.path().join("authority.pem");
    let authority = authority.to_string_lossy();
    let env = [("PROXMOX_SIM_PASSWORD", PASSWORD), ("PROXMOX_SIM_SECRET", SECRET)];
    let args = ["--port", "0", "--nodes", "2", "--speed", "200", "--auth-delay", "0", "--write-ca", &authority];
    let simulator = Simulator::start(&binary, &args, &env)?;
    let (host, port) = simulator.address.rsplit_once(':').ok_or("the simulator names no address")?;
    let script = scripts.join("life.py");
    process::run(&python, &[&script.to_string_lossy(), host, port, &authority], &env)
}
