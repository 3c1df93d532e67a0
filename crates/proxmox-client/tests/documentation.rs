//! What is written about the typed calls is what they are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;

use proxmox_client::{Product, calls};

#[test]
fn the_table_of_calls_is_up_to_date() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/proxmox-client.md");
    let text = std::fs::read_to_string(file).unwrap();
    let mut product = Product::Pve;
    let mut written = BTreeSet::new();
    for line in text.lines() {
        match line {
            "## PVE" => product = Product::Pve,
            "## PBS" => product = Product::Pbs,
            row if row.starts_with("| `") => {
                let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
                let versions = if cells[3].is_empty() { "in every version" } else { cells[3] };
                written.insert(format!("{product} {} {} {versions} {}", cells[1], cells[2], cells[4]));
            }
            _ => {}
        }
    }
    let there: BTreeSet<String> = calls::all()
        .map(|call| {
            let count = (call.params)().len();
            format!("{} {} {} {} {} {count}", call.product, call.function, call.method, call.template, call.since)
        })
        .collect();
    let missing: Vec<_> = there.difference(&written).collect();
    let gone: Vec<_> = written.difference(&there).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "run the command at its top; missing: {missing:#?}; gone: {gone:#?}"
    );
}

#[test]
fn every_call_is_written_once_and_well() {
    let mut seen = BTreeSet::new();
    for call in calls::all() {
        assert!(call.template.starts_with('/') && !call.template.ends_with('/'), "{call:?}");
        assert!(seen.insert((call.product, call.function)), "two calls of one function: {call:?}");
        let names: Vec<_> = (call.params)().iter().map(|param| param.name).collect();
        let unique: BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), unique.len(), "a parameter twice: {call:?}");
        assert!(
            names.iter().all(|name| !name.is_empty() && !call.template.contains(&format!("{{{name}}}"))),
            "{call:?}"
        );
    }
    assert!(seen.len() > 300, "{}", seen.len());
}

/// What the sources of a directory say in public that names the HTTP library.
fn leaks(dir: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            leaks(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let public =
            |line: &&str| line.trim_start().starts_with("pub ") || line.trim_start().starts_with("impl From<reqwest");
        let naming = text.lines().filter(public).filter(|line| line.contains("reqwest"));
        found.extend(naming.map(|line| format!("{}: {line}", path.display())));
    }
}

#[test]
fn no_public_type_names_the_http_library() {
    let mut found = Vec::new();
    leaks(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.is_empty(), "{found:#?}");
}
