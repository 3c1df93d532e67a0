//! `/nodes/{node}/tasks`: who sees what of the work that goes on.

use serde_json::{Map, Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated, index_reply, split_list};
use crate::state::Cluster;
use crate::tasks::{Task, owned_by};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/tasks", list),
    ("GET", "/nodes/{node}/tasks/{upid}", index),
    ("DELETE", "/nodes/{node}/tasks/{upid}", stop),
    ("GET", "/nodes/{node}/tasks/{upid}/status", status),
    ("GET", "/nodes/{node}/tasks/{upid}/log", log),
];

fn index(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(index_reply("name", &["log", "status"]))
}

/// What the id of a task says, whether or not there is such a task.
fn decode(call: &Call) -> Result<proxmox_client::ids::UpidTask, Fault> {
    let bad = || Fault::param("upid", "unable to parse worker upid");
    let upid: proxmox_client::ids::Upid = call.required("upid").parse().map_err(|_| bad())?;
    if upid.task().task_number.is_some() {
        return Err(bad());
    }
    Ok(upid.task().clone())
}

/// The task, if the caller may see it and it is of this node.
fn find<'a>(cluster: &'a Cluster, call: &Call, privilege: &str) -> Result<Option<&'a Task>, Fault> {
    let decoded = decode(call)?;
    if !owned_by(&decoded.user, &call.caller) {
        cluster.check(&call.caller, &format!("/nodes/{}", call.node()), &[privilege])?;
    }
    Ok(cluster.tasks.get(call.required("upid")).filter(|task| task.upid.node() == call.node()))
}

fn no_such_task() -> Fault {
    Fault::param("upid", "no such task")
}

fn status(cluster: &mut Cluster, call: &Call) -> Outcome {
    let task = find(cluster, call, "Sys.Audit")?.ok_or_else(no_such_task)?;
    let mut out = described(task);
    match task.status() {
        None => out.insert("status".into(), json!("running")),
        Some(exit) => {
            out.insert("exitstatus".into(), json!(exit));
            out.insert("status".into(), json!("stopped"))
        }
    };
    Ok(Reply::data(Value::Object(out)))
}

/// The keys that every form of a task has.
fn described(task: &Task) -> Map<String, Value> {
    let about = task.upid.task();
    let mut out = Map::new();
    out.insert("upid".into(), json!(task.upid.as_str()));
    out.insert("node".into(), json!(about.node));
    out.insert("pid".into(), json!(about.pid));
    out.insert("pstart".into(), json!(about.pstart));
    out.insert("starttime".into(), json!(about.start_time));
    out.insert("type".into(), json!(about.kind));
    out.insert("id".into(), json!(about.id));
    out.insert("user".into(), json!(task.user()));
    if let Some(token) = task.token() {
        out.insert("tokenid".into(), json!(token));
    }
    out
}

fn log(cluster: &mut Cluster, call: &Call) -> Outcome {
    let task = find(cluster, call, "Sys.Audit")?;
    let start = usize::try_from(call.int("start").unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = match call.int("limit") {
        None => 50,
        Some(0) => usize::MAX,
        Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    if call.flag("download") == Some(true) {
        if call.int("start").is_some() || call.int("limit").is_some() {
            return Err(Fault::die("'download' cannot be used together with 'start' or 'limit' parameters"));
        }
        let task = task.ok_or_else(no_such_task)?;
        let mut reply = Reply::null();
        let text: String = task.log.iter().map(|line| format!("{line}\n")).collect();
        reply.download = Some(("text/plain".into(), text));
        return Ok(reply);
    }
    let lines: Vec<String> = match task {
        None => vec!["unable to open file - No such file or directory".into()],
        Some(task) if task.log.is_empty() => vec!["no content".into()],
        Some(task) => task.log.clone(),
    };
    let rows: Vec<Value> = lines
        .iter()
        .enumerate()
        .skip(start)
        .take(limit)
        .map(|(index, line)| json!({ "n": index + 1, "t": line }))
        .collect();
    Ok(Reply::data(rows).with_total(lines.len() as u64))
}

fn stop(cluster: &mut Cluster, call: &Call) -> Outcome {
    let task = find(cluster, call, "Sys.Modify")?.ok_or_else(no_such_task)?;
    let upid = task.upid.to_string();
    cluster.stop_task(&upid);
    Ok(Reply::null())
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let node = call.node();
    let auditor = cluster.has(&call.caller, &format!("/nodes/{node}"), "Sys.Audit");
    let source = call.text("source").unwrap_or("archive");
    let mut found: Vec<&Task> = cluster
        .tasks
        .iter()
        .filter(|task| task.upid.node() == node)
        .filter(|task| auditor || task.belongs_to(&call.caller))
        .filter(|task| match source {
            "active" => task.status().is_none(),
            "archive" => task.status().is_some(),
            _ => true,
        })
        .filter(|task| passes(task, call))
        .collect();
    // Those that run first, the latest first; then the finished ones, the last to end first.
    found.sort_by_key(|task| std::cmp::Reverse((task.order(), task.upid.task().start_time)));
    let start = usize::try_from(call.int("start").unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = usize::try_from(call.int("limit").unwrap_or(50)).unwrap_or(usize::MAX);
    let total = found.len() as u64;
    let rows: Vec<Value> = found.into_iter().skip(start).take(limit).map(row).collect();
    Ok(Reply::data(rows).with_total(total))
}

fn passes(task: &Task, call: &Call) -> bool {
    let about = task.upid.task();
    let started = i64::try_from(about.start_time).unwrap_or(i64::MAX);
    let kind = status_kind(task.status());
    call.text("vmid").is_none_or(|vmid| about.id == vmid)
        && call.text("typefilter").is_none_or(|kind| about.kind == kind)
        && call.text("userfilter").is_none_or(|user| about.user.to_lowercase().contains(&user.to_lowercase()))
        && call.int("since").is_none_or(|since| started >= since)
        && call.int("until").is_none_or(|until| started <= until)
        && !(call.flag("errors") == Some(true) && matches!(kind, Some("ok" | "warning") | None))
        && call
            .text("statusfilter")
            .is_none_or(|wanted| kind.is_none_or(|kind| split_list(wanted).any(|one| one == kind)))
}

/// What sort of ending it was; `None` while it runs.
fn status_kind(status: Option<&str>) -> Option<&'static str> {
    Some(match status? {
        "OK" => "ok",
        "unexpected status" | "" => "unknown",
        text if text.starts_with("WARNINGS: ") => "warning",
        _ => "error",
    })
}

fn row(task: &Task) -> Value {
    let mut row = described(task);
    match (task.status(), task.ended_at()) {
        (Some(status), Some(ended)) => {
            row.insert("status".into(), json!(status));
            row.insert("endtime".into(), json!(ended));
        }
        _ => {
            row.insert("status".into(), json!("RUNNING"));
            row.insert("saved".into(), json!("0"));
            row.insert("user".into(), json!(task.upid.task().user));
            row.remove("tokenid");
        }
    }
    Value::Object(row)
}
