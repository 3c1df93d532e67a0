//! The parameter verifier: descriptions in, Proxmox's words out.
//!
//! A description is a [`Param`] built with [`text`], [`integer`], [`number`], [`boolean`], [`array()`] and the methods on it. The order of the
//! checks and every text are those of the real verifier: all wrong parameters are reported, one text each (two for one field are joined
//! by a backslash and an `n`, which is what the real one does). Nothing here knows endpoints or state.

pub mod formats;
mod guest_formats;
pub mod network_formats;
mod pattern;
pub mod property;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::api::{ParamValue, RawParams};

/// What a parameter may be.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Any text.
    String,
    /// A whole number, signed.
    Integer,
    /// A decimal number.
    Number,
    /// 1 or 0; on, yes, true, off, no and false are understood.
    Boolean,
    /// An array of these.
    Array(Arc<Param>),
    /// Anything.
    Any,
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array(_) => "array",
            Self::Any => "any",
        }
    }
}

/// A format beyond the type.
#[derive(Debug, Clone)]
pub enum Format {
    /// A registered one, `pve-vmid`, or with `-list` or `-opt` at its end.
    Named(String),
    /// A property string, `key=value,…`.
    Properties(Arc<property::PropertyString>),
}

/// The description of one parameter.
#[derive(Debug, Clone)]
pub struct Param {
    /// Name; for a numbered one the part before the number.
    pub name: String,
    /// Type.
    pub kind: Kind,
    /// Need not be sent.
    pub optional: bool,
    /// Format.
    pub format: Option<Format>,
    /// Regular expression that the whole value has to match, and its compiled form.
    pub pattern: Option<pattern::Pattern>,
    /// Longest text in characters.
    pub max_length: Option<usize>,
    /// Shortest text in characters.
    pub min_length: Option<usize>,
    /// Greatest number.
    pub maximum: Option<f64>,
    /// Smallest number.
    pub minimum: Option<f64>,
    /// The only values.
    pub values: Vec<String>,
    /// Those of them that came with a later version.
    pub values_since: BTreeMap<String, (u32, u32)>,
    /// Another parameter that has to be sent with this one.
    pub requires: Option<String>,
    /// First version that knows it.
    pub since: Option<(u32, u32)>,
    /// Stands for `name0` to `nameN`.
    pub numbered: Option<u32>,
}

fn param(name: &str, kind: Kind) -> Param {
    Param {
        name: name.to_owned(),
        kind,
        optional: false,
        format: None,
        pattern: None,
        max_length: None,
        min_length: None,
        maximum: None,
        minimum: None,
        values: Vec::new(),
        values_since: BTreeMap::new(),
        requires: None,
        since: None,
        numbered: None,
    }
}

/// A text parameter, required unless said otherwise.
#[must_use]
pub fn text(name: &str) -> Param {
    param(name, Kind::String)
}

/// A whole number.
#[must_use]
pub fn integer(name: &str) -> Param {
    param(name, Kind::Integer)
}

/// A decimal number.
#[must_use]
pub fn number(name: &str) -> Param {
    param(name, Kind::Number)
}

/// A boolean.
#[must_use]
pub fn boolean(name: &str) -> Param {
    param(name, Kind::Boolean)
}

/// Anything at all.
#[must_use]
pub fn any(name: &str) -> Param {
    param(name, Kind::Any)
}

/// An array of such elements (the element's name does not count).
#[must_use]
pub fn array(name: &str, element: Param) -> Param {
    param(name, Kind::Array(Arc::new(element)))
}

impl Param {
    /// As a version knows it: without the values that came later.
    fn as_of(&self, version: (u32, u32)) -> Cow<'_, Self> {
        if self.values_since.values().all(|since| version >= *since) {
            return Cow::Borrowed(self);
        }
        let mut param = self.clone();
        param.values.retain(|value| self.values_since.get(value).is_none_or(|since| version >= *since));
        Cow::Owned(param)
    }

    /// Need not be sent.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// A registered format: see [`formats`].
    #[must_use]
    pub fn format(mut self, name: &str) -> Self {
        self.format = Some(Format::Named(name.to_owned()));
        self
    }

    /// A property string.
    #[must_use]
    pub fn properties(mut self, properties: property::PropertyString) -> Self {
        self.format = Some(Format::Properties(Arc::new(properties)));
        self
    }

    /// A regular expression for the whole value (see `pattern.rs` for the part of the language that is understood).
    #[must_use]
    pub fn pattern(mut self, expression: &str) -> Self {
        self.pattern = Some(pattern::Pattern::new(expression));
        self
    }

    /// Longest text in characters.
    #[must_use]
    pub fn max_len(mut self, length: usize) -> Self {
        self.max_length = Some(length);
        self
    }

    /// Shortest text in characters.
    #[must_use]
    pub fn min_len(mut self, length: usize) -> Self {
        self.min_length = Some(length);
        self
    }

    /// Smallest number.
    #[must_use]
    pub fn min(mut self, minimum: impl Into<f64>) -> Self {
        self.minimum = Some(minimum.into());
        self
    }

    /// Greatest number.
    #[must_use]
    pub fn max(mut self, maximum: impl Into<f64>) -> Self {
        self.maximum = Some(maximum.into());
        self
    }

    /// The only values.
    #[must_use]
    pub fn one_of(mut self, values: &[&str]) -> Self {
        self.values = values.iter().map(|value| (*value).to_owned()).collect();
        self
    }

    /// Another parameter has to be sent with it.
    #[must_use]
    pub fn requires(mut self, name: &str) -> Self {
        self.requires = Some(name.to_owned());
        self
    }

    /// Known from this version on.
    #[must_use]
    pub fn since(mut self, major: u32, minor: u32) -> Self {
        self.since = Some((major, minor));
        self
    }

    /// Stands for `name0` to `name{last}`.
    #[must_use]
    pub fn numbered(mut self, last: u32) -> Self {
        self.numbered = Some(last);
        self
    }
}

/// Processor models that a VM can be given.
#[must_use]
pub const fn cpu_models() -> &'static [&'static str] {
    guest_formats::CPU_MODELS
}

/// Field errors as they are collected.
pub type Errors = BTreeMap<String, String>;

/// Adds an error to a field, as the real one does.
pub fn add_error(errors: &mut Errors, path: &str, text: impl Into<String>) {
    let path = if path.is_empty() { "_root" } else { path };
    let text = text.into();
    errors
        .entry(path.to_owned())
        .and_modify(|present| {
            present.push_str("\\n");
            present.push_str(&text);
        })
        .or_insert(text);
}

/// Descriptions of one call's parameters, ready for look-up.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    exact: BTreeMap<String, Param>,
    numbered: Vec<Param>,
    additional: bool,
}

impl Schema {
    /// From descriptions; a later one of the same name replaces an earlier one.
    #[must_use]
    pub fn new(params: Vec<Param>) -> Self {
        let mut schema = Self::default();
        for param in params {
            if param.numbered.is_some() {
                schema.numbered.push(param);
            } else {
                schema.exact.insert(param.name.clone(), param);
            }
        }
        schema
    }

    /// Takes parameters that are not described, too.
    #[must_use]
    pub fn with_additional(mut self) -> Self {
        self.additional = true;
        self
    }

    /// The description of a parameter, numbered ones included.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Param> {
        self.exact.get(name).or_else(|| {
            self.numbered.iter().find(|param| {
                name.strip_prefix(param.name.as_str()).is_some_and(|digits| {
                    let canonical = digits == "0" || (!digits.is_empty() && !digits.starts_with('0'));
                    canonical
                        && digits.bytes().all(|b| b.is_ascii_digit())
                        && digits.parse::<u32>().is_ok_and(|n| param.numbered.is_some_and(|last| n <= last))
                })
            })
        })
    }

    /// Checks parameters and turns them into what a handler gets.
    ///
    /// # Errors
    /// Every field that is wrong, with its text.
    pub fn verify(&self, version: (u32, u32), params: &RawParams) -> Result<BTreeMap<String, ParamValue>, Errors> {
        let mut errors = Errors::new();
        let known = |param: &&Param| param.since.is_none_or(|since| version >= since);
        let sent: BTreeMap<String, Value> =
            params.iter().map(|(name, value)| (name.clone(), self.convert(name, value))).collect();
        for (name, param) in self.exact.iter().filter(|(_, param)| known(param)) {
            check_value(sent.get(name), &param.as_of(version), name, &mut errors);
        }
        for (name, value) in &sent {
            let Some(param) = self.get(name).filter(known) else {
                if !self.additional {
                    add_error(&mut errors, name, NOT_DEFINED);
                }
                continue;
            };
            if param.numbered.is_some() {
                check_value(Some(value), param, name, &mut errors);
            }
            if let Some(required) = &param.requires
                && sent.get(required).is_none_or(Value::is_null)
            {
                add_error(&mut errors, required, format!("missing property required by '{name}'"));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(sent.iter().filter_map(|(name, value)| Some((name.clone(), verified(value)?))).collect())
    }

    /// What the real server does to parameters before it checks them: arrays for `-list` formats are joined, scalars
    /// for arrays become one, booleans are normalised.
    fn convert(&self, name: &str, value: &Value) -> Value {
        let Some(param) = self.get(name) else { return value.clone() };
        match (&param.kind, value) {
            (Kind::Array(_), Value::String(_) | Value::Number(_) | Value::Bool(_)) => Value::Array(vec![value.clone()]),
            (Kind::String, Value::Array(items)) if is_list_format(param) => {
                Value::String(items.iter().map(scalar_text).collect::<Vec<_>>().join(","))
            }
            (Kind::Boolean, Value::Bool(set)) => Value::String(if *set { "1" } else { "0" }.to_owned()),
            _ => value.clone(),
        }
    }
}

fn is_list_format(param: &Param) -> bool {
    matches!(&param.format, Some(Format::Named(name)) if name.ends_with("-list"))
}

/// The text for a parameter that the schema does not name.
pub const NOT_DEFINED: &str = "property is not defined in schema and the schema does not allow additional properties";

/// Proxmox's idea of a boolean.
#[must_use]
pub fn parse_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some(true),
        "0" | "off" | "no" | "false" => Some(false),
        _ => None,
    }
}

/// A scalar as the text that Perl would make of it.
#[must_use]
pub fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "1".to_owned(),
        Value::Bool(false) => "0".to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn verified(value: &Value) -> Option<ParamValue> {
    match value {
        Value::Null => None,
        Value::Array(items) => Some(ParamValue::List(items.iter().map(scalar_text).collect())),
        scalar => Some(ParamValue::Text(scalar_text(scalar))),
    }
}

fn reference_name(value: &Value) -> Option<&'static str> {
    match value {
        Value::Array(_) => Some("ARRAY"),
        Value::Object(_) => Some("HASH"),
        Value::Bool(_) => Some("JSON::PP::Boolean"),
        _ => None,
    }
}

/// Checks one value, in the real order: presence, type, elements, format, pattern, length, range, enumeration.
pub fn check_value(value: Option<&Value>, param: &Param, path: &str, errors: &mut Errors) {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        if !param.optional {
            add_error(errors, path, "property is missing and it is not optional");
        }
        return;
    };
    if let Some(text) = type_error(&param.kind, value) {
        add_error(errors, path, text);
        return;
    }
    if let (Kind::Array(element), Value::Array(items)) = (&param.kind, value) {
        for (index, item) in items.iter().enumerate() {
            check_value(Some(item), element, &format!("{path}[{index}]"), errors);
        }
        return;
    }
    check_scalar(&scalar_text(value), param, path, errors);
}

fn type_error(kind: &Kind, value: &Value) -> Option<String> {
    let name = kind.name();
    match kind {
        Kind::Any => None,
        Kind::Array(_) => (!value.is_array()).then(|| format!("type check ('{name}') failed")),
        _ => {
            if let Some(reference) = reference_name(value) {
                let boolean = matches!((kind, value), (Kind::Boolean, Value::Bool(_)));
                return (!boolean).then(|| format!("type check ('{name}') failed - got {reference}"));
            }
            let text = scalar_text(value);
            let fits = match kind {
                Kind::Boolean => text == "0" || text == "1",
                Kind::Integer => is_integer(&text),
                Kind::Number => is_number(&text),
                _ => true,
            };
            (!fits).then(|| format!("type check ('{name}') failed - got '{text}'"))
        }
    }
}

fn check_scalar(value: &str, param: &Param, path: &str, errors: &mut Errors) {
    if let Some(format) = &param.format
        && let Err(text) = formats::check(format, value, path)
    {
        add_error(errors, path, format!("invalid format - {text}"));
        return;
    }
    if param.pattern.as_ref().is_some_and(|pattern| !pattern.matches(value)) {
        add_error(errors, path, "value does not match the regex pattern");
        return;
    }
    let length = value.chars().count();
    if let Some(max) = param.max_length.filter(|max| length > *max) {
        add_error(errors, path, format!("value may only be {max} characters long"));
        return;
    }
    if let Some(min) = param.min_length.filter(|min| length < *min) {
        add_error(errors, path, format!("value must be at least {min} characters long"));
        return;
    }
    if let Some(number) = value.parse::<f64>().ok().filter(|_| is_number(value)) {
        if let Some(max) = param.maximum.filter(|max| number > *max) {
            add_error(errors, path, format!("value must have a maximum value of {max}"));
            return;
        }
        if let Some(min) = param.minimum.filter(|min| number < *min) {
            add_error(errors, path, format!("value must have a minimum value of {min}"));
            return;
        }
    }
    if !param.values.is_empty() && !param.values.iter().any(|allowed| allowed == value) {
        let all = param.values.join(", ");
        add_error(errors, path, format!("value '{value}' does not have a value in the enumeration '{all}'"));
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') && unsigned.parse::<f64>().is_ok()
}
