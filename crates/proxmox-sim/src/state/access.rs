//! Users, groups, roles, ACLs, tokens and realms: what Proxmox keeps in `user.cfg`, `token.cfg`, `shadow.cfg` and
//! `domains.cfg`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::Fault;

/// Everything about who may do what.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Access {
    /// By `name@realm`.
    pub users: BTreeMap<String, User>,
    /// By group id.
    pub groups: BTreeMap<String, Group>,
    /// Custom roles by id; the predefined ones are not in here.
    pub roles: BTreeMap<String, BTreeSet<String>>,
    /// Entries by path.
    pub acl: BTreeMap<String, AclNode>,
    /// Realms by id.
    pub realms: BTreeMap<String, Realm>,
    /// Key that tickets are signed with.
    pub ticket_key: Secret,
}

/// A user.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// May log in.
    pub enable: bool,
    /// Unix seconds, 0 for never.
    pub expire: i64,
    /// First name.
    pub firstname: String,
    /// Last name.
    pub lastname: String,
    /// Mail address.
    pub email: String,
    /// Free text.
    pub comment: String,
    /// Two-factor keys.
    pub keys: String,
    /// Hash of the password, for realms that keep one.
    pub password: Option<String>,
    /// Tokens by name.
    pub tokens: BTreeMap<String, Token>,
}

/// An API token.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Token {
    /// Unix seconds, 0 for never.
    pub expire: i64,
    /// Has rights of its own, limited by the owner's.
    pub privsep: bool,
    /// Free text.
    pub comment: String,
    /// The secret. A simulator has to be able to print what a demo needs.
    pub secret: Secret,
}

/// A secret that does not print.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Free text.
    pub comment: String,
    /// User ids.
    pub members: BTreeSet<String>,
}

/// ACL entries at one path: subject → role → propagate.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AclNode {
    /// By user id.
    pub users: BTreeMap<String, BTreeMap<String, bool>>,
    /// By group id.
    pub groups: BTreeMap<String, BTreeMap<String, bool>>,
    /// By full token id.
    pub tokens: BTreeMap<String, BTreeMap<String, bool>>,
}

/// A realm: its settings as the API shows them, `type` included.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Realm(pub BTreeMap<String, Value>);

impl Default for Access {
    fn default() -> Self {
        let root = User { enable: true, ..User::default() };
        let realm = |kind: &str, comment: &str| {
            Realm(BTreeMap::from([
                ("type".to_owned(), Value::from(kind)),
                ("comment".to_owned(), Value::from(comment)),
            ]))
        };
        let mut pam = realm("pam", "Linux PAM standard authentication");
        pam.0.insert("plugin".to_owned(), Value::from("PVE::Auth::PAM"));
        Self {
            users: BTreeMap::from([("root@pam".to_owned(), root)]),
            groups: BTreeMap::new(),
            roles: BTreeMap::new(),
            acl: BTreeMap::new(),
            realms: BTreeMap::from([
                ("pam".to_owned(), pam),
                ("pve".to_owned(), realm("pve", "Proxmox VE authentication server")),
            ]),
            ticket_key: Secret(uuid::Uuid::new_v4().to_string()),
        }
    }
}

impl Access {
    /// Sets a user's password; the user is made if it is not there.
    pub fn set_password(&mut self, userid: &str, password: &str) {
        let salt = uuid::Uuid::new_v4().simple().to_string();
        let user = self.users.entry(userid.to_owned()).or_insert_with(|| User { enable: true, ..User::default() });
        user.password = Some(format!("{salt}${}", hash(&salt, password)));
    }

    /// Whether this is the user's password.
    #[must_use]
    pub fn password_matches(&self, userid: &str, password: &str) -> bool {
        let stored = self.users.get(userid).and_then(|user| user.password.as_deref());
        stored.and_then(|stored| stored.split_once('$')).is_some_and(|(salt, sum)| hash(salt, password) == sum)
    }

    /// Everybody in these groups.
    #[must_use]
    pub fn members_of(&self, groups: &BTreeSet<String>) -> BTreeSet<String> {
        let groups = groups.iter().filter_map(|group| self.groups.get(group));
        groups.flat_map(|group| group.members.iter().cloned()).collect()
    }

    /// Finds a token.
    ///
    /// # Errors
    /// 500 `no such token 'x' for user 'y'`.
    pub fn token(&self, userid: &str, name: &str) -> Result<&Token, Fault> {
        let token = self.users.get(userid).and_then(|user| user.tokens.get(name));
        token.ok_or_else(|| Fault::die(format!("no such token '{name}' for user '{userid}'")))
    }

    /// Finds a user.
    ///
    /// # Errors
    /// 500 `no such user ('x')`.
    pub fn user_exists(&self, userid: &str) -> Result<&User, Fault> {
        self.users.get(userid).ok_or_else(|| Fault::die(format!("no such user ('{userid}')")))
    }
}

fn hash(salt: &str, password: &str) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA256, format!("{salt}{password}").as_bytes()))
}
