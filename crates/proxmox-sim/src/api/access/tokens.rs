//! API tokens. The secret is told once, in the answer that makes it.

use serde_json::{Map, Value, json};

use crate::api::{Call, Endpoint, Fault, Outcome, Reply};
use crate::state::Cluster;
use crate::state::access::{Secret, Token};
use crate::verify::{Param, boolean, integer, text};

use super::users::token_fields;
use super::{comment, self_or, userid};

const PATH: &str = "/access/users/{userid}/token/{tokenid}";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let check = || self_or(&["User.Modify"]);
    let one = || vec![userid(), tokenid()];
    let settings = || {
        let mut params = one();
        params.extend([comment(), integer("expire").min(0).optional(), boolean("privsep").optional()]);
        params
    };
    let mut changed = settings();
    changed.push(boolean("regenerate").optional().since(9, 2));
    changed.push(text("delete").format("pve-configid-list").optional().since(9, 2));
    vec![
        Endpoint::get("/access/users/{userid}/token", list).check(check()).params(vec![userid()]),
        Endpoint::get(PATH, read).check(check()).params(one()),
        Endpoint::post(PATH, create).check(check()).params(settings()),
        Endpoint::put(PATH, update).check(check()).params(changed),
        Endpoint::delete(PATH, delete).check(check()).params(one()),
    ]
}

fn tokenid() -> Param {
    text("tokenid").pattern(r"(?^:[A-Za-z][A-Za-z0-9\.\-_]+)")
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let user = cluster.access.user_exists(call.required("userid"))?;
    let rows: Vec<Value> = user
        .tokens
        .iter()
        .map(|(name, token)| {
            let mut row = token_fields(token);
            row.insert("tokenid".into(), name.as_str().into());
            Value::Object(row)
        })
        .collect();
    Ok(Reply::data(rows))
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome {
    Ok(Reply::data(token_fields(cluster.access.token(call.required("userid"), call.required("tokenid"))?)))
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (userid, name) = (call.required("userid"), call.required("tokenid"));
    cluster.access.user_exists(userid)?;
    if cluster.access.token(userid, name).is_ok() {
        return Err(Fault::param("tokenid", "Token already exists."));
    }
    cluster.cfs_lock("user_cfg").map_err(|fault| fault.nested("generating token failed: "))?;
    let Some(user) = cluster.access.users.get_mut(userid) else {
        return Err(Fault::die(format!("no such user ('{userid}')")));
    };
    let secret = uuid::Uuid::new_v4().to_string();
    let mut token = Token { privsep: true, secret: Secret(secret.clone()), ..Token::default() };
    change(&mut token, call);
    user.tokens.insert(name.to_owned(), token);
    let mut info = sent(call);
    info.entry("privsep").or_insert_with(|| 1.into());
    Ok(Reply::data(json!({ "full-tokenid": format!("{userid}!{name}"), "info": info, "value": secret })))
}

/// The settings that were sent, as text: the real server answers with what it was given.
fn sent(call: &Call) -> Map<String, Value> {
    let names = ["comment", "expire", "privsep"];
    names.iter().filter_map(|name| Some(((*name).to_owned(), call.text(name)?.into()))).collect()
}

fn change(token: &mut Token, call: &Call) {
    if let Some(expire) = call.int("expire") {
        token.expire = expire;
    }
    if let Some(privsep) = call.flag("privsep") {
        token.privsep = privsep;
    }
    if let Some(comment) = call.text("comment") {
        comment.clone_into(&mut token.comment);
    }
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (userid, name) = (call.required("userid"), call.required("tokenid"));
    cluster.access.token(userid, name)?;
    cluster.cfs_lock("user_cfg").map_err(|fault| fault.nested("updating token info failed: "))?;
    let Some(token) = cluster.access.users.get_mut(userid).and_then(|user| user.tokens.get_mut(name)) else {
        return Err(Fault::die(format!("no such token '{name}' for user '{userid}'")));
    };
    for key in call.list("delete").unwrap_or_default() {
        match key.as_str() {
            "comment" => token.comment.clear(),
            "expire" => token.expire = 0,
            "privsep" => token.privsep = true,
            _ => return Err(Fault::param("delete", format!("unknown token property '{key}'"))),
        }
    }
    change(token, call);
    let mut answer = token_fields(token);
    answer.extend(sent(call));
    if call.flag("regenerate") == Some(true) {
        let secret = uuid::Uuid::new_v4().to_string();
        token.secret = Secret(secret.clone());
        answer.insert("value".into(), secret.into());
        answer.insert("full-tokenid".into(), format!("{userid}!{name}").into());
    }
    Ok(Reply::data(answer))
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (userid, name) = (call.required("userid"), call.required("tokenid"));
    cluster.access.token(userid, name)?;
    cluster.cfs_lock("user_cfg").map_err(|fault| fault.nested("deleting token failed: "))?;
    cluster.access.remove_token(userid, name);
    Ok(Reply::null())
}
