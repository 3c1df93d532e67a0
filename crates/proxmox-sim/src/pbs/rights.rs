//! Who may do what on the backup server.

use proxmox_client::ids::{AclPath, AuthId};
use proxmox_client::permissions::{Access, AclEntry, Dialect, Token, User, pbs4};
use serde_json::Value;

use super::call::Refusal;
use super::state::Pbs;

/// Who may make a call at all; more is checked by handlers, where it depends on content.
#[derive(Debug, Clone, Copy)]
pub(super) enum Permission {
    /// Everybody, without credentials.
    World,
    /// Every authenticated caller.
    Anybody,
    /// `root@pam` itself.
    Superuser,
    /// All of these privileges on the path (`{name}` stands for a path parameter).
    All(&'static str, &'static [&'static str]),
    /// Any of these privileges on the path.
    Any(&'static str, &'static [&'static str]),
    /// All of these on the path, or the `userid` parameter is the caller itself.
    OrSelf(&'static str, &'static [&'static str]),
}

impl Pbs {
    /// The rights of everybody as the shared rules read them.
    pub(super) fn rights(&self) -> Access {
        let mut access = Access::new(Dialect::Pbs);
        if self.major() < 4 {
            let older = pbs4::PRIVILEGES.iter().copied().filter(|name| !name.starts_with("Remote.Datastore"));
            // Fewer privileges than before always fit.
            let _ = access.set_role("Admin", older);
        }
        for (id, user) in &self.users {
            let Ok(id) = id.parse() else { continue };
            let (enabled, expire) = enabled_and_expire(&user.settings);
            access.users.insert(id, User { enabled, expire, ..User::default() });
        }
        for (id, token) in &self.tokens {
            let Ok(AuthId::Token(id)) = id.parse() else { continue };
            let (enabled, expire) = enabled_and_expire(&token.settings);
            if let Some(user) = access.users.get_mut(id.user()) {
                let token = Token { enabled, expire, privsep: true };
                user.tokens.insert(id.token_name().to_owned(), token);
            }
        }
        for (path, subjects) in &self.acl {
            let Ok(path) = path.parse::<AclPath>() else { continue };
            for (subject, roles) in subjects {
                let Ok(subject) = subject.parse::<AuthId>() else { continue };
                for (role, propagate) in roles {
                    let subject = subject.clone().into();
                    access.grant(AclEntry { path: path.clone(), subject, role: role.clone(), propagate: *propagate });
                }
            }
        }
        access
    }

    /// Whether this user or token exists, is enabled and has not expired.
    pub(super) fn is_active(&self, id: &AuthId) -> bool {
        let now = u64::try_from(self.now()).unwrap_or(0);
        self.rights().may_authenticate(id, now).is_ok()
    }

    /// Which of these privileges the caller holds on a path.
    pub(super) fn held<'p>(&self, caller: Option<&AuthId>, path: &str, privileges: &[&'p str]) -> Vec<&'p str> {
        let (Some(caller), Ok(path)) = (caller, path.parse::<AclPath>()) else { return Vec::new() };
        let access = self.rights();
        let permissions = access.permissions(caller, &path);
        privileges.iter().copied().filter(|privilege| permissions.contains(privilege)).collect()
    }

    /// Whether the caller holds any of these privileges on a path.
    pub(super) fn holds_any(&self, caller: Option<&AuthId>, path: &str, privileges: &[&str]) -> bool {
        !self.held(caller, path, privileges).is_empty()
    }

    /// Whether the caller holds any of these on a datastore or on any namespace of it.
    pub(super) fn holds_any_below(&self, caller: Option<&AuthId>, store: &str, privileges: &[&str]) -> bool {
        let top = format!("/datastore/{store}");
        let prefix = format!("{top}/");
        self.holds_any(caller, &top, privileges)
            || self
                .acl
                .keys()
                .filter(|path| path.starts_with(&prefix))
                .any(|path| self.holds_any(caller, path, privileges))
    }

    /// The check that stands at a call, before its parameters are looked at.
    pub(super) fn allowed(
        &self,
        permission: Permission,
        caller: Option<&AuthId>,
        path_params: &[(String, String)],
    ) -> Result<(), Refusal> {
        let fill = |template: &str| {
            path_params
                .iter()
                .fold(template.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
        };
        let fine = match permission {
            Permission::World => true,
            Permission::Anybody => caller.is_some(),
            Permission::Superuser => caller.is_some_and(AuthId::is_root_user),
            Permission::All(path, privileges) => self.held(caller, &fill(path), privileges).len() == privileges.len(),
            Permission::Any(path, privileges) => self.holds_any(caller, &fill(path), privileges),
            Permission::OrSelf(path, privileges) => {
                let own = path_params.iter().find(|(name, _)| name == "userid").map(|(_, value)| value.as_str());
                let asked = caller.map(ToString::to_string);
                (own.is_some() && own == asked.as_deref())
                    || self.held(caller, &fill(path), privileges).len() == privileges.len()
            }
        };
        if fine { Ok(()) } else { Err(Refusal::forbidden()) }
    }

    /// The check of calls on a namespace: `full` privileges allow all of it, `own` ones what the caller owns. Tells whether only what is owned counts.
    pub(super) fn namespace_rights(
        &self,
        caller: Option<&AuthId>,
        store: &str,
        ns: &str,
        full: &[&str],
        own: &[&str],
    ) -> Result<bool, Refusal> {
        let path = if ns.is_empty() { format!("/datastore/{store}") } else { format!("/datastore/{store}/{ns}") };
        if self.holds_any(caller, &path, full) {
            return Ok(false);
        }
        if self.holds_any(caller, &path, own) {
            return Ok(true);
        }
        Err(Refusal::missing(&[full, own].concat(), &path))
    }
}

fn enabled_and_expire(settings: &serde_json::Map<String, Value>) -> (bool, u64) {
    let enabled = settings.get("enable").and_then(Value::as_bool).unwrap_or(true);
    (enabled, settings.get("expire").and_then(Value::as_u64).unwrap_or(0))
}

/// Whether the caller counts as owner: it is the owner, or the user whose token is.
pub(super) fn owns(caller: Option<&AuthId>, owner: &str) -> bool {
    let Some(caller) = caller else { return false };
    let Ok(owner) = owner.parse::<AuthId>() else { return false };
    *caller == owner || (owner.token().is_some() && matches!(caller, AuthId::User(user) if user == owner.user()))
}

/// Refuses who does not own a group.
pub(super) fn check_owner(caller: Option<&AuthId>, owner: &str) -> Result<(), Refusal> {
    if owns(caller, owner) {
        return Ok(());
    }
    let caller = caller.map(ToString::to_string).unwrap_or_default();
    Err(Refusal::bad(format!("backup owner check failed ({caller} != {owner})")))
}
