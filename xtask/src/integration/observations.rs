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
        say!("  {what}: {text}");
        self.seen.insert(what.to_owned(), text);
    }

    /// Prints what is otherwise than on the simulator. Gives what differs, and the names of what is not seen here at all.
    pub fn compare(&self) -> Result<(Vec<String>, Vec<String>), String> {
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
        let unseen: Vec<String> = known.into_keys().filter(|what| !self.seen.contains_key(what)).collect();
        for difference in &differences {
            say!("{difference}");
        }
        for what in &unseen {
            say!("DIFFERS {what}: not observed here");
        }
        let (seen, differing, unseen_count) = (self.seen.len(), differences.len(), unseen.len());
        say!("{seen} observations, {differing} of them differ from the simulator's; {unseen_count} were not made");
        Ok((differences, unseen))
    }

    /// Writes them down as what the simulator says.
    pub fn record(&self) -> Result<(), String> {
        let text = serde_json::to_string_pretty(&self.seen).map_err(|error| error.to_string())?;
        std::fs::write(fixture(), text + "\n").map_err(|error| format!("{}: {error}", fixture().display()))
    }
}
