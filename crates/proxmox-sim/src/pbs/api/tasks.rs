//! Tasks: list, status, log, stop.

use proxmox_client::ids::{AuthId, Upid};
use serde_json::{Map, Value, json};

use crate::pbs::call::{Answer, Call, Outcome, Refusal};
use crate::pbs::schema::{anything, boolean, integer, list, safe_id, text, upid};
use crate::pbs::state::Pbs;
use crate::pbs::table::{Endpoint, call};
use crate::pbs::tasks::Task;

use super::index::{names, node_param};

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    let upid_param = || text("upid", 36, usize::MAX, upid);
    let one = "/nodes/{node}/tasks/{upid}";
    vec![
        call("GET", "/nodes/{node}/tasks", list_tasks).params([
            node_param(),
            integer("start", 0, i64::MAX).optional(),
            integer("limit", 0, i64::MAX).optional(),
            text("store", 3, 32, safe_id).optional(),
            boolean("running").optional(),
            boolean("errors").optional(),
            text("userfilter", 0, usize::MAX, anything).optional(),
            text("typefilter", 0, usize::MAX, anything).optional(),
            integer("since", i64::MIN, i64::MAX).optional(),
            integer("until", i64::MIN, i64::MAX).optional(),
            list("statusfilter", &["ok", "warning", "error", "unknown"]).optional(),
        ]),
        call("GET", one, |_, _| names(&["log", "status"])).params([node_param(), upid_param()]),
        call("DELETE", one, stop).params([node_param(), upid_param()]),
        call("GET", "/nodes/{node}/tasks/{upid}/status", status).params([node_param(), upid_param()]),
        call("GET", "/nodes/{node}/tasks/{upid}/log", log).params([
            node_param(),
            upid_param(),
            boolean("test-status").optional(),
            integer("start", 0, i64::MAX).optional(),
            integer("limit", 0, i64::MAX).optional(),
            boolean("download").optional().since(4),
        ]),
    ]
}

/// Whether a task works on a datastore, as the filter of the list sees it.
fn is_about(task: &Task, store: &str) -> bool {
    const KINDS: [&str; 6] = ["verif", "prune", "garbage_collection", "backup", "sync", "read-label"];
    let kind = KINDS.iter().any(|kind| task.kind.starts_with(kind));
    let id = task.id.as_deref().unwrap_or_default();
    kind && (id == store || id.strip_prefix(store).is_some_and(|rest| rest.starts_with(':')))
}

fn class(outcome: &str) -> &'static str {
    match outcome {
        "OK" => "ok",
        "unknown" => "unknown",
        warnings if warnings.starts_with("WARNINGS: ") => "warning",
        _ => "error",
    }
}

fn row(task: &Task, now: i64) -> Value {
    let (pid, pstart) = task.pid();
    let mut row = Map::new();
    row.insert("upid".to_owned(), task.upid.as_str().into());
    row.insert("node".to_owned(), "localhost".into());
    row.insert("pid".to_owned(), pid.into());
    row.insert("pstart".to_owned(), pstart.into());
    row.insert("starttime".to_owned(), task.start.into());
    row.insert("worker_type".to_owned(), task.kind.as_str().into());
    row.insert("worker_id".to_owned(), json!(task.id));
    row.insert("user".to_owned(), task.auth_id.as_str().into());
    if task.end <= now {
        row.insert("endtime".to_owned(), task.end.into());
        row.insert("status".to_owned(), task.outcome.as_str().into());
    }
    row.into()
}

/// A user sees its own tasks and those of its tokens; a token its own.
fn is_own(caller: Option<&AuthId>, owner: &str) -> bool {
    let Some(caller) = caller else { return false };
    let Ok(owner) = owner.parse::<AuthId>() else { return false };
    *caller == owner || (caller.token().is_none() && caller.user() == owner.user())
}

fn list_tasks(pbs: &mut Pbs, call: &Call) -> Outcome {
    let now = pbs.now();
    let caller = call.caller.as_ref();
    let all = pbs.holds_any(caller, "/system/tasks", &["Sys.Audit"]);
    let start = call.int("start").and_then(|start| usize::try_from(start).ok()).unwrap_or(0);
    let limit = match call.int("limit").and_then(|limit| usize::try_from(limit).ok()) {
        None => 50,
        Some(0) => usize::MAX,
        Some(limit) => limit,
    };
    let wanted = |task: &&Task| {
        let running = task.end > now;
        let statuses = call.list("statusfilter");
        (all || is_own(caller, &task.auth_id))
            && call.text("store").is_none_or(|store| is_about(task, store))
            && call.text("userfilter").is_none_or(|user| task.auth_id.contains(user))
            && call.text("typefilter").is_none_or(|kind| task.kind.contains(kind))
            && call.int("since").is_none_or(|since| task.start >= since)
            && call.int("until").is_none_or(|until| task.start <= until)
            && (call.flag("running") != Some(true) || running)
            && (call.flag("errors") != Some(true) || (!running && class(&task.outcome) != "ok"))
            && (statuses.is_empty() || (!running && statuses.contains(&class(&task.outcome))))
    };
    let rows: Vec<Value> =
        pbs.tasks.all.iter().rev().filter(wanted).skip(start).take(limit).map(|task| row(task, now)).collect();
    // As long as there may be more, one more than is known is counted.
    let mut total = rows.len().saturating_add(start);
    if !rows.is_empty() && rows.len() >= limit {
        total += 1;
    }
    Ok(Answer::data(rows).with("total", total))
}

/// The id of the call and its task, if it is known. Others' tasks need a privilege.
fn find<'p>(pbs: &'p Pbs, call: &Call, privilege: &str) -> Result<(Upid, Option<&'p Task>), Refusal> {
    let text = call.required("upid");
    let upid: Upid = text.parse().map_err(|_| Refusal::param("upid", "value does not match the regex pattern"))?;
    if !is_own(call.caller.as_ref(), &upid.task().user)
        && !pbs.holds_any(call.caller.as_ref(), "/system/tasks", &[privilege])
    {
        return Err(Refusal::forbidden());
    }
    let found = pbs.tasks.all.iter().find(|task| task.upid == text);
    Ok((upid, found))
}

fn status(pbs: &mut Pbs, call: &Call) -> Outcome {
    let now = pbs.now();
    let (upid, found) = find(pbs, call, "Sys.Audit")?;
    let task = upid.task();
    let mut row = Map::new();
    row.insert("upid".to_owned(), upid.as_str().into());
    row.insert("node".to_owned(), task.node.as_str().into());
    row.insert("pid".to_owned(), task.pid.into());
    row.insert("pstart".to_owned(), task.pstart.into());
    row.insert("starttime".to_owned(), task.start_time.into());
    row.insert("type".to_owned(), task.kind.as_str().into());
    row.insert("id".to_owned(), if task.id.is_empty() { Value::Null } else { task.id.as_str().into() });
    let (user, token) = match task.user.parse::<AuthId>() {
        Ok(AuthId::Token(token)) => (token.user().to_string(), Some(token.token_name().to_owned())),
        _ => (task.user.clone(), None),
    };
    row.insert("user".to_owned(), user.into());
    if let Some(token) = token {
        row.insert("tokenid".to_owned(), token.into());
    }
    if found.is_some_and(|task| task.end > now) {
        row.insert("status".to_owned(), "running".into());
    } else {
        row.insert("status".to_owned(), "stopped".into());
        row.insert("exitstatus".to_owned(), found.map_or("unknown", |task| task.outcome.as_str()).into());
    }
    Ok(Answer::data(row))
}

fn log(pbs: &mut Pbs, call: &Call) -> Outcome {
    let now = pbs.now();
    let (_, found) = find(pbs, call, "Sys.Audit")?;
    let Some(task) = found else { return Err(Refusal::bad("No such file or directory (os error 2)")) };
    let start = call.int("start").unwrap_or(0);
    let limit = match call.int("limit").and_then(|limit| usize::try_from(limit).ok()) {
        None => 50,
        Some(0) => usize::MAX,
        Some(limit) => limit,
    };
    let lines = task.lines(now);
    let total = lines.len();
    // Lines are counted from 1, and `start` is a line: 0 and 1 mean the same.
    let numbered = (1_i64..).zip(lines).filter(|(n, _)| *n >= start).take(limit);
    let rows: Vec<Value> = numbered.map(|(n, line)| json!({ "n": n, "t": line })).collect();
    let mut answer = Answer::data(rows).with("total", total).with("success", 1);
    if call.flag("test-status") == Some(true) {
        answer = answer.with("active", task.end > now);
    }
    answer.plain_type = true;
    Ok(answer)
}

fn stop(pbs: &mut Pbs, call: &Call) -> Outcome {
    let now = pbs.now();
    find(pbs, call, "Sys.Modify")?;
    let upid = call.required("upid");
    if let Some(task) = pbs.tasks.all.iter_mut().find(|task| task.upid == upid && task.end > now) {
        task.end = now;
        "abort requested - aborting task".clone_into(&mut task.outcome);
    }
    Ok(Answer::null())
}
