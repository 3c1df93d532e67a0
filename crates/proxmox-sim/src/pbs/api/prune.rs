//! Pruning: which snapshots of a group are kept, and removing the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::pbs::call::{Answer, Call, Outcome, Refusal};
use crate::pbs::datastore::{Datastore, Group};
use crate::pbs::rights::owns;
use crate::pbs::schema::{boolean, integer};
use crate::pbs::state::Pbs;
use crate::pbs::table::{Endpoint, call};
use crate::pbs::tasks::{Work, zulu};

use super::datastores::{Use, keeps, lookup};
use super::groups::find;
use super::snapshots::remove;

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    vec![
        call("POST", "/admin/datastore/{store}/prune", prune_group)
            .params(super::group())
            .params(keeps())
            .params([boolean("dry-run").optional(), boolean("use-task").optional()]),
        call("POST", "/admin/datastore/{store}/prune-datastore", prune_datastore)
            .params([super::store(), super::ns(), boolean("dry-run").optional(), integer("max-depth", 0, 7).optional()])
            .params(keeps()),
    ]
}

/// How much to keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::pbs) struct Keep(Vec<(&'static str, usize)>);

const PERIODS: [&str; 6] = ["last", "hourly", "daily", "weekly", "monthly", "yearly"];

impl Keep {
    /// From `keep-*` settings.
    pub(in crate::pbs) fn from_settings<'v>(get: impl Fn(&str) -> Option<&'v Value>) -> Self {
        let count = |period: &str| get(&format!("keep-{period}")).and_then(Value::as_u64);
        let some = PERIODS.iter().filter_map(|period| Some((*period, usize::try_from(count(period)?).ok()?)));
        Self(some.collect())
    }

    fn keeps_all(&self) -> bool {
        self.0.is_empty()
    }

    fn options(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|(period, count)| format!("--keep-{period} {count}")).collect();
        words.join(" ")
    }

    /// Which snapshots of a group are kept: the newest of each period, as many periods as wanted; protected ones always, not counted.
    fn marks(&self, group: &Group) -> BTreeMap<i64, bool> {
        if self.keeps_all() {
            return group.snapshots.keys().map(|time| (*time, true)).collect();
        }
        let mut marks: BTreeMap<i64, Option<bool>> = BTreeMap::new();
        for (period, count) in &self.0 {
            let already: BTreeSet<String> =
                marks.iter().filter(|(_, mark)| **mark == Some(true)).map(|(time, _)| label(period, *time)).collect();
            let mut chosen = BTreeSet::new();
            for (time, snapshot) in group.snapshots.iter().rev() {
                if marks.contains_key(time) {
                    continue;
                }
                if snapshot.protected {
                    marks.insert(*time, None);
                    continue;
                }
                let label = label(period, *time);
                if already.contains(&label) {
                    continue;
                }
                if chosen.contains(&label) {
                    marks.insert(*time, Some(false));
                } else if chosen.len() < *count {
                    chosen.insert(label);
                    marks.insert(*time, Some(true));
                } else {
                    break;
                }
            }
        }
        let kept = |time: i64, protected: bool| protected || marks.get(&time) == Some(&Some(true));
        group.snapshots.iter().map(|(time, snapshot)| (*time, kept(*time, snapshot.protected))).collect()
    }
}

/// What two times of the same period have in common.
fn label(period: &str, at: i64) -> String {
    let Ok(time) = time::OffsetDateTime::from_unix_timestamp(at) else { return at.to_string() };
    let (year, month, day) = time.to_calendar_date();
    match period {
        "hourly" => format!("{year}/{month}/{day}/{}", time.hour()),
        "daily" => format!("{year}/{month}/{day}"),
        "weekly" => {
            let (year, week, _) = time.to_iso_week_date();
            format!("{year}/{week}")
        }
        "monthly" => format!("{year}/{month}"),
        "yearly" => year.to_string(),
        _ => at.to_string(),
    }
}

fn prune_group(pbs: &mut Pbs, call: &Call) -> Outcome {
    let group = find(pbs, call, &["Datastore.Modify"], &["Datastore.Prune"], Use::Write)?;
    let Some(group) = group else { return Err(Refusal::enoent()) };
    let keep = Keep::from_settings(|name| call.params.get(name));
    let marks = keep.marks(group);
    let (ns, name) = (call.ns(), call.group());
    let rows: Vec<Value> = marks
        .iter()
        .map(|(time, kept)| {
            let protected = group.snapshots.get(time).is_some_and(|snapshot| snapshot.protected);
            let mut row = json!({
                "backup-type": call.required("backup-type"), "backup-id": call.required("backup-id"),
                "backup-time": time, "keep": kept, "protected": protected,
            });
            if let (Some(row), false) = (row.as_object_mut(), ns.is_empty()) {
                row.insert("ns".to_owned(), ns.into());
            }
            row
        })
        .collect();
    let dry = call.flag("dry-run") == Some(true);
    let as_task = call.flag("use-task") == Some(true);
    if dry && !as_task {
        return Ok(Answer::data(rows));
    }
    let store = call.required("store");
    let found = lookup(pbs, store, Use::Write)?;
    let mut log = vec![if keep.keeps_all() {
        "No prune selection - keeping all files.".to_owned()
    } else {
        format!("retention options: {}", keep.options())
    }];
    let place = if ns.is_empty() { format!("{store}:{name}") } else { format!("{store}:{ns}:{name}") };
    log.push(format!("Starting prune on {place}"));
    for (time, kept) in &marks {
        log.push(format!("{} {name}/{}", if *kept { "keep" } else { "remove" }, zulu(*time)));
        if !kept && !dry {
            remove(found, ns, &name, *time);
        }
    }
    let auth_id = call.auth_id();
    let id = format!("{store}:{ns}:{name}");
    let work = Work { kind: "prune", id: Some(&id), auth_id: &auth_id, seconds: 0, outcome: Ok(()), log };
    let upid = pbs.record(work);
    Ok(if as_task { Answer::data(upid) } else { Answer::data(rows) })
}

/// Prunes the groups of a namespace and those below it; tells the lines of the log.
pub(in crate::pbs) fn prune_all(
    name: &str,
    store: &mut Datastore,
    ns: &str,
    depth: Option<usize>,
    keep: &Keep,
    dry: bool,
    only: impl Fn(&Group) -> bool,
) -> Vec<String> {
    let place = if ns.is_empty() { "root namespace".to_owned() } else { format!("namespace '{ns}'") };
    let how_deep = depth.map_or_else(|| "down to full depth".to_owned(), |depth| format!("max-depth {depth}"));
    let mut log = vec![format!("Starting datastore prune on datastore '{name}', {place}, {how_deep}")];
    if dry {
        log.push("(dry test run)".to_owned());
    }
    log.push(if keep.keeps_all() {
        "No prune selection - keeping all files.".to_owned()
    } else {
        format!("retention options: {}", keep.options())
    });
    let would = if dry { "would " } else { "" };
    for below in store.namespaces_below(ns, depth.unwrap_or(7)) {
        let groups: Vec<String> = store
            .namespaces
            .get(&below)
            .into_iter()
            .flatten()
            .filter(|(_, group)| only(group))
            .map(|(name, _)| name.clone())
            .collect();
        for group in groups {
            let marks = store.group(&below, &group).map(|group| keep.marks(group)).unwrap_or_default();
            let shown = if below.is_empty() { group.clone() } else { format!("{below}:{group}") };
            log.push(format!("Pruning group {below}:\"{group}\""));
            for (time, kept) in marks {
                log.push(format!("{would}{} {shown}/{}", if kept { "keep" } else { "remove" }, zulu(time)));
                if !kept && !dry {
                    remove(store, &below, &group, time);
                }
            }
        }
    }
    log
}

fn prune_datastore(pbs: &mut Pbs, call: &Call) -> Outcome {
    let (name, ns) = (call.required("store"), call.ns());
    let caller = call.caller.clone();
    let limited = pbs.namespace_rights(caller.as_ref(), name, ns, &["Datastore.Modify"], &["Datastore.Prune"])?;
    let store = lookup(pbs, name, Use::Write)?;
    if !store.namespaces.contains_key(ns) {
        return Err(Refusal::enoent());
    }
    let keep = Keep::from_settings(|name| call.params.get(name));
    let depth = call.int("max-depth").and_then(|depth| usize::try_from(depth).ok());
    let dry = call.flag("dry-run") == Some(true);
    let log = prune_all(name, store, ns, depth, &keep, dry, |group| !limited || owns(caller.as_ref(), &group.owner));
    let auth_id = call.auth_id();
    let id = format!("{name}:{ns}");
    let work = Work { kind: "prune", id: Some(&id), auth_id: &auth_id, seconds: 0, outcome: Ok(()), log };
    Ok(Answer::data(pbs.record(work)))
}
