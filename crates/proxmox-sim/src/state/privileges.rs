//! Which privileges a caller has: the boundary to the permission rules, with Proxmox's words for a refusal.
//!
//! The rules themselves are those of `proxmox_client::permissions`. The state is translated into their form on first use and kept until
//! [`Cluster::rights_changed`] is called; the dispatcher does that around every call that is not a `GET`.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use proxmox_client::ids::{AclPath, AuthId, PoolId, TokenId, UserId, Vmid};
use proxmox_client::permissions as rules;

use crate::api::{Caller, Fault};

use super::Cluster;

/// The rights in the form of the rules, made on first use.
#[derive(Debug, Clone, Default)]
pub struct Rights(OnceLock<Arc<rules::Access>>);

impl Cluster {
    /// Users, groups, roles, ACLs, tokens or pool members have changed: rights are worked out anew.
    pub fn rights_changed(&mut self) {
        self.rights = Rights::default();
    }

    fn rules(&self) -> &rules::Access {
        self.rights.0.get_or_init(|| Arc::new(self.translated()))
    }

    fn translated(&self) -> rules::Access {
        let mut access = rules::Access::new(rules::Dialect::Pve);
        for (userid, user) in &self.access.users {
            let Ok(id) = UserId::from_str(userid) else { continue };
            let tokens = user
                .tokens
                .iter()
                .map(|(name, token)| (name.clone(), rules::Token { enabled: true, expire: 0, privsep: token.privsep }));
            access.users.insert(id, rules::User { enabled: true, expire: 0, tokens: tokens.collect() });
        }
        for (name, group) in &self.access.groups {
            let members = group.members.iter().filter_map(|member| UserId::from_str(member).ok()).collect();
            access.groups.insert(name.clone(), members);
        }
        for (name, privileges) in &self.access.roles {
            // A role that names more privileges than can exist is left as far as it fits.
            let _ = access.set_role(name, privileges.iter().map(String::as_str));
        }
        for (path, node) in &self.access.acl {
            let Ok(path) = AclPath::from_str(path) else { continue };
            let users =
                node.users.iter().map(|(id, roles)| (UserId::from_str(id).ok().map(rules::AclSubject::User), roles));
            let tokens =
                node.tokens.iter().map(|(id, roles)| (TokenId::from_str(id).ok().map(rules::AclSubject::Token), roles));
            let groups = node.groups.iter().map(|(id, roles)| (Some(rules::AclSubject::Group(id.clone())), roles));
            for (subject, roles) in users.chain(tokens).chain(groups) {
                let Some(subject) = subject else { continue };
                for (role, propagate) in roles {
                    let (path, subject, role) = (path.clone(), subject.clone(), role.clone());
                    access.grant(rules::AclEntry { path, subject, role, propagate: *propagate });
                }
            }
        }
        for (name, pool) in &self.pools {
            let Ok(id) = PoolId::from_str(name) else { continue };
            access.pools.create(id.clone());
            for vmid in pool.vms.iter().filter_map(|vmid| Vmid::try_from(*vmid).ok()) {
                access.pools.add_guest(&id, vmid);
            }
            for storage in &pool.storages {
                access.pools.add_storage(&id, storage);
            }
        }
        access
    }

    /// Privileges of a caller on a path, each with its propagate flag.
    #[must_use]
    pub fn privileges(&self, caller: &Caller, path: &str) -> BTreeMap<String, bool> {
        self.privileges_of(&caller.id(), path)
    }

    /// Privileges of a user or token on a path, each with its propagate flag.
    #[must_use]
    pub fn privileges_of(&self, auth_id: &str, path: &str) -> BTreeMap<String, bool> {
        let (Ok(id), Ok(path)) = (AuthId::from_str(auth_id), AclPath::from_str(path)) else {
            return BTreeMap::new();
        };
        let held = self.rules().permissions(&id, &path);
        held.iter().map(|(name, propagate)| (name.to_owned(), propagate)).collect()
    }

    /// Whether a caller has a privilege on a path.
    #[must_use]
    pub fn has(&self, caller: &Caller, path: &str, privilege: &str) -> bool {
        if caller.is_root() {
            return true;
        }
        let (Ok(id), Ok(path)) = (AuthId::from_str(&caller.id()), AclPath::from_str(path)) else { return false };
        self.rules().permissions(&id, &path).contains(privilege)
    }

    /// Groups on which the caller has any of the privileges.
    #[must_use]
    pub fn groups_with(&self, caller: &Caller, privileges: &[&str]) -> BTreeSet<String> {
        let groups = self.access.groups.keys();
        groups
            .filter(|group| self.check_any(caller, &format!("/access/groups/{group}"), privileges).is_ok())
            .cloned()
            .collect()
    }

    /// All of the privileges on the path, or any of them.
    ///
    /// # Errors
    /// 403 `Permission check failed (PATH, PRIV)`; a path that is none shows as empty.
    pub fn check_full(&self, caller: &Caller, path: Option<&str>, privileges: &[&str], any: bool) -> Result<(), Fault> {
        let Some(path) = path else {
            let shown = if any { privileges.join("|") } else { privileges.join(", ") };
            return Err(Fault::permission(format!(", {shown}")));
        };
        if any { self.check_any(caller, path, privileges) } else { self.check(caller, path, privileges) }
    }

    /// All of the privileges on the path.
    ///
    /// # Errors
    /// 403 naming the first that is missing.
    pub fn check(&self, caller: &Caller, path: &str, privileges: &[&str]) -> Result<(), Fault> {
        match privileges.iter().find(|privilege| !self.has(caller, path, privilege)) {
            None => Ok(()),
            Some(missing) => Err(Fault::permission(format!("{path}, {missing}"))),
        }
    }

    /// Any of the privileges on the path.
    ///
    /// # Errors
    /// 403 naming all of them.
    pub fn check_any(&self, caller: &Caller, path: &str, privileges: &[&str]) -> Result<(), Fault> {
        if privileges.iter().any(|privilege| self.has(caller, path, privilege)) {
            return Ok(());
        }
        Err(Fault::permission(format!("{path}, {}", privileges.join("|"))))
    }

    /// May change the permissions of a path: Permissions.Modify, or the right to allocate the object itself.
    ///
    /// # Errors
    /// 403 naming what would do.
    pub fn check_perm_modify(&self, caller: &Caller, path: &str) -> Result<(), Fault> {
        let below = |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
        let allocate = if below("/storage/") {
            Some("Datastore.Allocate")
        } else if below("/vms/") {
            Some("VM.Allocate")
        } else if below("/pool/") {
            Some("Pool.Allocate")
        } else {
            None
        };
        let privileges: Vec<&str> = std::iter::once("Permissions.Modify").chain(allocate).collect();
        self.check_any(caller, path, &privileges)
    }
}
