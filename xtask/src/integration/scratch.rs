//! What a run may touch, and the refusal to begin when any of it is there already.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use proxmox_client::pve::nodes::NodeRow;
use proxmox_client::pve::nodes::content::ContentFilter;
use proxmox_client::pve::nodes::storage::{StorageFilter, StorageState};
use proxmox_client::{Error, Pbs, PoolId, Pve, TaskHandle, Vmid, VolumeId, Wait};

use super::observations::Observations;
use super::stop::Stop;

/// Space that a storage has to have, bytes.
const SPACE: u64 = 4 << 30;

/// A run.
pub struct Scratch {
    /// The server.
    pub pve: Pve,
    /// The node that is worked on.
    pub node: String,
    /// The pool of this run.
    pub pool: PoolId,
    /// Whether it was made.
    pub pool_made: bool,
    /// The VMIDs that are used.
    pub guests: Vec<Vmid>,
    /// Those that may have been made.
    pub made: BTreeSet<Vmid>,
    /// What backups may have been made of.
    pub backed_up: Option<BackedUp>,
    /// A backup server, its datastore, and whether the namespace was made.
    pub backup_server: Option<(Pbs, String)>,
    /// Whether the namespace of this run was made on it.
    pub namespace_made: bool,
    /// What was skipped, and why.
    pub skipped: Vec<String>,
    /// What the server said.
    pub observations: Observations,
    /// Whether the run has to end.
    pub stop: Stop,
}

/// A guest of which backups may have been made.
pub struct BackedUp {
    /// Where they go.
    pub storage: String,
    /// The guest.
    pub vmid: Vmid,
    /// Backups that were there before, of an earlier guest of this number.
    pub earlier: Vec<VolumeId>,
}

/// How long a task of the suite may take.
pub fn patience() -> Wait {
    Wait::up_to(Duration::from_secs(600)).every(Duration::from_millis(50), Duration::from_secs(2))
}

/// An error as the server worded it.
pub fn words(error: &Error) -> String {
    match error.refusal() {
        Some(refusal) => {
            let fields: Vec<String> = refusal.fields.iter().map(|(name, fault)| format!("{name}: {fault}")).collect();
            format!("{} {} {}", refusal.status, refusal.text(), fields.join("; ")).trim().to_owned()
        }
        None => error.to_string(),
    }
}

impl Scratch {
    /// Looks whether everything that a run touches is free.
    pub async fn look(
        pve: Pve,
        node: Option<&str>,
        pool: PoolId,
        guests: Vec<Vmid>,
        range: RangeInclusive<u32>,
        backup_server: Option<(Pbs, String)>,
        stop: Stop,
    ) -> Result<Self, String> {
        let version = pve.version().await.map_err(|error| error.to_string())?;
        say!("Proxmox VE {} as it says", version.version);
        match pve.pools().get(&pool).await {
            Ok(None) => {}
            Ok(Some(_)) => return Err(format!("there is a pool {pool} already")),
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error.to_string()),
        }
        let resources = pve.cluster().resources(None).await.map_err(|error| error.to_string())?;
        let taken: Vec<String> = resources
            .iter()
            .filter_map(|row| row.vmid)
            .filter(|vmid| range.contains(&vmid.get()))
            .map(|vmid| vmid.to_string())
            .collect();
        if !taken.is_empty() {
            return Err(format!("there are guests in the range already: {}", taken.join(", ")));
        }
        // A list shows only what the token may see; the number itself cannot hide.
        for &vmid in &guests {
            if !pve.cluster().is_free(vmid).await.map_err(|error| error.to_string())? {
                return Err(format!("VMID {vmid} is taken by a guest that this token does not see"));
            }
        }
        let nodes = pve.nodes().list().await.map_err(|error| error.to_string())?;
        // A node that has just started is `unknown` for some seconds.
        let fits = |row: &&NodeRow| row.status != "offline" && node.is_none_or(|wanted| wanted == row.node);
        let node = nodes.iter().find(fits).ok_or("there is no such node, or it is offline")?.node.clone();
        if let Some((server, datastore)) = &backup_server {
            super::backup_server::look(server, datastore, pool.as_str()).await?;
        }
        let mut observations = Observations::default();
        observations.stands_for(pool.as_str(), "POOL");
        observations.stands_for(&node, "NODE");
        for (vmid, word) in guests.iter().zip(["GUEST1", "GUEST2", "GUEST3", "GUEST4"]) {
            observations.stands_for(&vmid.to_string(), word);
        }
        say!(
            "working on node {node} with pool {pool} and guests {}",
            guests.iter().map(Vmid::to_string).collect::<Vec<_>>().join(", ")
        );
        Ok(Self {
            pve,
            node,
            pool,
            pool_made: false,
            guests,
            made: BTreeSet::new(),
            backed_up: None,
            backup_server,
            namespace_made: false,
            skipped: Vec::new(),
            observations,
            stop,
        })
    }

    /// The backups of a guest that a storage has.
    pub async fn archives(&self, storage: &str, vmid: Vmid) -> Result<Vec<VolumeId>, String> {
        let filter = ContentFilter { content: Some("backup".to_owned()), vmid: Some(vmid) };
        let rows = self.pve.node(&self.node).storage(storage).content(&filter).await;
        Ok(rows.map_err(|error| error.to_string())?.into_iter().map(|archive| archive.volid).collect())
    }

    /// The backups that this run made.
    pub async fn backups(&self) -> Result<Vec<VolumeId>, String> {
        let Some(BackedUp { storage, vmid, earlier }) = &self.backed_up else { return Ok(Vec::new()) };
        let mut volumes = self.archives(storage, *vmid).await?;
        volumes.retain(|volume| !earlier.contains(volume));
        Ok(volumes)
    }

    /// A VMID of the run.
    pub fn guest(&self, index: usize) -> Result<Vmid, String> {
        self.guests.get(index).copied().ok_or_else(|| "not enough VMIDs".to_owned())
    }

    /// Notes what a call that has to be refused was refused with.
    pub fn refused<T>(&mut self, what: &str, answer: Result<T, Error>) -> Result<(), String> {
        match answer {
            Ok(_) => Err(format!("{what}: not refused")),
            Err(error) if error.refusal().is_some() => {
                self.observations.note(what, &words(&error));
                Ok(())
            }
            Err(error) => Err(format!("{what}: {error}")),
        }
    }

    /// Leaves a part out. It is named at the end of the run.
    pub fn skip(&mut self, what: &str) {
        self.skipped.push(what.to_owned());
    }

    /// Waits for a task and notes how it ended. Here, and not in the middle of a call, a run that has to end does so.
    pub async fn ended(&mut self, what: &str, task: Result<TaskHandle, Error>) -> Result<bool, String> {
        let task = task.map_err(|error| format!("{what}: {error}"))?;
        let ended = tokio::select! {
            ended = task.succeed(patience()) => ended,
            why = self.stop.asked() => return Err(format!("{what}: {why}")),
        };
        match ended {
            Ok(_) => {
                self.observations.note(what, "OK");
                Ok(true)
            }
            Err(Error::Task(fault)) => {
                self.observations.note(what, &fault.to_string().replace(&task.upid().to_string(), "TASK"));
                Ok(false)
            }
            Err(error) => Err(format!("{what}: {error}")),
        }
    }

    /// The first storage of the node that is active, has some space and may hold this.
    pub async fn storage_for(&self, content: &str) -> Result<Option<StorageState>, String> {
        let filter = StorageFilter { content: vec![content.to_owned()], ..StorageFilter::default() };
        let rows = self.pve.node(&self.node).storages(&filter).await.map_err(|error| error.to_string())?;
        let usable = rows.into_iter().filter(|row| row.active && row.avail.unwrap_or_default() > SPACE);
        Ok(usable.min_by(|one, other| one.storage.cmp(&other.storage)))
    }
}
