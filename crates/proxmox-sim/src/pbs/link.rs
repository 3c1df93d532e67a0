//! A backup server as a PVE node sees it: what the backup client does, with the words that it fails with.
//!
//! A cluster holds a [`BackupLink`] per server address. It locks the server's state for the time of one operation; a server never locks a
//! cluster, so the order of locks is always cluster, then server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proxmox_client::ids::AuthId;
use serde_json::{Value, json};

use super::api::datastores::{Use, lookup};
use super::api::snapshots;
use super::api::ticket::{Credentials, authenticate};
use super::call::Refusal;
use super::datastore::Snapshot;
use super::rights::{check_owner, owns};
use super::state::Pbs;
use super::tasks::Work;

/// The way from a simulated cluster to a simulated backup server.
#[derive(Clone)]
pub struct BackupLink {
    pbs: Arc<Mutex<Pbs>>,
}

impl std::fmt::Debug for BackupLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BackupLink")
    }
}

/// What a storage of type `pbs` is configured with.
#[derive(Clone, Default)]
pub struct Repository {
    /// Datastore.
    pub datastore: String,
    /// Namespace; empty for the root.
    pub namespace: String,
    /// User or token.
    pub username: String,
    /// Password or secret.
    pub password: String,
    /// Pinned fingerprint.
    pub fingerprint: Option<String>,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Repository({}, {}, {}, [redacted])", self.username, self.datastore, self.namespace)
    }
}

/// Why the server did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The certificate is not the pinned one; nothing was sent.
    #[error("fingerprint '{0}' not verified, abort!")]
    Fingerprint(String),
    /// Credentials refused.
    #[error("401 Unauthorized")]
    Unauthorized,
    /// Refused by the server, in its words.
    #[error("{0}")]
    Refused(String),
}

impl From<Refusal> for LinkError {
    fn from(refusal: Refusal) -> Self {
        if refusal.status == 401 { Self::Unauthorized } else { Self::Refused(refusal.text) }
    }
}

/// A backup in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `vm`, `ct` or `host`.
    pub kind: String,
    /// Id within the kind, usually a VMID.
    pub id: String,
    /// Unix seconds.
    pub time: i64,
    /// The backup itself.
    pub snapshot: Snapshot,
    /// Who owns its group.
    pub owner: String,
}

/// A backup to be made.
#[derive(Debug, Clone)]
pub struct NewBackup {
    /// `vm` or `ct`.
    pub kind: String,
    /// The VMID.
    pub id: String,
    /// Unix seconds.
    pub time: i64,
    /// Content, notes and protection.
    pub snapshot: Snapshot,
}

impl BackupLink {
    pub(super) fn new(pbs: Arc<Mutex<Pbs>>) -> Self {
        Self { pbs }
    }

    fn lock(&self) -> MutexGuard<'_, Pbs> {
        self.pbs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// SHA-256 of the server's certificate, colon-separated upper-case hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.lock().fingerprint.to_ascii_uppercase()
    }

    /// Connects: certificate and credentials.
    fn open(&self, repository: &Repository) -> Result<(MutexGuard<'_, Pbs>, AuthId), LinkError> {
        let pbs = self.lock();
        let shown = pbs.fingerprint.to_ascii_uppercase();
        let pinned = repository.fingerprint.as_deref().unwrap_or_default();
        if !pinned.eq_ignore_ascii_case(&shown) {
            return Err(LinkError::Fingerprint(shown));
        }
        let auth_id = if repository.username.contains('!') {
            let encoded =
                percent_encoding::utf8_percent_encode(&repository.password, percent_encoding::NON_ALPHANUMERIC);
            let authorization = Some(format!("PBSAPIToken={}:{encoded}", repository.username));
            let credentials = Credentials { authorization, ..Credentials::default() };
            authenticate(&pbs, &credentials).map_err(|_| LinkError::Unauthorized)?
        } else {
            let user: AuthId = repository.username.parse().map_err(|_| LinkError::Unauthorized)?;
            if !pbs.is_active(&user) || !pbs.password_matches(&repository.username, &repository.password) {
                return Err(LinkError::Unauthorized);
            }
            user
        };
        Ok((pbs, auth_id))
    }

    /// The datastores that the credentials can see, as `GET /admin/datastore` lists them.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn datastores(&self, repository: &Repository) -> Result<Vec<Value>, LinkError> {
        let (pbs, caller) = self.open(repository)?;
        let seen = |name: &str| pbs.holds_any_below(Some(&caller), name, &["Datastore.Audit", "Datastore.Backup"]);
        let rows = pbs.datastores.iter().filter(|(name, _)| seen(name));
        let comment = |settings: &serde_json::Map<String, Value>| settings.get("comment").cloned();
        Ok(rows.map(|(name, store)| json!({ "store": name, "comment": comment(&store.settings) })).collect())
    }

    /// Total, used and available bytes of the datastore.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn status(&self, repository: &Repository) -> Result<(u64, u64, u64), LinkError> {
        let (mut pbs, caller) = self.open(repository)?;
        let path = format!("/datastore/{}", repository.datastore);
        const LOOK: &[&str] = &["Datastore.Audit", "Datastore.Backup"];
        let full = pbs.holds_any(Some(&caller), &path, LOOK);
        if !full && !pbs.holds_any_below(Some(&caller), &repository.datastore, LOOK) {
            return Err(Refusal::forbidden().into());
        }
        lookup(&mut pbs, &repository.datastore, Use::Read)?;
        // How full it is is not for those who have rights on namespaces only.
        if !full {
            return Ok((0, 0, 0));
        }
        Ok(super::api::status::disk(&pbs))
    }

    /// The backups in the namespace that the credentials can see.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn list(&self, repository: &Repository) -> Result<Vec<Listed>, LinkError> {
        let (mut pbs, caller) = self.open(repository)?;
        let Repository { datastore, namespace, .. } = repository;
        let limited =
            pbs.namespace_rights(Some(&caller), datastore, namespace, &["Datastore.Audit"], &["Datastore.Backup"])?;
        let store = lookup(&mut pbs, datastore, Use::Read)?;
        let groups = store.namespaces.get(namespace).ok_or_else(Refusal::enoent)?;
        let mut found = Vec::new();
        for (name, group) in groups.iter().filter(|(_, group)| !limited || owns(Some(&caller), &group.owner)) {
            let (kind, id) = name.split_once('/').unwrap_or((name, ""));
            found.extend(group.snapshots.iter().map(|(time, snapshot)| Listed {
                kind: kind.to_owned(),
                id: id.to_owned(),
                time: *time,
                snapshot: snapshot.clone(),
                owner: group.owner.clone(),
            }));
        }
        Ok(found)
    }

    /// Whether a backup of this group would be taken, before anything is read from the guest.
    ///
    /// # Errors
    /// [`LinkError`]: no privilege, no such namespace, somebody else's group.
    pub fn may_back_up(&self, repository: &Repository, kind: &str, id: &str) -> Result<(), LinkError> {
        let (mut pbs, caller) = self.open(repository)?;
        check_backup(&mut pbs, &caller, repository, &format!("{kind}/{id}"))
    }

    /// Takes a backup: a task on the server, and the snapshot.
    ///
    /// # Errors
    /// [`LinkError`]: as [`Self::may_back_up`]; and a backup that is not newer than the newest one.
    pub fn back_up(&self, repository: &Repository, backup: NewBackup) -> Result<(), LinkError> {
        let (mut pbs, caller) = self.open(repository)?;
        let Repository { datastore, namespace, .. } = repository;
        let group = format!("{}/{}", backup.kind, backup.id);
        check_backup(&mut pbs, &caller, repository, &group)?;
        let (_, _, available) = super::api::status::disk(&pbs);
        let store = lookup(&mut pbs, datastore, Use::Write)?;
        if available == 0 {
            return Err(LinkError::Refused(
                "inserting chunk on store failed - ENOSPC: No space left on device".to_owned(),
            ));
        }
        let newest = store.group(namespace, &group).and_then(|group| group.snapshots.keys().next_back().copied());
        if newest.is_some_and(|newest| newest >= backup.time) {
            return Err(LinkError::Refused("backup timestamp is older than last backup.".to_owned()));
        }
        store.add_snapshot(namespace, &group, &caller.to_string(), backup.time, backup.snapshot);
        let place = if namespace.is_empty() { datastore.clone() } else { format!("{datastore}:{namespace}") };
        let (id, auth_id) = (format!("{place}:{group}"), caller.to_string());
        let log = vec![format!("starting new backup on datastore '{datastore}': {group:?}")];
        pbs.record(Work { kind: "backup", id: Some(&id), auth_id: &auth_id, seconds: 0, outcome: Ok(()), log });
        Ok(())
    }

    /// Opens a backup for reading (configuration, restore): a task on the server.
    ///
    /// # Errors
    /// [`LinkError`]: no privilege, not there.
    pub fn read(&self, repository: &Repository, kind: &str, id: &str, time: i64) -> Result<Snapshot, LinkError> {
        let (mut pbs, caller) = self.open(repository)?;
        let Repository { datastore, namespace, .. } = repository;
        let limited =
            pbs.namespace_rights(Some(&caller), datastore, namespace, &["Datastore.Read"], &["Datastore.Backup"])?;
        let group = format!("{kind}/{id}");
        let store = lookup(&mut pbs, datastore, Use::Read)?;
        let found = store.group(namespace, &group).ok_or_else(Refusal::enoent)?;
        if limited {
            check_owner(Some(&caller), &found.owner)?;
        }
        let snapshot = found.snapshots.get(&time).cloned().ok_or_else(Refusal::enoent)?;
        let (id, auth_id) = (format!("{datastore}:{group}/{time:08X}"), caller.to_string());
        let log = vec![format!("starting new backup reader datastore '{datastore}'")];
        pbs.record(Work { kind: "reader", id: Some(&id), auth_id: &auth_id, seconds: 0, outcome: Ok(()), log });
        Ok(snapshot)
    }

    /// Changes notes or protection of a backup.
    ///
    /// # Errors
    /// [`LinkError`]: no privilege, not there.
    pub fn update(
        &self,
        repository: &Repository,
        (kind, id, time): (&str, &str, i64),
        notes: Option<&str>,
        protected: Option<bool>,
    ) -> Result<(), LinkError> {
        self.with_snapshot(repository, (kind, id, time), ("Datastore.Modify", "Datastore.Backup"), |snapshot| {
            if let Some(notes) = notes {
                notes.clone_into(&mut snapshot.comment);
            }
            if let Some(protected) = protected {
                snapshot.protected = protected;
            }
            Ok(())
        })
    }

    /// Removes a backup.
    ///
    /// # Errors
    /// [`LinkError`]: no privilege, not there, protected.
    pub fn remove(&self, repository: &Repository, at: (&str, &str, i64)) -> Result<(), LinkError> {
        self.with_snapshot(repository, at, ("Datastore.Modify", "Datastore.Prune"), |snapshot| {
            if snapshot.protected {
                return Err(LinkError::Refused("cannot remove protected snapshot".to_owned()));
            }
            Ok(())
        })?;
        let (mut pbs, _) = self.open(repository)?;
        let store = lookup(&mut pbs, &repository.datastore, Use::Write)?;
        snapshots::remove(store, &repository.namespace, &format!("{}/{}", at.0, at.1), at.2);
        Ok(())
    }

    /// Whether the credentials may prune a group at all.
    ///
    /// # Errors
    /// [`LinkError`]: no privilege.
    pub fn may_prune(&self, repository: &Repository) -> Result<(), LinkError> {
        let (pbs, caller) = self.open(repository)?;
        let Repository { datastore, namespace, .. } = repository;
        pbs.namespace_rights(Some(&caller), datastore, namespace, &["Datastore.Modify"], &["Datastore.Prune"])?;
        Ok(())
    }

    fn with_snapshot(
        &self,
        repository: &Repository,
        (kind, id, time): (&str, &str, i64),
        (full, own): (&str, &str),
        change: impl FnOnce(&mut Snapshot) -> Result<(), LinkError>,
    ) -> Result<(), LinkError> {
        let (mut pbs, caller) = self.open(repository)?;
        let Repository { datastore, namespace, .. } = repository;
        let limited = pbs.namespace_rights(Some(&caller), datastore, namespace, &[full], &[own])?;
        let store = lookup(&mut pbs, datastore, Use::Write)?;
        let group = store.group_mut(namespace, &format!("{kind}/{id}")).ok_or_else(Refusal::enoent)?;
        if limited {
            check_owner(Some(&caller), &group.owner)?;
        }
        change(group.snapshots.get_mut(&time).ok_or_else(Refusal::enoent)?)
    }
}

/// Privilege, namespace, owner.
fn check_backup(pbs: &mut Pbs, caller: &AuthId, repository: &Repository, group: &str) -> Result<(), LinkError> {
    let Repository { datastore, namespace, .. } = repository;
    let path = if namespace.is_empty() {
        format!("/datastore/{datastore}")
    } else {
        format!("/datastore/{datastore}/{namespace}")
    };
    if !pbs.holds_any(Some(caller), &path, &["Datastore.Backup"]) {
        return Err(Refusal::forbidden().into());
    }
    let store = lookup(pbs, datastore, Use::Write)?;
    if !store.namespaces.contains_key(namespace) {
        return Err(LinkError::Refused(format!("namespace not found: '{namespace}'")));
    }
    match store.group(namespace, group) {
        // A backup needs the exact owner, or the user whose token that is.
        Some(found) if !owns(Some(caller), &found.owner) => {
            Err(check_owner(Some(caller), &found.owner).err().unwrap_or_else(Refusal::forbidden).into())
        }
        _ => Ok(()),
    }
}
