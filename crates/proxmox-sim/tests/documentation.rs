//! `docs/simulator.md` lists what is simulated, made from the simulator's own tables. `UPDATE_DOCS=1` writes the list anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use proxmox_sim::api::Table;
use proxmox_sim::pbs;

const BEGIN: &str = "<!-- calls: made by crates/proxmox-sim/tests/documentation.rs -->\n";
const END: &str = "<!-- end of calls -->\n";
const VERBS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

/// Verbs by path, in the order that people read them.
fn rows(calls: impl Iterator<Item = (String, String)>) -> String {
    let mut by_path: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (verb, path) in calls {
        let verbs = by_path.entry(path.replace("{*", "{")).or_default();
        if !verbs.contains(&verb) {
            verbs.push(verb);
        }
    }
    let mut text = String::from("| path | verbs |\n| --- | --- |\n");
    for (path, verbs) in by_path {
        let verbs: Vec<&str> = VERBS.into_iter().filter(|verb| verbs.iter().any(|known| known == verb)).collect();
        let _ = writeln!(text, "| `{path}` | {} |", verbs.join(" "));
    }
    text
}

fn calls() -> String {
    let table = Table::pve();
    let mut last: BTreeMap<(String, String), bool> = BTreeMap::new();
    for endpoint in table.endpoints() {
        last.insert((endpoint.method.to_string(), endpoint.template.to_string()), endpoint.simulated);
    }
    let of = |simulated: bool| last.iter().filter(move |(_, is)| **is == simulated).map(|(call, _)| call.clone());
    let mut text = format!("\n## Proxmox VE: {} calls that are simulated\n\n", of(true).count());
    text += &rows(of(true));
    let _ = write!(
        text,
        "\n## Proxmox VE: {} calls that answer 501\n\nTheir privileges and parameters are checked like those of the others; then they say \
         `Method 'VERB PATH' not implemented`.\n\n",
        of(false).count()
    );
    text += &rows(of(false));
    let backup = pbs::calls();
    let _ = write!(text, "\n## Proxmox Backup Server: {} calls that are simulated\n\n", backup.len());
    text += &rows(backup.into_iter().map(|(verb, path, _)| (verb.to_owned(), path.to_owned())));
    text
}

#[test]
fn the_list_of_calls_is_the_simulators_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/simulator.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the list has a beginning");
    let (listed, after) = rest.split_once(END).expect("the list has an end");
    let made = calls();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{made}{END}{after}")).unwrap();
        return;
    }
    assert!(
        listed == made,
        "docs/simulator.md is out of date: UPDATE_DOCS=1 cargo test -p proxmox-sim --test documentation"
    );
}
