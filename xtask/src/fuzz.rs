//! `cargo xtask fuzz`: every cargo-fuzz target of the repository, each for a bounded time, from the corpus that is kept.
//!
//! Targets are found, not listed: `crates/*/fuzz/Cargo.toml` with its programs. What is kept is in `crates/X/tests/corpus/TARGET`, or
//! in `crates/X/tests/corpus` for all targets of a crate; what is found in between stays in `target/fuzz/corpus`. A nightly compiler is
//! used where there is one, else the stable one. No sanitizer unless asked for: the code has no `unsafe`, panics and broken
//! invariants are what is looked for, and building is most of the time of a short run.

use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;

use crate::process::{run, works, workspace_root};

/// The pinned version of cargo-fuzz.
const CARGO_FUZZ: &str = "0.13.2";

/// Arguments of `fuzz`.
#[derive(clap::Args)]
pub struct Args {
    /// So long each target is fed.
    #[arg(long, default_value_t = 10, value_name = "N")]
    seconds: u32,
    /// Only this target, by its name or `CRATE/NAME`; may be repeated.
    #[arg(long, value_name = "X")]
    target: Vec<String>,
    /// What watches the memory meanwhile (`address` needs a nightly compiler and a platform that has it).
    #[arg(long, default_value = "none", value_parser = ["none", "address", "leak", "memory", "thread"])]
    sanitizer: String,
    /// Optimised programs: slower to build, faster to run. For long runs.
    #[arg(long)]
    optimized: bool,
    /// Only name the targets.
    #[arg(long)]
    list: bool,
}

/// One program.
struct Target {
    /// Directory name of the crate it is about.
    krate: String,
    /// Its own name.
    name: String,
    /// `crates/X`.
    dir: PathBuf,
}

/// Runs the targets. The error names those that failed.
pub fn fuzz(args: &Args) -> Result<(), String> {
    let targets = wanted(args)?;
    if args.list {
        for target in &targets {
            println!("{}/{}", target.krate, target.name);
        }
        return Ok(());
    }
    let compiler = compiler()?;
    install()?;
    let mut failed = Vec::new();
    for target in &targets {
        println!("\n== {}/{}", target.krate, target.name);
        if let Err(error) = feed(target, args, &compiler) {
            println!("{error}");
            failed.push(format!("{}/{}", target.krate, target.name));
        }
    }
    if failed.is_empty() {
        println!("\n{} targets, {} s each, no failure", targets.len(), args.seconds);
        return Ok(());
    }
    Err(format!("failing inputs are in crates/*/fuzz/artifacts; failed: {}", failed.join(", ")))
}

fn wanted(args: &Args) -> Result<Vec<Target>, String> {
    let all = discover(&workspace_root().join("crates"))?;
    let is_named =
        |target: &Target, name: &str| name == target.name || name == format!("{}/{}", target.krate, target.name);
    if let Some(unknown) = args.target.iter().find(|name| !all.iter().any(|target| is_named(target, name))) {
        return Err(format!("no fuzz target {unknown:?}; `cargo xtask fuzz --list` names them"));
    }
    let chosen = |target: &Target| args.target.is_empty() || args.target.iter().any(|name| is_named(target, name));
    Ok(all.into_iter().filter(chosen).collect())
}

/// The programs of every `fuzz` directory below `crates`, in order of their names.
fn discover(crates: &Path) -> Result<Vec<Target>, String> {
    let entries = std::fs::read_dir(crates).map_err(|error| format!("{}: {error}", crates.display()))?;
    let mut dirs: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    dirs.sort();
    let mut targets = Vec::new();
    for dir in dirs {
        let file = dir.join("fuzz/Cargo.toml");
        if !file.exists() {
            continue;
        }
        let manifest = MetadataCommand::new().manifest_path(&file).no_deps().exec();
        let manifest = manifest.map_err(|error| format!("{}: {error}", file.display()))?;
        let krate = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let programs = manifest.packages.iter().flat_map(|package| &package.targets).filter(|target| target.is_bin());
        targets.extend(programs.map(|found| Target {
            krate: krate.clone(),
            name: found.name.clone(),
            dir: dir.clone(),
        }));
    }
    if targets.is_empty() {
        return Err(format!("no fuzz targets below {}", crates.display()));
    }
    Ok(targets)
}

/// The environment that chooses the compiler. cargo-fuzz needs flags that only nightly takes by itself.
fn compiler() -> Result<Vec<(&'static str, &'static str)>, String> {
    if works("rustup", &["run", "nightly", "rustc", "--version"]) {
        println!("compiler: nightly");
        return Ok(vec![("RUSTUP_TOOLCHAIN", "nightly")]);
    }
    if works("rustc", &["--version"]) {
        println!("compiler: stable, with RUSTC_BOOTSTRAP");
        return Ok(vec![("RUSTC_BOOTSTRAP", "1")]);
    }
    Err("there is no Rust compiler to build with".to_owned())
}

fn tools() -> PathBuf {
    workspace_root().join("target/tools")
}

fn install() -> Result<(), String> {
    if tools().join("bin/cargo-fuzz").exists() {
        return Ok(());
    }
    let spec = format!("cargo-fuzz@{CARGO_FUZZ}");
    run("cargo", &["install", "--locked", &spec, "--root", &tools().to_string_lossy()], &[])
}

fn feed(target: &Target, args: &Args, compiler: &[(&str, &str)]) -> Result<(), String> {
    let root = workspace_root();
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let found = root.join("target/fuzz/corpus").join(&target.krate).join(&target.name);
    std::fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    let kept = target.dir.join("tests/corpus");
    let own = kept.join(&target.name);
    let kept = if own.is_dir() { own } else { kept };
    let (fuzz_dir, build, found, kept) =
        (text(&target.dir.join("fuzz")), text(&root.join("target/fuzz")), text(&found), text(&kept));
    let time = format!("-max_total_time={}", args.seconds);
    let mut line = vec![
        "fuzz",
        "run",
        "--fuzz-dir",
        &fuzz_dir,
        "--target-dir",
        &build,
        "--sanitizer",
        &args.sanitizer,
        &target.name,
        &found,
    ];
    if !args.optimized {
        line.push("--dev");
    }
    if Path::new(&kept).is_dir() {
        line.push(&kept);
    }
    // A single input that takes this long, or needs this much memory (MiB), is a failure, too.
    line.extend(["--", &time, "-timeout=10", "-rss_limit_mb=1024", "-verbosity=0", "-print_final_stats=1"]);
    let program = text(&tools().join("bin/cargo-fuzz"));
    // What the outer cargo has set is about its own compiler.
    let mut environment = vec![("CARGO", "cargo"), ("CARGO_TARGET_DIR", build.as_str())];
    environment.extend_from_slice(compiler);
    run(&program, &line, &environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_every_crate_are_found() {
        let all = discover(&workspace_root().join("crates")).unwrap();
        let has = |krate: &str, name: &str| all.iter().any(|target| target.krate == krate && target.name == name);
        for name in ["upid", "property_string", "lenient_number", "answer", "acl_path"] {
            assert!(has("proxmox-client", name), "{name}");
        }
        assert!(has("nebula-pki", "pem"));
    }
}
