//! The OpenAPI 3.1 document of a façade's routes.
//!
//! Handlers describe what they answer with, without the envelope: `responses((status = 200, body = Account))`. This module
//! wraps it, adds who may call (`x-access`, `security`), and the error answers every route can give. An operation whose answer
//! has no envelope says `extensions(("x-envelope" = json!(false)))`; one that is no list and has `warnings` or
//! `next_cursor` all the same says `extensions(("x-warnings" = json!(true)))` or `x-paged`.

use axum::http::Method;
use bnna_auth::Access;
use bnna_platform::views::DryRun;
use serde_json::{Map, Value, json};
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::{Info, OpenApi, Paths};

use crate::code::Code;
use crate::layers;
use crate::routes::{RouteInfo, Routes};

/// What a document says of the façade it describes.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// The version of the program.
    pub version: String,
    /// What it is, in Markdown.
    pub description: String,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// The OpenAPI document of these routes. The same routes give the same text.
    #[must_use]
    pub fn openapi(&self, about: &Document) -> Value {
        let mut paths = Paths::new();
        for (path, method, operation) in &self.operations {
            paths.add_path_operation(path, vec![method.clone()], operation.clone());
        }
        let mut info = Info::new(&about.title, &about.version);
        info.description = Some(about.description.clone());
        let mut document = serde_json::to_value(OpenApi::new(info, paths)).unwrap_or_else(|error| {
            tracing::error!(%error, "the OpenAPI document cannot be written");
            json!({})
        });
        for (path, method, _) in &self.operations {
            let entry = self.table.iter().find(|entry| entry.path == *path && entry.method == method_of(method));
            let operation = document.pointer_mut(&format!("/paths/{}/{}", escape(path), key_of(method)));
            if let (Some(entry), Some(Value::Object(operation))) = (entry, operation) {
                complete(operation, entry);
                self.relax(operation);
            }
        }
        if let Value::Object(document) = &mut document {
            document.insert("components".into(), self.components());
        }
        document
    }

    /// A body of which nothing is required need not be there: no body is read as `{}`.
    fn relax(&self, operation: &mut Map<String, Value>) {
        let Some(body) = operation.get_mut("requestBody") else { return };
        let schema = body.pointer("/content/application~1json/schema/$ref").and_then(Value::as_str);
        let schema = schema.and_then(|name| self.schemas.get(name.rsplit('/').next()?));
        let demands = |schema: &Value| schema["required"].as_array().is_some_and(|fields| !fields.is_empty());
        if schema.is_some_and(|schema| schema["type"] == "object" && !demands(schema)) {
            body["required"] = Value::Bool(false);
        }
    }

    fn components(&self) -> Value {
        let mut schemas: Map<String, Value> = self.schemas.clone().into_iter().collect();
        let words: Vec<String> = Code::FIXED.iter().map(Code::word).collect();
        let mut dry_run = Vec::new();
        <DryRun as utoipa::ToSchema>::schemas(&mut dry_run);
        dry_run.push(("DryRun".to_owned(), <DryRun as utoipa::PartialSchema>::schema()));
        for (name, schema) in dry_run {
            schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
        }
        schemas.insert(
            "Timings".into(),
            json!({
                "type": "array",
                "description": "What was waited for, in order of completion, ending with `total`.",
                "items": {
                    "type": "object",
                    "required": ["name", "ms"],
                    "properties": { "name": { "type": "string" }, "ms": { "type": "number" } }
                }
            }),
        );
        schemas.insert(
            "Warnings".into(),
            json!({
                "type": "array",
                "description": "Parts that are missing from the answer, and why. Absent when nothing is missing.",
                "items": {
                    "type": "object",
                    "required": ["cluster", "message"],
                    "properties": { "cluster": { "type": "string" }, "message": { "type": "string" } }
                }
            }),
        );
        schemas.insert(
            "Error".into(),
            json!({
                "type": "object",
                "required": ["error", "code", "timings"],
                "properties": {
                    "error": { "type": "string", "description": "What is wrong and what to do, for people." },
                    "code": {
                        "description": "A stable word.",
                        "anyOf": [{ "type": "string", "enum": words }, { "type": "string", "pattern": "^invalid_[a-z0-9_]+$" }]
                    },
                    "details": { "description": "More, for programs." },
                    "timings": { "$ref": "#/components/schemas/Timings" }
                }
            }),
        );
        json!({
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An operator's csvauth token, or a tenant's `bn_` token."
                },
                "proxmox": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`PVEAPIToken=root@pam!<name>=<secret>`, validated against the known clusters."
                }
            }
        })
    }
}

/// The header and the parameter that every call has that changes something.
fn of_changes() -> [Value; 2] {
    [
        json!({
            "name": layers::KEY, "in": "header", "required": false,
            "description": "Makes the call repeatable: for 24 hours the same call of the same caller with the same key gets the \
                first one's answer, with `Idempotency-Replayed: true`; with another body or query it is 409 `key_reused`. Only \
                answers of 200 to 299 are kept. While the first call runs a repeat waits for it as `Prefer: wait=N` says, then \
                gets 202 with its operation, or 409 `in_use`. After a crash it gets 202 with the operation, or 409 `cut_off` \
                where the call was begun and became none.",
            "schema": { "type": "string", "minLength": 1, "maxLength": layers::LONGEST_KEY, "pattern": "^[!#-~]+$" }
        }),
        json!({
            "name": layers::DRY_RUN, "in": "query", "required": false,
            "description": "Says what the call would do, and does nothing. Refusals are the same.",
            "schema": { "type": "string", "enum": ["1", "true", "0", "false"] }
        }),
    ]
}

/// Lets a call that changes something answer with what it would do.
fn may_rehearse(responses: &mut Map<String, Value>) {
    let dry_run =
        wrapped(json!({ "$ref": "#/components/schemas/DryRun" }), Extra { warnings: false, next_cursor: false });
    let real = responses.get("200").and_then(|ok| ok.pointer("/content/application~1json/schema")).cloned();
    let text = responses.get("200").and_then(|ok| ok["description"].as_str()).unwrap_or_default();
    let description = format!("{text} With `dry_run` what would be done.").trim().to_owned();
    let schema = match real {
        Some(real) => json!({ "anyOf": [real, dry_run] }),
        None => dry_run,
    };
    let answer = json!({ "description": description, "content": { "application/json": { "schema": schema } } });
    responses.insert("200".into(), answer);
}

/// Adds to an operation what holds for every route.
fn complete(operation: &mut Map<String, Value>, entry: &RouteInfo) {
    let changes = !matches!(entry.method, Method::GET | Method::HEAD);
    if changes && let Value::Array(parameters) = operation.entry("parameters").or_insert_with(|| json!([])) {
        parameters.extend(of_changes());
    }
    let enveloped = operation.remove("x-envelope") != Some(Value::Bool(false));
    let extra = Extra {
        warnings: operation.remove("x-warnings") == Some(Value::Bool(true)),
        next_cursor: operation.remove("x-paged") == Some(Value::Bool(true)),
    };
    operation.insert("x-access".into(), json!(entry.access.as_str()));
    operation.insert(
        "security".into(),
        if entry.access == Access::Public { json!([]) } else { json!([{ "bearer": [] }, { "proxmox": [] }]) },
    );
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Value::Object(responses) = responses else { return };
    for (status, response) in responses.iter_mut() {
        if let Value::Object(response) = response
            && response.get("description").is_none_or(|text| text == "")
        {
            response.insert("description".into(), good_status(status).into());
        }
        if let Some(schema) = response.pointer_mut("/content/application~1json/schema").filter(|_| enveloped) {
            *schema = wrapped(schema.take(), extra);
        }
    }
    if changes {
        may_rehearse(responses);
    }
    for (status, description) in error_responses(entry) {
        responses.entry(status.to_string()).or_insert_with(|| {
            json!({
                "description": description,
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } }
            })
        });
    }
    responses.entry("default").or_insert_with(|| {
        json!({
            "description": "Any other error.",
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } }
        })
    });
}

/// What an answer that is no list has of a list's members.
#[derive(Clone, Copy)]
struct Extra {
    warnings: bool,
    next_cursor: bool,
}

/// What a status means where the handler does not say: a description is required.
fn good_status(status: &str) -> &'static str {
    match status {
        "201" => "It was made.",
        "202" => "It was started.",
        _ => "The result.",
    }
}

/// A result's schema inside the envelope.
fn wrapped(result: Value, extra: Extra) -> Value {
    let is_list = result.get("type") == Some(&json!("array"));
    let mut properties = Map::new();
    properties.insert("result".into(), result);
    properties.insert("timings".into(), json!({ "$ref": "#/components/schemas/Timings" }));
    if is_list || extra.warnings {
        properties.insert("warnings".into(), json!({ "$ref": "#/components/schemas/Warnings" }));
    }
    if is_list || extra.next_cursor {
        properties.insert(
            "next_cursor".into(),
            json!({ "type": "string", "description": "Where the next page begins; absent on the last one." }),
        );
    }
    json!({ "type": "object", "required": ["result", "timings"], "properties": properties })
}

/// The errors a route can give because of what it is, before its handler does anything.
fn error_responses(entry: &RouteInfo) -> Vec<(u16, &'static str)> {
    let mut responses = vec![(400, "The request is malformed.")];
    if entry.access != Access::Public {
        responses.push((401, "No credential, or none that is valid."));
        responses.push((403, "The caller is known and may not do this."));
        responses.push((429, "Too many failed authentications, of this address or overall; see `Retry-After`."));
    }
    if entry.path.contains('{') {
        responses.push((404, "There is no such thing."));
    }
    if entry.method != Method::GET && entry.method != Method::HEAD {
        responses.push((413, "The body is too long."));
    }
    responses
}

fn method_of(method: &HttpMethod) -> Method {
    Method::from_bytes(key_of(method).to_ascii_uppercase().as_bytes()).unwrap_or(Method::GET)
}

/// The method as the key of an operation.
fn key_of(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "get",
        HttpMethod::Put => "put",
        HttpMethod::Post => "post",
        HttpMethod::Delete => "delete",
        HttpMethod::Options => "options",
        HttpMethod::Head => "head",
        HttpMethod::Patch => "patch",
        HttpMethod::Trace => "trace",
    }
}

/// A path as a token of a JSON pointer.
fn escape(path: &str) -> String {
    path.replace('~', "~0").replace('/', "~1")
}
