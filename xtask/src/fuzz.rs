//! `cargo xtask fuzz`: every fuzz target of the repository, led by coverage, each for a bounded time, from the corpus that is kept. A stage of
//! `cargo xtask ci`.
//!
//! Targets are found, not listed: the programs of the workspace `tests/fuzz`, laid out for cargo-fuzz. They are built by cargo itself with the flags that cargo-fuzz would give, which the pinned compiler takes. What is kept is in `crates/X/tests/corpus/TARGET`, or in
//! `crates/X/tests/corpus` for all targets of a crate, and in `tests/fuzz/corpus/TARGET`; what is found in between stays in `target/fuzz/corpus`.
//! No sanitizer unless asked for: the code has no `unsafe`, panics and broken invariants are what is looked for.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use cargo_metadata::MetadataCommand;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::process::{run, works, workspace_root};
use crate::simulator::target_directory;

/// In CI each target is fed so long, seconds. With the building it is to be over in five minutes on two cores.
const SECONDS_IN_CI: u32 = 5;
/// A program that has not ended so long after its time has gone wrong.
const GRACE: Duration = Duration::from_secs(60);
/// What makes the compiler count which branches were taken, and what was compared with what.
const COVERAGE: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cdebug-assertions",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Arguments of `fuzz`.
#[derive(clap::Args)]
pub struct Args {
    /// So long each target is fed.
    #[arg(long, default_value_t = 10, value_name = "N")]
    seconds: u32,
    /// Only this target, by its name or `PACKAGE/NAME`; may be repeated.
    #[arg(long, value_name = "X")]
    target: Vec<String>,
    /// What watches the memory meanwhile; not every machine can.
    #[arg(long, default_value = "none", value_parser = ["none", "address"])]
    sanitizer: String,
    /// Optimised programs: slower to build, faster to run. For long runs.
    #[arg(long)]
    optimized: bool,
    /// Only name the targets.
    #[arg(long)]
    list: bool,
}

/// One program.
#[derive(Clone)]
struct Target {
    /// What it is about: the directory's name of a crate, or `bnpd`.
    about: String,
    /// Its own name.
    name: String,
    /// Directory of its package.
    package: PathBuf,
    /// Directory of its kept corpus, if it has one.
    kept: Option<PathBuf>,
}

impl Target {
    fn is_named(&self, name: &str) -> bool {
        name == self.name || name == self.full_name()
    }

    fn full_name(&self) -> String {
        format!("{}/{}", self.about, self.name)
    }
}

/// Runs the targets. The error names those that failed.
pub fn fuzz(args: &Args) -> Result<(), String> {
    let targets = wanted(args)?;
    if args.list {
        for target in &targets {
            println!("{}", target.full_name());
        }
        return Ok(());
    }
    missing().map_or(Ok(()), Err)?;
    let programs = build(args, &targets)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let failed = runtime.block_on(feed_all(args.seconds, targets, &programs))?;
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("failing inputs are in the packages' artifacts/TARGET; failed: {}", failed.join(", ")))
}

/// The stage of `cargo xtask ci`.
pub fn in_ci() -> Result<(), String> {
    if let Some(why) = missing() {
        eprintln!("SKIPPED: every fuzz target: {why}");
        return Ok(());
    }
    let (target, sanitizer) = (Vec::new(), "none".to_owned());
    fuzz(&Args { seconds: SECONDS_IN_CI, target, sanitizer, optimized: false, list: false })
}

/// What this machine lacks: libFuzzer is C++.
fn missing() -> Option<String> {
    let named = std::env::var("CXX").ok();
    let known = ["c++", "g++", "clang++"];
    let has = named.iter().map(String::as_str).chain(known).any(|compiler| works(compiler, &["--version"]));
    (!has).then(|| "there is no C++ compiler to build libFuzzer with (c++, g++, clang++ or $CXX)".to_owned())
}

fn wanted(args: &Args) -> Result<Vec<Target>, String> {
    let all = discover(&workspace_root())?;
    if let Some(unknown) = args.target.iter().find(|name| !all.iter().any(|target| target.is_named(name))) {
        return Err(format!("no fuzz target {unknown:?}; `cargo xtask fuzz --list` names them"));
    }
    let chosen = |target: &Target| args.target.is_empty() || args.target.iter().any(|name| target.is_named(name));
    Ok(all.into_iter().filter(chosen).collect())
}

/// The manifest of the workspace that all fuzz packages are in.
fn manifest(root: &Path) -> PathBuf {
    root.join("tests/fuzz/Cargo.toml")
}

/// The programs of every fuzz package, in order of their names.
fn discover(root: &Path) -> Result<Vec<Target>, String> {
    let read = MetadataCommand::new().manifest_path(manifest(root)).no_deps().exec();
    let read = read.map_err(|error| format!("{}: {error}", manifest(root).display()))?;
    let mut targets = Vec::new();
    for found in &read.packages {
        let package = found.manifest_path.parent().map(|dir| PathBuf::from(dir.as_std_path())).unwrap_or_default();
        // `crates/X/fuzz` with `crates/X/tests/corpus`, or `tests/fuzz` with its own.
        let above = package.parent().unwrap_or(root);
        let of_crate = above.parent().is_some_and(|dir| dir.ends_with("crates"));
        let about = above.file_name().filter(|_| of_crate).map_or("bnpd".into(), |name| name.to_string_lossy());
        let corpus = if of_crate { above.join("tests/corpus") } else { package.join("corpus") };
        for program in found.targets.iter().filter(|target| target.is_bin()) {
            let kept = [corpus.join(&program.name), corpus.clone()].into_iter().find(|dir| dir.is_dir());
            let (about, name) = (about.clone().into_owned(), program.name.clone());
            targets.push(Target { about, name, package: package.clone(), kept });
        }
    }
    targets.sort_by_key(Target::full_name);
    Ok(targets)
}

/// Builds the programs in one go. Gives the directory where they are.
fn build(args: &Args, targets: &[Target]) -> Result<PathBuf, String> {
    let (root, triple) = (workspace_root(), host()?);
    let directory = target_directory()?.join("fuzz").join(format!("build-{}", args.sanitizer));
    // The versions are those of everything else. cargo takes out what is not needed and adds libFuzzer.
    let lock = manifest(&root).with_extension("lock");
    std::fs::copy(root.join("Cargo.lock"), &lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let mut flags = COVERAGE.map(str::to_owned).to_vec();
    let mut environment = vec![("CARGO_INCREMENTAL", "0")];
    if args.sanitizer != "none" {
        flags.push(format!("-Zsanitizer={}", args.sanitizer));
        environment.push(("RUSTC_BOOTSTRAP", "1"));
    }
    let flags = flags.join("\u{1f}");
    environment.push(("CARGO_ENCODED_RUSTFLAGS", &flags));
    let (manifest, directory_text) = (text(&manifest(&root)), text(&directory));
    // With a platform named, the flags are not for build scripts.
    let mut line = vec![
        "build",
        "--manifest-path",
        &manifest,
        "--target-dir",
        &directory_text,
        "--target",
        &triple,
        "--workspace",
    ];
    if args.optimized {
        line.push("--release");
    }
    for target in targets {
        line.extend(["--bin", &target.name]);
    }
    run("cargo", &line, &environment)?;
    Ok(directory.join(triple).join(if args.optimized { "release" } else { "debug" }))
}

/// The platform that is built for.
fn host() -> Result<String, String> {
    let output = std::process::Command::new("rustc").arg("-vV").output();
    let output = output.map_err(|error| format!("rustc: {error}"))?;
    let says = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = says.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say what it builds for".to_owned())
}

/// Feeds the targets, as many at once as there are processors. Gives the names of those that failed.
async fn feed_all(seconds: u32, targets: Vec<Target>, programs: &Path) -> Result<Vec<String>, String> {
    let begun = std::time::Instant::now();
    let turns = Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)));
    let (count, mut running) = (targets.len(), JoinSet::new());
    for target in targets {
        let (turns, program) = (Arc::clone(&turns), programs.join(&target.name));
        running.spawn(async move {
            let _turn = turns.acquire_owned().await;
            let fed = feed(&target, &program, seconds).await;
            (target, fed)
        });
    }
    let mut failed = Vec::new();
    while let Some(ended) = running.join_next().await {
        let (target, fed) = ended.map_err(|error| error.to_string())?;
        match fed {
            Ok(summary) => println!("  {}: {summary}", target.full_name()),
            Err(output) => {
                println!("  {}: FAILED\n{output}", target.full_name());
                failed.push(target.full_name());
            }
        }
    }
    failed.sort();
    let failures = if failed.is_empty() { "no failure".to_owned() } else { format!("{} failed", failed.len()) };
    println!("{count} targets, {seconds} s each, {failures}; {:.0} s in all", begun.elapsed().as_secs_f64());
    Ok(failed)
}

/// Feeds one. What it says of itself at the end, or everything it said when it failed.
async fn feed(target: &Target, program: &Path, seconds: u32) -> Result<String, String> {
    let found = target_directory()?.join("fuzz/corpus").join(&target.about).join(&target.name);
    let artifacts = target.package.join("artifacts").join(&target.name);
    for directory in [&found, &artifacts] {
        std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    let mut command = Command::new(program);
    // What is new goes to the first directory.
    command.arg(&found).args(&target.kept);
    command.arg(format!("-artifact_prefix={}/", text(&artifacts))).arg(format!("-max_total_time={seconds}"));
    // A single input that takes this long, or needs this much memory (MiB), is a failure, too.
    command.args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=1"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let limit = Duration::from_secs(seconds.into()) + GRACE;
    let output = tokio::time::timeout(limit, command.output()).await;
    let output = output.map_err(|_| format!("it has not ended {} s after its time", GRACE.as_secs()))?;
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let lines: Vec<&str> = said.lines().collect();
        return Err(lines.get(lines.len().saturating_sub(60)..).unwrap_or_default().join("\n"));
    }
    let number = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map_or("?", str::trim);
    Ok(format!(
        "{} inputs, {} of them new ways through the code, {} MiB",
        number("stat::number_of_executed_units:"),
        number("stat::new_units_added:"),
        number("stat::peak_rss_mb:")
    ))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_every_package_are_found_with_their_corpus() {
        let all = discover(&workspace_root()).unwrap();
        let names: Vec<String> = all.iter().map(Target::full_name).collect();
        for name in ["proxmox-client/upid", "proxmox-client/lenient_number", "nebula-pki/pem", "bnpd/request"] {
            assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
        }
        assert!(all.iter().all(|target| target.kept.is_some()), "every target has a corpus");
        let names: Vec<&str> = all.iter().map(|target| target.name.as_str()).collect();
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len(), "programs share a directory: {names:?}");
    }
}
