//! Writing a seed: every answer that rebuilds a cluster's state, asked of any PVE that can be read.
//!
//! It only asks (GET). What the caller may not see, or the server does not have, is left out and named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use proxmox_client::{Class, Method, Params, Pve};
use serde_json::{Value, json};

use super::answers::field;

/// Calls under way at once; a node has three workers.
const AT_ONCE: usize = 3;
/// The most calls of one recording.
const MOST: usize = 200_000;

/// What is asked once.
const ONCE: &[&str] = &[
    "/version",
    "/access/acl",
    "/access/domains",
    "/access/groups",
    "/access/permissions",
    "/access/roles",
    "/access/users",
    "/cluster/backup",
    "/cluster/config/nodes",
    "/cluster/firewall/aliases",
    "/cluster/firewall/groups",
    "/cluster/firewall/ipset",
    "/cluster/firewall/options",
    "/cluster/firewall/rules",
    "/cluster/ha/resources",
    "/cluster/ha/rules",
    "/cluster/ha/status/current",
    "/cluster/nextid",
    "/cluster/options",
    "/cluster/resources",
    "/cluster/sdn/ipams",
    "/cluster/sdn/vnets",
    "/cluster/sdn/zones",
    "/cluster/status",
    "/cluster/tasks",
    "/nodes",
    "/pools",
    "/storage",
];

/// What is asked of each node.
const OF_NODE: &[&str] = &[
    "aplinfo",
    "capabilities/qemu/cpu",
    "capabilities/qemu/machines",
    "certificates/info",
    "dns",
    "firewall/options",
    "firewall/rules",
    "hosts",
    "lxc",
    "network",
    "qemu",
    "services",
    "status",
    "storage",
    "subscription",
    "tasks",
    "time",
    "version",
    "vzdump/defaults",
];

/// What is asked of each guest.
const OF_GUEST: &[&str] = &["config", "pending", "snapshot", "status/current", "firewall/options", "firewall/rules"];

/// What a recording wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// How many answers.
    pub answers: usize,
    /// What could not be had: the call and why.
    pub missing: Vec<(String, String)>,
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The server did not answer.
    #[error("{0}")]
    Silent(String),
    /// The directory is there and not empty, or a file cannot be written.
    #[error("cannot write {}: {reason}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// More calls than one recording may take.
    #[error("{0} answers would be more than {MOST}")]
    TooMany(usize),
}

/// One question: path segments that may need encoding, and a query.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    segments: Vec<String>,
    query: Option<(String, String)>,
}

impl Question {
    fn path(path: &str) -> Self {
        Self { segments: path.trim_start_matches('/').split('/').map(str::to_owned).collect(), query: None }
    }

    fn then(&self, more: &[&str]) -> Self {
        let mut question = self.clone();
        question.segments.extend(more.iter().flat_map(|part| part.split('/').map(str::to_owned)));
        question
    }

    /// One more segment, taken as it is.
    fn of(&self, name: &str) -> Self {
        let mut question = self.clone();
        question.segments.push(name.to_owned());
        question
    }

    fn with(mut self, key: &str, value: &str) -> Self {
        self.query = Some((key.to_owned(), value.to_owned()));
        self
    }

    fn text(&self) -> String {
        format!("/{}", self.segments.join("/"))
    }

    fn file(&self) -> String {
        let safe = |text: &str| -> String {
            text.chars().map(|c| if c.is_ascii_alphanumeric() || "@._!-".contains(c) { c } else { '-' }).collect()
        };
        let path: Vec<String> = self.segments.iter().map(|segment| safe(segment)).collect();
        let query = self.query.as_ref().map(|(key, value)| format!("~{key}-{}", safe(value))).unwrap_or_default();
        format!("GET__{}{query}.json", path.join("__"))
    }
}

/// Records a cluster into a new or empty directory.
///
/// # Errors
/// The server does not answer, or the directory cannot be written.
pub async fn record(pve: &Pve, out: &Path) -> Result<Recorded, RecordError> {
    let failed = |path: &Path, reason: String| RecordError::Write { path: path.to_owned(), reason };
    std::fs::create_dir_all(out).map_err(|error| failed(out, error.to_string()))?;
    let used = std::fs::read_dir(out).map_err(|error| failed(out, error.to_string()))?.next().is_some();
    if used {
        return Err(failed(out, "it is not empty".to_owned()));
    }
    let mut recording = Recording { pve, out, index: Vec::new(), files: BTreeSet::new(), missing: Vec::new() };
    let mut next: Vec<Question> = ONCE.iter().map(|path| Question::path(path)).collect();
    next.push(Question::path("/access/users").with("full", "1"));
    while !next.is_empty() {
        let asked = recording.index.len() + recording.missing.len() + next.len();
        if asked > MOST {
            return Err(RecordError::TooMany(asked));
        }
        next = recording.round(next).await?;
    }
    let index = out.join("INDEX.json");
    let text = serde_json::to_vec_pretty(&recording.index).map_err(|error| failed(&index, error.to_string()))?;
    std::fs::write(&index, text).map_err(|error| failed(&index, error.to_string()))?;
    Ok(Recorded { answers: recording.index.len(), missing: recording.missing })
}

struct Recording<'a> {
    pve: &'a Pve,
    out: &'a Path,
    index: Vec<Value>,
    files: BTreeSet<String>,
    missing: Vec<(String, String)>,
}

impl Recording<'_> {
    /// Asks these questions, and says what they lead to.
    async fn round(&mut self, questions: Vec<Question>) -> Result<Vec<Question>, RecordError> {
        let pve = self.pve;
        let mut answers: Vec<_> = futures::stream::iter(questions)
            .map(|question| async move {
                let answer = ask(pve, &question).await;
                (question, answer)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        answers.sort_by(|a, b| a.0.cmp(&b.0));
        let mut next = Vec::new();
        for (question, answer) in answers {
            match answer {
                Ok(data) => {
                    next.extend(follow(&question, &data));
                    self.keep(&question, &data)?;
                }
                Err(error) if error.class() == Class::Answered => {
                    self.missing.push((question.text(), error.to_string()));
                }
                Err(error) => return Err(RecordError::Silent(error.to_string())),
            }
        }
        Ok(next)
    }

    fn keep(&mut self, question: &Question, data: &Value) -> Result<(), RecordError> {
        let mut file = question.file();
        while !self.files.insert(file.clone()) {
            file = format!("{}~.json", file.trim_end_matches(".json"));
        }
        let path = self.out.join(&file);
        let written = serde_json::to_vec_pretty(&json!({ "data": data }))
            .map_err(|error| error.to_string())
            .and_then(|text| std::fs::write(&path, text).map_err(|error| error.to_string()));
        written.map_err(|reason| RecordError::Write { path, reason })?;
        let mut line = json!({ "file": file, "path": question.text() });
        if let (Some((key, value)), Some(line)) = (&question.query, line.as_object_mut()) {
            line.insert("query".to_owned(), json!({ key.as_str(): value }));
        }
        self.index.push(line);
        Ok(())
    }
}

async fn ask(pve: &Pve, question: &Question) -> Result<Value, proxmox_client::Error> {
    let template = format!("/{}", vec!["{x}"; question.segments.len()].join("/"));
    let segments: Vec<&str> = question.segments.iter().map(String::as_str).collect();
    let mut params = Params::default();
    if let Some((key, value)) = &question.query {
        params.push(key.as_str(), value.as_str());
    }
    pve.call(Method::Get, &template, &segments, &params).await
}

/// What an answer leads to.
fn follow(question: &Question, data: &Value) -> Vec<Question> {
    let names = |key: &str| -> Vec<String> {
        data.as_array().into_iter().flatten().map(|row| field(row, key)).filter(|name| !name.is_empty()).collect()
    };
    let each = |key: &str| -> Vec<Question> { names(key).iter().map(|name| question.of(name)).collect() };
    let segments: Vec<&str> = question.segments.iter().map(String::as_str).collect();
    if question.query.is_some() {
        return Vec::new();
    }
    match segments.as_slice() {
        ["nodes"] => {
            names("node").iter().flat_map(|node| OF_NODE.iter().map(|what| question.of(node).then(&[what]))).collect()
        }
        ["nodes", _, "qemu" | "lxc"] => {
            names("vmid").iter().flat_map(|vmid| OF_GUEST.iter().map(|what| question.of(vmid).then(&[what]))).collect()
        }
        ["nodes", _, "qemu" | "lxc", _, "snapshot"] => {
            let real = names("name").into_iter().filter(|name| name != "current");
            real.map(|name| question.of(&name).then(&["config"])).collect()
        }
        ["nodes", _, "storage"] => names("storage")
            .iter()
            .flat_map(|id| ["content", "status"].map(|what| question.of(id).then(&[what])))
            .collect(),
        ["pools"] => names("poolid").iter().map(|pool| question.clone().with("poolid", pool)).collect(),
        ["access", "domains"] => each("realm"),
        ["access", "groups"] => each("groupid"),
        ["access", "roles"] => each("roleid"),
        ["access", "users"] => {
            names("userid").iter().flat_map(|user| [question.of(user), question.of(user).then(&["token"])]).collect()
        }
        ["storage"] => each("storage"),
        ["cluster", "sdn", "vnets"] => names("vnet").iter().map(|vnet| question.of(vnet).then(&["subnets"])).collect(),
        ["cluster", "firewall", "groups"] => each("group"),
        ["cluster", "firewall", "ipset"] => each("name"),
        _ => Vec::new(),
    }
}
