//! Storage definitions: one entry of the cluster's storage configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::types::{self, StorageType};

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The type: `dir`, `nfs`, `pbs`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Everything else, as text.
    pub options: BTreeMap<String, String>,
}

impl Definition {
    /// A definition of this type with these options.
    #[must_use]
    pub fn new(kind: &str, options: BTreeMap<String, String>) -> Self {
        Self { kind: kind.to_owned(), options }
    }

    /// The `local` storage that a node has when its configuration does not say otherwise.
    #[must_use]
    pub fn implied_local() -> Self {
        let options = [
            ("content", "backup,images,iso,rootdir,snippets,vztmpl"),
            ("path", "/var/lib/vz"),
            ("priority", "0"),
            ("prune-backups", "keep-all=1"),
        ];
        Self::new("dir", options.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    /// What is known about the type.
    #[must_use]
    pub fn storage_type(&self) -> Option<&'static StorageType> {
        types::find(&self.kind)
    }

    /// An option.
    #[must_use]
    pub fn get(&self, option: &str) -> Option<&str> {
        self.options.get(option).map(String::as_str)
    }

    /// Whether it is switched off.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.get("disable") == Some("1")
    }

    /// Whether all nodes see the same content.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.get("shared") == Some("1") || self.storage_type().is_some_and(|kind| kind.shared)
    }

    /// The nodes it is limited to; `None` for all.
    #[must_use]
    pub fn nodes(&self) -> Option<BTreeSet<&str>> {
        let nodes: BTreeSet<&str> = crate::api::split_list(self.get("nodes")?).collect();
        if nodes.is_empty() { None } else { Some(nodes) }
    }

    /// Whether a node may use it.
    #[must_use]
    pub fn allows_node(&self, node: &str) -> bool {
        self.nodes().is_none_or(|nodes| nodes.contains(node))
    }

    /// What it holds.
    #[must_use]
    pub fn content(&self) -> Vec<&'static str> {
        let Some(kind) = self.storage_type() else { return Vec::new() };
        match self.get("content") {
            Some(text) => kind.content_of(text).unwrap_or_default(),
            None => kind.default_content.to_vec(),
        }
    }

    /// What it holds, comma-separated.
    #[must_use]
    pub fn content_text(&self) -> String {
        self.content().join(",")
    }

    /// Whether it holds this type of content.
    #[must_use]
    pub fn holds(&self, content: &str) -> bool {
        self.content().contains(&content)
    }

    /// Where its files are on a node, for types that have files.
    #[must_use]
    pub fn path(&self, id: &str) -> Option<String> {
        if let Some(path) = self.get("path") {
            return Some(path.to_owned());
        }
        self.storage_type().filter(|kind| kind.is_path_based()).map(|_| format!("/mnt/pve/{id}"))
    }

    /// As `GET /storage` shows it.
    #[must_use]
    pub fn to_json(&self, id: &str, digest: &str) -> Map<String, Value> {
        let mut out = Map::new();
        for (key, value) in &self.options {
            if types::is_secret(key) || (key == "disable" && value == "0") {
                continue;
            }
            let shown = match value.parse::<i64>() {
                Ok(number) if types::is_numeric(key) => json!(number),
                _ => json!(value),
            };
            out.insert(key.clone(), shown);
        }
        out.insert("storage".into(), json!(id));
        out.insert("type".into(), json!(self.kind));
        out.insert("digest".into(), json!(digest));
        out.insert("content".into(), json!(self.content_text()));
        if self.storage_type().is_some_and(|kind| kind.shared) {
            out.insert("shared".into(), json!(1));
        }
        if let Some(path) = self.path(id) {
            out.insert("path".into(), json!(path));
        }
        out
    }

    /// The entry in the configuration file, for the digest.
    #[must_use]
    pub fn render(&self, id: &str) -> String {
        let mut out = format!("{}: {id}\n", self.kind);
        for (key, value) in &self.options {
            if !types::is_secret(key) && key != "priority" {
                out.push_str(&format!("\t{key} {value}\n"));
            }
        }
        out.push('\n');
        out
    }
}
