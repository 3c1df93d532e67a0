//! Starting, stopping and the like.

mod bulk;

use serde::{Deserialize, Serialize};

use crate::state::Cluster;
use crate::tasks::{Context, End, Plan, SHORT};

use super::property::Property;
use super::{Guest, GuestJob, GuestKind, OnGuest, Runtime, change, volumes};

pub use bulk::{BulkJob, BulkVerb};

/// How long the server waits for a guest to shut down when nothing is said, seconds.
const DEFAULT_WAIT: u64 = 60;

/// What is done to a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Start.
    Start,
    /// Pull the plug.
    Stop,
    /// Ask it to shut down.
    Shutdown,
    /// Ask it to shut down, then start it with what is pending.
    Reboot,
    /// Press the reset button.
    Reset,
    /// Stop its processors.
    Pause,
    /// Save its memory and stop it.
    Suspend,
    /// Let its processors go on.
    Resume,
}

impl Verb {
    /// The type of the task for a kind of guest.
    #[must_use]
    pub fn task_type(self, kind: GuestKind) -> String {
        let verb = match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Shutdown => "shutdown",
            Self::Reboot => "reboot",
            Self::Reset => "reset",
            Self::Pause if kind == GuestKind::Qemu => "pause",
            Self::Pause | Self::Suspend => "suspend",
            Self::Resume => "resume",
        };
        format!("{}{verb}", kind.task_prefix())
    }
}

/// One of these on one guest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PowerJob {
    /// Which.
    pub on: OnGuest,
    /// What.
    pub verb: Verb,
    /// How long to wait for it to shut down, seconds.
    pub timeout: Option<u64>,
    /// Pull the plug when it does not.
    pub force: bool,
    /// Do not mind a lock.
    pub skip_lock: bool,
}

impl PowerJob {
    /// A plain one.
    #[must_use]
    pub const fn new(on: OnGuest, verb: Verb) -> Self {
        Self { on, verb, timeout: None, force: false, skip_lock: false }
    }

    /// What the worker checks first, and how long it will take.
    ///
    /// # Errors
    /// What it ends with.
    pub fn begin(self, cluster: &mut Cluster, node: &str) -> Result<Plan, String> {
        let OnGuest { kind, vmid } = self.on;
        if kind == GuestKind::Lxc && self.verb == Verb::Resume {
            let suspended = cluster.guests.on(kind, node, vmid).and_then(|guest| guest.runtime.as_ref());
            if !suspended.is_some_and(|runtime| runtime.paused) {
                return Err(format!(
                    "command 'lxc-checkpoint -n {vmid} -r --foreground -D /var/lib/vz/dump' failed: exit code 1"
                ));
            }
        }
        let guest = self.guest(cluster, node)?;
        let running = guest.is_running();
        match self.verb {
            Verb::Start => {
                check_start(cluster, guest, self.skip_lock)?;
                let millis = if self.on.kind == GuestKind::Lxc { 800 } else { 250 };
                let resumes = guest.config.lock() == Some("suspended");
                let plan = Plan::new(millis, GuestJob::Power(self));
                Ok(if resumes { plan.line("Resuming suspended VM") } else { plan })
            }
            _ if !running && matches!(self.verb, Verb::Stop | Verb::Shutdown) => Ok(Plan::nothing()),
            Verb::Stop | Verb::Reset | Verb::Pause | Verb::Resume => {
                if !self.skip_lock {
                    guest.check_lock()?;
                }
                Ok(Plan::new(if self.verb == Verb::Stop { 200 } else { SHORT }, GuestJob::Power(self)))
            }
            Verb::Shutdown | Verb::Reboot => {
                if !self.skip_lock {
                    guest.check_lock()?;
                }
                let wait = self.wait_millis(cluster, guest);
                Ok(Plan::new(wait, GuestJob::Power(self)))
            }
            Verb::Suspend => {
                guest.check_lock()?;
                cluster.require_writable(self.on.kind, node, self.on.vmid)?;
                let can = cluster.behaviour.ram_state;
                if let Some(guest) = cluster.guests.get_mut(self.on.vmid) {
                    guest.config.set("lock", "suspending");
                }
                if !can {
                    let vmid = self.on.vmid;
                    return Err(format!(
                        "VM {vmid} qmp command 'savevm-start' failed - The command savevm-start has not been found"
                    ));
                }
                Ok(Plan::new(2000, GuestJob::Power(self)))
            }
        }
    }

    fn guest<'a>(&self, cluster: &'a Cluster, node: &str) -> Result<&'a Guest, String> {
        let OnGuest { kind, vmid } = self.on;
        cluster.guests.on(kind, node, vmid).ok_or_else(|| match (kind, self.verb) {
            (GuestKind::Qemu, Verb::Start) | (GuestKind::Lxc, _) => kind.no_config(node, vmid),
            (GuestKind::Qemu, _) => not_found(node, vmid),
        })
    }

    /// Whether the guest will shut down when asked.
    fn obeys(&self, cluster: &Cluster) -> bool {
        volumes::is_bootable(cluster, self.on.vmid)
    }

    /// Seconds that it is waited for.
    fn wait(&self, guest: &Guest) -> u64 {
        let down = guest
            .config
            .get("startup")
            .and_then(|text| Property::parse(text, "order").get("down").and_then(|n| n.parse().ok()));
        self.timeout.or(down).unwrap_or(DEFAULT_WAIT)
    }

    fn wait_millis(&self, cluster: &Cluster, guest: &Guest) -> u64 {
        let wait = self.wait(guest).saturating_mul(1000).saturating_add(500);
        if self.obeys(cluster) { wait.min(2500) } else { wait }
    }

    pub(super) fn finish(self, cluster: &mut Cluster, context: &Context, log: &mut Vec<String>) -> Result<End, String> {
        let on = self.on;
        let node = context.node.as_str();
        if self.guest(cluster, node).is_err() && self.verb != Verb::Start {
            return Err(not_found(node, on.vmid));
        }
        match self.verb {
            Verb::Start => {
                let guest = self.guest(cluster, node)?;
                check_start(cluster, guest, self.skip_lock)?;
                let resumed = guest.config.lock() == Some("suspended");
                switch_on(cluster, on, node, context.at_ms)?;
                if resumed {
                    super::job::unlock(cluster, on);
                    log.push("Resumed VM, removing state".into());
                }
            }
            Verb::Stop => switch_off(cluster, on, node, context.at_ms),
            Verb::Shutdown | Verb::Reboot => {
                if !self.obeys(cluster) {
                    if !self.force {
                        return Err("VM quit/powerdown failed - got timeout".into());
                    }
                    log.push("VM still running - terminating now with SIGTERM".into());
                }
                switch_off(cluster, on, node, context.at_ms);
                if self.verb == Verb::Reboot {
                    switch_on(cluster, on, node, context.at_ms)?;
                }
            }
            Verb::Reset => {}
            Verb::Pause | Verb::Resume => {
                if let Some(runtime) = cluster.guests.get_mut(on.vmid).and_then(|guest| guest.runtime.as_mut()) {
                    runtime.paused = self.verb == Verb::Pause;
                }
            }
            Verb::Suspend => {
                switch_off(cluster, on, node, context.at_ms);
                if let Some(guest) = cluster.guests.get_mut(on.vmid) {
                    guest.config.set("lock", "suspended");
                }
            }
        }
        Ok(End::Ok)
    }
}

/// `unable to find configuration file for VM 999 on node 'pve1'`.
#[must_use]
pub fn not_found(node: &str, vmid: u32) -> String {
    format!("unable to find configuration file for VM {vmid} on node '{node}'")
}

fn check_start(cluster: &Cluster, guest: &Guest, skip_lock: bool) -> Result<(), String> {
    let (kind, vmid) = (guest.kind, guest.vmid);
    if guest.config.is_template() {
        let label = if kind == GuestKind::Qemu { "vm" } else { "CT" };
        return Err(format!("you can't start a {label} if it's a template"));
    }
    if !skip_lock && guest.config.lock() != Some("suspended") {
        guest.check_lock()?;
    }
    if guest.is_running() {
        return Err(format!("{} {vmid} already running", kind.label()));
    }
    for (key, id) in volumes::owned(kind, &guest.config.current) {
        if key.starts_with("unused") {
            continue;
        }
        cluster.storages.require_on(&id.storage, &guest.node)?;
        if cluster.storages.volume(&id, &guest.node).is_none() {
            return Err(format!("volume '{id}' does not exist"));
        }
    }
    Ok(())
}

/// A guest runs from now on. What was pending has taken effect.
///
/// # Errors
/// That it is not there.
pub fn switch_on(cluster: &mut Cluster, on: OnGuest, node: &str, at_ms: i64) -> Result<(), String> {
    cluster.touch_guest(on.vmid, at_ms);
    change::apply_pending(cluster, on, node);
    let pid = cluster.tasks.next_pid(node);
    let guest = cluster.guests.require_mut(on.kind, node, on.vmid)?;
    guest.runtime = Some(Runtime { pid, since_ms: at_ms, paused: false });
    Ok(())
}

/// A guest does not run any more. What was pending takes effect.
pub fn switch_off(cluster: &mut Cluster, on: OnGuest, node: &str, at_ms: i64) {
    cluster.touch_guest(on.vmid, at_ms);
    if let Some(guest) = cluster.guests.get_mut(on.vmid) {
        guest.runtime = None;
    }
    change::apply_pending(cluster, on, node);
}
