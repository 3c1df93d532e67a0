//! Parameters of the backup server's calls and the words with which it refuses them.
//!
//! Unlike PVE it reports parameter errors as one text: `parameter verification failed - 'x': …`, or a list of lines when there are several.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::call::Refusal;

/// Checks a text further; `Err` is what is wrong with it.
pub(super) type Format = fn(&str) -> Result<(), String>;

/// What a parameter may be.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// Text of so many characters that passes a check.
    Text(usize, usize, Format),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A whole number in a range.
    Integer(i64, i64),
    /// True or false.
    Boolean,
    /// Several of these, as repeated parameters or JSON array.
    List(&'static [&'static str]),
}

/// One parameter.
#[derive(Debug, Clone)]
pub(super) struct Param {
    /// Name.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Need not be sent.
    pub optional: bool,
    /// First major version that knows it.
    pub since: u32,
}

impl Param {
    /// Need not be sent.
    pub(super) fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Known from this major version on.
    pub(super) fn since(mut self, major: u32) -> Self {
        self.since = major;
        self
    }
}

fn param(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, optional: false, since: 0 }
}

/// Text that passes a check.
pub(super) fn text(name: &'static str, min: usize, max: usize, format: Format) -> Param {
    param(name, Kind::Text(min, max, format))
}

/// One of some values.
pub(super) fn one_of(name: &'static str, values: &'static [&'static str]) -> Param {
    param(name, Kind::OneOf(values))
}

/// A whole number.
pub(super) fn integer(name: &'static str, min: i64, max: i64) -> Param {
    param(name, Kind::Integer(min, max))
}

/// True or false.
pub(super) fn boolean(name: &'static str) -> Param {
    param(name, Kind::Boolean)
}

/// Several of some values.
pub(super) fn list(name: &'static str, values: &'static [&'static str]) -> Param {
    param(name, Kind::List(values))
}

const PATTERN: &str = "value does not match the regex pattern";

fn fits(fit: bool) -> Result<(), String> {
    if fit { Ok(()) } else { Err(PATTERN.to_owned()) }
}

/// Letters, digits, `.`, `-` and `_`, not beginning with `.` or `-`.
pub(super) fn is_safe_id(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !text.is_empty() && !text.starts_with(['.', '-']) && text.bytes().all(inner)
}

pub(super) fn safe_id(text: &str) -> Result<(), String> {
    fits(is_safe_id(text))
}

fn is_user_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, ':' | '/'))
}

pub(super) fn user_name(text: &str) -> Result<(), String> {
    fits(is_user_name(text))
}

fn is_userid(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(name, realm)| is_user_name(name) && is_safe_id(realm))
}

pub(super) fn userid(text: &str) -> Result<(), String> {
    fits(is_userid(text))
}

pub(super) fn auth_id(text: &str) -> Result<(), String> {
    let token = text.rsplit_once('!').is_some_and(|(user, name)| is_userid(user) && is_safe_id(name));
    fits(token || is_userid(text))
}

pub(super) fn one_line(text: &str) -> Result<(), String> {
    fits(!text.chars().any(char::is_control))
}

pub(super) fn anything(_: &str) -> Result<(), String> {
    Ok(())
}

pub(super) fn digest(text: &str) -> Result<(), String> {
    fits(text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
}

pub(super) fn acl_path(text: &str) -> Result<(), String> {
    fits(text == "/" || (text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_safe_id))))
}

pub(super) fn namespace(text: &str) -> Result<(), String> {
    fits(text.is_empty() || (text.split('/').count() <= 8 && text.split('/').all(is_safe_id)))
}

pub(super) fn node(text: &str) -> Result<(), String> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    fits(!text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-'))
}

pub(super) fn upid(text: &str) -> Result<(), String> {
    text.parse::<proxmox_client::ids::Upid>()
        .ok()
        .filter(|upid| upid.task().task_number.is_some())
        .map(|_| ())
        .ok_or_else(|| PATTERN.to_owned())
}

pub(super) fn fingerprint(text: &str) -> Result<(), String> {
    let byte = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    fits(text.split(':').count() == 32 && text.split(':').all(byte))
}

pub(super) fn calendar_event(text: &str) -> Result<(), String> {
    match crate::state::calendar::CalendarEvent::parse(text) {
        Some(_) => Ok(()),
        None => {
            let first = text.split_whitespace().next().unwrap_or_default();
            Err(format!("unable to parse calendar event at '{first}' - Context(\"weekday\")"))
        }
    }
}

pub(super) fn maintenance_mode(text: &str) -> Result<(), String> {
    let mode = text.parse::<proxmox_client::pbs::definitions::Maintenance>().ok();
    match mode.as_ref().map(|mode| mode.kind.as_str()) {
        Some("read-only" | "offline" | "delete" | "unmount" | "s3-refresh") => Ok(()),
        Some(other) => Err(format!("value '{other}' is not defined in the enumeration.")),
        None => Err("parameter is missing and it is not optional.".to_owned()),
    }
}

/// Where values come from: forms and paths carry text, JSON bodies have types.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// Name and text, in the order sent.
    Text(Vec<(String, String)>),
    /// An object; path parameters are already in it, as text.
    Json(Map<String, Value>),
}

/// Checks parameters and gives them their types.
///
/// # Errors
/// 400 with all that is wrong.
pub(super) fn verify(params: &[Param], major: u32, source: Source) -> Result<BTreeMap<String, Value>, Refusal> {
    let mut errors: Vec<(String, String)> = Vec::new();
    let mut values: BTreeMap<String, Value> = BTreeMap::new();
    let find = |name: &str| params.iter().find(|param| param.name == name && param.since <= major);
    match source {
        Source::Text(sent) => {
            for (name, value) in sent {
                let Some(param) = find(&name) else {
                    errors.push((name, UNKNOWN.to_owned()));
                    continue;
                };
                match from_text(&param.kind, &value) {
                    Err(error) => errors.push((name, error)),
                    Ok(item) => match (values.get_mut(&name), item) {
                        (None, item) => {
                            values.insert(name, item);
                        }
                        (Some(Value::Array(items)), Value::Array(more)) => items.extend(more),
                        _ => errors.push((name, "duplicate parameter.".to_owned())),
                    },
                }
            }
        }
        Source::Json(object) => {
            for (name, value) in object {
                let Some(param) = find(&name) else {
                    errors.push((name, UNKNOWN.to_owned()));
                    continue;
                };
                match from_json(&param.kind, value) {
                    Err(error) => errors.push((name, error)),
                    Ok(value) => {
                        values.insert(name, value);
                    }
                }
            }
        }
    }
    let mut missing: Vec<&Param> = params
        .iter()
        .filter(|param| !param.optional && param.since <= major && !values.contains_key(param.name))
        .filter(|param| !errors.iter().any(|(name, _)| name == param.name))
        .collect();
    missing.sort_by_key(|param| param.name);
    for param in missing {
        errors.push((param.name.to_owned(), "parameter is missing and it is not optional.".to_owned()));
    }
    match errors.as_slice() {
        [] => Ok(values),
        [(name, text)] => Err(Refusal::param(name, text)),
        several => {
            let lines: Vec<String> = several.iter().map(|(name, text)| format!("- '{name}': {text}")).collect();
            Err(Refusal::bad(format!("parameter verification failed:\n{}", lines.join("\n"))))
        }
    }
}

const UNKNOWN: &str = "schema does not allow additional properties.";

fn from_text(kind: &Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Boolean => crate::verify::parse_boolean(text)
            .map(Value::from)
            .ok_or_else(|| "Unable to parse boolean option.".to_owned()),
        Kind::Integer(min, max) => {
            let number: i64 = text.parse().map_err(|error: std::num::ParseIntError| error.to_string())?;
            in_range(number, *min, *max)
        }
        Kind::List(values) => one(values, text).map(|value| Value::Array(vec![value])),
        Kind::OneOf(values) => one(values, text),
        Kind::Text(min, max, format) => checked(text, *min, *max, *format),
    }
}

fn from_json(kind: &Kind, value: Value) -> Result<Value, String> {
    match (kind, value) {
        (Kind::Boolean, Value::Bool(flag)) => Ok(Value::Bool(flag)),
        (Kind::Boolean, _) => Err("Expected boolean value.".to_owned()),
        (Kind::Integer(min, max), value) => match value.as_i64() {
            Some(number) => in_range(number, *min, *max),
            None => Err("Expected integer value.".to_owned()),
        },
        (Kind::List(values), Value::Array(items)) => {
            let mut found = Vec::new();
            for item in items {
                let Value::String(text) = item else { return Err("Expected string value.".to_owned()) };
                found.push(one(values, &text)?);
            }
            Ok(Value::Array(found))
        }
        (Kind::List(_), _) => Err("Expected array - got scalar value.".to_owned()),
        (Kind::OneOf(values), Value::String(text)) => one(values, &text),
        (Kind::Text(min, max, format), Value::String(text)) => checked(&text, *min, *max, *format),
        (Kind::OneOf(_) | Kind::Text(..), _) => Err("Expected string value.".to_owned()),
    }
}

fn in_range(number: i64, min: i64, max: i64) -> Result<Value, String> {
    if number < min {
        return Err(format!("value must have a minimum value of {min} (got {number})"));
    }
    if number > max {
        return Err(format!("value must have a maximum value of {max} (got {number})"));
    }
    Ok(Value::from(number))
}

fn one(values: &[&str], text: &str) -> Result<Value, String> {
    if values.contains(&text) {
        return Ok(Value::from(text));
    }
    Err(format!("value '{text}' is not defined in the enumeration."))
}

fn checked(text: &str, min: usize, max: usize, format: Format) -> Result<Value, String> {
    let length = text.len();
    if length < min {
        return Err(format!("value must be at least {min} characters long"));
    }
    if length > max {
        return Err(format!("value may only be {max} characters long"));
    }
    format(text).map(|()| Value::from(text))
}
