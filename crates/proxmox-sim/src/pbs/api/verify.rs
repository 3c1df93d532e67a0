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
    /// Days after which it is not left out.
    pub outdated_after: Option<i64>,
    /// Unix seconds.
    pub now: i64,
    /// The task that does it.
    pub upid: &'a str,
}

/// What came of verifying.
pub(in crate::pbs) struct Verified {
    /// Lines of the log.
    pub log: Vec<String>,
    /// How the task ends.
    pub outcome: Result<(), String>,
}

/// Verifies, and notes the outcome with each snapshot.
pub(in crate::pbs) fn run(scope: &Scope<'_>, store: &mut Datastore, only: impl Fn(&Group) -> bool) -> Verified {
    const DAY: i64 = 24 * 3600;
    let mut log = Vec::new();
    let mut broken = Vec::new();
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
            let age = scope.now.saturating_sub(snapshot.verified);
            let recent = scope.outdated_after.is_none_or(|days| age <= days.saturating_mul(DAY));
            if scope.skip_verified && recent && snapshot.verification.is_some() {
                log.push(format!("SKIPPED: verify {place}/{} (recently verified)", zulu(*time)));
            } else {
                log.push(format!("verify {place}/{}", zulu(*time)));
                for file in snapshot.files.iter().filter(|file| file.size.is_some() && file.name != "index.json.blob") {
                    log.push(format!("  check {}", file.name));
                    if snapshot.damaged && !file.name.ends_with(".blob") {
                        log.push(format!("can't verify chunk, load failed - store '{}'", scope.store));
                        log.push(format!(
                            "verify {place}/{}/{} failed: chunks could not be verified",
                            zulu(*time),
                            file.name
                        ));
                    }
                }
                let state = if snapshot.damaged { "failed" } else { "ok" };
                if snapshot.damaged {
                    broken.push(format!("{place}/{}", zulu(*time)));
                }
                snapshot.verification = Some((scope.upid.to_owned(), state.to_owned()));
                snapshot.verified = scope.now;
            }
            if scope.time.is_none() {
                log.push(format!("percentage done: {} ({done}/{total} snapshots)", percent(done, total)));
            }
        }
    }
    let outcome = if broken.is_empty() {
        Ok(())
    } else {
        log.push("Failed to verify the following snapshots/groups:".to_owned());
        log.extend(broken.iter().map(|place| format!("\t{place}")));
        Err("verification failed - please check the log for details".to_owned())
    };
    Verified { log, outcome }
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
    let now = pbs.now();
    let upid = pbs.next_upid(kind, Some(&id), &auth_id);
    let scope = Scope {
        store,
        ns,
        depth: call.int("max-depth").and_then(|depth| usize::try_from(depth).ok()).unwrap_or(7),
        group: group.as_deref(),
        time,
        skip_verified: call.flag("ignore-verified").unwrap_or(true),
        outdated_after: call.int("outdated-after"),
        now,
        upid: &upid,
    };
    let found = lookup(pbs, store, Use::Read)?;
    let Verified { log, outcome } = run(&scope, found, |group| !limited || owns(caller.as_ref(), &group.owner));
    Ok(Answer::data(pbs.record(Work { kind, id: Some(&id), auth_id: &auth_id, seconds: 0, outcome, log })))
}
