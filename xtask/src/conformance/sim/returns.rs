//! What the official schema says that a call returns, and where a body is otherwise.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Where a body is not as the schema says, as texts that name the place (`[].cpus is string, not integer`): the same deviation of two bodies is
/// the same text.
pub fn deviations(schema: &Value, body: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    check(schema, body, "", &mut found);
    found
}

fn check(schema: &Value, value: &Value, place: &str, found: &mut BTreeSet<String>) {
    let at = if place.is_empty() { "the answer" } else { place };
    let kind = schema.get("type").and_then(Value::as_str);
    if let Some(kind) = kind
        && !fits(kind, value)
    {
        found.insert(format!("{at} is {}, not {kind}", name_of(value)));
        return;
    }
    for all in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        check(all, value, place, found);
    }
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let fits_one = choices.iter().any(|choice| deviations(choice, value).is_empty());
        if !fits_one && !choices.is_empty() {
            found.insert(format!("{at} fits none of the alternatives"));
        }
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array)
        && kind == Some("string")
        && !value.is_null()
        && !choices.contains(value)
    {
        found.insert(format!("{at} cannot be {value}"));
    }
    range(schema, value, at, found);
    match value {
        Value::Object(object) => check_object(schema, object, place, found),
        Value::Array(rows) => {
            let items = schema.get("items");
            for row in rows {
                if let Some(items) = items {
                    check(items, row, &format!("{place}[]"), found);
                }
            }
        }
        _ => {}
    }
}

fn range(schema: &Value, value: &Value, at: &str, found: &mut BTreeSet<String>) {
    let Some(number) = value.as_f64() else { return };
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    if bound("minimum").is_some_and(|least| number < least) || bound("maximum").is_some_and(|most| number > most) {
        found.insert(format!("{at} is out of range"));
    }
}

fn check_object(schema: &Value, object: &Map<String, Value>, place: &str, found: &mut BTreeSet<String>) {
    let known = schema.get("properties").and_then(Value::as_object);
    let inside = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    for (key, property) in known.into_iter().flatten() {
        match object.get(key) {
            Some(value) => check(property, value, &inside(key), found),
            None if optional(property) || key.contains("[n]") => {}
            None => {
                found.insert(format!("{} is missing", inside(key)));
            }
        }
    }
    let further = schema.get("additionalProperties");
    for (key, value) in object.iter().filter(|(key, _)| !is_known(known, key)) {
        match further {
            Some(property @ Value::Object(_)) => check(property, value, &inside("*"), found),
            Some(Value::Bool(false)) => {
                found.insert(format!("{} is not in the schema", inside(key)));
            }
            Some(Value::Number(flag)) if flag.as_i64() == Some(0) => {
                found.insert(format!("{} is not in the schema", inside(key)));
            }
            _ => {}
        }
    }
}

/// Whether a key is among the properties, numbered ones as `net[n]`.
fn is_known(known: Option<&Map<String, Value>>, key: &str) -> bool {
    let numbered = format!("{}[n]", key.trim_end_matches(|c: char| c.is_ascii_digit()));
    known.is_some_and(|known| known.contains_key(key) || known.contains_key(&numbered))
}

fn optional(property: &Value) -> bool {
    match property.get("optional") {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Number(number)) => number.as_u64() == Some(1),
        Some(Value::String(text)) => text == "1",
        _ => false,
    }
}

/// Integers serve for booleans and numbers: Proxmox VE writes them so.
fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean() || value.as_i64().is_some_and(|number| number == 0 || number == 1),
        "null" => value.is_null(),
        _ => true,
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn deviations_name_the_place() {
        let schema = json!({ "type": "array", "items": { "type": "object", "properties": {
            "name": { "type": "string" },
            "size": { "type": "integer", "optional": 1, "minimum": 0 },
            "on": { "type": "boolean", "optional": 1 },
            "state": { "type": "string", "enum": ["up", "down"], "optional": true },
        } } });
        assert!(deviations(&schema, &json!([{ "name": "a", "size": 1, "on": 0, "state": "up" }])).is_empty());
        let found =
            deviations(&schema, &json!([{ "size": "1", "on": 2, "state": "left" }, { "name": "b", "size": -1 }]));
        let expected = [
            "[].name is missing",
            "[].on is integer, not boolean",
            "[].size is out of range",
            "[].size is string, not integer",
            "[].state cannot be \"left\"",
        ];
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
        assert!(!deviations(&json!({ "type": "null" }), &json!("x")).is_empty());
    }
}
