//! `/nodes/{node}/{qemu,lxc}/{vmid}/snapshot`: snapshots.

use serde_json::{Value, json};

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::guests::GuestKind;
use crate::guests::config::section_json;
use crate::guests::snapshot::{SnapshotAction, SnapshotJob, list_json};
use crate::state::Cluster;

use super::{guest, target, task};

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/qemu/{vmid}/snapshot", list),
    ("POST", "/nodes/{node}/qemu/{vmid}/snapshot", take),
    ("GET", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}", index),
    ("DELETE", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}", delete),
    ("GET", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config", read),
    ("PUT", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config", update),
    ("POST", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback", rollback),
    ("GET", "/nodes/{node}/lxc/{vmid}/snapshot", list),
    ("POST", "/nodes/{node}/lxc/{vmid}/snapshot", take),
    ("GET", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}", index),
    ("DELETE", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}", delete),
    ("GET", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config", read),
    ("PUT", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config", update),
    ("POST", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/rollback", rollback),
];

fn index(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(Reply::data(json!([{ "cmd": "rollback" }, { "cmd": "config" }])))
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    Ok(Reply::data(list_json(guest(cluster, call)?)))
}

fn run(cluster: &mut Cluster, call: &Call, kind: &str, action: SnapshotAction) -> Outcome {
    let on = target(call);
    let name = call.required("snapname").to_owned();
    let guest = match (on.kind, &action) {
        (GuestKind::Lxc, SnapshotAction::Take { .. }) => "container",
        (GuestKind::Lxc, SnapshotAction::Rollback { .. }) => "LXC",
        _ => "VM",
    };
    let verb = match &action {
        SnapshotAction::Take { .. } => "snapshot",
        SnapshotAction::Delete { .. } => "delete snapshot",
        SnapshotAction::Rollback { .. } => "rollback snapshot",
    };
    let noted = format!("{verb} {guest} {}: {name}", on.vmid);
    let job = SnapshotJob { on, name, action };
    task(cluster, call, &format!("{}{kind}", on.kind.task_prefix()), |cluster, node| {
        cluster.log_call(call, noted);
        job.begin(cluster, node)
    })
}

fn take(cluster: &mut Cluster, call: &Call) -> Outcome {
    guest(cluster, call)?;
    let name = call.required("snapname");
    if name == "current" || name == "pending" {
        return Err(Fault::die(format!("unable to use snapshot name '{name}' (reserved name)")));
    }
    let description = call.text("description").unwrap_or_default().to_owned();
    let with_memory = call.flag("vmstate") == Some(true);
    run(cluster, call, "snapshot", SnapshotAction::Take { description, with_memory })
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    run(cluster, call, "delsnapshot", SnapshotAction::Delete { force: call.flag("force") == Some(true) })
}

fn rollback(cluster: &mut Cluster, call: &Call) -> Outcome {
    run(cluster, call, "rollback", SnapshotAction::Rollback { start: call.flag("start") == Some(true) })
}

fn missing(call: &Call) -> Fault {
    Fault::die(format!("snapshot '{}' does not exist", call.required("snapname")))
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome {
    let guest = guest(cluster, call)?;
    let section = guest.config.snapshots.get(call.required("snapname")).ok_or_else(|| missing(call))?;
    Ok(Reply::data(Value::Object(section_json(guest.kind, section))))
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    let Some(description) = call.text("description").map(str::to_owned) else { return Ok(Reply::null()) };
    let on = target(call);
    let node = call.node().to_owned();
    guest(cluster, call)?.check_lock().map_err(Fault::die)?;
    cluster.require_writable(on.kind, &node, on.vmid).map_err(Fault::die)?;
    let guest = cluster.guests.require_mut(on.kind, &node, on.vmid).map_err(Fault::die)?;
    let section = guest.config.snapshots.get_mut(call.required("snapname")).ok_or_else(|| missing(call))?;
    section.insert("description".into(), description);
    Ok(Reply::null())
}
