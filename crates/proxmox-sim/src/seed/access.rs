//! Users, groups, roles, tokens, ACLs, realms and pools.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::answers::{Answers, field, flag, list, number};
use crate::state::Cluster;
use crate::state::access::{Group, Realm, Secret, Token, User};
use crate::state::pools::Pool;

/// Everything but pools; the tokens that got new secrets.
pub(super) fn fill(cluster: &mut Cluster, answers: &Answers) -> Vec<(String, Secret)> {
    realms(cluster, answers);
    let mut made = Vec::new();
    for row in answers.rows("/access/users") {
        let userid = field(row, "userid");
        let tokens = tokens(answers, &userid);
        made.extend(tokens.iter().map(|(name, token)| (format!("{userid}!{name}"), token.secret.clone())));
        let known = cluster.access.users.get(&userid).and_then(|user| user.password.clone());
        let user = User {
            enable: flag(row, "enable", true),
            expire: number(row, "expire").unwrap_or_default(),
            firstname: field(row, "firstname"),
            lastname: field(row, "lastname"),
            email: field(row, "email"),
            comment: field(row, "comment"),
            keys: field(row, "keys"),
            password: known,
            tokens,
        };
        cluster.access.users.insert(userid, user);
    }
    for row in answers.rows("/access/groups") {
        let id = field(row, "groupid");
        let mut members: BTreeSet<String> = list(row.get("users")).into_iter().collect();
        members.extend(list(answers.get(&format!("/access/groups/{id}")).and_then(|group| group.get("members"))));
        cluster.access.groups.insert(id, Group { comment: field(row, "comment"), members });
    }
    for row in answers.rows("/access/roles").filter(|row| !flag(row, "special", false)) {
        cluster.access.roles.insert(field(row, "roleid"), list(row.get("privs")).into_iter().collect());
    }
    for row in answers.rows("/access/acl") {
        let node = cluster.access.acl.entry(field(row, "path")).or_default();
        let subjects = match field(row, "type").as_str() {
            "group" => &mut node.groups,
            "token" => &mut node.tokens,
            _ => &mut node.users,
        };
        subjects.entry(field(row, "ugid")).or_default().insert(field(row, "roleid"), flag(row, "propagate", true));
    }
    made
}

fn realms(cluster: &mut Cluster, answers: &Answers) {
    for row in answers.rows("/access/domains") {
        let name = field(row, "realm");
        let detail = answers.get(&format!("/access/domains/{name}")).and_then(Value::as_object);
        let mut options: BTreeMap<String, Value> =
            detail.or(row.as_object()).into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
        options.remove("realm");
        options.remove("digest");
        cluster.access.realms.insert(name, Realm(options));
    }
}

fn tokens(answers: &Answers, userid: &str) -> BTreeMap<String, Token> {
    answers
        .rows(&format!("/access/users/{userid}/token"))
        .map(|row| {
            let token = Token {
                expire: number(row, "expire").unwrap_or_default(),
                privsep: flag(row, "privsep", true),
                comment: field(row, "comment"),
                secret: Secret(uuid::Uuid::new_v4().to_string()),
            };
            (field(row, "tokenid"), token)
        })
        .collect()
}

/// Pools with their members.
pub(super) fn pools(cluster: &mut Cluster, answers: &Answers) {
    for row in answers.rows("/pools") {
        let id = field(row, "poolid");
        let mut pool = Pool { comment: field(row, "comment"), ..Pool::default() };
        let detail = answers.get_with("/pools", "poolid", &id).and_then(|data| data.as_array()?.first());
        for member in detail.and_then(|detail| detail.get("members")).and_then(Value::as_array).into_iter().flatten() {
            match number(member, "vmid").and_then(|vmid| u32::try_from(vmid).ok()) {
                Some(vmid) => {
                    pool.vms.insert(vmid);
                }
                None => {
                    pool.storages.insert(field(member, "storage"));
                }
            }
        }
        cluster.pools.insert(id, pool);
    }
}
