//! Snapshots: list, files, remove, notes, protection.

use serde_json::{Map, Value, json};

use crate::pbs::call::{Answer, Call, Outcome, Refusal};
use crate::pbs::datastore::{BackupFile, Snapshot};
use crate::pbs::rights::owns;
use crate::pbs::schema::{anything, boolean, text};
use crate::pbs::state::Pbs;
use crate::pbs::table::{Endpoint, call};
use crate::pbs::tasks::zulu;

use super::datastores::{Use, lookup};
use super::groups::find;

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    let base = "/admin/datastore/{store}/snapshots";
    let notes = "/admin/datastore/{store}/notes";
    let protected = "/admin/datastore/{store}/protected";
    vec![
        call("GET", base, list).params([
            super::store(),
            super::ns(),
            super::backup_type().optional(),
            super::backup_id().optional(),
        ]),
        call("DELETE", base, delete).params(super::snapshot()),
        call("GET", "/admin/datastore/{store}/files", files).params(super::snapshot()),
        call("GET", notes, get_notes).params(super::snapshot()),
        call("PUT", notes, set_notes).params(super::snapshot()).params([text("notes", 0, usize::MAX, anything)]),
        call("GET", protected, get_protected).params(super::snapshot()),
        call("PUT", protected, set_protected).params(super::snapshot()).params([boolean("protected")]),
    ]
}

fn file(file: &BackupFile) -> Value {
    match file.size {
        Some(size) => json!({ "filename": file.name, "crypt-mode": "none", "size": size }),
        None => json!({ "filename": file.name }),
    }
}

fn row(group: &str, owner: &str, time: i64, snapshot: &Snapshot) -> Value {
    let (kind, id) = group.split_once('/').unwrap_or((group, ""));
    let mut row = Map::new();
    row.insert("backup-type".to_owned(), kind.into());
    row.insert("backup-id".to_owned(), id.into());
    row.insert("backup-time".to_owned(), time.into());
    row.insert("files".to_owned(), snapshot.files.iter().map(file).collect::<Vec<_>>().into());
    row.insert("size".to_owned(), snapshot.size().into());
    row.insert("owner".to_owned(), owner.into());
    row.insert("protected".to_owned(), snapshot.protected.into());
    if let Some(first) = snapshot.comment.lines().next() {
        row.insert("comment".to_owned(), first.into());
    }
    if let Some((upid, state)) = &snapshot.verification {
        row.insert("verification".to_owned(), json!({ "upid": upid, "state": state }));
    }
    if let Some(fingerprint) = &snapshot.fingerprint {
        row.insert("fingerprint".to_owned(), fingerprint.as_str().into());
    }
    row.into()
}

fn list(pbs: &mut Pbs, call: &Call) -> Outcome {
    let (store, ns) = (call.required("store"), call.ns());
    let caller = call.caller.as_ref();
    let limited = pbs.namespace_rights(caller, store, ns, &["Datastore.Audit"], &["Datastore.Backup"])?;
    let found = lookup(pbs, store, Use::Read)?;
    let Some(groups) = found.namespaces.get(ns) else { return Err(Refusal::enoent()) };
    let (kind, id) = (call.text("backup-type"), call.text("backup-id"));
    let wanted = |name: &str| {
        let (its_kind, its_id) = name.split_once('/').unwrap_or((name, ""));
        kind.is_none_or(|kind| kind == its_kind) && id.is_none_or(|id| id == its_id)
    };
    let mut rows = Vec::new();
    let mut any = kind.is_none();
    for (name, group) in groups.iter().filter(|(name, _)| wanted(name)) {
        any = true;
        if !limited || owns(caller, &group.owner) {
            rows.extend(group.snapshots.iter().map(|(time, snapshot)| row(name, &group.owner, *time, snapshot)));
        }
    }
    // A directory of that type, or of that group, is what is read.
    if !any {
        return Err(Refusal::enoent());
    }
    Ok(Answer::data(rows))
}

/// The snapshot that a call names.
fn snapshot<'p>(
    pbs: &'p mut Pbs,
    call: &Call,
    full: &[&str],
    own: &[&str],
    wanted: Use,
) -> Result<Option<&'p mut Snapshot>, Refusal> {
    let time = call.int("backup-time").unwrap_or_default();
    Ok(find(pbs, call, full, own, wanted)?.and_then(|group| group.snapshots.get_mut(&time)))
}

/// `ct/200/2026-11-21T02:07:13Z`.
fn shown(call: &Call) -> String {
    format!("{}/{}", call.group(), zulu(call.int("backup-time").unwrap_or_default()))
}

fn directory(pbs: &mut Pbs, call: &Call) -> Result<String, Refusal> {
    let store = lookup(pbs, call.required("store"), Use::Read)?;
    Ok(store.group_path(call.ns(), &shown(call)))
}

/// What reading the manifest of a snapshot that is not there fails with.
fn no_manifest(pbs: &mut Pbs, call: &Call) -> Refusal {
    match directory(pbs, call) {
        Ok(path) => Refusal::bad(format!(
            "unable to load blob '\"{path}/index.json.blob\"' - No such file or directory (os error 2)"
        )),
        Err(refusal) => refusal,
    }
}

fn files(pbs: &mut Pbs, call: &Call) -> Outcome {
    let found = snapshot(pbs, call, &["Datastore.Audit", "Datastore.Read"], &["Datastore.Backup"], Use::Read)?;
    let Some(found) = found else { return Err(Refusal::enoent()) };
    Ok(Answer::data(found.files.iter().map(file).collect::<Vec<_>>()))
}

fn get_notes(pbs: &mut Pbs, call: &Call) -> Outcome {
    let found = snapshot(pbs, call, &["Datastore.Audit"], &["Datastore.Backup"], Use::Read)?;
    match found.map(|found| found.comment.clone()) {
        Some(notes) => Ok(Answer::data(notes)),
        None => Err(no_manifest(pbs, call)),
    }
}

fn set_notes(pbs: &mut Pbs, call: &Call) -> Outcome {
    let found = snapshot(pbs, call, &["Datastore.Modify"], &["Datastore.Backup"], Use::Write)?;
    match found {
        Some(found) => {
            call.required("notes").clone_into(&mut found.comment);
            Ok(Answer::null())
        }
        None => Err(no_manifest(pbs, call)),
    }
}

fn get_protected(pbs: &mut Pbs, call: &Call) -> Outcome {
    let found = snapshot(pbs, call, &["Datastore.Audit"], &["Datastore.Backup"], Use::Read)?;
    Ok(Answer::data(found.is_some_and(|found| found.protected)))
}

fn set_protected(pbs: &mut Pbs, call: &Call) -> Outcome {
    let found = snapshot(pbs, call, &["Datastore.Modify"], &["Datastore.Backup"], Use::Write)?;
    let Some(found) = found else { return Err(Refusal::bad(format!("snapshot {} does not exist!", shown(call)))) };
    found.protected = call.flag("protected").unwrap_or_default();
    Ok(Answer::null())
}

fn delete(pbs: &mut Pbs, call: &Call) -> Outcome {
    let found = snapshot(pbs, call, &["Datastore.Modify"], &["Datastore.Prune"], Use::Write)?;
    let Some(found) = found else {
        let path = directory(pbs, call)?;
        let text =
            format!("unable to open snapshot directory {path:?} for locking - ENOENT: No such file or directory");
        return Err(Refusal::bad(text));
    };
    if found.protected {
        return Err(Refusal::bad("cannot remove protected snapshot"));
    }
    let store = lookup(pbs, call.required("store"), Use::Write)?;
    remove(store, call.ns(), &call.group(), call.int("backup-time").unwrap_or_default());
    Ok(Answer::null())
}

/// Removes a snapshot, and its group with the last one.
pub(in crate::pbs) fn remove(store: &mut crate::pbs::datastore::Datastore, ns: &str, group: &str, time: i64) {
    let Some(groups) = store.namespaces.get_mut(ns) else { return };
    if let Some(found) = groups.get_mut(group) {
        found.snapshots.remove(&time);
        if found.snapshots.is_empty() {
            groups.remove(group);
        }
    }
}
