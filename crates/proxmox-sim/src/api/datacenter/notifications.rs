//! Where notifications go: endpoints, and matchers that choose among them.

use serde_json::{Value, json};

use crate::api::sections::{take, text};
use crate::api::{Call, Fault, Handler, Outcome, Reply, index_reply};
use crate::state::Cluster;
use crate::state::sections::Entry;

const MATCHER: &str = "notification-matcher";
const ENDPOINTS: [&str; 4] = ["gotify", "sendmail", "smtp", "webhook"];

pub(super) fn calls() -> Vec<(&'static str, &'static str, Handler)> {
    vec![
        ("GET", "/cluster/notifications", |_, _| {
            Ok(index_reply("name", &["endpoints", "targets", "matchers", "matcher-fields", "matcher-field-values"]))
        }),
        ("GET", "/cluster/notifications/endpoints", |_, _| Ok(index_reply("name", &ENDPOINTS))),
        ("GET", "/cluster/notifications/targets", targets),
        ("GET", "/cluster/notifications/matcher-fields", |_, _| {
            Ok(index_reply("name", &["type", "hostname", "job-id"]))
        }),
        ("GET", "/cluster/notifications/matcher-field-values", field_values),
        ("GET", "/cluster/notifications/matchers", |cluster, call| list(cluster, call, MATCHER)),
        ("POST", "/cluster/notifications/matchers", |cluster, call| create(cluster, call, MATCHER)),
        ("GET", "/cluster/notifications/matchers/{name}", |cluster, call| get(cluster, call, MATCHER)),
        ("PUT", "/cluster/notifications/matchers/{name}", |cluster, call| update(cluster, call, MATCHER)),
        ("DELETE", "/cluster/notifications/matchers/{name}", |cluster, call| delete(cluster, call, MATCHER)),
        ("GET", "/cluster/notifications/endpoints/gotify", |cluster, call| list(cluster, call, "gotify")),
        ("POST", "/cluster/notifications/endpoints/gotify", |cluster, call| create(cluster, call, "gotify")),
        ("GET", "/cluster/notifications/endpoints/gotify/{name}", |cluster, call| get(cluster, call, "gotify")),
        ("PUT", "/cluster/notifications/endpoints/gotify/{name}", |cluster, call| update(cluster, call, "gotify")),
        ("DELETE", "/cluster/notifications/endpoints/gotify/{name}", |cluster, call| delete(cluster, call, "gotify")),
        ("GET", "/cluster/notifications/endpoints/smtp", |cluster, call| list(cluster, call, "smtp")),
        ("POST", "/cluster/notifications/endpoints/smtp", |cluster, call| create(cluster, call, "smtp")),
        ("GET", "/cluster/notifications/endpoints/smtp/{name}", |cluster, call| get(cluster, call, "smtp")),
        ("PUT", "/cluster/notifications/endpoints/smtp/{name}", |cluster, call| update(cluster, call, "smtp")),
        ("DELETE", "/cluster/notifications/endpoints/smtp/{name}", |cluster, call| delete(cluster, call, "smtp")),
        ("GET", "/cluster/notifications/endpoints/sendmail", |cluster, call| list(cluster, call, "sendmail")),
        ("POST", "/cluster/notifications/endpoints/sendmail", |cluster, call| create(cluster, call, "sendmail")),
        ("GET", "/cluster/notifications/endpoints/sendmail/{name}", |cluster, call| get(cluster, call, "sendmail")),
        ("PUT", "/cluster/notifications/endpoints/sendmail/{name}", |cluster, call| update(cluster, call, "sendmail")),
        ("DELETE", "/cluster/notifications/endpoints/sendmail/{name}", |cluster, call| {
            delete(cluster, call, "sendmail")
        }),
        ("GET", "/cluster/notifications/endpoints/webhook", |cluster, call| list(cluster, call, "webhook")),
        ("POST", "/cluster/notifications/endpoints/webhook", |cluster, call| create(cluster, call, "webhook")),
        ("GET", "/cluster/notifications/endpoints/webhook/{name}", |cluster, call| get(cluster, call, "webhook")),
        ("PUT", "/cluster/notifications/endpoints/webhook/{name}", |cluster, call| update(cluster, call, "webhook")),
        ("DELETE", "/cluster/notifications/endpoints/webhook/{name}", |cluster, call| delete(cluster, call, "webhook")),
    ]
}

/// An entry that is there without being configured.
fn builtin(kind: &str, name: &str) -> Option<Entry> {
    let value = match (kind, name) {
        ("sendmail", "mail-to-root") => json!({
            "comment": "Send mails to root@pam's email address", "origin": "builtin", "mailto-user": ["root@pam"],
        }),
        (MATCHER, "default-matcher") => json!({
            "comment": "Route all notifications to mail-to-root", "origin": "builtin", "mode": "all",
            "target": ["mail-to-root"],
        }),
        _ => return None,
    };
    value.as_object().cloned()
}

fn all(cluster: &Cluster, kind: &str) -> Vec<(String, Entry)> {
    let own = cluster.sections.all(kind).map(|(name, entry)| (name.clone(), entry.clone()));
    let mut found: Vec<(String, Entry)> = own.collect();
    for name in ["mail-to-root", "default-matcher"] {
        if !found.iter().any(|(known, _)| known == name)
            && let Some(entry) = builtin(kind, name)
        {
            found.push((name.to_owned(), entry));
        }
    }
    found
}

fn row(name: &str, entry: &Entry) -> Entry {
    const SECRETS: &[&str] = &["token", "password"];
    let mut row = entry.clone();
    row.insert("name".to_owned(), name.into());
    row.entry("origin").or_insert(json!("user-created"));
    row.retain(|key, _| !SECRETS.contains(&key.as_str()));
    row
}

fn targets(cluster: &mut Cluster, _: &Call) -> Outcome {
    let mut rows = Vec::new();
    for kind in ENDPOINTS {
        for (name, entry) in all(cluster, kind) {
            let row = row(&name, &entry);
            let shown = ["name", "origin", "comment", "disable"];
            let mut target: Entry = row.into_iter().filter(|(key, _)| shown.contains(&key.as_str())).collect();
            target.insert("type".to_owned(), kind.into());
            rows.push(Value::Object(target));
        }
    }
    Ok(Reply::data(rows))
}

fn field_values(cluster: &mut Cluster, _: &Call) -> Outcome {
    let types = ["package-updates", "fencing", "replication", "vzdump", "system-mail"];
    let mut rows: Vec<Value> = types.iter().map(|kind| json!({ "field": "type", "value": kind })).collect();
    let jobs = cluster.sections.all("vzdump");
    rows.extend(jobs.map(|(id, job)| json!({ "field": "job-id", "value": id, "comment": text(job, "comment") })));
    rows.extend(cluster.nodes.iter().map(|node| json!({ "field": "hostname", "value": node.name })));
    Ok(Reply::data(rows))
}

fn list(cluster: &mut Cluster, _: &Call, kind: &str) -> Outcome {
    Ok(Reply::data(all(cluster, kind).iter().map(|(name, entry)| row(name, entry).into()).collect::<Vec<Value>>()))
}

fn not_found(kind: &str, name: &str) -> Fault {
    let what = if kind == MATCHER { "matcher" } else { "endpoint" };
    Fault::status(404, format!("{what} '{name}' not found"))
}

fn get(cluster: &mut Cluster, call: &Call, kind: &str) -> Outcome {
    let name = call.required("name");
    let found = all(cluster, kind).into_iter().find(|(known, _)| known == name);
    let (_, entry) = found.ok_or_else(|| not_found(kind, name))?;
    let mut row = row(name, &entry);
    row.insert("digest".to_owned(), json!(digest(cluster)));
    Ok(Reply::data(row))
}

/// The digest of notifications is longer than others.
fn digest(cluster: &Cluster) -> String {
    let parts: Vec<String> = ENDPOINTS.iter().chain(&[MATCHER]).map(|kind| cluster.sections.digest(kind)).collect();
    hex::encode(ring::digest::digest(&ring::digest::SHA256, parts.join(",").as_bytes()))
}

fn check(cluster: &Cluster, kind: &str, entry: &Entry) -> Result<(), Fault> {
    let empty = |key: &str| entry.get(key).and_then(Value::as_array).is_none_or(Vec::is_empty);
    if matches!(kind, "smtp" | "sendmail") && empty("mailto") && empty("mailto-user") {
        let text = "must at least provide one recipient, either in mailto or in mailto-user";
        return Err(Fault::status(400, text));
    }
    if kind == MATCHER {
        let targets = entry.get("target").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for target in targets {
            let known = ENDPOINTS.iter().any(|kind| all(cluster, kind).iter().any(|(name, _)| name == target));
            if !known {
                return Err(Fault::status(404, format!("endpoint '{target}' does not exist")));
            }
        }
    }
    Ok(())
}

const NUMBERS: &[&str] = &["disable", "port", "invert-match"];

fn create(cluster: &mut Cluster, call: &Call, kind: &str) -> Outcome {
    let name = call.required("name");
    let taken =
        ENDPOINTS.iter().chain(&[MATCHER]).any(|kind| all(cluster, kind).iter().any(|(known, _)| known == name));
    if taken {
        return Err(Fault::status(400, format!("Cannot create '{name}', an entity with the same name already exists")));
    }
    let mut entry = Entry::new();
    take(call, &mut entry, &["name"], NUMBERS);
    check(cluster, kind, &entry)?;
    cluster.cfs_lock("notifications_cfg")?;
    cluster.sections.put(kind, name, entry);
    Ok(Reply::null())
}

fn update(cluster: &mut Cluster, call: &Call, kind: &str) -> Outcome {
    let name = call.required("name");
    let found = all(cluster, kind).into_iter().find(|(known, _)| known == name);
    let (_, mut entry) = found.ok_or_else(|| not_found(kind, name))?;
    crate::state::digest::assert_unmodified(&digest(cluster), call.text("digest"))?;
    for key in call.list("delete").unwrap_or_default() {
        entry.remove(&key);
    }
    if entry.get("origin") == Some(&json!("builtin")) {
        entry.insert("origin".to_owned(), json!("modified-builtin"));
    }
    take(call, &mut entry, &["name"], NUMBERS);
    check(cluster, kind, &entry)?;
    cluster.cfs_lock("notifications_cfg")?;
    cluster.sections.put(kind, name, entry);
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call, kind: &str) -> Outcome {
    let name = call.required("name");
    if !all(cluster, kind).iter().any(|(known, _)| known == name) {
        return Err(not_found(kind, name));
    }
    if kind != MATCHER {
        let uses = |entry: &Entry| {
            entry.get("target").and_then(Value::as_array).is_some_and(|targets| targets.contains(&json!(name)))
        };
        let users: Vec<String> =
            all(cluster, MATCHER).into_iter().filter(|(_, entry)| uses(entry)).map(|(name, _)| name).collect();
        if !users.is_empty() {
            let users = users.join(", ");
            return Err(Fault::status(400, format!("cannot delete '{name}', referenced by: {users}")));
        }
    }
    cluster.cfs_lock("notifications_cfg")?;
    cluster.sections.remove(kind, name);
    Ok(Reply::null())
}
