//! `cargo xtask proxmoxer`: the simulator driven by a client that knows nothing of it: proxmoxer, unchanged from PyPI, through login, pools,
//! guests, snapshots, backups and rights.
//!
//! The client is installed into a virtual environment below `target/`, in the versions of `tests/proxmoxer/requirements.txt`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{self, workspace_root};
use crate::simulator::{self, Simulator};

/// Password of root@pam in the simulator that is started for this.
const PASSWORD: &str = "labroot123";
/// Secret of its token.
const SECRET: &str = "5c1b1d0e-2f5e-4b55-9f0c-4e1d2a3b4c5d";

/// Runs the life.
pub fn run() -> Result<(), String> {
    let scripts = workspace_root().join("tests/proxmoxer");
    let place = simulator::target_directory()?.join("proxmoxer");
    let python = environment(&place, &scripts.join("requirements.txt"))?;
    let binary = simulator::build()?;
    let authority = place.join("authority.pem");
    let authority = authority.to_string_lossy();
    let env = [("PROXMOX_SIM_PASSWORD", PASSWORD), ("PROXMOX_SIM_SECRET", SECRET)];
    let args = ["--port", "0", "--nodes", "2", "--speed", "200", "--auth-delay", "0", "--write-ca", &authority];
    let simulator = Simulator::start(&binary, &args, &env)?;
    let (host, port) = simulator.address.rsplit_once(':').ok_or("the simulator names no address")?;
    let script = scripts.join("life.py");
    process::run(&python.to_string_lossy(), &[&script.to_string_lossy(), host, port, &authority], &env)
}

/// A virtual environment with what is required; made anew when that changed. The interpreter in it.
fn environment(place: &Path, requirements: &Path) -> Result<PathBuf, String> {
    let wanted = fs::read_to_string(requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let python = place.join("venv/bin/python");
    let made = place.join("made-of.txt");
    if python.exists() && fs::read_to_string(&made).is_ok_and(|made| made == wanted) {
        println!("proxmoxer: installed below {}", place.display());
        return Ok(python);
    }
    let _ = fs::remove_dir_all(place);
    fs::create_dir_all(place).map_err(|error| format!("{}: {error}", place.display()))?;
    // Debian's own Python: what is in somebody's path may be anything.
    let interpreter = if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" };
    process::run(interpreter, &["-m", "venv", &place.join("venv").to_string_lossy()], &[])?;
    let install = ["-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-deps", "-r", &requirements.to_string_lossy()];
    process::run(&python.to_string_lossy(), &install, &[])?;
    fs::write(&made, wanted).map_err(|error| format!("{}: {error}", made.display()))?;
    Ok(python)
}
