//! Permission checks as data, in the language of the real API: who may make a call is written next to it.

use crate::state::Cluster;
use crate::verify::formats::split_userid;

use super::call::{Caller, split_list};
use super::{Fault, RawParams};

/// Who may make a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// No specification: `root@pam` itself and nobody else, not even its tokens.
    RootOnly,
    /// Everybody, without credentials.
    World,
    /// Every authenticated caller; the handler filters or checks.
    All,
    /// Those that pass this check.
    Check(Check),
}

/// One check. Paths hold `{param}` place-holders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Privileges on a path: all of them, or any.
    Perm {
        /// ACL path with place-holders.
        path: String,
        /// Privileges.
        privileges: Vec<String>,
        /// Any of them suffices.
        any: bool,
        /// Fails when this parameter is not sent.
        require_param: Option<String>,
    },
    /// All of these.
    And(Vec<Check>),
    /// One of these.
    Or(Vec<Check>),
    /// The `userid` parameter is the caller (a token is not).
    UserSelf,
    /// Realm.AllocateUser on the realm of the `userid` parameter.
    RealmAllocateUser,
    /// One of the privileges on a group of the user named by `userid`, or on all groups.
    UseridGroup {
        /// Privileges, any of them.
        privileges: Vec<String>,
        /// How the `groups` parameter takes part.
        groups: GroupsParam,
    },
    /// May change permissions on a path.
    PermModify(String),
}

/// How the `groups` parameter takes part in [`Check::UseridGroup`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupsParam {
    /// Not at all.
    Ignored,
    /// The user is being created: only the new groups count.
    Create,
    /// The user is being changed: old and new groups count.
    Update,
}

fn owned(privileges: &[&str]) -> Vec<String> {
    privileges.iter().map(|privilege| (*privilege).to_owned()).collect()
}

/// All of the privileges on the path.
#[must_use]
pub fn perm(path: &str, privileges: &[&str]) -> Check {
    Check::Perm { path: path.to_owned(), privileges: owned(privileges), any: false, require_param: None }
}

/// Any of the privileges on the path.
#[must_use]
pub fn perm_any(path: &str, privileges: &[&str]) -> Check {
    Check::Perm { path: path.to_owned(), privileges: owned(privileges), any: true, require_param: None }
}

/// All of the privileges on the path, and the parameter has to be sent.
#[must_use]
pub fn perm_with(path: &str, privileges: &[&str], parameter: &str) -> Check {
    Check::Perm {
        path: path.to_owned(),
        privileges: owned(privileges),
        any: false,
        require_param: Some(parameter.to_owned()),
    }
}

/// All of these checks.
#[must_use]
pub fn and<const N: usize>(checks: [Check; N]) -> Check {
    Check::And(checks.into())
}

/// One of these checks.
#[must_use]
pub fn or<const N: usize>(checks: [Check; N]) -> Check {
    Check::Or(checks.into())
}

/// Decides whether the caller may make a call.
///
/// # Errors
/// 403 (or what the real check dies with) when not.
pub fn allowed(cluster: &Cluster, permission: &Permission, caller: &Caller, params: &RawParams) -> Result<(), Fault> {
    if matches!(permission, Permission::World) {
        return Ok(());
    }
    if *caller == Caller::Nobody {
        return Err(Fault::permission("user != null"));
    }
    if caller.is_root() {
        return Ok(());
    }
    match permission {
        Permission::RootOnly => Err(Fault::permission("user != root@pam")),
        Permission::All | Permission::World => Ok(()),
        Permission::Check(check) => Run { cluster, caller, params, alternative: false }.check(check),
    }
}

struct Run<'a> {
    cluster: &'a Cluster,
    caller: &'a Caller,
    params: &'a RawParams,
    /// One of several alternatives: a refusal has no detail, an unknown user is just not it.
    alternative: bool,
}

impl Run<'_> {
    fn check(&self, check: &Check) -> Result<(), Fault> {
        match check {
            Check::And(checks) => checks.iter().try_for_each(|check| self.check(check)),
            Check::Or(checks) => {
                let each = Run { alternative: true, ..*self };
                for check in checks {
                    match each.check(check) {
                        Ok(()) => return Ok(()),
                        Err(fault) if fault.status == 403 => {}
                        Err(fault) => return Err(fault),
                    }
                }
                Err(Fault::forbidden())
            }
            Check::Perm { path, privileges, any, require_param } => {
                if require_param.as_deref().is_some_and(|name| self.params.text(name).is_none()) {
                    return Err(Fault::forbidden());
                }
                let path = fill(path, self.params);
                let privileges: Vec<&str> = privileges.iter().map(String::as_str).collect();
                self.cluster.check_full(self.caller, normalize_path(&path).as_deref(), &privileges, *any)
            }
            Check::UserSelf => {
                let userid = self.verified_userid()?;
                self.existing_user(userid)?;
                if self.caller.id() == userid { Ok(()) } else { Err(Fault::forbidden()) }
            }
            Check::RealmAllocateUser => {
                let userid = self.verified_userid()?;
                let realm = userid.rsplit_once('@').map_or("", |(_, realm)| realm);
                self.cluster.check(self.caller, &format!("/access/realm/{realm}"), &["Realm.AllocateUser"])
            }
            Check::UseridGroup { privileges, groups } => {
                let privileges: Vec<&str> = privileges.iter().map(String::as_str).collect();
                self.userid_group(&privileges, *groups)
            }
            Check::PermModify(path) => match normalize_path(&fill(path, self.params)) {
                Some(path) => self.cluster.check_perm_modify(self.caller, &path),
                None => Ok(()),
            },
        }
    }

    fn userid(&self) -> &str {
        self.params.text("userid").unwrap_or_default()
    }

    fn verified_userid(&self) -> Result<&str, Fault> {
        let userid = self.userid();
        split_userid(userid).map_err(Fault::die)?;
        Ok(userid)
    }

    fn existing_user(&self, userid: &str) -> Result<(), Fault> {
        let found = split_userid(userid).map_err(Fault::die).and_then(|_| self.cluster.access.user_exists(userid));
        match found {
            Ok(_) => Ok(()),
            Err(_) if self.alternative => Err(Fault::forbidden()),
            Err(fault) => Err(fault),
        }
    }

    fn userid_group(&self, privileges: &[&str], groups: GroupsParam) -> Result<(), Fault> {
        let Self { cluster, caller, .. } = self;
        let userid = self.userid();
        if groups != GroupsParam::Create {
            self.existing_user(userid)?;
        }
        if cluster.check_any(caller, "/access/groups", privileges).is_ok() {
            return Ok(());
        }
        let joined = privileges.join("|");
        let own = cluster.groups_with(caller, privileges);
        if groups != GroupsParam::Ignored {
            let wanted: Vec<&str> = split_list(self.params.text("groups").unwrap_or_default()).collect();
            if wanted.is_empty() {
                return Err(Fault::permission(format!("/access/groups, {joined}")));
            }
            if let Some(group) = wanted.iter().find(|group| !own.contains(**group)) {
                return Err(Fault::permission(format!("/access/groups/{group}, {joined}")));
            }
        }
        if groups != GroupsParam::Create && !cluster.access.members_of(&own).contains(userid) {
            return Err(Fault::forbidden());
        }
        Ok(())
    }
}

/// Fills `{name}` place-holders; a parameter that was not sent becomes `-`.
fn fill(template: &str, params: &RawParams) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(&params.stringified(name).unwrap_or_else(|| "-".to_owned()));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Normalises an ACL path, `None` when it is none.
#[must_use]
pub fn normalize_path(path: &str) -> Option<String> {
    if path.is_empty() || path == "0" {
        return None;
    }
    let mut out = String::from("/");
    for part in path.split('/').filter(|part| !part.is_empty()) {
        if !part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
            return None;
        }
        if out.len() > 1 {
            out.push('/');
        }
        out.push_str(part);
    }
    Some(out)
}
