//! Reading JSON as leniently as Proxmox writes it.
//!
//! Numbers come as strings, booleans as 0 and 1 or `"1"`, strings that look like numbers as numbers, empty lists where an
//! object is meant, and null where a key might as well be missing. Instead of an attribute at every field this is one deserialiser over a parsed value, so that the
//! types of answers are plain `Deserialize` structs. It also remembers where it is: an error names the path.

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde_json::{Map, Value};

/// JSON that is not of the shape that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {}: {text}", if .path.is_empty() { "the top" } else { .path.as_str() })]
pub struct DecodeError {
    /// Where, as `data.members[3].vmid`.
    pub path: String,
    /// What was found and what was expected.
    pub text: String,
}

impl DecodeError {
    fn below(mut self, part: &str) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{part}{joint}{}", self.path);
        self
    }
}

impl de::Error for DecodeError {
    fn custom<T: std::fmt::Display>(text: T) -> Self {
        Self { path: String::new(), text: text.to_string() }
    }
}

/// Reads a value.
///
/// # Errors
/// When it is of another shape, with the path to the place.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, DecodeError> {
    T::deserialize(Lenient(value))
}

struct Lenient(Value);

fn unexpected(value: &Value, expected: &str) -> DecodeError {
    let found = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    de::Error::custom(format!("{found} where {expected} was expected"))
}

impl Lenient {
    /// The number it stands for.
    fn number<'de, V: Visitor<'de>>(self, visitor: V, integral: bool) -> Result<V::Value, DecodeError> {
        let parsed = match &self.0 {
            Value::Number(number) => number.clone(),
            Value::Bool(flag) => u64::from(*flag).into(),
            Value::String(text) => parse_number(text).ok_or_else(|| unexpected(&self.0, "a number"))?,
            other => return Err(unexpected(other, "a number")),
        };
        if let Some(whole) = parsed.as_u64() {
            return visitor.visit_u64(whole);
        }
        if let Some(whole) = parsed.as_i64() {
            return visitor.visit_i64(whole);
        }
        let float = parsed.as_f64().unwrap_or_default();
        if !integral {
            return visitor.visit_f64(float);
        }
        // Counters that Perl let grow beyond 2^53 or divided: 1.5e+09.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded in the condition")]
        if (0.0..1.8e19).contains(&float) {
            visitor.visit_u64(float.round() as u64)
        } else if (-9.2e18..0.0).contains(&float) {
            visitor.visit_i64(float.round() as i64)
        } else {
            Err(unexpected(&self.0, "a whole number"))
        }
    }
}

/// A number written as text, blanks around it allowed.
fn parse_number(text: &str) -> Option<serde_json::Number> {
    let text = text.trim();
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    text.parse::<f64>().ok().filter(|_| numeric).and_then(serde_json::Number::from_f64)
}

/// The truth value it stands for.
fn parse_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => number.as_f64().map(|number| number != 0.0),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "" | "0" | "false" | "no" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

macro_rules! numbers {
    ($($method:ident $integral:literal),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            self.number(visitor, $integral)
        })*
    };
}

impl<'de> de::Deserializer<'de> for Lenient {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(flag),
            Value::Number(number) => Lenient(Value::Number(number)).number(visitor, false),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter(), at: 0 }),
            Value::Object(map) => visitor.visit_map(Entries { entries: map.into_iter(), value: None }),
        }
    }

    numbers!(
        deserialize_i8 true, deserialize_i16 true, deserialize_i32 true, deserialize_i64 true, deserialize_i128 true,
        deserialize_u8 true, deserialize_u16 true, deserialize_u32 true, deserialize_u64 true, deserialize_u128 true,
        deserialize_f32 false, deserialize_f64 false
    );

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let flag = parse_bool(&self.0).ok_or_else(|| unexpected(&self.0, "true or false"))?;
        visitor.visit_bool(flag)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            Value::Number(number) => visitor.visit_string(number.to_string()),
            Value::Bool(flag) => visitor.visit_string(u8::from(flag).to_string()),
            other => Err(unexpected(&other, "a text")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        // A call that answers with nothing may well answer with something in another version.
        visitor.visit_unit()
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter(), at: 0 }),
            other => Err(unexpected(&other, "a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Object(map) => visitor.visit_map(Entries { entries: map.into_iter(), value: None }),
            // Perl knows no empty object apart from an empty list.
            Value::Array(items) if items.is_empty() => {
                visitor.visit_map(Entries { entries: Map::new().into_iter(), value: None })
            }
            other => Err(unexpected(&other, "an object")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(text.into_deserializer()),
            other => Err(unexpected(&other, "a word")),
        }
    }

    serde::forward_to_deserialize_any! {
        bytes byte_buf unit_struct tuple tuple_struct identifier ignored_any
    }
}

struct Items {
    items: std::vec::IntoIter<Value>,
    at: usize,
}

impl<'de> de::SeqAccess<'de> for Items {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        let Some(value) = self.items.next() else { return Ok(None) };
        let at = self.at;
        self.at += 1;
        seed.deserialize(Lenient(value)).map(Some).map_err(|error| error.below(&format!("[{at}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries {
    entries: serde_json::map::IntoIter,
    value: Option<(String, Value)>,
}

impl<'de> de::MapAccess<'de> for Entries {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        // A key whose value is null is a key that is not there.
        let Some((key, value)) = self.entries.find(|(_, value)| !value.is_null()) else { return Ok(None) };
        let parsed = seed.deserialize(Key(key.clone()))?;
        self.value = Some((key, value));
        Ok(Some(parsed))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, DecodeError> {
        let (key, value) = self.value.take().unwrap_or_default();
        seed.deserialize(Lenient(value)).map_err(|error| error.below(&key))
    }
}

/// A key of an object: text, or the number or identifier written in it.
struct Key(String);

macro_rules! number_keys {
    ($($method:ident $visit:ident $type:ty),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            match self.0.parse::<$type>() {
                Ok(number) => visitor.$visit(number),
                Err(_) => visitor.visit_string(self.0),
            }
        })*
    };
}

impl<'de> de::Deserializer<'de> for Key {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_string(self.0)
    }

    number_keys!(deserialize_u8 visit_u8 u8, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64);

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u16 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Row {
        vmid: u32,
        cpu: Option<f64>,
        template: Option<bool>,
        name: Option<String>,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }

    #[test]
    fn numbers_texts_and_flags_are_interchangeable() {
        let row: Row =
            from_value(json!({"vmid": "100", "cpu": "1.5e-1", "template": "1", "name": 7, "x": {"y": 1}})).unwrap();
        assert_eq!((row.vmid, row.cpu, row.template, row.name.as_deref()), (100, Some(0.15), Some(true), Some("7")));
        assert_eq!(row.rest, BTreeMap::from([("x".to_owned(), json!({"y": 1}))]));
        let row: Row = from_value(json!({"vmid": 1.0e2, "cpu": null, "template": ""})).unwrap();
        assert_eq!((row.vmid, row.cpu, row.template), (100, None, Some(false)));
    }

    #[test]
    fn an_error_names_the_place() {
        let error = from_value::<Vec<Row>>(json!([{"vmid": 1}, {"vmid": "N/A"}])).unwrap_err();
        assert_eq!(error.to_string(), "at [1].vmid: \"N/A\" where a number was expected");
        let error = from_value::<BTreeMap<String, Vec<u8>>>(json!({"a": [1, 300]})).unwrap_err();
        assert_eq!(error.path, "a[1]");
        let error = from_value::<u64>(json!({"a": 1})).unwrap_err();
        assert_eq!(error.to_string(), "at the top: an object where a number was expected");
    }

    #[test]
    fn an_empty_list_is_an_empty_object() {
        assert_eq!(from_value::<BTreeMap<String, u8>>(json!([])).unwrap(), BTreeMap::new());
        assert!(from_value::<BTreeMap<String, u8>>(json!([1])).is_err());
        assert_eq!(from_value::<BTreeMap<u32, bool>>(json!({"5": "1"})).unwrap(), BTreeMap::from([(5, true)]));
    }

    #[test]
    fn null_is_absence() {
        let row: Row = from_value(json!({"vmid": 1, "name": null, "more": null})).unwrap();
        assert_eq!((row.name, row.rest.len()), (None, 0));
        assert!(from_value::<Row>(json!({"vmid": null})).unwrap_err().to_string().contains("missing field `vmid`"));
    }

    proptest! {
        #[test]
        fn whole_numbers_survive_being_text(number: i64, unsigned: u64) {
            prop_assert_eq!(from_value::<i64>(json!(number.to_string())).unwrap(), number);
            prop_assert_eq!(from_value::<u64>(json!(unsigned.to_string())).unwrap(), unsigned);
            prop_assert_eq!(from_value::<u64>(json!(unsigned)).unwrap(), unsigned);
        }
        #[test]
        fn no_text_panics(text in ".{0,30}") {
            let _ = from_value::<u64>(json!(text));
            let _ = from_value::<f64>(json!(text));
            let _ = from_value::<bool>(json!(text));
        }
    }
}
