//! `/access`: users, groups, roles, ACLs, tokens, realms, tickets, passwords, permissions.

mod acl;
mod domains;
mod groups;
mod openid;
mod password;
mod permissions;
mod roles;
mod tfa;
mod ticket;
mod tokens;
mod users;

pub use ticket::{Credentials, authenticate};

use crate::state::Cluster;
use crate::verify::{Param, text};

use super::check::{Check, GroupsParam, or};
use super::{Call, Endpoint, Outcome, index_reply};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut all = vec![Endpoint::index("/access", index)];
    all.extend(users::endpoints());
    all.extend(tokens::endpoints());
    all.extend(groups::endpoints());
    all.extend(roles::endpoints());
    all.extend(acl::endpoints());
    all.extend(domains::endpoints());
    all.extend(openid::endpoints());
    all.extend(tfa::endpoints());
    all.extend(ticket::endpoints());
    all.extend(password::endpoints());
    all.extend(permissions::endpoints());
    all
}

fn index(_: &mut Cluster, _: &Call) -> Outcome {
    let names = ["users", "groups", "roles", "acl", "domains", "openid", "tfa", "ticket", "password"];
    Ok(index_reply("subdir", &names))
}

fn userid() -> Param {
    text("userid").max_len(64).format("pve-userid")
}

fn comment() -> Param {
    text("comment").optional()
}

fn userid_group(privileges: &[&str], groups: GroupsParam) -> Check {
    Check::UseridGroup { privileges: privileges.iter().map(|name| (*name).to_owned()).collect(), groups }
}

/// The user itself, or whoever has one of the privileges on a group of that user.
fn self_or(privileges: &[&str]) -> Check {
    or([Check::UserSelf, userid_group(privileges, GroupsParam::Ignored)])
}
