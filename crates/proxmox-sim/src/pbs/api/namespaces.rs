//! Namespaces.

use serde_json::{Value, json};

use crate::pbs::call::{Answer, Call, Outcome, Refusal};
use crate::pbs::datastore::{Group, Namespace};
use crate::pbs::schema::{boolean, integer, namespace, safe_id, text};
use crate::pbs::state::Pbs;
use crate::pbs::table::{Endpoint, call};

use super::datastores::{Use, lookup};

/// Levels of namespaces below the root.
const DEPTH: usize = 7;

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    let path = "/admin/datastore/{store}/namespace";
    vec![
        call("GET", path, list).params([
            super::store(),
            text("parent", 0, 256, namespace).optional(),
            integer("max-depth", 0, 7).optional(),
        ]),
        call("POST", path, create).params([
            super::store(),
            text("name", 1, 32, safe_id),
            text("parent", 0, 256, namespace).optional(),
        ]),
        call("DELETE", path, delete).params([
            super::store(),
            text("ns", 0, 256, namespace),
            boolean("delete-groups").optional(),
            boolean("error-on-protected").optional().since(4),
        ]),
    ]
}

fn acl_path(store: &str, ns: &str) -> String {
    if ns.is_empty() { format!("/datastore/{store}") } else { format!("/datastore/{store}/{ns}") }
}

fn list(pbs: &mut Pbs, call: &Call) -> Outcome {
    const LOOK: &[&str] = &["Datastore.Audit", "Datastore.Modify", "Datastore.Backup"];
    let (store, parent) = (call.required("store"), call.text("parent").unwrap_or_default());
    let caller = call.caller.as_ref();
    if !pbs.holds_any(caller, &acl_path(store, parent), LOOK) && !pbs.holds_any_below(caller, store, LOOK) {
        return Err(Refusal::forbidden());
    }
    let depth = call.int("max-depth").and_then(|depth| usize::try_from(depth).ok()).unwrap_or(DEPTH);
    let found = lookup(pbs, store, Use::Read)?;
    if !found.namespaces.contains_key(parent) {
        return Err(Refusal::enoent());
    }
    let all = found.namespaces_below(parent, depth);
    let seen = all.into_iter().filter(|ns| pbs.holds_any(caller, &acl_path(store, ns), LOOK));
    Ok(Answer::data(seen.map(|ns| json!({ "ns": ns })).collect::<Vec<Value>>()))
}

fn require_modify(pbs: &Pbs, call: &Call, store: &str, ns: &str) -> Result<(), Refusal> {
    let path = acl_path(store, ns);
    if pbs.holds_any(call.caller.as_ref(), &path, &["Datastore.Modify"]) {
        return Ok(());
    }
    Err(Refusal::missing(&["Datastore.Modify"], &path))
}

fn create(pbs: &mut Pbs, call: &Call) -> Outcome {
    let (store, parent) = (call.required("store"), call.text("parent").unwrap_or_default());
    require_modify(pbs, call, store, parent)?;
    let found = lookup(pbs, store, Use::Write)?;
    let name = call.required("name");
    let full = if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") };
    let depth = full.split('/').count();
    if depth > DEPTH {
        return Err(Refusal::bad(format!("namespace to deep, {depth} > max {DEPTH}")));
    }
    if !found.namespaces.contains_key(parent) {
        return Err(Refusal::bad(format!("cannot create new namespace, parent {parent} doesn't already exists")));
    }
    found.namespaces.entry(full.clone()).or_default();
    Ok(Answer::data(full))
}

fn delete(pbs: &mut Pbs, call: &Call) -> Outcome {
    let (store, ns) = (call.required("store"), call.ns());
    let parent = ns.rsplit_once('/').map_or("", |(parent, _)| parent);
    require_modify(pbs, call, store, parent)?;
    let found = lookup(pbs, store, Use::Write)?;
    if ns.is_empty() {
        return Err(Refusal::bad("cannot delete root namespace!"));
    }
    let with_groups = call.flag("delete-groups") == Some(true);
    let mut left_over = false;
    // From the innermost outwards: what is not empty keeps everything above it.
    for below in found.namespaces_below(ns, DEPTH).into_iter().rev() {
        let prefix = format!("{below}/");
        let has_children = found.namespaces.keys().any(|other| other.starts_with(&prefix));
        let Some(groups) = found.namespaces.get_mut(&below) else { continue };
        if with_groups {
            remove_unprotected(groups);
        }
        if has_children || !groups.is_empty() {
            left_over = true;
        } else {
            found.namespaces.remove(&below);
        }
    }
    match (left_over, with_groups) {
        (false, _) => Ok(Answer::null()),
        (true, true) => Err(Refusal::bad("group only partially deleted due to protected snapshots")),
        (true, false) => {
            Err(Refusal::bad("only partially deleted due to existing groups but `delete-groups` not true"))
        }
    }
}

/// Removes all snapshots that are not protected, and groups that are empty then.
fn remove_unprotected(groups: &mut Namespace) {
    groups.retain(|_, group: &mut Group| {
        group.snapshots.retain(|_, snapshot| snapshot.protected);
        !group.snapshots.is_empty()
    });
}
