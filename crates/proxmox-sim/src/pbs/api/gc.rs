//! Garbage collection: space comes back only here.

use serde_json::{Value, json};

use crate::pbs::call::{Answer, Call, Outcome};
use crate::pbs::datastore::{GarbageCollection, Pending};
use crate::pbs::rights::Permission;
use crate::pbs::schema::{safe_id, text};
use crate::pbs::state::Pbs;
use crate::pbs::table::{Endpoint, call};
use crate::pbs::tasks::Work;
use crate::state::calendar::CalendarEvent;

use super::datastores::{Use, lookup};

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    let path = "/admin/datastore/{store}/gc";
    vec![
        call("GET", path, status)
            .permission(Permission::All("/datastore/{store}", &["Datastore.Audit"]))
            .params([super::store()]),
        call("POST", path, start)
            .permission(Permission::All("/datastore/{store}", &["Datastore.Modify"]))
            .params([super::store()]),
        call("GET", "/admin/gc", list).since(4).params([text("store", 3, 32, safe_id).optional()]),
        call("GET", "/admin/gc/{store}", list).since(4).params([super::store()]),
    ]
}

/// Bytes of a chunk.
const CHUNK: u64 = 4 << 20;
/// Seconds for which a chunk is kept after it was last known to be used: a day and five minutes.
const GRACE: i64 = 24 * 3600 + 5 * 60;

fn start(pbs: &mut Pbs, call: &Call) -> Outcome {
    let name = call.required("store");
    let now = pbs.now();
    let store = lookup(pbs, name, Use::Write)?;
    let files: Vec<u64> = store
        .namespaces
        .values()
        .flat_map(|groups| groups.values())
        .flat_map(|group| group.snapshots.values())
        .flat_map(|snapshot| snapshot.indexes().filter_map(|file| file.size).collect::<Vec<_>>())
        .collect();
    let bytes: u64 = files.iter().sum();
    // What a second backup of the same thing has in common with the first is stored once, and compressed.
    let largest: u64 = store
        .namespaces
        .values()
        .flat_map(|groups| groups.values())
        .filter_map(|group| group.snapshots.values().map(crate::pbs::datastore::Snapshot::size).max())
        .sum();
    let disk = largest * 3 / 5;
    let count = u64::try_from(files.len()).unwrap_or(0);
    let chunks = if disk == 0 { 0 } else { disk / CHUNK + count.div_ceil(2) };
    let before = store.gc.clone();
    // Space comes back late: a chunk that was used a day ago may be one that a running backup counts on.
    let (used_before, chunks_before) = {
        let (bytes, chunks) = before.waiting();
        (before.disk_bytes.saturating_sub(bytes), before.disk_chunks.saturating_sub(chunks))
    };
    let mut pending = before.pending;
    let unused = used_before.saturating_sub(disk);
    if unused > 0 {
        pending.push(Pending { used: before.ran, bytes: unused, chunks: chunks_before.saturating_sub(chunks) });
    }
    let (old, pending): (Vec<Pending>, Vec<Pending>) = pending.into_iter().partition(|part| now - part.used > GRACE);
    let removed = old.iter().fold((0, 0), |(bytes, chunks), part| (bytes + part.bytes, chunks + part.chunks));
    let waiting = pending.iter().fold((0, 0), |(bytes, chunks), part| (bytes + part.bytes, chunks + part.chunks));
    let mut log =
        vec![format!("starting garbage collection on store {name}"), "Start GC phase1 (mark used chunks)".to_owned()];
    log.extend((1..=count).map(|at| format!("marked {}% ({at} of {count} index files)", at * 100 / count.max(1))));
    log.push("Start GC phase2 (sweep unused chunks)".to_owned());
    log.extend(swept(chunks + waiting.1 + removed.1));
    log.extend([format!("Removed garbage: {}", size(removed.0)), format!("Removed chunks: {}", removed.1)]);
    if waiting.1 > 0 {
        log.push(format!("Pending removals: {} (in {} chunks)", size(waiting.0), waiting.1));
    }
    log.push(format!("Original data usage: {}", size(bytes)));
    log.push(match (disk * 10_000).checked_div(bytes) {
        Some(share) => format!("On-Disk usage: {} ({}.{:02}%)", size(disk), share / 100, share % 100),
        None => format!("On-Disk usage: {}", size(disk)),
    });
    log.push(format!("On-Disk chunks: {chunks}"));
    if let Some(factor) = (bytes * 100).checked_div(disk) {
        log.push(format!("Deduplication factor: {}.{:02}", factor / 100, factor % 100));
    }
    if let Some(average) = disk.checked_div(chunks) {
        log.push(format!("Average chunk size: {}", size(average)));
    }
    let auth_id = call.auth_id();
    let work = Work { kind: "garbage_collection", id: Some(name), auth_id: &auth_id, seconds: 1, outcome: Ok(()), log };
    let upid = pbs.record(work);
    lookup(pbs, name, Use::Write)?.gc = GarbageCollection {
        upid: Some(upid.clone()),
        disk_bytes: disk + waiting.0,
        disk_chunks: chunks + waiting.1,
        index_bytes: bytes,
        index_files: count,
        removed_bytes: removed.0,
        removed_chunks: removed.1,
        ran: now,
        pending,
    };
    Ok(Answer::data(upid))
}

/// What the log tells while chunks are looked at, a line a percent: they lie spread evenly over the directories.
fn swept(chunks: u64) -> impl Iterator<Item = String> {
    let position = move |chunk: u64| (chunk * 100 + 50).checked_div(chunks).unwrap_or(0);
    (1..100).filter_map(move |percent| {
        let first = (percent * chunks).saturating_sub(50).div_ceil(100);
        let starts_here = first < chunks && position(first) == percent;
        starts_here.then(|| format!("processed {percent}% ({first} chunks)"))
    })
}

/// `1.124 MiB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0usize;
    let mut scale = 1u64;
    while bytes / scale >= 1024 && unit + 1 < UNITS.len() {
        scale *= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("B");
    if unit == 0 {
        return format!("{bytes} {name}");
    }
    let (whole, thousandths) = (bytes / scale, bytes % scale * 1000 / scale);
    let text = format!("{whole}.{thousandths:03}");
    format!("{} {name}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn row(pbs: &Pbs, name: &str) -> Option<Value> {
    let store = pbs.datastores.get(name)?;
    let mut row = super::status::gc_status(store);
    let fields = row.as_object_mut()?;
    fields.insert("store".to_owned(), name.into());
    if let Some(schedule) = store.settings.get("gc-schedule") {
        fields.insert("schedule".to_owned(), schedule.clone());
        let next = schedule.as_str().and_then(CalendarEvent::parse).and_then(|event| event.next_after(pbs.now()));
        if let Some(next) = next {
            fields.insert("next-run".to_owned(), next.into());
        }
    }
    let last = store.gc.upid.as_ref().and_then(|upid| pbs.tasks.all.iter().find(|task| task.upid == *upid));
    if let Some(task) = last.filter(|task| task.end <= pbs.now()) {
        fields.insert("last-run-state".to_owned(), task.outcome.as_str().into());
        fields.insert("last-run-endtime".to_owned(), task.end.into());
        fields.insert("duration".to_owned(), json!(task.end - task.start));
    }
    Some(row)
}

fn status(pbs: &mut Pbs, call: &Call) -> Outcome {
    let name = call.required("store");
    lookup(pbs, name, Use::Read)?;
    Ok(Answer::data(row(pbs, name)))
}

fn list(pbs: &mut Pbs, call: &Call) -> Outcome {
    let wanted = call.text("store");
    let visible = |name: &str| {
        let privileges = &["Datastore.Audit", "Datastore.Modify"];
        wanted.is_none_or(|wanted| wanted == name)
            && pbs.holds_any(call.caller.as_ref(), &format!("/datastore/{name}"), privileges)
    };
    let rows: Vec<Value> =
        pbs.datastores.keys().filter(|name| visible(name)).filter_map(|name| row(pbs, name)).collect();
    Ok(Answer::data(rows))
}
