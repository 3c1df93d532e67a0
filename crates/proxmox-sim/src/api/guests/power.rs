//! `/nodes/{node}/{qemu,lxc}/{vmid}/status/*`: starting, stopping and what is between.

use crate::api::{Call, Fault, Outcome, Simulated};
use crate::guests::GuestKind;
use crate::guests::power::{PowerJob, Verb, not_found};
use crate::state::Cluster;
use crate::tasks::Plan;

use super::{root_only, target, task};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("POST", "/nodes/{node}/qemu/{vmid}/status/start", start),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/stop", stop),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/shutdown", shutdown),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/reboot", reboot),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/reset", reset),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/suspend", suspend),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/resume", resume),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/start", start),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/stop", stop),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/shutdown", shutdown),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/reboot", reboot),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/suspend", suspend),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/resume", resume),
];

/// Starts the task of a verb.
fn run(cluster: &mut Cluster, call: &Call, verb: Verb, force: bool) -> Outcome {
    let on = target(call);
    let mut job = PowerJob::new(on, verb);
    job.timeout = call.int("timeout").and_then(|seconds| u64::try_from(seconds).ok());
    job.force = force;
    job.skip_lock = call.flag("skiplock") == Some(true);
    task(cluster, call, &verb.task_type(on.kind), |cluster, node| job.begin(cluster, node))
}

/// Refuses a guest that does not run, in the words of its kind.
fn needs_running(cluster: &Cluster, call: &Call) -> Result<(), Fault> {
    let on = target(call);
    let guest = cluster.guests.on(on.kind, call.node(), on.vmid);
    match (on.kind, guest) {
        (GuestKind::Qemu, None) => Err(Fault::die(not_found(call.node(), on.vmid))),
        (_, Some(guest)) if guest.is_running() => Ok(()),
        (GuestKind::Qemu, Some(_)) => Err(Fault::die(format!("VM {} not running", on.vmid))),
        (GuestKind::Lxc, _) => Err(Fault::die(format!("CT {} not running", on.vmid))),
    }
}

/// Asks the HA manager instead, where it manages the guest: `None` where it does not.
fn by_manager(cluster: &mut Cluster, call: &Call, verb: Verb) -> Option<Outcome> {
    let on = target(call);
    let (sid, entry) = cluster.sections.ha_resource_of(on.vmid)?;
    if entry.get("state").and_then(|state| state.as_str()) == Some("ignored") {
        return None;
    }
    let (kind, what, state, command) = match verb {
        Verb::Start => ("hastart", "start", "started", format!("ha-manager set {sid} --state started")),
        _ => {
            let wait = if verb == Verb::Shutdown { call.int("timeout").unwrap_or(60) } else { 0 };
            ("hastop", "stop", "stopped", format!("ha-manager crm-command stop {sid} {wait}"))
        }
    };
    let line = format!("Requesting HA {what} for {} {}", on.kind.label(), on.vmid);
    let mut job = PowerJob::new(on, verb);
    job.timeout = call.int("timeout").and_then(|seconds| u64::try_from(seconds).ok());
    Some(task(cluster, call, kind, |cluster, node| {
        if !cluster.behaviour.ha_manager {
            return Err(format!(
                "command '{command}' failed: open3: exec of {command} failed: No such file or directory at \
                 /usr/share/perl5/PVE/Tools.pm line 434."
            ));
        }
        let mut entry = entry;
        entry.insert("state".to_owned(), state.into());
        cluster.sections.put("ha-resource", &sid, entry);
        let runs = cluster.guests.on(on.kind, node, on.vmid).is_some_and(crate::guests::Guest::is_running);
        if runs == (verb == Verb::Start) {
            return Ok(Plan::nothing().line(line));
        }
        let mut plan = job.begin(cluster, node)?;
        plan.log.insert(0, line);
        Ok(plan)
    }))
}

fn start(cluster: &mut Cluster, call: &Call) -> Outcome {
    root_only(
        call,
        &["force-cpu", "skiplock", "stateuri", "migratedfrom", "migration_type", "migration_network", "targetstorage"],
    )?;
    let on = target(call);
    match on.kind {
        GuestKind::Qemu => cluster.require_quorum()?,
        GuestKind::Lxc => {
            if cluster.guests.on(on.kind, call.node(), on.vmid).is_some_and(crate::guests::Guest::is_running) {
                return Err(Fault::die(format!("CT {} already running", on.vmid)));
            }
            cluster.require_quorum()?;
        }
    }
    if let Some(outcome) = by_manager(cluster, call, Verb::Start) {
        return outcome;
    }
    run(cluster, call, Verb::Start, false)
}

fn stop(cluster: &mut Cluster, call: &Call) -> Outcome {
    root_only(call, &["skiplock", "migratedfrom"])?;
    if call.flag("keepActive") == Some(true) {
        root_only(call, &["keepActive"])?;
    }
    if target(call).kind == GuestKind::Lxc {
        needs_running(cluster, call)?;
    }
    if let Some(outcome) = by_manager(cluster, call, Verb::Stop) {
        return outcome;
    }
    run(cluster, call, Verb::Stop, false)
}

fn shutdown(cluster: &mut Cluster, call: &Call) -> Outcome {
    root_only(call, &["skiplock", "keepActive"])?;
    if target(call).kind == GuestKind::Lxc {
        needs_running(cluster, call)?;
    }
    if let Some(outcome) = by_manager(cluster, call, Verb::Shutdown) {
        return outcome;
    }
    run(cluster, call, Verb::Shutdown, call.flag("forceStop") == Some(true))
}

fn reboot(cluster: &mut Cluster, call: &Call) -> Outcome {
    let on = target(call);
    match on.kind {
        GuestKind::Qemu => needs_running(cluster, call)?,
        GuestKind::Lxc => {
            if !cluster.guests.on(on.kind, call.node(), on.vmid).is_some_and(crate::guests::Guest::is_running) {
                return Err(Fault::die(format!("VM {} not running", on.vmid)));
            }
        }
    }
    run(cluster, call, Verb::Reboot, false)
}

fn reset(cluster: &mut Cluster, call: &Call) -> Outcome {
    root_only(call, &["skiplock"])?;
    needs_running(cluster, call)?;
    run(cluster, call, Verb::Reset, false)
}

fn suspend(cluster: &mut Cluster, call: &Call) -> Outcome {
    root_only(call, &["skiplock"])?;
    let to_disk = call.flag("todisk") == Some(true);
    if to_disk {
        let path = format!("/vms/{}", call.vmid());
        cluster.check(&call.caller, &path, &["VM.Config.Disk"])?;
    }
    needs_running(cluster, call)?;
    if to_disk && let Some(storage) = call.text("statestorage") {
        cluster.check(&call.caller, &format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    run(cluster, call, if to_disk { Verb::Suspend } else { Verb::Pause }, false)
}

fn resume(cluster: &mut Cluster, call: &Call) -> Outcome {
    root_only(call, &["skiplock"])?;
    let on = target(call);
    let from_disk =
        cluster.guests.on(on.kind, call.node(), on.vmid).is_some_and(|guest| guest.config.lock() == Some("suspended"));
    if from_disk {
        return run(cluster, call, Verb::Start, false);
    }
    // A container is resumed from a checkpoint, whose absence only the worker sees.
    if on.kind == GuestKind::Qemu {
        needs_running(cluster, call)?;
    }
    run(cluster, call, Verb::Resume, false)
}
