//! One call as a handler sees it: who asks, through which node, with which verified parameters; and what it answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Fault;

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// No credentials; only calls for the world take this.
    Nobody,
    /// A user with a ticket, `name@realm`.
    User(String),
    /// An API token of a user.
    Token {
        /// The owner, `name@realm`.
        user: String,
        /// The part after the `!`.
        name: String,
    },
}

impl Caller {
    /// The full id, `name@realm` or `name@realm!token`; empty for nobody.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Nobody => String::new(),
            Self::User(user) => user.clone(),
            Self::Token { user, name } => format!("{user}!{name}"),
        }
    }

    /// The user behind it, without the token part.
    #[must_use]
    pub fn user(&self) -> &str {
        match self {
            Self::Nobody => "",
            Self::User(user) | Self::Token { user, .. } => user,
        }
    }

    /// The token's name, if it is one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::Token { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Whether this is `root@pam` itself. A token of root is not root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        matches!(self, Self::User(user) if user == "root@pam")
    }
}

/// A verified parameter: the real server keeps every scalar as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamValue {
    /// A scalar.
    Text(String),
    /// An array parameter.
    List(Vec<String>),
}

/// A file that came with an upload.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The name given in the part's header.
    pub filename: String,
    /// The content.
    pub bytes: bytes::Bytes,
}

/// One call, verified and allowed.
#[derive(Debug, Clone)]
pub struct Call {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// The path below the API's root, decoded.
    pub path: String,
    /// Who asks.
    pub caller: Caller,
    /// Name of the node whose port was asked.
    pub entry: String,
    /// Address of the client, as the real server would log it.
    pub client: String,
    /// Parameters from path, query and body; only those sent (defaults are not filled in).
    pub params: BTreeMap<String, ParamValue>,
    /// Names that were sent without a value (a JSON null). Most calls take them for absent.
    pub undefined: BTreeSet<String>,
    /// The file of a multipart upload.
    pub upload: Option<Upload>,
}

impl Call {
    /// A scalar parameter as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.params.get(name) {
            Some(ParamValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A parameter that verification has made sure of; empty if it is nevertheless not there.
    #[must_use]
    pub fn required(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// A boolean parameter.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|text| text == "1")
    }

    /// An integer parameter.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    /// A list: an array parameter, or text split at commas, semicolons, NULs and blanks as Proxmox does. `None` if it
    /// was not sent.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        match self.params.get(name)? {
            ParamValue::List(items) => Some(items.clone()),
            ParamValue::Text(text) => Some(split_list(text).map(str::to_owned).collect()),
        }
    }

    /// The `{node}` of the path, or the entry node.
    #[must_use]
    pub fn node(&self) -> &str {
        match self.text("node") {
            Some("localhost") | None => &self.entry,
            Some(node) => node,
        }
    }

    /// The `{vmid}` of the path or parameters, 0 if there is none.
    #[must_use]
    pub fn vmid(&self) -> u32 {
        self.text("vmid").and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// Splits a Proxmox list: commas, semicolons, NULs and white space, without empty elements.
pub fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c == ';' || c == '\0' || c.is_whitespace()).filter(|part| !part.is_empty())
}

/// What a call answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The `data` of the body.
    pub data: Value,
    /// `total` beside `data`; the real server leaves it out when it is zero.
    pub total: Option<u64>,
    /// `changes` beside `data` (pending network configuration).
    pub changes: Option<String>,
    /// The order of the list in `data` is part of the answer.
    pub ordered: bool,
    /// A body that is not JSON (a download): content type and text.
    pub download: Option<(String, String)>,
}

impl Reply {
    /// `{"data": null}`.
    #[must_use]
    pub fn null() -> Self {
        Self::data(Value::Null)
    }

    /// `{"data": …}`.
    pub fn data(data: impl Into<Value>) -> Self {
        Self { data: data.into(), total: None, changes: None, ordered: false, download: None }
    }

    /// Keeps the order of the list: lists are shuffled on the way out, as the real ones come out of hashes.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// Adds `total`.
    #[must_use]
    pub fn with_total(mut self, total: u64) -> Self {
        self.total = Some(total);
        self
    }
}

/// What every handler returns.
pub type Outcome = Result<Reply, Fault>;
