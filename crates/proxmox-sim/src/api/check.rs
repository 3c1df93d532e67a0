//! Permission checks as data, in the language of the real API: who may make a call is written next to it.

use crate::state::Cluster;

use super::call::{Caller, split_list};
use super::{Fault, RawParams};

/// Who may make a call.
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone)]
pub enum Check {
    /// Privileges on a path: all of them, or any.
    Perm {
        /// ACL path with place-holders.
        path: &'static str,
        /// Privileges.
        privileges: Vec<&'static str>,
        /// Any of them suffices.
        any: bool,
        /// Fails when this parameter is not sent.
        require_param: Option<&'static str>,
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
        privileges: Vec<&'static str>,
        /// How the `groups` parameter takes part.
        groups: GroupsParam,
    },
    /// May change permissions on a path.
    PermModify(&'static str),
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

/// All of the privileges on the path.
#[must_use]
pub fn perm(path: &'static str, privileges: &[&'static str]) -> Check {
    Check::Perm { path, privileges: privileges.to_vec(), any: false, require_param: None }
}

/// Any of the privileges on the path.
#[must_use]
pub fn perm_any(path: &'static str, privileges: &[&'static str]) -> Check {
    Check::Perm { path, privileges: privileges.to_vec(), any: true, require_param: None }
}

/// All of the privileges on the path, and the parameter has to be sent.
#[must_use]
pub fn perm_with(path: &'static str, privileges: &[&'static str], parameter: &'static str) -> Check {
    Check::Perm { path, privileges: privileges.to_vec(), any: false, require_param: Some(parameter) }
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
    if *caller == Caller::Nobody {
        return match permission {
            Permission::World => Ok(()),
            _ => Err(Fault::permission("user != null")),
        };
    }
    if caller.is_root() {
        return Ok(());
    }
    match permission {
        Permission::RootOnly => Err(Fault::permission("user != root@pam")),
        Permission::All => Ok(()),
        Permission::World => Err(Fault::forbidden()),
        Permission::Check(check) => run(cluster, check, caller, params),
    }
}

fn run(cluster: &Cluster, check: &Check, caller: &Caller, params: &RawParams) -> Result<(), Fault> {
    match check {
        Check::And(checks) => checks.iter().try_for_each(|check| run(cluster, check, caller, params)),
        Check::Or(checks) => {
            for check in checks {
                match run(cluster, check, caller, params) {
                    Ok(()) => return Ok(()),
                    Err(fault) if fault.status == 403 => {}
                    Err(fault) => return Err(fault),
                }
            }
            Err(Fault::forbidden())
        }
        Check::Perm { path, privileges, any, require_param } => {
            if require_param.is_some_and(|name| params.text(name).is_none()) {
                return Err(Fault::forbidden());
            }
            let path = fill(path, params);
            cluster.check_full(caller, normalize_path(&path).as_deref(), privileges, *any)
        }
        Check::UserSelf => {
            let userid = verify_userid(params)?;
            cluster.access.user_exists(&userid)?;
            if caller.id() == userid { Ok(()) } else { Err(Fault::forbidden()) }
        }
        Check::RealmAllocateUser => {
            let userid = verify_userid(params)?;
            let realm = userid.rsplit_once('@').map_or("", |(_, realm)| realm);
            cluster.check(caller, &format!("/access/realm/{realm}"), &["Realm.AllocateUser"])
        }
        Check::UseridGroup { privileges, groups } => userid_group(cluster, privileges, *groups, caller, params),
        Check::PermModify(path) => match normalize_path(&fill(path, params)) {
            Some(path) => cluster.check_perm_modify(caller, &path),
            None => Ok(()),
        },
    }
}

fn verify_userid(params: &RawParams) -> Result<String, Fault> {
    let userid = params.text("userid").unwrap_or_default();
    crate::verify::formats::verify_userid(userid).map_err(Fault::die)?;
    Ok(userid.to_owned())
}

fn userid_group(
    cluster: &Cluster,
    privileges: &[&'static str],
    groups: GroupsParam,
    caller: &Caller,
    params: &RawParams,
) -> Result<(), Fault> {
    let userid = params.text("userid").unwrap_or_default();
    if groups != GroupsParam::Create {
        cluster.access.user_exists(userid)?;
    }
    if cluster.check_any(caller, "/access/groups", privileges).is_ok() {
        return Ok(());
    }
    let joined = privileges.join("|");
    let own: Vec<&String> = cluster
        .access
        .groups
        .keys()
        .filter(|group| cluster.check_any(caller, &format!("/access/groups/{group}"), privileges).is_ok())
        .collect();
    if groups != GroupsParam::Ignored {
        let wanted: Vec<&str> = split_list(params.text("groups").unwrap_or_default()).collect();
        if wanted.is_empty() && groups == GroupsParam::Create {
            return Err(Fault::permission(format!("/access/groups, {joined}")));
        }
        for group in wanted {
            if !own.iter().any(|name| *name == group) {
                return Err(Fault::permission(format!("/access/groups/{group}, {joined}")));
            }
        }
    }
    if groups != GroupsParam::Create {
        let member = own
            .iter()
            .any(|group| cluster.access.groups.get(*group).is_some_and(|group| group.members.contains(userid)));
        if !member {
            return Err(Fault::permission(format!("/access/groups, {joined}")));
        }
    }
    Ok(())
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
    if path.is_empty() {
        return None;
    }
    let mut out = String::from("/");
    for part in path.split('/').filter(|part| !part.is_empty()) {
        if !part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@')) {
            return None;
        }
        if out.len() > 1 {
            out.push('/');
        }
        out.push_str(part);
    }
    Some(out)
}
