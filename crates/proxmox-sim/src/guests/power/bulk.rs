//! The same for many guests: one task, and one more for each guest.

use serde::{Deserialize, Serialize};

use crate::guests::migrate::MigrateJob;
use crate::guests::property::Property;
use crate::guests::{Guest, GuestJob, GuestKind, OnGuest};
use crate::state::Cluster;
use crate::tasks::{Context, End, NewTask, Plan};

use super::{PowerJob, Verb};

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkVerb {
    /// Start.
    Start,
    /// Shut down; how long to wait, seconds, and whether to pull the plug then.
    Shutdown {
        /// Seconds.
        timeout: u64,
        /// Pull the plug.
        force: bool,
    },
    /// Suspend to disk, or only pause.
    Suspend {
        /// To disk.
        to_disk: bool,
    },
    /// Move to another node.
    Migrate {
        /// There.
        target: String,
        /// With volumes that only this node has.
        with_local_disks: bool,
    },
}

/// A bulk task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BulkJob {
    /// What is done.
    pub verb: BulkVerb,
    /// The node's call (`startall`) or the cluster's (`bulk-start`), which words things differently.
    pub cluster_wide: bool,
    /// Only these guests.
    pub only: Option<Vec<u32>>,
    /// Also guests that are not started with the node.
    pub all: bool,
    /// The tasks of the guests.
    children: Vec<(u32, String)>,
    /// Guests that the call itself refused.
    refused: Vec<u32>,
    warnings: u32,
}

impl BulkJob {
    /// A bulk task to be begun.
    #[must_use]
    pub const fn new(verb: BulkVerb, cluster_wide: bool, only: Option<Vec<u32>>, all: bool) -> Self {
        Self { verb, cluster_wide, only, all, children: Vec::new(), refused: Vec::new(), warnings: 0 }
    }

    /// Starts the guests' tasks.
    ///
    /// # Errors
    /// None so far; the guests' troubles are theirs.
    pub fn begin(mut self, cluster: &mut Cluster, node: &str, user: &str) -> Result<Plan, String> {
        let mut log = Vec::new();
        if self.cluster_wide {
            log.push(self.headline());
        }
        let mut last = 0;
        for (kind, vmid, running, guest_node) in self.guests(cluster, node) {
            if let Some(millis) = self.begin_one(cluster, &mut log, OnGuest { kind, vmid }, running, &guest_node, user)
            {
                last = last.max(millis);
            }
        }
        let mut plan = Plan::new(last + 50, GuestJob::Bulk(self));
        plan.log = log;
        Ok(plan)
    }

    fn headline(&self) -> String {
        let verb = match &self.verb {
            BulkVerb::Start => "Starting",
            BulkVerb::Shutdown { .. } => "Shutting down",
            BulkVerb::Suspend { .. } => "Suspending",
            BulkVerb::Migrate { .. } => "Migrating",
        };
        let to = match &self.verb {
            BulkVerb::Migrate { target, .. } => format!(" to {target}"),
            _ => String::new(),
        };
        match &self.only {
            Some(only) => {
                let list: Vec<String> = only.iter().map(u32::to_string).collect();
                format!("{verb} guests{to}: {}", list.join(", "))
            }
            None => format!("{verb} all guests{to}"),
        }
    }

    /// The guests that are meant, in the order in which they are started.
    fn guests(&self, cluster: &Cluster, node: &str) -> Vec<(GuestKind, u32, bool, String)> {
        let starts = |guest: &Guest| guest.config.get("onboot") == Some("1");
        let order = |guest: &Guest| {
            let startup = Property::parse(guest.config.get("startup").unwrap_or_default(), "order");
            startup.get("order").and_then(|text| text.parse::<u32>().ok()).unwrap_or(u32::MAX)
        };
        let mut found: Vec<&Guest> = cluster
            .guests
            .iter()
            .filter(|guest| self.cluster_wide || guest.node == node)
            .filter(|guest| !guest.config.is_template())
            .filter(|guest| self.only.as_ref().is_none_or(|only| only.contains(&guest.vmid)))
            .filter(|guest| self.cluster_wide || self.verb != BulkVerb::Start || self.all || starts(guest))
            .filter(|guest| match self.verb {
                _ if self.cluster_wide => true,
                BulkVerb::Start => !guest.is_running(),
                BulkVerb::Shutdown { .. } => guest.is_running(),
                BulkVerb::Suspend { .. } => guest.is_running() && guest.kind == GuestKind::Qemu,
                BulkVerb::Migrate { .. } => true,
            })
            .collect();
        found.sort_by_key(|guest| (order(guest), guest.vmid));
        if matches!(self.verb, BulkVerb::Shutdown { .. } | BulkVerb::Suspend { .. }) && !self.cluster_wide {
            found.reverse();
        }
        found.iter().map(|guest| (guest.kind, guest.vmid, guest.is_running(), guest.node.clone())).collect()
    }

    fn warn(&mut self, log: &mut Vec<String>, text: &str) {
        self.warnings += 1;
        log.push(format!("WARN: {text}"));
    }

    /// Starts one guest's task and returns how long it takes.
    fn begin_one(
        &mut self,
        cluster: &mut Cluster,
        log: &mut Vec<String>,
        on: OnGuest,
        running: bool,
        node: &str,
        user: &str,
    ) -> Option<u64> {
        let OnGuest { kind, vmid } = on;
        let label = kind.label();
        let mut job = PowerJob::new(on, Verb::Start);
        match self.verb.clone() {
            BulkVerb::Start => {
                if running && kind == GuestKind::Qemu {
                    self.warn(log, &format!("Skipping VM {vmid}, already running."));
                    return None;
                }
                log.push(format!("Starting {label} {vmid}"));
                if running {
                    self.warn(log, &format!("500 CT {vmid} already running"));
                    self.refused.push(vmid);
                    return None;
                }
            }
            BulkVerb::Shutdown { timeout, force } => {
                job = PowerJob { verb: Verb::Shutdown, timeout: Some(timeout), force, ..job };
                if self.cluster_wide {
                    log.push(format!("Shutting down {label} {vmid} (Timeout = {timeout} seconds)"));
                    if !running && kind == GuestKind::Lxc {
                        return None;
                    }
                } else {
                    log.push(format!("Stopping {label} {vmid} (timeout = {timeout} seconds)"));
                }
            }
            BulkVerb::Suspend { to_disk } => {
                if !running {
                    self.warn(log, &format!("Skipping {label} {vmid}, not running."));
                    return None;
                }
                job.verb = if to_disk { Verb::Suspend } else { Verb::Pause };
                log.push(format!("Suspending {label} {vmid}"));
            }
            BulkVerb::Migrate { target, with_local_disks } => {
                if node == target {
                    self.warn(log, &format!("{label} {vmid} already on {target}, skipping."));
                    return None;
                }
                log.push(format!("Migrating {label} {vmid}"));
                let job = MigrateJob { on, target, online: running, with_local_disks, target_storage: None };
                let kind = if kind == GuestKind::Qemu { "qmigrate" } else { "vzmigrate" };
                return Some(self.spawn(
                    cluster,
                    &NewTask { node, kind, id: &vmid.to_string(), user },
                    vmid,
                    |cluster| job.begin(cluster, node),
                ));
            }
        }
        let task_type = job.verb.task_type(kind);
        let new = NewTask { node, kind: &task_type, id: &vmid.to_string(), user };
        Some(self.spawn(cluster, &new, vmid, |cluster| job.begin(cluster, node)))
    }

    fn spawn(
        &mut self,
        cluster: &mut Cluster,
        new: &NewTask<'_>,
        vmid: u32,
        begin: impl FnOnce(&mut Cluster) -> Result<Plan, String>,
    ) -> u64 {
        let mut millis = crate::tasks::SHORT;
        let upid = cluster.start_task(new, |cluster| {
            let plan = begin(cluster)?;
            millis = plan.millis;
            Ok(plan)
        });
        self.children.push((vmid, upid));
        millis
    }

    pub(in crate::guests) fn finish(
        mut self,
        cluster: &mut Cluster,
        _: &Context,
        log: &mut Vec<String>,
    ) -> Result<End, String> {
        if !self.cluster_wide {
            return Ok(End::Ok);
        }
        let mut failed = std::mem::take(&mut self.refused);
        for (vmid, upid) in self.children.clone() {
            let Some(status) = cluster.tasks.get(&upid).and_then(|task| task.status()).map(str::to_owned) else {
                continue;
            };
            if status == "OK" || status.starts_with("WARNINGS") {
                continue;
            }
            let label = cluster.guests.get(vmid).map_or("VM", |guest| guest.kind.label());
            let verb = match self.verb {
                BulkVerb::Start => "Starting",
                BulkVerb::Shutdown { .. } => "Stopping",
                BulkVerb::Suspend { .. } => "Suspending",
                BulkVerb::Migrate { .. } => "Migrating",
            };
            self.warn(log, &format!("{verb} {label} {vmid} failed: {status}"));
            failed.push(vmid);
        }
        if failed.is_empty() {
            return Ok(if self.warnings == 0 { End::Ok } else { End::Warnings(self.warnings) });
        }
        let list: Vec<String> = failed.iter().map(u32::to_string).collect();
        let list = list.join(", ");
        Err(match self.verb {
            BulkVerb::Start => format!("Some guests failed to start: {list}"),
            BulkVerb::Shutdown { .. } => format!("Some guests failed to shutdown {list}"),
            BulkVerb::Suspend { .. } => format!("Some guests failed to suspend: {list}"),
            BulkVerb::Migrate { .. } => format!("Some guests failed to migrate: {list}"),
        })
    }
}
