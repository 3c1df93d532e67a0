//! A guest's configuration as the cluster file system keeps it: the current values, what is pending until the next
//! start, and one section per snapshot. Everything is text; what a value means is known by the modules that use it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::GuestKind;
use super::options;
use crate::state::digest::sha1_hex;

/// Keys and values of one section.
pub type Section = BTreeMap<String, String>;

/// A configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GuestConfig {
    /// What holds now.
    pub current: Section,
    /// What will hold after the next start.
    #[serde(default)]
    pub pending: Section,
    /// What will be gone after the next start; `true` means that its volume goes with it.
    #[serde(default)]
    pub pending_delete: BTreeMap<String, bool>,
    /// Snapshots by name: the values at that time and `snaptime`, `parent`, `snapstate`.
    #[serde(default)]
    pub snapshots: BTreeMap<String, Section>,
}

impl GuestConfig {
    /// A configuration with these values.
    #[must_use]
    pub fn new(current: Section) -> Self {
        Self { current, ..Self::default() }
    }

    /// A current value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.current.get(key).map(String::as_str)
    }

    /// Sets a current value.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.current.insert(key.to_owned(), value.into());
    }

    /// Removes a current value.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.current.remove(key)
    }

    /// A current integer, or the default.
    #[must_use]
    pub fn int(&self, key: &str, default: u64) -> u64 {
        self.get(key).and_then(|value| value.parse().ok()).unwrap_or(default)
    }

    /// The lock, if one is held.
    #[must_use]
    pub fn lock(&self) -> Option<&str> {
        self.get("lock")
    }

    /// Whether it is a template.
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.get("template") == Some("1")
    }

    /// Whether removal is forbidden.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.get("protection") == Some("1")
    }

    /// The text of the file. Equal configurations give equal text, so that the digest of a value set and set back is
    /// what it was.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = render_section(&self.current);
        if !self.pending.is_empty() || !self.pending_delete.is_empty() {
            out.push_str("\n[PENDING]\n");
            if !self.pending_delete.is_empty() {
                let keys: Vec<String> = self
                    .pending_delete
                    .iter()
                    .map(|(key, force)| if *force { format!("!{key}") } else { key.clone() })
                    .collect();
                let _ = writeln!(out, "delete: {}", keys.join(","));
            }
            out.push_str(&render_section(&self.pending));
        }
        for (name, section) in &self.snapshots {
            let _ = writeln!(out, "\n[{name}]");
            out.push_str(&render_section(section));
        }
        out
    }

    /// SHA-1 of the file, 40 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        sha1_hex(&self.render())
    }

    /// The `data` of `GET …/config`: pending values merged over the current ones unless only the current are asked for.
    #[must_use]
    pub fn to_json(&self, kind: GuestKind, only_current: bool) -> Map<String, Value> {
        let mut merged = self.current.clone();
        if !only_current {
            for key in self.pending_delete.keys() {
                merged.remove(key);
            }
            merged.extend(self.pending.clone());
        }
        let mut out = section_json(kind, &merged);
        out.insert("digest".into(), json!(self.digest()));
        out
    }

    /// The `data` of `GET …/pending`.
    #[must_use]
    pub fn pending_json(&self, kind: GuestKind) -> Vec<Value> {
        let mut rows = Vec::new();
        for (key, value) in &self.current {
            let mut row =
                Map::from_iter([("key".to_owned(), json!(key)), ("value".to_owned(), typed(kind, key, value))]);
            if let Some(pending) = self.pending.get(key) {
                row.insert("pending".into(), typed(kind, key, pending));
            }
            if let Some(force) = self.pending_delete.get(key) {
                row.insert("delete".into(), json!(if *force { 2 } else { 1 }));
            }
            rows.push(Value::Object(row));
        }
        for (key, value) in &self.pending {
            if !self.current.contains_key(key) {
                rows.push(json!({"key": key, "pending": typed(kind, key, value)}));
            }
        }
        for (key, force) in &self.pending_delete {
            if !self.current.contains_key(key) && !self.pending.contains_key(key) {
                rows.push(json!({"key": key, "delete": if *force { 2 } else { 1 }}));
            }
        }
        rows.push(json!({"key": "digest", "value": self.digest()}));
        rows
    }

    /// Notes that a key is to go with the next start.
    pub fn delete_later(&mut self, key: &str, force: bool) {
        self.pending.remove(key);
        self.pending_delete.insert(key.to_owned(), force);
    }

    /// The lowest `unusedN` that is free.
    #[must_use]
    pub fn free_unused(&self) -> Option<String> {
        (0..256).map(|index| format!("unused{index}")).find(|key| !self.current.contains_key(key))
    }
}

/// One section as the API shows it: integers as numbers, secrets masked.
#[must_use]
pub fn section_json(kind: GuestKind, section: &Section) -> Map<String, Value> {
    section.iter().map(|(key, value)| (key.clone(), typed(kind, key, value))).collect()
}

/// One value as the API shows it.
#[must_use]
pub fn typed(kind: GuestKind, key: &str, value: &str) -> Value {
    if key == "cipassword" {
        return json!("**********");
    }
    if kind == GuestKind::Lxc && key == "description" && !value.ends_with('\n') {
        return json!(format!("{value}\n"));
    }
    if options::is_integer(kind, key)
        && let Ok(number) = value.parse::<i64>()
    {
        return json!(number);
    }
    json!(value)
}

fn render_section(section: &Section) -> String {
    let mut out = String::new();
    if let Some(description) = section.get("description") {
        for line in description.trim_end_matches('\n').split('\n') {
            let _ = writeln!(out, "#{}", escape_description(line));
        }
    }
    for (key, value) in section {
        if key != "description" {
            let _ = writeln!(out, "{key}: {value}");
        }
    }
    out
}

fn escape_description(line: &str) -> String {
    line.replace('%', "%25").replace(':', "%3A")
}

/// Reads one section back from the text of [`GuestConfig::render`] or of a real file.
#[must_use]
pub fn parse_section(text: &str) -> Section {
    let mut section = Section::new();
    let mut description: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            break;
        }
        if let Some(comment) = line.strip_prefix('#') {
            description.push(comment.replace("%3A", ":").replace("%25", "%"));
        } else if let Some((key, value)) = line.split_once(':') {
            let value = value.strip_prefix(' ').unwrap_or(value);
            section.insert(key.trim().to_owned(), value.to_owned());
        }
    }
    if !description.is_empty() {
        section.insert("description".into(), description.join("\n"));
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_a_value_back_gives_the_old_digest() {
        let mut config = GuestConfig::new(Section::from([("cores".into(), "1".into())]));
        let before = config.digest();
        config.set("cores", "2");
        assert_ne!(config.digest(), before);
        config.set("cores", "1");
        assert_eq!(config.digest(), before);
    }

    #[test]
    fn integers_are_numbers_and_memory_of_a_vm_is_text() {
        assert_eq!(typed(GuestKind::Qemu, "cores", "2"), json!(2));
        assert_eq!(typed(GuestKind::Qemu, "memory", "64"), json!("64"));
        assert_eq!(typed(GuestKind::Lxc, "memory", "64"), json!(64));
        assert_eq!(typed(GuestKind::Qemu, "cpulimit", "0.5"), json!("0.5"));
        assert_eq!(typed(GuestKind::Qemu, "cipassword", "$5$x"), json!("**********"));
    }

    #[test]
    fn sections_survive_a_round_trip() {
        let section = Section::from([("description".into(), "a: b\n100%".into()), ("name".into(), "x".into())]);
        assert_eq!(parse_section(&render_section(&section)), section);
    }
}
