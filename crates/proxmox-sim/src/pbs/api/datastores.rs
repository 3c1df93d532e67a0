//! Configuration of datastores, and finding one for use.

use proxmox_client::pbs::definitions::Maintenance;
use serde_json::{Map, Value, json};

use crate::pbs::call::{Answer, Call, Outcome, Refusal, check_digest};
use crate::pbs::datastore::Datastore;
use crate::pbs::rights::Permission;
use crate::pbs::schema::{
    Param, anything, boolean, calendar_event, integer, list, maintenance_mode, one_of, safe_id, text, userid,
};
use crate::pbs::state::{Pbs, sha256_hex};
use crate::pbs::table::{Endpoint, call};
use crate::pbs::tasks::Work;

const SETTINGS: &[&str] = &[
    "comment",
    "gc-schedule",
    "prune-schedule",
    "keep-last",
    "keep-hourly",
    "keep-daily",
    "keep-weekly",
    "keep-monthly",
    "keep-yearly",
    "verify-new",
    "notify-user",
    "notify",
    "notification-mode",
    "tuning",
    "maintenance-mode",
];

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    let one = "/config/datastore/{name}";
    vec![
        call("GET", "/config/datastore", list_config),
        call("POST", "/config/datastore", create)
            .permission(Permission::All("/datastore", &["Datastore.Allocate"]))
            .params([name(), text("path", 1, 4096, anything)])
            .params(settings())
            .params([boolean("reuse-datastore").optional().since(4), boolean("overwrite-in-use").optional().since(4)]),
        call("GET", one, get).permission(Permission::All("/datastore/{name}", &["Datastore.Audit"])).params([name()]),
        call("PUT", one, update)
            .permission(Permission::All("/datastore/{name}", &["Datastore.Modify"]))
            .params([name(), super::digest(), list("delete", SETTINGS).optional()])
            .params(settings()),
        call("DELETE", one, delete).permission(Permission::All("/datastore/{name}", &["Datastore.Allocate"])).params([
            name(),
            super::digest(),
            boolean("keep-job-configs").optional(),
            boolean("destroy-data").optional(),
        ]),
    ]
}

fn name() -> Param {
    text("name", 3, 32, safe_id)
}

/// The keep-* options.
pub(super) fn keeps() -> Vec<Param> {
    ["keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly"]
        .map(|name| integer(name, 1, i64::MAX).optional())
        .into()
}

fn settings() -> Vec<Param> {
    let mut all = keeps();
    all.extend([
        super::comment(),
        text("gc-schedule", 0, usize::MAX, calendar_event).optional(),
        text("prune-schedule", 0, usize::MAX, calendar_event).optional(),
        boolean("verify-new").optional(),
        text("notify-user", 3, 64, userid).optional(),
        text("notify", 0, usize::MAX, anything).optional(),
        one_of("notification-mode", &["legacy-sendmail", "notification-system"]).optional(),
        text("tuning", 0, usize::MAX, anything).optional(),
        text("maintenance-mode", 0, usize::MAX, maintenance_mode).optional(),
    ]);
    all
}

/// What a call wants of a datastore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pbs) enum Use {
    /// Only look.
    Read,
    /// Change something in it.
    Write,
}

/// Finds a datastore for use; one that is under maintenance refuses.
pub(in crate::pbs) fn lookup<'p>(pbs: &'p mut Pbs, name: &str, wanted: Use) -> Result<&'p mut Datastore, Refusal> {
    let Some(store) = pbs.datastores.get_mut(name) else { return Err(Refusal::no_such("datastore", name)) };
    if let Some(mode) = store.settings.get("maintenance-mode").and_then(Value::as_str) {
        let mode: Option<Maintenance> = mode.parse().ok();
        let message = mode.as_ref().and_then(|mode| mode.message.as_deref()).unwrap_or_default();
        let kind = mode.as_ref().map(|mode| mode.kind.as_str()).unwrap_or_default();
        if kind == "delete" {
            return Err(Refusal::bad(format!("datastore '{name}' is being deleted")));
        }
        if kind != "read-only" || wanted == Use::Write {
            return Err(Refusal::bad(format!("datastore '{name}' is in {kind} maintenance mode: {message}")));
        }
    }
    Ok(store)
}

fn row(name: &str, store: &Datastore) -> Value {
    let mut row = store.settings.clone();
    row.insert("name".to_owned(), name.into());
    row.into()
}

fn config_digest(pbs: &Pbs) -> String {
    let settings: Vec<(&String, &Map<String, Value>)> =
        pbs.datastores.iter().map(|(name, store)| (name, &store.settings)).collect();
    let text = if settings.is_empty() { String::new() } else { serde_json::to_string(&settings).unwrap_or_default() };
    sha256_hex(&text)
}

fn list_config(pbs: &mut Pbs, call: &Call) -> Outcome {
    let visible = |name: &str| {
        pbs.holds_any(call.caller.as_ref(), &format!("/datastore/{name}"), &["Datastore.Audit", "Datastore.Allocate"])
    };
    let rows: Vec<Value> =
        pbs.datastores.iter().filter(|(name, _)| visible(name)).map(|(name, store)| row(name, store)).collect();
    Ok(Answer::data(rows).with("digest", config_digest(pbs)))
}

fn get(pbs: &mut Pbs, call: &Call) -> Outcome {
    let name = call.required("name");
    let Some(store) = pbs.datastores.get(name) else { return Err(Refusal::no_such("datastore", name)) };
    Ok(Answer::data(row(name, store)).with("digest", config_digest(pbs)))
}

fn create(pbs: &mut Pbs, call: &Call) -> Outcome {
    let name = call.required("name");
    if pbs.datastores.contains_key(name) {
        return Err(Refusal::param("name", &format!("datastore '{name}' already exists.")));
    }
    let path = call.required("path");
    let same = pbs.datastores.values().any(|store| store.path() == path);
    let outcome = if !path.starts_with('/') {
        Err(format!("expected absolute path - got {path:?}"))
    } else if same {
        Err(format!("unable to create chunk store '{name}' at {path:?} - EEXIST: File exists"))
    } else {
        Ok(())
    };
    let made = outcome.is_ok();
    let log = if made { (1..100).map(|done| format!("Chunkstore create: {done}%")).collect() } else { Vec::new() };
    let seconds = if made { 2 } else { 0 };
    if made {
        let mut store = Datastore::new(path);
        // Pruning is a job of its own; what is said about it here becomes one, if it has a schedule.
        let about_pruning = |key: &str| key == "prune-schedule" || key.starts_with("keep-");
        for key in SETTINGS.iter().filter(|key| !about_pruning(key)) {
            if let Some(value) = call.params.get(*key) {
                store.settings.insert((*key).to_owned(), value.clone());
            }
        }
        pbs.datastores.insert(name.to_owned(), store);
        if let Some(schedule) = call.params.get("prune-schedule") {
            let keeps = call.params.iter().filter(|(key, _)| key.starts_with("keep-"));
            let mut job: Map<String, Value> = keeps.map(|(key, value)| (key.clone(), value.clone())).collect();
            job.insert("store".to_owned(), name.into());
            job.insert("schedule".to_owned(), schedule.clone());
            let id: String = format!("default-{name}-{}", uuid::Uuid::new_v4()).chars().take(32).collect();
            pbs.sections.entry("prune".to_owned()).or_default().insert(id, job);
        }
    }
    let auth_id = call.auth_id();
    let work = Work { kind: "create-datastore", id: Some(name), auth_id: &auth_id, seconds, outcome, log };
    Ok(Answer::data(pbs.record(work)))
}

fn update(pbs: &mut Pbs, call: &Call) -> Outcome {
    check_digest(call, &config_digest(pbs))?;
    let name = call.required("name");
    let Some(store) = pbs.datastores.get_mut(name) else { return Err(Refusal::no_such("datastore", name)) };
    for key in call.list("delete") {
        store.settings.remove(key);
    }
    for key in SETTINGS {
        match call.params.get(*key) {
            Some(value) if *key == "comment" && value.as_str().is_some_and(|text| text.trim().is_empty()) => {
                store.settings.remove(*key);
            }
            Some(value) => {
                store.settings.insert((*key).to_owned(), value.clone());
            }
            None => {}
        }
    }
    Ok(Answer::null())
}

fn delete(pbs: &mut Pbs, call: &Call) -> Outcome {
    let name = call.required("name");
    check_digest(call, &config_digest(pbs))?;
    let Some(store) = pbs.datastores.remove(name) else {
        return Err(Refusal::not_found(format!("datastore '{name}' does not exist.")));
    };
    if call.flag("keep-job-configs") != Some(true) {
        for (kind, jobs) in &mut pbs.sections {
            jobs.retain(|_, job| kind == "remote" || job.get("store").and_then(Value::as_str) != Some(name));
        }
    }
    let mut log = Vec::new();
    if call.flag("destroy-data") == Some(true) {
        log.push("Deleting datastore data...".to_owned());
    }
    log.push("Removing datastore from config...".to_owned());
    drop(store);
    let auth_id = call.auth_id();
    let work = Work { kind: "delete-datastore", id: Some(name), auth_id: &auth_id, seconds: 0, outcome: Ok(()), log };
    Ok(Answer::data(pbs.record(work)).with("digest", json!(sha256_hex(""))))
}
