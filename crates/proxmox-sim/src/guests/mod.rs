//! Guests: virtual machines and containers, their configurations, their state, and what can be done to them.
//!
//! Rules and effects only. Who may do what, and the parameters of calls, are the business of [`crate::api`]; how long things
//! take and when they happen that of [`crate::tasks`].

pub mod agent;
pub mod change;
pub mod clone;
pub mod config;
pub mod create;
pub mod destroy;
pub mod disk;
pub mod drive;
pub mod filesystem;
mod job;
mod kind;
pub mod migrate;
pub mod nic;
pub mod options;
pub mod power;
pub mod property;
pub mod sizes;
pub mod snapshot;
pub mod status;
pub mod template;
pub mod volumes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::state::Cluster;

pub use config::{GuestConfig, Section};
pub use job::{GuestJob, OnGuest};
pub use kind::GuestKind;

/// All guests of a cluster by VMID.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Guests(BTreeMap<u32, Guest>);

/// One guest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Guest {
    /// Its number.
    pub vmid: u32,
    /// What it is.
    pub kind: GuestKind,
    /// The node that its configuration is on.
    pub node: String,
    /// Its configuration.
    pub config: GuestConfig,
    /// Its process, while it runs.
    #[serde(default)]
    pub runtime: Option<Runtime>,
    /// What the nodes told each other about it last, if that differs from now.
    #[serde(default)]
    pub told: status::Told,
}

/// A running guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// Its process number.
    pub pid: u32,
    /// When it started, Unix milliseconds.
    pub since_ms: i64,
    /// A VM whose processors are stopped.
    #[serde(default)]
    pub paused: bool,
}

impl Guest {
    /// Whether it runs (or is paused).
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.runtime.is_some()
    }

    /// Refuses when it is locked.
    ///
    /// # Errors
    /// `VM is locked (backup)`.
    pub fn check_lock(&self) -> Result<(), String> {
        match self.config.lock() {
            Some(lock) => Err(format!("{} is locked ({lock})", self.kind.label())),
            None => Ok(()),
        }
    }

    /// Refuses when it is protected.
    ///
    /// # Errors
    /// `… - protection mode enabled`.
    pub fn check_protection(&self, what: &str) -> Result<(), String> {
        if self.config.is_protected() { Err(format!("{what} - protection mode enabled")) } else { Ok(()) }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        let key = match self.kind {
            GuestKind::Qemu => "name",
            GuestKind::Lxc => "hostname",
        };
        match self.config.get(key) {
            Some(name) => name.to_owned(),
            None => {
                format!("{}{}{}", self.kind.label(), if self.kind == GuestKind::Qemu { " " } else { "" }, self.vmid)
            }
        }
    }
}

impl Guests {
    /// A guest, wherever it is.
    #[must_use]
    pub fn get(&self, vmid: u32) -> Option<&Guest> {
        self.0.get(&vmid)
    }

    /// A guest, to change it.
    pub fn get_mut(&mut self, vmid: u32) -> Option<&mut Guest> {
        self.0.get_mut(&vmid)
    }

    /// A guest of a kind on a node.
    #[must_use]
    pub fn on(&self, kind: GuestKind, node: &str, vmid: u32) -> Option<&Guest> {
        self.get(vmid).filter(|guest| guest.kind == kind && guest.node == node)
    }

    /// A guest of a kind on a node.
    ///
    /// # Errors
    /// That its configuration file does not exist.
    pub fn require(&self, kind: GuestKind, node: &str, vmid: u32) -> Result<&Guest, String> {
        self.on(kind, node, vmid).ok_or_else(|| kind.no_config(node, vmid))
    }

    /// A guest of a kind on a node, to change it.
    ///
    /// # Errors
    /// That its configuration file does not exist.
    pub fn require_mut(&mut self, kind: GuestKind, node: &str, vmid: u32) -> Result<&mut Guest, String> {
        self.get_mut(vmid)
            .filter(|guest| guest.kind == kind && guest.node == node)
            .ok_or_else(|| kind.no_config(node, vmid))
    }

    /// Adds a guest or replaces one.
    pub fn insert(&mut self, guest: Guest) {
        self.0.insert(guest.vmid, guest);
    }

    /// Takes a guest away.
    pub fn remove(&mut self, vmid: u32) -> Option<Guest> {
        self.0.remove(&vmid)
    }

    /// All guests in order of VMID.
    pub fn iter(&self) -> impl Iterator<Item = &Guest> {
        self.0.values()
    }

    /// The guests of a kind on a node.
    pub fn of_node<'a>(&'a self, kind: GuestKind, node: &'a str) -> impl Iterator<Item = &'a Guest> {
        self.iter().filter(move |guest| guest.kind == kind && guest.node == node)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Cluster {
    /// The pool that a guest is in.
    #[must_use]
    pub fn pool_of(&self, vmid: u32) -> Option<&str> {
        self.pools.iter().find(|(_, pool)| pool.vms.contains(&vmid)).map(|(id, _)| id.as_str())
    }

    /// Puts a guest into a pool, if the pool is still there.
    pub fn join_pool(&mut self, vmid: u32, pool: Option<&str>) {
        if let Some(pool) = pool.and_then(|id| self.pools.get_mut(id)) {
            pool.vms.insert(vmid);
            self.rights_changed();
        }
    }

    /// What writing a guest's configuration meets without quorum.
    ///
    /// # Errors
    /// The cluster file system's words.
    pub fn require_writable(&mut self, kind: GuestKind, node: &str, vmid: u32) -> Result<(), String> {
        if self.quorate() {
            return Ok(());
        }
        let pid = self.tasks.next_pid(node);
        Err(format!(
            "unable to open file '/etc/pve/nodes/{node}/{}/{vmid}.conf.tmp.{pid}' - Permission denied",
            kind.directory()
        ))
    }

    /// Gives a guest's configuration file to a new guest.
    pub fn add_guest(&mut self, vmid: u32, kind: GuestKind, node: &str, config: GuestConfig, now_ms: i64) {
        let told = status::Told::unheard_of(now_ms);
        self.guests.insert(Guest { vmid, kind, node: node.to_owned(), config, runtime: None, told });
    }
}
