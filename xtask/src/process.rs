//! Running programs: what was run is printed, what failed is named.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The top of the workspace.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Runs a command in the workspace and fails when it fails.
pub fn run(program: &str, args: &[&str], env: &[(&str, &str)]) -> Result<(), String> {
    let line = format!("{program} {}", args.join(" "));
    println!("\n$ {line}");
    let started = std::time::Instant::now();
    let status = Command::new(program)
        .args(args)
        .envs(env.iter().copied())
        .current_dir(workspace_root())
        .status()
        .map_err(|error| format!("cannot run `{line}`: {error}"))?;
    println!("  {:.1} s", started.elapsed().as_secs_f64());
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed ({status})")) }
}

/// The same in another directory, for a program that leaves files where it runs, and with further arguments that are not printed:
/// they hold a credential.
pub fn run_hiding(directory: &Path, program: &str, args: &[&str], hidden: &[&str]) -> Result<(), String> {
    let line = format!("{program} {}", args.join(" "));
    println!("\n$ {line} …");
    let status = Command::new(program)
        .args(args)
        .args(hidden)
        .current_dir(directory)
        .status()
        .map_err(|error| format!("cannot run `{line}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed ({status})")) }
}

/// Whether a program can be started with these arguments.
pub fn works(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}
