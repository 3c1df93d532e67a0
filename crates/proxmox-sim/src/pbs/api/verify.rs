//! Verification of snapshots.

use crate::pbs::call::{Answer, Call, Outcome, Refusal};
use crate::pbs::datastore::{Datastore, Group};
use crate::pbs::rights::owns;
use crate::pbs::schema::{boolean, integer};
use crate::pbs::state::Pbs;
use crate::pbs::table::{Endpoint, call};
use crate::pbs::tasks::{Work, zulu};

use super::datastores::{Use, lookup};

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    vec![call("POST", "/admin/datastore/{store}/verify", verify).params([
        super::store(),
        super::ns(),
        super::backup_type().optional(),
        super::backup_id().optional(),
        integer("backup-time", 1, i64::MAX).optional(),
        boolean("ignore-verified").optional(),
        integer("outdated-after", 0, i64::MAX).optional(),
        integer("max-depth", 0, 7).optional(),
        integer("read-threads", 1, 32).optional().since(4),
        integer("verify-threads", 1, 32).optional().since(4),
    ])]
}

/// What to verify.
pub(in crate::pbs) struct Scope<'a> {
    /// Name of the datastore.
    pub store: &'a str,
    /// Namespace.
    pub ns: &'a str,
    /// Levels below it.
    pub depth: usize,
    /// Only this group.
    pub group: Option<&'a str>,
    /// Only this snapshot of it.
    pub time: Option<i64>,
    /// Leave out what was verified before.
    pub skip_verified: bool,
    /// The task that does it.
    pub upid: &'a str,
}

/// Verifies, notes the outcome with each snapshot, tells the lines of the log. Nothing in a simulator is ever damaged.
pub(in crate::pbs) fn run(scope: &Scope<'_>, store: &mut Datastore, only: impl Fn(&Group) -> bool) -> Vec<String> {
    let mut log = Vec::new();
    let mut targets: Vec<(String, String)> = Vec::new();
    for ns in store.namespaces_below(scope.ns, scope.depth) {
        for (name, group) in store.namespaces.get(&ns).into_iter().flatten() {
            if scope.group.is_none_or(|wanted| wanted == name && ns == scope.ns) && only(group) {
                targets.push((ns.clone(), name.clone()));
            }
        }
    }
    if scope.group.is_none() {
        log.push(format!("verify datastore {}", scope.store));
        log.push(format!("found {} groups", targets.len()));
    }
    let total: usize = targets.iter().filter_map(|(ns, name)| Some(store.group(ns, name)?.snapshots.len())).sum();
    let mut done = 0usize;
    for (ns, name) in targets {
        let Some(group) = store.group_mut(&ns, &name) else { continue };
        let place =
            if ns.is_empty() { format!("{}:{name}", scope.store) } else { format!("{}:{ns}:{name}", scope.store) };
        if scope.time.is_none() {
            log.push(format!("verify group {place} ({} snapshots)", group.snapshots.len()));
        }
        for (time, snapshot) in group.snapshots.iter_mut().rev() {
            if scope.time.is_some_and(|wanted| wanted != *time) {
                continue;
            }
            done += 1;
            if scope.skip_verified && snapshot.verification.is_some() {
                log.push(format!("SKIPPED: verify {place}/{} (recently verified)", zulu(*time)));
            } else {
                log.push(format!("verify {place}/{}", zulu(*time)));
                for file in snapshot.files.iter().filter(|file| file.size.is_some() && file.name != "index.json.blob") {
                    log.push(format!("  check {}", file.name));
                }
                snapshot.verification = Some((scope.upid.to_owned(), "ok".to_owned()));
            }
            if scope.time.is_none() {
                log.push(format!("percentage done: {} ({done}/{total} snapshots)", percent(done, total)));
            }
        }
    }
    log
}

fn percent(done: usize, total: usize) -> String {
    let hundredths = (done * 10_000 + total / 2).checked_div(total).unwrap_or(0);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn verify(pbs: &mut Pbs, call: &Call) -> Outcome {
    let (store, ns) = (call.required("store"), call.ns());
    let caller = call.caller.clone();
    let limited = pbs.namespace_rights(caller.as_ref(), store, ns, &["Datastore.Verify"], &["Datastore.Backup"])?;
    let found = lookup(pbs, store, Use::Read)?;
    let time = call.int("backup-time");
    let group = call.text("backup-type").zip(call.text("backup-id")).map(|(kind, id)| format!("{kind}/{id}"));
    let place = if ns.is_empty() { format!("{store}:") } else { format!("{store}:{ns}") };
    let parts = (call.text("backup-type"), call.text("backup-id"), time);
    let (kind, id) = match (&group, parts) {
        (Some(group), (_, _, Some(time))) => ("verify_snapshot", format!("{place}/{group}/{time:08X}")),
        (Some(group), _) => ("verify_group", format!("{place}/{group}")),
        (None, (None, None, None)) if ns.is_empty() => ("verify", store.to_owned()),
        (None, (None, None, None)) => ("verify", format!("{store}:{ns}")),
        _ => return Err(Refusal::bad("parameters do not specify a backup group or snapshot")),
    };
    if let Some(group) = &group {
        let Some(group) = found.group(ns, group) else { return Err(Refusal::enoent()) };
        if time.is_some_and(|time| !group.snapshots.contains_key(&time)) {
            return Err(Refusal::enoent());
        }
        if limited {
            crate::pbs::rights::check_owner(caller.as_ref(), &group.owner)?;
        }
    }
    let auth_id = call.auth_id();
    let upid = pbs.next_upid(kind, Some(&id), &auth_id);
    let scope = Scope {
        store,
        ns,
        depth: call.int("max-depth").and_then(|depth| usize::try_from(depth).ok()).unwrap_or(7),
        group: group.as_deref(),
        time,
        skip_verified: call.flag("ignore-verified").unwrap_or(true),
        upid: &upid,
    };
    let found = lookup(pbs, store, Use::Read)?;
    let log = run(&scope, found, |group| !limited || owns(caller.as_ref(), &group.owner));
    Ok(Answer::data(pbs.record(Work { kind, id: Some(&id), auth_id: &auth_id, seconds: 0, outcome: Ok(()), log })))
}
