//! Parameters as they came, before verification: text from forms and queries, any JSON from JSON bodies.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::verify::scalar_text;

/// Unverified parameters by name. A name without a value (`?type`) is null.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawParams(BTreeMap<String, Value>);

impl RawParams {
    /// Adds a value; a name that is there already becomes an array of all its values.
    pub fn push(&mut self, name: String, value: Value) {
        match self.0.get_mut(&name) {
            Some(Value::Array(items)) => items.push(value),
            Some(present) if !present.is_null() => *present = Value::Array(vec![present.take(), value]),
            _ => {
                self.0.insert(name, value);
            }
        }
    }

    /// Sets a value.
    pub fn set(&mut self, name: String, value: Value) {
        self.0.insert(name, value);
    }

    /// Takes a value away.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// A value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A scalar that is text already.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// What a value looks like when the real server writes it into a text: references show as such.
    #[must_use]
    pub fn stringified(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::Null => None,
            Value::Array(_) => Some("ARRAY(0x5581d4b7a2c8)".to_owned()),
            Value::Object(_) => Some("HASH(0x5581d4b7a2c8)".to_owned()),
            scalar => Some(scalar_text(scalar)),
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }
}

impl FromIterator<(String, Value)> for RawParams {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(iter: T) -> Self {
        Self(iter.into_iter().collect())
    }
}
