//! Jobs (prune, verify, sync) and remotes: their configuration, when they run next, running them now.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::pbs::call::{Answer, Call, Handler, Outcome, Refusal, check_digest};
use crate::pbs::rights::Permission;
use crate::pbs::schema::{
    Param, anything, auth_id, boolean, calendar_event, fingerprint, integer, list, namespace, one_line, one_of,
    safe_id, text,
};
use crate::pbs::state::{Pbs, digest_of};
use crate::pbs::table::{Endpoint, call};
use crate::pbs::tasks::Work;
use crate::state::calendar::CalendarEvent;

use super::datastores::{Use, keeps, lookup};
use super::{prune, verify};

const PRUNE_DELETES: &[&str] = &[
    "comment",
    "disable",
    "ns",
    "max-depth",
    "keep-last",
    "keep-hourly",
    "keep-daily",
    "keep-weekly",
    "keep-monthly",
    "keep-yearly",
];
const VERIFY_DELETES: &[&str] = &["ignore-verified", "comment", "schedule", "outdated-after", "ns", "max-depth"];
const SYNC_DELETES: &[&str] = &[
    "remote",
    "owner",
    "comment",
    "schedule",
    "remove-vanished",
    "group-filter",
    "rate-in",
    "burst-in",
    "rate-out",
    "burst-out",
    "ns",
    "remote-ns",
    "max-depth",
    "transfer-last",
];
const REMOTE_DELETES: &[&str] = &["comment", "fingerprint", "port"];

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    let mut all = Vec::new();
    let id = || text("id", 3, 32, safe_id);
    all.extend(section("/config/prune", "/config/prune/{id}", id(), prune_settings, PRUNE_DELETES));
    all.extend(section("/config/verify", "/config/verify/{id}", id(), verify_settings, VERIFY_DELETES));
    all.extend(section("/config/sync", "/config/sync/{id}", id(), sync_settings, SYNC_DELETES));
    let name = text("name", 3, 32, safe_id);
    all.extend(section("/config/remote", "/config/remote/{name}", name, remote_settings, REMOTE_DELETES));
    for (path, handler) in [
        ("/admin/prune", status_of_prune as Handler),
        ("/admin/verify", status_of_verify),
        ("/admin/sync", status_of_sync),
    ] {
        let direction = one_of("sync-direction", &["all", "push", "pull"]).optional().since(4);
        all.push(call("GET", path, handler).params([super::store().optional(), direction]));
    }
    all.push(call("POST", "/admin/prune/{id}/run", run_prune).params([id()]));
    all.push(call("POST", "/admin/verify/{id}/run", run_verify).params([id()]));
    for path in ["/config/traffic-control", "/admin/traffic-control"] {
        all.push(call("GET", path, |_, _| {
            let none: BTreeMap<String, Value> = BTreeMap::new();
            Ok(Answer::data(Vec::<Value>::new()).with("digest", digest_of(&none)))
        }));
    }
    all
}

/// The five calls of one kind of configuration section.
fn section(
    base: &'static str,
    one: &'static str,
    id: Param,
    settings: fn() -> Vec<Param>,
    deletes: &'static [&'static str],
) -> Vec<Endpoint> {
    let (read, write) = match base {
        "/config/remote" => (
            Permission::All("/remote/{name}", &["Remote.Audit"]),
            Permission::All("/remote/{name}", &["Remote.Modify"]),
        ),
        _ => (Permission::Anybody, Permission::Anybody),
    };
    let create_permission = match base {
        "/config/remote" => Permission::All("/remote", &["Remote.Modify"]),
        _ => Permission::Anybody,
    };
    let (list_handler, create, get, update, delete): (Handler, Handler, Handler, Handler, Handler) = match base {
        "/config/prune" => (
            |pbs, call| list_section(pbs, call, PRUNE),
            |pbs, call| create_section(pbs, call, PRUNE),
            |pbs, call| get_section(pbs, call, PRUNE),
            |pbs, call| update_section(pbs, call, PRUNE),
            |pbs, call| delete_section(pbs, call, PRUNE),
        ),
        "/config/verify" => (
            |pbs, call| list_section(pbs, call, VERIFY),
            |pbs, call| create_section(pbs, call, VERIFY),
            |pbs, call| get_section(pbs, call, VERIFY),
            |pbs, call| update_section(pbs, call, VERIFY),
            |pbs, call| delete_section(pbs, call, VERIFY),
        ),
        "/config/sync" => (
            |pbs, call| list_section(pbs, call, SYNC),
            |pbs, call| create_section(pbs, call, SYNC),
            |pbs, call| get_section(pbs, call, SYNC),
            |pbs, call| update_section(pbs, call, SYNC),
            |pbs, call| delete_section(pbs, call, SYNC),
        ),
        _ => (
            |pbs, call| list_section(pbs, call, REMOTE),
            |pbs, call| create_section(pbs, call, REMOTE),
            |pbs, call| get_section(pbs, call, REMOTE),
            |pbs, call| update_section(pbs, call, REMOTE),
            |pbs, call| delete_section(pbs, call, REMOTE),
        ),
    };
    let optional = settings().into_iter().map(Param::optional);
    vec![
        call("GET", base, list_handler).params(
            (base == "/config/sync").then(|| one_of("sync-direction", &["all", "push", "pull"]).optional().since(4)),
        ),
        call("POST", base, create).permission(create_permission).params([id.clone()]).params(settings()),
        call("GET", one, get).permission(read).params([id.clone()]),
        call("PUT", one, update)
            .permission(write)
            .params([id.clone(), super::digest(), list("delete", deletes).optional()])
            .params(optional),
        call("DELETE", one, delete).permission(write).params([id, super::digest()]),
    ]
}

/// One kind of section.
#[derive(Clone, Copy)]
struct Section {
    /// Name in the configuration and in messages.
    kind: &'static str,
    /// Key of the id.
    key: &'static str,
    /// What allows to see one.
    see: &'static [&'static str],
    /// What allows to change one.
    change: &'static str,
}

const PRUNE: Section =
    Section { kind: "prune", key: "id", see: &["Datastore.Audit", "Datastore.Modify"], change: "Datastore.Modify" };
const VERIFY: Section = Section {
    kind: "verification",
    key: "id",
    see: &["Datastore.Audit", "Datastore.Verify"],
    change: "Datastore.Verify",
};
const SYNC: Section = Section { kind: "sync", key: "id", see: &["Datastore.Audit"], change: "Datastore.Backup" };
const REMOTE: Section = Section { kind: "remote", key: "name", see: &["Remote.Audit"], change: "Remote.Modify" };

fn prune_settings() -> Vec<Param> {
    let mut all = keeps();
    all.extend([
        super::store(),
        super::ns(),
        text("schedule", 0, usize::MAX, calendar_event),
        super::comment(),
        boolean("disable").optional(),
        integer("max-depth", 0, 7).optional(),
    ]);
    all
}

fn verify_settings() -> Vec<Param> {
    vec![
        super::store(),
        super::ns(),
        text("schedule", 0, usize::MAX, calendar_event).optional(),
        super::comment(),
        boolean("ignore-verified").optional(),
        integer("outdated-after", 0, i64::MAX).optional(),
        integer("max-depth", 0, 7).optional(),
    ]
}

fn sync_settings() -> Vec<Param> {
    vec![
        super::store(),
        super::ns(),
        text("remote", 3, 32, safe_id).optional(),
        text("remote-store", 3, 32, safe_id),
        text("remote-ns", 0, 256, namespace).optional(),
        text("owner", 3, 64, auth_id).optional(),
        text("schedule", 0, usize::MAX, calendar_event).optional(),
        super::comment(),
        boolean("remove-vanished").optional(),
        integer("max-depth", 0, 7).optional(),
        integer("transfer-last", 1, i64::MAX).optional(),
        one_of("sync-direction", &["pull", "push"]).optional().since(4),
    ]
}

fn remote_settings() -> Vec<Param> {
    vec![
        text("host", 1, 255, anything),
        integer("port", 1, 65535).optional(),
        text("auth-id", 3, 64, auth_id),
        text("password", 1, 1024, one_line),
        text("fingerprint", 0, usize::MAX, fingerprint).optional(),
        super::comment(),
    ]
}

fn acl_path(section: Section, id: &str, job: &Map<String, Value>) -> String {
    if section.kind == "remote" {
        return format!("/remote/{id}");
    }
    let part = |key: &str| job.get(key).and_then(Value::as_str).filter(|part| !part.is_empty());
    let ns = part("ns").map(|ns| format!("/{ns}")).unwrap_or_default();
    format!("/datastore/{}{ns}", part("store").unwrap_or_default())
}

fn all_of(pbs: &Pbs, section: Section) -> BTreeMap<String, Map<String, Value>> {
    pbs.sections.get(section.kind).cloned().unwrap_or_default()
}

fn row(section: Section, id: &str, job: &Map<String, Value>) -> Map<String, Value> {
    let mut row = job.clone();
    row.insert(section.key.to_owned(), id.into());
    row.remove("password");
    row
}

fn visible(pbs: &Pbs, call: &Call, section: Section) -> Vec<(String, Map<String, Value>)> {
    let may_see = |id: &str, job: &Map<String, Value>| {
        pbs.holds_any(call.caller.as_ref(), &acl_path(section, id, job), section.see)
    };
    all_of(pbs, section).into_iter().filter(|(id, job)| may_see(id, job)).collect()
}

fn list_section(pbs: &mut Pbs, call: &Call, section: Section) -> Outcome {
    let rows: Vec<Value> =
        visible(pbs, call, section).iter().map(|(id, job)| Value::Object(row(section, id, job))).collect();
    Ok(Answer::data(rows).with("digest", digest_of(&all_of(pbs, section))))
}

fn find(pbs: &Pbs, call: &Call, section: Section) -> Result<Map<String, Value>, Refusal> {
    let id = call.required(section.key);
    let found = pbs.sections.get(section.kind).and_then(|all| all.get(id));
    found.cloned().ok_or_else(|| Refusal::no_such(section.kind, id))
}

fn require_change(pbs: &Pbs, call: &Call, section: Section, job: &Map<String, Value>) -> Result<(), Refusal> {
    let path = acl_path(section, call.required(section.key), job);
    if pbs.holds_any(call.caller.as_ref(), &path, &[section.change]) {
        return Ok(());
    }
    Err(Refusal::forbidden())
}

fn settings_of(call: &Call, section: Section) -> Map<String, Value> {
    let setting = |key: &str| key != section.key && key != "digest" && key != "delete";
    call.params.iter().filter(|(key, _)| setting(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn create_section(pbs: &mut Pbs, call: &Call, section: Section) -> Outcome {
    let id = call.required(section.key);
    let job = settings_of(call, section);
    require_change(pbs, call, section, &job)?;
    let all = pbs.sections.entry(section.kind.to_owned()).or_default();
    if all.contains_key(id) {
        return Err(match section.kind {
            "remote" => Refusal::param("name", &format!("remote '{id}' already exists.")),
            _ => Refusal::param("id", &format!("job '{id}' already exists.")),
        });
    }
    all.insert(id.to_owned(), job);
    Ok(Answer::null())
}

fn get_section(pbs: &mut Pbs, call: &Call, section: Section) -> Outcome {
    let job = find(pbs, call, section)?;
    let id = call.required(section.key);
    if !pbs.holds_any(call.caller.as_ref(), &acl_path(section, id, &job), section.see) {
        return Err(Refusal::forbidden());
    }
    Ok(Answer::data(row(section, id, &job)).with("digest", digest_of(&all_of(pbs, section))))
}

fn update_section(pbs: &mut Pbs, call: &Call, section: Section) -> Outcome {
    check_digest(call, &digest_of(&all_of(pbs, section)))?;
    let mut job = find(pbs, call, section)?;
    require_change(pbs, call, section, &job)?;
    for key in call.list("delete") {
        job.remove(key);
    }
    job.extend(settings_of(call, section));
    require_change(pbs, call, section, &job)?;
    pbs.sections.entry(section.kind.to_owned()).or_default().insert(call.required(section.key).to_owned(), job);
    Ok(Answer::null())
}

fn delete_section(pbs: &mut Pbs, call: &Call, section: Section) -> Outcome {
    let job = find(pbs, call, section)?;
    require_change(pbs, call, section, &job)?;
    check_digest(call, &digest_of(&all_of(pbs, section)))?;
    if let Some(all) = pbs.sections.get_mut(section.kind) {
        all.remove(call.required(section.key));
    }
    Ok(Answer::null())
}

fn status_of(pbs: &Pbs, call: &Call, section: Section) -> Outcome {
    let wanted = call.text("store");
    let mut rows = Vec::new();
    for (id, job) in visible(pbs, call, section) {
        if wanted.is_some_and(|store| job.get("store").and_then(Value::as_str) != Some(store)) {
            continue;
        }
        let mut row = row(section, &id, &job);
        let schedule = job.get("schedule").and_then(Value::as_str).and_then(CalendarEvent::parse);
        let disabled = job.get("disable").and_then(Value::as_bool) == Some(true);
        if let Some(next) = schedule.and_then(|event| event.next_after(pbs.now())).filter(|_| !disabled) {
            row.insert("next-run".to_owned(), next.into());
        }
        let last = pbs.job_runs.get(&format!("{}:{id}", section.kind));
        if let Some(task) = last.and_then(|upid| pbs.tasks.all.iter().find(|task| task.upid == *upid)) {
            row.insert("last-run-upid".to_owned(), task.upid.as_str().into());
            if task.end <= pbs.now() {
                row.insert("last-run-endtime".to_owned(), task.end.into());
                row.insert("last-run-state".to_owned(), task.outcome.as_str().into());
            }
        }
        rows.push(Value::Object(row));
    }
    Ok(Answer::data(rows).with("digest", digest_of(&all_of(pbs, section))))
}

fn status_of_prune(pbs: &mut Pbs, call: &Call) -> Outcome {
    status_of(pbs, call, PRUNE)
}

fn status_of_verify(pbs: &mut Pbs, call: &Call) -> Outcome {
    status_of(pbs, call, VERIFY)
}

fn status_of_sync(pbs: &mut Pbs, call: &Call) -> Outcome {
    status_of(pbs, call, SYNC)
}

/// What a job works on: datastore, namespace, levels below it.
fn target(job: &Map<String, Value>) -> (String, String, Option<usize>) {
    let part = |key: &str| job.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let depth = job.get("max-depth").and_then(Value::as_u64).and_then(|depth| usize::try_from(depth).ok());
    (part("store"), part("ns"), depth)
}

fn run_prune(pbs: &mut Pbs, call: &Call) -> Outcome {
    let job = find(pbs, call, PRUNE)?;
    require_change(pbs, call, PRUNE, &job)?;
    let (store, ns, depth) = target(&job);
    let id = call.required("id");
    let mut log = vec![format!("prune job '{id}'")];
    let keep = prune::Keep::from_settings(|name| job.get(name));
    let outcome = match lookup(pbs, &store, Use::Write) {
        Ok(found) => {
            log.extend(prune::prune_all(&store, found, &ns, depth, &keep, false, |_| true));
            Ok(())
        }
        Err(refusal) => Err(refusal.text),
    };
    let auth_id = call.auth_id();
    let place = if ns.is_empty() { store } else { format!("{store}:{ns}") };
    let upid = pbs.record(Work { kind: "prunejob", id: Some(&place), auth_id: &auth_id, seconds: 0, outcome, log });
    pbs.job_runs.insert(format!("prune:{id}"), upid.clone());
    Ok(Answer::data(upid))
}

fn run_verify(pbs: &mut Pbs, call: &Call) -> Outcome {
    let job = find(pbs, call, VERIFY)?;
    require_change(pbs, call, VERIFY, &job)?;
    let (store, ns, depth) = target(&job);
    let id = call.required("id");
    let place = format!("{store}:{id}");
    let auth_id = call.auth_id();
    let upid = pbs.next_upid("verificationjob", Some(&place), &auth_id);
    let mut log = vec![format!("Starting datastore verify job '{place}'")];
    let scope = verify::Scope {
        store: &store,
        ns: &ns,
        depth: depth.unwrap_or(7),
        group: None,
        time: None,
        skip_verified: job.get("ignore-verified").and_then(Value::as_bool).unwrap_or(true),
        outdated_after: job.get("outdated-after").and_then(Value::as_i64),
        now: pbs.now(),
        upid: &upid,
    };
    let outcome = match lookup(pbs, &store, Use::Read) {
        Ok(found) => {
            let verified = verify::run(&scope, found, |_| true);
            log.extend(verified.log);
            verified.outcome
        }
        Err(refusal) => Err(refusal.text),
    };
    let work = Work { kind: "verificationjob", id: Some(&place), auth_id: &auth_id, seconds: 0, outcome, log };
    let upid = pbs.record(work);
    pbs.job_runs.insert(format!("verification:{id}"), upid.clone());
    Ok(Answer::data(upid))
}
