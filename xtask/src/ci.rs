//! `cargo xtask ci`: formatting, lints, build, tests, docs, layer arrows, licences and bans, in the order in which they
//! are quickest to fail.

use std::collections::BTreeMap;
use std::path::Path;

use cargo_metadata::MetadataCommand;

use crate::process::{self, works, workspace_root};

/// The pinned version of cargo-deny.
const CARGO_DENY: &str = "0.20.2";

/// Debian packages that the tests need, with one file of each to look for: real servers, what SQL Server's mock is built with, and what
/// libFuzzer is built with.
const PEERS: &[(&str, &str)] = &[
    ("postgresql", "/usr/lib/postgresql/*/bin/postgres"),
    ("mariadb-server", "/usr/sbin/mariadbd"),
    ("nebula", "/usr/bin/nebula-cert"),
    ("iproute2", "/usr/sbin/ip"),
    ("curl", "/usr/bin/curl"),
    ("pkg-config", "/usr/bin/pkg-config"),
    ("libssl-dev", "/usr/include/openssl/ssl.h"),
    ("g++", "/usr/bin/g++"),
];

#[derive(clap::Args)]
pub struct Args {
    /// Run only the named stage (fmt, arrows, peers, clippy, test, fuzz, schemathesis, conformance, proxmoxer, integration, doc, deny); may be repeated.
    #[arg(long = "only", value_name = "STAGE")]
    only: Vec<String>,
}

type Stage = fn() -> Result<(), String>;

const STAGES: &[(&str, Stage)] = &[
    ("fmt", fmt),
    ("arrows", arrows),
    ("peers", peers),
    ("clippy", clippy),
    ("test", test),
    ("fuzz", crate::fuzz::in_ci),
    ("schemathesis", || crate::schemathesis::run(&crate::schemathesis::Args::default())),
    ("conformance", crate::conformance::run_all),
    ("proxmoxer", crate::proxmoxer::run),
    ("integration", crate::integration::against_simulator),
    ("doc", doc),
    ("deny", deny),
];

pub fn run_stages(only: &[String]) -> Result<(), String> {
    if let Some(unknown) = only.iter().find(|name| !STAGES.iter().any(|(stage, _)| stage == name)) {
        let known: Vec<_> = STAGES.iter().map(|(stage, _)| *stage).collect();
        return Err(format!("no stage {unknown:?}; there are: {}", known.join(", ")));
    }
    for (name, stage) in STAGES {
        if only.is_empty() || only.iter().any(|wanted| wanted == name) {
            println!("\n== {name}");
            stage().map_err(|message| format!("{name}: {message}"))?;
        }
    }
    println!("\n== all stages passed");
    Ok(())
}

pub fn run(args: &Args) -> Result<(), String> {
    run_stages(&args.only)
}

fn fmt() -> Result<(), String> {
    process::run("cargo", &["fmt", "--all", "--check"], &[])
}

/// The client's features as others may choose them; the workspace itself builds with all.
const CLIENT_FEATURES: &[&str] = &["", "pve", "pbs", "pve,pbs,rustls-ring"];

fn clippy() -> Result<(), String> {
    process::run("cargo", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[])?;
    CLIENT_FEATURES.iter().try_for_each(|features| {
        let client =
            ["clippy", "--package", "proxmox-client", "--lib", "--locked", "--no-default-features", "--features"];
        process::run("cargo", &[&client[..], &[*features, "--", "-D", "warnings"]].concat(), &[])
    })
}

fn test() -> Result<(), String> {
    process::run("cargo", &["test", "--workspace", "--locked"], &[])
}

fn doc() -> Result<(), String> {
    process::run("cargo", &["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")])
}

fn deny() -> Result<(), String> {
    let local = workspace_root().join("target/tools/bin/cargo-deny");
    let program = if local.exists() {
        local.to_string_lossy().into_owned()
    } else if works("cargo-deny", &["--version"]) {
        "cargo-deny".to_owned()
    } else {
        let root = workspace_root().join("target/tools");
        let spec = format!("cargo-deny@{CARGO_DENY}");
        process::run("cargo", &["install", "--locked", &spec, "--root", &root.to_string_lossy()], &[])?;
        local.to_string_lossy().into_owned()
    };
    // Crates for other platforms are judged too, and building here has not fetched them.
    process::run("cargo", &["fetch", "--locked"], &[])?;
    process::run(&program, &["--offline", "check", "licenses", "bans", "sources"], &[])
}

/// Installs what the tests need, where this is a Debian machine and the caller is root; otherwise names it.
fn peers() -> Result<(), String> {
    let missing: Vec<&str> =
        PEERS.iter().filter(|(_, program)| !exists(program)).map(|(package, _)| *package).collect();
    if missing.is_empty() {
        println!("all present");
        crate::peers::unpack();
        return Ok(());
    }
    let install = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    if !works("apt-get", &["--version"]) || !works("sh", &["-c", "test $(id -u) = 0"]) {
        return Err(format!("the tests need packages that are not installed here. Run: sudo {install}"));
    }
    // A package's own service must not start: the tests start private instances.
    process::run(
        "sh",
        &["-c", &format!("apt-get update -q && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive {install}")],
        &[],
    )?;
    crate::peers::unpack();
    Ok(())
}

/// Whether a path exists; one `*` stands for any directory.
fn exists(pattern: &str) -> bool {
    match pattern.split_once("/*/") {
        None => Path::new(pattern).exists(),
        Some((before, after)) => std::fs::read_dir(before)
            .map(|entries| entries.flatten().any(|entry| entry.path().join(after).exists()))
            .unwrap_or(false),
    }
}

/// Each crate of the house with its floor; an arrow may only point to a lower floor.
const FLOORS: &[(&str, u8)] = &[
    ("proxmox-client", 0),
    ("nebula-pki", 0),
    ("bnna-mutation", 0),
    ("bnna-core", 0),
    ("bnna-db-engine", 0),
    ("proxmox-sim", 1),
    ("bnna-store", 1),
    ("bnna-auth", 1),
    ("bnna-db-postgres", 1),
    ("bnna-db-mariadb", 1),
    ("bnna-db-mssql", 1),
    ("bnna-operations", 2),
    ("bnna-platform", 3),
    ("bnna-api-kit", 4),
    ("bnna-api-platform", 5),
    ("bnpd", 6),
    ("bnna-tests", 7),
    ("xtask", 7),
];

/// Crates that stand alone: they may depend on no crate of ours but those named.
const ALONE: &[(&str, &[&str])] =
    &[("proxmox-client", &[]), ("nebula-pki", &[]), ("bnna-core", &[]), ("proxmox-sim", &["proxmox-client"])];

fn arrows() -> Result<(), String> {
    let metadata = MetadataCommand::new()
        .manifest_path(workspace_root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .map_err(|error| format!("cannot read cargo metadata: {error}"))?;
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let Some(floor) = floors.get(name) else {
            wrong.push(format!("{name} has no floor: add it to FLOORS in xtask/src/ci.rs"));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|d| d.kind == cargo_metadata::DependencyKind::Normal) {
            let Some(below) = floors.get(dependency.name.as_str()) else { continue };
            if below >= floor {
                wrong.push(format!("{name} (floor {floor}) must not depend on {} (floor {below})", dependency.name));
            }
            if let Some((_, allowed)) = ALONE.iter().find(|(alone, _)| *alone == name)
                && !allowed.contains(&dependency.name.as_str())
            {
                wrong.push(format!("{name} stands alone and must not depend on {}", dependency.name));
            }
        }
    }
    if wrong.is_empty() {
        println!("{} crates, every arrow points down", metadata.packages.len());
        Ok(())
    } else {
        Err(wrong.join("\n"))
    }
}
