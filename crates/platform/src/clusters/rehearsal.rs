//! Dry runs: what would be changed on clusters is written down instead, and what is read afterwards is as if it had been changed,
//! so that the same steps run over a rehearsal as over the clusters themselves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bnna_core::{AclEntry, Vmid};
use proxmox_client::Class;

use super::cluster::Cluster;
use super::guests::{Guest, Now, PoolMembers, PowerOrder};
use super::queue::Call;
use super::rights::{Group, User};
use crate::error::{Error, Upstream};

/// A change of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A pool is made.
    MakePool {
        /// Its name.
        pool: String,
        /// Its comment.
        comment: String,
    },
    /// An empty pool is deleted.
    DeletePool(String),
    /// A storage becomes a member of a pool.
    AddStorage {
        /// The pool.
        pool: String,
        /// The storage.
        storage: String,
    },
    /// A storage is no member of a pool any more.
    RemoveStorage {
        /// The pool.
        pool: String,
        /// The storage.
        storage: String,
    },
    /// A guest becomes a member of a pool.
    AddGuest {
        /// The pool.
        pool: String,
        /// The guest.
        vmid: Vmid,
    },
    /// A guest is no member of a pool any more.
    RemoveGuest {
        /// The pool.
        pool: String,
        /// The guest.
        vmid: Vmid,
    },
    /// A group is made.
    MakeGroup {
        /// Its name.
        group: String,
        /// Its comment.
        comment: String,
    },
    /// A group is deleted with what it holds.
    DeleteGroup(String),
    /// An ACL entry is written.
    Grant(AclEntry),
    /// An ACL entry is taken away.
    Revoke(AclEntry),
    /// A user is switched on or off.
    SwitchUser {
        /// `name@realm`.
        userid: String,
        /// Whether on.
        enabled: bool,
    },
    /// A guest gets a power order.
    Power {
        /// The guest.
        vmid: Vmid,
        /// The order.
        order: PowerOrder,
    },
    /// A guest is destroyed.
    Destroy(Vmid),
    /// A user is made for a canary.
    MakeUser(String),
    /// A canary's user is deleted.
    DeleteUser(String),
    /// A token is made.
    MakeToken(String),
    /// A token is deleted that an attempt before may have left.
    ClearToken(String),
    /// A token is deleted.
    DeleteToken(String),
}

impl Edit {
    /// In words.
    pub fn what(&self) -> String {
        match self {
            Self::MakePool { pool, .. } => format!("make pool {pool}"),
            Self::DeletePool(pool) => format!("delete pool {pool}"),
            Self::AddStorage { pool, storage } => format!("put storage {storage} into pool {pool}"),
            Self::RemoveStorage { pool, storage } => format!("take storage {storage} out of pool {pool}"),
            Self::AddGuest { pool, vmid } => format!("put guest {vmid} into pool {pool}"),
            Self::RemoveGuest { pool, vmid } => format!("take guest {vmid} out of pool {pool}"),
            Self::MakeGroup { group, .. } => format!("make group {group}"),
            Self::DeleteGroup(group) => format!("delete group {group}"),
            Self::Grant(entry) => format!("give {} on {} to {}", entry.role, entry.path, entry.ugid),
            Self::Revoke(entry) => format!("take {} on {} from {}", entry.role, entry.path, entry.ugid),
            Self::SwitchUser { userid, enabled: true } => format!("switch user {userid} on"),
            Self::SwitchUser { userid, enabled: false } => format!("switch user {userid} off"),
            Self::Power { vmid, order } => match order {
                PowerOrder::Start => format!("start guest {vmid}"),
                PowerOrder::Stop => format!("stop guest {vmid}"),
                PowerOrder::Shutdown { .. } => format!("shut guest {vmid} down"),
                PowerOrder::Reboot { .. } => format!("reboot guest {vmid}"),
            },
            Self::Destroy(vmid) => format!("destroy guest {vmid} with its disks"),
            Self::MakeUser(userid) => format!("make user {userid}, who ends by itself"),
            Self::DeleteUser(userid) => format!("delete user {userid}"),
            Self::MakeToken(id) => format!("make token {id}"),
            Self::ClearToken(id) => format!("delete token {id}, should an attempt before have left it"),
            Self::DeleteToken(id) => format!("delete token {id}"),
        }
    }

    /// The kind and name of what it deletes.
    pub fn deletes(&self) -> Option<(&'static str, String)> {
        match self {
            Self::DeletePool(pool) => Some(("pool", pool.clone())),
            Self::DeleteGroup(group) => Some(("group", group.clone())),
            Self::Destroy(vmid) => Some(("guest", vmid.to_string())),
            Self::DeleteToken(id) => Some(("token", id.clone())),
            _ => None,
        }
    }

    /// The names of the pools after it.
    pub(super) fn pools(&self, names: &mut Vec<String>) {
        match self {
            Self::MakePool { pool, .. } if !names.contains(pool) => names.push(pool.clone()),
            Self::DeletePool(pool) => names.retain(|name| name != pool),
            _ => {}
        }
    }

    /// A pool's comment after it.
    pub(super) fn comment(&self, of: &str, found: &mut Option<String>) {
        match self {
            Self::MakePool { pool, comment } if pool == of => *found = Some(comment.clone()),
            Self::DeletePool(pool) if pool == of => *found = None,
            _ => {}
        }
    }

    /// A pool's members after it.
    pub(super) fn members(&self, of: &str, members: &mut PoolMembers) {
        match self {
            Self::DeletePool(pool) if pool == of => *members = PoolMembers::default(),
            Self::AddStorage { pool, storage } if pool == of => {
                members.storages.insert(storage.clone());
            }
            Self::RemoveStorage { pool, storage } if pool == of => {
                members.storages.remove(storage);
            }
            Self::AddGuest { pool, vmid } if pool == of => {
                members.guests.insert(*vmid);
            }
            Self::RemoveGuest { pool, vmid } if pool == of => {
                members.guests.remove(vmid);
            }
            Self::Destroy(vmid) => {
                members.guests.remove(vmid);
            }
            _ => {}
        }
    }

    /// The groups after it.
    pub(super) fn groups(&self, groups: &mut Vec<Group>) {
        match self {
            Self::MakeGroup { group, comment } => {
                groups.push(Group { name: group.clone(), comment: comment.clone(), users: Vec::new() });
            }
            Self::DeleteGroup(group) => groups.retain(|known| known.name != *group),
            _ => {}
        }
    }

    /// A user after it.
    pub(super) fn user(&self, user: &mut User) {
        if let Self::SwitchUser { userid, enabled } = self
            && *userid == user.userid
        {
            user.enabled = *enabled;
        }
    }

    /// The ACL after it. A pool and a group take their entries with them.
    pub(super) fn acl(&self, acl: &mut Vec<AclEntry>) {
        match self {
            Self::Grant(entry) if !acl.contains(entry) => acl.push(entry.clone()),
            Self::Revoke(entry) => acl.retain(|known| known != entry),
            Self::DeleteGroup(group) => acl.retain(|known| known.ugid != *group),
            Self::DeletePool(pool) => acl.retain(|known| known.path.strip_prefix("/pool/") != Some(pool)),
            _ => {}
        }
    }

    /// The guests after it.
    pub(super) fn guests(&self, guests: &mut Vec<Guest>) {
        let the = |vmid: Vmid| move |guest: &&mut Guest| guest.vmid == vmid;
        match self {
            Self::Destroy(vmid) => guests.retain(|guest| guest.vmid != *vmid),
            Self::AddGuest { pool, vmid } => {
                guests.iter_mut().filter(the(*vmid)).for_each(|guest| guest.pool = Some(pool.clone()));
            }
            Self::RemoveGuest { vmid, .. } => {
                guests.iter_mut().filter(the(*vmid)).for_each(|guest| guest.pool = None);
            }
            Self::Power { vmid, order } => {
                let status = if order.leaves_running() { "running" } else { "stopped" };
                guests.iter_mut().filter(the(*vmid)).for_each(|guest| status.clone_into(&mut guest.status));
            }
            _ => {}
        }
    }

    /// A guest, as its own node shows it, after it.
    pub(super) fn now(&self, of: Vmid, now: &mut Option<Now>) {
        match self {
            Self::Destroy(vmid) if *vmid == of => *now = None,
            Self::Power { vmid, order } if *vmid == of => {
                if let Some(now) = now {
                    now.running = order.leaves_running();
                }
            }
            _ => {}
        }
    }
}

impl PowerOrder {
    /// Whether the guest runs once it is carried out.
    fn leaves_running(self) -> bool {
        matches!(self, Self::Start | Self::Reboot { .. })
    }
}

/// A call that would have been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The cluster.
    pub host: String,
    /// The method.
    pub method: &'static str,
    /// The path below `/api2/json`.
    pub path: String,
    /// What it would have changed.
    pub edit: Edit,
}

/// The most calls that one rehearsal writes down.
const MOST_LINES: usize = 100_000;

/// What one dry run would have done on all clusters, in order.
#[derive(Debug, Default)]
pub struct Script(Mutex<Vec<Line>>);

impl Script {
    /// Everything so far.
    pub fn lines(&self) -> Vec<Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `false` when there is no room for it.
    pub(super) fn note(&self, line: Line) -> bool {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = lines.len() < MOST_LINES;
        if room {
            lines.push(line);
        }
        room
    }

    fn edits(&self, host: &str) -> Vec<Edit> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|line| line.host == host).map(|line| line.edit.clone()).collect()
    }

    /// Whether a token would exist that does not.
    pub(super) fn has_made_token(&self, host: &str, id: &str) -> bool {
        self.edits(host).iter().any(|edit| matches!(edit, Edit::MakeToken(made) if made == id))
    }
}

/// The UPID of a task that was only rehearsed.
pub(super) const UPID: &str = "rehearsed";

impl Cluster {
    /// The same cluster, on which everything that would change it is written into the script.
    pub(super) fn on_stage(&self, script: &Arc<Script>) -> Self {
        let mut staged = self.again();
        staged.pve = self.pve.rehearsing();
        staged.script = Some(Arc::clone(script));
        staged
    }

    /// What the rehearsal has changed here so far; nothing outside of one.
    pub(super) fn edits(&self) -> Vec<Edit> {
        self.script.as_ref().map(|script| script.edits(&self.host)).unwrap_or_default()
    }

    /// Changes something on the cluster. A rehearsal writes it down, and goes on with what `instead` gives.
    ///
    /// # Errors
    /// The cluster does not answer or refuses; where it is not known whether it did it all the same, the error says so.
    pub(super) async fn change<T>(
        &self,
        edit: Edit,
        call: impl Future<Output = Result<T, proxmox_client::Error>>,
        instead: impl FnOnce() -> T,
    ) -> Result<T, Error> {
        let _turn = self.turn(Call::Change).await?;
        let began = Instant::now();
        let outcome = call.await;
        if let (Some(script), Err(error)) = (&self.script, &outcome)
            && let Some((method, path)) = error.rehearsed()
        {
            let (host, method, path) = (self.host.clone(), method.as_str(), path.to_owned());
            if script.note(Line { host, method, path, edit }) {
                return Ok(instead());
            }
        }
        // Without an answer, and with one that cannot be read, it may be done.
        let perhaps_done =
            matches!(&outcome, Err(error) if !matches!(error.class(), Class::NeverSent) && error.refusal().is_none());
        self.told(outcome, began).map_err(|error| match error {
            Error::Upstream(upstream) => Error::Upstream(Upstream { perhaps_done, ..upstream }),
            other => other,
        })
    }
}
