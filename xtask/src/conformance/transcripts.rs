//! Recorded conversations: every answer in them decodes, or reads as the error it is.

use std::path::Path;

use proxmox_client::error::CallName;
use proxmox_client::transport::{Answer, read_answer};
use proxmox_client::{Method, Product};
use serde_json::Value;

use super::bodies;

/// Checks all conversations; how many failures.
pub fn check(dir: &Path, product: Product, coverage: &mut super::Coverage) -> Result<usize, String> {
    let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut files: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let (mut decoded, mut refusals, mut other, mut failures) = (0, 0, 0, 0);
    for file in &files {
        let text = String::from_utf8(super::read(file)?).map_err(|error| format!("{}: {error}", file.display()))?;
        for line in text.lines().skip(1) {
            let exchange: Value = serde_json::from_str(line).map_err(|error| format!("{}: {error}", file.display()))?;
            match examine(product, &exchange) {
                Ok(Seen::Decoded(method, template)) => {
                    decoded += 1;
                    *coverage.entry((product, method, template.to_owned())).or_default() += 1;
                }
                Ok(Seen::Refusal) => refusals += 1,
                Ok(Seen::Other) => other += 1,
                Err(fault) => {
                    failures += 1;
                    let number = exchange.get("n").map(ToString::to_string).unwrap_or_default();
                    println!("FAILS {} exchange {number}: {fault}", file.display());
                }
            }
        }
    }
    println!(
        "{} conversations: {decoded} bodies decoded, {refusals} refusals read, {other} of calls that are not typed or of another product, {failures} failures",
        files.len()
    );
    if decoded == 0 {
        return Err(format!("no conversation with {product} in {}", dir.display()));
    }
    Ok(failures)
}

enum Seen {
    Decoded(Method, &'static str),
    Refusal,
    Other,
}

fn examine(product: Product, exchange: &Value) -> Result<Seen, String> {
    let text = |pointer: &str| exchange.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let asked = if text("/entry").starts_with("pbs") { Product::Pbs } else { Product::Pve };
    let (Some(method), Some(status)) = (
        super::recorded::method(text("/request/method")),
        exchange.pointer("/response/status").and_then(Value::as_u64),
    ) else {
        return Ok(Seen::Other);
    };
    if asked != product || status == 0 || exchange.pointer("/request/prefix").is_some_and(|prefix| !prefix.is_null()) {
        return Ok(Seen::Other);
    }
    let path = text("/request/path");
    let Some(template) = bodies::template_of(product, method, path) else { return Ok(Seen::Other) };
    let body = exchange.pointer("/response/body").cloned().unwrap_or(Value::Null);
    if status != 200 {
        return refusal(method, template, status, exchange, &body).map(|()| Seen::Refusal);
    }
    let Some(data) = body.get("data") else { return Ok(Seen::Other) };
    let parts = ["/request/form", "/request/json", "/request/query"]
        .into_iter()
        .filter_map(|pointer| exchange.pointer(pointer));
    let sent: serde_json::Map<String, Value> =
        parts.filter_map(Value::as_object).flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
    let raw = ["/request/raw_body", "/request/raw_query"]
        .iter()
        .any(|part| exchange.pointer(part).is_some_and(|raw| !raw.is_null()));
    let sent = (!raw).then_some(Value::Object(sent));
    bodies::decode(product, method, template, sent.as_ref(), data)
        .map(|_| Seen::Decoded(method, template))
        .map_err(|fault| format!("{method} {path}: {fault}"))
}

fn refusal(method: Method, template: &str, status: u64, exchange: &Value, body: &Value) -> Result<(), String> {
    let status = u16::try_from(status).map_err(|error| error.to_string())?;
    let text = |pointer: &str| exchange.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let raw = if body.is_null() { text("/response/text").to_owned() } else { body.to_string() };
    let answer = Answer {
        status,
        reason: text("/response/reason").to_owned(),
        content_type: text("/response/content_type").to_owned(),
        body: raw.into_bytes().into(),
    };
    let call = CallName { method, template: template.to_owned() };
    let Err(error) = read_answer(&call, "recorded", &answer) else {
        return Err(format!("status {status} reads as success"));
    };
    let expected = body.get("errors").and_then(Value::as_object).map(|errors| errors.len()).unwrap_or_default();
    match error.refusal() {
        Some(refusal) if refusal.fields.len() == expected && refusal.status == status => Ok(()),
        None if status >= 595 => Ok(()),
        _ => Err(format!("status {status} lost something: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_in_the_shared_conversations_decodes() {
        let dir = crate::process::workspace_root().join("../shared/contract/transcripts");
        if !dir.is_dir() {
            eprintln!("SKIPPED: no recorded transcripts at {}", dir.display());
            return;
        }
        for product in [Product::Pve, Product::Pbs] {
            let mut coverage = super::super::Coverage::new();
            assert_eq!(check(&dir, product, &mut coverage), Ok(0), "{product}");
        }
    }
}
