//! Storages of type `pbs`: what is on the backup servers that a cluster can reach, shown as volumes of its storages.
//!
//! A server's content is mirrored before every request, so that a backup made by one cluster shows on another, and one removed on the server is
//! gone here. What a cluster writes goes to the server, with the storage's credentials and in the server's words when it refuses.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;

use crate::guests::GuestKind;
use crate::pbs::{BackupLink, LinkError, Listed, NewBackup, Repository, Snapshot};
use crate::state::Cluster;
use crate::storage::{Archive, Definition, Volume, VolumeId};

/// The backup servers of the simulated network by address.
#[derive(Debug, Clone, Default)]
pub struct BackupServers(BTreeMap<String, BackupLink>);

impl BackupServers {
    /// Puts a server at an address (what storages have as `server`).
    pub fn attach(&mut self, address: &str, link: BackupLink) {
        self.0.insert(address.to_owned(), link);
    }

    /// Takes the server at an address off the network.
    pub fn detach(&mut self, address: &str) {
        self.0.remove(address);
    }

    /// The server at an address.
    #[must_use]
    pub fn get(&self, address: &str) -> Option<&BackupLink> {
        self.0.get(address)
    }
}

/// What a definition of type `pbs` connects with.
#[must_use]
pub fn repository(definition: &Definition) -> Repository {
    let option = |name: &str| definition.get(name).unwrap_or_default().to_owned();
    Repository {
        datastore: option("datastore"),
        namespace: option("namespace"),
        username: definition.get("username").unwrap_or("root@pam").to_owned(),
        password: option("password"),
        fingerprint: definition.get("fingerprint").map(str::to_owned),
    }
}

/// Type, id and time in the name of a volume (`backup/ct/200/2026-11-21T02:07:13Z`).
#[must_use]
pub fn parts(name: &str) -> Option<(&str, &str, i64)> {
    let mut parts = name.strip_prefix("backup/")?.splitn(3, '/');
    let (kind, id, time) = (parts.next()?, parts.next()?, parts.next()?);
    let time = OffsetDateTime::parse(time, &time::format_description::well_known::Rfc3339).ok()?;
    Some((kind, id, time.unix_timestamp()))
}

fn name_of(listed: &Listed) -> Option<String> {
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let time = OffsetDateTime::from_unix_timestamp(listed.time).ok()?.format(&format).ok()?;
    Some(format!("backup/{}/{}/{time}", listed.kind, listed.id))
}

fn volume_of(listed: &Listed) -> Volume {
    let snapshot = &listed.snapshot;
    let kind = if listed.kind == "vm" { GuestKind::Qemu } else { GuestKind::Lxc };
    let mut volume = Volume::file("backup", "", snapshot.size(), listed.time);
    volume.format = format!("pbs-{}", listed.kind);
    volume.used = 0;
    volume.vmid = listed.id.parse().ok();
    volume.notes = (!snapshot.comment.is_empty()).then(|| snapshot.comment.clone());
    volume.protected = snapshot.protected;
    volume.verification = snapshot.verification.clone();
    volume.archive = Some(Archive { kind, config: snapshot.config.clone(), volumes: snapshot.volumes.clone() });
    volume
}

fn snapshot_of(volume: &Volume) -> Snapshot {
    let empty = Archive { kind: GuestKind::Lxc, config: String::new(), volumes: BTreeMap::new() };
    let archive = volume.archive.as_ref().unwrap_or(&empty);
    let mut snapshot = match archive.kind {
        GuestKind::Lxc => Snapshot::container(&archive.config, volume.size),
        GuestKind::Qemu => {
            let disks: Vec<(String, u64)> =
                archive.volumes.iter().map(|(key, (size, _))| (format!("drive-{key}"), *size)).collect();
            let disks: Vec<(&str, u64)> = disks.iter().map(|(name, size)| (name.as_str(), *size)).collect();
            Snapshot::virtual_machine(&archive.config, &disks)
        }
    };
    snapshot.comment = volume.notes.clone().unwrap_or_default();
    snapshot.protected = volume.protected;
    snapshot.volumes.clone_from(&archive.volumes);
    snapshot
}

impl Cluster {
    /// The definition of a storage of type `pbs` and the server it points to. `Err` is why that cannot be reached.
    fn backup_storage(&self, id: &str) -> Option<Result<(BackupLink, Repository), String>> {
        let definition = self.storages.get(id).filter(|definition| definition.kind == "pbs")?;
        Some(self.backup_server(&definition))
    }

    fn backup_server(&self, definition: &Definition) -> Result<(BackupLink, Repository), String> {
        let server = definition.get("server").unwrap_or_default();
        let port = definition.get("port").unwrap_or("8007");
        let link = self.backup_servers.get(server).cloned();
        let link = link.ok_or_else(|| format!("500 Can't connect to {server}:{port} (No route to host)"))?;
        Ok((link, repository(definition)))
    }

    /// The datastores that a definition's credentials can see, as the wizard and the check of a new storage ask for them.
    ///
    /// # Errors
    /// `error fetching datastores - …`.
    pub fn scan_backup_server(&self, definition: &Definition) -> Result<Vec<Value>, String> {
        let failed = |text: String| format!("error fetching datastores - {text}");
        let (link, repository) = self.backup_server(definition).map_err(failed)?;
        link.datastores(&repository).map_err(|error| failed(error.to_string()))
    }

    /// Whether a new or changed definition of type `pbs` works. Other types always do.
    ///
    /// # Errors
    /// In Proxmox's words.
    pub fn check_backup_storage(&self, definition: &Definition) -> Result<(), String> {
        if definition.kind != "pbs" {
            return Ok(());
        }
        let wanted = definition.get("datastore").unwrap_or_default();
        let stores = self.scan_backup_server(definition)?;
        if stores.iter().any(|row| row.get("store").and_then(Value::as_str) == Some(wanted)) {
            return Ok(());
        }
        Err(format!("Cannot find datastore '{wanted}', check permissions and existence!"))
    }

    /// Brings the volumes of all storages of type `pbs` to what is on their servers.
    pub fn mirror_backup_servers(&mut self) {
        let ids: Vec<String> =
            self.storages.all().into_iter().filter(|(_, found)| found.kind == "pbs").map(|(id, _)| id).collect();
        for id in ids {
            let Some(Ok((link, repository))) = self.backup_storage(&id) else { continue };
            let listed = link.list(&repository).unwrap_or_default();
            let volumes = listed.iter().filter_map(|listed| Some((name_of(listed)?, volume_of(listed)))).collect();
            let space = link.status(&repository).ok();
            self.storages.mirror(&id, volumes, space);
        }
    }

    /// Before a backup is made: whether the server would take it.
    ///
    /// # Errors
    /// In the server's words.
    pub fn may_back_up_to(&self, storage: &str, kind: GuestKind, vmid: u32) -> Result<(), String> {
        let Some(found) = self.backup_storage(storage) else { return Ok(()) };
        let (link, repository) = found?;
        let kind = if kind == GuestKind::Qemu { "vm" } else { "ct" };
        link.may_back_up(&repository, kind, &vmid.to_string()).map_err(|error| error.to_string())
    }

    /// Sends a new backup to the server of its storage; does nothing for storages that are no server.
    ///
    /// # Errors
    /// In the server's words.
    pub fn push_backup(&self, id: &VolumeId, volume: &Volume) -> Result<(), String> {
        let Some(found) = self.backup_storage(&id.storage) else { return Ok(()) };
        let (link, repository) = found?;
        let Some((kind, guest, time)) = parts(&id.name) else { return Err(format!("bad name '{}'", id.name)) };
        let backup = NewBackup { kind: kind.to_owned(), id: guest.to_owned(), time, snapshot: snapshot_of(volume) };
        link.back_up(&repository, backup).map_err(|error| error.to_string())
    }

    /// Tells the server that a backup is being read; `None` for storages that are no server.
    ///
    /// # Errors
    /// In the server's words.
    pub fn read_backup(&self, id: &VolumeId) -> Option<Result<(), String>> {
        let found = self.backup_storage(&id.storage)?;
        let (kind, guest, time) = parts(&id.name)?;
        Some(found.and_then(|(link, repository)| {
            link.read(&repository, kind, guest, time).map(|_| ()).map_err(|error| client_failure(&error))
        }))
    }

    /// Where a backup on a server is, as attributes of volumes show it; `None` for storages that are no server.
    #[must_use]
    pub fn backup_path(&self, id: &VolumeId) -> Option<String> {
        let definition = self.storages.get(&id.storage).filter(|definition| definition.kind == "pbs")?;
        let repository = repository(&definition);
        let server = definition.get("server").unwrap_or_default();
        let name = id.name.strip_prefix("backup/")?;
        Some(format!("pbs://{}@{server}:{}/{name}", repository.username, repository.datastore))
    }

    /// Changes notes or protection of a backup on its server; `None` for storages that are no server.
    ///
    /// # Errors
    /// In the server's words.
    pub fn update_backup(
        &self,
        id: &VolumeId,
        notes: Option<&str>,
        protected: Option<bool>,
    ) -> Option<Result<(), String>> {
        let found = self.backup_storage(&id.storage)?;
        let at = parts(&id.name)?;
        Some(found.and_then(|(link, repository)| {
            link.update(&repository, at, notes, protected).map_err(|error| client_failure(&error))
        }))
    }

    /// Removes a backup from its server; `None` for storages that are no server.
    ///
    /// # Errors
    /// In the words of the backup client.
    pub fn forget_backup(&self, id: &VolumeId) -> Option<Result<(), String>> {
        let found = self.backup_storage(&id.storage)?;
        let at = parts(&id.name)?;
        Some(found.and_then(|(link, repository)| link.remove(&repository, at).map_err(|error| client_failure(&error))))
    }

    /// Whether a storage's credentials may prune on its server; `None` for storages that are no server.
    ///
    /// # Errors
    /// In the words of the backup client.
    pub fn may_prune_backups(&self, storage: &str) -> Option<Result<(), String>> {
        let found = self.backup_storage(storage)?;
        Some(found.and_then(|(link, repository)| link.may_prune(&repository).map_err(|error| client_failure(&error))))
    }
}

fn client_failure(error: &LinkError) -> String {
    format!("proxmox-backup-client failed: Error: {error}")
}
