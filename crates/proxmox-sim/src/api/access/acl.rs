//! The access control list.

use std::collections::BTreeMap;
use std::str::FromStr;

use proxmox_client::ids::AclPath;
use serde_json::{Value, json};

use crate::api::check::{Check, normalize_path};
use crate::api::{Call, Endpoint, Fault, Outcome, Reply, split_list};
use crate::state::Cluster;
use crate::state::access::AclNode;
use crate::verify::{boolean, text};

use super::roles;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/access/acl", list).all().params(Vec::new()),
        Endpoint::put("/access/acl", update).check(Check::PermModify("{path}".to_owned())).params(vec![
            text("path"),
            text("roles").format("pve-roleid-list"),
            text("users").format("pve-userid-list").optional(),
            text("groups").format("pve-groupid-list").optional(),
            text("tokens").format("pve-tokenid-list").optional(),
            boolean("propagate").optional(),
            boolean("delete").optional(),
        ]),
    ]
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let audit = cluster.has(&call.caller, "/access", "Sys.Audit");
    let mut rows = Vec::new();
    for (path, node) in &cluster.access.acl {
        if !audit && cluster.check_perm_modify(&call.caller, path).is_err() {
            continue;
        }
        for (kind, subjects) in [("user", &node.users), ("group", &node.groups), ("token", &node.tokens)] {
            for (subject, roles) in subjects {
                rows.extend(roles.iter().map(|(role, propagate)| -> Value {
                    json!({
                        "path": path,
                        "type": kind,
                        "ugid": subject,
                        "roleid": role,
                        "propagate": u8::from(*propagate),
                    })
                }));
            }
        }
    }
    Ok(Reply::data(rows))
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let sent = |name: &str| call.text(name).is_some_and(|value| !value.is_empty() && value != "0");
    if !["users", "groups", "tokens"].into_iter().any(sent) {
        let text = "either 'users', 'groups' or 'tokens' is required.";
        let errors = ["users", "groups", "tokens"].map(|name| (name.to_owned(), text.to_owned()));
        return Err(Fault::params(BTreeMap::from(errors)));
    }
    let delete = call.flag("delete") == Some(true);
    let invalid = || Fault::param("path", format!("invalid ACL path '{}'", call.required("path")));
    let path = normalize_path(call.required("path")).ok_or_else(invalid)?;
    if !delete && !AclPath::from_str(&path).is_ok_and(|path| path.is_known_to_pve()) {
        return Err(invalid());
    }
    change(cluster, call, &path, delete).map_err(|fault| fault.nested("ACL update failed: "))?;
    Ok(Reply::null())
}

fn change(cluster: &mut Cluster, call: &Call, path: &str, delete: bool) -> Result<(), Fault> {
    cluster.cfs_lock("user_cfg")?;
    let propagate = call.flag("propagate").unwrap_or(true);
    let mut node = cluster.access.acl.get(path).cloned().unwrap_or_default();
    for role in split_list(call.required("roles")) {
        grantable(cluster, call, path, role, propagate, delete)?;
        for group in split_list(call.text("groups").unwrap_or_default()) {
            if !cluster.access.groups.contains_key(group) {
                return Err(Fault::die(format!("group '{group}' does not exist")));
            }
            entry(&mut node.groups, group, role, propagate, delete);
        }
        for user in split_list(call.text("users").unwrap_or_default()) {
            if !cluster.access.users.contains_key(user) {
                return Err(Fault::die(format!("user '{user}' does not exist")));
            }
            entry(&mut node.users, user, role, propagate, delete);
        }
        for token in split_list(call.text("tokens").unwrap_or_default()) {
            let (user, name) = token.split_once('!').unwrap_or((token, ""));
            cluster.access.user_exists(user)?;
            cluster.access.token(user, name)?;
            entry(&mut node.tokens, token, role, propagate, delete);
        }
    }
    cluster.access.set_acl(path, node);
    Ok(())
}

fn entry(
    subjects: &mut BTreeMap<String, BTreeMap<String, bool>>,
    subject: &str,
    role: &str,
    propagate: bool,
    delete: bool,
) {
    let roles = subjects.entry(subject.to_owned()).or_default();
    if delete {
        roles.remove(role);
    } else {
        roles.insert(role.to_owned(), propagate);
    }
}

/// Without Permissions.Modify (but with the right to allocate the object) a caller hands out no more than it has itself.
fn grantable(
    cluster: &Cluster,
    call: &Call,
    path: &str,
    role: &str,
    propagate: bool,
    delete: bool,
) -> Result<(), Fault> {
    let Some(held) = roles::privileges(cluster, role) else {
        return Err(Fault::die(format!("role '{role}' does not exist")));
    };
    if call.caller.is_root() {
        return Ok(());
    }
    let own = cluster.privileges(&call.caller, path);
    if own.contains_key("Permissions.Modify") {
        return Ok(());
    }
    let verb = if delete { "remove" } else { "add" };
    let refused = |what: &str| Err(Fault::param("role", format!("Cannot {verb} role '{role}'{what}")));
    for privilege in &held {
        match own.get(privilege) {
            None => return refused(" - requires 'Permissions.Modify' or superset of privileges."),
            Some(false) if propagate && !delete => {
                return refused(
                    " with propagation - requires 'Permissions.Modify' or propagated superset of privileges.",
                );
            }
            Some(_) => {}
        }
    }
    if role == "NoAccess" { refused(" - requires 'Permissions.Modify'") } else { Ok(()) }
}

impl AclNode {
    /// Whether nothing is left in it.
    fn is_empty(&self) -> bool {
        [&self.users, &self.groups, &self.tokens].iter().all(|subjects| subjects.values().all(BTreeMap::is_empty))
    }
}

impl crate::state::access::Access {
    /// Replaces the entries at a path; subjects without roles and paths without subjects go.
    fn set_acl(&mut self, path: &str, mut node: AclNode) {
        if node.is_empty() {
            self.acl.remove(path);
            return;
        }
        for subjects in [&mut node.users, &mut node.groups, &mut node.tokens] {
            subjects.retain(|_, roles| !roles.is_empty());
        }
        self.acl.insert(path.to_owned(), node);
    }

    fn edit_acl(&mut self, edit: impl Fn(&mut AclNode)) {
        for path in self.acl.keys().cloned().collect::<Vec<_>>() {
            if let Some(mut node) = self.acl.remove(&path) {
                edit(&mut node);
                self.set_acl(&path, node);
            }
        }
    }

    /// Removes a user with its tokens, memberships and ACL entries.
    pub fn remove_user(&mut self, userid: &str) {
        self.users.remove(userid);
        for group in self.groups.values_mut() {
            group.members.remove(userid);
        }
        let prefix = format!("{userid}!");
        self.edit_acl(|node| {
            node.users.remove(userid);
            node.tokens.retain(|token, _| !token.starts_with(&prefix));
        });
    }

    /// Removes a token with its ACL entries.
    pub fn remove_token(&mut self, userid: &str, name: &str) {
        if let Some(user) = self.users.get_mut(userid) {
            user.tokens.remove(name);
        }
        let id = format!("{userid}!{name}");
        self.edit_acl(|node| {
            node.tokens.remove(&id);
        });
    }

    /// Removes a group with its ACL entries.
    pub fn remove_group(&mut self, name: &str) {
        self.groups.remove(name);
        self.edit_acl(|node| {
            node.groups.remove(name);
        });
    }

    /// Removes a role with the ACL entries that name it.
    pub fn remove_role(&mut self, role: &str) {
        self.roles.remove(role);
        self.edit_acl(|node| {
            for subjects in [&mut node.users, &mut node.groups, &mut node.tokens] {
                for roles in subjects.values_mut() {
                    roles.remove(role);
                }
            }
        });
    }
}
