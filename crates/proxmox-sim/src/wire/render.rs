//! Answers on the way out: formatters, headers, reason phrases, and the random order that real answers have.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, DATE, HeaderValue, PRAGMA, SERVER};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use hyper::ext::ReasonPhrase;
use rand::seq::SliceRandom;
use serde_json::{Map, Value, json};

use crate::api::{Fault, FaultBody, Outcome, Reply};

/// The formatter named in the path after `/api2/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formatter {
    /// Status and reason phrase carry the error.
    Json,
    /// Always 200; the body carries the error.
    ExtJs,
    /// A page for people.
    Html,
    /// A picture; only RRD graphs mean something.
    Png,
}

impl Formatter {
    /// By its name in the path.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "extjs" => Some(Self::ExtJs),
            "html" => Some(Self::Html),
            "png" => Some(Self::Png),
            _ => None,
        }
    }
}

/// An answer before it goes into HTTP.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status, 100 to 999.
    pub status: u16,
    /// Reason phrase; `None` for the usual one.
    pub reason: Option<String>,
    /// Content type, if there is one.
    pub content_type: Option<String>,
    /// Body.
    pub body: Bytes,
}

/// Turns an outcome into an answer.
#[must_use]
pub fn answer(formatter: Formatter, outcome: Outcome) -> Answer {
    match outcome {
        Ok(reply) => success(formatter, reply),
        Err(fault) => failure(formatter, fault),
    }
}

fn success(formatter: Formatter, reply: Reply) -> Answer {
    if let Some((content_type, text)) = reply.download {
        return Answer { status: 200, reason: None, content_type: Some(content_type), body: text.into() };
    }
    let mut body = Map::new();
    body.insert("data".into(), if reply.ordered { reply.data } else { jumbled(reply.data) });
    if let Some(total) = reply.total.filter(|total| *total > 0) {
        body.insert("total".into(), total.into());
    }
    if let Some(changes) = reply.changes {
        body.insert("changes".into(), changes.into());
    }
    let (content_type, bytes) = match formatter {
        Formatter::Json => ("application/json;charset=UTF-8", shuffled(&Value::Object(body))),
        Formatter::ExtJs => {
            body.insert("success".into(), 1.into());
            ("application/json;charset=UTF-8", shuffled(&Value::Object(body)))
        }
        Formatter::Html => ("text/html;charset=UTF-8", page(&Value::Object(body))),
        Formatter::Png => ("image/png", String::new()),
    };
    Answer { status: 200, reason: None, content_type: Some(content_type.into()), body: bytes.into() }
}

fn failure(formatter: Formatter, fault: Fault) -> Answer {
    let reason = Some(fault.message.lines().next().unwrap_or_default().to_owned());
    match fault.body {
        FaultBody::Empty => {
            return Answer { status: fault.status, reason, content_type: None, body: Bytes::new() };
        }
        FaultBody::Text => {
            return Answer { status: fault.status, reason, content_type: None, body: fault.message.into() };
        }
        FaultBody::Json => {}
    }
    let mut body = Map::new();
    body.insert("data".into(), Value::Null);
    body.insert("message".into(), fault.message.into());
    if !fault.errors.is_empty() {
        body.insert("errors".into(), json!(fault.errors));
    }
    let (status, reason) = if formatter == Formatter::ExtJs {
        body.insert("success".into(), 0.into());
        // An exception's code has been used as text by then, a plain status has not.
        let status = match fault.status {
            400 | 403 => json!(fault.status.to_string()),
            other => json!(other),
        };
        body.insert("status".into(), status);
        (200, None)
    } else {
        (fault.status, reason)
    };
    let content_type = Some("application/json;charset=UTF-8".to_owned());
    Answer { status, reason, content_type, body: shuffled(&Value::Object(body)).into() }
}

fn page(body: &Value) -> String {
    let text = body.to_string().replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n  <head>\n    <title>Proxmox VE API</title>\n  </head>\n  <body><pre>{text}</pre></body>\n</html>\n"
    )
}

/// Elements with one of these keys are in an order that means something: tasks, log lines, rules, points in time; volumes are sorted.
const IN_ORDER: &[&str] = &["upid", "n", "pos", "time", "t", "volid"];

/// A list of objects in random order, as the real ones come out of hashes.
fn jumbled(mut data: Value) -> Value {
    if let Value::Array(rows) = &mut data
        && rows.iter().all(|row| row.as_object().is_some_and(|row| !IN_ORDER.iter().any(|key| row.contains_key(*key))))
    {
        rows.shuffle(&mut rand::rng());
    }
    data
}

/// JSON text with the keys of every object in random order, as Perl's hashes are.
fn shuffled(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.shuffle(&mut rand::rng());
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// The HTTP response.
#[must_use]
pub fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // Characters that no status line may hold are dropped.
    let reason: String = answer.reason.unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    if !reason.is_empty()
        && let Ok(reason) = ReasonPhrase::try_from(reason.into_bytes())
    {
        response.extensions_mut().insert(reason);
    }
    headers(response.headers_mut(), answer.content_type.as_deref());
    response
}

fn headers(headers: &mut HeaderMap, content_type: Option<&str>) {
    headers.insert(SERVER, HeaderValue::from_static("pve-api-daemon/3.0"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=0"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    let now = time::OffsetDateTime::now_utc();
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    if let Ok(value) = now.format(&format).map_err(|_| ()).and_then(|now| HeaderValue::from_str(&now).map_err(|_| ())) {
        headers.insert("expires", value.clone());
        headers.insert(DATE, value);
    }
    if let Some(value) = content_type.and_then(|value| HeaderValue::from_str(value).ok()) {
        headers.insert(CONTENT_TYPE, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn logs_and_rules_keep_their_order_other_lists_do_not() {
        let log: Value = (0..50).map(|n| json!({ "n": n, "t": "x" })).collect();
        assert_eq!(jumbled(log.clone()), log);
        let users: Vec<Value> = (0..50).map(|n| json!({ "userid": format!("u{n}@pve") })).collect();
        assert_ne!(jumbled(Value::Array(users.clone())), Value::Array(users));
    }

    #[test]
    fn the_reason_phrase_is_the_first_line_and_the_message_all_of_it() {
        let answer = answer(Formatter::Json, Err(Fault::die("first\nsecond")));
        assert_eq!(answer.reason.as_deref(), Some("first"));
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body, json!({ "data": null, "message": "first\nsecond\n" }));
    }
}
