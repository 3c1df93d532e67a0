//! ACLs, roles and the question what somebody may do.

use proxmox_client::ids::{AclPath, AuthId};
use serde_json::{Map, Value, json};

use crate::pbs::call::{Answer, Call, Outcome, Refusal, check_digest};
use crate::pbs::schema::{acl_path, auth_id, boolean, one_of, text, user_name};
use crate::pbs::state::{Pbs, digest_of};
use crate::pbs::table::{Endpoint, call};

const ROLES: &[&str] = &[
    "Admin",
    "Audit",
    "NoAccess",
    "DatastoreAdmin",
    "DatastoreReader",
    "DatastoreBackup",
    "DatastorePowerUser",
    "DatastoreAudit",
    "RemoteAudit",
    "RemoteAdmin",
    "RemoteSyncOperator",
    "RemoteSyncPushOperator",
    "RemoteDatastorePowerUser",
    "RemoteDatastoreAdmin",
    "TapeAudit",
    "TapeAdmin",
    "TapeOperator",
    "TapeReader",
];

const COMMENTS: &[(&str, &str)] = &[
    ("Admin", "Administrator"),
    ("Audit", "Auditor"),
    ("NoAccess", "Disable Access"),
    ("DatastoreAdmin", "Datastore Administrator"),
    ("DatastoreReader", "Datastore Reader (inspect datastore content and do restores)"),
    ("DatastoreBackup", "Datastore Backup (backup and restore owned backups)"),
    ("DatastorePowerUser", "Datastore PowerUser (backup, restore and prune owned backup)"),
    ("DatastoreAudit", "Datastore Auditor"),
    ("RemoteAudit", "Remote Auditor"),
    ("RemoteAdmin", "Remote Administrator"),
    ("RemoteSyncOperator", "Syncronisation Opertator"),
    ("RemoteSyncPushOperator", "Synchronisation Operator (push direction)"),
    ("RemoteDatastorePowerUser", "Remote Datastore Prune"),
    ("RemoteDatastoreAdmin", "Remote Datastore Admin"),
    ("TapeAudit", "Tape Auditor"),
    ("TapeAdmin", "Tape Administrator"),
    ("TapeOperator", "Tape Operator"),
    ("TapeReader", "Tape Reader"),
];

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    vec![
        call("GET", "/access/acl", list)
            .params([text("path", 1, 128, acl_path).optional(), boolean("exact").optional()]),
        call("PUT", "/access/acl", update).params([
            text("path", 1, 128, acl_path),
            one_of("role", ROLES),
            text("auth-id", 3, 64, auth_id).optional(),
            text("group", 3, 64, user_name).optional(),
            boolean("propagate").optional(),
            boolean("delete").optional(),
            super::digest(),
        ]),
        call("GET", "/access/roles", roles),
        call("GET", "/access/permissions", permissions)
            .params([text("auth-id", 3, 64, auth_id).optional(), text("path", 1, 128, acl_path).optional()]),
    ]
}

fn normal(path: &str) -> String {
    path.parse::<AclPath>().map_or_else(|_| path.to_owned(), |path| path.as_str().to_owned())
}

fn list(pbs: &mut Pbs, call: &Call) -> Outcome {
    let all = pbs.holds_any(call.caller.as_ref(), "/access/acl", &["Sys.Audit"]);
    let tokens = call.caller.as_ref().map(|caller| format!("{}!", caller.user())).unwrap_or_default();
    let own = |id: &str| all || (matches!(call.caller, Some(AuthId::User(_))) && id.starts_with(&tokens));
    let wanted = call.text("path").map(normal);
    let exact = call.flag("exact") == Some(true);
    let within = |path: &str| match wanted.as_deref() {
        None => !exact || path == "/",
        Some(wanted) if exact || wanted == path => wanted == path,
        Some("/") => true,
        Some(wanted) => path.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/')),
    };
    let mut rows = Vec::new();
    for (path, subjects) in pbs.acl.iter().filter(|(path, _)| within(path)) {
        for (id, roles) in subjects.iter().filter(|(id, _)| own(id)) {
            for (role, propagate) in roles {
                rows.push(json!({
                    "path": path, "ugid": id, "ugid_type": "user", "roleid": role, "propagate": propagate,
                }));
            }
        }
    }
    Ok(Answer::data(rows).with("digest", digest_of(&pbs.acl)))
}

fn update(pbs: &mut Pbs, call: &Call) -> Outcome {
    let deletes = call.flag("delete") == Some(true);
    let target = call.text("auth-id").map(|id| id.parse::<AuthId>().map_err(|error| Refusal::bad(error.to_string())));
    let target = target.transpose()?;
    if !pbs.holds_any(call.caller.as_ref(), "/access/acl", &["Permissions.Modify"]) {
        may_touch_own_tokens(call, target.as_ref())?;
    }
    check_digest(call, &digest_of(&pbs.acl))?;
    let Some(target) = target else {
        let text = match call.text("group") {
            Some(_) => "parameter 'group' - groups are currently not supported.",
            None => "missing 'userid' or 'group' parameter.",
        };
        return Err(Refusal::bad(text));
    };
    let id = target.to_string();
    let path = normal(call.required("path"));
    let role = call.required("role").to_owned();
    if deletes {
        if let Some(subjects) = pbs.acl.get_mut(&path) {
            if let Some(roles) = subjects.get_mut(&id) {
                roles.remove(&role);
            }
            subjects.retain(|_, roles| !roles.is_empty());
        }
        pbs.acl.retain(|_, subjects| !subjects.is_empty());
        return Ok(Answer::null());
    }
    let exists = if target.token().is_some() { pbs.tokens.contains_key(&id) } else { pbs.users.contains_key(&id) };
    if !exists {
        return Err(Refusal::bad(if target.token().is_some() { "no such API token." } else { "no such user." }));
    }
    if !path.parse::<AclPath>().is_ok_and(|path| path.is_known_to_pbs()) {
        return Err(Refusal::bad(format!("invalid acl path '{path}'.")));
    }
    let roles = pbs.acl.entry(path).or_default().entry(id).or_default();
    // NoAccess and other roles replace each other.
    if role == "NoAccess" {
        roles.clear();
    } else {
        roles.remove("NoAccess");
    }
    roles.insert(role, call.flag("propagate").unwrap_or(true));
    Ok(Answer::null())
}

fn may_touch_own_tokens(call: &Call, target: Option<&AuthId>) -> Result<(), Refusal> {
    if call.text("group").is_some() {
        return Err(Refusal::bad("Unprivileged users are not allowed to create group ACL item."));
    }
    let text = match (target, &call.caller) {
        (None, _) => "Unprivileged user needs to provide auth_id to update ACL item.",
        (Some(_), Some(AuthId::Token(_)) | None) => "Unprivileged API tokens can't set ACL items.",
        (Some(AuthId::User(_)), _) => "Unprivileged users can only set ACL items for API tokens.",
        (Some(AuthId::Token(token)), Some(AuthId::User(user))) if token.user() == user => return Ok(()),
        _ => "Unprivileged users can only set ACL items for their own API tokens.",
    };
    Err(Refusal::bad(text))
}

fn roles(pbs: &mut Pbs, _: &Call) -> Outcome {
    let rights = pbs.rights();
    let old = pbs.major() < 4;
    let known = |role: &str| !old || !matches!(role, "RemoteSyncPushOperator") && !role.starts_with("RemoteDatastore");
    let rows: Vec<Value> = COMMENTS
        .iter()
        .filter(|(role, _)| known(role))
        .map(|(role, comment)| json!({ "roleid": role, "comment": comment, "privs": rights.role(role).unwrap_or_default() }))
        .collect();
    Ok(Answer::data(rows))
}

fn permissions(pbs: &mut Pbs, call: &Call) -> Outcome {
    let Some(caller) = &call.caller else { return Err(Refusal::forbidden()) };
    let may_ask = pbs.holds_any(Some(caller), "/access", &["Sys.Audit"]);
    let subject = match call.text("auth-id") {
        None => caller.clone(),
        Some(id) => {
            let id: AuthId =
                id.parse().map_err(|_| Refusal::param("auth-id", "value does not match the regex pattern"))?;
            let own_token = matches!((caller, &id), (AuthId::User(user), AuthId::Token(token)) if token.user() == user);
            if !may_ask && id != *caller && !own_token {
                return Err(Refusal {
                    status: 403,
                    text: "not allowed to list permissions of ".to_owned() + &id.to_string(),
                });
            }
            id
        }
    };
    let paths: Vec<String> = match call.text("path") {
        Some(path) => vec![normal(path)],
        None => {
            let common = ["/", "/access", "/datastore", "/remote", "/system"].map(str::to_owned);
            let mut all: Vec<String> = common.into_iter().chain(pbs.acl.keys().cloned()).collect();
            all.extend(pbs.sections.get("remote").into_iter().flatten().map(|(name, _)| format!("/remote/{name}")));
            all.extend(pbs.datastores.keys().map(|name| format!("/datastore/{name}")));
            all.sort();
            all.dedup();
            all
        }
    };
    let rights = pbs.rights();
    let mut found = Map::new();
    for path in paths {
        let Ok(parsed) = path.parse::<AclPath>() else { continue };
        let held = rights.permissions(&subject, &parsed);
        if !held.is_empty() {
            let held: Map<String, Value> = held.iter().map(|(name, below)| (name.to_owned(), below.into())).collect();
            found.insert(path, held.into());
        }
    }
    Ok(Answer::data(found))
}
