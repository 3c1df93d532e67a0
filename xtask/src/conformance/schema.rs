//! The official description of an API, and whether every typed call is in it with the right parameters.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proxmox_client::call::{Call, Since};
use proxmox_client::params::Kind;
use proxmox_client::{Method, Product, calls};
use serde_json::Value;

/// A schema, by method and path.
pub struct Schema {
    product: Product,
    release: (u16, u16),
    calls: BTreeMap<(Method, String), BTreeMap<String, Property>>,
    returns: BTreeMap<(Method, String), Value>,
}

struct Property {
    kind: Option<String>,
    optional: bool,
    choices: Vec<String>,
}

impl Schema {
    pub fn read(path: &Path) -> Result<Self, String> {
        let roots = super::read_json(path)?;
        let roots = roots.as_array().ok_or_else(|| format!("{}: not a list of trees", path.display()))?;
        let (mut calls, mut returns) = (BTreeMap::new(), BTreeMap::new());
        for root in roots {
            // The upgrade trees of a backup server are another protocol.
            if !root.get("path").and_then(Value::as_str).unwrap_or_default().contains("_upgrade_") {
                walk(root, &mut calls, &mut returns);
            }
        }
        let has = |method, path: &str| calls.contains_key(&(method, path.to_owned()));
        let (product, release) = match () {
            () if has(Method::Get, "/admin/datastore") => (Product::Pbs, (4, 2)),
            () if has(Method::Post, "/cluster/ha/status/disarm-ha") => (Product::Pve, (9, 2)),
            () if has(Method::Get, "/cluster/ha/rules") => (Product::Pve, (9, 0)),
            () if has(Method::Get, "/cluster/resources") => (Product::Pve, (8, 4)),
            () => return Err(format!("{}: neither PVE nor PBS", path.display())),
        };
        println!("schema of {product} {}.{}: {} methods", release.0, release.1, calls.len());
        Ok(Self { product, release, calls, returns })
    }

    pub const fn product(&self) -> Product {
        self.product
    }

    /// The newest release that the schema can be of.
    pub const fn release(&self) -> (u16, u16) {
        self.release
    }

    /// What a call returns.
    pub fn returns(&self, method: Method, template: &str) -> Option<&Value> {
        self.returns.get(&(method, template.to_owned()))
    }

    /// Checks every typed call of the product; how many failures.
    pub fn check_calls(&self) -> usize {
        let (mut checked, mut absent, mut params, mut failures) = (0, 0, 0, 0);
        let mut covered = BTreeSet::new();
        for call in calls::all().filter(|call| call.product == self.product) {
            if !call.since.includes(self.release.0, self.release.1) {
                absent += 1;
                continue;
            }
            checked += 1;
            params += (call.params)().len();
            covered.insert((call.method, call.template));
            for fault in self.faults(call) {
                failures += 1;
                println!("FAILS {call:?}: {fault}");
            }
        }
        println!(
            "{checked} typed calls on {} of {} methods, {params} parameters; {absent} calls are of other versions; {failures} failures",
            covered.len(),
            self.calls.len()
        );
        failures
    }

    fn faults(&self, call: &Call) -> Vec<String> {
        let Some(properties) = self.calls.get(&(call.method, call.template.to_owned())) else {
            return vec!["no such method and path in the schema".to_owned()];
        };
        let in_path: BTreeSet<&str> = call
            .template
            .split('/')
            .filter_map(|part| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')))
            .collect();
        let typed = (call.params)();
        let mut faults = Vec::new();
        for param in &typed {
            let Some(property) = properties.get(param.name) else {
                // A parameter that came later is no fault of a call that is older.
                if newer_than(call, param.name, self) {
                    continue;
                }
                faults.push(format!("the schema has no parameter {}", param.name));
                continue;
            };
            if let Some(kind) = &property.kind
                && !fits(param.kind, kind)
            {
                faults.push(format!("{} is {kind}, sent as {:?}", param.name, param.kind));
            }
            if !property.choices.is_empty() && property.kind.as_deref() != Some("boolean") {
                for choice in param.choices {
                    let known = property.choices.iter().any(|known| known == choice);
                    if !known && !choice_of_another_version(call, param.name, choice) {
                        faults.push(format!("{} cannot be {choice:?}", param.name));
                    }
                }
            }
        }
        for (name, property) in properties {
            let given =
                in_path.contains(name.as_str()) || typed.iter().any(|param| param.name == name && param.required);
            let listed = typed.iter().any(|param| param.name == name && param.kind == Kind::Array);
            // A list that must not be empty and one that may are the same type here; the server says no.
            let list_given = typed.iter().any(|param| param.name == name) && matches!(name.as_str(), "roles");
            if !property.optional && !given && !listed && !list_given {
                faults.push(format!("{name} is not optional, and the call may leave it out"));
            }
        }
        faults
    }
}

/// Whether the type sent is one that the schema's type takes.
fn fits(sent: Kind, kind: &str) -> bool {
    match sent {
        Kind::Text => matches!(kind, "string" | "array"),
        Kind::Integer => matches!(kind, "integer" | "number"),
        Kind::Number => matches!(kind, "number" | "integer"),
        Kind::Boolean => kind == "boolean",
        Kind::Array => kind == "array",
    }
}

/// Parameters that only one version has, of calls that all have: (path, parameter, versions that have it).
const VERSIONED_PARAMS: &[(&str, &str, Since)] =
    &[("/nodes/{node}/qemu", "virtiofs[n]", Since::From(8, 4)), ("/cluster/ha/resources", "group", Since::Always)];

/// Words that only one version has: (path, parameter, word).
const VERSIONED_CHOICES: &[(&str, &str, &str)] = &[];

fn newer_than(call: &Call, param: &str, schema: &Schema) -> bool {
    VERSIONED_PARAMS.iter().any(|&(path, name, since)| {
        path == call.template && name == param && !since.includes(schema.release.0, schema.release.1)
    })
}

fn choice_of_another_version(call: &Call, param: &str, choice: &str) -> bool {
    VERSIONED_CHOICES.contains(&(call.template, param, choice))
}

fn walk(
    node: &Value,
    calls: &mut BTreeMap<(Method, String), BTreeMap<String, Property>>,
    returns: &mut BTreeMap<(Method, String), Value>,
) {
    let path = node.get("path").and_then(Value::as_str).unwrap_or_default();
    for (word, info) in node.get("info").and_then(Value::as_object).into_iter().flatten() {
        let method = match info.get("method").and_then(Value::as_str).unwrap_or(word) {
            // Streaming calls are ordinary ones on the wire.
            "GET" | "DOWNLOAD" => Method::Get,
            "POST" | "UPLOAD" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            _ => continue,
        };
        let properties = info.pointer("/parameters/properties").and_then(Value::as_object);
        let properties =
            properties.into_iter().flatten().map(|(name, schema)| (name.clone(), property(schema))).collect();
        calls.insert((method, path.to_owned()), properties);
        if let Some(schema) = info.get("returns") {
            returns.insert((method, path.to_owned()), schema.clone());
        }
    }
    for child in node.get("children").and_then(Value::as_array).into_iter().flatten() {
        walk(child, calls, returns);
    }
}

fn property(schema: &Value) -> Property {
    let choices = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    Property {
        kind: schema.get("type").and_then(Value::as_str).map(str::to_owned),
        optional: match schema.get("optional") {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::Number(number)) => number.as_u64() == Some(1),
            Some(Value::String(text)) => text == "1",
            _ => false,
        },
        choices: choices.map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned)).collect(),
    }
}
