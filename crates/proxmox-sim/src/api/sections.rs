//! What calls on configuration sections have in common: values out of parameters, rows with id and digest.

use serde_json::{Value, json};

use crate::state::Cluster;
use crate::state::digest::assert_unmodified;
use crate::state::sections::Entry;

use super::{Call, Fault, ParamValue};

/// Parameters that are no settings.
const NEVER: &[&str] = &["delete", "digest", "node"];

/// Puts the parameters of a call, but for these, into an entry. Text that is a number or a flag becomes a number where it is one of `numbers`.
pub(super) fn take(call: &Call, entry: &mut Entry, but: &[&str], numbers: &[&str]) {
    for (key, value) in &call.params {
        if NEVER.contains(&key.as_str()) || but.contains(&key.as_str()) {
            continue;
        }
        let value = match value {
            ParamValue::List(items) => json!(items),
            ParamValue::Text(text) => match text.parse::<i64>() {
                Ok(number) if numbers.contains(&key.as_str()) => json!(number),
                _ => json!(text),
            },
        };
        entry.insert(key.clone(), value);
    }
}

/// An entry as a row: with its id under `key` and the digest of its file.
pub(super) fn row(cluster: &Cluster, kind: &str, key: Option<&str>, id: &str, entry: &Entry) -> Entry {
    let mut row = entry.clone();
    if let Some(key) = key {
        row.insert(key.to_owned(), id.into());
    }
    row.insert("digest".to_owned(), cluster.sections.digest(kind).into());
    row
}

/// Refuses a change made against an older configuration.
pub(super) fn unmodified(cluster: &Cluster, call: &Call, kind: &str) -> Result<(), Fault> {
    assert_unmodified(&cluster.sections.digest(kind), call.text("digest"))
}

/// A text setting.
pub(super) fn text<'e>(entry: &'e Entry, key: &str) -> Option<&'e str> {
    entry.get(key).and_then(Value::as_str)
}
