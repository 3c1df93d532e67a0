//! Groups of backups: list, remove, notes, owner.

use proxmox_client::ids::AuthId;
use serde_json::{Map, Value, json};

use crate::pbs::call::{Answer, Call, Outcome, Refusal};
use crate::pbs::datastore::Group;
use crate::pbs::rights::{check_owner, owns};
use crate::pbs::schema::{anything, auth_id, boolean, text};
use crate::pbs::state::Pbs;
use crate::pbs::table::{Endpoint, call};

use super::datastores::{Use, lookup};

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    let notes = "/admin/datastore/{store}/group-notes";
    vec![
        call("GET", "/admin/datastore/{store}/groups", list).params([super::store(), super::ns()]),
        call("DELETE", "/admin/datastore/{store}/groups", delete).params(super::group()).params([boolean(
            "error-on-protected",
        )
        .optional()
        .since(4)]),
        call("GET", notes, get_notes).params(super::group()),
        call("PUT", notes, set_notes).params(super::group()).params([text("notes", 0, usize::MAX, anything)]),
        call("POST", "/admin/datastore/{store}/change-owner", change_owner).params(super::group()).params([text(
            "new-owner",
            3,
            64,
            auth_id,
        )]),
    ]
}

/// The check of a call on one group, and the group. Whoever has only `own` privileges has to own it.
pub(super) fn find<'p>(
    pbs: &'p mut Pbs,
    call: &Call,
    full: &[&str],
    own: &[&str],
    wanted: Use,
) -> Result<Option<&'p mut Group>, Refusal> {
    let (store, ns) = (call.required("store"), call.ns());
    let limited = pbs.namespace_rights(call.caller.as_ref(), store, ns, full, own)?;
    let group = lookup(pbs, store, wanted)?.group_mut(ns, &call.group());
    if limited {
        let owner = group.as_ref().map(|group| group.owner.clone()).ok_or_else(Refusal::enoent)?;
        check_owner(call.caller.as_ref(), &owner)?;
    }
    Ok(group)
}

fn list(pbs: &mut Pbs, call: &Call) -> Outcome {
    let (store, ns) = (call.required("store"), call.ns());
    let caller = call.caller.as_ref();
    let limited = pbs.namespace_rights(caller, store, ns, &["Datastore.Audit"], &["Datastore.Backup"])?;
    let found = lookup(pbs, store, Use::Read)?;
    let Some(groups) = found.namespaces.get(ns) else { return Err(Refusal::enoent()) };
    let mut rows = Vec::new();
    for (name, group) in groups.iter().filter(|(_, group)| !limited || owns(caller, &group.owner)) {
        let Some((last, newest)) = group.snapshots.last_key_value() else { continue };
        let (kind, id) = name.split_once('/').unwrap_or((name, ""));
        let mut row = Map::new();
        row.insert("backup-type".to_owned(), kind.into());
        row.insert("backup-id".to_owned(), id.into());
        row.insert("backup-count".to_owned(), group.snapshots.len().into());
        row.insert("last-backup".to_owned(), (*last).into());
        row.insert("owner".to_owned(), group.owner.as_str().into());
        row.insert("files".to_owned(), newest.files.iter().map(|file| file.name.clone()).collect::<Vec<_>>().into());
        if let Some(first) = group.notes.lines().next() {
            row.insert("comment".to_owned(), first.into());
        }
        rows.push(Value::Object(row));
    }
    Ok(Answer::data(rows))
}

fn delete(pbs: &mut Pbs, call: &Call) -> Outcome {
    let modern = pbs.major() >= 4;
    let group = find(pbs, call, &["Datastore.Modify"], &["Datastore.Prune"], Use::Write)?;
    let (ns, name) = (call.ns(), call.group());
    let Some(group) = group else {
        let path = lookup(pbs, call.required("store"), Use::Write)?.group_path(ns, &name);
        return Err(Refusal::bad(format!(
            "unable to open backup group directory {path:?} for locking - ENOENT: No such file or directory"
        )));
    };
    let before = group.snapshots.len();
    group.snapshots.retain(|_, snapshot| snapshot.protected);
    let left = group.snapshots.len();
    let store = lookup(pbs, call.required("store"), Use::Write)?;
    if left == 0 {
        if let Some(groups) = store.namespaces.get_mut(ns) {
            groups.remove(&name);
        }
    } else if !modern || call.flag("error-on-protected") != Some(false) {
        return Err(Refusal::bad("group only partially deleted due to protected snapshots"));
    }
    if modern {
        let removed = json!({ "removed-groups": u8::from(left == 0), "removed-snapshots": before - left, "protected-snapshots": left });
        return Ok(Answer::data(removed));
    }
    Ok(Answer::null())
}

fn get_notes(pbs: &mut Pbs, call: &Call) -> Outcome {
    let group = find(pbs, call, &["Datastore.Audit"], &["Datastore.Backup"], Use::Read)?;
    Ok(Answer::data(group.map(|group| group.notes.clone()).unwrap_or_default()))
}

fn set_notes(pbs: &mut Pbs, call: &Call) -> Outcome {
    let group = find(pbs, call, &["Datastore.Modify"], &["Datastore.Backup"], Use::Write)?;
    let Some(group) = group else {
        let path = lookup(pbs, call.required("store"), Use::Write)?.group_path(call.ns(), &call.group());
        let text = format!("mkstemp \"{path}/notes.tmp_XXXXXX\" failed: ENOENT: No such file or directory");
        return Err(Refusal::bad(text));
    };
    call.required("notes").clone_into(&mut group.notes);
    Ok(Answer::null())
}

fn change_owner(pbs: &mut Pbs, call: &Call) -> Outcome {
    let (store, ns) = (call.required("store"), call.ns());
    let caller = call.caller.clone();
    let limited = pbs.namespace_rights(caller.as_ref(), store, ns, &["Datastore.Modify"], &["Datastore.Backup"])?;
    let new: AuthId = call
        .required("new-owner")
        .parse()
        .map_err(|_| Refusal::param("new-owner", "value does not match the regex pattern"))?;
    let active = pbs.is_active(&new);
    let group = lookup(pbs, store, Use::Write)?.group_mut(ns, &call.group());
    if limited {
        let old = group.as_ref().map(|group| group.owner.clone()).ok_or_else(Refusal::enoent)?;
        let old: AuthId = old.parse().map_err(|_| Refusal::enoent())?;
        // Only between a user and its own tokens, and only for who owns the group already.
        let fine = caller.as_ref().is_some_and(|caller| {
            let between = old.user() == caller.user() && new.user() == caller.user();
            between && (caller.token().is_none() || (old == *caller && new.token().is_none()))
        });
        if !fine {
            return Err(Refusal { status: 403, text: "Invalid operation: cannot change owner".to_owned() });
        }
    }
    if !active {
        let what = if new.token().is_some() { "API token" } else { "user" };
        return Err(Refusal::bad(format!("{what} '{new}' is inactive or non-existent")));
    }
    let Some(group) = group else { return Err(Refusal::enoent()) };
    group.owner = new.to_string();
    Ok(Answer::null())
}
