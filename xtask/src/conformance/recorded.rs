//! Recorded answers: one file each, listed in INDEX.json.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proxmox_client::error::CallName;
use proxmox_client::transport::{Answer, read_answer};
use proxmox_client::{Method, Product};
use serde::Deserialize;
use serde_json::Value;

use super::bodies;

#[derive(Deserialize)]
struct Entry {
    file: String,
    method: String,
    template: String,
    status: u16,
    #[serde(default)]
    reason: Option<String>,
    product: String,
    kind: String,
    #[serde(default)]
    request: Option<Value>,
}

#[derive(Deserialize)]
struct Explained {
    file: String,
    reason: String,
}

#[derive(Default)]
struct Counts {
    decoded: usize,
    refusals: usize,
    not_typed: usize,
    failed: usize,
    explained: usize,
}

/// Checks all answers of a product; how many failures.
pub fn check(dir: &Path, product: Product, explained: &Path, coverage: &mut super::Coverage) -> Result<usize, String> {
    let index: Vec<Entry> = serde_json::from_value(super::read_json(&dir.join("INDEX.json"))?)
        .map_err(|error| format!("INDEX.json: {error}"))?;
    let mut known = read_explained(explained)?;
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let mut templates = BTreeSet::new();
    let mut failures = 0;
    for entry in index.iter().filter(|entry| entry.product == product.to_string().to_lowercase()) {
        let count = counts.entry(entry.kind.clone()).or_default();
        let Some(method) = method(&entry.method) else { continue };
        let result = match entry.status {
            200 => success(dir, product, method, entry),
            _ => refusal(dir, method, entry).map(|()| None),
        };
        match result {
            Ok(Some(0)) => count.not_typed += 1,
            Ok(Some(_)) => {
                count.decoded += 1;
                templates.insert((method, entry.template.as_str()));
                *coverage.entry((product, method, entry.template.clone())).or_default() += 1;
            }
            Ok(None) => count.refusals += 1,
            Err(fault) => match known.remove(&entry.file).filter(|_| entry.kind != "recorded") {
                Some(reason) => {
                    count.explained += 1;
                    println!("explained {}: {fault} ({reason})", entry.file);
                }
                None => {
                    count.failed += 1;
                    failures += 1;
                    println!("FAILS {} ({}): {fault}", entry.file, entry.kind);
                }
            },
        }
    }
    for (file, reason) in &known {
        // The list serves all products: only what belongs to this one can be out of date.
        if index.iter().any(|entry| entry.file == *file && entry.product == product.to_string().to_lowercase()) {
            println!("note: {file} is explained ({reason}) and does not fail");
        }
    }
    for (kind, count) in &counts {
        println!(
            "{kind}: {} bodies decoded, {} refusals read, {} of calls that are not typed, {} failures explained, {} not",
            count.decoded, count.refusals, count.not_typed, count.explained, count.failed
        );
    }
    println!("recorded answers cover {} methods that are typed", templates.len());
    if counts.is_empty() {
        return Err(format!("no answers of {product} in {}", dir.display()));
    }
    Ok(failures)
}

fn read_explained(path: &Path) -> Result<BTreeMap<String, String>, String> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let list: Vec<Explained> =
        serde_json::from_value(super::read_json(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(list.into_iter().map(|entry| (entry.file, entry.reason)).collect())
}

pub fn method(word: &str) -> Option<Method> {
    [Method::Get, Method::Post, Method::Put, Method::Delete].into_iter().find(|method| method.as_str() == word)
}

/// How many typed calls read the body.
fn success(dir: &Path, product: Product, method: Method, entry: &Entry) -> Result<Option<usize>, String> {
    let body = super::read(&dir.join(&entry.file))?;
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        // Downloads and pages are no JSON; no typed call reads them as such.
        return match proxmox_client::calls::find(product, method, &entry.template).next() {
            Some(call) => Err(format!("{}: the body is not JSON", call.function)),
            None => Ok(Some(0)),
        };
    };
    let data = body.get("data").cloned().unwrap_or(Value::Null);
    bodies::decode(product, method, &entry.template, entry.request.as_ref(), &data).map(Some)
}

/// Every refusal reads as an error with the server's words.
fn refusal(dir: &Path, method: Method, entry: &Entry) -> Result<(), String> {
    let body = super::read(&dir.join(&entry.file))?;
    let call = CallName { method, template: entry.template.clone() };
    let answer = Answer {
        status: entry.status,
        reason: entry.reason.clone().unwrap_or_default(),
        content_type: String::new(),
        body: body.into(),
    };
    match read_answer(&call, "recorded", &answer) {
        Ok(_) => Err(format!("status {} reads as success", entry.status)),
        Err(error) if error.status() == Some(entry.status) => Ok(()),
        Err(error) => Err(format!("status {} is lost: {error}", entry.status)),
    }
}
