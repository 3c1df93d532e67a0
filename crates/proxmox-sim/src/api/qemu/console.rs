//! A VM's monitor, its keyboard, and tickets for its screen.

use serde_json::json;

use crate::api::guests::{guest, target, task};
use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::guests::power::not_found;
use crate::state::Cluster;
use crate::tasks::Plan;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("POST", "/nodes/{node}/qemu/{vmid}/monitor", monitor),
    ("PUT", "/nodes/{node}/qemu/{vmid}/sendkey", send_key),
    ("POST", "/nodes/{node}/qemu/{vmid}/vncproxy", screen),
];

/// Names of keys, besides single letters and digits.
const KEYS: &[&str] = &[
    "shift",
    "shift_r",
    "alt",
    "alt_r",
    "ctrl",
    "ctrl_r",
    "menu",
    "esc",
    "minus",
    "equal",
    "backspace",
    "tab",
    "ret",
    "spc",
    "delete",
    "insert",
    "home",
    "end",
    "pgup",
    "pgdn",
    "up",
    "down",
    "left",
    "right",
    "caps_lock",
    "num_lock",
    "scroll_lock",
    "sysrq",
    "print",
    "pause",
    "comma",
    "dot",
    "slash",
    "semicolon",
    "apostrophe",
    "backslash",
    "less",
    "bracket_left",
    "bracket_right",
    "grave_accent",
    "asterisk",
    "meta_l",
    "meta_r",
];

fn monitor(cluster: &mut Cluster, call: &Call) -> Outcome {
    let command = call.required("command").to_owned();
    let guest = guest(cluster, call)?;
    if !guest.is_running() {
        return Ok(Reply::data(json!(format!("ERROR: VM {} not running\n", guest.vmid))));
    }
    let word = command.split_whitespace().next().unwrap_or_default();
    Ok(Reply::data(json!(match command.trim() {
        "info status" => format!("VM status: {}\r\n", guest.qmp_status()),
        "info version" => "10.0.2pve-qemu-kvm_10.0.2-4\r\n".to_owned(),
        "help" | "info" => String::new(),
        _ if word == "info" => String::new(),
        _ => format!("unknown command: '{word}'\r\n"),
    })))
}

fn send_key(cluster: &mut Cluster, call: &Call) -> Outcome {
    let known = |key: &str| {
        KEYS.contains(&key)
            || (key.len() == 1 && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
            || key.strip_prefix('f').and_then(|n| n.parse::<u8>().ok()).is_some_and(|n| (1..=12).contains(&n))
            || key.starts_with("kp_")
    };
    let on = target(call);
    let found =
        cluster.guests.on(on.kind, call.node(), on.vmid).ok_or_else(|| Fault::die(not_found(call.node(), on.vmid)))?;
    if !found.is_running() {
        return Err(Fault::die(format!("VM {} not running", on.vmid)));
    }
    if !call.required("key").split('-').all(known) {
        return Err(Fault::bodyless(400, "Bad Request"));
    }
    Ok(Reply::null())
}

fn screen(cluster: &mut Cluster, call: &Call) -> Outcome {
    guest(cluster, call)?;
    let user = call.caller.id();
    let upid = task(cluster, call, "vncproxy", |_, _| Ok(Plan::nothing()))?;
    let ticket = format!("PVEVNC:{:X}::{}", cluster.now(), uuid::Uuid::new_v4().simple());
    Ok(Reply::data(json!({ "port": "5900", "ticket": ticket, "cert": "", "user": user, "upid": upid.data })))
}
