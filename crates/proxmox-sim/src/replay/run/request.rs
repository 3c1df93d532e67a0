//! Building requests out of exchanges: placeholders filled, credentials added, bodies encoded as they were sent.

use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::{ESCAPED, Player, is_backup};
use crate::replay::client::Raw;
use crate::replay::transcript::{Exchange, Sent};

impl Player {
    pub(super) fn root(&self, entry: &str) -> String {
        match &self.backup {
            Some(backup) if is_backup(entry) => format!("PBSAPIToken=root@pam!lab:{}", backup.secret),
            _ => format!("PVEAPIToken=root@pam!lab={}", self.secret),
        }
    }

    pub(super) fn raw(&self, exchange: &Exchange) -> Raw {
        let sent = &exchange.request;
        let mut headers = self.credentials(exchange);
        let body = self.body(sent, &mut headers);
        for (name, value) in sent.headers.iter().flatten() {
            let present: Vec<String> = headers.keys().filter(|key| key.eq_ignore_ascii_case(name)).cloned().collect();
            for key in present {
                headers.remove(&key);
            }
            if let Some(value) = value {
                headers.insert(name.clone(), self.filled(value, false));
            }
        }
        let prefix = sent.prefix.as_deref().unwrap_or("/api2/json");
        let mut target = format!("{prefix}{}", self.filled(&sent.path, true));
        let query = match &sent.raw_query {
            Some(raw) => self.filled(raw, true),
            None => sent.query.as_ref().map(|query| self.encoded(query)).unwrap_or_default(),
        };
        if !query.is_empty() {
            target = format!("{target}?{query}");
        }
        Raw { method: sent.method.clone(), target, headers, body }
    }

    fn credentials(&self, exchange: &Exchange) -> BTreeMap<String, String> {
        let mut headers = BTreeMap::new();
        let ours = |name: &str| self.captured.ours(name).unwrap_or_default().to_owned();
        match exchange.caller.split_once(':') {
            None if exchange.caller == "root-token" => {
                headers.insert("Authorization".to_owned(), self.root(&exchange.entry));
            }
            Some(("token", name)) => {
                let (id, secret) = (ours(&format!("{name}.id")), ours(&format!("{name}.secret")));
                let value = if is_backup(&exchange.entry) {
                    format!("PBSAPIToken={id}:{secret}")
                } else {
                    format!("PVEAPIToken={id}={secret}")
                };
                headers.insert("Authorization".to_owned(), value);
            }
            Some(("ticket", user)) => {
                let ticket = ours(&format!("TICKET:{user}"));
                let ticket = utf8_percent_encode(&ticket, ESCAPED).to_string();
                let cookie = if is_backup(&exchange.entry) { "PBSAuthCookie" } else { "PVEAuthCookie" };
                headers.insert("Cookie".to_owned(), format!("{cookie}={ticket}"));
                if exchange.request.method != "GET" {
                    headers.insert("CSRFPreventionToken".to_owned(), ours(&format!("CSRF:{user}")));
                }
            }
            _ => {}
        }
        headers
    }

    fn body(&self, sent: &Sent, headers: &mut BTreeMap<String, String>) -> Option<Bytes> {
        let mut typed = |kind: &str| headers.insert("Content-Type".to_owned(), kind.to_owned());
        if let Some(raw) = &sent.raw_body {
            // A body may be written as that of an earlier exchange: `(as LABEL)`.
            let label = raw.strip_prefix("(as ").and_then(|rest| rest.strip_suffix(')'));
            let raw = label.and_then(|label| self.bodies.get(label)).unwrap_or(raw);
            if let Some(kind) = &sent.content_type {
                typed(kind);
            }
            return Some(Bytes::from(self.filled(raw, false)));
        }
        if let Some(json) = &sent.json {
            typed("application/json");
            return Some(Bytes::from(self.filled_json(json).to_string()));
        }
        if let Some(form) = &sent.form {
            typed("application/x-www-form-urlencoded");
            return Some(Bytes::from(self.encoded(form)));
        }
        matches!(sent.method.as_str(), "POST" | "PUT").then(Bytes::new)
    }

    fn encoded(&self, fields: &BTreeMap<String, Value>) -> String {
        let mut parts = Vec::new();
        let mut push = |name: &str, value: &Value| {
            let text = match value {
                Value::String(text) => self.filled(text, false),
                other => other.to_string(),
            };
            let (name, text) = (utf8_percent_encode(name, ESCAPED), utf8_percent_encode(&text, ESCAPED));
            parts.push(format!("{name}={text}"));
        };
        for (name, value) in fields {
            match value {
                Value::Array(items) => items.iter().for_each(|item| push(name, item)),
                other => push(name, other),
            }
        }
        parts.join("&")
    }

    fn filled_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.filled(text, false)),
            Value::Array(items) => items.iter().map(|item| self.filled_json(item)).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(key, item)| (key.clone(), self.filled_json(item)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    /// Fills `{{NAME}}` with what was captured and `{{300xTEXT}}` with the text so many times.
    fn filled(&self, text: &str, in_path: bool) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, tail)) = after.split_once("}}") else { break };
            out.push_str(before);
            match (self.captured.ours(name), name.split_once('x')) {
                (Some(value), _) if in_path => out.extend(utf8_percent_encode(value, ESCAPED)),
                (Some(value), _) => out.push_str(value),
                (None, Some((count, piece))) if count.parse::<usize>().is_ok() => {
                    let piece = piece.trim_matches('"');
                    out.push_str(&piece.repeat(count.parse().unwrap_or(0)));
                }
                _ => {
                    out.push_str("{{");
                    out.push_str(name);
                    out.push_str("}}");
                }
            }
            rest = tail;
        }
        out.push_str(rest);
        out
    }
}
