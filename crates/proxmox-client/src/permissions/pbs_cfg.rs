//! Reading the files behind `/access` of PBS: `user.cfg` (users and tokens, in sections) and `acl.cfg` (one entry a line).
//!
//! What is not understood is left out and listed, as in [`super::parse_user_cfg`].

use super::user_cfg::items;
use super::{Access, AclEntry, AclSubject, Dialect, Token, User, UserCfgWarning};
use crate::ids::{AclPath, AuthId, TokenId, UserId};

/// Reads the text of a `user.cfg` or `acl.cfg` of PBS, or of both, one after the other. Never fails: what cannot be
/// understood is listed.
#[must_use]
pub fn parse_pbs_cfg(text: &str) -> (Access, Vec<UserCfgWarning>) {
    let mut reader =
        Reader { access: Access::new(Dialect::Pbs), warnings: Vec::new(), line: 0, section: Section::None };
    reader.access.users.insert(UserId::root(), User::default());
    for (at, line) in text.lines().enumerate() {
        reader.line = at + 1;
        reader.read(line);
    }
    (reader.access, reader.warnings)
}

/// What the indented lines that follow are about.
enum Section {
    None,
    User(UserId),
    Token(TokenId),
}

struct Reader {
    access: Access,
    warnings: Vec<UserCfgWarning>,
    line: usize,
    section: Section,
}

impl Reader {
    fn warn(&mut self, text: String) {
        self.warnings.push(UserCfgWarning { line: self.line, text });
    }

    fn read(&mut self, line: &str) {
        if line.trim().is_empty() || line.starts_with('#') {
            return;
        }
        if line.starts_with([' ', '\t']) {
            let (key, value) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
            return self.setting(key, value.trim());
        }
        self.section = Section::None;
        match line.split_once(':') {
            Some(("user", id)) => self.user(id.trim()),
            Some(("token", id)) => self.token(id.trim()),
            Some(("acl", entry)) => self.acl(entry),
            _ => self.warn(format!("unknown line {line:?}")),
        }
    }

    fn user(&mut self, id: &str) {
        match id.parse::<UserId>() {
            Ok(id) => {
                self.access.users.entry(id.clone()).or_default();
                self.section = Section::User(id);
            }
            Err(error) => self.warn(error.to_string()),
        }
    }

    fn token(&mut self, id: &str) {
        match id.parse::<TokenId>() {
            Ok(id) => {
                let Some(user) = self.access.users.get_mut(id.user()) else {
                    return self.warn(format!("token {id} of a user that does not exist"));
                };
                user.tokens.insert(id.token_name().to_owned(), Token::default());
                self.section = Section::Token(id);
            }
            Err(error) => self.warn(error.to_string()),
        }
    }

    /// Only what rights and logins follow from is kept: names, addresses and remarks are not.
    fn setting(&mut self, key: &str, value: &str) {
        let (enabled, expire) = match &self.section {
            Section::None => return self.warn(format!("{key:?} belongs to nothing")),
            Section::User(id) => match self.access.users.get_mut(id) {
                Some(user) => (&mut user.enabled, &mut user.expire),
                None => return,
            },
            Section::Token(id) => {
                match self.access.users.get_mut(id.user()).and_then(|user| user.tokens.get_mut(id.token_name())) {
                    Some(token) => (&mut token.enabled, &mut token.expire),
                    None => return,
                }
            }
        };
        match key {
            "enable" => *enabled = !matches!(value, "0" | "false" | "no" | "off"),
            "expire" => match value.parse() {
                Ok(time) => *expire = time,
                Err(_) => self.warn(format!("expire {value:?} is not a number")),
            },
            _ => {}
        }
    }

    fn acl(&mut self, entry: &str) {
        let fields: Vec<&str> = entry.split(':').map(str::trim).collect();
        let [propagate, path, subjects, roles] = fields.as_slice() else {
            return self.warn("an ACL entry has four fields".to_owned());
        };
        let path = match path.parse::<AclPath>() {
            Ok(path) => path,
            Err(error) => return self.warn(error.to_string()),
        };
        let propagate = *propagate == "1";
        for role in items(roles) {
            if self.access.role_bits(role).is_none() {
                self.warn(format!("ACL of {path} names role {role:?}, which does not exist"));
                continue;
            }
            for name in items(subjects) {
                let subject = match (name.strip_prefix('@'), name.parse::<AuthId>()) {
                    (Some(group), _) => AclSubject::Group(group.to_owned()),
                    (None, Ok(id)) => id.into(),
                    (None, Err(error)) => {
                        self.warn(error.to_string());
                        continue;
                    }
                };
                self.access.grant(AclEntry { path: path.clone(), subject, role: role.to_owned(), propagate });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_entries_are_read_and_the_rest_is_listed() {
        let (access, warnings) = parse_pbs_cfg(
            "user: a@pbs\n\tcomment the first\n\tenable false\n\texpire 99\n\ntoken: a@pbs!t1\n\tenable true\n\n\
             token: ghost@pbs!t1\n\tenable false\nuser: broken\nwhat: ever\n\tstray 1\n\
             acl:1:/datastore/s:a@pbs,a@pbs!t1,@g:DatastoreAdmin,Nothing\nacl:0:/x y:a@pbs:Audit\nacl:1:/\n",
        );
        assert_eq!(warnings.len(), 8, "{warnings:#?}");
        let user = &access.users[&"a@pbs".parse().unwrap()];
        assert_eq!((user.enabled, user.expire, user.tokens["t1"].enabled), (false, 99, true));
        assert_eq!(access.acl_entries().len(), 3);
        assert_eq!(access.dialect(), Dialect::Pbs);
    }
}
