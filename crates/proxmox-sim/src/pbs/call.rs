//! One call to the backup server as a handler sees it, what it answers, how it is refused.

use std::collections::BTreeMap;

use proxmox_client::ids::AuthId;
use serde_json::{Map, Value};

use super::state::Pbs;

/// One call, verified and allowed.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Who asks; nobody only where the world may.
    pub caller: Option<AuthId>,
    /// Verified parameters.
    pub params: BTreeMap<String, Value>,
}

impl Call {
    /// A text parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }

    /// A text parameter that verification has made sure of.
    pub(super) fn required(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// A boolean parameter.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.params.get(name).and_then(Value::as_bool)
    }

    /// A whole number.
    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.params.get(name).and_then(Value::as_i64)
    }

    /// A list; empty when it was not sent.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let items = self.params.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(Value::as_str).collect()
    }

    /// The full id of who asks.
    pub(super) fn auth_id(&self) -> String {
        self.caller.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// The namespace parameter; the root namespace when it was not sent.
    pub(super) fn ns(&self) -> &str {
        self.text("ns").unwrap_or_default()
    }

    /// `type/id` of the group parameters.
    pub(super) fn group(&self) -> String {
        format!("{}/{}", self.required("backup-type"), self.required("backup-id"))
    }
}

/// What a call answers.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// The `data` of the body.
    pub data: Value,
    /// What stands beside it: `digest`, `total`, …
    pub beside: Map<String, Value>,
    /// The content type names no character set (task logs).
    pub plain_type: bool,
    /// A cookie to set.
    pub cookie: Option<String>,
    /// Bytes that are the whole body instead.
    pub file: Option<Vec<u8>>,
}

impl Answer {
    /// `{"data": …}`.
    pub(super) fn data(data: impl Into<Value>) -> Self {
        Self { data: data.into(), beside: Map::new(), plain_type: false, cookie: None, file: None }
    }

    /// The bytes of a file.
    pub(super) fn file(bytes: Vec<u8>) -> Self {
        Self { file: Some(bytes), ..Self::null() }
    }

    /// `{"data": null}`.
    pub(super) fn null() -> Self {
        Self::data(Value::Null)
    }

    /// Adds something beside the data.
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.beside.insert(key.to_owned(), value.into());
        self
    }
}

/// A refused call: status and the plain text that is its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub text: String,
}

impl Refusal {
    /// 400, the status of almost every failure.
    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self { status: 400, text: text.into() }
    }

    /// 400 about one parameter.
    pub(super) fn param(name: &str, text: &str) -> Self {
        Self::bad(format!("parameter verification failed - '{name}': {text}"))
    }

    /// 403 without detail.
    pub(super) fn forbidden() -> Self {
        Self { status: 403, text: "permission check failed".to_owned() }
    }

    /// 403 that names what is missing.
    pub(super) fn missing(privileges: &[&str], path: &str) -> Self {
        let text = format!("permission check failed - missing {} on {path}", privileges.join("|"));
        Self { status: 403, text }
    }

    /// 404.
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self { status: 404, text: text.into() }
    }

    /// 400 when something named in a configuration is not there.
    pub(super) fn no_such(kind: &str, id: &str) -> Self {
        Self::bad(format!("no such {kind} '{id}'"))
    }

    /// 400 when a file or directory is not there.
    pub(super) fn enoent() -> Self {
        Self::bad("ENOENT: No such file or directory")
    }
}

/// What every handler returns.
pub(super) type Outcome = Result<Answer, Refusal>;

/// What does the work of a call.
pub(super) type Handler = fn(&mut Pbs, &Call) -> Outcome;

/// Refuses a change that was made against an older configuration.
pub(super) fn check_digest(call: &Call, current: &str) -> Result<(), Refusal> {
    match call.text("digest") {
        Some(sent) if sent != current => {
            Err(Refusal::bad("detected modified configuration - file changed by other user? Try again."))
        }
        _ => Ok(()),
    }
}
