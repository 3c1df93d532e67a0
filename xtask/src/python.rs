//! Programs from PyPI, unchanged and pinned, each in a virtual environment of its own below `target/`.

use std::path::PathBuf;

use crate::process::{self, works, workspace_root};

/// A package with its version, and the directory it is installed into.
#[derive(Clone, Copy)]
pub struct Package {
    pub name: &'static str,
    pub version: &'static str,
    /// What it needs and does not ask for itself, each with its version.
    pub with: &'static [&'static str],
}

impl Package {
    fn directory(&self) -> PathBuf {
        workspace_root().join(format!("target/tools/{}-{}", self.name, self.version))
    }

    /// A program of the package or the environment's `python`; installs the package where it is not there yet.
    pub fn program(&self, program: &str) -> Result<String, String> {
        let directory = self.directory();
        let done = directory.join("complete");
        if !done.exists() {
            let place = directory.to_string_lossy().into_owned();
            environment(&place)?;
            let spec = format!("{}=={}", self.name, self.version);
            let pip = directory.join("bin/pip").to_string_lossy().into_owned();
            let mut install = vec!["install", "--quiet", "--disable-pip-version-check", &spec];
            install.extend(self.with);
            process::run(&pip, &install, &[])?;
            std::fs::write(&done, spec).map_err(|error| format!("cannot write {}: {error}", done.display()))?;
        }
        Ok(directory.join("bin").join(program).to_string_lossy().into_owned())
    }
}

/// Debian splits the module that makes environments from its Python.
fn environment(place: &str) -> Result<(), String> {
    let make = || process::run("python3", &["-m", "venv", "--clear", place], &[]);
    if make().is_ok() {
        return Ok(());
    }
    let install =
        "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv";
    if !works("sh", &["-c", "command -v apt-get && test $(id -u) = 0"]) {
        return Err(format!("Python's module venv is missing. Run: sudo sh -c '{install}'"));
    }
    process::run("sh", &["-c", install], &[])?;
    make()
}
