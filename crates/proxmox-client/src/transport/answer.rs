//! Telling apart what a server can answer: data, a refusal, a relay's excuse, or something that is no answer at all.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use crate::error::{CallName, Error, MaybeSent, Refusal, Result, Unreadable};
use crate::lenient::DecodeError;

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The content type, empty when there was none.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

/// The `data` of a success, with what stood beside it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The HTTP status.
    pub status: u16,
    /// The answer itself.
    pub data: Value,
    /// How many rows there are in all, in paged answers.
    pub total: Option<u64>,
}

/// The most of a message that is kept.
const MESSAGE_CHARS: usize = 8192;

/// Reads an answer of `host` to `call`.
///
/// # Errors
/// [`Error::Answered`] for a refusal, [`Error::MaybeSent`] for 595 to 599, [`Error::Unreadable`] for a success that
/// is not JSON with `data`, or says that it is something else. Refusals are read whatever they say they are: PBS words its own as plain text.
pub fn read_answer(call: &CallName, host: &str, answer: &Answer) -> Result<Envelope> {
    let (call, host, status) = (call.clone(), host.to_owned(), answer.status);
    match status {
        200..=299 => read_success(answer).map_err(|cause| Error::Unreadable { call, host, status, cause }),
        595..=599 => {
            let reason =
                if answer.reason.is_empty() { body_text(answer).unwrap_or_default() } else { answer.reason.clone() };
            Err(Error::MaybeSent { call, host, cause: MaybeSent::Relay { status, reason } })
        }
        _ => Err(Error::Answered(Box::new(read_refusal(call, host, answer)))),
    }
}

fn read_success(answer: &Answer) -> Result<Envelope, Unreadable> {
    if !says_json(&answer.content_type) {
        return Err(not_json(answer));
    }
    let parsed = serde_json::from_slice::<Value>(&answer.body).map_err(|error| {
        let looks_like_json = answer.body.trim_ascii_start().starts_with(b"{");
        if looks_like_json {
            let path = format!("line {} column {}", error.line(), error.column());
            return Unreadable::Decode(DecodeError { path, text: format!("not JSON: {error}") });
        }
        not_json(answer)
    })?;
    let Value::Object(mut object) = parsed else {
        let text = "something else than an object with data".to_owned();
        return Err(Unreadable::Decode(DecodeError { path: String::new(), text }));
    };
    let Some(data) = object.remove("data") else {
        return Err(Unreadable::Decode(DecodeError { path: String::new(), text: "no data".to_owned() }));
    };
    let total = object.get("total").and_then(|total| total.as_u64().or_else(|| total.as_str()?.parse().ok()));
    Ok(Envelope { status: answer.status, data, total })
}

/// Whether the content type is one of JSON, or none. Proxmox labels every success (`application/json;charset=UTF-8`); what says that it is a page
/// comes from something in between, even where it happens to read as JSON.
fn says_json(content_type: &str) -> bool {
    let name = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(name.as_str(), "" | "application/json" | "text/json") || name.ends_with("+json")
}

fn not_json(answer: &Answer) -> Unreadable {
    let start = String::from_utf8_lossy(answer.body.get(..400).unwrap_or(&answer.body)).chars().take(100).collect();
    Unreadable::NotJson { content_type: answer.content_type.clone(), start }
}

fn read_refusal(call: CallName, host: String, answer: &Answer) -> Refusal {
    let mut refusal = Refusal {
        call,
        host,
        status: answer.status,
        reason: answer.reason.clone(),
        message: None,
        fields: BTreeMap::new(),
    };
    if let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(&answer.body) {
        refusal.message =
            object.get("message").and_then(Value::as_str).map(|text| text.chars().take(MESSAGE_CHARS).collect());
        if let Some(Value::Object(errors)) = object.get("errors") {
            refusal.fields = errors.iter().map(|(field, fault)| (field.clone(), plain(fault))).collect();
        }
    } else {
        refusal.message = body_text(answer);
    }
    refusal
}

/// A fault as text, whatever it is.
fn plain(fault: &Value) -> String {
    match fault {
        Value::String(text) => text.chars().take(MESSAGE_CHARS).collect(),
        other => other.to_string().chars().take(MESSAGE_CHARS).collect(),
    }
}

/// The body where it is a message: PBS answers errors as plain text. A page of markup is none.
fn body_text(answer: &Answer) -> Option<String> {
    let text = std::str::from_utf8(&answer.body).ok()?.trim();
    let is_message = !text.is_empty() && !text.starts_with('<');
    is_message.then(|| text.chars().take(MESSAGE_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Method;
    use crate::error::Class;
    use proptest::prelude::*;

    fn read(status: u16, reason: &str, body: &str) -> Result<Envelope> {
        read_as("", status, reason, body)
    }

    fn read_as(content_type: &str, status: u16, reason: &str, body: &str) -> Result<Envelope> {
        let call = CallName { method: Method::Get, template: "/x".to_owned() };
        let body = Bytes::copy_from_slice(body.as_bytes());
        let (reason, content_type) = (reason.to_owned(), content_type.to_owned());
        read_answer(&call, "h:8006", &Answer { status, reason, content_type, body })
    }

    #[test]
    fn refusals_keep_every_word_of_the_server() {
        let error = read(
            400,
            "Parameter verification failed.",
            r#"{"data":null,"message":"Parameter verification failed.\n","errors":{"vmid":"type check\n"}}"#,
        );
        let error = error.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!(refusal.text(), "Parameter verification failed.");
        assert_eq!(refusal.fields["vmid"], "type check\n");
        assert_eq!(error.to_string(), "GET /x: h:8006 answered 400: Parameter verification failed.; vmid: type check");

        let older = read(500, "VM is locked (backup)", r#"{"data":null}"#).unwrap_err();
        assert_eq!(older.refusal().unwrap().text(), "VM is locked (backup)");
        assert!(older.refusal().unwrap().is_locked());
        let pbs = read(400, "Bad Request", "datastore 'x' does not exist\n").unwrap_err();
        assert_eq!(pbs.refusal().unwrap().text(), "datastore 'x' does not exist");
        assert!(pbs.is_missing());
        let page = read(502, "Bad Gateway", "<html>no</html>").unwrap_err();
        assert_eq!(page.refusal().unwrap().text(), "Bad Gateway");
    }

    #[test]
    fn a_relays_excuse_is_not_an_answer() {
        for status in 595..=599 {
            let error = read(status, "Connection timed out", "").unwrap_err();
            assert_eq!((error.class(), error.status()), (Class::MaybeSent, Some(status)));
        }
    }

    #[test]
    fn success_needs_data() {
        assert_eq!(read(200, "OK", r#"{"data":[1],"total":7}"#).unwrap().total, Some(7));
        for body in ["", "<html>", "[]", "null", "{}", "{\"data\":", "\u{0}"] {
            let error = read(200, "OK", body).unwrap_err();
            assert!(matches!(error, Error::Unreadable { status: 200, .. }), "{body:?}: {error}");
        }
        let deep = format!("{{\"data\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        assert!(read(200, "OK", &deep).is_err());
    }

    #[test]
    fn success_must_not_say_that_it_is_something_else_than_json() {
        for said in
            ["", "application/json", "application/json;charset=UTF-8", "Application/JSON ; charset=utf-8", "text/json"]
        {
            assert!(read_as(said, 200, "OK", r#"{"data":1}"#).is_ok(), "{said}");
        }
        for said in ["text/html", "text/html;charset=UTF-8", "text/plain", "application/octet-stream", "json"] {
            match read_as(said, 200, "OK", r#"{"data":1}"#).unwrap_err() {
                Error::Unreadable { cause: Unreadable::NotJson { content_type, start }, .. } => {
                    assert_eq!((content_type.as_str(), start.as_str()), (said, r#"{"data":1}"#));
                }
                other => panic!("{said}: {other}"),
            }
        }
        for said in ["", "text/plain", "text/html"] {
            let error = read_as(said, 400, "Bad Request", "no such datastore").unwrap_err();
            assert_eq!(error.refusal().unwrap().text(), "no such datastore", "{said}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(status in 100u16..700, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let call = CallName { method: Method::Get, template: "/x".to_owned() };
            let answer = Answer { status, reason: String::new(), content_type: String::new(), body: body.into() };
            let _ = read_answer(&call, "h", &answer);
        }
    }
}
