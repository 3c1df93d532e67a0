//! Nebula certificates with what several releases of `nebula-cert` said of each: `verdicts.json` and the files it names.

use std::collections::BTreeMap;
use std::path::Path;

use nebula_pki::{Certificate, NebulaVersion, Timestamp, print_json, verify_files};
use serde::Deserialize;

/// `verdicts.json`.
#[derive(Deserialize)]
struct Verdicts {
    /// When the judgements were made, in seconds since 1970.
    now: i64,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    crt: String,
    ca: String,
    #[serde(default)]
    why: String,
    verdict: BTreeMap<String, Verdict>,
    #[serde(default)]
    fingerprint: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
struct Verdict {
    accept: bool,
    #[serde(default)]
    message: Option<String>,
}

/// The largest file that is read; certificates are a few hundred bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Judges every case as `wanted` (or the newest release of the file) did; the error is the line to end with.
pub fn run(directory: &Path, wanted: Option<&str>) -> Result<(), String> {
    let verdicts: Verdicts = serde_json::from_slice(&read(&directory.join("verdicts.json"))?)
        .map_err(|error| format!("{}: {error}", directory.join("verdicts.json").display()))?;
    let (key, nebula) = release(&verdicts, wanted)?;
    let now = Timestamp::from_unix(verdicts.now);
    let (mut judged, mut absent, mut disagreements, mut notes) = (0, 0, 0, 0);
    for (name, case) in &verdicts.cases {
        let Some(verdict) = case.verdict.get(&key) else {
            absent += 1;
            continue;
        };
        judged += 1;
        let found = judge(directory, case, verdict, case.fingerprint.get(&key), now, nebula)?;
        for line in &found.disagreements {
            println!("DISAGREE {name} ({}): {line}", case.why);
        }
        for line in &found.notes {
            println!("note     {name} ({}): {line}", case.why);
        }
        disagreements += found.disagreements.len();
        notes += found.notes.len();
    }
    println!(
        "{judged} cases judged as nebula-cert {key}: {disagreements} disagreements, {notes} notes on wording, \
         {absent} without its verdict"
    );
    match (judged, disagreements) {
        (0, _) => Err(format!("no case has a verdict of {key}")),
        (_, 0) => Ok(()),
        _ => Err(format!("{disagreements} disagreements with nebula-cert {key}")),
    }
}

/// The release to judge as, by the name it has in the file.
fn release(verdicts: &Verdicts, wanted: Option<&str>) -> Result<(String, NebulaVersion), String> {
    let parse = |text: &str| text.parse::<NebulaVersion>().map_err(|error| error.to_string());
    let named = verdicts.cases.values().flat_map(|case| case.verdict.keys());
    if let Some(wanted) = wanted {
        let version = parse(wanted)?;
        let mut same = named.filter(|name| parse(name) == Ok(version));
        return Ok((same.next().cloned().unwrap_or_else(|| wanted.to_owned()), version));
    }
    let mut newest: Option<(String, NebulaVersion)> = None;
    for name in named {
        let version = parse(name)?;
        if newest.as_ref().is_none_or(|(_, best)| version > *best) {
            newest = Some((name.clone(), version));
        }
    }
    newest.ok_or_else(|| "verdicts.json has no case with a verdict".to_owned())
}

#[derive(Default)]
struct Found {
    disagreements: Vec<String>,
    notes: Vec<String>,
}

fn judge(
    directory: &Path,
    case: &Case,
    verdict: &Verdict,
    fingerprint: Option<&Option<String>>,
    now: Timestamp,
    nebula: NebulaVersion,
) -> Result<Found, String> {
    let crt = read(&inside(directory, &case.crt)?)?;
    let ca = read(&inside(directory, &case.ca)?)?;
    let mut found = Found::default();
    let ours = verify_files(&ca, &crt, now, nebula);
    let said = verdict.message.as_deref().unwrap_or_default();
    match (&ours, verdict.accept) {
        (Ok(_), false) => found.disagreements.push(format!("accepted here, refused there: {said}")),
        (Err(error), true) => found.disagreements.push(format!("refused here, accepted there: {error}")),
        (Err(error), false) => {
            let words = error.nebula_message(nebula);
            if let Some(words) = words
                && !said.is_empty()
                && !said.contains(&words)
            {
                found.notes.push(format!("refused here as {words:?}, there as {said:?}"));
            }
        }
        (Ok(_), true) => {}
    }
    let Some(theirs) = fingerprint else { return Ok(found) };
    let (printed, first) = fingerprints(&crt, nebula);
    match theirs {
        Some(theirs) if first.as_deref() != Some(theirs.to_ascii_lowercase().as_str()) => {
            found.disagreements.push(format!("fingerprint here {first:?}, there {theirs:?}"));
        }
        None if printed && verdict.accept => {
            found.disagreements.push(format!("fingerprint here {first:?}, there none"));
        }
        None if printed => found.notes.push(format!("fingerprint here {first:?}, there none")),
        _ => {}
    }
    Ok(found)
}

/// Whether the whole file can be printed, and the fingerprint of its first certificate.
fn fingerprints(crt: &[u8], nebula: NebulaVersion) -> (bool, Option<String>) {
    let first = Certificate::first_from_pem_as(crt, nebula).ok();
    let printed = Certificate::all_from_pem_as(crt, nebula).ok().and_then(|all| print_json(&all, nebula));
    (printed.is_some(), first.map(|certificate| certificate.fingerprint_as(nebula).to_string()))
}

/// A file of the directory; `verdicts.json` must not lead out of it.
fn inside(directory: &Path, name: &str) -> Result<std::path::PathBuf, String> {
    let plain = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if plain && !name.is_empty() {
        Ok(directory.join(name))
    } else {
        Err(format!("{name:?} is not a file of the directory"))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.len();
    if size > MAX_FILE {
        return Err(format!("{} has {size} bytes, more than {MAX_FILE}", path.display()));
    }
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::workspace_root;

    fn fixtures() -> std::path::PathBuf {
        workspace_root().join("fixtures/nebula")
    }

    #[test]
    fn the_recorded_verdicts_of_every_release_are_agreed_with() {
        for version in ["1.6.1", "1.9.3", "1.11.0"] {
            assert_eq!(run(&fixtures(), Some(version)), Ok(()), "{version}");
        }
        assert_eq!(run(&fixtures(), None), Ok(()));
        assert!(run(&fixtures(), Some("1.8.0")).is_err(), "nothing was recorded of it");
    }

    #[test]
    fn a_changed_verdict_or_fingerprint_is_a_disagreement() {
        let directory = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(fixtures()).unwrap().flatten() {
            std::fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
        }
        let file = directory.path().join("verdicts.json");
        let text = std::fs::read_to_string(&file).unwrap();
        for (part, field) in [("verdict", "accept"), ("fingerprint", "")] {
            let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
            let place = &mut value["cases"]["v1-ok"][part]["1.11.0"];
            match field {
                "accept" => place["accept"] = false.into(),
                _ => *place = "00".repeat(32).into(),
            }
            std::fs::write(&file, value.to_string()).unwrap();
            assert_eq!(run(directory.path(), None), Err("1 disagreements with nebula-cert 1.11.0".to_owned()));
            assert_eq!(run(directory.path(), Some("1.6.1")), Ok(()), "that verdict was not changed");
        }
    }

    #[test]
    fn a_file_outside_the_directory_is_not_read() {
        for name in ["../secret", "/etc/passwd", "a/../../b", ""] {
            assert!(inside(Path::new("/dir"), name).is_err(), "{name}");
        }
    }
}
