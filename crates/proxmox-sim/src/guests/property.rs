//! Property strings of guest options: `first,key=value,…`, with the printing order of the real server.
//!
//! Only the shape is known here; which keys are allowed has been verified before.

use std::collections::BTreeMap;

/// A property string taken apart. The value without a key, if any, is kept under the default key given when parsing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Property {
    values: BTreeMap<String, String>,
}

impl Property {
    /// Reads a property string. A part without `=` belongs to `default_key`.
    #[must_use]
    pub fn parse(text: &str, default_key: &str) -> Self {
        let mut values = BTreeMap::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (key, value) = match part.split_once('=') {
                // A volume name may hold a `=`; a key never holds these.
                Some((key, value)) if !key.contains([':', '/']) => (key.trim(), value.trim()),
                _ => (default_key, part.trim()),
            };
            values.insert(key.to_owned(), value.to_owned());
        }
        Self { values }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Sets a key.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.values.insert(key.to_owned(), value.into());
    }

    /// Removes a key and returns what it held.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }

    /// Whether a boolean key is on; `default` when it is not there.
    #[must_use]
    pub fn is_on(&self, key: &str, default: bool) -> bool {
        self.get(key).map_or(default, |value| matches!(value, "1" | "on" | "yes" | "true"))
    }

    /// Prints as the real server does: the default key bare and first, then the required keys, then the rest by name.
    #[must_use]
    pub fn print(&self, default_key: &str, required: &[&str]) -> String {
        let mut parts = Vec::with_capacity(self.values.len());
        if let Some(value) = self.get(default_key) {
            parts.push(value.to_owned());
        }
        for key in required {
            if let Some(value) = self.get(key) {
                parts.push(format!("{key}={value}"));
            }
        }
        for (key, value) in &self.values {
            if key != default_key && !required.contains(&key.as_str()) {
                parts.push(format!("{key}={value}"));
            }
        }
        parts.join(",")
    }

    /// All keys and values by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_key_comes_first_then_required_then_sorted() {
        let parsed = Property::parse("local:1,size=4G,mp=/data,backup=1", "volume");
        assert_eq!(parsed.print("volume", &["mp"]), "local:1,mp=/data,backup=1,size=4G");
    }

    #[test]
    fn a_part_without_a_key_is_the_default() {
        assert_eq!(Property::parse("1,type=virtio", "enabled").get("enabled"), Some("1"));
        assert_eq!(Property::parse("file=none,media=cdrom", "file").get("file"), Some("none"));
    }
}
