//! What a server said, without what is of one run only, and what the simulator says in its place.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::process::workspace_root;

/// Observations by name.
#[derive(Debug, Default)]
pub struct Observations {
    seen: BTreeMap<String, String>,
    names: Vec<(String, &'static str)>,
}

fn fixture() -> PathBuf {
    workspace_root().join("fixtures/integration.json")
}

impl Observations {
    /// A name of this run and what stands for it.
    pub fn stands_for(&mut self, name: &str, word: &'static str) {
        self.names.push((name.to_owned(), word));
        // Longer names first: one may be part of another.
        self.names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    }

    /// Notes what was seen.
    pub fn note(&mut self, what: &str, seen: &str) {
        let mut text = seen.trim().to_owned();
        for (name, word) in &self.names {
            text = text.replace(name.as_str(), word);
        }
        println!("  {what}: {text}");
        self.seen.insert(what.to_owned(), text);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// What is otherwise than on the simulator, a line each.
    pub fn differences(&self) -> Result<Vec<String>, String> {
        let text = std::fs::read(fixture()).map_err(|error| format!("{}: {error}", fixture().display()))?;
        let known: BTreeMap<String, String> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let mut differences = Vec::new();
        for (what, seen) in &self.seen {
            match known.get(what) {
                Some(expected) if expected == seen => {}
                Some(expected) => {
                    differences.push(format!("DIFFERS {what}: here {seen:?}, the simulator {expected:?}"))
                }
                None => differences.push(format!("DIFFERS {what}: here {seen:?}, not observed on the simulator")),
            }
        }
        for what in known.keys().filter(|what| !self.seen.contains_key(*what)) {
            differences.push(format!("DIFFERS {what}: not observed here"));
        }
        Ok(differences)
    }

    /// Writes them down as what the simulator says.
    pub fn record(&self) -> Result<(), String> {
        let text = serde_json::to_string_pretty(&self.seen).map_err(|error| error.to_string())?;
        std::fs::write(fixture(), text + "\n").map_err(|error| format!("{}: {error}", fixture().display()))
    }
}
