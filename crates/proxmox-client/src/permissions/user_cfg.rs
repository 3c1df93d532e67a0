//! Reading a `user.cfg` of PVE, the file behind `/access`.
//!
//! PVE reads this file leniently: a line it does not understand is warned of and ignored, and so are ACL entries of
//! roles, groups and tokens that do not exist. The same is done here, and every such line is reported.

use super::{Access, AclEntry, AclSubject, Dialect, Token, User};
use crate::ids::{AclPath, AuthId, PoolId, TokenId, UserId};

/// A line, or a part of one, that was left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {text}")]
pub struct UserCfgWarning {
    /// The line's number, from 1.
    pub line: usize,
    /// What was left out and why.
    pub text: String,
}

/// Reads the text of a `user.cfg`. Never fails: what cannot be understood is listed.
#[must_use]
pub fn parse_user_cfg(text: &str) -> (Access, Vec<UserCfgWarning>) {
    let mut reader = Reader { access: Access::new(Dialect::Pve), warnings: Vec::new(), line: 0 };
    reader.access.users.insert(UserId::root(), User::default());
    for (at, line) in text.lines().enumerate() {
        reader.line = at + 1;
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let mut fields = line.split(':').map(str::trim);
        let kind = fields.next().unwrap_or_default();
        let fields: Vec<&str> = fields.collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        match kind {
            "user" => reader.user(field(0), field(1), field(2)),
            "token" => reader.token(field(0), field(1), field(2)),
            "group" => reader.group(field(0), field(1)),
            "role" => reader.role(field(0), field(1)),
            "pool" => reader.pool(field(0), field(2), field(3)),
            "acl" => reader.acl(field(0), field(1), field(2), field(3)),
            other => reader.warn(format!("unknown kind {other:?}")),
        }
    }
    (reader.access, reader.warnings)
}

struct Reader {
    access: Access,
    warnings: Vec<UserCfgWarning>,
    line: usize,
}

/// The items of a list, which may be parted by commas, semicolons or blanks.
pub(super) fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', ';', ' ', '\t', '\0']).filter(|item| !item.is_empty())
}

impl Reader {
    fn warn(&mut self, text: String) {
        self.warnings.push(UserCfgWarning { line: self.line, text });
    }

    fn number(&mut self, what: &str, text: &str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        text.parse().unwrap_or_else(|_| {
            self.warn(format!("{what} {text:?} is not a number"));
            0
        })
    }

    fn user(&mut self, id: &str, enabled: &str, expire: &str) {
        match id.parse::<UserId>() {
            Ok(id) => {
                let expire = self.number("expire", expire);
                let tokens = self.access.users.remove(&id).map(|user| user.tokens).unwrap_or_default();
                let enabled = !matches!(enabled, "" | "0");
                self.access.users.insert(id, User { enabled, expire, tokens });
            }
            Err(error) => self.warn(error.to_string()),
        }
    }

    fn token(&mut self, id: &str, expire: &str, privsep: &str) {
        let id = match id.parse::<TokenId>() {
            Ok(id) => id,
            Err(error) => return self.warn(error.to_string()),
        };
        let expire = self.number("expire", expire);
        let token = Token { enabled: true, expire, privsep: !matches!(privsep, "" | "0") };
        match self.access.users.get_mut(id.user()) {
            Some(user) => drop(user.tokens.insert(id.token_name().to_owned(), token)),
            None => self.warn(format!("token {id} of a user that does not exist")),
        }
    }

    fn group(&mut self, id: &str, members: &str) {
        if !crate::ids::is_safe_id(id) {
            return self.warn(format!("{id:?} is not a group id"));
        }
        let mut known = std::collections::BTreeSet::new();
        for member in items(members) {
            match member.parse::<UserId>() {
                Ok(user) if self.access.users.contains_key(&user) => drop(known.insert(user)),
                Ok(user) => self.warn(format!("group {id} names {user}, who does not exist")),
                Err(error) => self.warn(error.to_string()),
            }
        }
        self.access.groups.insert(id.to_owned(), known);
    }

    fn role(&mut self, id: &str, privileges: &str) {
        if !crate::ids::is_safe_id(id) {
            return self.warn(format!("{id:?} is not a role id"));
        }
        let mut known = Vec::new();
        for privilege in items(privileges) {
            if self.access.knows_privilege(privilege) {
                known.push(privilege);
            } else {
                self.warn(format!("role {id} names {privilege:?}, which is no privilege"));
            }
        }
        if self.access.set_role(id, known).is_err() {
            self.warn(format!("role {id} has too many privileges"));
        }
    }

    fn pool(&mut self, id: &str, guests: &str, storages: &str) {
        let id = match id.parse::<PoolId>() {
            Ok(id) => id,
            Err(error) => return self.warn(error.to_string()),
        };
        self.access.pools.create(id.clone());
        for guest in items(guests) {
            match guest.parse() {
                Ok(vmid) => match self.access.pools.of_guest(vmid).cloned() {
                    Some(other) => self.warn(format!("guest {vmid} is in pool {other} already")),
                    None => self.access.pools.add_guest(&id, vmid),
                },
                Err(error) => self.warn(error.to_string()),
            }
        }
        for storage in items(storages) {
            self.access.pools.add_storage(&id, storage);
        }
    }

    fn acl(&mut self, propagate: &str, path: &str, subjects: &str, roles: &str) {
        let path = match path.parse::<AclPath>() {
            Ok(path) => path,
            Err(error) => return self.warn(error.to_string()),
        };
        let propagate = !matches!(propagate, "" | "0");
        for role in items(roles) {
            if self.access.role_bits(role).is_none() {
                self.warn(format!("ACL of {path} names role {role:?}, which does not exist"));
                continue;
            }
            for name in items(subjects) {
                if let Some(subject) = self.subject(&path, name) {
                    self.access.grant(AclEntry { path: path.clone(), subject, role: role.to_owned(), propagate });
                }
            }
        }
    }

    /// Users that do not exist keep their entries (they may come back from their realm), groups and tokens do not.
    fn subject(&mut self, path: &AclPath, name: &str) -> Option<AclSubject> {
        let refused = match name.strip_prefix('@') {
            Some(group) if self.access.groups.contains_key(group) => return Some(AclSubject::Group(group.to_owned())),
            Some(_) => "which does not exist".to_owned(),
            None => match name.parse::<AuthId>() {
                Ok(AuthId::User(user)) => return Some(AclSubject::User(user)),
                Ok(AuthId::Token(token)) if self.access.token(&token).is_some() => {
                    return Some(AclSubject::Token(token));
                }
                Ok(AuthId::Token(_)) => "which does not exist".to_owned(),
                Err(error) => error.to_string(),
            },
        };
        self.warn(format!("ACL of {path} names {name:?}: {refused}"));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_listed_and_the_rest_holds() {
        let (access, warnings) = parse_user_cfg(
            "user:a@pve:1:0:::::\n\
             user:broken\n\
             token:a@pve!t1:0:1:note:\n\
             token:b@pve!t1:0:1::\n\
             group:g:a@pve,ghost@pve::\n\
             role:r:VM.Audit,VM.Fly:\n\
             pool:p:text:100,100,x:s1 s2:\n\
             acl:1:/vms/100/:a@pve,@nobody,a@pve!t1,a@pve!no:r,missing:\n\
             acl:1:/vms/1 0:a@pve:r:\n\
             what:ever\n",
        );
        assert_eq!(warnings.len(), 11, "{warnings:#?}");
        assert_eq!(access.acl_entries().len(), 2);
        assert_eq!(access.role("r").unwrap(), ["VM.Audit"]);
        let path: AclPath = "/vms/100".parse().unwrap();
        assert!(access.allows(&"a@pve".parse().unwrap(), &path, &["VM.Audit"]));
        assert!(access.allows(&"a@pve!t1".parse().unwrap(), &path, &["VM.Audit"]));
    }
}
