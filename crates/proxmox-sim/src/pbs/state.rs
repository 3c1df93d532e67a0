//! Everything that a backup server remembers: one serialisable value behind one lock.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::SimError;
use crate::state::Clock;
use crate::state::access::Secret;
use crate::wire::tls::{self, Identity};

use super::datastore::Datastore;
use super::tasks::Tasks;

/// One simulated backup server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Pbs {
    /// Host name; it stands in task ids and in the certificate. `/nodes/localhost` means it, as does any other name.
    pub name: String,
    /// `3.2.4`, `4.2.6`: decides which calls, parameters and keys there are.
    pub version: String,
    /// The time that everything on this server sees.
    pub clock: Clock,
    /// Unix seconds of the last boot.
    pub booted: i64,
    /// Certificate and key.
    pub identity: Identity,
    /// SHA-256 of the certificate, colon-separated lower-case hex; set at start.
    pub fingerprint: String,
    /// Users by `name@realm`, as `user.cfg` holds them.
    pub users: BTreeMap<String, User>,
    /// Tokens by `name@realm!token`. A token may outlive its user.
    pub tokens: BTreeMap<String, Token>,
    /// ACL entries: path → user or token → role → propagate.
    pub acl: BTreeMap<String, BTreeMap<String, BTreeMap<String, bool>>>,
    /// Datastores by name.
    pub datastores: BTreeMap<String, Datastore>,
    /// Jobs and remotes: section type (`prune`, `verification`, `sync`, `remote`) → id → settings.
    pub sections: BTreeMap<String, BTreeMap<String, Map<String, Value>>>,
    /// How each job's last run ended: `type:id` → task id.
    pub job_runs: BTreeMap<String, String>,
    /// Tasks, oldest first.
    pub tasks: Tasks,
    /// Key that tickets are signed with.
    pub ticket_key: Secret,
    /// Size and use of the disk below the datastores, bytes.
    pub disk: Disk,
}

/// A file system as the server sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Bytes in all.
    pub total: u64,
    /// Bytes used by anything but backups.
    pub used: u64,
}

/// A user.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// Settings as the API shows them: `comment`, `email`, `enable`, `expire`, `firstname`, `lastname`.
    pub settings: Map<String, Value>,
    /// Salted hash of the password, if one was set.
    pub password: Option<String>,
}

/// An API token.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Token {
    /// Settings as the API shows them: `comment`, `enable`, `expire`.
    pub settings: Map<String, Value>,
    /// The secret. A simulator has to be able to print what a demo needs.
    pub secret: Secret,
}

impl Default for Pbs {
    fn default() -> Self {
        let clock = Clock::default();
        let root =
            User { settings: Map::from_iter([("comment".to_owned(), Value::from("Superuser"))]), password: None };
        Self {
            name: "pbs1".to_owned(),
            version: "3.2.4".to_owned(),
            booted: clock.now(),
            clock,
            identity: Identity::default(),
            fingerprint: String::new(),
            users: BTreeMap::from([("root@pam".to_owned(), root)]),
            tokens: BTreeMap::new(),
            acl: BTreeMap::new(),
            datastores: BTreeMap::new(),
            sections: BTreeMap::new(),
            job_runs: BTreeMap::new(),
            tasks: Tasks::default(),
            ticket_key: Secret(uuid::Uuid::new_v4().simple().to_string()),
            disk: Disk { total: 270_553_174_016, used: 27_456_229_376 },
        }
    }
}

impl Pbs {
    /// Unix seconds on this server.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// The first number of the version.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.version.split('.').next().and_then(|part| part.parse().ok()).unwrap_or(0)
    }

    /// Adds a datastore that is there from the beginning (no task, no check of the path).
    pub fn add_datastore(&mut self, name: &str) {
        let path = format!("/var/lib/{name}/store");
        self.datastores.entry(name.to_owned()).or_insert_with(|| Datastore::new(&path));
    }

    /// Makes a user, or sets the password of one that is there.
    pub fn set_password(&mut self, userid: &str, password: &str) {
        self.users.entry(userid.to_owned()).or_default().password = Some(password_hash(password));
    }

    /// Makes a token with this secret (random if not given) and tells it; the user is made, too.
    pub fn add_token(&mut self, tokenid: &str, secret: Option<&str>) -> String {
        if let Some((userid, _)) = tokenid.rsplit_once('!') {
            self.users.entry(userid.to_owned()).or_default();
        }
        let token = self.tokens.entry(tokenid.to_owned()).or_insert_with(|| Token {
            settings: Map::new(),
            secret: Secret(secret.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)),
        });
        token.secret.0.clone()
    }

    /// Records the tasks that a fresh installation has behind it: its first datastore, and a rotation of logs.
    pub fn pretend_installed(&mut self) {
        for (kind, id) in [("logrotate", None), ("create-datastore", Some("ds1"))] {
            let outcome = Ok(());
            let work = super::tasks::Work { kind, id, auth_id: "root@pam", seconds: 0, outcome, log: Vec::new() };
            self.record(work);
        }
    }

    /// Gives a user or token a role on a path and everything below it.
    pub fn grant(&mut self, path: &str, auth_id: &str, role: &str) {
        let node = self.acl.entry(path.to_owned()).or_default();
        node.entry(auth_id.to_owned()).or_default().insert(role.to_owned(), true);
    }

    /// Whether this is the user's password.
    #[must_use]
    pub fn password_matches(&self, userid: &str, password: &str) -> bool {
        let stored = self.users.get(userid).and_then(|user| user.password.as_deref());
        let Some((salt, sum)) = stored.and_then(|stored| stored.split_once('$')) else { return false };
        salted(salt, password) == sum
    }

    /// Bytes that all backups of all datastores take.
    #[must_use]
    pub fn backup_bytes(&self) -> u64 {
        self.datastores.values().map(Datastore::bytes).sum()
    }

    /// Makes the certificate if it is missing.
    ///
    /// # Errors
    /// When a key or certificate cannot be made.
    pub fn make_certificate(&mut self) -> Result<(), tls::TlsError> {
        if self.identity.certificate.is_empty() {
            self.identity = super::certificate::make(&self.name)?;
        }
        self.fingerprint = tls::fingerprint(&self.identity.certificate)?.to_ascii_lowercase();
        Ok(())
    }

    /// Reads a saved state.
    ///
    /// # Errors
    /// [`SimError::File`], [`SimError::Format`].
    pub fn load(path: &Path) -> Result<Self, SimError> {
        let text = std::fs::read(path).map_err(|source| SimError::File { path: path.display().to_string(), source })?;
        serde_json::from_slice(&text).map_err(|source| SimError::Format { path: path.display().to_string(), source })
    }

    /// Writes the state (secrets included) to a file that only its owner can read, by way of a new one beside it.
    ///
    /// # Errors
    /// [`SimError::File`], [`SimError::Format`].
    pub fn save(&self, path: &Path) -> Result<(), SimError> {
        let shown = || path.display().to_string();
        let text = serde_json::to_vec(self).map_err(|source| SimError::Format { path: shown(), source })?;
        let fresh = path.with_extension("new");
        let write = || {
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&fresh, path)
        };
        write().map_err(|source| SimError::File { path: shown(), source })
    }
}

/// A fresh salted hash.
pub(super) fn password_hash(password: &str) -> String {
    let salt = uuid::Uuid::new_v4().simple().to_string();
    format!("{salt}${}", salted(&salt, password))
}

fn salted(salt: &str, password: &str) -> String {
    sha256_hex(&format!("{salt}{password}"))
}

/// SHA-256 of a text in hex: what digests are made with here. That of an empty configuration is that of an empty text.
pub(super) fn sha256_hex(text: &str) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()))
}

/// Digest of a configuration; of an empty one, that of the empty text.
pub(super) fn digest_of<T: Serialize>(entries: &BTreeMap<String, T>) -> String {
    if entries.is_empty() {
        return sha256_hex("");
    }
    sha256_hex(&serde_json::to_string(entries).unwrap_or_default())
}
