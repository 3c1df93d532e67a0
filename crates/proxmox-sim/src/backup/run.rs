//! A backup run on one node.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::api::Caller;
use crate::guests::{Guest, GuestKind, volumes};
use crate::state::Cluster;
use crate::storage::prune::{self, Candidate, Policy};
use crate::storage::{Archive, Volume, VolumeId};
use crate::tasks::{Context, End, Plan, SHORT, Work};

use super::notify::Notify;
use super::story::Story;

/// A backup run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BackupJob {
    /// Guests to back up. Those that do not exist fail visibly.
    pub vmids: Vec<u32>,
    /// All that the caller may back up; the others are passed over.
    pub all: bool,
    /// Where to.
    pub storage: String,
    /// `0`, `1`, `lzo`, `gzip`, `zstd`.
    pub compress: String,
    /// What archives are noted with.
    pub notes_template: Option<String>,
    /// Archives may not be removed.
    pub protected: bool,
    /// What is kept; the storage's own policy when `None`.
    pub prune: Option<String>,
    /// Whether anything is removed.
    pub remove: bool,
    /// How a running guest is backed up: `snapshot`, `suspend` or `stop`.
    #[serde(default)]
    pub mode: String,
    /// Temporary files go where they were told to.
    #[serde(default)]
    pub own_tmpdir: bool,
    /// Who is told about it.
    #[serde(default)]
    pub notify: Notify,
}

impl BackupJob {
    /// What the worker does first: finds the storage, waits for another run on the node, locks the guests.
    ///
    /// # Errors
    /// What it ends with.
    pub fn begin(self, cluster: &mut Cluster, caller: &Caller, node: &str, headline: String) -> Result<Plan, String> {
        let storage = self.storage.clone();
        let definition = match cluster.storages.require_on(&storage, node) {
            Ok(definition) => definition,
            Err(text) => {
                return Err(format!(
                    "could not activate storage '{storage}': {text} could not get storage information for '{storage}': {text}"
                ));
            }
        };
        if !definition.holds("backup") {
            return Err(format!(
                "could not get storage information for '{storage}': can't use storage '{storage}' for backups - wrong content type"
            ));
        }
        let mut job = self;
        if job.all {
            job.vmids.retain(|vmid| cluster.check(caller, &format!("/vms/{vmid}"), &["VM.Backup"]).is_ok());
        } else {
            for vmid in &job.vmids {
                let exists = cluster.guests.get(*vmid).is_some();
                if exists && let Err(fault) = cluster.check(caller, &format!("/vms/{vmid}"), &["VM.Backup"]) {
                    let text = format!("{} {}", fault.status, fault.message.trim_end());
                    return Ok(Plan::new(SHORT, Work::Fail(text)).line(headline));
                }
            }
        }
        let mut plan = Plan::new(200, Self { vmids: Vec::new(), ..job.clone() }).line(headline);
        let waiting = cluster.tasks.longest_running(node, "vzdump").map_or(0, |until| until - cluster.clock.now_ms());
        if waiting > 0 {
            plan = plan.line("INFO: trying to get global lock - waiting...");
            plan.millis += waiting.unsigned_abs();
        }
        for vmid in &job.vmids {
            let size: u64 = cluster.guests.get(*vmid).map_or(0, |guest| image_bytes(cluster, guest));
            plan.millis += 50 + (size / (4 << 20)).min(600_000);
        }
        plan.work = job.into();
        Ok(plan)
    }

    pub(crate) fn finish(self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<End, String> {
        let mut failed = false;
        for (index, vmid) in self.vmids.iter().enumerate() {
            // Archives of one run have names that differ, as they are made one after the other.
            let now = context.now() + i64::try_from(index).unwrap_or(0);
            if let Err(text) = self.one(cluster, context, *vmid, now, log) {
                log.push(format!("ERROR: Backup of VM {vmid} failed - {text}"));
                log.push(format!("INFO: Failed at {}", stamp(now, ' ', ':')));
                failed = true;
            }
        }
        log.push(format!("INFO: Backup job finished {}", if failed { "with errors" } else { "successfully" }));
        log.extend(self.notify.lines(cluster));
        if failed { Err("job errors".into()) } else { Ok(End::Ok) }
    }

    fn one(
        &self,
        cluster: &mut Cluster,
        context: &Context,
        vmid: u32,
        now: i64,
        log: &mut Vec<String>,
    ) -> Result<(), String> {
        let node = context.node.as_str();
        let guest = cluster
            .guests
            .get(vmid)
            .filter(|guest| guest.node == node)
            .cloned()
            .ok_or_else(|| format!("unable to find VM '{vmid}'"))?;
        let (id, now) = self.free_volume_id(cluster, guest.kind, vmid, now, node);
        let story = Story { job: self, guest: &guest, id: &id, pid: context.pid, node, now };
        log.extend(story.opening(cluster));
        cluster.require_writable(guest.kind, node, vmid)?;
        guest.check_lock()?;
        log.extend(story.preparing(cluster));
        for (_, id) in volumes::owned(guest.kind, &guest.config.current) {
            cluster.storages.require_on(&id.storage, node)?;
            if cluster.storages.volume(&id, node).is_none() {
                return Err(format!("volume '{id}' does not exist"));
            }
        }
        // A backup server that does not tell how full it is says by itself when it is.
        let space = cluster.storages.usage(&self.storage, node);
        if space.total > 0 && space.available == 0 {
            return Err("archive creation failed: No space left on device".into());
        }
        let volume = self.archive(cluster, &guest, node, now, &id);
        log.extend(story.sending(cluster));
        if let Err(error) = cluster.push_backup(&id, &volume) {
            log.push(format!("INFO: Error: {error}"));
            return Err(story.client_failed(cluster));
        }
        log.extend(story.sent(cluster, &volume));
        cluster.storages.put(&id, node, volume);
        if self.remove {
            log.extend(self.prune(cluster, node, guest.kind, vmid));
        }
        log.extend(story.closing(context.now().max(now)));
        Ok(())
    }

    /// A server takes no two backups of a guest with the same time; on other storages the second replaces the first.
    fn free_volume_id(
        &self,
        cluster: &Cluster,
        kind: GuestKind,
        vmid: u32,
        mut now: i64,
        node: &str,
    ) -> (VolumeId, i64) {
        let mut id = self.volume_id(cluster, kind, vmid, now);
        let server = cluster.backup_path(&id).is_some();
        while server && cluster.storages.volume(&id, node).is_some() {
            now += 1;
            id = self.volume_id(cluster, kind, vmid, now);
        }
        (id, now)
    }

    fn volume_id(&self, cluster: &Cluster, kind: GuestKind, vmid: u32, now: i64) -> VolumeId {
        if cluster.storages.get(&self.storage).is_some_and(|definition| definition.kind == "pbs") {
            let kind = if kind == GuestKind::Qemu { "vm" } else { "ct" };
            return VolumeId::new(&self.storage, format!("backup/{kind}/{vmid}/{}Z", stamp(now, 'T', ':')));
        }
        let format = if kind == GuestKind::Qemu { "vma" } else { "tar" };
        let packed = match self.compress.as_str() {
            "zstd" => ".zst",
            "gzip" => ".gz",
            "lzo" | "1" => ".lzo",
            _ => "",
        };
        let at = stamp(now, '-', '_').replacen('-', "_", 2);
        VolumeId::new(&self.storage, format!("backup/vzdump-{}-{vmid}-{at}.{format}{packed}", kind.api()))
    }

    fn archive(&self, cluster: &Cluster, guest: &Guest, node: &str, now: i64, id: &VolumeId) -> Volume {
        let mut contents = BTreeMap::new();
        let mut bytes = 0;
        for (key, id) in volumes::owned(guest.kind, &guest.config.current) {
            if key.starts_with("unused") {
                continue;
            }
            if let Some(volume) = cluster.storages.volume(&id, node) {
                contents.insert(key, (volume.size, volume.bootable));
                bytes += volume.used.max(1 << 20);
            }
        }
        let mut size = bytes.max(1 << 20) + 1_019_904;
        if self.compress != "0" {
            size /= 2;
        }
        let mut volume = Volume::file("backup", &id.name, size, now);
        if cluster.storages.get(&self.storage).is_some_and(|definition| definition.kind == "pbs") {
            volume.format = if guest.kind == GuestKind::Qemu { "pbs-vm" } else { "pbs-ct" }.into();
        }
        let mut config = guest.config.clone();
        config.remove("lock");
        config.snapshots.clear();
        config.pending.clear();
        config.pending_delete.clear();
        config.remove("parent");
        volume.vmid = Some(guest.vmid);
        volume.protected = self.protected;
        volume.notes = self.notes_template.as_ref().map(|template| {
            template
                .replace("{{guestname}}", &guest.name())
                .replace("{{vmid}}", &guest.vmid.to_string())
                .replace("{{node}}", node)
                .replace("{{cluster}}", cluster.name.as_deref().unwrap_or("standalone node"))
                .replace("\\n", "\n")
        });
        volume.archive = Some(Archive { kind: guest.kind, config: config.render(), volumes: contents });
        volume
    }

    fn prune(&self, cluster: &mut Cluster, node: &str, kind: GuestKind, vmid: u32) -> Vec<String> {
        let policy = self.prune.clone().or_else(|| {
            cluster
                .storages
                .get(&self.storage)
                .and_then(|definition| definition.get("prune-backups").map(str::to_owned))
        });
        let Some(policy) = policy.filter(|policy| !policy.contains("keep-all=1")) else { return Vec::new() };
        let doomed = doomed(cluster, &self.storage, node, Policy::parse(&policy), Some(kind), Some(vmid));
        let mut said = vec![format!("INFO: prune older backups with retention: {}", policy.replace(',', ", "))];
        for id in &doomed {
            let _ = cluster.storages.remove(id, node);
            said.push(format!("INFO: removing backup '{id}'"));
        }
        said.push(format!("INFO: pruned {} backup(s) not covered by keep-retention policy", doomed.len()));
        said
    }

    /// Nothing is prepared that would have to be taken back.
    pub(crate) fn abort(self, _: &mut Cluster) {}
}

/// The backups that a policy removes, by group.
#[must_use]
pub fn doomed(
    cluster: &Cluster,
    storage: &str,
    node: &str,
    policy: Policy,
    kind: Option<GuestKind>,
    vmid: Option<u32>,
) -> Vec<VolumeId> {
    let marks = marks(cluster, storage, node, policy, kind, vmid);
    marks.into_iter().filter(|(_, mark)| *mark == "remove").map(|(id, _)| id).collect()
}

/// What a policy says about each backup of a storage.
#[must_use]
pub fn marks(
    cluster: &Cluster,
    storage: &str,
    node: &str,
    policy: Policy,
    kind: Option<GuestKind>,
    vmid: Option<u32>,
) -> Vec<(VolumeId, &'static str)> {
    #[allow(clippy::type_complexity)]
    let mut groups: BTreeMap<(Option<GuestKind>, Option<u32>), Vec<(VolumeId, Candidate)>> = BTreeMap::new();
    for (id, volume) in cluster.storages.list(storage, node) {
        if volume.content != "backup" {
            continue;
        }
        let volume_kind = volume.archive.as_ref().map(|archive| archive.kind);
        if vmid.is_some_and(|vmid| volume.vmid != Some(vmid)) || kind.is_some_and(|kind| volume_kind != Some(kind)) {
            continue;
        }
        let candidate = Candidate { volid: id.to_string(), ctime: volume.ctime, protected: volume.protected };
        groups.entry((volume_kind, volume.vmid)).or_default().push((id, candidate));
    }
    let mut out = Vec::new();
    for group in groups.into_values() {
        let candidates: Vec<Candidate> = group.iter().map(|(_, candidate)| candidate.clone()).collect();
        let marks = prune::marks(policy, &candidates);
        for (id, candidate) in group {
            out.push((id, marks.get(&candidate.volid).copied().unwrap_or("keep")));
        }
    }
    out
}

fn image_bytes(cluster: &Cluster, guest: &Guest) -> u64 {
    volumes::owned(guest.kind, &guest.config.current)
        .iter()
        .filter_map(|(_, id)| cluster.storages.volume(id, &guest.node).map(|volume| volume.used))
        .sum()
}

/// `2026-11-21 01:59:33` with these separators between date and time, and within the time.
pub(super) fn stamp(seconds: i64, between: char, within: char) -> String {
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}-{:02}-{:02}{between}{:02}{within}{:02}{within}{:02}",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}
