//! Removing guests, and making templates of them.

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::guests::destroy::DestroyJob;
use crate::guests::{GuestJob, GuestKind, template};
use crate::state::Cluster;
use crate::tasks::{Plan, SHORT};

use super::{guest, root_only, target, task};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("DELETE", "/nodes/{node}/qemu/{vmid}", destroy),
    ("POST", "/nodes/{node}/qemu/{vmid}/template", convert_vm),
    ("DELETE", "/nodes/{node}/lxc/{vmid}", destroy),
    ("POST", "/nodes/{node}/lxc/{vmid}/template", convert_container),
];

fn destroy(cluster: &mut Cluster, call: &Call) -> Outcome {
    root_only(call, &["skiplock"])?;
    let on = target(call);
    let vmid = on.vmid;
    let force = call.flag("force") == Some(true);
    let found = guest(cluster, call)?;
    match on.kind {
        GuestKind::Qemu => {
            found.check_protection(&format!("can't remove VM {vmid}")).map_err(Fault::die)?;
            if found.is_running() {
                return Err(Fault::die(format!("VM {vmid} is running - destroy failed")));
            }
        }
        GuestKind::Lxc => {
            found.check_lock().map_err(Fault::die)?;
            found.check_protection(&format!("can't remove CT {vmid}")).map_err(Fault::die)?;
            if found.is_running() && !force {
                return Err(Fault::die(format!("unable to destroy CT {vmid} - container is running")));
            }
        }
    }
    if cluster.sections.ha_resource_of(vmid).is_some() && call.flag("purge") != Some(true) {
        return Err(Fault::die(format!(
            "unable to remove {} {vmid} - used in HA resources and purge parameter not set.",
            on.kind.label()
        )));
    }
    let job = DestroyJob {
        on,
        purge: call.flag("purge") == Some(true),
        unreferenced: call.flag("destroy-unreferenced-disks") == Some(true),
        force,
    };
    let kind = format!("{}destroy", on.kind.task_prefix());
    task(cluster, call, &kind, |_, _| Ok(Plan::new(200, GuestJob::Destroy(job))))
}

fn convert_vm(cluster: &mut Cluster, call: &Call) -> Outcome {
    let on = target(call);
    let disk = call.text("disk").map(str::to_owned);
    let found = guest(cluster, call)?;
    found.check_lock().map_err(Fault::die)?;
    if !found.config.snapshots.is_empty() {
        return Err(Fault::die("unable to create template, because VM contains snapshots"));
    }
    if found.config.is_template() && disk.is_none() {
        return Err(Fault::die("you can't convert a template to a template"));
    }
    if found.is_running() {
        return Err(Fault::die("you can't convert a VM to template if VM is running"));
    }
    task(cluster, call, "qmtemplate", |_, _| Ok(Plan::new(SHORT, GuestJob::Template { on, disk })))
}

fn convert_container(cluster: &mut Cluster, call: &Call) -> Outcome {
    let on = target(call);
    let found = guest(cluster, call)?;
    if !found.config.snapshots.is_empty() {
        return Err(Fault::die("unable to create template, because CT contains snapshots"));
    }
    found.check_lock().map_err(Fault::die)?;
    if found.config.is_template() {
        return Err(Fault::die("you can't convert a template to a template"));
    }
    if found.is_running() {
        return Err(Fault::die("you can't convert a CT to template if the CT is running"));
    }
    let at = cluster.clock.now_ms();
    template::convert(cluster, on, call.node(), None, at).map_err(Fault::die)?;
    Ok(Reply::null())
}
