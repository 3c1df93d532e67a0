//! Users.

use proxmox_client::ids::AuthId;
use serde_json::{Map, Value, json};

use crate::pbs::call::{Answer, Call, Outcome, Refusal, check_digest};
use crate::pbs::rights::Permission;
use crate::pbs::schema::{Param, boolean, integer, list, one_line, text, userid};
use crate::pbs::state::{Pbs, User, digest_of, password_hash};
use crate::pbs::table::{Endpoint, call};

const READ: Permission = Permission::OrSelf("/access/users", &["Sys.Audit"]);
const WRITE: Permission = Permission::OrSelf("/access/users", &["Permissions.Modify"]);

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    vec![
        call("GET", "/access/users", list_users).params([boolean("include_tokens").optional()]),
        call("POST", "/access/users", create)
            .permission(Permission::All("/access/users", &["Permissions.Modify"]))
            .params([userid_param()])
            .params(settings()),
        call("GET", "/access/users/{userid}", get).permission(READ).params([userid_param()]),
        call("PUT", "/access/users/{userid}", update)
            .permission(WRITE)
            .params([
                userid_param(),
                super::digest(),
                list("delete", &["comment", "firstname", "lastname", "email"]).optional(),
            ])
            .params(settings()),
        call("DELETE", "/access/users/{userid}", delete).permission(WRITE).params([userid_param(), super::digest()]),
    ]
}

pub(super) fn userid_param() -> Param {
    text("userid", 3, 64, userid)
}

fn settings() -> Vec<Param> {
    vec![
        super::comment(),
        boolean("enable").optional(),
        integer("expire", 0, i64::MAX).optional(),
        text("email", 2, 64, one_line).optional(),
        text("firstname", 2, 64, one_line).optional(),
        text("lastname", 2, 64, one_line).optional(),
        text("password", 5, 64, one_line).optional(),
    ]
}

const KEYS: [&str; 6] = ["comment", "email", "enable", "expire", "firstname", "lastname"];

fn row(userid: &str, user: &User) -> Map<String, Value> {
    let mut row = user.settings.clone();
    row.insert("userid".to_owned(), userid.into());
    row
}

/// Digest of users and tokens, which live in one file.
pub(super) fn config_digest(pbs: &Pbs) -> String {
    let users = digest_of(&pbs.users);
    let tokens: Vec<_> = pbs.tokens.iter().map(|(id, token)| (id, &token.settings)).collect();
    crate::pbs::state::sha256_hex(&format!("{users}{}", serde_json::to_string(&tokens).unwrap_or_default()))
}

fn list_users(pbs: &mut Pbs, call: &Call) -> Outcome {
    let all = pbs.holds_any(call.caller.as_ref(), "/access/users", &["Sys.Audit"]);
    let own = call.caller.as_ref().map(|caller| caller.user().to_string());
    let mut rows = Vec::new();
    for (userid, user) in pbs.users.iter().filter(|(userid, _)| all || own.as_ref() == Some(userid)) {
        let mut row = row(userid, user);
        if call.flag("include_tokens") == Some(true) {
            let tokens = super::tokens::rows(pbs, userid, false);
            if !tokens.is_empty() {
                row.insert("tokens".to_owned(), tokens.into());
            }
        }
        rows.push(Value::Object(row));
    }
    Ok(Answer::data(rows).with("digest", config_digest(pbs)))
}

fn create(pbs: &mut Pbs, call: &Call) -> Outcome {
    let userid = call.required("userid");
    if pbs.users.contains_key(userid) {
        return Err(Refusal::bad(format!("user '{userid}' already exists.")));
    }
    let realm = userid.rsplit_once('@').map_or("", |(_, realm)| realm);
    if !matches!(realm, "pam" | "pbs") {
        return Err(Refusal::bad(format!("unknown realm '{realm}'")));
    }
    let mut user = User::default();
    for key in KEYS {
        if let Some(value) = call.params.get(key) {
            user.settings.insert(key.to_owned(), value.clone());
        }
    }
    user.password = call.text("password").map(password_hash);
    pbs.users.insert(userid.to_owned(), user);
    Ok(Answer::null())
}

fn get(pbs: &mut Pbs, call: &Call) -> Outcome {
    let userid = call.required("userid");
    let Some(user) = pbs.users.get(userid) else { return Err(Refusal::no_such("user", userid)) };
    Ok(Answer::data(row(userid, user)).with("digest", config_digest(pbs)))
}

fn update(pbs: &mut Pbs, call: &Call) -> Outcome {
    let userid = call.required("userid");
    check_digest(call, &config_digest(pbs))?;
    let may_manage = pbs.holds_any(call.caller.as_ref(), "/access/users", &["Permissions.Modify"]);
    let Some(user) = pbs.users.get_mut(userid) else { return Err(Refusal::no_such("user", userid)) };
    if !may_manage && (call.params.contains_key("enable") || call.params.contains_key("expire")) {
        return Err(Refusal::forbidden());
    }
    for key in call.list("delete") {
        user.settings.remove(key);
    }
    apply(&mut user.settings, call);
    for key in ["email", "firstname", "lastname"] {
        match call.text(key) {
            Some("") => {
                user.settings.remove(key);
            }
            Some(value) => {
                user.settings.insert(key.to_owned(), value.into());
            }
            None => {}
        }
    }
    if let Some(password) = call.text("password") {
        user.password = Some(password_hash(password));
    }
    Ok(Answer::null())
}

/// Changes `comment`, `enable` and `expire`: an empty comment, "enabled" and "never" are the absence of the setting.
pub(super) fn apply(settings: &mut Map<String, Value>, call: &Call) {
    let mut set = |key: &str, value: Option<Value>| match value {
        Some(value) => {
            settings.insert(key.to_owned(), value);
        }
        None => {
            settings.remove(key);
        }
    };
    if let Some(comment) = call.text("comment") {
        let comment = comment.trim();
        set("comment", (!comment.is_empty()).then(|| comment.into()));
    }
    if let Some(enable) = call.flag("enable") {
        set("enable", (!enable).then_some(json!(false)));
    }
    if let Some(expire) = call.int("expire") {
        set("expire", (expire > 0).then(|| expire.into()));
    }
}

fn delete(pbs: &mut Pbs, call: &Call) -> Outcome {
    let userid = call.required("userid");
    check_digest(call, &config_digest(pbs))?;
    if pbs.users.remove(userid).is_none() {
        return Err(Refusal::bad(format!("user '{userid}' does not exist.")));
    }
    // Older servers leave tokens and ACL entries behind.
    if pbs.major() >= 4 {
        let of_user = |id: &str| id.parse::<AuthId>().is_ok_and(|id| id.user().as_str() == userid);
        pbs.tokens.retain(|id, _| !of_user(id));
        for subjects in pbs.acl.values_mut() {
            subjects.retain(|id, _| !of_user(id));
        }
    }
    Ok(Answer::null())
}
