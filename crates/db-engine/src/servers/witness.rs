//! What everyone on a machine can see of a running program: stands in for the engine's tools, writes down what `/proc` shows of
//! itself, and becomes the tool it stands for.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::process::{ServerError, system};
use crate::transfer::find_tool;

/// The package that brings a tool that is missing.
const PACKAGE: &str = "postgresql-client mariadb-client";

/// A directory of tools that write down how they were started: for a target's `tools`.
#[derive(Debug)]
pub struct ToolWitness {
    tools: TempDir,
    runs: TempDir,
}

/// One start of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolRun {
    /// The tool's name.
    pub tool: String,
    /// Its `/proc/PID/cmdline`, an argument a line: every user of the machine can read it.
    pub arguments: String,
    /// Its `/proc/PID/environ`, a variable a line.
    pub environment: String,
    /// The file with its credentials, as the tool reads it.
    pub credentials: String,
    /// That file's permissions, octal.
    pub mode: String,
}

impl ToolWitness {
    /// Stands in for the tools of these names.
    ///
    /// # Errors
    /// [`ServerError::System`], [`ServerError::Failed`] when a tool is not installed.
    pub fn new(tools: &[&str]) -> Result<Self, ServerError> {
        let directory = || tempfile::Builder::new().prefix("bnna-tools-").tempdir().map_err(system("make a directory"));
        let witness = Self { tools: directory()?, runs: directory()? };
        for tool in tools {
            let real = find_tool(tool, None, PACKAGE)
                .map_err(|error| ServerError::Failed { program: (*tool).to_owned(), log: error.to_string() })?;
            let path = witness.tools.path().join(tool);
            std::fs::write(&path, script(tool, &real, witness.runs.path())).map_err(system("write a tool"))?;
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).map_err(system("write a tool"))?;
        }
        Ok(witness)
    }

    /// For [`crate::Target::tools`].
    pub fn tools(&self) -> PathBuf {
        self.tools.path().to_owned()
    }

    /// Every start until now, in the order of the tools' names.
    ///
    /// # Errors
    /// [`ServerError::System`].
    pub fn runs(&self) -> Result<Vec<ToolRun>, ServerError> {
        let read = |path: PathBuf| std::fs::read_to_string(path).map_err(system("read what a tool wrote"));
        let mut runs = Vec::new();
        for entry in std::fs::read_dir(self.runs.path()).map_err(system("read what tools wrote"))? {
            let run = entry.map_err(system("read what tools wrote"))?.path();
            runs.push(ToolRun {
                tool: read(run.join("tool"))?.trim().to_owned(),
                arguments: read(run.join("arguments"))?,
                environment: read(run.join("environment"))?,
                credentials: read(run.join("credentials"))?,
                mode: read(run.join("mode"))?.trim().to_owned(),
            });
        }
        runs.sort_by(|one, other| one.tool.cmp(&other.tool));
        Ok(runs)
    }
}

/// `exec` keeps process, arguments and environment: what is written down is what the tool runs with.
fn script(tool: &str, real: &Path, runs: &Path) -> String {
    format!(
        r#"#!/bin/sh
set -e
run='{runs}'/$$
mkdir "$run"
echo {tool} > "$run/tool"
tr '\0' '\n' < /proc/$$/cmdline > "$run/arguments"
tr '\0' '\n' < /proc/$$/environ > "$run/environment"
credentials=${{PGPASSFILE:-${{1#--defaults-file=}}}}
cat "$credentials" > "$run/credentials"
stat -c %a "$credentials" > "$run/mode"
exec '{real}' "$@"
"#,
        runs = runs.display(),
        real = real.display(),
    )
}
