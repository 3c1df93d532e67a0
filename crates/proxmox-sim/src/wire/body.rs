//! Parameters out of queries and bodies, with the quirks of the real decoder.

use serde_json::Value;

use crate::api::{Fault, RawParams};

/// Greatest body of a request that is not an upload, bytes.
pub const BODY_LIMIT: u64 = 512 * 1024;

/// Greatest body of an upload that the simulator keeps, bytes.
pub const UPLOAD_LIMIT: u64 = 256 * 1024 * 1024;

/// Decodes `a=b&c=d`. Semicolons separate, too; text after a second `=` is dropped; what is not UTF-8 becomes replacement
/// characters; a name without `=` is null; empty parts at the end do not count, others are an empty name.
pub fn decode_urlencoded(data: &str, params: &mut RawParams) {
    let mut parts: Vec<&str> = data.split(['&', ';']).collect();
    while parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    for part in parts {
        let mut fields = part.split('=');
        let name = unescape(fields.next().unwrap_or_default());
        match fields.next() {
            Some(value) => params.push(name, Value::String(unescape(value))),
            None if params.get(&name).is_none() => params.set(name, Value::Null),
            None => {}
        }
    }
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => match tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = tail.get(2..).unwrap_or_default();
                }
                None => bytes.push(b'%'),
            },
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The parts of a `Content-Type`: the type as written (case counts), and the boundary.
#[must_use]
pub fn content_type(header: &str) -> (&str, Option<String>) {
    let mut parts = header.split(';');
    let kind = parts.next().unwrap_or_default().trim();
    let boundary = parts
        .find_map(|part| part.trim().strip_prefix("boundary="))
        .map(|boundary| boundary.trim_matches('"').to_owned());
    (kind, boundary)
}

/// Decodes a body that is not an upload.
///
/// # Errors
/// 500 for JSON that is broken or no object, with the words of the real decoder.
pub fn decode(kind: &str, body: &[u8], params: &mut RawParams) -> Result<(), Fault> {
    let text = String::from_utf8_lossy(body);
    if kind != "application/json" {
        decode_urlencoded(&text, params);
        return Ok(());
    }
    match parse_json(&text)? {
        Value::Object(map) => {
            for (name, value) in map {
                params.set(name, value);
            }
            Ok(())
        }
        Value::Array(_) => Err(perl_error("Not a HASH reference", 978)),
        Value::String(text) => {
            Err(perl_error(&format!("Can't use string (\"{text}\") as a HASH ref while \"strict refs\" in use"), 978))
        }
        Value::Null => Ok(()),
        scalar => {
            Err(perl_error(&format!("Can't use string (\"{scalar}\") as a HASH ref while \"strict refs\" in use"), 978))
        }
    }
}

fn perl_error(text: &str, line: u32) -> Fault {
    Fault::plain(500, format!("{text} at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line {line}.\n"))
}

/// Parses JSON. The text of a failure is that of the real decoder for the usual mistakes.
fn parse_json(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text).map_err(|error| {
        let offset = offset_of(text, error.line(), error.column());
        if text.trim().is_empty() {
            let what = "malformed JSON string, neither tag, array, object, number, string or atom, at character offset";
            return perl_error(&format!("{what} {} (before \"(end of string)\")", text.len()), 934);
        }
        let before = text.get(offset..).filter(|rest| !rest.is_empty()).unwrap_or("(end of string)");
        let shown: String = before.chars().take(20).collect();
        let shown = if before.chars().count() > 20 { format!("{shown}...") } else { shown };
        let message = error.to_string();
        let what = if message.starts_with("key must be a string") || message.starts_with("EOF while parsing an object")
        {
            "'\"' expected, at character offset"
        } else if message.starts_with("expected `,` or `}`") {
            ", or } expected while parsing object/hash, at character offset"
        } else if message.starts_with("expected `,` or `]`") {
            ", or ] expected while parsing array, at character offset"
        } else if message.starts_with("trailing characters") {
            "garbage after JSON object, at character offset"
        } else {
            "malformed JSON string, neither tag, array, object, number, string or atom, at character offset"
        };
        perl_error(&format!("{what} {offset} (before \"{shown}\")"), 934)
    })
}

/// Byte offset of the character that the parser stumbled over.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}
