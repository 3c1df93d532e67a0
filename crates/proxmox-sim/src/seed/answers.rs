//! The answers of a seed, by path and query.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// The most answers of one seed.
const MOST: usize = 200_000;
/// The largest answer, bytes.
const LARGEST: u64 = 64 << 20;

/// Why a seed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The answers name no node.
    #[error("the seed shows no node: GET /nodes is missing or empty")]
    NoNode,
}

/// A line of the index.
#[derive(Debug, Deserialize)]
struct Line {
    file: String,
    path: String,
    #[serde(default)]
    query: Value,
}

/// The bodies' `data`, by path and query.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    by_call: BTreeMap<(String, String), Value>,
}

impl Answers {
    /// Reads a directory.
    ///
    /// # Errors
    /// The index or a file that it names is missing, too large, or not JSON.
    pub fn read(directory: &Path) -> Result<Self, SeedError> {
        let index = directory.join("INDEX.json");
        let malformed = |path: &Path, reason: String| SeedError::Malformed { path: path.to_owned(), reason };
        let lines: Vec<Line> =
            serde_json::from_slice(&read(&index)?).map_err(|error| malformed(&index, error.to_string()))?;
        if lines.len() > MOST {
            return Err(malformed(&index, format!("{} answers; at most {MOST}", lines.len())));
        }
        let mut answers = Self::default();
        for line in lines {
            if line.file.contains('/') || line.file.contains("..") {
                return Err(malformed(&index, format!("{:?} is no file of the seed", line.file)));
            }
            let path = directory.join(&line.file);
            let mut body: Value =
                serde_json::from_slice(&read(&path)?).map_err(|error| malformed(&path, error.to_string()))?;
            let data = body.get_mut("data").map(Value::take).unwrap_or_default();
            answers.insert(&line.path, &line.query, data);
        }
        Ok(answers)
    }

    /// Adds an answer.
    pub fn insert(&mut self, path: &str, query: &Value, data: Value) {
        self.by_call.insert((path.to_owned(), query_text(query)), data);
    }

    /// The answer to a call without a query.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.by_call.get(&(path.to_owned(), String::new()))
    }

    /// The answer to a call with one parameter.
    #[must_use]
    pub fn get_with(&self, path: &str, key: &str, value: &str) -> Option<&Value> {
        self.by_call.get(&(path.to_owned(), format!("{key}={value}")))
    }

    /// The rows of a list; none where there is no such answer.
    pub fn rows(&self, path: &str) -> impl Iterator<Item = &Value> {
        self.get(path).and_then(Value::as_array).into_iter().flatten()
    }

    /// Every answer: path, query and data.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.by_call.iter().map(|((path, query), data)| (path.as_str(), query.as_str(), data))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, SeedError> {
    let unreadable = |source| SeedError::Unreadable { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST {
        let reason = format!("{size} bytes; at most {LARGEST}");
        return Err(SeedError::Malformed { path: path.to_owned(), reason });
    }
    std::fs::read(path).map_err(unreadable)
}

/// A query as text: an object of parameters, or the text itself.
fn query_text(query: &Value) -> String {
    match query {
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key}={}", text(value))).collect();
            pairs.join("&")
        }
        Value::String(text) => text.clone(),
        _ => String::new(),
    }
}

/// A value as Proxmox keeps it in its files.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => u8::from(*flag).to_string(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A field as text; empty where it is missing.
pub(super) fn field(row: &Value, key: &str) -> String {
    row.get(key).map(text).unwrap_or_default()
}

/// A field as a number, also where it came as text.
pub(super) fn number(row: &Value, key: &str) -> Option<i64> {
    match row.get(key)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        Value::Bool(flag) => Some(i64::from(*flag)),
        _ => None,
    }
}

/// A flag; `default` where it is missing.
pub(super) fn flag(row: &Value, key: &str, default: bool) -> bool {
    number(row, key).map_or(default, |number| number != 0)
}

/// A list that came as one text or as an array.
pub(super) fn list(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        Some(Value::String(joined)) => {
            joined.split([',', ';', ' ']).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}
