//! Programs that Debian packages only in a later release than this machine's: unpacked below `target/peers/`, never
//! installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::{works, workspace_root};

/// Where below `target/peers/`, the suite it comes from, the package, and a program of it.
const UNPACKED: &[(&str, &str, &str, &str)] = &[
    ("nebula-stable", "trixie", "nebula", "usr/bin/nebula-cert"),
    ("nebula-unstable", "sid", "nebula", "usr/bin/nebula-cert"),
];

/// Fetches what is not there yet. A machine that cannot is not an error: the tests that need it say so aloud.
pub fn unpack() {
    for (place, suite, package, program) in UNPACKED {
        let root = workspace_root().join("target/peers").join(place);
        if works(&root.join(program).to_string_lossy(), &["-version"]) {
            println!("{place}: present");
            continue;
        }
        match fetch(&root, suite, package) {
            Ok(()) => println!("{place}: unpacked below {}", root.display()),
            Err(message) => eprintln!("SKIPPED: {place} ({package} of {suite}): {message}"),
        }
    }
}

fn fetch(root: &Path, suite: &str, package: &str) -> Result<(), String> {
    let mirror = mirror().ok_or("apt on this machine names no Debian mirror")?;
    let state = root.with_extension("apt");
    let _ = fs::remove_dir_all(&state);
    for directory in ["lists/partial", "cache/archives/partial", "parts", "deb"] {
        fs::create_dir_all(state.join(directory)).map_err(|error| error.to_string())?;
    }
    let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let signed = if Path::new(keyring).exists() { format!("[signed-by={keyring}] ") } else { String::new() };
    fs::write(state.join("sources.list"), format!("deb {signed}{mirror} {suite} main\n"))
        .map_err(|error| error.to_string())?;
    let options: Vec<String> = [
        ("Dir::Etc::sourcelist", "sources.list"),
        ("Dir::Etc::sourceparts", "parts"),
        ("Dir::State::lists", "lists"),
        ("Dir::Cache", "cache"),
    ]
    .iter()
    .map(|(option, place)| format!("{option}={}", state.join(place).display()))
    .chain(
        ["APT::Sandbox::User=root", "Acquire::Languages=none", "Acquire::Retries=2", "Acquire::http::Timeout=30"]
            .map(str::to_owned),
    )
    .chain(["Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned()])
    .flat_map(|option| ["-o".to_owned(), option])
    .collect();
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(&options).args(arguments).current_dir(state.join("deb"));
        succeed(&mut command)
    };
    apt(&["-q", "update"])?;
    apt(&["-q", "download", package])?;
    let deb = fs::read_dir(state.join("deb"))
        .map_err(|error| error.to_string())?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or("apt downloaded nothing")?;
    fs::create_dir_all(root).map_err(|error| error.to_string())?;
    succeed(Command::new("dpkg").arg("-x").arg(&deb).arg(root))?;
    fs::remove_dir_all(&state).map_err(|error| error.to_string())
}

/// The mirror that apt uses for this machine's own release.
fn mirror() -> Option<String> {
    let release = fs::read_to_string("/etc/os-release").ok()?;
    let codename =
        release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?.trim_matches('"').to_owned();
    let output = Command::new("apt-get").args(["indextargets", "--format", "$(REPO_URI) $(CODENAME)"]).output().ok()?;
    String::from_utf8(output.stdout)
        .ok()?
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find_map(|(uri, name)| (name == codename).then(|| uri.to_owned()))
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(stderr.lines().last().unwrap_or("it failed without a word").to_owned())
}
