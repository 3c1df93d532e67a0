//! API tokens. A secret is shown once, when it is made.

use serde_json::{Map, Value, json};

use crate::pbs::call::{Answer, Call, Outcome, Refusal, check_digest};
use crate::pbs::rights::Permission;
use crate::pbs::schema::{Param, boolean, integer, list, safe_id, text};
use crate::pbs::state::{Pbs, Token};
use crate::pbs::table::{Endpoint, call};
use crate::state::access::Secret;

use super::users::{apply, config_digest, userid_param};

const READ: Permission = Permission::OrSelf("/access/users", &["Sys.Audit"]);
const WRITE: Permission = Permission::OrSelf("/access/users", &["Permissions.Modify"]);

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    let one = "/access/users/{userid}/token/{token-name}";
    vec![
        call("GET", "/access/users/{userid}/token", list_tokens).permission(READ).params([userid_param()]),
        call("GET", one, get).permission(READ).params(id()),
        call("POST", one, create).permission(WRITE).params(id()).params(settings()),
        call("PUT", one, update)
            .permission(WRITE)
            .params(id())
            .params(settings())
            .params([list("delete", &["comment"]).optional(), boolean("regenerate").optional().since(4)]),
        call("DELETE", one, delete).permission(WRITE).params(id()).params([super::digest()]),
    ]
}

fn id() -> Vec<Param> {
    vec![userid_param(), text("token-name", 0, usize::MAX, safe_id)]
}

fn settings() -> Vec<Param> {
    vec![super::comment(), boolean("enable").optional(), integer("expire", 0, i64::MAX).optional(), super::digest()]
}

fn tokenid(call: &Call) -> String {
    format!("{}!{}", call.required("userid"), call.required("token-name"))
}

fn row(id: &str, token: &Token) -> Map<String, Value> {
    let mut row = token.settings.clone();
    row.insert("tokenid".to_owned(), id.into());
    row
}

/// The tokens of a user; with their bare names in the list of tokens, without in the list of users.
pub(super) fn rows(pbs: &Pbs, userid: &str, names: bool) -> Vec<Value> {
    let prefix = format!("{userid}!");
    let own = pbs.tokens.iter().filter_map(|(id, token)| Some((id, id.strip_prefix(&prefix)?, token)));
    own.map(|(id, name, token)| {
        let mut row = row(id, token);
        if names {
            row.insert("token-name".to_owned(), name.into());
        }
        Value::Object(row)
    })
    .collect()
}

fn list_tokens(pbs: &mut Pbs, call: &Call) -> Outcome {
    let rows = rows(pbs, call.required("userid"), true);
    Ok(Answer::data(rows).with("digest", config_digest(pbs)))
}

fn get(pbs: &mut Pbs, call: &Call) -> Outcome {
    let id = tokenid(call);
    let Some(token) = pbs.tokens.get(&id) else { return Err(Refusal::no_such("token", &id)) };
    Ok(Answer::data(row(&id, token)).with("digest", config_digest(pbs)))
}

fn create(pbs: &mut Pbs, call: &Call) -> Outcome {
    check_digest(call, &config_digest(pbs))?;
    let id = tokenid(call);
    if pbs.tokens.contains_key(&id) {
        let (user, name) = (call.required("userid"), call.required("token-name"));
        return Err(Refusal::bad(format!("token '{name}' for user '{user}' already exists.")));
    }
    let mut token = Token { secret: Secret(uuid::Uuid::new_v4().to_string()), ..Token::default() };
    for key in ["comment", "enable", "expire"] {
        if let Some(value) = call.params.get(key) {
            token.settings.insert(key.to_owned(), value.clone());
        }
    }
    let value = token.secret.0.clone();
    pbs.tokens.insert(id.clone(), token);
    Ok(Answer::data(json!({ "tokenid": id, "value": value })))
}

fn update(pbs: &mut Pbs, call: &Call) -> Outcome {
    check_digest(call, &config_digest(pbs))?;
    let id = tokenid(call);
    let Some(token) = pbs.tokens.get_mut(&id) else { return Err(Refusal::no_such("token", &id)) };
    for key in call.list("delete") {
        token.settings.remove(key);
    }
    apply(&mut token.settings, call);
    if call.flag("regenerate") == Some(true) {
        token.secret = Secret(uuid::Uuid::new_v4().to_string());
        return Ok(Answer::data(json!({ "secret": token.secret.0 })));
    }
    Ok(Answer::null())
}

fn delete(pbs: &mut Pbs, call: &Call) -> Outcome {
    check_digest(call, &config_digest(pbs))?;
    if pbs.tokens.remove(&tokenid(call)).is_none() {
        let (user, name) = (call.required("userid"), call.required("token-name"));
        return Err(Refusal::bad(format!("token '{name}' of user '{user}' does not exist.")));
    }
    Ok(Answer::null())
}
