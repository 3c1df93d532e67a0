//! A node's version, time, load, and its power switch.

use serde_json::json;

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/version", version),
    ("GET", "/nodes/{node}/time", time),
    ("PUT", "/nodes/{node}/time", set_time),
    ("GET", "/nodes/{node}/status", status),
    ("POST", "/nodes/{node}/status", power),
    ("POST", "/nodes/{node}/wakeonlan", wake),
];

fn version(cluster: &mut Cluster, _: &Call) -> Outcome {
    let version = &cluster.version;
    Ok(Reply::data(json!({ "release": version.release, "version": version.version, "repoid": version.repoid })))
}

fn time(cluster: &mut Cluster, call: &Call) -> Outcome {
    let zone = cluster.fact(call.node(), "timezone").and_then(|zone| zone.as_str().map(str::to_owned));
    let now = cluster.now();
    Ok(Reply::data(json!({ "time": now, "localtime": now, "timezone": zone.unwrap_or_else(|| "Etc/UTC".into()) })))
}

fn set_time(cluster: &mut Cluster, call: &Call) -> Outcome {
    let zone = call.required("timezone").to_owned();
    const REGIONS: &[&str] = &[
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Etc",
        "Europe",
        "Indian",
        "Pacific",
    ];
    let known = zone == "UTC" || zone.split_once('/').is_some_and(|(region, _)| REGIONS.contains(&region));
    if !known {
        return Err(Fault::param("timezone", "No such timezone"));
    }
    cluster.set_fact(call.node(), "timezone", json!(zone));
    Ok(Reply::null())
}

fn status(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.node();
    let Some(node) = cluster.nodes.get(name) else { return Err(Fault::die(format!("no such node '{name}'"))) };
    let used = cluster.node_memory_used(name);
    let disk = cluster.storages.usage("local", name);
    let version = &cluster.version;
    Ok(Reply::data(json!({
        "uptime": cluster.now() - node.booted,
        "cpu": 0.02,
        "wait": 0,
        "idle": 0,
        "loadavg": ["0.10", "0.12", "0.09"],
        "pveversion": format!("pve-manager/{}/{}", version.version, version.repoid),
        "kversion": "Linux 6.17.4-1-pve #1 SMP PREEMPT_DYNAMIC PMX 6.17.4-1",
        "current-kernel": {
            "sysname": "Linux",
            "release": "6.17.4-1-pve",
            "version": "#1 SMP PREEMPT_DYNAMIC PMX 6.17.4-1",
            "machine": "x86_64",
        },
        "boot-info": { "mode": "legacy-bios" },
        "memory": {
            "total": node.memory,
            "used": used,
            "free": node.memory - used,
            "available": node.memory - used,
        },
        "swap": { "total": 0, "used": 0, "free": 0 },
        "ksm": { "shared": 0 },
        "rootfs": {
            "total": disk.total,
            "used": disk.used,
            "free": disk.total.saturating_sub(disk.used),
            "avail": disk.available,
        },
        "cpuinfo": {
            "model": "Simulated Processor",
            "vendor": "GenuineIntel",
            "family": "6",
            "mhz": "2600.000",
            "cores": node.cpus,
            "cpus": node.cpus,
            "sockets": 1,
            "hvm": "",
            "user_hz": 100,
            "flags": "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ss ht syscall nx lm",
        },
    })))
}

fn power(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.node().to_owned();
    let now = cluster.clock.now_ms();
    let guests: Vec<u32> = cluster.guests.iter().filter(|guest| guest.node == name).map(|guest| guest.vmid).collect();
    for vmid in guests {
        cluster.touch_guest(vmid, now);
        if let Some(guest) = cluster.guests.get_mut(vmid) {
            guest.runtime = None;
        }
    }
    let reboot = call.required("command") == "reboot";
    cluster.set_node_online(&name, reboot);
    if let Some(node) = cluster.nodes.get_mut(&name) {
        node.booted = now.div_euclid(1000);
    }
    Ok(Reply::null())
}

fn wake(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.node();
    if name == call.entry {
        return Err(Fault::die(format!("'{name}' is local node, cannot wake my self!")));
    }
    if cluster.nodes.get(name).is_none() {
        return Err(Fault::die(format!("no such cluster node '{name}'")));
    }
    Err(Fault::die(format!("No wake on LAN MAC address defined for '{name}'!")))
}
