//! Which keys the answers of real servers to a call always have, and where they themselves are not as the schema says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proxmox_client::{Method, Product};
use serde::Deserialize;
use serde_json::Value;

use super::super::{bodies, read, read_json, recorded, schema::Schema};
use super::returns;

/// Where an object stands, and what kind of object it is there: rows of one list differ by `type`, and by whether a thing runs.
type Place = (String, String);

/// What the answers to one call, asked with parameters of the same names, have in common.
#[derive(Debug, Default)]
pub struct Common {
    always: BTreeMap<Place, BTreeSet<String>>,
    bodies: usize,
}

/// All that was seen.
#[derive(Debug, Default)]
pub struct Seen {
    calls: BTreeMap<(Method, String), BTreeMap<String, Common>>,
    deviations: BTreeMap<(Method, String), BTreeSet<String>>,
}

#[derive(Deserialize)]
struct Entry {
    file: String,
    method: String,
    template: String,
    status: u16,
    product: String,
    series: String,
    kind: String,
    #[serde(default)]
    query: Option<Value>,
}

impl Common {
    fn add(&mut self, data: &Value) {
        self.bodies += 1;
        let mut found = BTreeMap::new();
        collect(data, "", &mut found);
        for (place, keys) in found {
            match self.always.get_mut(&place) {
                Some(always) => always.retain(|key| keys.contains(key)),
                None => {
                    self.always.insert(place, keys);
                }
            }
        }
    }
}

/// The keys that all objects at each place have.
fn collect(value: &Value, place: &str, found: &mut BTreeMap<Place, BTreeSet<String>>) {
    match value {
        Value::Object(object) => {
            let kind = kind_of(value);
            // What is said of the present state is not said of any snapshot.
            let kinds = if kind.ends_with(PRESENT) { vec![kind.as_str()] } else { vec!["", kind.as_str()] };
            for kind in kinds {
                let keys = || object.keys().cloned().collect::<BTreeSet<_>>();
                found
                    .entry((place.to_owned(), kind.to_owned()))
                    .and_modify(|always| always.retain(|key| object.contains_key(key)))
                    .or_insert_with(keys);
            }
            for (key, value) in object {
                collect(value, &format!("{place}.{key}"), found);
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| collect(row, &format!("{place}[]"), found)),
        _ => {}
    }
}

/// The kind of the row of a list of snapshots that is the present state.
const PRESENT: &str = "/current";

fn kind_of(value: &Value) -> String {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let status = Some(text("status")).filter(|word| ["running", "stopped", "online", "offline"].contains(word));
    // In lists of snapshots one row is not a snapshot but the present.
    let present = if text("name") == "current" { PRESENT } else { "" };
    format!("{}/{}{present}", text("type"), status.unwrap_or_default())
}

impl Seen {
    /// Reads recorded answers of the product's present series.
    pub fn read_recorded(&mut self, dir: &Path, schema: &Schema) -> Result<(), String> {
        let product = schema.product();
        let series = match product {
            Product::Pve => "pve9",
            Product::Pbs => "pbs4",
        };
        let index: Vec<Entry> = serde_json::from_value(read_json(&dir.join("INDEX.json"))?)
            .map_err(|error| format!("INDEX.json: {error}"))?;
        let ours = |entry: &&Entry| {
            entry.status == 200
                && entry.kind == "recorded"
                && entry.series == series
                && entry.product == product.to_string().to_lowercase()
        };
        for entry in index.iter().filter(ours) {
            let Some(method) = recorded::method(&entry.method) else { continue };
            let Ok(body) = serde_json::from_slice::<Value>(&read(&dir.join(&entry.file))?) else { continue };
            let names = match &entry.query {
                Some(Value::String(query)) => {
                    query.split('&').filter_map(|pair| pair.split('=').next()).map(str::to_owned).collect()
                }
                _ => Vec::new(),
            };
            self.add(schema, method, &entry.template, names, body.get("data").unwrap_or(&Value::Null));
        }
        Ok(())
    }

    /// Reads recorded conversations.
    pub fn read_transcripts(&mut self, dir: &Path, schema: &Schema) -> Result<(), String> {
        let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let mut files: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        for file in &files {
            let text = String::from_utf8(read(file)?).map_err(|error| format!("{}: {error}", file.display()))?;
            for line in text.lines().skip(1) {
                let exchange: Value =
                    serde_json::from_str(line).map_err(|error| format!("{}: {error}", file.display()))?;
                self.add_exchange(schema, &exchange);
            }
        }
        Ok(())
    }

    fn add_exchange(&mut self, schema: &Schema, exchange: &Value) {
        let text = |pointer: &str| exchange.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let asked = if text("/entry").starts_with("pbs") { Product::Pbs } else { Product::Pve };
        let prefixed = exchange.pointer("/request/prefix").is_some_and(|prefix| !prefix.is_null());
        let unlike = exchange.get("not_representative").and_then(Value::as_bool) == Some(true);
        let ok = exchange.pointer("/response/status").and_then(Value::as_u64) == Some(200);
        if asked != schema.product() || prefixed || unlike || !ok {
            return;
        }
        let Some(method) = recorded::method(text("/request/method")) else { return };
        let Some(template) = bodies::template_of(asked, method, text("/request/path")) else { return };
        let Some(data) = exchange.pointer("/response/body/data") else { return };
        let query = exchange.pointer("/request/query").and_then(Value::as_object);
        let names = query.into_iter().flatten().map(|(name, _)| name.clone()).collect();
        self.add(schema, method, template, names, data);
    }

    fn add(&mut self, schema: &Schema, method: Method, template: &str, names: Vec<String>, data: &Value) {
        let call = (method, template.to_owned());
        let by_names = self.calls.entry(call.clone()).or_default();
        by_names.entry(shape(method, names)).or_default().add(data);
        by_names.entry("any".to_owned()).or_default().add(data);
        if let Some(returns) = schema.returns(method, template) {
            self.deviations.entry(call).or_default().extend(returns::deviations(returns, data));
        }
    }

    /// Where answers of real servers to this call are not as the schema says.
    pub fn deviates(&self, method: Method, template: &str, deviation: &str) -> bool {
        self.deviations.get(&(method, template.to_owned())).is_some_and(|known| known.contains(deviation))
    }

    /// How many calls were seen.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Whether there are answers to compare with.
    pub fn has(&self, method: Method, template: &str) -> bool {
        self.calls.contains_key(&(method, template.to_owned()))
    }

    /// The keys that real answers always have and this one lacks, as `[].key`.
    pub fn lacking(&self, method: Method, template: &str, names: Vec<String>, data: &Value) -> BTreeSet<String> {
        let Some(by_names) = self.calls.get(&(method, template.to_owned())) else { return BTreeSet::new() };
        let known: Vec<&Common> =
            [by_names.get(&shape(method, names)), by_names.get("any")].into_iter().flatten().collect();
        let mut lacking = BTreeSet::new();
        missing(&known, data, "", &mut lacking);
        lacking
    }
}

/// Answers differ in shape by which parameters were given, not by their values.
fn shape(method: Method, mut names: Vec<String>) -> String {
    names.sort();
    names.dedup();
    if method == Method::Get { names.join(" ") } else { String::new() }
}

/// `known` is what compares best first. An object is held against those of its kind, wherever there are any.
fn missing(known: &[&Common], value: &Value, place: &str, lacking: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            let of =
                |kind: &str| known.iter().find_map(|common| common.always.get(&(place.to_owned(), kind.to_owned())));
            for key in of(&kind_of(value)).or_else(|| of("")).into_iter().flatten() {
                if !object.contains_key(key) {
                    lacking.insert(format!("{place}.{key}").trim_start_matches('.').to_owned());
                }
            }
            for (key, value) in object {
                missing(known, value, &format!("{place}.{key}"), lacking);
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| missing(known, row, &format!("{place}[]"), lacking)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_all_of_a_kind_have_is_asked_for() {
        let mut common = Common::default();
        common.add(&json!([{ "type": "a", "x": 1, "y": { "z": 1 } }, { "type": "b", "x": 1, "w": 1 }]));
        common.add(&json!([{ "type": "a", "x": 1, "v": 1, "y": { "z": 1 } }]));
        let mut lacking = BTreeSet::new();
        missing(
            &[&common],
            &json!([{ "type": "a", "y": {} }, { "type": "b", "x": 1 }, { "type": "c" }]),
            "",
            &mut lacking,
        );
        assert_eq!(lacking.into_iter().collect::<Vec<_>>(), ["[].w", "[].x", "[].y.z"]);
    }
}
