//! Faults on demand: what a client has to survive.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The connection is closed before TLS.
    Refuse,
    /// The answer comes this much later (seconds in JSON).
    Latency(#[serde(with = "seconds")] Duration),
    /// The connection breaks before the body is read; nothing is done.
    ResetBeforeRead,
    /// The connection breaks after the request was read; nothing is done.
    ResetAfterRead,
    /// The request is carried out and its answer is lost.
    ResetAfterDone,
    /// The request is carried out and half of the answer's body is lost.
    TruncatedBody,
    /// The request is carried out and the answer claims to be HTML.
    WrongContentType,
    /// Not carried out: this status (595, 596, 500, …) and reason phrase without a body.
    Status(u16, String),
    /// Not carried out: a page of HTML with status 200.
    Html,
    /// Not carried out: an answer that says it is JSON and has no end.
    Endless(Endless),
}

/// What an answer without end consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endless {
    /// A list of rows, each of them JSON.
    Rows,
    /// Bytes that mean nothing.
    Junk,
}

/// Where in the life of a request a watcher looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// Its head has come. A fault that the watcher gives here is played.
    Arrived,
    /// It was read and understood; nothing was done. Whatever fault the watcher gives, the connection is closed and nothing is done.
    Read,
    /// It was carried out; its answer was not sent. Whatever fault the watcher gives, the connection is closed.
    Done,
}

/// A request as a watcher sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The node that was asked.
    pub node: &'a str,
    /// The verb.
    pub method: &'a str,
    /// The path below the API's root.
    pub path: &'a str,
    /// The `X-Request-Id` it carries.
    pub request_id: Option<&'a str>,
    /// When.
    pub moment: Moment,
}

/// Looks at every request at each [`Moment`]; what it returns goes wrong.
pub type Watcher = Arc<dyn Fn(&Seen<'_>) -> Option<FaultKind> + Send + Sync>;

/// A fault and when it strikes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRule {
    /// Only on this node's port.
    #[serde(default)]
    pub node: Option<String>,
    /// Only this verb.
    #[serde(default)]
    pub method: Option<String>,
    /// Only paths (below the API's root) that start with this.
    #[serde(default)]
    pub path_prefix: Option<String>,
    /// So many times; `None` for ever.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens.
    pub kind: FaultKind,
}

impl FaultRule {
    /// For every request, for ever.
    #[must_use]
    pub fn always(kind: FaultKind) -> Self {
        Self { node: None, method: None, path_prefix: None, times: None, kind }
    }

    /// For the next request only.
    #[must_use]
    pub fn once(kind: FaultKind) -> Self {
        Self { times: Some(1), ..Self::always(kind) }
    }

    /// Only on this node's port.
    #[must_use]
    pub fn on_node(mut self, node: &str) -> Self {
        self.node = Some(node.to_owned());
        self
    }

    /// Only this verb and paths that start so.
    #[must_use]
    pub fn on(mut self, method: &str, path_prefix: &str) -> Self {
        self.method = Some(method.to_owned());
        self.path_prefix = Some(path_prefix.to_owned());
        self
    }

    fn strikes(&self, node: &str, request: Option<(&str, &str)>) -> bool {
        if self.times == Some(0) || self.node.as_deref().is_some_and(|wanted| wanted != node) {
            return false;
        }
        match request {
            None => self.kind == FaultKind::Refuse,
            Some((method, path)) => {
                self.kind != FaultKind::Refuse
                    && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                    && self.path_prefix.as_deref().is_none_or(|prefix| path.starts_with(prefix))
            }
        }
    }
}

/// The faults of one simulator.
#[derive(Default)]
pub struct Faults {
    rules: Mutex<Vec<FaultRule>>,
    watcher: Mutex<Option<Watcher>>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Faults {
    /// Sets the watcher, or takes it away.
    pub fn watch(&self, watcher: Option<Watcher>) {
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = watcher;
    }

    /// Shows a request to the watcher, if there is one. Not called under its lock, so that it may replace itself.
    #[must_use]
    pub fn show(&self, seen: &Seen<'_>) -> Option<FaultKind> {
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).clone();
        watcher.and_then(|watcher| watcher(seen))
    }

    /// Adds a rule.
    pub fn inject(&self, rule: FaultRule) {
        self.locked().push(rule);
    }

    /// The rules that are left.
    #[must_use]
    pub fn rules(&self) -> Vec<FaultRule> {
        self.locked().clone()
    }

    /// Removes all rules.
    pub fn clear(&self) {
        self.locked().clear();
    }

    /// The fault that strikes a new connection (`request` is `None`) or a request; used up by one.
    #[must_use]
    pub fn next(&self, node: &str, request: Option<(&str, &str)>) -> Option<FaultKind> {
        let mut rules = self.locked();
        let rule = rules.iter_mut().find(|rule| rule.strikes(node, request))?;
        if let Some(times) = &mut rule.times {
            *times = times.saturating_sub(1);
        }
        Some(rule.kind.clone())
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<FaultRule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A duration as seconds with a fraction.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(value.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
