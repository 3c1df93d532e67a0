//! Reading client input into a type, so that everything odd about it is one clear error: unknown and repeated fields, wrong
//! types, missing fields, values that break a rule.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::json;

use crate::code::Code;
use crate::error::ApiError;

/// Deepest nesting of a JSON body.
const MAX_DEPTH: usize = 64;

/// Longest text of a client that is repeated in an error.
const MAX_QUOTE: usize = 64;

/// Reads a JSON object. The text is checked as a whole before anything is made of it.
pub(super) fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(text).map_err(|_| ApiError::bad_request("the body is not UTF-8"))?;
    check_shape(text)?;
    // A list would be read as the fields in their order.
    if !text.trim_start().starts_with('{') {
        return Err(ApiError::bad_request("the body must be a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserialize(&mut deserializer, "body")
}

/// Reads anything that deserialises; `place` is what it is called in errors.
pub(super) fn deserialize<'de, T, D>(deserializer: D, place: &str) -> Result<T, ApiError>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let mut unknown = None;
    let mut remember = |path: serde_ignored::Path<'_>| {
        // The tracker writes `?` for an optional value on the way, which the client does not see.
        let parts = path.to_string();
        unknown.get_or_insert_with(|| parts.split('.').filter(|part| *part != "?").collect::<Vec<_>>().join("."));
    };
    let mut track = serde_path_to_error::Track::new();
    let watched = serde_path_to_error::Deserializer::new(deserializer, &mut track);
    let read = T::deserialize(serde_ignored::Deserializer::new(watched, &mut remember));
    match (read, unknown) {
        (Ok(value), None) => Ok(value),
        (Ok(_), Some(path)) => Err(unknown_field(&path, place)),
        (Err(error), _) => Err(explain(&track.path().to_string(), &error.to_string(), place)),
    }
}

/// Turns a deserialiser's complaint into an error that names the field.
fn explain(path: &str, message: &str, place: &str) -> ApiError {
    let path = if path == "." { "" } else { path };
    let message = without_position(message);
    if let Some(field) = quoted_after(message, "unknown field ") {
        // The path of an unknown field ends with the field itself.
        let path = if path.is_empty() { field } else { path };
        return unknown_field(path, place);
    }
    if let Some(field) = quoted_after(message, "missing field ") {
        let path = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        return invalid_at(&path, format!("{} is required", shorten(&path)));
    }
    if let Some(field) = quoted_after(message, "duplicate field ") {
        return ApiError::bad_request(format!("{} is there twice", shorten(field)));
    }
    let message = plain(without_value(message));
    if path.is_empty() {
        return ApiError::bad_request(format!("the {place}: {message}"));
    }
    // A value of the house names its kind, which is often the field's name too.
    let message = message.strip_prefix(path).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&message);
    invalid_at(path, format!("{}: {message}", shorten(path)))
}

/// What Rust says of texts that are to be numbers or switches, as parameters of a query are, in words that say what to send.
fn plain(message: String) -> String {
    let said = match message.as_str() {
        "invalid digit found in string" | "cannot parse integer from empty string" => "must be a whole number",
        "number too large to fit in target type" => "is too large a number",
        "number too small to fit in target type" => "is too small a number",
        "provided string was not `true` or `false`" => "must be true or false",
        _ => return message,
    };
    said.to_owned()
}

fn unknown_field(path: &str, place: &str) -> ApiError {
    let path = shorten(path);
    ApiError::new(Code::UnknownField, format!("the {place} has no field {path}")).with_details(json!({ "field": path }))
}

/// An error about the field at a path: its code names the last part that is a name.
fn invalid_at(path: &str, message: String) -> ApiError {
    let name = path.split(['.', '[', ']']).rfind(|part| !part.is_empty() && part.parse::<usize>().is_err());
    ApiError::invalid(name.unwrap_or_default(), message).with_details(json!({ "field": shorten(path) }))
}

/// What stands in backticks after a phrase.
fn quoted_after<'a>(message: &'a str, phrase: &str) -> Option<&'a str> {
    message.strip_prefix(phrase)?.strip_prefix('`')?.split('`').next()
}

/// Without the value that a type's complaint quotes (`invalid type: string "x", expected …`): it may be a secret in the wrong place.
fn without_value(message: &str) -> String {
    let parts = message.split_once(": ").and_then(|(what, rest)| Some((what, rest.rsplit_once(", expected ")?)));
    match parts {
        Some((what @ ("invalid type" | "invalid value"), (found, expected))) => {
            let kind = found.split(['"', '`']).next().unwrap_or_default().trim_end();
            format!("{what}: {kind}, expected {expected}")
        }
        _ => message.to_owned(),
    }
}

/// Without `at line 1 column 2`, which counts in a text that the client does not see as lines.
fn without_position(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(message, _)| message)
}

fn shorten(text: &str) -> String {
    let cleaned = text.chars().filter(|character| !character.is_control());
    if text.chars().count() > MAX_QUOTE { cleaned.take(MAX_QUOTE).chain(['…']).collect() } else { cleaned.collect() }
}

/// Checks what serde would let pass or report badly: depth, repeated keys, and text after the value.
fn check_shape(text: &str) -> Result<(), ApiError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let checked = Shape { depth: 0 }.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    checked.map_err(|error| {
        let message = error.to_string();
        if message.contains("recursion limit") {
            ApiError::bad_request(format!("the body is nested deeper than {MAX_DEPTH} levels"))
        } else {
            ApiError::bad_request(format!("the body is not acceptable JSON: {message}"))
        }
    })
}

#[derive(Clone, Copy)]
struct Shape {
    depth: usize,
}

impl Shape {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH { Err(E::custom("recursion limit")) } else { Ok(Self { depth: self.depth + 1 }) }
    }
}

impl<'de> DeserializeSeed<'de> for Shape {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let item = self.deeper()?;
        while items.next_element_seed(item)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let value = self.deeper()?;
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if let Some(repeated) = keys.replace(key) {
                return Err(A::Error::custom(format!("the key {:?} is there twice", shorten(&repeated))));
            }
            entries.next_value_seed(value)?;
        }
        Ok(())
    }
}
