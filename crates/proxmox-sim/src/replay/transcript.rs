//! Reading transcripts and the list of explained differences.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// Why a transcript cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line is not an exchange.
    #[error("{path}:{line} is not an exchange")]
    Line {
        /// The file.
        path: String,
        /// From 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The file is empty.
    #[error("{path} has no header")]
    Empty {
        /// The file.
        path: String,
    },
}

/// The first line.
#[derive(Debug, Clone, Deserialize)]
pub struct Header {
    /// Name.
    pub scenario: String,
    /// What state it started from.
    pub setup: String,
    /// `pve` or `pbs`.
    pub product: String,
    /// Version of the recorded server.
    pub version: String,
    /// Letter of its group.
    pub group: String,
    /// Name of the node.
    #[serde(default)]
    pub node: Option<String>,
}

/// One recorded exchange.
#[derive(Debug, Clone, Deserialize)]
pub struct Exchange {
    /// Running number.
    pub n: u64,
    /// What it is for.
    pub label: String,
    /// Which server was asked.
    pub entry: String,
    /// With which credentials.
    #[serde(rename = "as")]
    pub caller: String,
    /// What was sent.
    pub request: Sent,
    /// What came back.
    pub response: Received,
    /// Values that later exchanges use: name to JSON pointer.
    #[serde(default)]
    pub captures: BTreeMap<String, String>,
    /// The answer depends on something that the recording node lacked.
    #[serde(default)]
    pub not_representative: bool,
    /// The task that the answer named, when it was waited for.
    #[serde(default)]
    pub task: Option<Task>,
}

/// A recorded request.
#[derive(Debug, Clone, Deserialize)]
pub struct Sent {
    /// Verb.
    pub method: String,
    /// Path below the prefix.
    pub path: String,
    /// Instead of `/api2/json`.
    pub prefix: Option<String>,
    /// Query parameters.
    #[serde(default)]
    pub query: Option<BTreeMap<String, Value>>,
    /// Form fields.
    #[serde(default)]
    pub form: Option<BTreeMap<String, Value>>,
    /// JSON body.
    #[serde(default)]
    pub json: Option<Value>,
    /// Further headers; null takes one away.
    #[serde(default)]
    pub headers: Option<BTreeMap<String, Option<String>>>,
    /// Literal body.
    #[serde(default)]
    pub raw_body: Option<String>,
    /// Literal query.
    #[serde(default)]
    pub raw_query: Option<String>,
    /// Content type of a literal body.
    #[serde(default)]
    pub content_type: Option<String>,
}

/// A recorded answer.
#[derive(Debug, Clone, Deserialize)]
pub struct Received {
    /// Status; 0 when the connection ended without an answer.
    pub status: u16,
    /// Reason phrase.
    pub reason: String,
    /// Parsed JSON.
    #[serde(default)]
    pub body: Value,
    /// Body that is not JSON.
    #[serde(default)]
    pub text: Option<String>,
    /// How long it took.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// A long list was cut.
    #[serde(default)]
    pub shortened: Value,
}

/// How a recorded task ended.
#[derive(Debug, Clone, Deserialize)]
pub struct Task {
    /// Body of its last status.
    #[serde(default)]
    pub status: Value,
    /// Its log.
    #[serde(default)]
    pub log: Vec<String>,
    /// How long it took until it was seen stopped.
    #[serde(default)]
    pub seconds: Option<f64>,
}

/// One line after the header.
#[derive(Debug, Clone)]
pub enum Line {
    /// An exchange.
    Exchange(Box<Exchange>),
    /// Something that happened outside the API.
    Event(String),
}

/// A whole transcript.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The header.
    pub header: Header,
    /// What happened.
    pub lines: Vec<Line>,
}

/// A difference that is known and has a reason.
#[derive(Debug, Clone, Deserialize)]
pub struct Exception {
    /// Scenario; `*` for all.
    pub scenario: String,
    /// Exchanges by number; empty for all that match the rest.
    #[serde(default)]
    pub n: Vec<u64>,
    /// Only paths that start so.
    #[serde(default)]
    pub path_prefix: Option<String>,
    /// Why it cannot agree.
    pub reason: String,
}

impl Exception {
    /// Whether it covers this exchange.
    #[must_use]
    pub fn covers(&self, scenario: &str, exchange: &Exchange) -> bool {
        (self.scenario == "*" || self.scenario == scenario)
            && (self.n.is_empty() || self.n.contains(&exchange.n))
            && self.path_prefix.as_deref().is_none_or(|prefix| exchange.request.path.starts_with(prefix))
    }
}

fn read(path: &Path) -> Result<String, TranscriptError> {
    std::fs::read_to_string(path).map_err(|source| TranscriptError::Read { path: path.display().to_string(), source })
}

/// Reads the list of explained differences.
///
/// # Errors
/// [`TranscriptError`].
pub fn exceptions(path: &Path) -> Result<Vec<Exception>, TranscriptError> {
    let text = read(path)?;
    serde_json::from_str(&text).map_err(|source| TranscriptError::Line {
        path: path.display().to_string(),
        line: source.line(),
        source,
    })
}

/// Reads one transcript.
///
/// # Errors
/// [`TranscriptError`].
pub fn load(path: &Path) -> Result<Scenario, TranscriptError> {
    let text = read(path)?;
    let shown = path.display().to_string();
    let bad = |line: usize| {
        let path = shown.clone();
        move |source| TranscriptError::Line { path, line: line + 1, source }
    };
    let mut lines = text.lines().enumerate();
    let (_, first) = lines.next().ok_or_else(|| TranscriptError::Empty { path: shown.clone() })?;
    let header = serde_json::from_str(first).map_err(bad(0))?;
    let mut found = Vec::new();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line).map_err(bad(index))?;
        if value.get("n").and_then(Value::as_str) == Some("event") {
            found.push(Line::Event(value.get("label").and_then(Value::as_str).unwrap_or_default().to_owned()));
        } else {
            found.push(Line::Exchange(Box::new(serde_json::from_value(value).map_err(bad(index))?)));
        }
    }
    Ok(Scenario { header, lines: found })
}

/// Reads all transcripts of a directory, in order of name.
///
/// # Errors
/// [`TranscriptError`].
pub fn load_dir(dir: &Path) -> Result<Vec<Scenario>, TranscriptError> {
    let failed = |source| TranscriptError::Read { path: dir.display().to_string(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    files.iter().map(|path| load(path)).collect()
}
