//! The containers of a node, and what is below each.

use serde_json::{Value, json};

use crate::api::guests::guest;
use crate::api::qemu::guest_chart;
use crate::api::{Call, Fault, Outcome, Reply, Simulated, index_reply};
use crate::guests::nic::LxcNic;
use crate::guests::{GuestKind, options, snapshot};
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/lxc", list),
    ("GET", "/nodes/{node}/lxc/{vmid}", index),
    ("GET", "/nodes/{node}/lxc/{vmid}/status", status_index),
    ("GET", "/nodes/{node}/lxc/{vmid}/status/current", current),
    ("GET", "/nodes/{node}/lxc/{vmid}/rrddata", chart_data),
    ("GET", "/nodes/{node}/lxc/{vmid}/feature", feature),
    ("GET", "/nodes/{node}/lxc/{vmid}/interfaces", interfaces),
];

fn index(_: &mut Cluster, _: &Call) -> Outcome {
    let names = [
        "config",
        "pending",
        "status",
        "vncproxy",
        "termproxy",
        "vncwebsocket",
        "spiceproxy",
        "migrate",
        "clone",
        "rrd",
        "rrddata",
        "firewall",
        "snapshot",
        "resize",
        "interfaces",
    ];
    Ok(index_reply("subdir", &names))
}

fn status_index(_: &mut Cluster, _: &Call) -> Outcome {
    Ok(index_reply("subdir", &["current", "start", "stop", "shutdown", "reboot", "migrate"]))
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome {
    let node = call.node().to_owned();
    let cpus = cluster.nodes.get(&node).map_or(1, |node| node.cpus);
    let now = cluster.clock.now_ms();
    let rows: Vec<Value> = cluster
        .guests
        .of_node(GuestKind::Lxc, &node)
        .filter(|guest| cluster.has(&call.caller, &format!("/vms/{}", guest.vmid), "VM.Audit"))
        .map(|guest| Value::Object(guest.status_json(now, cpus, true, false)))
        .collect();
    Ok(Reply::data(rows))
}

fn current(cluster: &mut Cluster, call: &Call) -> Outcome {
    let guest = guest(cluster, call)?;
    let cpus = cluster.nodes.get(call.node()).map_or(1, |node| node.cpus);
    let mut out = guest.status_json(cluster.clock.now_ms(), cpus, false, true);
    out.insert("ha".into(), cluster.ha_managed(guest));
    Ok(Reply::data(Value::Object(out)))
}

fn chart_data(cluster: &mut Cluster, call: &Call) -> Outcome {
    Ok(Reply::data(guest_chart(cluster, call)))
}

fn feature(cluster: &mut Cluster, call: &Call) -> Outcome {
    let guest = guest(cluster, call)?;
    if let Some(name) = call.text("snapname")
        && !guest.config.snapshots.contains_key(name)
    {
        return Err(Fault::die(format!("snapshot '{name}' does not exist")));
    }
    let has = match call.required("feature") {
        "snapshot" => snapshot::can_snapshot(cluster, guest),
        "clone" => snapshot::can_clone(cluster, guest),
        _ => true,
    };
    Ok(Reply::data(json!({ "hasFeature": u8::from(has) })))
}

fn interfaces(cluster: &mut Cluster, call: &Call) -> Outcome {
    let guest = guest(cluster, call)?;
    if !guest.is_running() {
        return Ok(Reply::null());
    }
    let address = |address: &str, prefix: &str, family: &str| json!({ "ip-address": address, "prefix": prefix, "ip-address-type": family });
    let mut rows = vec![json!({
        "name": "lo",
        "hwaddr": "00:00:00:00:00:00",
        "hardware-address": "00:00:00:00:00:00",
        "ip-addresses": [],
    })];
    for (key, value) in &guest.config.current {
        if options::numbered(key).is_none_or(|(family, _)| family != "net") {
            continue;
        }
        let nic = LxcNic::parse(value);
        let mac = nic.get("hwaddr").unwrap_or_default().to_lowercase();
        let mut row = json!({
            "name": nic.get("name").unwrap_or_default(),
            "hwaddr": mac,
            "hardware-address": mac,
            "ip-addresses": [],
        });
        if let (Some((ip, prefix)), Some(row)) = (nic.get("ip").and_then(|ip| ip.split_once('/')), row.as_object_mut())
        {
            row.insert("inet".into(), json!(format!("{ip}/{prefix}")));
            row.insert("ip-addresses".into(), json!([address(ip, prefix, "inet")]));
        }
        rows.push(row);
    }
    Ok(Reply::data(rows))
}
