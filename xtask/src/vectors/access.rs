//! Access vectors: a `testN.cfg` is a `user.cfg`, the `perm-testN.json` beside it lists checks with their answers. Those of PBS say so
//! (`"product": "pbs"`); their configuration is its `user.cfg` and `acl.cfg` in one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proxmox_client::permissions::{Access, parse_pbs_cfg, parse_user_cfg};
use proxmox_client::{AclPath, AuthId};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    /// The configuration's file name; `testN.cfg` of `perm-testN.json` when absent.
    config: Option<String>,
    /// Whose rules hold; PVE's unless it says otherwise.
    #[serde(default)]
    product: Product,
    checks: Vec<Check>,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum Product {
    #[default]
    Pve,
    Pbs,
}

#[derive(Deserialize)]
struct Check {
    check: Kind,
    auth_id: String,
    path: String,
    expect: Vec<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// The roles of the ACL alone.
    Roles,
    /// What may be done: pools and the owner's limits included.
    Permissions,
}

/// Runs every check of `dir`. The error says how many disagree, or that there was nothing to check.
pub fn run(dir: &Path) -> Result<(), String> {
    let files = vector_files(dir)?;
    let (mut checks, mut wrong) = (0usize, 0usize);
    for file in &files {
        let vectors: Vectors =
            serde_json::from_slice(&read(file)?).map_err(|error| format!("{}: {error}", file.display()))?;
        let config = dir.join(config_name(file, vectors.config.as_deref())?);
        let config = String::from_utf8(read(&config)?).map_err(|error| format!("{}: {error}", config.display()))?;
        let (access, _) = match vectors.product {
            Product::Pve => parse_user_cfg(&config),
            Product::Pbs => parse_pbs_cfg(&config),
        };
        let before = wrong;
        for check in &vectors.checks {
            checks += 1;
            if let Err(difference) = examine(&access, check) {
                wrong += 1;
                println!("DISAGREES {}: {difference}", file.display());
            }
        }
        println!("{}: {} checks, {} disagree", file.display(), vectors.checks.len(), wrong - before);
    }
    println!("{} files, {checks} checks, {wrong} disagree", files.len());
    match (checks, wrong) {
        (0, _) => Err(format!("no checks in {}", dir.display())),
        (_, 0) => Ok(()),
        _ => Err(format!("{wrong} of {checks} access checks disagree")),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// The `perm-*.json` files of the directory, in order of their names.
fn vector_files(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("{}: {error}", dir.display()))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("perm-") && name.ends_with(".json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The configuration that belongs to a file of checks: a plain name in the same directory.
fn config_name(file: &Path, named: Option<&str>) -> Result<String, String> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = named.map_or_else(|| format!("{}.cfg", stem.trim_start_matches("perm-")), str::to_owned);
    if name.contains('/') {
        return Err(format!("{}: the configuration {name:?} is not a file beside it", file.display()));
    }
    Ok(name)
}

fn examine(access: &Access, check: &Check) -> Result<(), String> {
    let (kind, who, path) = (check.check, &check.auth_id, &check.path);
    let subject: AuthId = who.parse().map_err(|error| format!("{error}"))?;
    let at: AclPath = path.parse().map_err(|error| format!("{error}"))?;
    let (word, got): (_, BTreeSet<&str>) = match kind {
        Kind::Roles => ("roles", access.roles(&subject, &at).into_keys().collect()),
        Kind::Permissions => ("permissions", access.permissions(&subject, &at).iter().map(|(name, _)| name).collect()),
    };
    let expected: BTreeSet<&str> = check.expect.iter().map(String::as_str).collect();
    if got == expected {
        return Ok(());
    }
    let why: Vec<String> = access.explain(&subject, &at).evidence.iter().map(ToString::to_string).collect();
    Err(format!("{word} of {who} on {path}: expected {expected:?}, got {got:?}; entries seen: {}", why.join("; ")))
}
