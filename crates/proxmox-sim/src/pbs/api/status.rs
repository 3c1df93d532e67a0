//! Datastores in use: which there are, how full they are, what goes on in them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::pbs::call::{Answer, Call, Outcome, Refusal};
use crate::pbs::datastore::Datastore;
use crate::pbs::rights::{Permission, owns};
use crate::pbs::schema::{boolean, one_of};
use crate::pbs::state::Pbs;
use crate::pbs::table::{Endpoint, call};

use super::datastores::{Use, lookup};

const LOOK: &[&str] = &["Datastore.Audit", "Datastore.Backup"];

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    vec![
        call("GET", "/admin/datastore", list),
        call("GET", "/admin/datastore/{store}/status", status).params([super::store(), boolean("verbose").optional()]),
        call("GET", "/admin/datastore/{store}/active-operations", active)
            .permission(Permission::Any("/datastore/{store}", &["Datastore.Audit"]))
            .params([super::store()]),
        call("GET", "/admin/datastore/{store}/rrd", rrd)
            .permission(Permission::Any("/datastore/{store}", LOOK))
            .params([
                super::store(),
                one_of("timeframe", &["hour", "day", "week", "month", "year", "decade"]),
                one_of("cf", &["MAX", "AVERAGE"]),
            ]),
        call("GET", "/status/datastore-usage", usage),
    ]
}

fn list(pbs: &mut Pbs, call: &Call) -> Outcome {
    let modern = pbs.major() >= 4;
    let mut rows = Vec::new();
    for (name, store) in &pbs.datastores {
        if !pbs.holds_any_below(call.caller.as_ref(), name, LOOK) {
            continue;
        }
        let mut row = Map::new();
        row.insert("store".to_owned(), name.as_str().into());
        row.insert("comment".to_owned(), store.settings.get("comment").cloned().unwrap_or(Value::Null));
        if let Some(mode) = store.settings.get("maintenance-mode") {
            row.insert("maintenance".to_owned(), mode.clone());
        }
        if modern {
            row.insert("mount-status".to_owned(), "nonremovable".into());
            row.insert("backend-type".to_owned(), "filesystem".into());
        }
        rows.push(Value::Object(row));
    }
    Ok(Answer::data(rows))
}

/// Total, used and available bytes of the file system below all datastores.
pub(in crate::pbs) fn disk(pbs: &Pbs) -> (u64, u64, u64) {
    let used = pbs.disk.used.saturating_add(pbs.backup_bytes()).min(pbs.disk.total);
    // A file system keeps a part of what is free for itself.
    let free = pbs.disk.total.saturating_sub(used);
    (pbs.disk.total, used, free.saturating_sub(pbs.disk.total / 20))
}

fn status(pbs: &mut Pbs, call: &Call) -> Outcome {
    let name = call.required("store");
    let caller = call.caller.as_ref();
    let full = pbs.holds_any(caller, &format!("/datastore/{name}"), LOOK);
    if !full && !pbs.holds_any_below(caller, name, LOOK) {
        return Err(Refusal::forbidden());
    }
    let (total, used, avail) = if full { disk(pbs) } else { (0, 0, 0) };
    let audit = pbs.holds_any(caller, &format!("/datastore/{name}"), &["Datastore.Audit"]);
    let modern = pbs.major() >= 4;
    let store = lookup(pbs, name, Use::Read)?;
    let mut data = json!({ "total": total, "used": used, "avail": avail });
    if let Some(data) = data.as_object_mut() {
        if modern {
            data.insert("backend-type".to_owned(), "filesystem".into());
        }
        if call.flag("verbose") == Some(true) {
            let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
            for (group, content) in store.namespaces.values().flatten() {
                let kind = group.split('/').next().unwrap_or_default();
                if !content.snapshots.is_empty() && (audit || owns(caller, &content.owner)) {
                    let count = counts.entry(kind).or_default();
                    count.0 += 1;
                    count.1 += u64::try_from(content.snapshots.len()).unwrap_or(0);
                }
            }
            let count = |kind: &str| {
                counts
                    .get(kind)
                    .map_or(Value::Null, |(groups, snapshots)| json!({ "groups": groups, "snapshots": snapshots }))
            };
            let counts = json!({ "ct": count("ct"), "host": count("host"), "vm": count("vm"), "other": null });
            data.insert("counts".to_owned(), counts);
            data.insert("gc-status".to_owned(), gc_status(store));
        }
    }
    Ok(Answer::data(data))
}

/// Figures of the last garbage collection.
pub(super) fn gc_status(store: &Datastore) -> Value {
    let gc = &store.gc;
    let (pending_bytes, pending_chunks) = gc.waiting();
    json!({
        "upid": gc.upid, "disk-bytes": gc.disk_bytes, "disk-chunks": gc.disk_chunks, "index-data-bytes": gc.index_bytes,
        "index-file-count": gc.index_files, "pending-bytes": pending_bytes, "pending-chunks": pending_chunks, "removed-bad": 0,
        "removed-bytes": gc.removed_bytes, "removed-chunks": gc.removed_chunks, "still-bad": 0,
    })
}

fn active(pbs: &mut Pbs, call: &Call) -> Outcome {
    let store = lookup(pbs, call.required("store"), Use::Read)?;
    Ok(Answer::data(json!({ "read": store.active.0, "write": store.active.1 })))
}

fn rrd(pbs: &mut Pbs, call: &Call) -> Outcome {
    let (total, used, avail) = disk(pbs);
    let (now, booted) = (pbs.now(), pbs.booted);
    lookup(pbs, call.required("store"), Use::Read)?;
    let (step, points) = match call.required("timeframe") {
        "hour" => (60, 60),
        "day" => (60, 1440),
        "week" => (30 * 60, 7 * 48),
        "month" => (30 * 60, 30 * 48),
        "year" => (6 * 3600, 365 * 4),
        _ => (7 * 86_400, 520),
    };
    let rows: Vec<Value> = (0..=points)
        .map(|point| now - (points - point) * step)
        .map(|at| {
            if at < booted {
                return json!({ "time": at });
            }
            json!({ "time": at, "total": float(total), "used": float(used), "available": float(avail) })
        })
        .collect();
    Ok(Answer::data(rows))
}

#[allow(clippy::cast_precision_loss)]
fn float(bytes: u64) -> f64 {
    bytes as f64
}

fn usage(pbs: &mut Pbs, call: &Call) -> Outcome {
    const DELTA: i64 = 1800;
    const POINTS: usize = 1440;
    let (total, used, avail) = disk(pbs);
    let modern = pbs.major() >= 4;
    let start = pbs.now() - DELTA * i64::try_from(POINTS).unwrap_or(0);
    let mut rows = Vec::new();
    for (name, store) in &pbs.datastores {
        let path = format!("/datastore/{name}");
        if !pbs.holds_any(call.caller.as_ref(), &path, LOOK) {
            if pbs.holds_any_below(call.caller.as_ref(), name, LOOK) {
                rows.push(json!({ "store": name, "total": -1, "used": -1, "avail": -1 }));
            }
            continue;
        }
        let mut row = json!({
            "store": name, "total": total, "used": used, "avail": avail, "gc-status": gc_status(store),
            "history": vec![Value::Null; POINTS], "history-start": start, "history-delta": DELTA,
        });
        if let Some(row) = row.as_object_mut()
            && modern
        {
            row.insert("mount-status".to_owned(), "nonremovable".into());
            row.insert("backend-type".to_owned(), "filesystem".into());
        }
        rows.push(row);
    }
    Ok(Answer::data(rows))
}
