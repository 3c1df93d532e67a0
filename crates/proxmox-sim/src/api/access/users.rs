//! Users.

use serde_json::{Map, Value, json};

use crate::api::check::{Check, GroupsParam, and};
use crate::api::{Call, Endpoint, Fault, Outcome, Reply, split_list};
use crate::state::Cluster;
use crate::state::access::{Access, Token, User};
use crate::verify::formats::split_userid;
use crate::verify::{Param, boolean, integer, text};

use super::{userid, userid_group};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let manage = || and([Check::RealmAllocateUser, userid_group(&["User.Modify"], GroupsParam::Ignored)]);
    let mut created = settings();
    created.push(text("password").min_len(8).max_len(64).optional());
    let mut changed = settings();
    changed.push(boolean("append").requires("groups").optional());
    vec![
        Endpoint::get("/access/users", list)
            .all()
            .params(vec![boolean("enabled").optional(), boolean("full").optional()]),
        Endpoint::post("/access/users", create)
            .check(and([Check::RealmAllocateUser, userid_group(&["User.Modify"], GroupsParam::Create)]))
            .params(created),
        Endpoint::get("/access/users/{userid}", read)
            .check(userid_group(&["User.Modify", "Sys.Audit"], GroupsParam::Ignored))
            .params(vec![userid()]),
        Endpoint::put("/access/users/{userid}", update)
            .check(userid_group(&["User.Modify"], GroupsParam::Update))
            .params(changed),
        Endpoint::delete("/access/users/{userid}", delete).check(manage()).params(vec![userid()]),
    ]
}

fn settings() -> Vec<Param> {
    vec![
        userid(),
        text("comment").max_len(2048).optional(),
        text("email").max_len(254).format("email-opt").optional(),
        boolean("enable").optional(),
        integer("expire").min(0).optional(),
        text("firstname").max_len(1024).optional(),
        text("groups").format("pve-groupid-list").optional(),
        text("keys").pattern("[0-9a-zA-Z!=]{0,4096}").optional(),
        text("lastname").max_len(1024).optional(),
    ]
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let privileges = ["User.Modify", "Sys.Audit"];
    let everybody = cluster.check_any(&call.caller, "/access/groups", &privileges).is_ok();
    let members = cluster.access.members_of(&cluster.groups_with(&call.caller, &privileges));
    let own = call.caller.id();
    let full = call.flag("full") == Some(true);
    let mut rows = Vec::new();
    for (userid, user) in &cluster.access.users {
        if !(everybody || *userid == own || members.contains(userid)) {
            continue;
        }
        if call.flag("enabled").is_some_and(|enabled| user.enable != enabled) {
            continue;
        }
        let mut row = described(user);
        row.insert("userid".into(), userid.as_str().into());
        let realm = userid.rsplit_once('@').and_then(|(_, realm)| cluster.access.realms.get(realm));
        if let Some(kind) = realm.and_then(|realm| realm.0.get("type")) {
            row.insert("realm-type".into(), kind.clone());
        }
        if full {
            row.insert("groups".into(), groups_of(&cluster.access, userid).join(",").into());
            let tokens = user.tokens.iter().map(|(name, token)| {
                let mut row = token_fields(token);
                row.insert("tokenid".into(), name.as_str().into());
                Value::Object(row)
            });
            row.insert("tokens".into(), if user.tokens.is_empty() { Value::Null } else { tokens.collect() });
        }
        rows.push(Value::Object(row));
    }
    Ok(Reply::data(rows))
}

/// The fields of a user, as they come back from the configuration file: empty ones are not there, except that an empty mail address
/// is, when a field after it has something.
fn described(user: &User) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("enable".into(), u8::from(user.enable).into());
    row.insert("expire".into(), user.expire.into());
    let fields = [
        ("firstname", &user.firstname),
        ("lastname", &user.lastname),
        ("email", &user.email),
        ("comment", &user.comment),
        ("keys", &user.keys),
    ];
    for (name, value) in fields {
        let shown = name == "email" && !(user.comment.is_empty() && user.keys.is_empty());
        if shown || !value.is_empty() {
            row.insert(name.into(), value.as_str().into());
        }
    }
    row
}

fn groups_of(access: &Access, userid: &str) -> Vec<String> {
    let groups = access.groups.iter().filter(|(_, group)| group.members.contains(userid));
    groups.map(|(name, _)| name.clone()).collect()
}

/// The fields of a token; its secret is not among them.
pub(super) fn token_fields(token: &Token) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("expire".into(), token.expire.into());
    row.insert("privsep".into(), u8::from(token.privsep).into());
    if !token.comment.is_empty() {
        row.insert("comment".into(), token.comment.as_str().into());
    }
    row
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    let userid = call.required("userid").to_owned();
    let failed = |fault: Fault| fault.nested("create user failed: ");
    cluster.cfs_lock("user_cfg").map_err(failed)?;
    if cluster.access.users.contains_key(&userid) {
        return Err(failed(Fault::die(format!("user '{userid}' already exists"))));
    }
    let (_, realm) = split_userid(&userid).map_err(Fault::die)?;
    if call.text("password").is_some() {
        super::password::settable(cluster, &userid, realm).map_err(failed)?;
    }
    let groups = wanted_groups(&cluster.access, call).map_err(failed)?;
    let mut user = User { enable: call.flag("enable").unwrap_or(true), ..User::default() };
    change(&mut user, call);
    cluster.access.users.insert(userid.clone(), user);
    if let Some(password) = call.text("password") {
        cluster.access.set_password(&userid, password);
    }
    join(&mut cluster.access, &userid, &groups);
    Ok(Reply::null())
}

fn wanted_groups(access: &Access, call: &Call) -> Result<Vec<String>, Fault> {
    let groups: Vec<String> = split_list(call.text("groups").unwrap_or_default()).map(str::to_owned).collect();
    match groups.iter().find(|group| !access.groups.contains_key(*group)) {
        Some(unknown) => Err(Fault::die(format!("no such group '{unknown}'"))),
        None => Ok(groups),
    }
}

fn join(access: &mut Access, userid: &str, groups: &[String]) {
    for group in groups {
        if let Some(group) = access.groups.get_mut(group) {
            group.members.insert(userid.to_owned());
        }
    }
}

fn change(user: &mut User, call: &Call) {
    if let Some(enable) = call.flag("enable") {
        user.enable = enable;
    }
    if let Some(expire) = call.int("expire") {
        user.expire = expire;
    }
    let fields = [
        ("firstname", &mut user.firstname),
        ("lastname", &mut user.lastname),
        ("email", &mut user.email),
        ("comment", &mut user.comment),
        ("keys", &mut user.keys),
    ];
    for (name, field) in fields {
        if let Some(value) = call.text(name) {
            value.clone_into(field);
        }
    }
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome {
    let userid = call.required("userid");
    let user = cluster.access.user_exists(userid)?;
    let mut row = described(user);
    row.insert("groups".into(), groups_of(&cluster.access, userid).into());
    let tokens = user.tokens.iter().map(|(name, token)| (name.clone(), Value::Object(token_fields(token))));
    let tokens = if user.tokens.is_empty() { Value::Null } else { json!(tokens.collect::<Map<_, _>>()) };
    row.insert("tokens".into(), tokens);
    Ok(Reply::data(row))
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let userid = call.required("userid");
    let failed = |fault: Fault| fault.nested("update user failed: ");
    cluster.access.user_exists(userid)?;
    cluster.cfs_lock("user_cfg").map_err(failed)?;
    let groups = wanted_groups(&cluster.access, call).map_err(failed)?;
    if let Some(user) = cluster.access.users.get_mut(userid) {
        change(user, call);
    }
    if call.text("groups").is_some() {
        if call.flag("append") != Some(true) {
            for group in cluster.access.groups.values_mut() {
                group.members.remove(userid);
            }
        }
        join(&mut cluster.access, userid, &groups);
    }
    Ok(Reply::null())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let userid = call.required("userid");
    let failed = |fault: Fault| fault.nested("delete user failed: ");
    cluster.cfs_lock("user_cfg").map_err(failed)?;
    cluster.access.user_exists(userid).map_err(failed)?;
    cluster.access.remove_user(userid);
    Ok(Reply::null())
}
