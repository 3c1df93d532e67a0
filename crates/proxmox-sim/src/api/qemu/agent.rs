//! `/nodes/{node}/qemu/{vmid}/agent`: what the agent inside a VM is asked. No simulated VM has one that answers.

use crate::api::guests::guest;
use crate::api::{Call, Fault, Outcome, Simulated, index_reply};
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/qemu/{vmid}/agent", index),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent", ask),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/exec", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/exec-status", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/file-read", ask),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/file-write", ask),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/fsfreeze-freeze", ask),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/fsfreeze-status", ask),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/fsfreeze-thaw", ask),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/fstrim", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-fsinfo", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-host-name", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-memory-block-info", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-memory-blocks", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-osinfo", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-time", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-timezone", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-users", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-vcpus", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/info", ask),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces", ask),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/ping", ask),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/set-user-password", ask),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/shutdown", ask),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/suspend-disk", ask),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/suspend-hybrid", ask),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/suspend-ram", ask),
];

fn index(_: &mut Cluster, _: &Call) -> Outcome {
    let names: Vec<&str> =
        CALLS.iter().filter_map(|(_, path, _)| path.split_once("/agent/").map(|(_, name)| name)).collect();
    Ok(index_reply("name", &names))
}

fn ask(cluster: &mut Cluster, call: &Call) -> Outcome {
    let guest = guest(cluster, call)?;
    if !guest.has_agent() {
        return Err(Fault::die("No QEMU guest agent configured"));
    }
    if !guest.is_running() {
        return Err(Fault::die(format!("VM {} is not running", guest.vmid)));
    }
    Err(Fault::die("QEMU guest agent is not running"))
}
