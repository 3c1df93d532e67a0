//! What a backup run says about one guest in its log.

use time::OffsetDateTime;

use crate::guests::property::Property;
use crate::guests::{Guest, GuestKind, options};
use crate::state::Cluster;
use crate::storage::{Definition, Volume, VolumeId};

use super::run::{BackupJob, stamp};

/// File systems on which temporary files can be beside the archive.
const NATIVE: &[&str] = &["ext3", "ext4", "btrfs", "xfs", "zfs"];

/// One guest's part of a run.
pub(super) struct Story<'a> {
    pub(super) job: &'a BackupJob,
    pub(super) guest: &'a Guest,
    /// The archive.
    pub(super) id: &'a VolumeId,
    /// The run's process.
    pub(super) pid: u32,
    pub(super) node: &'a str,
    /// Unix seconds.
    pub(super) now: i64,
}

impl Story<'_> {
    fn vmid(&self) -> u32 {
        self.guest.vmid
    }

    fn is_container(&self) -> bool {
        self.guest.kind == GuestKind::Lxc
    }

    fn temporary(&self) -> String {
        format!("/var/tmp/vzdumptmp{}_{}", self.pid, self.vmid())
    }

    /// The backup server that the archive goes to.
    fn server(&self, cluster: &Cluster) -> Option<Definition> {
        cluster.storages.get(&self.job.storage).filter(|definition| definition.kind == "pbs")
    }

    /// Until the guest is locked.
    pub(super) fn opening(&self, cluster: &Cluster) -> Vec<String> {
        let mut said = Vec::new();
        let filesystem = cluster.behaviour.filesystem.as_str();
        let elsewhere = !NATIVE.contains(&filesystem) && !self.job.own_tmpdir && self.server(cluster).is_none();
        if self.is_container() && elsewhere {
            said.push(format!(
                "INFO: filesystem type on dumpdir is '{filesystem}' -using {} for temporary files",
                self.temporary()
            ));
        }
        said.push(format!("INFO: Starting Backup of VM {} ({})", self.vmid(), self.guest.kind.api()));
        said.push(format!("INFO: Backup started at {}", stamp(self.now, ' ', ':')));
        said.push(format!("INFO: status = {}", if self.guest.is_running() { "running" } else { "stopped" }));
        said
    }

    /// What is backed up and how.
    pub(super) fn preparing(&self, cluster: &Cluster) -> Vec<String> {
        let mut said = Vec::new();
        let mut mode = if self.guest.is_running() { self.job.mode.as_str() } else { "stop" };
        if mode == "snapshot" {
            said.extend(self.contents(cluster));
            if self.is_container() && !self.has_snapshots(cluster) {
                said.push("INFO: mode failure - some volumes do not support snapshots".to_owned());
                said.push("INFO: trying 'suspend' mode instead".to_owned());
                mode = "suspend";
            }
        }
        said.push(format!("INFO: backup mode: {mode}"));
        said.push("INFO: ionice priority: 7".to_owned());
        if mode != "snapshot" {
            said.extend(self.contents(cluster));
        }
        match (mode, self.is_container()) {
            ("stop", _) if self.guest.is_running() => said.push("INFO: stopping virtual guest".to_owned()),
            ("suspend", true) => {
                let pid = self.guest.runtime.as_ref().map_or(0, |runtime| runtime.pid);
                said.push(format!("INFO: starting first sync /proc/{pid}/root/ to {}", self.temporary()));
                said.push("INFO: first sync finished - transferred 1.90M bytes in 1s".to_owned());
                said.push("INFO: suspending guest".to_owned());
                said.push(format!("INFO: starting final sync /proc/{pid}/root/ to {}", self.temporary()));
                said.push("INFO: final sync finished - transferred 1.20K bytes in 0s".to_owned());
                said.push("INFO: resuming guest".to_owned());
                said.push("INFO: guest is online again after <1 seconds".to_owned());
            }
            _ => {}
        }
        said
    }

    fn has_snapshots(&self, cluster: &Cluster) -> bool {
        crate::guests::snapshot::can_snapshot(cluster, self.guest)
    }

    /// The guest's name and its volumes, those that are left out too.
    fn contents(&self, cluster: &Cluster) -> Vec<String> {
        let label = if self.is_container() { "CT" } else { "VM" };
        let mut said = vec![format!("INFO: {label} Name: {}", self.guest.name())];
        for (key, value) in &self.guest.config.current {
            if self.is_container() {
                said.extend(mount_point(key, value));
            } else if options::is_drive(key) && !value.contains("media=cdrom") {
                let drive = Property::parse(value, "file");
                let file = drive.get("file").unwrap_or_default();
                let size =
                    VolumeId::parse(file).and_then(|id| cluster.storages.volume(&id, self.node).map(|it| it.size));
                said.push(if drive.is_on("backup", true) {
                    format!(
                        "INFO: include disk '{key}' '{file}' {}",
                        drive.get("size").map_or_else(|| size.unwrap_or(0).to_string(), str::to_owned)
                    )
                } else {
                    format!("INFO: exclude disk '{key}' '{file}' (backup=no)")
                });
            }
        }
        said
    }

    /// The archive begins.
    pub(super) fn sending(&self, cluster: &Cluster) -> Vec<String> {
        let Some(definition) = self.server(cluster) else {
            let path = cluster.storages.volume_path(self.id);
            return vec![format!("INFO: creating vzdump archive '{path}'")];
        };
        let name = self.id.name.trim_start_matches("backup/");
        let mut said = vec![format!("INFO: creating Proxmox Backup Server archive '{name}'")];
        if self.is_container() {
            said.push("INFO: set max number of entries in memory for file-based backups to 1048576".to_owned());
            said.push(format!("INFO: run: {}", self.client(&definition)));
            said.push(format!("INFO: Starting backup: {name}"));
            said.push(format!("INFO: Client name: {}", self.node));
            said.push(format!("INFO: Starting backup protocol: {}", english(self.now)));
        }
        said
    }

    /// The archive is there.
    pub(super) fn sent(&self, cluster: &Cluster, volume: &Volume) -> Vec<String> {
        let whole = if self.job.compress == "0" { volume.size } else { volume.size.saturating_mul(2) };
        let mut said = Vec::new();
        match (self.server(cluster), self.is_container()) {
            (Some(definition), true) => said.extend(self.uploaded(cluster, &definition, whole)),
            (None, true) => {
                said.push(format!("INFO: Total bytes written: {whole} ({}, 250MiB/s)", binary(whole)));
            }
            (_, false) => said.push(format!("INFO: transferred {} in <1 seconds", binary(whole))),
        }
        if self.server(cluster).is_none() {
            said.push(format!("INFO: archive file size: {}MB", volume.size / (1 << 20)));
        }
        if volume.notes.is_some() {
            said.push("INFO: adding notes to backup".to_owned());
        }
        if volume.protected {
            said.push("INFO: marking backup as protected".to_owned());
        }
        said
    }

    fn uploaded(&self, cluster: &Cluster, definition: &Definition, whole: u64) -> Vec<String> {
        let (server, store) =
            (definition.get("server").unwrap_or_default(), definition.get("datastore").unwrap_or_default());
        let user = definition.get("username").unwrap_or("root@pam");
        let port = definition.get("port").unwrap_or("8007");
        let to = format!("'{user}@{server}:{port}:{store}'");
        let earlier = cluster
            .storages
            .list(&self.job.storage, self.node)
            .into_iter()
            .filter(|(_, volume)| volume.vmid == Some(self.vmid()) && volume.ctime < self.now)
            .map(|(_, volume)| volume.ctime)
            .max();
        let size = binary(whole);
        let mut said = vec![
            earlier.map_or_else(
                || "INFO: No previous manifest available.".to_owned(),
                |at| format!("INFO: Downloading previous manifest ({})", english(at)),
            ),
            format!("INFO: Upload config file '{}/etc/vzdump/pct.conf' to {to} as pct.conf.blob", self.temporary()),
            format!("INFO: Upload directory '/mnt/vzsnap0' to {to} as root.pxar.didx"),
        ];
        if earlier.is_some() {
            said.push(format!("INFO: root.pxar: had to backup 0 B of {size} (compressed 0 B) in 0.05s"));
            said.push("INFO: root.pxar: average backup speed: 0 B/s".to_owned());
            said.push(format!("INFO: root.pxar: backup was done incrementally, reused {size} (100.0%)"));
        } else {
            said.push(format!("INFO: root.pxar: had to backup {size} of {size} (compressed {size}) in 0.09s"));
            said.push(format!("INFO: root.pxar: average backup speed: {size}/s"));
        }
        said.push("INFO: Uploaded backup catalog (496 B)".to_owned());
        said.push("INFO: Duration: 0.14s".to_owned());
        said.push(format!("INFO: End Time: {}", english(self.now)));
        said
    }

    /// It is done.
    pub(super) fn closing(&self, ended: i64) -> Vec<String> {
        let seconds = ended.saturating_sub(self.now).max(0);
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        vec![
            format!("INFO: Finished Backup of VM {} ({hours:02}:{minutes:02}:{:02})", self.vmid(), seconds % 60),
            format!("INFO: Backup finished at {}", stamp(ended, ' ', ':')),
        ]
    }

    /// What the run makes of a client that failed.
    pub(super) fn client_failed(&self, cluster: &Cluster) -> String {
        match self.server(cluster) {
            Some(definition) => format!("command '{}' failed: exit code 255", self.client(&definition)),
            None => "archive creation failed".to_owned(),
        }
    }

    /// The command line of the backup client.
    fn client(&self, definition: &Definition) -> String {
        let (server, store) =
            (definition.get("server").unwrap_or_default(), definition.get("datastore").unwrap_or_default());
        let user = definition.get("username").unwrap_or("root@pam");
        let namespace = definition.get("namespace").map(|ns| format!(" --ns {ns}")).unwrap_or_default();
        format!(
            "lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- /usr/bin/proxmox-backup-client backup --crypt-mode=none \
             pct.conf:{}/etc/vzdump/pct.conf root.pxar:/mnt/vzsnap0 --include-dev /mnt/vzsnap0/./ --skip-lost-and-found --exclude=/tmp/?* \
             --exclude=/var/tmp/?* --exclude=/var/run/?*.pid --backup-type ct --backup-id {} --backup-time {} --entries-max 1048576 \
             --repository {user}@{server}:{store}{namespace}",
            self.temporary(),
            self.vmid(),
            self.now
        )
    }
}

/// Whether a container's mount point is backed up.
fn mount_point(key: &str, value: &str) -> Option<String> {
    if key == "rootfs" {
        return Some("INFO: including mount point rootfs ('/') in backup".to_owned());
    }
    options::numbered(key).filter(|(family, _)| *family == "mp")?;
    let mount = Property::parse(value, "volume");
    let (volume, path) = (mount.get("volume").unwrap_or_default(), mount.get("mp").unwrap_or_default());
    Some(if volume.starts_with('/') {
        let kind = if volume.starts_with("/dev/") { "device" } else { "bind" };
        format!("INFO: excluding {kind} mount point {key} ('{path}') from backup (not a volume)")
    } else if mount.is_on("backup", false) {
        format!("INFO: including mount point {key} ('{path}') in backup")
    } else {
        format!("INFO: excluding volume mount point {key} ('{path}') from backup (disabled)")
    })
}

/// `2.0MiB`.
#[allow(clippy::cast_precision_loss)]
fn binary(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return format!("{value:.1}{unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.1}TiB")
}

/// `Sat Nov 21 02:07:13 2026`.
fn english(seconds: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let format = time::macros::format_description!(
        "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]"
    );
    at.format(&format).unwrap_or_default()
}
