//! Guests, pools and tasks of a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bnna_core::{GcBlock, GuestKind, Vmid};
use proxmox_client::pve::cluster::{Resource, ResourceKind};
use proxmox_client::pve::guests::{GuestStatus, Options as _, Reboot, Shutdown};
use proxmox_client::pve::lxc::{DestroyLxc, StartLxc, StopLxc};
use proxmox_client::pve::nodes::tasks::{TaskFilter, TaskSource};
use proxmox_client::pve::pools::{FromOtherPool, Members};
use proxmox_client::pve::qemu::{DestroyQemu, StartQemu, StopQemu};
use proxmox_client::{PoolId, Upid};

use super::Cluster;
use super::queue::Call;
use super::rehearsal::{Edit, UPID};
use crate::error::{Error, Reached, Upstream};

/// What a guest may use and uses; may be ten seconds old.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// Processors it may use.
    pub maxcpu: Option<f64>,
    /// Memory it may use, bytes.
    pub maxmem: Option<u64>,
    /// Its root disk, bytes.
    pub maxdisk: Option<u64>,
    /// Share of `maxcpu` in use, 0 to 1.
    pub cpu: Option<f64>,
    /// Memory in use, bytes.
    pub mem: Option<u64>,
    /// Disk in use, bytes; 0 for virtual machines.
    pub disk: Option<u64>,
    /// Bytes received since the start.
    pub netin: Option<u64>,
    /// Bytes sent since the start.
    pub netout: Option<u64>,
    /// Seconds since it was started.
    pub uptime: Option<u64>,
}

/// A guest as the cluster's list shows it; figures may be ten seconds old.
#[derive(Debug, Clone, PartialEq)]
pub struct Guest {
    /// Its number.
    pub vmid: Vmid,
    /// VM or container.
    pub kind: GuestKind,
    /// The node it is on.
    pub node: String,
    /// Its name.
    pub name: Option<String>,
    /// running, stopped, unknown.
    pub status: String,
    /// Whether it is a template.
    pub template: bool,
    /// The pool it is in.
    pub pool: Option<String>,
    /// The lock it carries.
    pub lock: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What it may use and uses.
    pub figures: Figures,
}

/// The members of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolMembers {
    /// Guests.
    pub guests: BTreeSet<Vmid>,
    /// Storages.
    pub storages: BTreeSet<String>,
}

/// What is asked of a guest's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerOrder {
    /// Switch on.
    Start,
    /// Switch off hard.
    Stop,
    /// Ask it to end.
    Shutdown {
        /// How long it may take.
        timeout_seconds: u32,
        /// Switch off hard after that.
        force_stop: bool,
    },
    /// Ask it to end, then switch on.
    Reboot {
        /// How long ending may take.
        timeout_seconds: u32,
    },
}

/// The kinds of tasks that end a guest, or its run.
const ENDINGS: &[&str] = &["qmdestroy", "vzdestroy", "qmstop", "vzstop", "qmshutdown", "vzshutdown"];

/// A guest as it is now, asked of its own node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    /// Whether it runs.
    pub running: bool,
    /// The lock it carries.
    pub lock: Option<String>,
}

impl Guest {
    /// A row of the cluster's list, when it is a guest.
    pub(super) fn read(row: &Resource) -> Option<Self> {
        Some(Self {
            vmid: Vmid::new(row.vmid?.get()).ok()?,
            kind: GuestKind::parse(&row.kind)?,
            node: row.node.clone()?,
            name: row.name.clone(),
            status: row.status.clone().unwrap_or_else(|| "unknown".to_owned()),
            template: row.template,
            pool: row.pool.as_ref().map(ToString::to_string),
            lock: row.lock.clone(),
            tags: row
                .tags
                .iter()
                .flat_map(|tags| tags.split([';', ',', ' ']))
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect(),
            figures: Figures {
                maxcpu: row.maxcpu,
                maxmem: row.maxmem,
                maxdisk: row.maxdisk,
                cpu: row.cpu,
                mem: row.mem,
                disk: row.disk,
                netin: row.netin,
                netout: row.netout,
                uptime: row.uptime,
            },
        })
    }
}

pub(super) fn number(vmid: Vmid) -> Result<proxmox_client::Vmid, Error> {
    proxmox_client::Vmid::new(u64::from(vmid.get())).map_err(|error| Error::Internal(error.to_string()))
}

impl Cluster {
    /// Everything the cluster lists, asked for now.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn resources(&self) -> Result<Vec<Resource>, Error> {
        self.on(self.pve.cluster().resources(None)).await
    }

    /// All guests, asked for now: for whatever decides something.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn guests(&self) -> Result<Vec<Guest>, Error> {
        let rows = self.on(self.pve.cluster().resources(Some(ResourceKind::Guests))).await?;
        let mut guests = rows.iter().filter_map(Guest::read).collect();
        self.edits().iter().for_each(|edit| edit.guests(&mut guests));
        Ok(guests)
    }

    /// A guest, if the cluster has it.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn guest(&self, vmid: Vmid) -> Result<Option<Guest>, Error> {
        Ok(self.guests().await?.into_iter().find(|guest| guest.vmid == vmid))
    }

    /// A guest as it is now; `None` when its node has it no more.
    ///
    /// # Errors
    /// The guest's node does not answer or refuses.
    pub async fn now(&self, guest: &Guest) -> Result<Option<Now>, Error> {
        let vmid = number(guest.vmid)?;
        let _turn = self.turn(Call::Look).await?;
        let status: Result<GuestStatus, _> = match guest.kind {
            GuestKind::Qemu => self.pve.qemu(&guest.node, vmid).status().await,
            GuestKind::Lxc => self.pve.lxc(&guest.node, vmid).status().await,
        };
        let mut now = match status {
            Ok(status) => Some(Now { running: status.is_running(), lock: status.lock }),
            Err(error) if error.is_missing() => None,
            Err(error) => return Err(self.failed(&error)),
        };
        self.edits().iter().for_each(|edit| edit.now(guest.vmid, &mut now));
        Ok(now)
    }

    /// What stands against destroying a guest, asked of its own node; what only a person can remove comes first.
    pub async fn blocks(&self, guest: &Guest) -> Vec<GcBlock> {
        let now = match self.now(guest).await {
            Ok(Some(now)) => now,
            Ok(None) => return Vec::new(),
            Err(error) => return vec![GcBlock::Unknown(error.to_string())],
        };
        let mut blocks = Vec::new();
        match self.is_protected(guest).await {
            Ok(true) => blocks.push(GcBlock::Protected),
            Ok(false) => {}
            Err(error) => blocks.push(GcBlock::Unknown(error.to_string())),
        }
        blocks.extend(now.lock.map(GcBlock::Locked));
        if now.running {
            blocks.push(GcBlock::Running);
        }
        blocks
    }

    async fn is_protected(&self, guest: &Guest) -> Result<bool, Error> {
        let vmid = number(guest.vmid)?;
        let option = |value: Option<String>| value.is_some_and(|value| value == "1");
        match guest.kind {
            GuestKind::Qemu => {
                let config = self.on(self.pve.qemu(&guest.node, vmid).config()).await?;
                Ok(option(config.options.entries().get("protection").cloned()))
            }
            GuestKind::Lxc => {
                let config = self.on(self.pve.lxc(&guest.node, vmid).config()).await?;
                Ok(option(config.options.entries().get("protection").cloned()))
            }
        }
    }

    /// Gives a power order: the UPID of the task that carries it out.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn power(&self, guest: &Guest, order: PowerOrder) -> Result<String, Error> {
        let vmid = number(guest.vmid)?;
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        let shutdown = |timeout: u32, force: bool| match force {
            true => Shutdown::or_stop_after(seconds(timeout)),
            false => Shutdown::within(seconds(timeout)),
        };
        let reboot = |timeout: u32| Reboot { timeout: Some(u64::from(timeout)) };
        let task = async {
            let task = match guest.kind {
                GuestKind::Qemu => {
                    let vm = self.pve.qemu(&guest.node, vmid);
                    match order {
                        PowerOrder::Start => vm.start(&StartQemu::default()).await,
                        PowerOrder::Stop => vm.stop(StopQemu::default()).await,
                        PowerOrder::Shutdown { timeout_seconds, force_stop } => {
                            vm.shutdown(shutdown(timeout_seconds, force_stop)).await
                        }
                        PowerOrder::Reboot { timeout_seconds } => vm.reboot(reboot(timeout_seconds)).await,
                    }
                }
                GuestKind::Lxc => {
                    let container = self.pve.lxc(&guest.node, vmid);
                    match order {
                        PowerOrder::Start => container.start(StartLxc::default()).await,
                        PowerOrder::Stop => container.stop(StopLxc::default()).await,
                        PowerOrder::Shutdown { timeout_seconds, force_stop } => {
                            container.shutdown(shutdown(timeout_seconds, force_stop)).await
                        }
                        PowerOrder::Reboot { timeout_seconds } => container.reboot(reboot(timeout_seconds)).await,
                    }
                }
            };
            task.map(|task| task.upid().to_string())
        };
        self.change(Edit::Power { vmid: guest.vmid, order }, task, || UPID.to_owned()).await
    }

    /// Destroys a guest with its disks, and takes it out of backup jobs and the like: the UPID of the task.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn destroy(&self, guest: &Guest) -> Result<String, Error> {
        let vmid = number(guest.vmid)?;
        let task = async {
            let task = match guest.kind {
                GuestKind::Qemu => {
                    let params = DestroyQemu { purge: proxmox_client::Switch::On, ..DestroyQemu::default() };
                    self.pve.qemu(&guest.node, vmid).destroy(params).await
                }
                GuestKind::Lxc => {
                    let params = DestroyLxc { purge: proxmox_client::Switch::On, ..DestroyLxc::default() };
                    self.pve.lxc(&guest.node, vmid).destroy(params).await
                }
            };
            task.map(|task| task.upid().to_string())
        };
        self.change(Edit::Destroy(guest.vmid), task, || UPID.to_owned()).await
    }

    /// Waits for the tasks under way that end a guest, which an attempt that was cut off may have begun: however they end, a second
    /// one would only meet their lock. The last one's UPID, where there was one.
    ///
    /// # Errors
    /// The guest's node does not answer, or a task has not ended in time.
    pub async fn endings(&self, guest: &Guest, deadline: Duration) -> Result<Option<String>, Error> {
        let filter =
            TaskFilter { source: Some(TaskSource::Active), vmid: Some(number(guest.vmid)?), ..TaskFilter::default() };
        let mut last = None;
        for task in self.on(self.pve.node(&guest.node).tasks(&filter)).await? {
            // A list of running tasks may hold some that have just ended.
            if ENDINGS.contains(&task.kind.as_str()) && task.outcome().is_none() {
                let upid = task.upid.to_string();
                match self.finished(&upid, deadline).await {
                    Err(Error::Upstream(Upstream { reached: Reached::Answered, .. })) | Ok(()) => last = Some(upid),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(last)
    }

    /// A task as it is; `None` when the cluster knows none of that id.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn task(&self, upid: &Upid) -> Result<Option<proxmox_client::tasks::TaskStatus>, Error> {
        let _turn = self.turn(Call::Look).await?;
        match self.pve.task(upid.clone()).status().await {
            Ok(status) => {
                if status.outcome().is_some() {
                    // What it did is done by now, whatever a listing said meanwhile.
                    self.listings.changes.note();
                }
                Ok(Some(status))
            }
            Err(error) if error.status() == Some(400) || error.is_missing() => Ok(None),
            // Proxmox's words for a node that is not in the cluster: then the task is not either.
            Err(error) if error.refusal().is_some_and(|refusal| refusal.text().starts_with("hostname lookup")) => {
                Ok(None)
            }
            // A node that this cluster has not: the task is another cluster's.
            Err(error) if error.status() == Some(500) && error.to_string().contains("hostname lookup") => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Proxmox's version on each node that is online.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn node_versions(&self) -> Result<BTreeMap<String, String>, Error> {
        let rows = self.on(self.pve.nodes().list()).await?;
        let online = rows.into_iter().filter(|row| row.is_online()).map(|row| async move {
            let status = self.on(self.pve.node(&row.node).status()).await.ok()?;
            Some((row.node, status.pveversion))
        });
        Ok(futures::future::join_all(online).await.into_iter().flatten().collect())
    }

    /// The names of all pools.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn pools(&self) -> Result<Vec<String>, Error> {
        let rows = self.on(self.pve.pools().list()).await?;
        let mut names = rows.into_iter().map(|row| row.poolid.to_string()).collect();
        self.edits().iter().for_each(|edit| edit.pools(&mut names));
        Ok(names)
    }

    /// A pool's comment; `None` when there is no such pool.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn pool_comment(&self, pool: &str) -> Result<Option<String>, Error> {
        let id: PoolId = self.parse(pool)?;
        let found = self.on(self.pve.pools().get(&id)).await?;
        let mut comment = found.map(|row| row.comment.unwrap_or_default());
        self.edits().iter().for_each(|edit| edit.comment(pool, &mut comment));
        Ok(comment)
    }

    /// A pool's members; none when there is no such pool.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn pool_members(&self, pool: &str) -> Result<PoolMembers, Error> {
        let id: PoolId = self.parse(pool)?;
        let mut members = match self.on(self.pve.pools().get(&id)).await? {
            None => PoolMembers::default(),
            Some(row) => PoolMembers {
                guests: row.guests().filter_map(|vmid| Vmid::new(vmid.get()).ok()).collect(),
                storages: row.storages().map(str::to_owned).collect(),
            },
        };
        self.edits().iter().for_each(|edit| edit.members(pool, &mut members));
        Ok(members)
    }

    /// Makes a pool.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn create_pool(&self, pool: &str, comment: &str) -> Result<(), Error> {
        let id: PoolId = self.parse(pool)?;
        let edit = Edit::MakePool { pool: pool.to_owned(), comment: comment.to_owned() };
        self.change(edit, self.pve.pools().create(&id, Some(comment)), || ()).await
    }

    /// Deletes a pool, which has to be empty.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn delete_pool(&self, pool: &str) -> Result<(), Error> {
        let id: PoolId = self.parse(pool)?;
        self.change(Edit::DeletePool(pool.to_owned()), self.pve.pools().delete(&id), || ()).await
    }

    /// Puts a storage into a pool.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn add_storage_to_pool(&self, pool: &str, storage: &str) -> Result<(), Error> {
        let (id, members) = (self.parse(pool)?, Members { storages: vec![storage.to_owned()], ..Members::default() });
        let edit = Edit::AddStorage { pool: pool.to_owned(), storage: storage.to_owned() };
        self.change(edit, self.pve.pools().add(&id, &members, FromOtherPool::Refuse), || ()).await
    }

    /// Takes a storage out of a pool.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn remove_storage_from_pool(&self, pool: &str, storage: &str) -> Result<(), Error> {
        let (id, members) = (self.parse(pool)?, Members { storages: vec![storage.to_owned()], ..Members::default() });
        let edit = Edit::RemoveStorage { pool: pool.to_owned(), storage: storage.to_owned() };
        self.change(edit, self.pve.pools().remove(&id, &members), || ()).await
    }

    /// Puts a guest that is in no pool into one.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn add_guest_to_pool(&self, pool: &str, vmid: Vmid) -> Result<(), Error> {
        let (id, members) = (self.parse(pool)?, Members { guests: vec![number(vmid)?], ..Members::default() });
        let edit = Edit::AddGuest { pool: pool.to_owned(), vmid };
        self.change(edit, self.pve.pools().add(&id, &members, FromOtherPool::Refuse), || ()).await
    }

    /// Takes a guest out of a pool.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn remove_guest_from_pool(&self, pool: &str, vmid: Vmid) -> Result<(), Error> {
        let (id, members) = (self.parse(pool)?, Members { guests: vec![number(vmid)?], ..Members::default() });
        let edit = Edit::RemoveGuest { pool: pool.to_owned(), vmid };
        self.change(edit, self.pve.pools().remove(&id, &members), || ()).await
    }
}
