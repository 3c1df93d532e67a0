//! The document and the table say the same, and what they say is true of the façade as it is served.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    dead_code,
    unreachable_pub
)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use support::{Known, Shop, options, routes, start};

fn documented(document: &Value) -> BTreeSet<(String, String, String)> {
    let mut all = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let access = operation["x-access"].as_str().unwrap_or_else(|| panic!("{method} {path} has no x-access"));
            all.insert((method.to_uppercase(), path.clone(), access.to_owned()));
        }
    }
    all
}

#[tokio::test]
async fn every_route_of_the_table_is_in_the_served_document_and_the_reverse() {
    let served = start().await;
    let got = served.send("GET", "/api/openapi.json", &[], b"").await;
    assert_eq!((got.status, got.header("content-type")), (200, Some("application/json")));
    let document = got.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document, routes().document(&options()), "what is served is what can be checked in");

    let app = routes().into_app(Shop::default(), Arc::new(Known::default()), &options());
    let table: BTreeSet<_> = app
        .table
        .iter()
        .map(|route| (route.method.to_string(), route.path.clone(), route.access.as_str().to_owned()))
        .collect();
    assert_eq!(documented(&document), table);
    assert_eq!(table.len(), 15);
}

#[test]
fn operation_ids_are_unique() {
    let routes = routes();
    let ids: BTreeSet<_> = routes.table().iter().map(|route| route.operation_id.clone()).collect();
    assert_eq!(ids.len(), routes.table().len());
    assert!(!ids.contains(""));
}

#[test]
fn answers_are_described_in_the_envelope_and_errors_for_every_route() {
    let document = routes().document(&options());
    let list = &document["paths"]["/api/things"]["get"];
    let schema = &list["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(schema["properties"]["result"]["type"], "array");
    for member in ["timings", "warnings", "next_cursor"] {
        assert!(schema["properties"][member].is_object(), "{member}: {schema}");
    }
    let created =
        &document["paths"]["/api/things"]["post"]["responses"]["201"]["content"]["application/json"]["schema"];
    assert_eq!(created["properties"]["result"]["$ref"], "#/components/schemas/Thing");
    assert!(created["properties"].get("warnings").is_none());
    assert!(document["components"]["schemas"]["Thing"]["properties"]["quota"].is_object());
    assert!(document["components"]["schemas"]["Quota"].is_object(), "what a schema refers to is there");
    for status in ["400", "401", "403", "429", "default"] {
        let error = &list["responses"][status]["content"]["application/json"]["schema"]["$ref"];
        assert_eq!(*error, "#/components/schemas/Error", "{status}");
    }
    let health = &document["paths"]["/health"]["get"];
    assert_eq!((&health["security"], &health["x-access"]), (&serde_json::json!([]), &"public".into()));
    assert_eq!(health["responses"]["200"]["content"]["text/plain"]["schema"]["type"], "string");
    assert!(health["responses"].get("401").is_none());
}

#[test]
fn every_response_is_described_and_a_body_of_which_something_is_required_is_required() {
    let document = routes().document(&options());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let text = response["description"].as_str();
                assert!(text.is_some_and(|text| !text.is_empty()), "{method} {path} {status}");
            }
        }
    }
    assert_eq!(document["paths"]["/api/things"]["post"]["requestBody"]["required"], true);
}

#[test]
fn every_reference_of_the_document_resolves() {
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
    let document = routes().document(&options());
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_page_shows_every_route_and_runs_no_script() {
    let served = start().await;
    let got = served.send("GET", "/api/docs", &[], b"").await;
    assert_eq!((got.status, got.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(got.header("content-security-policy").unwrap().contains("default-src 'none'"));
    let page = String::from_utf8(got.body).unwrap();
    assert!(page.contains("The shop &lt;API&gt;") && !page.contains("<script"));
    for route in routes().table() {
        assert!(page.contains(&format!("<code>{}</code>", route.path)), "{}", route.path);
    }
}
