//! `/access`: users, groups, roles, ACLs, tokens, realms, tickets, passwords, permissions.

mod ticket;
mod users;

pub use ticket::{Credentials, authenticate};

use crate::state::Cluster;

use super::{Call, Endpoint, Outcome, index_reply};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut all = vec![Endpoint::index("/access", index)];
    all.extend(users::endpoints());
    all
}

fn index(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(index_reply(
        "subdir",
        &["users", "groups", "roles", "acl", "domains", "openid", "tfa", "ticket", "password", "permissions"],
    ))
}
