//! The routes and their description are what is checked in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every route with who may call it, a line each. `UPDATE_GOLDEN=1` writes the file.
#[test]
fn the_routes_and_who_may_call_them_change_only_on_purpose() {
    let table = bnna_api_platform::routes().table();
    let lines: Vec<String> = table
        .iter()
        .map(|route| format!("{:<6} {:<55} {}\n", route.method.as_str(), route.path, route.access.as_str()))
        .collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/routes.txt"), lines.concat()).unwrap();
    }
    assert_eq!(lines.concat(), read("tests/golden/routes.txt"), "UPDATE_GOLDEN=1 cargo test -p bnna-api-platform");
}

/// `UPDATE_GOLDEN=1` writes the file, as `cargo xtask openapi` does.
#[test]
fn the_checked_in_description_is_what_the_handlers_say() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let text = format!("{:#}\n", bnna_api_platform::document());
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi-platform.json"), text).unwrap();
    }
    let known: Value = serde_json::from_str(&read("../../docs/openapi-platform.json")).unwrap();
    let says = bnna_api_platform::document();
    for (path, item) in says["paths"].as_object().unwrap() {
        assert!(known["paths"][path] == *item, "{path} has changed: run `cargo xtask openapi`");
    }
    assert!(known == says, "docs/openapi-platform.json is not what the handlers say: run `cargo xtask openapi`");
}

#[test]
fn the_description_is_whole() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = bnna_api_platform::document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{place}: its id is taken");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{place} has no summary");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{place}");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_path: BTreeSet<&str> =
                parameters.iter().filter(|p| p["in"] == "path").map(|p| p["name"].as_str().unwrap()).collect();
            let named: BTreeSet<&str> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            assert_eq!(in_path, named, "{place}");
            for (status, answer) in operation["responses"].as_object().unwrap() {
                assert!(answer["description"].as_str().is_some_and(|text| !text.is_empty()), "{place} {status}");
            }
            let good = operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
            let bodies =
                good.filter(|(_, answer)| answer["content"].as_object().is_some_and(|types| !types.is_empty()));
            assert!(bodies.count() > 0, "{place} describes no answer");
        }
    }
}

#[test]
fn a_body_of_which_nothing_is_required_may_be_left_out() {
    let document = bnna_api_platform::document();
    let required = |path: &str, method: &str| document["paths"][path][method]["requestBody"]["required"].clone();
    assert_eq!(required("/api/platform/accounts", "post"), true);
    assert_eq!(required("/api/platform/accounts/{slug}/settings/{key}", "put"), true);
    assert_eq!(required("/api/platform/accounts/{slug}/suspend", "post"), false);
    assert_eq!(required("/api/platform/clusters/{host}/operator-token", "put"), false);
}

#[test]
fn every_route_of_the_document_for_this_part_is_there() {
    let documented = "
        GET /health
        GET /livez
        GET /readyz
        GET /metrics
        GET /api/version
        GET /api/platform/token/inspect
        GET /api/platform/accounts
        POST /api/platform/accounts
        GET /api/platform/accounts/{slug}
        POST /api/platform/accounts/{slug}/adopt
        POST /api/platform/accounts/{slug}/suspend
        POST /api/platform/accounts/{slug}/enable
        POST /api/platform/accounts/{slug}/disable
        DELETE /api/platform/accounts/{slug}
        GET /api/platform/accounts/{slug}/health
        GET /api/platform/accounts/{slug}/inventory
        GET /api/platform/accounts/{slug}/why
        GET /api/platform/accounts/{slug}/gc
        GET /api/platform/accounts/{slug}/settings
        PUT /api/platform/accounts/{slug}/settings/{key}
        DELETE /api/platform/accounts/{slug}/settings/{key}
        PUT /api/platform/accounts/{slug}/acls
        POST /api/platform/accounts/{slug}/repair
        POST /api/platform/accounts/{slug}/canary
        POST /api/platform/canary
        POST /api/platform/accounts/{slug}/impersonate
        GET /api/instances
        GET /api/instances/{vmid}/domains
        POST /api/instances/{vmid}/start
        POST /api/instances/{vmid}/stop
        POST /api/instances/{vmid}/shutdown
        POST /api/instances/{vmid}/reboot
        DELETE /api/instances/{vmid}
        POST /api/instances/{vmid}/adopt
        GET /api/tasks
        GET /api/platform/clusters
        PUT /api/platform/clusters/{host}
        PUT /api/platform/clusters/{host}/operator-token
        GET /api/nodes
        GET /api/platform/ssh-keys
        GET /api/platform/inventory
        GET /api/accounts/{slug}/tokens
        DELETE /api/accounts/{slug}/tokens/{id}
        GET /api/platform/audit
        GET /api/platform/operations
        GET /api/platform/operations/{id}
        POST /api/platform/operations/{id}/cancel";
    let table = bnna_api_platform::routes().table();
    let known: BTreeSet<String> = table.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let documented: BTreeSet<String> =
        documented.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    assert_eq!(known, documented);
}
