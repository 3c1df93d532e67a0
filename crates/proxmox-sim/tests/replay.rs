//! The recorded conversations agree with the simulator at least as far as the floor in `fixtures/replay-floor.json` says.
//!
//! `REPLAY_ONLY=access-acl,pools cargo test -p proxmox-sim --test replay -- --nocapture` plays only the scenarios whose names start so and prints
//! every difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proxmox_sim::replay::{self, Report};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn print(report: &Report) {
    for difference in &report.differences {
        eprintln!("  #{} {}", difference.n, difference.call);
        for detail in difference.details.iter().take(12) {
            eprintln!("      {detail}");
        }
    }
    let Report { scenario, agree, compared, explained, .. } = report;
    eprintln!("{scenario:<32} {agree:>4} of {compared:>4} agree, {:>6.2} %  ({explained} explained)", report.percent());
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_conversations_agree_down_to_the_floor() {
    let contract = workspace().join("../shared/contract");
    let transcripts = contract.join("transcripts");
    if !transcripts.is_dir() {
        eprintln!("SKIPPED: no recorded transcripts at {}", transcripts.display());
        return;
    }
    let schema = contract.join("pve-api-schema.json.gz");
    let only = std::env::var("REPLAY_ONLY").unwrap_or_default();
    let only: Vec<&str> = only.split(',').filter(|name| !name.is_empty()).collect();
    let floor = std::fs::read_to_string(workspace().join("fixtures/replay-floor.json")).unwrap();
    let floor: BTreeMap<String, f64> = serde_json::from_str(&floor).unwrap();
    let exceptions = replay::exceptions(&workspace().join("fixtures/replay-exceptions.json")).unwrap();
    let mut below = Vec::new();
    for scenario in replay::load_dir(&transcripts).unwrap() {
        let name = &scenario.header.scenario;
        let wanted = match only.as_slice() {
            [] => floor.contains_key(name),
            only => only.iter().any(|start| name.starts_with(start)),
        };
        if !wanted {
            continue;
        }
        let report = replay::run(&scenario, &exceptions, |builder| builder.schema_file(&schema)).await.unwrap();
        if !only.is_empty() {
            print(&report);
        }
        let least = floor.get(name).copied().unwrap_or(0.0);
        if report.percent() < least {
            below.push(format!("{name} is at {:.2} %, its floor is {least:.2} %", report.percent()));
        }
    }
    assert!(below.is_empty(), "{}", below.join("\n"));
}
