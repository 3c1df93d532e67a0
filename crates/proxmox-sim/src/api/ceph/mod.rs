//! `/cluster/ceph` and `/nodes/{node}/ceph`: reads, flags and pools. A cluster without Ceph refuses all of it, as nodes do on which it is
//! not installed.

mod pools;
mod settings;

use serde_json::{Map, Value, json};

use super::{Call, Fault, Outcome, Reply, Simulated, index_reply};
use crate::state::Cluster;
use crate::state::ceph::{Ceph, CephJob, OSD_SIZE};
use crate::tasks::{NewTask, Plan};

/// The calls that are answered here.
const CALLS: &[Simulated] = &[
    ("GET", "/cluster/ceph/status", status),
    ("GET", "/cluster/ceph/metadata", metadata),
    ("GET", "/cluster/ceph/flags", flags),
    ("PUT", "/cluster/ceph/flags", set_flags),
    ("GET", "/cluster/ceph/flags/{flag}", flag),
    ("PUT", "/cluster/ceph/flags/{flag}", set_flag),
    ("GET", "/nodes/{node}/ceph/status", status),
    ("GET", "/nodes/{node}/ceph/osd", osds),
    ("GET", "/nodes/{node}/ceph/osd/{osdid}/metadata", osd),
    ("GET", "/nodes/{node}/ceph/mon", monitors),
    ("GET", "/nodes/{node}/ceph/mgr", managers),
    ("GET", "/nodes/{node}/ceph/mds", metadata_servers),
    ("GET", "/nodes/{node}/ceph/fs", file_systems),
    ("GET", "/nodes/{node}/ceph/rules", rules),
];

/// Gives the calls of this subject their handlers.
pub(super) fn simulate(table: &mut super::Table) {
    for calls in [CALLS, pools::CALLS, settings::CALLS] {
        table.simulate(calls.iter().copied());
    }
}

/// All flags and what they do.
const FLAGS: &[(&str, &str)] = &[
    ("nobackfill", "Backfilling of PGs is suspended."),
    ("nodeep-scrub", "Deep Scrubbing is disabled."),
    ("nodown", "OSD failure reports are being ignored, such that the monitors will not mark OSDs down."),
    ("noin", "OSDs that were previously marked out will not be marked back in when they start."),
    ("noout", "OSDs will not automatically be marked out after the configured interval."),
    ("norebalance", "Rebalancing of PGs is suspended."),
    ("norecover", "Recovery of PGs is suspended."),
    ("noscrub", "Scrubbing is disabled."),
    ("notieragent", "Cache tiering activity is suspended."),
    ("noup", "OSDs are not allowed to start."),
    ("pause", "Pauses read and writes."),
];

/// The port of a monitor.
const MONITOR: u16 = 6789;

fn ceph(cluster: &Cluster) -> Result<&Ceph, Fault> {
    cluster.ceph.as_ref().ok_or_else(|| Fault::die("binary not installed: /usr/bin/ceph-mon"))
}

/// The address of a node's daemon.
fn address(cluster: &Cluster, node: &str, port: u16) -> String {
    let ip = cluster.nodes.get(node).map_or("0.0.0.0", |node| node.ip.as_str());
    format!("{ip}:{port}/0")
}

fn up(cluster: &Cluster, node: &str) -> bool {
    cluster.nodes.get(node).is_some_and(|node| node.online)
}

fn status(cluster: &mut Cluster, _: &Call) -> Outcome {
    let ceph = ceph(cluster)?;
    let up: Vec<&String> = ceph.nodes.iter().filter(|node| up(cluster, node)).collect();
    let whole = up.len() == ceph.nodes.len() && ceph.flags.is_empty();
    let mut checks = Map::new();
    if !ceph.flags.is_empty() {
        let names: Vec<&str> = ceph.flags.iter().map(String::as_str).collect();
        let summary = json!({ "message": format!("{} flag(s) set", names.join(",")), "count": names.len() });
        checks.insert("OSDMAP_FLAGS".into(), json!({ "severity": "HEALTH_WARN", "summary": summary, "muted": false }));
    }
    let (osds, groups) = (ceph.nodes.len(), ceph.pools.iter().map(|pool| pool.placement_groups).sum::<u32>());
    let total = OSD_SIZE.saturating_mul(osds as u64);
    Ok(Reply::data(json!({
        "fsid": ceph.fsid,
        "health": { "status": if whole { "HEALTH_OK" } else { "HEALTH_WARN" }, "checks": checks, "mutes": [] },
        "quorum": (0..up.len()).collect::<Vec<_>>(),
        "quorum_names": up,
        "monmap": { "epoch": 1, "num_mons": osds },
        "mgrmap": { "available": true, "active_name": ceph.nodes.first(), "num_standbys": osds.saturating_sub(1) },
        "osdmap": { "epoch": 10, "num_osds": osds, "num_up_osds": up.len(), "num_in_osds": osds },
        "pgmap": {
            "num_pools": ceph.pools.len(),
            "num_pgs": groups,
            "pgs_by_state": [{ "state_name": "active+clean", "count": groups }],
            "bytes_total": total,
            "bytes_used": 0,
            "bytes_avail": total,
            "data_bytes": 0,
            "num_objects": 0,
        },
        "fsmap": { "epoch": 1, "by_rank": [] },
    })))
}

fn metadata(cluster: &mut Cluster, call: &Call) -> Outcome {
    let ceph = ceph(cluster)?;
    let parts: Vec<&str> = ceph.version.split('.').collect();
    let version = json!({ "str": ceph.version, "parts": parts });
    let full = format!("ceph version {} (sim) squid (stable)", ceph.version);
    let nodes: Map<String, Value> = ceph
        .nodes
        .iter()
        .map(|node| (node.clone(), json!({ "buildcommit": "sim", "version": version.clone() })))
        .collect();
    let versions_only = call.text("scope") == Some("versions");
    let daemon = |node: &String, port: u16| {
        let mut about = json!({
            "name": node,
            "hostname": node,
            "ceph_release": "squid",
            "ceph_version": full,
            "ceph_version_short": ceph.version,
            "mem_swap_kb": 0,
            "mem_total_kb": cluster.nodes.get(node).map_or(0, |node| node.memory / 1024),
        });
        if !versions_only {
            super::set_key(&mut about, if port == MONITOR { "addrs" } else { "addr" }, address(cluster, node, port));
        }
        (format!("{node}@{node}"), about)
    };
    let daemons = |port: u16| ceph.nodes.iter().map(|node| daemon(node, port)).collect::<Map<_, _>>();
    let osds: Vec<Value> = ceph
        .nodes
        .iter()
        .enumerate()
        .map(|(id, node)| {
            json!({
                "id": id,
                "hostname": node,
                "front_addr": address(cluster, node, 6802),
                "back_addr": address(cluster, node, 6803),
                "ceph_release": "squid",
                "ceph_version": full,
                "ceph_version_short": ceph.version,
                "mem_swap_kb": 0,
                "mem_total_kb": cluster.nodes.get(node).map_or(0, |node| node.memory / 1024),
                "osd_data": format!("/var/lib/ceph/osd/ceph-{id}"),
                "osd_objectstore": "bluestore",
            })
        })
        .collect();
    Ok(Reply::data(json!({
        "mds": Map::new(),
        "mgr": daemons(6800),
        "mon": daemons(MONITOR),
        "node": nodes,
        "osd": osds,
    })))
}

fn flags(cluster: &mut Cluster, _: &Call) -> Outcome {
    let ceph = ceph(cluster)?;
    let row = |(name, about): &(&str, &str)| json!({ "name": name, "description": about, "value": u8::from(ceph.flags.contains(*name)) });
    Ok(Reply::data(FLAGS.iter().map(row).collect::<Vec<Value>>()))
}

fn flag(cluster: &mut Cluster, call: &Call) -> Outcome {
    let set = ceph(cluster)?.flags.contains(call.required("flag"));
    Ok(Reply::data(u8::from(set)))
}

fn task(cluster: &mut Cluster, call: &Call, kind: &str, id: &str, job: CephJob) -> Outcome {
    let (node, user) = (call.node().to_owned(), call.caller.id());
    let new = NewTask { node: &node, kind, id, user: &user };
    Ok(Reply::data(cluster.start_task(&new, |_| Ok(Plan::new(500, job)))))
}

fn set_flags(cluster: &mut Cluster, call: &Call) -> Outcome {
    ceph(cluster)?;
    let wanted = FLAGS.iter().filter_map(|(name, _)| Some(((*name).to_owned(), call.flag(name)?))).collect();
    task(cluster, call, "cephsetflags", "", CephJob::Flags(wanted))
}

fn set_flag(cluster: &mut Cluster, call: &Call) -> Outcome {
    ceph(cluster)?;
    let flag = call.required("flag").to_owned();
    if let Some(ceph) = &mut cluster.ceph {
        if call.flag("value") == Some(true) {
            ceph.flags.insert(flag);
        } else {
            ceph.flags.remove(&flag);
        }
    }
    Ok(Reply::null())
}

fn osds(cluster: &mut Cluster, _: &Call) -> Outcome {
    let ceph = ceph(cluster)?;
    let hosts: Vec<Value> = ceph
        .nodes
        .iter()
        .enumerate()
        .map(|(id, node)| {
            let osd = json!({
                "id": id.to_string(),
                "name": format!("osd.{id}"),
                "type": "osd",
                "leaf": 1,
                "host": node,
                "status": if up(cluster, node) { "up" } else { "down" },
                "in": 1,
                "reweight": 1,
                "crush_weight": 1,
                "device_class": "ssd",
                "osdtype": "bluestore",
                "total_space": OSD_SIZE,
                "bytes_used": 0,
                "percent_used": 0,
                "ceph_version_short": ceph.version,
            });
            json!({
                "id": (-3 - 2 * i64::try_from(id).unwrap_or(0)).to_string(),
                "name": node,
                "type": "host",
                "leaf": 0,
                "version": ceph.version,
                "children": [osd],
            })
        })
        .collect();
    let root = json!({ "id": "-1", "name": "default", "type": "root", "leaf": 0, "children": hosts });
    let set: Vec<&str> = ceph.flags.iter().map(String::as_str).collect();
    Ok(Reply::data(json!({ "flags": set.join(","), "root": { "leaf": 0, "children": [root] } })))
}

fn daemons(cluster: &Cluster, port: u16, state: impl Fn(usize, bool) -> Value) -> Outcome {
    let ceph = ceph(cluster)?;
    let rows = ceph.nodes.iter().enumerate().map(|(index, node)| {
        let mut row = json!({
            "name": node,
            "host": node,
            "addr": address(cluster, node, port),
            "ceph_version": format!("ceph version {} (sim) squid (stable)", ceph.version),
            "ceph_version_short": ceph.version,
            "direxists": 1,
            "service": 1,
        });
        if let (Some(row), Value::Object(more)) = (row.as_object_mut(), state(index, up(cluster, node))) {
            row.extend(more);
        }
        row
    });
    Ok(Reply::data(rows.collect::<Vec<Value>>()))
}

fn monitors(cluster: &mut Cluster, _: &Call) -> Outcome {
    daemons(
        cluster,
        MONITOR,
        |rank, up| json!({ "rank": rank, "quorum": u8::from(up), "state": if up { "running" } else { "stopped" } }),
    )
}

fn managers(cluster: &mut Cluster, _: &Call) -> Outcome {
    daemons(
        cluster,
        6800,
        |index, up| json!({ "state": match (index, up) { (_, false) => "stopped", (0, true) => "active", _ => "standby" } }),
    )
}

fn metadata_servers(cluster: &mut Cluster, _: &Call) -> Outcome {
    daemons(cluster, 6810, |_, up| json!({ "state": if up { "up:standby" } else { "stopped" } }))
}

/// None of the pools holds a file system.
fn file_systems(cluster: &mut Cluster, _: &Call) -> Outcome {
    ceph(cluster)?;
    Ok(Reply::data(json!([])))
}

fn rules(cluster: &mut Cluster, _: &Call) -> Outcome {
    ceph(cluster)?;
    Ok(index_reply("name", &["replicated_rule"]))
}

fn osd(cluster: &mut Cluster, call: &Call) -> Outcome {
    let ceph = ceph(cluster)?;
    let number = call.int("osdid").and_then(|id| usize::try_from(id).ok());
    let Some((id, node)) = number.and_then(|id| Some((id, ceph.nodes.get(id)?))) else {
        return Err(Fault::die(format!("OSD '{}' does not exists on host '{}'", call.required("osdid"), call.node())));
    };
    let at = |port| address(cluster, node, port);
    Ok(Reply::data(json!({
        "osd": {
            "id": id,
            "hostname": node,
            "version": format!("ceph version {} (sim) squid (stable)", ceph.version),
            "osd_data": format!("/var/lib/ceph/osd/ceph-{id}"),
            "osd_objectstore": "bluestore",
            "mem_usage": 1_073_741_824_u64,
            "encrypted": 0,
            "front_addr": at(6802),
            "back_addr": at(6803),
            "hb_front_addr": at(6804),
            "hb_back_addr": at(6805),
        },
        "devices": [{
            "device": "block",
            "dev_node": "dm-0",
            "physical_device": "sdb",
            "size": OSD_SIZE,
            "support_discard": 1,
            "type": "ssd",
        }],
    })))
}
