//! What a subject may do on a path, and why: the permission maths of PVE and PBS as a pure function of the
//! configuration.
//!
//! An [`Access`] holds users, tokens, groups, roles, ACL entries and pools. It is filled from answers of a server, from
//! a `user.cfg` ([`parse_user_cfg`], [`parse_pbs_cfg`]) or by hand, and answers [`Access::roles`], [`Access::permissions`] and
//! [`Access::explain`]. It knows nothing of HTTP and of how the configuration got here. Whether a user may log in at
//! all (disabled, expired) is a different question, asked with [`Access::may_authenticate`]: as in Proxmox, rights are
//! computed for disabled users too.

mod explain;
pub mod pbs4;
mod pbs_cfg;
mod pools;
pub mod pve9;
mod resolve;
mod user_cfg;

pub use explain::{Evidence, Explanation, Verdict};
pub use pbs_cfg::parse_pbs_cfg;
pub use pools::{Pool, Pools};
pub use resolve::{Permissions, Roles};
pub use user_cfg::{UserCfgWarning, parse_user_cfg};

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::ids::{AclPath, AuthId, TokenId, UserId};

/// The role that takes everything away.
pub const NO_ACCESS: &str = "NoAccess";

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Proxmox VE: groups, pools, own roles, privilege separation as a property of the token.
    Pve,
    /// Proxmox Backup Server: fixed roles, no pools; every token is limited to what its owner has.
    Pbs,
}

impl Dialect {
    /// Every privilege the product knows.
    #[must_use]
    pub const fn privileges(self) -> &'static [&'static str] {
        match self {
            Self::Pve => pve9::PRIVILEGES,
            Self::Pbs => pbs4::PRIVILEGES,
        }
    }

    /// The predefined roles with their privileges.
    #[must_use]
    pub const fn predefined_roles(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::Pve => pve9::ROLES,
            Self::Pbs => pbs4::ROLES,
        }
    }

    /// The predefined role that holds every privilege.
    #[must_use]
    pub const fn superuser_role(self) -> &'static str {
        match self {
            Self::Pve => "Administrator",
            Self::Pbs => "Admin",
        }
    }
}

/// A user, as far as rights go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Whether it may log in.
    pub enabled: bool,
    /// Unix time after which it may not; 0 is never.
    pub expire: u64,
    /// Its tokens by name.
    pub tokens: BTreeMap<String, Token>,
}

impl Default for User {
    /// Enabled, never expiring, without tokens.
    fn default() -> Self {
        Self { enabled: true, expire: 0, tokens: BTreeMap::new() }
    }
}

/// A token, as far as rights go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Whether it may be used (PBS; always so on PVE).
    pub enabled: bool,
    /// Unix time after which it may not; 0 is never.
    pub expire: u64,
    /// Whether it has only the rights given to itself that its owner has too. Without it, it has all of its
    /// owner's. PBS has no such flag: its tokens are always separated.
    pub privsep: bool,
}

impl Default for Token {
    /// Enabled, never expiring, with privilege separation.
    fn default() -> Self {
        Self { enabled: true, expire: 0, privsep: true }
    }
}

/// Whom an ACL entry names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AclSubject {
    /// A user.
    User(UserId),
    /// A token.
    Token(TokenId),
    /// All members of a group.
    Group(String),
}

impl From<AuthId> for AclSubject {
    fn from(id: AuthId) -> Self {
        match id {
            AuthId::User(user) => Self::User(user),
            AuthId::Token(token) => Self::Token(token),
        }
    }
}

impl From<UserId> for AclSubject {
    fn from(user: UserId) -> Self {
        Self::User(user)
    }
}

impl From<TokenId> for AclSubject {
    fn from(token: TokenId) -> Self {
        Self::Token(token)
    }
}

impl std::fmt::Display for AclSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(user) => write!(f, "{user}"),
            Self::Token(token) => write!(f, "{token}"),
            Self::Group(group) => write!(f, "@{group}"),
        }
    }
}

/// One line of the ACL: a role for a subject on a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AclEntry {
    /// Where.
    pub path: AclPath,
    /// For whom.
    pub subject: AclSubject,
    /// Which role.
    pub role: String,
    /// Whether it also holds on everything below the path.
    pub propagate: bool,
}

/// Why a credential is not accepted at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoLogin {
    /// No such user.
    #[error("no such user")]
    UnknownUser,
    /// No such token.
    #[error("no such token")]
    UnknownToken,
    /// The user or the token is disabled.
    #[error("disabled")]
    Disabled,
    /// The user or the token has expired.
    #[error("expired")]
    Expired,
}

/// More privileges than a set can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {} different privileges", Access::MAX_PRIVILEGES)]
pub struct TooManyPrivileges;

/// The entries of one path: subject → role → propagate.
#[derive(Debug, Clone, Default)]
pub(crate) struct AclNode {
    pub(crate) users: BTreeMap<UserId, BTreeMap<String, bool>>,
    pub(crate) tokens: BTreeMap<TokenId, BTreeMap<String, bool>>,
    pub(crate) groups: BTreeMap<String, BTreeMap<String, bool>>,
}

/// The configuration that rights follow from.
#[derive(Debug, Clone)]
pub struct Access {
    dialect: Dialect,
    privileges: Vec<String>,
    roles: BTreeMap<String, u128>,
    acl: HashMap<String, AclNode>,
    /// Users by id. `root@pam` has every right whether or not it is listed.
    pub users: BTreeMap<UserId, User>,
    /// Members of groups by group id.
    pub groups: BTreeMap<String, BTreeSet<UserId>>,
    /// Pools and what is in them (PVE).
    pub pools: Pools,
}

impl Access {
    /// The most different privileges one configuration can name.
    pub const MAX_PRIVILEGES: usize = 128;

    /// An empty configuration that knows the product's privileges and predefined roles.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        let mut access = Self {
            dialect,
            privileges: dialect.privileges().iter().map(|&name| name.to_owned()).collect(),
            roles: BTreeMap::new(),
            acl: HashMap::new(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            pools: Pools::default(),
        };
        for &(role, privileges) in dialect.predefined_roles() {
            let set = privileges.iter().filter_map(|name| access.bit(name)).fold(0, |set, bit| set | bit);
            access.roles.insert(role.to_owned(), set);
        }
        access
    }

    /// Whose rules hold.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn privilege_names(&self) -> &[String] {
        &self.privileges
    }

    pub(crate) fn bit(&self, name: &str) -> Option<u128> {
        self.privileges.iter().position(|known| known == name).map(|at| 1u128 << at)
    }

    /// Whether `name` is a privilege known here.
    #[must_use]
    pub fn knows_privilege(&self, name: &str) -> bool {
        self.bit(name).is_some()
    }

    /// Sets what a role holds; a privilege that was not known (an older or newer server's) becomes known.
    ///
    /// # Errors
    /// When that would be more than [`Self::MAX_PRIVILEGES`] different ones.
    pub fn set_role<'p>(
        &mut self,
        role: &str,
        privileges: impl IntoIterator<Item = &'p str>,
    ) -> Result<(), TooManyPrivileges> {
        let mut set = 0;
        for name in privileges {
            set |= match self.bit(name) {
                Some(bit) => bit,
                None if self.privileges.len() < Self::MAX_PRIVILEGES => {
                    self.privileges.push(name.to_owned());
                    1u128 << (self.privileges.len() - 1)
                }
                None => return Err(TooManyPrivileges),
            };
        }
        self.roles.insert(role.to_owned(), set);
        Ok(())
    }

    /// Forgets a role. Entries that name it give nothing from then on.
    pub fn remove_role(&mut self, role: &str) -> bool {
        self.roles.remove(role).is_some()
    }

    /// The privileges of a role, `None` when there is no such role.
    #[must_use]
    pub fn role(&self, role: &str) -> Option<Vec<&str>> {
        self.roles.get(role).map(|&set| self.names_of(set).collect())
    }

    /// All roles with their privileges.
    pub fn all_roles(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.roles.iter().map(|(name, &set)| (name.as_str(), self.names_of(set).collect()))
    }

    pub(crate) fn role_bits(&self, role: &str) -> Option<u128> {
        self.roles.get(role).copied()
    }

    pub(crate) fn names_of(&self, set: u128) -> impl Iterator<Item = &str> {
        self.privileges
            .iter()
            .enumerate()
            .filter(move |&(at, _)| set & (1u128 << at) != 0)
            .map(|(_, name)| name.as_str())
    }

    pub(crate) fn node(&self, path: &str) -> Option<&AclNode> {
        self.acl.get(path)
    }

    /// Adds an entry, or changes the propagation of the one that is there.
    pub fn grant(&mut self, entry: AclEntry) {
        let node = self.acl.entry(entry.path.as_str().to_owned()).or_default();
        let roles = match entry.subject {
            AclSubject::User(user) => node.users.entry(user).or_default(),
            AclSubject::Token(token) => node.tokens.entry(token).or_default(),
            AclSubject::Group(group) => node.groups.entry(group).or_default(),
        };
        roles.insert(entry.role, entry.propagate);
    }

    /// Removes an entry whatever its propagation; false when there was none.
    pub fn revoke(&mut self, path: &AclPath, subject: &AclSubject, role: &str) -> bool {
        let Some(node) = self.acl.get_mut(path.as_str()) else { return false };
        fn take<K: Ord>(map: &mut BTreeMap<K, BTreeMap<String, bool>>, key: &K, role: &str) -> bool {
            let Some(roles) = map.get_mut(key) else { return false };
            let removed = roles.remove(role).is_some();
            if roles.is_empty() {
                map.remove(key);
            }
            removed
        }
        let removed = match subject {
            AclSubject::User(user) => take(&mut node.users, user, role),
            AclSubject::Token(token) => take(&mut node.tokens, token, role),
            AclSubject::Group(group) => take(&mut node.groups, group, role),
        };
        self.acl.retain(|_, node| !node.users.is_empty() || !node.tokens.is_empty() || !node.groups.is_empty());
        removed
    }

    /// Removes every entry that `keep` says no to.
    pub fn retain_acl(&mut self, mut keep: impl FnMut(&AclEntry) -> bool) {
        for entry in self.acl_entries() {
            if !keep(&entry) {
                self.revoke(&entry.path, &entry.subject, &entry.role);
            }
        }
    }

    /// All entries, by path, then subject and role.
    #[must_use]
    pub fn acl_entries(&self) -> Vec<AclEntry> {
        let mut entries: Vec<AclEntry> = Vec::new();
        for (path, node) in &self.acl {
            let path = AclPath::from_trusted(path.clone());
            let users = node.users.iter().map(|(user, roles)| (AclSubject::User(user.clone()), roles));
            let tokens = node.tokens.iter().map(|(token, roles)| (AclSubject::Token(token.clone()), roles));
            let groups = node.groups.iter().map(|(group, roles)| (AclSubject::Group(group.clone()), roles));
            for (subject, roles) in users.chain(tokens).chain(groups) {
                entries.extend(roles.iter().map(|(role, &propagate)| AclEntry {
                    path: path.clone(),
                    subject: subject.clone(),
                    role: role.clone(),
                    propagate,
                }));
            }
        }
        entries.sort();
        entries
    }

    /// The token's record, when both the owner and the token exist.
    #[must_use]
    pub fn token(&self, id: &TokenId) -> Option<&Token> {
        self.users.get(id.user())?.tokens.get(id.token_name())
    }

    /// Whether a request with this credential is heard at all at the Unix time `now`.
    ///
    /// # Errors
    /// The reason why not. `root@pam` is treated like any other user here: it can be disabled.
    pub fn may_authenticate(&self, id: &AuthId, now: u64) -> Result<(), NoLogin> {
        let past = |expire: u64| expire != 0 && expire <= now;
        let user = self.users.get(id.user()).ok_or(NoLogin::UnknownUser)?;
        if !user.enabled {
            return Err(NoLogin::Disabled);
        }
        if past(user.expire) {
            return Err(NoLogin::Expired);
        }
        if let Some(token) = id.token() {
            let token = self.token(token).ok_or(NoLogin::UnknownToken)?;
            if !token.enabled {
                return Err(NoLogin::Disabled);
            }
            if past(token.expire) {
                return Err(NoLogin::Expired);
            }
        }
        Ok(())
    }
}
